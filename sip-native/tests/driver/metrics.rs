//! Metrics as a program's recorder gets them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use offhook::core::transport::Transport;
use offhook::metrics::{Kind, METRICS};
use offhook::{AnswerOptions, CallOptions, Limits, UserAgent};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use crate::echo::{Echo, Node, localhost, soon, target};

/// Remembers what was recorded, by name and labels.
#[derive(Clone, Default)]
struct Books(Arc<Mutex<BTreeMap<String, (Kind, f64)>>>);

struct Line {
    books: Books,
    name: String,
}

impl Line {
    fn change(&self, change: impl FnOnce(&mut f64)) {
        change(&mut self.books.0.lock().unwrap().get_mut(&self.name).unwrap().1);
    }
}

impl CounterFn for Line {
    fn increment(&self, value: u64) {
        self.change(|sum| *sum += value as f64);
    }
    fn absolute(&self, _: u64) {
        panic!("several endpoints have to add up");
    }
}

impl GaugeFn for Line {
    fn increment(&self, value: f64) {
        self.change(|sum| *sum += value);
    }
    fn decrement(&self, value: f64) {
        self.change(|sum| *sum -= value);
    }
    fn set(&self, _: f64) {
        panic!("several endpoints have to add up");
    }
}

impl HistogramFn for Line {
    fn record(&self, _: f64) {
        self.change(|count| *count += 1.0);
    }
}

impl Books {
    fn line(&self, key: &Key, kind: Kind) -> Arc<Line> {
        let metric = METRICS.iter().find(|metric| metric.name == key.name());
        let metric = metric.unwrap_or_else(|| panic!("{} is not in the table", key.name()));
        let labels: Vec<&str> = key.labels().map(|label| label.key()).collect();
        assert_eq!((metric.kind, metric.labels), (kind, &labels[..]), "{}", key.name());
        let values: Vec<&str> = key.labels().map(|label| label.value()).collect();
        let name = format!("{} {}", key.name(), values.join(" ")).trim_end().to_owned();
        self.0.lock().unwrap().entry(name.clone()).or_insert((kind, 0.0));
        Arc::new(Line { books: self.clone(), name })
    }

    fn value(&self, name: &str) -> f64 {
        let books = self.0.lock().unwrap();
        books.get(name).unwrap_or_else(|| panic!("no {name}, but {:#?}", books.keys())).1
    }
}

impl Recorder for Books {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.line(key, Kind::Counter))
    }
    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.line(key, Kind::Gauge))
    }
    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.line(key, Kind::Histogram))
    }
}

/// Runs something whose metrics go into these books.
fn recorded(run: impl Future<Output = ()>) -> Books {
    let books = Books::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    metrics::with_local_recorder(&books, || runtime.block_on(run));
    books
}

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n";

#[test]
fn a_call_is_counted_on_both_sides_and_nothing_is_left_when_they_stop() {
    let books = recorded(async {
        let agent = |name: &str| UserAgent::builder(&format!("sip:{name}@127.0.0.1")).bind(localhost()).connect();
        let (alice, bob) = (agent("alice").await.unwrap(), agent("bob").await.unwrap());
        let at: SocketAddr = bob.local_addrs()[0].addr;
        let mut calls = bob.incoming();
        let call = alice.call(&format!("sip:bob@{at}"), CallOptions::with_sdp(SDP)).await.unwrap();
        let incoming = soon(calls.next()).await.unwrap();
        soon(incoming.answer(AnswerOptions::with_sdp(SDP))).await.unwrap();
        soon(call.established()).await.unwrap();
        soon(incoming.established()).await.unwrap();
        soon(call.hangup()).await.unwrap();
        for agent in [alice, bob] {
            soon(agent.shutdown(Duration::from_secs(2))).await.unwrap();
        }
    });
    for direction in ["in", "out"] {
        for once in ["calls_total", "calls_established_total"] {
            assert_eq!(books.value(&format!("offhook_{once} {direction}")), 1.0, "{once}");
        }
        for kind in ["INVITE", "ACK", "BYE"] {
            assert!(books.value(&format!("offhook_messages_total {direction} {kind}")) >= 1.0);
        }
        assert_eq!(books.value(&format!("offhook_messages_total {direction} 200")), 2.0);
        assert!(books.value(&format!("offhook_bytes_total udp {direction}")) > 1000.0);
    }
    for nothing in ["calls", "dialogs", "transactions client", "transactions server", "registered"] {
        assert_eq!(books.value(&format!("offhook_{nothing}")), 0.0, "{nothing}");
    }
    assert!(books.value("offhook_timer_lag_seconds") >= 0.0);
}

#[test]
fn connections_are_counted_as_they_come_and_go() {
    let books = recorded(async {
        let mut limits = Limits::default();
        limits.connections_per_source = 1;
        let server = Node::start(Echo::echoing(), |driver| driver.limits(limits).tcp(localhost()));
        let mut client = Node::client();
        let path = client.connect(target(Transport::Tcp, server.addr())).await;
        client.send(path, "hello").await;
        client.received().await;
        // One too many of its source.
        let mut refused = TcpStream::connect(server.addr()).await.unwrap();
        let _ = soon(refused.read_u8()).await;
        client.run(move |machine, _| machine.close(path.flow)).await;
        let closed = TcpListener::bind(localhost()).await.unwrap().local_addr().unwrap();
        client.refused(target(Transport::Tcp, closed)).await;
        for node in [&client, &server] {
            node.handle.stop();
            soon(node.handle.stopped()).await;
        }
    });
    assert_eq!(books.value("offhook_connections_total tcp opened"), 1.0);
    assert_eq!(books.value("offhook_connections_total tcp accepted"), 1.0);
    assert_eq!(books.value("offhook_connections tcp"), 0.0);
    assert_eq!(books.value("offhook_connection_failures_total tcp refused"), 1.0);
    assert_eq!(books.value("offhook_connections_ended_total tcp closed"), 1.0);
    assert!(books.value("offhook_connections_refused_total source") >= 1.0);
    assert_eq!(books.value("offhook_connect_seconds tcp"), 1.0);
    assert_eq!(books.value("offhook_bytes_total tcp out"), 10.0);
    assert_eq!(books.value("offhook_bytes_total tcp in"), 10.0);
}

#[test]
fn handshakes_that_fail_and_questions_are_counted() {
    let books = recorded(async {
        let mut limits = Limits::default();
        limits.handshake = Duration::from_millis(50);
        let server = Node::start(Echo::silent(), |driver| driver.limits(limits).ws(localhost()));
        let mut silent = TcpStream::connect(server.addr()).await.unwrap();
        let _ = soon(silent.read_u8()).await;
        let mut client = Node::client();
        let query = offhook::core::transport::QueryId::from_number(1);
        let ask = offhook::core::transport::Output::Resolve { query, name: "no such name".into() };
        client.run(move |machine, _| machine.outputs.push_back(ask)).await;
        client.next().await;
        server.handle.stop();
        soon(server.handle.stopped()).await;
    });
    assert_eq!(books.value("offhook_handshake_failures_total ws"), 1.0);
    assert_eq!(books.value("offhook_lookups_total addresses unresolved"), 1.0);
    assert_eq!(books.value("offhook_lookup_seconds addresses"), 1.0);
}
