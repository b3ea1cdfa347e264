//! Registers, calls bob, and hangs up when he has answered.

use std::time::Duration;

use offhook::core::sdp::negotiate::{Capabilities, Local, offer};
use offhook::{CallOptions, Error, UserAgent};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let server = std::env::args().nth(1).unwrap_or("ws://127.0.0.1:8080/ws".into());
    let agent = UserAgent::builder("sip:alice@offhook.test").server(server).password("alice-secret").connect().await?;
    agent.register().await?;

    // Where this program receives audio; an RTP library of your choice takes it from here.
    let audio = offer(&Capabilities::default(), &Local::new([127, 0, 0, 1], 40_000));
    let call = agent.call("bob", CallOptions::with_sdp(audio.to_bytes())).await?;
    call.established().await?;
    println!("talking to {}", call.remote().as_str());

    call.hangup().await?;
    agent.shutdown(Duration::from_secs(2)).await
}
