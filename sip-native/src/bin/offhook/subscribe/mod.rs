//! `offhook subscribe`: what is told of an event package.

mod told;

use offhook::core::endpoint::{SubscriptionEvent, SubscriptionState};
use offhook::{Notice, SubscribeOptions};
use serde_json::json;
use tokio::time::{Instant, sleep_until};

use crate::failure::Failure;
use crate::options::{Common, Header, Seconds};
use crate::print::Out;
use crate::session::{block_on, complete};
use told::lines;

/// Subscribe to an event package and print what is told (RFC 6665)
///
/// The packages message-summary, presence, dialog, reg and conference are printed as what they say, others as they come.
/// It goes on until Ctrl-C, or until the other side ends it for good; then it unsubscribes.
#[derive(clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// Whose state: a URI, or a user of our own domain
    target: String,
    /// The event package, e.g. presence, dialog, message-summary, reg, conference
    #[arg(long, short, value_name = "PACKAGE")]
    event: String,
    /// Ask for the state once (RFC 6665 4.4.3)
    #[arg(long, conflicts_with_all = ["count", "duration"])]
    once: bool,
    /// End after so many notifications
    #[arg(long, short, value_name = "COUNT")]
    count: Option<u64>,
    /// End after so long
    #[arg(long, short, value_name = "TIME")]
    duration: Option<Seconds>,
    /// How long a subscription is asked for at a time, in seconds; it is refreshed
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    lifetime: u32,
    /// The media types that are taken [default: that of the package]
    #[arg(long, value_name = "MEDIA-TYPES")]
    accept: Option<String>,
    /// A header field of the SUBSCRIBE; may be repeated
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE")]
    headers: Vec<Header>,
    /// Print bodies as they came
    #[arg(long)]
    raw: bool,
    #[command(flatten)]
    common: Common,
}

const EXAMPLES: &str = "\
Examples:
    $ offhook subscribe --profile work alice --event message-summary --once
    $ offhook subscribe --profile work bob --event presence
    $ offhook subscribe --profile work 8000 --event dialog --json | jq .state";

pub(crate) fn run(args: Args) -> Result<(), Failure> {
    block_on(serve(args))
}

async fn serve(args: Args) -> Result<(), Failure> {
    let common = args.common.completed()?;
    let target = complete(&args.target);
    let out = common.out();
    let mut session = common.session(&target).await?;
    let mut options = SubscribeOptions::new(&args.event).expires(if args.once { 0 } else { args.lifetime });
    options.accept.clone_from(&args.accept);
    options.headers = args.headers.iter().map(|header| (header.name.clone(), header.value.clone())).collect();
    let subscription = session.agent.subscribe(&target, options).await?;
    let mut events = subscription.events();
    let deadline = args.duration.map(|Seconds(long)| Instant::now() + long);
    let mut notices = 0;
    let ended = loop {
        let event = tokio::select! {
            event = events.next() => event,
            () = session.interrupts.next() => break None,
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => break None,
        };
        match event {
            Some(SubscriptionEvent::State { state, expires, cause }) => {
                let words = cause.as_deref().map_or(String::new(), |cause| format!(": {cause}"));
                let long = expires.map_or(String::new(), |expires| format!(" for {expires} s"));
                out.say(
                    format_args!("{}{long}{words}", state.name()),
                    || json!({ "type": "state", "state": state.name(), "expires": expires, "cause": cause }),
                );
            }
            Some(SubscriptionEvent::Notice(notice)) => {
                notices += 1;
                tell(out, &notice, args.raw);
                if args.count.is_some_and(|count| notices >= count) {
                    break None;
                }
            }
            Some(SubscriptionEvent::Ended(end)) => break Some(end),
            Some(_) => {}
            None => break None,
        }
    };
    session.close().await;
    let Some(end) = ended else { return Ok(()) };
    out.say(
        format_args!("ended: {}", end.reason),
        || json!({ "type": "ended", "by": end.by.name(), "reason": end.reason, "retryAfter": end.retry_after }),
    );
    match end.error {
        // A state that was asked for once is all there is.
        Some(error) if !(args.once && notices > 0) => Err(Failure::from(error).of(target)),
        _ => Ok(()),
    }
}

fn tell(out: Out, notice: &Notice, raw: bool) {
    let body = String::from_utf8_lossy(&notice.body);
    if out.is_json() {
        return out.say("", || {
            json!({
                "type": "notice", "package": notice.package, "state": notice.state.name(),
                "contentType": notice.content_type, "body": body, "told": lines(notice),
            })
        });
    }
    let over = if notice.state == SubscriptionState::Terminated { ", the last" } else { "" };
    out.words(format_args!("{} ({}{over})", notice.package, notice.state.name()));
    if raw {
        return out.words(body.trim_end());
    }
    for line in lines(notice) {
        out.words(format_args!("  {line}"));
    }
}
