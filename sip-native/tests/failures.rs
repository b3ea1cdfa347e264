//! Failures of peers and networks, with real sockets: the calls of others go on, and no task, socket or call is left over.
//! One after the other, since each counts the file descriptors of the process.

use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use offhook::core::endpoint::ConnectionState;
use offhook::core::transaction::TimerConfig;
use offhook::core::transport::Stun;
use offhook::{AgentEvent, AnswerOptions, Call, CallOptions, Error, Limits, UserAgent};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::{sleep, timeout};

const SOON: Duration = Duration::from_secs(20);

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n";

fn localhost() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(SOON, future).await.expect("it did not happen in time")
}

/// How many file descriptors this process has.
fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

/// Runs something, after which no task and no file descriptor may be left.
fn leaves_nothing(run: impl Future<Output = ()>) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // The first of a process opens what is for all of them.
    drop(runtime());
    let before = open_files();
    let runtime = runtime();
    runtime.block_on(async {
        run.await;
        let patience = Instant::now() + SOON;
        let metrics = tokio::runtime::Handle::current().metrics();
        while metrics.num_alive_tasks() > 0 {
            assert!(Instant::now() < patience, "{} tasks are left", metrics.num_alive_tasks());
            sleep(Duration::from_millis(5)).await;
        }
    });
    drop(runtime);
    assert_eq!(open_files(), before, "file descriptors");
}

async fn agent(name: &str) -> UserAgent {
    UserAgent::builder(&format!("sip:{name}@127.0.0.1")).bind(localhost()).connect().await.unwrap()
}

/// A call between two agents, which goes on.
struct Talk {
    alice: UserAgent,
    bob: UserAgent,
    ours: Call,
}

impl Talk {
    async fn begin(bob: UserAgent) -> Talk {
        let alice = agent("alice").await;
        let mut talk = Talk::call(&alice, &bob).await;
        talk.alice = alice;
        talk.bob = bob;
        talk
    }

    async fn call(alice: &UserAgent, bob: &UserAgent) -> Talk {
        let mut calls = bob.incoming();
        let at = bob.local_addrs()[0].addr;
        let ours = alice.call(&format!("sip:bob@{at}"), CallOptions::with_sdp(SDP)).await.unwrap();
        let theirs = soon(calls.next()).await.unwrap();
        soon(theirs.answer(AnswerOptions::with_sdp(SDP))).await.unwrap();
        soon(ours.established()).await.unwrap();
        Talk { alice: alice.clone(), bob: bob.clone(), ours }
    }

    /// It is still good, and another can be made.
    async fn goes_on_and_ends(self) {
        soon(self.ours.send_info("text/plain", "are you there?")).await.unwrap();
        let another = Talk::call(&self.alice, &self.bob).await;
        soon(another.ours.hangup()).await.unwrap();
        soon(self.ours.hangup()).await.unwrap();
        drop((another, self.ours));
        for agent in [self.alice, self.bob] {
            soon(agent.shutdown(Duration::from_secs(2))).await.unwrap();
        }
    }
}

const OPTIONS: &str = "OPTIONS sip:bob@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bK%\r\n\
    Max-Forwards: 70\r\nFrom: <sip:x@127.0.0.1>;tag=x\r\nTo: <sip:bob@127.0.0.1>\r\nCall-ID: %\r\nCSeq: 1 OPTIONS\r\n\
    Content-Length: 0\r\n\r\n";

// A message has as long as a transaction to come whole.
#[test]
fn who_sends_a_byte_now_and_again_loses_the_connection_and_nobody_else_notices() {
    leaves_nothing(async {
        let timers = TimerConfig { t1: Duration::from_millis(20), ..TimerConfig::default() };
        let bob = UserAgent::builder("sip:bob@127.0.0.1").timers(timers).bind(localhost());
        let bob = bob.driver(|driver| driver.tcp(localhost())).connect().await.unwrap();
        let tcp = bob.local_addrs()[1].addr;
        let talk = Talk::begin(bob).await;
        let (mut reader, mut writer) = TcpStream::connect(tcp).await.unwrap().into_split();
        let begun = Instant::now();
        let dripping = async {
            for byte in OPTIONS.bytes().cycle() {
                if writer.write_all(&[byte]).await.is_err() {
                    break;
                }
                sleep(Duration::from_millis(50)).await;
            }
        };
        let mut nothing = Vec::new();
        soon(async {
            tokio::select! {
                () = dripping => {}
                _ = reader.read_to_end(&mut nothing) => {}
            }
        })
        .await;
        // 64 times T1, and not as long as the whole message would have taken.
        assert!(begun.elapsed() > Duration::from_millis(1200) && begun.elapsed() < Duration::from_secs(10));
        assert!(nothing.is_empty());
        talk.goes_on_and_ends().await;
    });
}

#[test]
fn a_flood_from_one_source_leaves_room_for_others() {
    leaves_nothing(async {
        let talk = Talk::begin(agent("bob").await).await;
        let at = talk.bob.local_addrs()[0].addr;
        // Another address than that of those who talk: the whole network 127 is here.
        let flood = UdpSocket::bind(SocketAddr::from(([127, 0, 0, 66], 0))).await.unwrap();
        for number in 0..50_000 {
            // One that does not fit into the socket's buffer has been lost on the way.
            let _ = flood.try_send_to(OPTIONS.replace('%', &number.to_string()).as_bytes(), at);
            if number % 100 == 0 {
                tokio::task::yield_now().await;
            }
        }
        let mut answers = 0;
        let mut buffer = [0; 2000];
        while timeout(Duration::from_millis(300), flood.recv(&mut buffer)).await.is_ok() {
            answers += 1;
        }
        assert!(answers > 0 && answers < 20_000, "{answers} answers");
        talk.goes_on_and_ends().await;
    });
}

/// A server that answers one REGISTER with 200 and every ping, and then, if it shall, nothing more though the connection
/// stays.
async fn half_open(listener: TcpListener, silent_after: Option<usize>) {
    let mut silent_after = silent_after;
    let mut kept = Vec::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        let left = silent_after.take();
        kept.push(tokio::spawn(serve(stream, left)));
    }
}

async fn serve(mut stream: TcpStream, mut left: Option<usize>) {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut part).await {
        if left == Some(0) {
            continue;
        }
        bytes.extend_from_slice(&part[..count]);
        if bytes == b"\r\n\r\n" {
            bytes.clear();
            let _ = stream.write_all(b"\r\n").await;
            left = left.map(|left| left - 1);
            continue;
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, _)) = text.split_once("\r\n\r\n") else { continue };
        bytes.clear();
        let _ = stream.write_all(granted(head).as_bytes()).await;
    }
}

/// The answer of a registrar that agrees to everything.
fn granted(head: &str) -> String {
    let keep = |line: &&str| {
        ["Via:", "From:", "To:", "Call-ID:", "CSeq:", "Contact:"].iter().any(|name| line.starts_with(name))
    };
    let lines: Vec<String> = head.lines().filter(keep).map(|line| format!("{line}\r\n")).collect();
    format!("SIP/2.0 200 OK\r\n{}Expires: 300\r\nContent-Length: 0\r\n\r\n", lines.concat())
}

#[test]
fn a_half_open_connection_is_found_and_replaced() {
    leaves_nothing(async {
        let listener = TcpListener::bind(localhost()).await.unwrap();
        let at = listener.local_addr().unwrap();
        let server = tokio::spawn(half_open(listener, Some(2)));
        let alice = UserAgent::builder("sip:alice@sip.test").server(format!("sip:{at};transport=tcp")).with(|config| {
            config.keep_alive = Duration::from_millis(200);
            config.pong_timeout = Duration::from_millis(300);
        });
        let alice = alice.connect().await.unwrap();
        soon(alice.register()).await.unwrap();
        let mut told = alice.events();
        // Lost, connected again, registered again: each once.
        let mut words = Vec::new();
        while !words.iter().any(|word: &String| word.contains("Registered")) || words.len() < 3 {
            let event = format!("{:?}", soon(told.next()).await.expect("an event"));
            if event.contains("Disconnected") || event.contains("Connected") || event.contains("Registered") {
                words.push(event);
            }
        }
        assert!(words.iter().filter(|word| word.contains("Disconnected")).count() <= 1, "{words:?}");
        soon(alice.shutdown(Duration::from_secs(2))).await.unwrap();
        server.abort();
    });
}

/// A registrar over UDP that wants keep-alives, and answers the first after each REGISTER as it is; the second after the
/// first one as if a NAT had changed our address, or not at all. Tells of each REGISTER.
async fn keeper(socket: UdpSocket, silent: bool, registered: tokio::sync::mpsc::UnboundedSender<()>) {
    let mut buffer = [0; 4096];
    let (mut registrations, mut asked) = (0, Vec::new());
    while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
        let answer = match Stun::parse(&buffer[..length]) {
            Some(Stun::Request { id, .. }) => {
                if !asked.contains(&id) {
                    asked.push(id);
                }
                match (registrations, asked.len()) {
                    (1, 2) if silent => continue,
                    (1, 2) => Stun::answer(&id, &[], ([192, 0, 2, 1], 1).into()).to_vec(),
                    _ => Stun::answer(&id, &[], from).to_vec(),
                }
            }
            _ => {
                let text = String::from_utf8_lossy(&buffer[..length]);
                let head = text.split_once("\r\n\r\n").expect("a whole message").0;
                if head.starts_with("REGISTER ") && !head.contains("Expires: 0") {
                    assert!(head.contains(";keep\r\n") && head.contains(";reg-id=1"), "{head}");
                    registrations += 1;
                    let _ = registered.send(());
                }
                granted(&head.replace(";keep\r\n", ";keep=1\r\n")).into_bytes()
            }
        };
        let _ = socket.send_to(&answer, from).await;
    }
}

// RFC 5626 4.4.2
#[test]
fn a_flow_over_udp_that_is_dead_or_has_moved_is_found_and_replaced() {
    for (silent, at) in [(true, localhost()), (false, localhost()), (false, (Ipv6Addr::LOCALHOST, 0).into())] {
        leaves_nothing(async {
            let socket = UdpSocket::bind(at).await.unwrap();
            let at = socket.local_addr().unwrap();
            let (told, mut registered) = tokio::sync::mpsc::unbounded_channel();
            let server = tokio::spawn(keeper(socket, silent, told));
            let timers = TimerConfig { t1: Duration::from_millis(20), ..TimerConfig::default() };
            let alice = UserAgent::builder("sip:alice@sip.test").server(format!("sip:{at}")).timers(timers);
            let alice = alice.connect().await.unwrap();
            let mut events = alice.events();
            soon(alice.register()).await.unwrap();
            soon(registered.recv()).await.unwrap();
            soon(registered.recv()).await.unwrap();
            soon(alice.shutdown(Duration::from_secs(2))).await.unwrap();
            let mut lost = Vec::new();
            while let Some(event) = soon(events.next()).await {
                if let AgentEvent::Connection(ConnectionState::Disconnected(why)) = event {
                    lost.push(why.unwrap_or_default());
                }
            }
            let why = match silent {
                true => "the connection is dead: nothing answers a keep-alive",
                false => "the address that the server sees has changed",
            };
            assert_eq!(lost, [why.into()], "once");
            server.abort();
        });
    }
}

#[cfg(feature = "dns")]
#[test]
fn a_name_server_that_is_silent_or_raves_is_a_typed_failure_in_time() {
    leaves_nothing(async {
        for raves in [false, true] {
            let socket = UdpSocket::bind(localhost()).await.unwrap();
            let at = socket.local_addr().unwrap();
            let server = tokio::spawn(async move {
                let mut buffer = [0; 1500];
                while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                    if raves {
                        let _ = socket.send_to(&buffer[..length / 2], from).await;
                    }
                }
            });
            let mut limits = Limits::default();
            limits.connect = Duration::from_millis(500);
            let dns = offhook::Dns::servers(vec![at]);
            let alice = UserAgent::builder("sip:alice@sip.test").server("sip:nowhere.test;transport=tcp");
            let alice = alice.with(|config| config.connect_timeout = Duration::from_millis(700));
            let alice = alice.driver(move |driver| driver.dns(dns).limits(limits));
            let begun = Instant::now();
            match soon(alice.connect()).await {
                Err(Error::Transport(_)) => {}
                other => panic!("{other:?}"),
            }
            assert!(begun.elapsed() < Duration::from_secs(5));
            server.abort();
        }
    });
}
