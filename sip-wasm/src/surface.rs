//! What JavaScript sees: one class, JSON in, JSON out. Text crosses the border at once; an object would cross it field by field.

use std::rc::Rc;

use js_sys::Function;
use offhook_core::control::{AgentConfig, Command, Control, Notification};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::clock;
use crate::driver::Driver;

/// One user agent. It is told what to do by `Command`s and tells by `Notification`s; both are described in
/// `js/src/protocol/` and cross as JSON.
#[wasm_bindgen]
pub struct Agent {
    driver: Rc<Driver>,
    notify: Function,
}

#[wasm_bindgen]
impl Agent {
    /// An agent at rest. `config` is an `AgentConfig`; `notify` is called with each `Notification`.
    ///
    /// # Errors
    ///
    /// Throws an `ErrorValue` of kind `input`, as JSON, for a configuration that cannot be used.
    #[wasm_bindgen(constructor)]
    pub fn new(config: &str, notify: Function) -> Result<Agent, JsValue> {
        let config = AgentConfig::from_json(config).map_err(|error| error.to_json())?;
        let control = Control::new(config, clock::seed()?).map_err(|error| error.to_json())?;
        let driver = Driver::new(control, {
            let notify = notify.clone();
            move |notification| tell(&notify, &notification)
        });
        Ok(Agent { driver, notify })
    }

    /// Carries a `Command` out; a `result` or `error` notification with its number follows, perhaps before this returns.
    pub fn send(&self, command: &str) {
        match Command::from_json(command) {
            Ok(command) => self.driver.feed(|control, now| control.command(now, command)),
            Err(bad) => tell(&self.notify, &bad.into()),
        }
    }
}

fn tell(notify: &Function, notification: &Notification) {
    // What the application's listener throws is its own affair; the agent goes on.
    let _ = notify.call1(&JsValue::NULL, &notification.to_json().into());
}
