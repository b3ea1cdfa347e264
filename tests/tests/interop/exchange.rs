//! The server between the agents of a case.

use offhook_core::transport::Transport;
use offhook_tests::certificates::Certificates;
use offhook_tests::programs::{Agent, Asterisk, Kamailio};
use serde_json::{Value, json};

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A proxy: descriptions and most header fields pass as they are.
    Kamailio,
    /// A back-to-back user agent: whoever calls has a call with it.
    Asterisk,
}

impl Kind {
    pub(crate) const ALL: [Kind; 2] = [Kind::Kamailio, Kind::Asterisk];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Kamailio => "Kamailio",
            Kind::Asterisk => "Asterisk",
        }
    }
}

enum Server {
    Kamailio(Kamailio),
    Asterisk(Asterisk),
}

/// A running server, and the transport it is spoken to.
pub(crate) struct Exchange {
    pub(crate) kind: Kind,
    pub(crate) transport: Transport,
    server: Server,
}

impl Exchange {
    pub(crate) fn start(kind: Kind, transport: Transport) -> Exchange {
        let server = match kind {
            Kind::Kamailio => Server::Kamailio(Kamailio::full()),
            Kind::Asterisk => Server::Asterisk(Asterisk::start()),
        };
        Exchange { kind, transport, server }
    }

    /// Where agents find it.
    pub(crate) fn address(&self) -> String {
        match &self.server {
            Server::Kamailio(kamailio) => kamailio.address(self.transport),
            Server::Asterisk(asterisk) => asterisk.address(self.transport),
        }
    }

    /// An agent that answers offers by itself.
    pub(crate) fn agent(&self, user: &str, more: &[&str]) -> Agent {
        agent(user, &self.address(), more)
    }

    /// The same, registered.
    pub(crate) fn registered(&self, user: &str) -> Agent {
        let mut agent = self.agent(user, &[]);
        agent.must("register", json!({}));
        agent
    }
}

/// An agent that answers offers by itself, and trusts the servers of the tests.
pub(crate) fn agent(user: &str, server: &str, more: &[&str]) -> Agent {
    let certificates = Certificates::of_this_process().unwrap_or_else(|error| panic!("{error}"));
    let roots = certificates.roots.display().to_string();
    let mut options = vec!["--automatic-media", "--tls-roots", &roots];
    options.extend(more);
    Agent::start(user, server, &options)
}

/// A description as an application may bring it. Nobody is at its port.
pub(crate) fn sdp() -> &'static str {
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
     m=audio 9 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n"
}

/// `caller` calls and `callee` answers; the number of the call on either side.
pub(crate) fn call(caller: &mut Agent, callee: &mut Agent, target: &str) -> (Value, Value) {
    let a = caller.must("call", json!({ "target": target, "sdp": sdp() }))["call"].clone();
    let b = answers(callee);
    established(caller, &a);
    (a, b)
}

/// Rings and answers; the number of the call.
pub(crate) fn answers(callee: &mut Agent) -> Value {
    let call = callee.hears("incoming")["call"].clone();
    callee.must("ring", json!({ "call": call }));
    callee.must("answer", json!({ "call": call, "sdp": sdp() }));
    established(callee, &call);
    call
}

pub(crate) fn established(agent: &mut Agent, call: &Value) {
    agent.once_told("state", |said| said["call"] == *call && said["state"] == "established");
}

/// How the call ended.
pub(crate) fn ended(agent: &mut Agent, call: &Value, by: &str) -> Value {
    let ended = agent.once_told("ended", |said| said["call"] == *call);
    assert_eq!(ended["end"]["by"], by, "{ended}");
    ended["end"].clone()
}
