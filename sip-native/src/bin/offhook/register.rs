//! `offhook register`: registers, and lists or takes away what is bound to an address.

use std::time::{Duration, Instant};

use offhook::core::endpoint::ContactBinding;
use serde_json::json;

use crate::failure::Failure;
use crate::options::{CONFIGURATION, Common, Seconds};
use crate::print::{Out, time};
use crate::session::{Session, block_on};

/// Register an address of record, list its bindings, or take them away
///
/// Registers, tells for how long and what is bound to the address, and takes the registration back again: a test of the
/// account. With --stay it is kept and refreshed until Ctrl-C, with --leave it is left to the registrar.
#[derive(clap::Args)]
#[command(after_long_help = format!("{EXAMPLES}\n\n{CONFIGURATION}"))]
pub(crate) struct Args {
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    common: Common,
}

#[derive(clap::Args)]
struct What {
    /// List what is bound to the address, and register nothing
    #[arg(long, group = "what")]
    bindings: bool,
    /// Take away everything that is bound to the address, whosever it is
    #[arg(long, group = "what")]
    remove: bool,
    /// Stay registered for so long, or until Ctrl-C
    #[arg(long, value_name = "TIME", num_args = 0..=1, group = "what")]
    stay: Option<Option<Seconds>>,
    /// Leave the registration to its end, though nobody will answer there
    #[arg(long, group = "what")]
    leave: bool,
}

const EXAMPLES: &str = "\
Examples:
  Does this account work?
    $ OFFHOOK_PASSWORD=… offhook register --aor sip:alice@example.com --server 'sip:sip.example.com;transport=tls'
  Who else is registered there?
    $ offhook register --profile work --bindings
  Be reachable until Ctrl-C:
    $ offhook register --profile work --stay";

pub(crate) fn run(args: Args) -> Result<(), Failure> {
    block_on(serve(args))
}

async fn serve(Args { what, common }: Args) -> Result<(), Failure> {
    let common = common.completed()?;
    let aor = common.shared.account.required_aor()?.to_owned();
    let out = common.out();
    let mut session = common.session(&aor).await?;
    session.refuse_calls();
    let done = work(&what, out, &aor, &mut session).await;
    // Without goodbye the process ends, and with it the sockets.
    if !(what.leave && done.is_ok()) {
        session.close().await;
    }
    done
}

async fn work(what: &What, out: Out, aor: &str, session: &mut Session) -> Result<(), Failure> {
    let agent = session.agent.clone();
    let started = Instant::now();
    if what.remove {
        session.until(agent.clear_bindings()).await?.map_err(|error| Failure::from(error).of(aor))?;
        out.say(format_args!("nothing is bound to {aor} any more"), || json!({ "aor": aor, "bindings": [] }));
    } else if what.bindings {
        let bindings = session.until(agent.bindings()).await?.map_err(|error| Failure::from(error).of(aor))?;
        tell(out, aor, None, started, &bindings);
    } else {
        let expires = session.until(agent.register()).await?.map_err(|error| Failure::from(error).of(aor))?;
        let took = Instant::now();
        // Not every registrar lists everything; that we are registered is known all the same.
        let bindings = session.until(agent.bindings()).await?.unwrap_or_default();
        tell(out, aor, Some((expires, took - started)), started, &bindings);
        match what.stay {
            Some(Some(Seconds(long))) => drop(session.until(tokio::time::sleep(long)).await),
            Some(None) => session.interrupts.next().await,
            None => {}
        }
    }
    Ok(())
}

fn tell(out: Out, aor: &str, registered: Option<(Duration, Duration)>, started: Instant, bindings: &[ContactBinding]) {
    if out.is_json() {
        let listed: Vec<_> = bindings
            .iter()
            .map(|binding| {
                json!({
                    "uri": binding.uri, "expires": binding.expires, "q": binding.priority.map(|q| f64::from(q) / 1000.0),
                    "instance": binding.instance, "regId": binding.reg_id, "ours": binding.ours,
                })
            })
            .collect();
        let expires = registered.map(|(expires, _)| expires.as_secs());
        let took = registered.map_or(started.elapsed(), |(_, took)| took);
        let took = crate::print::millis(took);
        return out.say("", || json!({ "aor": aor, "expires": expires, "took": took, "bindings": listed }));
    }
    if let Some((expires, took)) = registered {
        out.words(format_args!("registered {aor} for {} s, after {}", expires.as_secs(), time(took)));
    }
    if bindings.is_empty() && registered.is_none() {
        out.words(format_args!("nothing is bound to {aor}"));
    }
    for binding in bindings {
        let mut words = format!("  {}", binding.uri);
        if let Some(expires) = binding.expires {
            words += &format!("  {expires} s");
        }
        if let Some(q) = binding.priority {
            words += &format!("  q={}", f64::from(q) / 1000.0);
        }
        if binding.ours {
            words += "  (this one)";
        }
        out.words(words);
    }
}
