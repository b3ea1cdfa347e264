//! A server that is killed within a call and started again: each side is told once that the connection is lost, comes back by
//! itself, and the call goes on. Nothing is left when it is over. (Over a WebSocket, where a Contact names the agent and not its
//! address. Over TCP both have other addresses afterwards, and neither can tell the other.)
#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use offhook::core::agent::Events;
use offhook::core::endpoint::{ConnectionState, RegistrationState};
use offhook::{AgentEvent, AnswerOptions, CallEvent, CallOptions, UserAgent};
use serde_json::Value;
use tokio::time::{sleep, timeout};

const SOON: Duration = Duration::from_secs(30);

const OFFER: &str =
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(SOON, future).await.expect("it did not happen in time")
}

/// A switchboard as a process of its own; killed when it is dropped.
struct Program(Child);

impl Program {
    /// Listens where it is told to; says where that is.
    fn start(http: &str) -> (Program, Value) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_switchboard"))
            .args(["--udp", "127.0.0.1:0", "--http", http, "--domain", "offhook.test", "--json"])
            .env("SWITCHBOARD_SECRET", "the same each time")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program");
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().expect("its output")).read_line(&mut line).expect("a line");
        (Program(child), serde_json::from_str(&line).expect("its addresses"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn agent(name: &str, server: &str) -> UserAgent {
    let agent = UserAgent::builder(&format!("sip:{name}@offhook.test")).server(server);
    let agent = agent.password(format!("{name}-secret")).automatic_media().connect().await.expect("a server");
    soon(agent.register()).await.expect("a registrar");
    agent
}

/// Waits until it is registered again; how often the connection was lost till then.
async fn back(events: &mut Events<AgentEvent>) -> usize {
    let mut lost = 0;
    loop {
        match soon(events.next()).await.expect("an event") {
            AgentEvent::Connection(ConnectionState::Disconnected(_)) => lost += 1,
            AgentEvent::Registration(RegistrationState::Registered { .. }) if lost > 0 => return lost,
            _ => {}
        }
    }
}

async fn recovered(events: &mut Events<CallEvent>) {
    while !matches!(soon(events.next()).await.expect("the call goes on"), CallEvent::Recovered) {}
}

async fn survive() {
    let (program, addresses) = Program::start("127.0.0.1:0");
    let text = |name: &str| addresses[name].as_str().expect("an address").to_owned();
    let server = text("ws");
    let (alice, bob) = (agent("alice", &server).await, agent("bob", &server).await);
    let mut incoming = bob.incoming();
    let ours = alice.call("sip:bob@offhook.test", CallOptions::with_sdp(OFFER)).await.expect("a call");
    let theirs = soon(incoming.next()).await.expect("a call");
    soon(theirs.answer(AnswerOptions::with_sdp(OFFER))).await.expect("an answer");
    soon(ours.established()).await.expect("a call");
    let (mut of_alice, mut of_bob) = (alice.events(), bob.events());
    let (mut of_ours, mut of_theirs) = (ours.events(), theirs.events());

    drop(program);
    let (_program, _) = Program::start(&text("http"));
    let (alice_lost, bob_lost) = tokio::join!(back(&mut of_alice), back(&mut of_bob));
    assert_eq!((alice_lost, bob_lost), (1, 1), "each loss is told once");
    // Whose offer comes first tells the other side as well.
    tokio::select! {
        () = recovered(&mut of_ours) => {}
        () = recovered(&mut of_theirs) => {}
    }
    soon(ours.send_info("text/plain", "are you there?")).await.expect("he is");
    soon(theirs.send_info("text/plain", "are you?")).await.expect("she is");
    soon(theirs.hangup()).await.expect("an end");
    soon(ours.ended()).await;
    for agent in [alice, bob] {
        soon(agent.shutdown(Duration::from_secs(2))).await.expect("an end in order");
    }
}

fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("Linux tells").count()
}

#[test]
fn a_call_survives_a_server_that_is_killed_and_started_again() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    // The first of a process opens what is for all of them.
    drop(runtime());
    let before = open_files();
    let runtime = runtime();
    runtime.block_on(async {
        survive().await;
        let metrics = tokio::runtime::Handle::current().metrics();
        let patience = Instant::now() + SOON;
        while metrics.num_alive_tasks() > 0 {
            assert!(Instant::now() < patience, "{} tasks are left", metrics.num_alive_tasks());
            sleep(Duration::from_millis(5)).await;
        }
    });
    drop(runtime);
    assert_eq!(open_files(), before, "file descriptors");
}
