//! The test attribute of wasm32, under the name that tests are written with.
//!
//! A crate whose tests are to run on wasm32 too shadows the built-in `#[test]` once, in its `lib.rs`, and again at the
//! top of each file in its `tests/`:
//!
//! ```ignore
//! #[cfg(all(test, target_arch = "wasm32"))]
//! #[macro_use]
//! extern crate offhook_wasm_test;
//! ```
//!
//! It depends on `wasm-bindgen-test` as well, which the attribute's expansion names.

#[cfg(target_arch = "wasm32")]
pub use wasm_bindgen_test::wasm_bindgen_test as test;
