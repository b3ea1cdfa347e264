//! The work of reading and writing, by everybody who can do it.

#[cfg(feature = "peers")]
mod ezk;
mod memchr_floor;
mod ours;
#[cfg(feature = "peers")]
mod rsip;
#[cfg(feature = "peers")]
mod rsipstack;
#[cfg(feature = "peers")]
mod rvoip;

/// One turn of some work, ready to be repeated.
pub type Turn = Box<dyn FnMut()>;

/// Who does what in this process: figure, who, and how the work is made.
pub type Entry = (&'static str, &'static str, fn() -> Turn);

/// Ourselves in the table of work.
pub const OURS: &str = "offhook";
/// What no reader of lines can be faster than.
pub const FLOOR: &str = "memchr";

/// Peers that this program was built without, because one of them cannot be built here.
#[cfg(feature = "peers")]
pub const LEFT_OUT: &[&str] = &[];
#[cfg(not(feature = "peers"))]
pub const LEFT_OUT: &[&str] = &["rsipstack", "rsip", "ezk-sip-types", "rvoip-sip-core"];

/// Everything that is measured in this process, peer beside peer.
pub const WORK: &[Entry] = &[
    ("parse_index", OURS, ours::parse_index),
    ("parse_index", FLOOR, memchr_floor::lines),
    ("parse_typed", OURS, ours::parse_typed),
    ("parse_typed", FLOOR, memchr_floor::lines),
    ("build_200", OURS, ours::build_200),
    ("build_200", FLOOR, memchr_floor::copy),
    #[cfg(feature = "peers")]
    ("parse_index", "rsipstack", rsipstack::parse_index),
    #[cfg(feature = "peers")]
    ("parse_typed", "rsipstack", rsipstack::parse_typed),
    #[cfg(feature = "peers")]
    ("build_200", "rsipstack", rsipstack::build_200),
    #[cfg(feature = "peers")]
    ("parse_index", "rsip", rsip::parse_index),
    #[cfg(feature = "peers")]
    ("parse_typed", "rsip", rsip::parse_typed),
    #[cfg(feature = "peers")]
    ("build_200", "rsip", rsip::build_200),
    #[cfg(feature = "peers")]
    ("parse_index", "ezk-sip-types", ezk::parse_index),
    #[cfg(feature = "peers")]
    ("parse_typed", "ezk-sip-types", ezk::parse_typed),
    #[cfg(feature = "peers")]
    ("build_200", "ezk-sip-types", ezk::build_200),
    // It reads every field with its type at once: one figure for both.
    #[cfg(feature = "peers")]
    ("parse_index", "rvoip-sip-core", rvoip::parse),
    #[cfg(feature = "peers")]
    ("parse_typed", "rvoip-sip-core", rvoip::parse),
    #[cfg(feature = "peers")]
    ("build_200", "rvoip-sip-core", rvoip::build_200),
];
