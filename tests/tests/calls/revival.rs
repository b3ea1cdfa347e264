//! An agent in plain messages whose machine has panicked: what was under way is told to be over, and it begins anew on the
//! same flows (`Machine::begin_anew`).

use std::task::{Context, Waker};

use offhook_core::control::{AgentConfig, Command, Control};
use offhook_core::time::Instant;
use offhook_core::transport::{FlowId, FlowInfo, Machine, Output, Path, Transport};
use offhook_tests::endpoint::{ANSWER, OFFER, response};
use offhook_tests::net::label;
use offhook_tests::sip::Text;
use serde_json::{Value, json};

const NOW: Instant = Instant::from_millis(0);

/// An agent at 192.0.2.9 whose server, at 192.0.2.1, the test plays.
struct Desk {
    control: Control,
    flow: FlowId,
    info: FlowInfo,
    sent: Vec<Text>,
    told: Vec<Value>,
}

impl Desk {
    fn new() -> Desk {
        let mut config = AgentConfig::new("sip:bob@example.com");
        config.server = Some("192.0.2.1".into());
        let mut control = Control::new(config, [3; 32]).expect("good settings");
        let info = FlowInfo { transport: Transport::Udp, local: ([192, 0, 2, 9], 5060).into(), remote: None };
        let flow = control.flow_opened(NOW, info);
        Desk { control, flow, info, sent: Vec::new(), told: Vec::new() }
    }

    fn drain(&mut self) {
        while let Some(output) = self.control.poll_output() {
            match output {
                Output::Transmit { bytes, .. } => self.sent.push(Text::parse(&bytes)),
                Output::Event(told) => self.told.push(serde_json::from_str(&told.to_json()).expect("JSON")),
                _ => {}
            }
        }
    }

    fn command(&mut self, command: Value) {
        self.control.command(NOW, Command::from_json(&command.to_string()).expect("a command"));
        self.drain();
    }

    fn receive(&mut self, message: &Text) {
        let path = Path { flow: self.flow, remote: ([192, 0, 2, 1], 5060).into() };
        self.control.receive(NOW, path, message.bytes());
        self.drain();
    }

    fn last(&self, of: &str) -> Text {
        self.sent.iter().rfind(|text| label(&text.bytes()) == of).cloned().unwrap_or_else(|| panic!("no {of}"))
    }

    /// What was told of a type, since the last time.
    fn told(&mut self, kind: &str) -> Vec<Value> {
        self.told.extract_if(.., |told| told["type"] == kind).collect()
    }
}

#[test]
fn all_that_was_under_way_is_over_and_the_registration_is_made_again() {
    let mut desk = Desk::new();
    desk.command(json!({ "id": 1, "type": "register" }));
    let register = desk.last("REGISTER");
    desk.receive(&Text::response(&register.bytes(), 200, "r").add("Expires", "300"));
    desk.command(json!({ "id": 2, "type": "call", "target": "sip:alice@example.com", "sdp": OFFER }));
    let invite = desk.last("INVITE");
    desk.receive(&response(&invite, 200, "alice", ANSWER));
    desk.command(json!({ "id": 3, "type": "call", "target": "sip:carol@example.com", "sdp": OFFER }));
    desk.command(json!({ "id": 4, "type": "transferTo", "call": 1, "other": 2 }));
    desk.command(json!({ "id": 5, "type": "subscribe", "target": "sip:alice@example.com", "event": "presence" }));
    desk.command(json!({ "id": 6, "type": "options", "target": "sip:alice@example.com" }));
    desk.told.clear();
    let (sent, instance) = (desk.sent.len(), register.get("Contact").to_owned());

    assert!(desk.control.begin_anew(NOW));
    desk.control.flow_shared(NOW, desk.flow, desk.info);
    desk.drain();
    let ids: Vec<_> = desk.told("error").into_iter().map(|error| error["id"].clone()).collect();
    assert_eq!(ids, [json!(6)], "the others were answered");
    let ended = desk.told("ended");
    let calls: Vec<_> = ended.iter().map(|end| (end["call"].clone(), end["end"]["error"]["kind"].clone())).collect();
    assert_eq!(calls, [(json!(1), json!("internal")), (json!(2), json!("internal"))]);
    assert_eq!(desk.told("transferDone").len(), 1);
    assert_eq!(desk.told("subscriptionEnded").len(), 1);
    assert!(desk.told.is_empty(), "{:?}", desk.told);
    assert_eq!(desk.sent.len(), sent, "nothing is said of what is not known any more");

    let mut cx = Context::from_waker(Waker::noop());
    assert!(desk.control.poll_inbox(&mut cx, NOW).is_ready());
    desk.drain();
    let again = desk.last("REGISTER");
    assert_ne!(again.get("Call-ID"), register.get("Call-ID"));
    assert_eq!(again.get("Contact"), instance, "it takes the place of the old one");
    assert!(desk.control.poll_inbox(&mut cx, NOW).is_pending());
    // Numbers of what was lost name nothing, and are not given again.
    desk.command(json!({ "id": 7, "type": "hold", "call": 1 }));
    desk.command(json!({ "id": 8, "type": "call", "target": "sip:alice@example.com", "sdp": OFFER }));
    assert_eq!(desk.told("error")[0]["id"], 7);
    assert_eq!(desk.told("result").last().expect("a call")["value"]["call"], 3);
}
