//! The switchboard on real sockets: agents call each other through it, and the program starts and stops.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use offhook::{AnswerOptions, CallOptions, UserAgent};
use offhook_examples::switchboard::web::Site;
use offhook_examples::switchboard::{Config, Listen, Server};

const OFFER: &str =
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";

fn start() -> Server {
    let any = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    let listen = Listen { udp: any, tcp: any, http: any, ..Listen::default() };
    Server::start(Config::default(), listen, Site::of_source_tree(), |_| {}).unwrap()
}

async fn agent(user: &str, server: &str) -> UserAgent {
    UserAgent::builder(&format!("sip:{user}@offhook.test"))
        .server(server)
        .password(format!("{user}-secret"))
        .connect()
        .await
        .unwrap()
}

#[tokio::test]
async fn agents_call_each_other_over_every_pair_of_transports() {
    let server = start();
    let listen = server.listen();
    let ways = [
        format!("sip:{};transport=udp", listen.udp.unwrap()),
        format!("sip:{};transport=tcp", listen.tcp.unwrap()),
        server.websocket().unwrap(),
    ];
    for from in &ways {
        for to in &ways {
            let (alice, bob) = (agent("alice", from).await, agent("bob", to).await);
            bob.register().await.unwrap();
            let mut incoming = bob.incoming();
            let call = alice.call("sip:bob@offhook.test", CallOptions::with_sdp(OFFER)).await.unwrap();
            let answered = incoming.next().await.unwrap();
            answered.ring().await.unwrap();
            answered.answer(AnswerOptions::with_sdp(OFFER)).await.unwrap();
            call.established().await.unwrap();
            answered.established().await.unwrap();
            answered.hangup().await.unwrap();
            call.ended().await.unwrap();
            bob.shutdown(Duration::from_secs(2)).await.unwrap();
            alice.shutdown(Duration::from_secs(2)).await.unwrap();
            assert_eq!(server.counts().await.bindings, 0, "{from} {to}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn a_wrong_password_registers_nobody() {
    let server = start();
    let alice = UserAgent::builder("sip:alice@offhook.test")
        .server(server.websocket().unwrap())
        .password("wrong")
        .connect()
        .await
        .unwrap();
    assert!(alice.register().await.is_err());
    assert_eq!(server.counts().await.bindings, 0);
}

/// The program, killed with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended if the test went well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(unix)]
#[test]
fn the_program_tells_its_addresses_and_stops_when_asked() {
    let mut program = Program(
        Command::new(env!("CARGO_BIN_EXE_switchboard"))
            .args(["--udp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--domain", "example.test", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let mut line = String::new();
    BufReader::new(program.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let addresses: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(addresses["domain"], "example.test");
    assert!(addresses["udp"].as_str().unwrap().parse::<SocketAddr>().is_ok());
    assert!(addresses["tcp"].is_null());
    let http = addresses["http"].as_str().unwrap();
    assert_eq!(addresses["ws"], format!("ws://{http}/ws"));
    assert!(get(http, "/healthz").starts_with("HTTP/1.1 200 "));
    assert!(get(http, "/").contains("text/html"));
    assert!(get(http, "/../Cargo.toml").starts_with("HTTP/1.1 404 "));
    assert!(get(http, "/ws").starts_with("HTTP/1.1 426 "));

    let stopped = Command::new("kill").arg(program.0.id().to_string()).status().unwrap();
    assert!(stopped.success());
    assert!(program.0.wait().unwrap().success());
}

/// The whole response to a GET.
fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut response = Vec::new();
    stream.read_to_end(&mut response).unwrap();
    String::from_utf8_lossy(&response).into_owned()
}
