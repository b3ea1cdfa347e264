//! The XML bodies of event packages, typed: [`dialog_info`] (RFC 4235), [`pidf`] (RFC 3863), [`reginfo`] (RFC 3680) and
//! [`conference`] (RFC 4575). Behind the feature `packages`.
//!
//! Each `parse` reads a document into plain values; elements and attributes it does not know are passed over, whatever
//! their namespace. Packages whose notifications may be partial have a state that merges them. Errors name the package and
//! the byte of the body.
//!
//! Documents are trees of at most [`MAX_NODES`] nodes in at most [`MAX_BYTES`] bytes; there are no document type
//! declarations and so no entities but the five of XML.

pub mod conference;
mod conference_state;
pub mod dialog_info;
pub mod pidf;
pub mod reginfo;
mod version;
mod xml;

pub use version::{Applied, Scope};
pub use xml::{MAX_BYTES, MAX_NODES};

/// How many rows a state that merges notifications keeps.
pub const MAX_ROWS: usize = 4096;
