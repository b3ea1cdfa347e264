//! The echo agent: answers every call, plays a tone, and lets callers hear themselves.

use std::time::Duration;

use offhook::core::endpoint::Invitation;
use offhook::{AnswerOptions, Call, CallEvent, Error, StatusCode, UserAgent};

use crate::webrtc::{Connection, Options, Session};

/// Answers calls until the agent stops. Each call runs in a task of its own.
pub async fn serve(agent: &UserAgent, options: Options) {
    let mut incoming = agent.incoming();
    while let Some(call) = incoming.next().await {
        let options = options.clone();
        tokio::spawn(async move {
            let who = call.remote();
            println!("call from {}", who.as_str());
            match answer(&call, options).await {
                Ok(()) => println!("call from {} is over", who.as_str()),
                Err(error) => println!("call from {} failed: {error}", who.as_str()),
            }
        });
    }
}

/// One call, from ringing to its end.
async fn answer(call: &Call, options: Options) -> Result<(), Error> {
    call.ring().await?;
    let session = match call.invitation() {
        Some(Invitation { sdp: Some(offer), .. }) => match Session::answer(&text(offer), options).await {
            Ok((session, answer)) => {
                call.answer(AnswerOptions::with_sdp(answer)).await?;
                session
            }
            Err(error) => {
                println!("the offer cannot be answered: {error}");
                return call.reject(StatusCode::NOT_ACCEPTABLE_HERE).await;
            }
        },
        // The INVITE asks for our offer; the ACK brings the answer.
        _ => {
            let Ok((session, offer)) = Session::offer(options).await else {
                return call.reject(StatusCode::SERVER_INTERNAL_ERROR).await;
            };
            call.answer(AnswerOptions::with_sdp(offer)).await?;
            let answer = call.remote_sdp().unwrap_or_default();
            if session.accept(&text(&answer)).await.is_err() {
                return call.hang_up().await;
            }
            session
        }
    };
    tokio::select! {
        () = converse(call, &session) => {}
        _ = session.until(|stats| stats.connection == Connection::Closed) => call.hang_up().await?,
    }
    let stats = session.stats();
    println!("heard {} packets, sent {}", stats.packets_received, stats.packets_sent);
    session.close().await;
    Ok(())
}

/// Answers what the other side wants changed, until the call ends.
async fn converse(call: &Call, session: &Session) {
    let mut events = call.events();
    let mut digits = String::new();
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(CallEvent::Offer { sdp: Some(offer) }) => {
                    let agreed = match session.reoffer(&text(&offer)).await {
                        Ok(answer) => call.accept_offer(answer).await,
                        Err(_) => call.reject_offer(StatusCode::NOT_ACCEPTABLE_HERE).await,
                    };
                    if let Err(error) = agreed {
                        println!("the new offer came to nothing: {error}");
                    }
                }
                Some(CallEvent::Offer { sdp: None }) => {
                    // An echo has nothing of its own to offer; the call goes on as it is.
                    let _ = call.reject_offer(StatusCode::NOT_ACCEPTABLE_HERE).await;
                }
                Some(CallEvent::Ended(_)) | None => return,
                Some(_) => {}
            },
            // A caller who presses # wants the other side to hang up.
            heard = heard_hash(session, &mut digits) => if heard {
                // The end comes as an event.
                let _ = call.hang_up().await;
            },
        }
    }
}

async fn heard_hash(session: &Session, seen: &mut String) -> bool {
    let known = seen.len();
    match session.until(move |stats| stats.digits.len() > known).await {
        Ok(stats) => {
            seen.clone_from(&stats.digits);
            seen.get(known..).is_some_and(|new| new.contains('#'))
        }
        // The session is over; so will be the call.
        Err(_) => std::future::pending().await,
    }
}

fn text(sdp: &[u8]) -> String {
    String::from_utf8_lossy(sdp).into_owned()
}

/// How long the agent takes to say goodbye.
pub const FAREWELL: Duration = Duration::from_secs(2);
