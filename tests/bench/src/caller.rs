//! A caller of our own, for what SIPp does not do: WebSockets, and times finer than a millisecond.
//!
//! It offers calls at a rate, whatever becomes of them: INVITE, and when it is answered ACK and BYE.

use std::collections::HashMap;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use offhook_workload::messages::OFFER;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

/// How long the last calls may take.
const LINGER: Duration = Duration::from_secs(10);

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    pub calls: u64,
    pub failed: u64,
    /// From INVITE to its 200, ns, in order of length.
    pub setups: Vec<u64>,
}

/// Makes the calls of one caller others than those of the next.
static CALLERS: AtomicU64 = AtomicU64::new(0);

struct Caller {
    id: u64,
    transport: &'static str,
    address: String,
    rate: f64,
    count: u64,
    started: Instant,
    begun: u64,
    ended: u64,
    /// When each INVITE was sent that has no answer.
    waiting: HashMap<u64, Instant>,
    setups: Vec<u64>,
}

impl Caller {
    fn new(transport: &'static str, address: String, rate: u32, count: u64) -> Caller {
        Caller {
            id: CALLERS.fetch_add(1, Relaxed),
            transport,
            address,
            rate: f64::from(rate),
            count,
            started: Instant::now(),
            begun: 0,
            ended: 0,
            waiting: HashMap::new(),
            setups: Vec::new(),
        }
    }

    /// The INVITEs that are due.
    fn due(&mut self) -> Vec<String> {
        let due = (self.started.elapsed().as_secs_f64() * self.rate) as u64;
        let due = due.min(self.count).saturating_sub(self.begun).min(64);
        (0..due)
            .map(|_| {
                self.begun += 1;
                self.waiting.insert(self.begun, Instant::now());
                self.request("INVITE", self.begun, 1, "", OFFER)
            })
            .collect()
    }

    /// What a response is answered with.
    fn on_response(&mut self, text: &str) -> Vec<String> {
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim();
        let number: u64 = field("Call-ID:").split('-').next().and_then(|number| number.parse().ok()).unwrap_or(0);
        let tag = field("To:").split_once(";tag=").map_or("", |(_, tag)| tag).to_owned();
        if !text.starts_with("SIP/2.0 200") {
            return Vec::new();
        }
        if field("CSeq:").ends_with("BYE") {
            self.ended += 1;
            return Vec::new();
        }
        if let Some(sent) = self.waiting.remove(&number) {
            self.setups.push(sent.elapsed().as_nanos() as u64);
            return vec![self.request("ACK", number, 1, &tag, ""), self.request("BYE", number, 2, &tag, "")];
        }
        Vec::new()
    }

    fn request(&self, method: &str, number: u64, cseq: u32, tag: &str, body: &str) -> String {
        let (transport, address, id) = (self.transport, &self.address, self.id);
        let tag = if tag.is_empty() { String::new() } else { format!(";tag={tag}") };
        let content = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        format!(
            "{method} sip:bench@127.0.0.1 SIP/2.0\r\n\
             Via: SIP/2.0/{transport} {address};branch=z9hG4bK-{id}-{number}-{cseq}-{method};rport\r\n\
             From: caller <sip:caller@127.0.0.1>;tag=c{id}-{number}\r\n\
             To: bench <sip:bench@127.0.0.1>{tag}\r\n\
             Call-ID: {number}-{id}@127.0.0.1\r\n\
             CSeq: {cseq} {method}\r\n\
             Contact: <sip:caller@{address}>\r\n\
             Max-Forwards: 70\r\n{content}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    fn is_over(&self) -> bool {
        let time = Duration::from_secs_f64(self.count as f64 / self.rate) + LINGER;
        self.ended >= self.count || self.started.elapsed() > time
    }

    fn outcome(mut self) -> Outcome {
        self.setups.sort_unstable();
        Outcome { calls: self.ended, failed: self.count - self.ended.min(self.count), setups: self.setups }
    }
}

/// Calls over UDP.
pub fn udp(port: u16, rate: u32, count: u64) -> Result<Outcome, String> {
    let error = |error: std::io::Error| error.to_string();
    let socket = UdpSocket::bind("127.0.0.1:0").map_err(error)?;
    socket.connect(("127.0.0.1", port)).map_err(error)?;
    socket.set_read_timeout(Some(Duration::from_micros(300))).map_err(error)?;
    let mut caller = Caller::new("UDP", socket.local_addr().map_err(error)?.to_string(), rate, count);
    let mut buffer = [0; 4096];
    while !caller.is_over() {
        for message in caller.due() {
            socket.send(message.as_bytes()).map_err(error)?;
        }
        // Nothing in time: look what is due.
        let Ok(length) = socket.recv(&mut buffer) else { continue };
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        for message in caller.on_response(&text) {
            socket.send(message.as_bytes()).map_err(error)?;
        }
    }
    Ok(caller.outcome())
}

/// Calls over one WebSocket.
pub fn ws(port: u16, rate: u32, count: u64) -> Result<Outcome, String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let error = |error: tokio_tungstenite::tungstenite::Error| error.to_string();
        let mut request = format!("ws://127.0.0.1:{port}/").into_client_request().map_err(error)?;
        request.headers_mut().insert("Sec-WebSocket-Protocol", "sip".parse().expect("a value"));
        let (mut socket, _) = tokio_tungstenite::connect_async(request).await.map_err(error)?;
        let mut caller = Caller::new("WS", "df7jal23ls0d.invalid".into(), rate, count);
        let mut tick = tokio::time::interval(Duration::from_millis(1));
        while !caller.is_over() {
            let messages = tokio::select! {
                _ = tick.tick() => caller.due(),
                message = socket.next() => match message {
                    Some(Ok(Message::Text(text))) => caller.on_response(text.as_str()),
                    Some(Ok(_)) => Vec::new(),
                    Some(Err(failed)) => return Err(failed.to_string()),
                    None => return Err("the server closed the connection".into()),
                },
            };
            for message in messages {
                socket.send(Message::text(message)).await.map_err(error)?;
            }
        }
        Ok(caller.outcome())
    })
}
