//! A bridge: whoever calls it, by WebRTC or by RTP, talks to a phone that is called by RTP. Packets are made anew, formats
//! changed where the two have none in common; digits and the end of the call are passed on.

use offhook::media::{Audio, Digit, Media, MediaError, Talk, pipe};
use offhook::{Call, Error, StatusCode, UserAgent};

/// Wide enough for a voice over opus, in hertz.
const RATE: u32 = 16_000;

/// Bridges every call to `target`, which `phones` calls, until `front` stops.
pub async fn serve(front: &UserAgent, phones: &UserAgent, target: &str, media: &Media) {
    let mut incoming = front.incoming();
    while let Some(caller) = incoming.next().await {
        let (phones, target, media) = (phones.clone(), target.to_owned(), media.clone());
        tokio::spawn(async move {
            let who = caller.remote();
            println!("{} is bridged to {target}", who.as_str());
            match bridge(&caller, &phones, &target, &media).await {
                Ok(()) => println!("the bridge for {} is closed", who.as_str()),
                Err(error) => println!("the bridge for {} failed: {error}", who.as_str()),
            }
        });
    }
}

/// One call, from ringing to its end.
async fn bridge(caller: &Call, phones: &UserAgent, target: &str, media: &Media) -> Result<(), MediaError> {
    caller.ring().await?;
    let (heard_here, said_there) = pipe(RATE);
    let (heard_there, said_here) = pipe(RATE);
    let there = match media.call(phones, target, Audio::new(said_there, heard_there)).await {
        Ok(there) => there,
        Err(error) => return refuse(caller, error).await,
    };
    let answered = tokio::select! {
        answered = there.established() => answered,
        // Who called does not want to wait any longer.
        _ = caller.ended() => return there.hangup().await,
    };
    if let Err(error) = answered {
        return refuse(caller, error).await;
    }
    let here = match media.answer(caller, Audio::new(said_here, heard_here)).await {
        Ok(here) => here,
        Err(error) => {
            there.hangup().await?;
            return Err(error);
        }
    };
    let (mut pressed_here, mut pressed_there) = (here.digits(), there.digits());
    loop {
        tokio::select! {
            _ = here.ended() => return there.hangup().await,
            _ = there.ended() => return here.hangup().await,
            Some(digit) = pressed_here.next() => press(&there, digit).await,
            Some(digit) = pressed_there.next() => press(&here, digit).await,
        }
    }
}

/// A digit that cannot be passed on is lost; the call goes on, or its end is told.
async fn press(talk: &Talk, digit: Digit) {
    println!("passing on {}", digit.tone);
    if let Err(error) = talk.press_for(&digit.tone.to_string(), digit.duration).await {
        println!("{} is not passed on: {error}", digit.tone);
    }
}

/// Tells the caller what the phone said.
async fn refuse(caller: &Call, error: MediaError) -> Result<(), MediaError> {
    let status = match &error {
        MediaError::Call(Error::Status(refusal)) => refusal.status,
        _ => StatusCode::BAD_GATEWAY,
    };
    caller.reject(status).await?;
    Err(error)
}
