//! What the tests of first calls have in common: a switchboard, and bob, who answers one call there.

use std::net::Ipv4Addr;
use std::time::Duration;

use offhook::core::endpoint::End;
use offhook::core::sdp::SdpRef;
use offhook::core::sdp::negotiate::{Capabilities, Local, answer};
use offhook::{AnswerOptions, UserAgent};
use offhook_examples::switchboard::web::Site;
use offhook_examples::switchboard::{Config, Listen, Server};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long anything but a build may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Bob at a switchboard of his own.
pub(crate) struct Bob {
    switchboard: Server,
    agent: UserAgent,
    answering: JoinHandle<Option<End>>,
}

impl Bob {
    /// Registers, and waits for a call to answer.
    pub(crate) async fn waits() -> Bob {
        let localhost = (Ipv4Addr::LOCALHOST, 0).into();
        let config = Config { domains: vec!["offhook.test".into()], ..Config::default() };
        let listen = Listen { udp: Some(localhost), tcp: None, http: Some(localhost), ..Listen::default() };
        let switchboard = Server::start(config, listen, Site::of_source_tree(), |_| {}).expect("free ports");
        let server = switchboard.websocket().expect("it serves WebSockets");

        let agent = UserAgent::builder("sip:bob@offhook.test").server(&server).password("bob-secret").connect().await;
        let agent = agent.expect("the switchboard is up");
        agent.register().await.expect("bob may register");
        let mut calls = agent.incoming();
        let answering = tokio::spawn(async move {
            let call = calls.next().await.expect("alice calls");
            let offer = call.remote_sdp().expect("she offers");
            let offer = SdpRef::parse(&offer).expect("a description");
            let here = Local::new(Ipv4Addr::LOCALHOST, 40_002);
            let (sdp, _) = answer(&offer, &Capabilities::default(), &here).expect("G.711 in common");
            call.answer(AnswerOptions::with_sdp(sdp.to_bytes())).await.expect("alice acknowledges");
            call.ended().await
        });
        Bob { switchboard, agent, answering }
    }

    /// Where the switchboard takes WebSockets.
    pub(crate) fn server(&self) -> String {
        self.switchboard.websocket().expect("it serves WebSockets")
    }

    /// He was called, and hung up on without an error.
    pub(crate) async fn was_called(self) {
        let end = timeout(PATIENCE, self.answering).await.expect("alice hangs up").expect("nothing panics");
        assert_eq!(end.and_then(|end| end.error), None);
        self.agent.shutdown(PATIENCE).await.expect("it runs");
        self.switchboard.stop().await;
    }
}
