//! `offhook message`: an instant message.

use std::io::{self, Read};
use std::time::Instant;

use serde_json::json;

use crate::failure::Failure;
use crate::options::Common;
use crate::print::{millis, time};
use crate::session::{block_on, complete};

/// Send an instant message (RFC 3428)
///
/// Done when the other side, or the server for it, has taken the message.
#[derive(clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// Whom to: a URI, or a user of our own domain
    target: String,
    /// The text; without it, what comes on standard input
    text: Option<String>,
    /// The type of the text
    #[arg(long = "type", value_name = "MEDIA-TYPE", default_value = "text/plain")]
    content_type: String,
    #[command(flatten)]
    common: Common,
}

const EXAMPLES: &str = "\
Examples:
    $ offhook message --profile work bob 'lunch?'
    $ offhook message sip:bob@192.0.2.7:5060 'no server needed'
    $ jq . state.json | offhook message --profile work bot --type application/json";

/// The longest text taken, in bytes.
const LONGEST: u64 = 1 << 20;

pub(crate) fn run(args: Args) -> Result<(), Failure> {
    block_on(serve(args))
}

async fn serve(args: Args) -> Result<(), Failure> {
    let common = args.common.completed()?;
    let target = complete(&args.target);
    let text = match args.text {
        Some(text) => text.into_bytes(),
        None => {
            let mut text = Vec::new();
            let read = io::stdin().lock().take(LONGEST).read_to_end(&mut text);
            read.map_err(|error| Failure::io("standard input cannot be read", &error))?;
            text
        }
    };
    let mut session = common.session(&target).await?;
    let agent = session.agent.clone();
    let started = Instant::now();
    let sent = session.until(agent.message(&target, &args.content_type, text)).await?;
    let took = started.elapsed();
    session.close().await;
    let answer = sent.map_err(|error| Failure::from(error).of(&target))?;
    let status = answer.status.code();
    common.out().say(
        format_args!("{status} {} after {}", answer.phrase, time(took)),
        || json!({ "target": target, "status": status, "phrase": answer.phrase, "took": millis(took) }),
    );
    Ok(())
}
