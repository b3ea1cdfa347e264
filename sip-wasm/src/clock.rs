//! Time and entropy as the runtime gives them.

use js_sys::{Date, Reflect, Uint8Array};
use offhook_core::time::Instant;
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
}

/// Milliseconds since the Unix epoch that never go back: the wall clock once, the monotonic clock from then on.
#[derive(Debug)]
pub(crate) struct Clock {
    origin: f64,
}

impl Clock {
    pub(crate) fn new() -> Clock {
        Clock { origin: Date::now() - performance_now() }
    }

    pub(crate) fn now(&self) -> Instant {
        Instant::from_millis((self.origin + performance_now()) as u64)
    }
}

/// A seed from the runtime's `crypto`.
pub(crate) fn seed() -> Result<[u8; 32], JsValue> {
    let crypto = Reflect::get(&js_sys::global(), &"crypto".into())?;
    let array = Uint8Array::new_with_length(32);
    crypto.unchecked_into::<web_sys::Crypto>().get_random_values_with_array_buffer_view(&array)?;
    let mut seed = [0; 32];
    array.copy_to(&mut seed);
    Ok(seed)
}
