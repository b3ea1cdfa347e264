//! `offhook call`: one call, from its first ring to its end.

mod audio;
mod description;
mod dial;

use std::time::Duration;

use offhook::media::Talk;
use offhook::{Builder, Call, CallOptions, CallState, End};
use serde_json::json;

use crate::failure::{Code, Failure};
use crate::options::{Common, Header, Seconds};
use crate::print::{Out, clock};
use crate::session::{block_on, complete};
use audio::Sound;
pub(crate) use description::Description;
use dial::dial_with_audio;
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
    /// Hang up so long after the answer [default: when --play is over, the other side hangs up, or on Ctrl-C]
    #[arg(long, short, value_name = "TIME")]
    duration: Option<Seconds>,
    /// Give up when nobody has answered after so long
    #[arg(long, value_name = "TIME")]
    ring_time: Option<Seconds>,
    /// Send these digits after the answer: as telephone events (RFC 4733) where the other side knows them, else by INFO; a
    /// comma waits for half a second
    #[arg(long, value_name = "DIGITS", value_parser = digits)]
    dtmf: Option<String>,
    /// The offer, from this file, without audio of our own; - reads standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["play", "record", "echo", "webrtc"])]
    sdp: Option<String>,
    /// Send no offer: the other side makes it; without audio of our own
    #[arg(long, conflicts_with_all = ["sdp", "play", "record", "echo", "webrtc"])]
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
    #[command(flatten)]
    sound: Sound,
    #[command(flatten)]
    common: Common,
}

const EXAMPLES: &str = "\
Examples:
    $ offhook call --profile work bob
    $ offhook call sip:echo@192.0.2.7:5060 --duration 5s
    $ offhook call --profile work 8000 --dtmf 1,42# --duration 10s
    $ offhook call --profile work bob --play question.wav --record answer.wav
    $ offhook call --profile work bob --echo --webrtc
    $ offhook call --profile work bob --sdp offer.sdp --show-sdp --header 'X-Test: 7'
  Does the trunk answer? 0 it does, 3 it refuses, 5 it is silent:
    $ offhook call --profile trunk +12015550123 --ring-time 10s --duration 1s; echo $?";

/// How long is listened after what was played.
const AFTER: Duration = Duration::from_millis(500);

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
    let common = args.common.completed()?;
    let target = complete(&args.target);
    let out = common.out();
    let given = args.sdp.as_deref().map(Description::read).transpose()?;
    let sound = if given.is_none() && !args.no_offer { Some(args.sound.open()?) } else { None };
    let plays = args.sound.plays();
    // With audio the call answers by itself what the other side wants changed.
    let change = |builder: Builder| if sound.is_some() { builder } else { builder.automatic_media() };
    let mut session = common.session_with(&target, change).await?;
    session.refuse_calls();
    let mut options = CallOptions::default();
    options.headers = args.headers.iter().map(|header| (header.name.clone(), header.value.clone())).collect();
    options.follow_redirects = Some(args.follow);
    options.anonymous = args.anonymous;
    options.answer_timeout = args.ring_time.map(|Seconds(long)| long);
    let show_sdp = args.show_sdp;
    let dialled = match sound {
        Some(sound) => {
            let how = Dialled { own: None, show_sdp };
            let talk = dial_with_audio(out, &mut session, &target, options, sound, &how).await;
            talk.map(|talk| (talk.call().clone(), Some(talk)))
        }
        None => {
            let own = match given {
                Some(given) => given,
                None => Description::of_this_machine(&session.agent, &common.shared, &target).await?,
            };
            options.sdp = (!args.no_offer).then(|| own.bytes());
            let how = Dialled { own: Some(own), show_sdp };
            dial(out, &mut session, &target, options, &how).await.map(|call| (call, None))
        }
    };
    let (call, talk) = match dialled {
        Ok(dialled) => dialled,
        Err(failure) => {
            session.close().await;
            return Err(failure);
        }
    };
    let answered = std::time::Instant::now();
    if let Some(digits) = &args.dtmf {
        let sent = session.until(send_digits(&call, talk.as_ref(), digits)).await;
        match sent {
            Ok(Ok(())) => out.say(format_args!("digits {digits} sent"), || json!({ "type": "dtmf", "digits": digits })),
            Ok(Err(error)) => eprintln!("offhook call: the digits were not taken: {}", error.words()),
            // It is hung up below.
            Err(_) => {}
        }
    }
    let wait = async {
        match (args.duration, &talk) {
            (Some(Seconds(long)), _) => tokio::time::sleep(long.saturating_sub(answered.elapsed())).await,
            (None, Some(talk)) if plays => {
                talk.played().await;
                // What the other side says to the end of it is on its way.
                tokio::time::sleep(AFTER).await;
            }
            (None, _) => std::future::pending().await,
        }
    };
    let mut end: Option<End> = None;
    tokio::select! {
        ended = call.ended() => end = ended,
        () = wait => {}
        () = session.interrupts.next() => {}
    }
    let long = answered.elapsed();
    let stats = talk.as_ref().map(Talk::stats);
    if call.state() != CallState::Ended {
        match &talk {
            Some(talk) => talk.hangup().await?,
            None => call.hangup().await?,
        }
        end = call.ended().await;
    }
    if let Some(stats) = &stats {
        audio::tell(out, stats);
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

async fn send_digits(call: &Call, talk: Option<&Talk>, digits: &str) -> Result<(), Failure> {
    for part in digits.split_inclusive(',') {
        let tones = part.trim_end_matches(',');
        if !tones.is_empty() {
            match talk {
                Some(talk) => talk.press(tones).await?,
                None => call.send_dtmf(tones).await?,
            }
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
