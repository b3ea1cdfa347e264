//! The README's Rust example is the program in `snippets/`, and that program makes a call.

use std::net::Ipv4Addr;
use std::process::Stdio;
use std::time::Duration;

use offhook::core::sdp::SdpRef;
use offhook::core::sdp::negotiate::{Capabilities, Local, answer};
use offhook::{AnswerOptions, UserAgent};
use offhook_examples::switchboard::web::Site;
use offhook_examples::switchboard::{Config, Listen, Server};
use tokio::process::Command;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn the_readme_shows_the_programs_that_run() {
    let readme = include_str!("../../README.md");
    assert!(readme.contains(&format!("```rust\n{}```", include_str!("../snippets/first_call.rs"))));
    assert!(readme.contains(&format!("```js\n{}```", include_str!("../snippets/first-call.js"))));
}

#[tokio::test]
async fn the_first_call_is_made() {
    let localhost = (Ipv4Addr::LOCALHOST, 0).into();
    let config = Config { domains: vec!["offhook.test".into()], ..Config::default() };
    let listen = Listen { udp: Some(localhost), tcp: None, http: Some(localhost), ..Listen::default() };
    let switchboard = Server::start(config, listen, Site::of_source_tree(), |_| {}).expect("free ports");
    let server = switchboard.websocket().expect("it serves WebSockets");

    let bob = UserAgent::builder("sip:bob@offhook.test").server(&server).password("bob-secret").connect().await;
    let bob = bob.expect("the switchboard is up");
    bob.register().await.expect("bob may register");
    let mut calls = bob.incoming();
    let answering = tokio::spawn(async move {
        let call = calls.next().await.expect("alice calls");
        let offer = call.remote_sdp().expect("she offers");
        let offer = SdpRef::parse(&offer).expect("a description");
        let here = Local::new(Ipv4Addr::LOCALHOST, 40_002);
        let (sdp, _) = answer(&offer, &Capabilities::default(), &here).expect("G.711 in common");
        call.answer(AnswerOptions::with_sdp(sdp.to_bytes())).await.expect("alice acknowledges");
        call.ended().await
    });

    let output =
        Command::new(env!("CARGO_BIN_EXE_first_call")).arg(&server).stdin(Stdio::null()).kill_on_drop(true).output();
    let output = timeout(PATIENCE, output).await.expect("it ends by itself").expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "talking to <sip:bob@offhook.test>\n");

    let end = timeout(PATIENCE, answering).await.expect("alice hangs up").expect("nothing panics");
    assert_eq!(end.and_then(|end| end.error), None);
    bob.shutdown(PATIENCE).await.expect("it runs");
    switchboard.stop().await;
}
