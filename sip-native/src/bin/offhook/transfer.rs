//! `offhook transfer`: calls one, perhaps another, and brings them together.

use std::time::Instant;

use offhook::core::endpoint::{TransferEvent, TransferOptions};
use offhook::{Builder, Call, CallOptions, CallState};
use serde_json::json;

use crate::call::{Description, Dialled, dial};
use crate::failure::Failure;
use crate::options::{Common, Seconds};
use crate::print::time;
use crate::session::{Session, block_on, complete};

/// Call somebody and transfer them to somebody else
///
/// A blind transfer (RFC 5589 6) sends the first to the second. With --attended the second is called as well, and the two
/// are brought together (RFC 5589 7.3). Done when the new call is answered; if that fails, the calls are ended.
#[derive(clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// Who is transferred: a URI, or a user of our own domain
    who: String,
    /// To whom
    #[arg(long, value_name = "TARGET")]
    to: String,
    /// Call the target first, and bring the two calls together
    #[arg(long)]
    attended: bool,
    /// Name the target by its Contact, not by its address of record (RFC 5589 7.5)
    #[arg(long, requires = "attended")]
    to_contact: bool,
    /// Wait so long between the answer and the transfer
    #[arg(long, value_name = "TIME", default_value = "0")]
    after: Seconds,
    /// Put the first on hold before the second is called
    #[arg(long, requires = "attended")]
    hold: bool,
    #[command(flatten)]
    common: Common,
}

const EXAMPLES: &str = "\
Examples:
    $ offhook transfer --profile work bob --to carol
    $ offhook transfer --profile work bob --to carol --attended --hold --after 2s";

pub(crate) fn run(args: Args) -> Result<(), Failure> {
    block_on(serve(args))
}

async fn serve(args: Args) -> Result<(), Failure> {
    let common = args.common.completed()?;
    let (who, to) = (complete(&args.who), complete(&args.to));
    let mut session = common.session_with(&who, Builder::automatic_media).await?;
    session.refuse_calls();
    let legs = Legs { common, who, to };
    let done = transfer(&legs, &mut session, args.attended, args.hold, args.to_contact, args.after).await;
    // Whatever is left of the calls is ended here.
    session.close().await;
    done
}

/// Between whom.
struct Legs {
    common: Common,
    who: String,
    to: String,
}

async fn transfer(
    legs: &Legs,
    session: &mut Session,
    attended: bool,
    hold: bool,
    to_contact: bool,
    after: Seconds,
) -> Result<(), Failure> {
    let Legs { common, who, to } = legs;
    let out = common.out();
    let first = call(legs, session, who).await?;
    if hold {
        session.until(first.hold()).await?.map_err(|error| Failure::from(error).of("hold"))?;
        out.say(format_args!("{who} is on hold"), || json!({ "type": "hold", "target": who }));
    }
    let second = if attended { Some(call(legs, session, to).await?) } else { None };
    session.until(tokio::time::sleep(after.0)).await?;
    let mut options = TransferOptions::default();
    options.to_contact = to_contact;
    let started = Instant::now();
    let transfer = match &second {
        Some(second) => first.transfer_to(second, options).await?,
        None => first.transfer(to, options).await?,
    };
    let mut events = transfer.events();
    while let Some(event) = session.until(events.next()).await? {
        let took = time(started.elapsed());
        match event {
            TransferEvent::Accepted => {
                out.say(format_args!("{who} takes the transfer, after {took}"), || json!({ "type": "accepted" }));
            }
            TransferEvent::Progress { status, phrase } => {
                let status = status.code();
                out.say(
                    format_args!("{who} tells: {status} {phrase}, after {took}"),
                    || json!({ "type": "progress", "status": status, "phrase": phrase }),
                );
            }
            TransferEvent::Ended(_) => {}
            _ => {}
        }
    }
    let outcome = transfer.done().await.map_err(|error| Failure::from(error).of(format_args!("transfer to {to}")))?;
    let status = outcome.status.map(|status| status.code());
    out.say(format_args!("{who} and {to} are connected"), || json!({ "type": "transferred", "status": status }));
    for left in [Some(&first), second.as_ref()].into_iter().flatten() {
        if left.state() != CallState::Ended {
            // The other side may have been faster.
            let _ = left.hangup().await;
        }
    }
    Ok(())
}

async fn call(legs: &Legs, session: &mut Session, target: &str) -> Result<Call, Failure> {
    let own = Description::of_this_machine(&session.agent, &legs.common.shared, target).await?;
    let options = CallOptions::with_sdp(own.bytes());
    dial(legs.common.out(), session, target, options, &Dialled { own: Some(own), show_sdp: false }).await
}
