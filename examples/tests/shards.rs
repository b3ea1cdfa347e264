//! A user agent in several shards behind a server: one connection and one registration serve all, also after the shard that
//! has them has panicked.

use std::net::SocketAddr;
use std::time::Duration;

use offhook::core::agent::Events;
use offhook::core::endpoint::RegistrationState;
use offhook::core::transport::Transport;
use offhook::{AgentEvent, AnswerOptions, Call, CallOptions, UserAgent};
use offhook_examples::switchboard::web::Site;
use offhook_examples::switchboard::{Config, Listen, Server};
use tokio::time::timeout;

const OFFER: &str =
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), future).await.expect("it did not happen in time")
}

async fn agent(user: &str, server: &str, shards: usize) -> UserAgent {
    let agent = UserAgent::builder(&format!("sip:{user}@offhook.test")).server(server);
    let agent = agent.password(format!("{user}-secret")).automatic_media().shards(shards).connect().await.unwrap();
    soon(agent.register()).await.unwrap();
    agent
}

/// Calls both ways, each held and ended.
async fn talk(agents: [(&UserAgent, &mut Events<Call>, &str); 2]) {
    let [(alice, to_alice, alice_is), (bob, to_bob, bob_is)] = agents;
    for number in 0..16 {
        let (caller, calls, callee) = match number % 2 {
            0 => (alice, &mut *to_bob, bob_is),
            _ => (bob, &mut *to_alice, alice_is),
        };
        let ours = caller.call(callee, CallOptions::with_sdp(OFFER)).await.unwrap();
        let theirs = soon(calls.next()).await.unwrap();
        soon(theirs.answer(AnswerOptions::with_sdp(OFFER))).await.unwrap();
        soon(ours.established()).await.unwrap();
        soon(theirs.hold()).await.unwrap();
        soon(if number % 4 < 2 { ours.hangup() } else { theirs.hangup() }).await.unwrap();
        soon(ours.ended()).await.unwrap();
        soon(theirs.ended()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_registration_serves_every_shard() {
    let any = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    let listen = Listen { udp: any, tcp: any, http: any, ..Listen::default() };
    let switchboard = Server::start(Config::default(), listen, Site::of_source_tree(), |_| {}).unwrap();
    for transport in [Transport::Udp, Transport::Tcp, Transport::Ws] {
        let server = match transport {
            Transport::Ws => switchboard.websocket().unwrap(),
            Transport::Tcp => format!("sip:{};transport=tcp", switchboard.listen().tcp.unwrap()),
            _ => format!("sip:{};transport=udp", switchboard.listen().udp.unwrap()),
        };
        let (alice, bob) = (agent("alice", &server, 1).await, agent("bob", &server, 4).await);
        let (mut to_alice, mut to_bob) = (alice.incoming(), bob.incoming());
        let mut told = bob.events();
        talk([(&alice, &mut to_alice, "alice"), (&bob, &mut to_bob, "bob")]).await;
        assert_eq!(soon(bob.bindings()).await.unwrap().len(), 1, "{transport}");
        // Who has the registration fails: it is made again by itself, and nobody notices but those of its calls.
        bob.fail_shard(0);
        loop {
            let event = soon(told.next()).await.unwrap();
            if let AgentEvent::Registration(RegistrationState::Registered { .. }) = event {
                break;
            }
        }
        talk([(&alice, &mut to_alice, "alice"), (&bob, &mut to_bob, "bob")]).await;
        assert_eq!(soon(bob.bindings()).await.unwrap().len(), 1, "{transport}");
        for agent in [alice, bob] {
            soon(agent.shutdown(Duration::from_secs(2))).await.unwrap();
        }
    }
}
