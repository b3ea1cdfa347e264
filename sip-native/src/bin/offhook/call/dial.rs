//! From the INVITE to the answer, told step by step.

use std::time::Instant;

use offhook::media::{Audio, Media, Talk};
use offhook::{Call, CallEvent, CallOptions, CallState};
use serde_json::json;

use super::{Description, not_answered};
use crate::failure::Failure;
use crate::print::{Out, millis, time};
use crate::session::Session;

/// How a call is made and told.
pub(crate) struct Dialled {
    /// What this side offers, or answers with where the other side offers.
    pub(crate) own: Option<Description>,
    /// Their description is printed.
    pub(crate) show_sdp: bool,
}

/// Calls, and waits for the answer.
pub(crate) async fn dial(
    out: Out,
    session: &mut Session,
    target: &str,
    options: CallOptions,
    how: &Dialled,
) -> Result<Call, Failure> {
    let started = Instant::now();
    let call = session.agent.call(target, options).await.map_err(|error| not_answered(target, error))?;
    answered(out, session, target, call, started, how).await
}

/// Calls with audio, and waits for the answer.
pub(crate) async fn dial_with_audio(
    out: Out,
    session: &mut Session,
    target: &str,
    options: CallOptions,
    (media, audio): (Media, Audio),
    how: &Dialled,
) -> Result<Talk, Failure> {
    let started = Instant::now();
    let talk = media.call_with(&session.agent, target, options, audio).await;
    let talk = talk.map_err(|error| Failure::from(error).of(target))?;
    answered(out, session, target, talk.call().clone(), started, how).await?;
    Ok(talk)
}

async fn answered(
    out: Out,
    session: &mut Session,
    target: &str,
    call: Call,
    started: Instant,
    how: &Dialled,
) -> Result<Call, Failure> {
    let id = call.call_id();
    out.say(format_args!("calling {target}"), || json!({ "type": "calling", "target": target, "callId": id }));
    let watched = session.until(watch(out, &call, started, how)).await;
    match watched {
        Ok(Ok(())) => Ok(call),
        Ok(Err(failure)) => Err(failure.of(target)),
        Err(interrupted) => {
            // It is over when the other side knows.
            let _ = call.hangup().await;
            Err(interrupted)
        }
    }
}

/// Tells what happens until the call is answered.
pub(crate) async fn watch(out: Out, call: &Call, started: Instant, how: &Dialled) -> Result<(), Failure> {
    let mut events = call.events();
    while let Some(event) = events.next().await {
        let took = started.elapsed();
        match event {
            CallEvent::Progress { status, phrase, sdp } => {
                let early = if sdp.is_some() { ", early media" } else { "" };
                let status = status.code();
                out.say(format_args!("{status} {phrase} after {}{early}", time(took)), || {
                    json!({
                        "type": "progress", "status": status, "phrase": phrase, "earlyMedia": sdp.is_some(),
                        "after": millis(took),
                    })
                });
            }
            CallEvent::Redirected { status, phrase, target } => {
                let status = status.code();
                out.say(
                    format_args!("{status} {phrase}: going on to {}", target.as_str()),
                    || json!({ "type": "redirected", "status": status, "target": target.as_str() }),
                );
            }
            CallEvent::Offer { sdp: Some(sdp) } => match how.own.as_ref().map(|own| own.answer(&sdp)) {
                Some(Ok(answer)) => call.accept_offer(answer).await?,
                Some(Err(failure)) => {
                    // Nothing in common: whoever offered is told, and the call ends.
                    let _ = call.hangup().await;
                    return Err(failure);
                }
                None => {}
            },
            CallEvent::Answered { sdp: Some(sdp) } if how.show_sdp => {
                let text = String::from_utf8_lossy(&sdp).into_owned();
                out.say(text.trim_end(), || json!({ "type": "sdp", "sdp": text }));
            }
            CallEvent::State(step) if step.state == CallState::Established => {
                let remote = call.remote();
                out.say(
                    format_args!("answered by {} after {}", remote.as_str(), time(took)),
                    || json!({ "type": "answered", "remote": remote.as_str(), "after": millis(took) }),
                );
                return Ok(());
            }
            CallEvent::Ended(end) => {
                return Err(Failure::from(end.error.unwrap_or(offhook::Error::Cancelled)));
            }
            _ => {}
        }
    }
    Err(Failure::from(offhook::Error::Cancelled))
}
