//! What JavaScript sees: one class, plain objects in, plain objects out.

use std::rc::Rc;

use js_sys::{Function, Reflect};
use offhook_core::control::{AgentConfig, Command, Control, ErrorValue, Notification};
use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::clock;
use crate::driver::Driver;

/// One user agent. It is told what to do by `Command` objects and tells by `Notification` objects; both are described in
/// `js/src/protocol.ts`.
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
    /// Throws an `ErrorValue` of kind `input` for a configuration that cannot be used.
    #[wasm_bindgen(constructor)]
    pub fn new(config: JsValue, notify: Function) -> Result<Agent, JsValue> {
        let config: AgentConfig =
            serde_wasm_bindgen::from_value(config).map_err(|error| to_js(&unreadable("config", &error)))?;
        let control = Control::new(config, clock::seed()?).map_err(|error| to_js(&error))?;
        let driver = Driver::new(control, {
            let notify = notify.clone();
            move |notification| tell(&notify, &notification)
        });
        Ok(Agent { driver, notify })
    }

    /// Carries a `Command` out; a `result` or `error` notification with its number follows, perhaps before this returns.
    pub fn send(&self, command: JsValue) {
        let id = Reflect::get(&command, &"id".into()).ok().and_then(|id| id.as_f64()).unwrap_or_default();
        match serde_wasm_bindgen::from_value::<Command>(command) {
            Ok(command) => self.driver.feed(|control, now| control.command(now, command)),
            Err(error) => {
                let error = unreadable("command", &error);
                tell(&self.notify, &Notification::Error { id: id as u32, error });
            }
        }
    }
}

fn unreadable(field: &str, error: &serde_wasm_bindgen::Error) -> ErrorValue {
    ErrorValue::Input { field: field.into(), offset: 0, message: error.to_string() }
}

fn tell(notify: &Function, notification: &Notification) {
    // What the application's listener throws is its own affair; the agent goes on.
    let _ = notify.call1(&JsValue::NULL, &to_js(notification));
}

fn to_js(value: &impl Serialize) -> JsValue {
    let serializer = Serializer::new().serialize_missing_as_null(true).serialize_maps_as_objects(true);
    value.serialize(&serializer).unwrap_or(JsValue::NULL)
}
