//! Samples of the guide: calls.

use std::time::Duration;

use offhook::core::sdp::SdpRef;
use offhook::core::sdp::negotiate::{Capabilities, Local, answer, offer};
use offhook::{AnswerOptions, Call, CallEvent, CallOptions, Error, StatusCode, UserAgent};

// #region connect
pub async fn connect(server: &str, password: &str) -> Result<UserAgent, Error> {
    let agent = UserAgent::builder("sip:alice@offhook.test")
        .server(server) // wss://…, or sip:host:port;transport=tls, or the domain's records if absent
        .display_name("Alice")
        .password(password)
        .connect()
        .await?;
    let granted = agent.register().await?;
    println!("registered for {granted:?}, refreshed by itself");
    Ok(agent)
}
// #endregion connect

// #region call
pub async fn call_bob(agent: &UserAgent, media: &Local) -> Result<Call, Error> {
    let sdp = offer(&Capabilities::default(), media);
    let call = agent.call("bob", CallOptions::with_sdp(sdp.to_bytes())).await?;
    match tokio::time::timeout(Duration::from_secs(30), call.established()).await {
        Ok(Ok(())) => println!("talking to {}", call.remote().as_str()),
        Ok(Err(error)) => return Err(error), // e.g. 486 Busy Here
        Err(_) => call.hangup().await?,      // CANCEL, or BYE if the answer was faster
    }
    Ok(call)
}
// #endregion call

// #region incoming
pub async fn answer_everybody(agent: &UserAgent, media: &Local) -> Result<(), Error> {
    let mut incoming = agent.incoming();
    while let Some(call) = incoming.next().await {
        call.ring().await?;
        let offered = call.remote_sdp().unwrap_or_default();
        let agreed = SdpRef::parse(&offered).ok().and_then(|sdp| answer(&sdp, &Capabilities::default(), media).ok());
        match agreed {
            Some((sdp, _)) => call.answer(AnswerOptions::with_sdp(sdp.to_bytes())).await?,
            None => call.reject(StatusCode::NOT_ACCEPTABLE_HERE).await?,
        }
    }
    Ok(())
}
// #endregion incoming

// #region hold
pub async fn hold_for_a_moment(call: &Call) -> Result<(), Error> {
    match call.hold().await {
        Ok(()) => call.resume().await,
        // Refused: the call is as it was before, and goes on.
        Err(Error::Status(refusal)) => {
            println!("not on hold: {}", refusal.status);
            Ok(())
        }
        Err(error) => Err(error),
    }
}
// #endregion hold

// #region events
pub async fn follow(call: &Call) {
    let mut events = call.events();
    while let Some(event) = events.next().await {
        match event {
            CallEvent::State(transition) => println!("{:?}: {}", transition.state, transition.cause),
            CallEvent::Info { dtmf: Some(dtmf), .. } => println!("the other side pressed {:?}", dtmf.tone),
            CallEvent::Recovered => println!("the other side knows where we are now"),
            CallEvent::Ended(end) => println!("over: {end:?}"),
            _ => {}
        }
    }
}
// #endregion events
