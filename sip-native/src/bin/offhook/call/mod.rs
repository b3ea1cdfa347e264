//! `offhook call`: one call, from its first ring to its end.

mod description;
mod dial;

use std::time::Duration;

use offhook::{CallOptions, CallState, End};
use serde_json::json;

use crate::failure::{Code, Failure};
use crate::options::{Header, Seconds, Shared};
use crate::print::{Out, clock};
use crate::session::{Session, block_on, complete};
pub(crate) use description::Description;
pub(crate) use dial::{Dialled, dial};

/// Call somebody, and tell how it goes
///
/// Tells every step with its time; ends on Ctrl-C, after --duration, or when the other side hangs up. The exit code says
/// whether the call was answered.
#[derive(clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// Whom: a URI, or a user of our own domain
    target: String,
    /// Hang up so long after the answer [default: when the other side does, or on Ctrl-C]
    #[arg(long, short, value_name = "TIME")]
    duration: Option<Seconds>,
    /// Give up when nobody has answered after so long
    #[arg(long, value_name = "TIME")]
    ring_time: Option<Seconds>,
    /// Send these digits after the answer, by INFO; a comma waits for half a second
    #[arg(long, value_name = "DIGITS", value_parser = digits)]
    dtmf: Option<String>,
    /// The offer, from this file; - reads standard input [default: G.711 audio on a port of this machine]
    #[arg(long, value_name = "FILE")]
    sdp: Option<String>,
    /// Send no offer: the other side makes it
    #[arg(long, conflicts_with = "sdp")]
    no_offer: bool,
    /// How many redirections (3xx) are followed
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    follow: u8,
    /// Hide who calls (RFC 3323)
    #[arg(long)]
    anonymous: bool,
    /// A header field of the INVITE; may be repeated
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE")]
    headers: Vec<Header>,
    /// Print the other side's description
    #[arg(long)]
    show_sdp: bool,
    /// Print JSON, one line an event
    #[arg(long)]
    json: bool,
    /// Print every SIP message on standard error, secrets masked
    #[arg(long, short)]
    verbose: bool,
    #[command(flatten)]
    shared: Shared,
}

const EXAMPLES: &str = "\
Examples:
    $ offhook call --profile work bob
    $ offhook call sip:echo@192.0.2.7:5060 --duration 5s
    $ offhook call --profile work 8000 --dtmf 1,42# --duration 10s
    $ offhook call --profile work bob --sdp offer.sdp --show-sdp --header 'X-Test: 7'
  Does the trunk answer? 0 it does, 3 it refuses, 5 it is silent:
    $ offhook call --profile trunk +12015550123 --ring-time 10s --duration 1s; echo $?";

/// The digits of telephones, and the pause between them.
fn digits(text: &str) -> Result<String, String> {
    let known = |digit: char| digit.is_ascii_digit() || matches!(digit, '*' | '#' | 'A'..='D' | 'a'..='d' | ',');
    match text.chars().find(|digit| !known(*digit)) {
        Some(other) => Err(format!("'{other}' is no digit: there are 0-9, *, #, A-D, and the comma for a pause")),
        None => Ok(text.to_ascii_uppercase()),
    }
}

pub(crate) fn run(args: Args) -> Result<(), Failure> {
    block_on(serve(args))
}

async fn serve(args: Args) -> Result<(), Failure> {
    let shared = args.shared.completed()?;
    let target = complete(&args.target);
    let out = Out::new(args.json);
    let given = args.sdp.as_deref().map(Description::read).transpose()?;
    let mut session = Session::open(&shared, Some(&target), args.verbose, |builder| builder.automatic_media()).await?;
    session.refuse_calls();
    let own = match given {
        Some(given) => Some(given),
        None => Some(Description::of_this_machine(&session.agent, &shared, &target).await?),
    };
    let mut options = CallOptions::default();
    options.sdp = own.as_ref().filter(|_| !args.no_offer).map(Description::bytes);
    options.headers = args.headers.iter().map(|header| (header.name.clone(), header.value.clone())).collect();
    options.follow_redirects = Some(args.follow);
    options.anonymous = args.anonymous;
    options.answer_timeout = args.ring_time.map(|Seconds(long)| long);
    let how = Dialled { own, show_sdp: args.show_sdp };
    let call = dial(out, &mut session, &target, options, &how).await;
    let call = match call {
        Ok(call) => call,
        Err(failure) => {
            session.close().await;
            return Err(failure);
        }
    };
    let answered = std::time::Instant::now();
    if let Some(digits) = &args.dtmf {
        let sent = session.until(send_digits(&call, digits)).await;
        match sent {
            Ok(Ok(())) => out.say(format_args!("digits {digits} sent"), || json!({ "type": "dtmf", "digits": digits })),
            Ok(Err(error)) => eprintln!("offhook call: the digits were not taken: {}", error.words()),
            // It is hung up below.
            Err(_) => {}
        }
    }
    let wait = async {
        match args.duration {
            Some(Seconds(long)) => tokio::time::sleep(long.saturating_sub(answered.elapsed())).await,
            None => std::future::pending().await,
        }
    };
    let mut end: Option<End> = None;
    tokio::select! {
        ended = call.ended() => end = ended,
        () = wait => {}
        () = session.interrupts.next() => {}
    }
    let long = answered.elapsed();
    if call.state() != CallState::Ended {
        call.hang_up().await?;
        end = call.ended().await;
    }
    session.close().await;
    tell_end(out, end.as_ref(), long);
    match end.and_then(|end| end.error) {
        // It was answered, but then lost.
        Some(error) => Err(Failure::from(error).of(target)),
        None => Ok(()),
    }
}

pub(crate) fn tell_end(out: Out, end: Option<&End>, long: Duration) {
    let Some(end) = end else { return };
    let by = match end.by.name() {
        "local" => "hung up by this side",
        "remote" => "hung up by the other side",
        _ => "lost",
    };
    let why = end
        .reason
        .as_ref()
        .and_then(|reason| reason.text.as_deref())
        .map_or(String::new(), |text| format!(" ({text})"));
    out.say(format_args!("{by} after {}{why}", clock(long)), || {
        json!({
            "type": "ended", "by": end.by.name(), "status": end.status.map(|status| status.code()),
            "phrase": end.phrase, "seconds": (long.as_secs_f64() * 1000.0).round() / 1000.0,
        })
    });
}

async fn send_digits(call: &offhook::Call, digits: &str) -> Result<(), Failure> {
    for part in digits.split_inclusive(',') {
        let tones = part.trim_end_matches(',');
        if !tones.is_empty() {
            call.send_dtmf(tones).await?;
        }
        if part.ends_with(',') {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
    Ok(())
}

/// What a call that failed before its answer is called.
pub(crate) fn not_answered(target: &str, error: offhook::Error) -> Failure {
    match error {
        offhook::Error::Cancelled => Failure::new(Code::Interrupted, "given up before the answer").of(target),
        error => Failure::from(error).of(target),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_a_telephone() {
        assert_eq!(digits("1,4a#"), Ok("1,4A#".into()));
        assert!(digits("12e").is_err());
    }
}
