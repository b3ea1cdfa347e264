//! The surface as JavaScript sees it, in a real browser: JSON in, JSON out.
#![cfg(target_arch = "wasm32")]

use std::cell::RefCell;
use std::rc::Rc;

use futures_channel::mpsc::{UnboundedReceiver, unbounded};
use futures_util::StreamExt;
use js_sys::{Date, Function, JSON, Reflect};
use offhook_wasm::Agent;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

/// The discard port: nobody listens there, and browsers refuse to try.
const NOBODY: &str = "ws://127.0.0.1:9/ws";
/// A port a browser tries, where nobody listens on a machine that runs tests.
const REFUSED: &str = "ws://127.0.0.1:45987/ws";

/// An agent, and everything it says.
struct Phone {
    agent: Agent,
    heard: UnboundedReceiver<JsValue>,
}

impl Phone {
    fn new(server: &str) -> Phone {
        let (sender, heard) = unbounded();
        let notify = Closure::<dyn Fn(String)>::new(move |notification: String| {
            sender.unbounded_send(object(&notification)).expect("the test still listens");
        });
        let config = format!(r#"{{"aor":"sip:alice@offhook.test","server":"{server}","password":"secret"}}"#);
        let agent = Agent::new(&config, notify.into_js_value().unchecked_into::<Function>());
        let Ok(agent) = agent else { panic!("the configuration is fine") };
        Phone { agent, heard }
    }

    fn send(&self, command: &str) {
        self.agent.send(command);
    }

    /// The result or error with this number; what is said before it is passed over.
    async fn answer(&mut self, id: u32) -> JsValue {
        loop {
            let notification = self.heard.next().await.expect("the agent lives");
            let kind = text(&notification, "type");
            if (kind == "result" || kind == "error") && number(&notification, "id") == f64::from(id) {
                return notification;
            }
        }
    }

    async fn error(&mut self, id: u32) -> JsValue {
        let answer = self.answer(id).await;
        assert_eq!(text(&answer, "type"), "error", "{answer:?}");
        get(&answer, "error")
    }
}

fn object(json: &str) -> JsValue {
    JSON::parse(json).expect("the test writes JSON")
}

fn get(value: &JsValue, key: &str) -> JsValue {
    Reflect::get(value, &key.into()).expect("an object")
}

fn text(value: &JsValue, key: &str) -> String {
    get(value, key).as_string().unwrap_or_default()
}

fn number(value: &JsValue, key: &str) -> f64 {
    get(value, key).as_f64().unwrap_or(f64::NAN)
}

fn refused_config(json: &str) -> JsValue {
    match Agent::new(json, Function::new_no_args("")) {
        Ok(_) => panic!("{json} must be refused"),
        Err(error) => object(&error.as_string().expect("JSON")),
    }
}

#[wasm_bindgen_test]
fn a_bad_configuration_names_its_field() {
    let error = refused_config(r#"{"aor":"alice","server":"ws://127.0.0.1/"}"#);
    assert_eq!((text(&error, "kind"), text(&error, "field")), ("input".into(), "aor".into()));
    let error = refused_config(r#"{"aor":"sip:alice@offhook.test","server":"http://127.0.0.1/"}"#);
    assert_eq!((text(&error, "kind"), text(&error, "field")), ("input".into(), "server".into()));
    let error = refused_config(r#"{"server":"ws://127.0.0.1/"}"#);
    assert_eq!((text(&error, "kind"), text(&error, "field")), ("input".into(), "aor".into()));
}

#[wasm_bindgen_test]
async fn a_bad_command_is_answered_with_its_number_and_the_agent_goes_on() {
    let mut phone = Phone::new(NOBODY);
    phone.send(r#"{"id":7,"type":"dance"}"#);
    assert_eq!(text(&phone.error(7).await, "kind"), "input");
    phone.send(r#"{"id":8,"type":"call"}"#);
    assert_eq!(text(&phone.error(8).await, "field"), "target");
    phone.send(r#"{"id":9,"type":"hold","call":3}"#);
    assert_eq!(text(&phone.error(9).await, "kind"), "state");
    phone.send(r#"{"id":10,"type":"call","target":"sip:bob@offhook.test\r\nX: y"}"#);
    assert_eq!(text(&phone.error(10).await, "field"), "target");
}

#[wasm_bindgen_test]
async fn whatever_is_sent_is_answered() {
    let mut phone = Phone::new(NOBODY);
    let nothings = ["null", "1", "\"connect\"", "[]", "{}", r#"{"type":"connect"}"#, r#"{"id":"1","type":"connect"}"#];
    let strange =
        [r#"{"id":-1,"type":"connect"}"#, r#"{"id":1e300,"type":"connect"}"#, r#"{"id":0.5,"type":"connect"}"#];
    for command in nothings.into_iter().chain(strange) {
        phone.send(command);
        let answer = phone.heard.next().await.expect("the agent lives");
        assert_eq!((text(&answer, "type"), text(&get(&answer, "error"), "kind")), ("error".into(), "input".into()));
    }
    phone.send("undefined");
    assert_eq!(text(&phone.heard.next().await.expect("the agent lives"), "type"), "error");
    // Half a character, as only JavaScript has them: replaced, as in every text that leaves JavaScript.
    phone.send(r#"{ "id": 5, "type": "call", "target": "\ud83d" }"#);
    assert_eq!(text(&phone.answer(5).await, "type"), "result");
}

/// What listens may throw, and may give the next command before it returns.
#[wasm_bindgen_test]
async fn a_listener_may_throw_and_may_call_back() {
    let (sender, mut heard) = unbounded();
    let agent: Rc<RefCell<Option<Agent>>> = Rc::default();
    let notify = Closure::<dyn Fn(String) -> Result<(), JsValue>>::new({
        let agent = agent.clone();
        move |notification: String| {
            let notification = object(&notification);
            let first = number(&notification, "id") == 1.0;
            sender.unbounded_send(notification).expect("the test still listens");
            if first {
                let agent = agent.borrow();
                agent.as_ref().expect("it was made").send(r#"{"id":2,"type":"shutdown"}"#);
            }
            Err("what went wrong here is no business of the agent".into())
        }
    });
    let config = format!(r#"{{"aor":"sip:alice@offhook.test","server":"{NOBODY}"}}"#);
    let made = Agent::new(&config, notify.into_js_value().unchecked_into::<Function>());
    *agent.borrow_mut() = Some(made.unwrap_or_else(|error| panic!("{error:?}")));
    agent.borrow().as_ref().expect("it was made").send(r#"{"id":1,"type":"inspect","call":1}"#);
    for (kind, id) in [("error", 1.0), ("result", 2.0)] {
        let notification = heard.next().await.expect("the agent lives");
        assert_eq!((text(&notification, "type"), number(&notification, "id")), (kind.into(), id));
    }
    assert_eq!(text(&heard.next().await.expect("the last word"), "type"), "stopped");
}

#[wasm_bindgen_test]
async fn a_server_that_is_not_there_is_a_transport_error() {
    for server in [NOBODY, REFUSED] {
        let mut phone = Phone::new(server);
        phone.send(r#"{"id":1,"type":"connect"}"#);
        let error = phone.error(1).await;
        assert_eq!(text(&error, "kind"), "transport", "{error:?}");
        assert!(!text(&error, "message").is_empty());
    }
}

#[wasm_bindgen_test]
async fn agents_have_their_own_entropy_and_the_real_time() {
    let mut seen = Vec::new();
    for _ in 0..2 {
        let mut phone = Phone::new(REFUSED);
        let before = Date::now();
        phone.send(r#"{"id":1,"type":"call","target":"bob"}"#);
        let value = get(&phone.answer(1).await, "value");
        assert_eq!(number(&value, "call"), 1.0);
        seen.push(text(&value, "callId"));
        let ended = loop {
            let notification = phone.heard.next().await.expect("the agent lives");
            if text(&notification, "type") == "ended" {
                break notification;
            }
        };
        assert_eq!(text(&get(&get(&ended, "end"), "error"), "kind"), "transport", "{ended:?}");
        let at = number(&ended, "at");
        assert!(at > before - 1000.0 && at < Date::now() + 1000.0, "{at} is not now");
    }
    assert!(seen[0].len() > 20 && seen[0] != seen[1], "{seen:?}");
}

#[wasm_bindgen_test]
async fn a_shutdown_is_the_last_word() {
    let mut phone = Phone::new(NOBODY);
    phone.send(r#"{"id":1,"type":"shutdown"}"#);
    assert_eq!(text(&phone.answer(1).await, "type"), "result");
    assert_eq!(text(&phone.heard.next().await.expect("one more"), "type"), "stopped");
    phone.send(r#"{"id":2,"type":"register"}"#);
    assert_eq!(text(&phone.error(2).await, "kind"), "state");
}
