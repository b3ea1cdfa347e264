//! What is written reads back, whoever made it up: whole messages with every typed header field, session descriptions, and
//! the XML of event packages. (Bodies of several parts and single values are in `body_properties.rs`.)
#![cfg(not(target_arch = "wasm32"))]

mod documents;
mod field;
mod message;
mod person;
mod sdp;
mod text;
