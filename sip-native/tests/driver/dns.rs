//! Names through name servers of the test's own: records, addresses, silence, lies; and calls that find their way by them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hickory_resolver::proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, NAPTR, SRV};
use hickory_resolver::proto::rr::{Name, RData, Record as DnsRecord, RecordType};
use offhook::core::transport::{
    FlowError, FlowErrorKind, Naptr, Output, QueryId, Record, RecordKind, Srv, Target, Transport,
};
use offhook::{AnswerOptions, CallOptions, Dns, Limits, UserAgent};
use tokio::net::{TcpListener, UdpSocket};

use crate::echo::{Echo, Node, Seen, localhost, soon, target};

/// A name server that knows some records, and remembers what it was asked.
struct NameServer {
    addr: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Zone = HashMap<(String, RecordType), Vec<RData>>;

fn name(text: &str) -> Name {
    Name::from_ascii(format!("{text}.")).unwrap()
}

fn srv(priority: u16, port: u16, target: &str) -> RData {
    RData::SRV(SRV::new(priority, 0, port, name(target)))
}

fn naptr(order: u16, service: &str, replacement: &str) -> RData {
    RData::NAPTR(NAPTR::new(order, 10, b"s"[..].into(), service.as_bytes().into(), b""[..].into(), name(replacement)))
}

fn address(ip: [u8; 4]) -> RData {
    RData::A(A(ip.into()))
}

impl NameServer {
    async fn of(records: Vec<(&str, RData)>) -> NameServer {
        let mut zone = Zone::new();
        for (name, data) in records {
            zone.entry((format!("{name}."), data.record_type())).or_default().push(data);
        }
        NameServer::answering(move |query| Some(answer(&zone, query))).await
    }

    /// One that answers each message with these bytes, or not.
    async fn answering(answer: impl Fn(&[u8]) -> Option<Vec<u8>> + Send + 'static) -> NameServer {
        let socket = UdpSocket::bind(localhost()).await.unwrap();
        let addr = socket.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = asked.clone();
        let task = tokio::spawn(async move {
            let mut buffer = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                if let Ok(message) = Message::from_vec(&buffer[..length]) {
                    let question = |query: &hickory_resolver::proto::op::Query| {
                        format!("{} {}", query.query_type(), query.name()).to_lowercase()
                    };
                    noted.lock().unwrap().extend(message.queries.iter().map(question));
                }
                if let Some(answer) = answer(&buffer[..length]) {
                    let _ = socket.send_to(&answer, from).await;
                }
            }
        });
        NameServer { addr, asked, task }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer(zone: &Zone, query: &[u8]) -> Vec<u8> {
    let query = Message::from_vec(query).unwrap();
    let mut message = Message::new(query.metadata.id, MessageType::Response, OpCode::Query);
    message.metadata.authoritative = true;
    message.metadata.recursion_available = true;
    for question in &query.queries {
        let asked = question.name().to_ascii().to_lowercase();
        match zone.get(&(asked.clone(), question.query_type())) {
            Some(found) => {
                for data in found {
                    message.add_answer(DnsRecord::from_rdata(question.name().clone(), 60, data.clone()));
                }
            }
            None if zone.keys().any(|(name, _)| *name == asked) => {}
            None => message.metadata.response_code = ResponseCode::NXDomain,
        }
        message.queries.push(question.clone());
    }
    message.to_vec().unwrap()
}

/// Asks through a driver that uses these name servers.
async fn look_up(
    servers: &[SocketAddr],
    within: Duration,
    name: &'static str,
    kind: RecordKind,
) -> Result<Vec<Record>, FlowError> {
    let mut limits = Limits::default();
    limits.connect = within;
    let dns = Dns::servers(servers.to_vec());
    let mut node = Node::start(Echo::silent(), |driver| driver.limits(limits).dns(dns));
    let ask = Output::Lookup { query: QueryId::from_number(7), name: name.into(), kind };
    node.run(move |machine, _| machine.outputs.push_back(ask)).await;
    match node.next().await {
        Seen::LookedUp(query, result) => {
            assert_eq!(query.number(), 7);
            result
        }
        other => panic!("expected an answer, saw {other:?}"),
    }
}

const LONG: Duration = Duration::from_secs(8);

#[tokio::test]
async fn records_are_found_and_none_is_no_error() {
    let server = NameServer::of(vec![
        ("example.test", naptr(10, "SIPS+D2T", "_sips._tcp.example.test")),
        ("_sip._udp.example.test", srv(1, 5070, "a.example.test")),
        ("_sip._tcp.example.test", srv(1, 0, "")),
    ])
    .await;
    let naptr = look_up(&[server.addr], LONG, "example.test", RecordKind::Naptr).await.unwrap();
    let expected = Naptr {
        order: 10,
        preference: 10,
        flags: "s".into(),
        service: "SIPS+D2T".into(),
        replacement: "_sips._tcp.example.test".into(),
    };
    assert_eq!(naptr, [Record::Naptr(expected)]);
    let srv = look_up(&[server.addr], LONG, "_sip._udp.example.test", RecordKind::Srv).await.unwrap();
    assert_eq!(srv, [Record::Srv(Srv { priority: 1, weight: 0, port: 5070, target: "a.example.test".into() })]);
    let none = look_up(&[server.addr], LONG, "_sip._tcp.example.test", RecordKind::Srv).await.unwrap();
    assert_eq!(none, [Record::Srv(Srv { priority: 1, weight: 0, port: 0, target: ".".into() })]);
    for (name, kind) in [("_sip._udp.example.test", RecordKind::Naptr), ("nobody.test", RecordKind::Srv)] {
        assert_eq!(look_up(&[server.addr], LONG, name, kind).await, Ok(Vec::new()), "{name}");
    }
    let odd = look_up(&[server.addr], LONG, "not a name at all..", RecordKind::Srv).await;
    assert_eq!(odd, Ok(Vec::new()));
}

#[tokio::test]
async fn a_silent_name_server_is_passed_over_or_a_timeout() {
    let silent = NameServer::answering(|_| None).await;
    let server = NameServer::of(vec![("_sip._udp.example.test", srv(1, 5070, "a.example.test"))]).await;
    let servers = [silent.addr, server.addr];
    let found = look_up(&servers, LONG, "_sip._udp.example.test", RecordKind::Srv).await.unwrap();
    assert_eq!(found.len(), 1);
    let short = Duration::from_millis(100);
    let error = look_up(&[silent.addr], short, "example.test", RecordKind::Srv).await.unwrap_err();
    assert_eq!(error.kind, FlowErrorKind::Timeout);
}

#[tokio::test]
async fn a_name_server_that_lies_or_raves_gives_nothing() {
    let liar = NameServer::answering(|query| {
        // Another name's records, under another number.
        let mut message = Message::from_vec(query).unwrap();
        message.metadata.id = message.metadata.id.wrapping_add(1);
        message.metadata.message_type = MessageType::Response;
        message.add_answer(DnsRecord::from_rdata(name("evil.test"), 60, srv(1, 1, "evil.test")));
        message.to_vec().ok()
    })
    .await;
    let raving = NameServer::answering(|_| Some(vec![0xff; 40])).await;
    for server in [liar, raving] {
        let within = Duration::from_millis(300);
        let answer = look_up(&[server.addr], within, "_sip._udp.example.test", RecordKind::Srv).await;
        assert!(answer.clone().is_err() || answer == Ok(Vec::new()), "{answer:?}");
    }
}

#[tokio::test]
async fn connections_use_the_same_name_servers() {
    let server = NameServer::of(vec![("pbx.example.test", address([127, 0, 0, 1]))]).await;
    let listener = Node::start(Echo::echoing(), |driver| driver.tcp(localhost()));
    let dns = Dns::servers(vec![server.addr]);
    let mut client = Node::start(Echo::silent(), |driver| driver.dns(dns));
    let to = target(Transport::Tcp, listener.addr());
    let path = client.connect(Target { host: "pbx.example.test".into(), addr: None, ..to }).await;
    assert_eq!(path.remote, listener.addr());
}

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n";

/// Alice calls bob at a domain whose records lead first to a server where nobody listens, then to bob.
async fn call_by_records(service: &'static str, bob: UserAgent, transport: Transport, nobody: SocketAddr) {
    let listens = bob.local_addrs().iter().find(|listen| listen.transport == transport).unwrap();
    let server = NameServer::of(vec![
        (service, srv(1, nobody.port(), "gone.example.test")),
        (service, srv(2, listens.addr.port(), "bob.example.test")),
        ("gone.example.test", address([127, 0, 0, 1])),
        ("bob.example.test", address([127, 0, 0, 1])),
    ])
    .await;
    let dns = Dns::servers(vec![server.addr]);
    let alice = UserAgent::builder("sip:alice@example.test").bind(localhost()).driver(|driver| driver.dns(dns));
    let alice = alice.connect().await.unwrap();
    let mut calls = bob.incoming();
    let call = alice.call("sip:bob@example.test", CallOptions::with_sdp(SDP)).await.unwrap();
    let incoming = soon(calls.next()).await.unwrap();
    soon(incoming.answer(AnswerOptions::with_sdp(SDP))).await.unwrap();
    soon(call.established()).await.unwrap();
    soon(call.hangup()).await.unwrap();
    let asked = server.asked();
    let wanted = ["naptr example.test.".to_owned(), format!("srv {service}."), "a gone.example.test.".to_owned()];
    assert!(wanted.iter().all(|question| asked.contains(question)), "{asked:?}");
    for agent in [alice, bob] {
        soon(agent.shutdown(Duration::from_secs(2))).await.unwrap();
    }
}

#[cfg(target_os = "linux")] // elsewhere nobody says that nobody listens
#[tokio::test]
async fn a_call_passes_over_a_udp_server_where_nobody_listens() {
    let nobody = UdpSocket::bind(localhost()).await.unwrap().local_addr().unwrap();
    let bob = UserAgent::builder("sip:bob@example.test").bind(localhost()).connect().await.unwrap();
    call_by_records("_sip._udp.example.test", bob, Transport::Udp, nobody).await;
}

#[tokio::test]
async fn a_call_passes_over_a_tcp_server_where_nobody_listens() {
    let nobody = TcpListener::bind(localhost()).await.unwrap().local_addr().unwrap();
    let bob = UserAgent::builder("sip:bob@example.test").driver(|driver| driver.tcp(localhost()));
    call_by_records("_sip._tcp.example.test", bob.connect().await.unwrap(), Transport::Tcp, nobody).await;
}
