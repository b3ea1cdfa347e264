//! The samples of the guide (`docs/samples/rust`) compile, and what they promise happens.

#![allow(unreachable_pub, reason = "the samples are written as a program of the reader's has them")]

#[path = "../../docs/samples/rust/calls.rs"]
mod calls;
#[path = "../../docs/samples/rust/events.rs"]
#[expect(dead_code, reason = "compiled, not run")]
mod events;
#[path = "../../docs/samples/rust/production.rs"]
#[expect(dead_code, reason = "compiled, not run: its servers are examples")]
mod production;
#[path = "../../docs/samples/rust/transfer.rs"]
#[expect(dead_code, reason = "the guide shows more than one test needs")]
mod transfer;

use std::net::Ipv4Addr;
use std::time::Duration;

use offhook::core::sdp::negotiate::{Capabilities, Local, offer};
use offhook::{CallState, UserAgent};
use offhook_examples::switchboard::web::Site;
use offhook_examples::switchboard::{Config, Listen, Server};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

fn media(port: u16) -> Local {
    Local::new(Ipv4Addr::LOCALHOST, port)
}

fn switchboard() -> Server {
    let localhost = (Ipv4Addr::LOCALHOST, 0).into();
    let config = Config { domains: vec!["offhook.test".into()], ..Config::default() };
    let listen = Listen { udp: Some(localhost), tcp: None, http: Some(localhost), ..Listen::default() };
    Server::start(config, listen, Site::of_source_tree(), |_| {}).expect("free ports")
}

async fn agent(server: &str, user: &str) -> UserAgent {
    let agent = UserAgent::builder(&format!("sip:{user}@offhook.test"))
        .server(server)
        .password(format!("{user}-secret"))
        .automatic_media()
        .connect()
        .await
        .expect("the switchboard is up");
    agent.register().await.expect("everybody may");
    agent
}

#[tokio::test]
async fn the_samples_of_calls_and_transfers_do_what_they_say() {
    let switchboard = switchboard();
    let server = switchboard.websocket().expect("it serves WebSockets");

    let [bob, carol] = [agent(&server, "bob").await, agent(&server, "carol").await];
    for (agent, port) in [(bob.clone(), 40_012), (carol.clone(), 40_014)] {
        tokio::spawn(async move { calls::answer_everybody(&agent, &media(port)).await });
    }
    let talk = async {
        let alice = calls::connect(&server, "alice-secret").await?;

        let call = calls::call_bob(&alice, &media(40_010)).await?;
        assert_eq!(call.state(), CallState::Established);
        let told = tokio::spawn({
            let call = call.clone();
            async move { calls::follow(&call).await }
        });
        call.hangup().await?;
        told.await.expect("it ends with the call");

        // Hold needs media that can be held: the core rewrites the description.
        let held = agent(&server, "alice").await;
        let customer = calls::call_bob(&held, &media(40_016)).await?;
        calls::hold_for_a_moment(&customer).await?;
        assert!(!customer.on_hold().local);

        // Bob follows nobody, as is usual without consent.
        let refused = transfer::transfer_blind(&customer).await;
        assert!(refused.is_err_and(|error| error.status().is_some()));
        assert_eq!(customer.state(), CallState::Established);
        customer.hangup().await?;

        let stopped = production::stop(&alice).await;
        assert!(stopped.is_ok());
        held.shutdown(PATIENCE).await
    };
    timeout(PATIENCE, talk).await.expect("in time").expect("nothing fails");

    let transfer = async {
        let alice = agent(&server, "alice").await;
        // Dave goes where he is sent.
        let dave = agent(&server, "dave").await;
        let sdp = String::from_utf8(offer(&Capabilities::default(), &media(40_018)).to_bytes().to_vec()).expect("text");
        let mut incoming = alice.incoming();
        let call = dave.call("alice", offhook::CallOptions::with_sdp(sdp.clone())).await?;
        let customer = incoming.next().await.expect("dave calls");
        customer.answer(offhook::AnswerOptions::with_sdp(sdp.clone())).await?;
        let consent = tokio::spawn({
            let (call, sdp) = (call.clone(), sdp.clone());
            async move { transfer::follow_transfers(&call, &sdp).await }
        });
        transfer::transfer_attended(&alice, &customer, &sdp).await?;
        assert_eq!(customer.ended().await.and_then(|end| end.error), None);
        consent.await.expect("it ends with the call")?;
        dave.shutdown(PATIENCE).await?;
        alice.shutdown(PATIENCE).await
    };
    timeout(PATIENCE, transfer).await.expect("in time").expect("nothing fails");

    bob.shutdown(PATIENCE).await.expect("it runs");
    carol.shutdown(PATIENCE).await.expect("it runs");
    switchboard.stop().await;
}
