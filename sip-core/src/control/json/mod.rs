//! Commands, settings and notifications as JSON (RFC 8259), which is what crosses the border to JavaScript and the pipes of
//! `offhook agent --json`.
//!
//! It is written by hand for its size: derived code for each type, made anew for each of its fields, weighed a quarter of the
//! WebAssembly module. Here a type is a list of its names, and its fields are handed over one after another. Names are
//! those of the Rust fields in camelCase.

mod parse;
mod read;
mod write;

pub(super) use read::{Bad, Field, Json, Read, Record, one_of, read};
pub use write::ToJson;
pub(super) use write::{Write, Writer, to_json};

/// Whether `camel` is the name `snake_case` or `PascalCase` in camelCase.
fn is_name(camel: &str, rust: &str) -> bool {
    letters(rust).eq(camel.bytes())
}

/// A Rust name in camelCase.
fn letters(rust: &str) -> impl Iterator<Item = u8> {
    let mut before = None;
    rust.bytes().filter_map(move |byte| {
        let after = before.replace(byte);
        match (after, byte) {
            (_, b'_') => None,
            (None, _) => Some(byte.to_ascii_lowercase()),
            (Some(b'_'), _) => Some(byte.to_ascii_uppercase()),
            _ => Some(byte),
        }
    })
}

/// `reads!(Type { a, b as "name", … })`: the type is read from an object with these fields and no others. What is an `Option`,
/// a `Vec` or a `bool` may be absent; with `strict` before the type only what is an `Option`.
macro_rules! reads {
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $name:literal) => { $name };
    (@strict) => { false };
    (@strict strict) => { true };
    ($(#$strict:ident)? $type:ident { $($field:ident $(as $name:literal)?),* $(,)? $(; $($rest:ident: $value:expr),*)? }) => {
        impl $crate::control::json::Read for $type {
            fn read(
                json: $crate::control::json::Json,
                bad: &mut Option<$crate::control::json::Bad>,
            ) -> Option<$type> {
                const NAMES: &str = concat!($($crate::control::json::reads!(@name $field $($name)?), " "),*);
                let strict = $crate::control::json::reads!(@strict $($strict)?);
                let mut record = $crate::control::json::Record::open(json, NAMES, strict, bad)?;
                let value = $type { $($field: record.field(),)* $($($rest: $value),*)? };
                record.close().then_some(value)
            }
        }
    };
}

/// `writes!(Type { a, b, … })`: the type is written as an object with these fields.
macro_rules! writes {
    ($type:ident { $($field:ident),* $(,)? }) => {
        impl $crate::control::json::Write for $type {
            fn write(&self, writer: &mut $crate::control::json::Writer) {
                let $type { $($field),* } = self;
                let outer = writer.open(concat!($(stringify!($field), " "),*));
                $(writer.field($field);)*
                writer.close(outer);
            }
        }
    };
}

/// `writes_tagged!(Type, "tag": A { a, b }, B, …)`: the enum is written as an object whose field `tag` names the variant.
macro_rules! writes_tagged {
    ($type:ident, $tag:literal: $($variant:ident $({ $($field:ident),* $(,)? })?),* $(,)?) => {
        impl $crate::control::json::Write for $type {
            fn write(&self, writer: &mut $crate::control::json::Writer) {
                let outer = match self {
                    $($type::$variant $({ $($field),* })? => {
                        let outer = writer.open_tagged(
                            concat!($tag, $($(" ", stringify!($field)),*)?),
                            stringify!($variant),
                        );
                        $($(writer.field($field);)*)?
                        outer
                    })*
                };
                writer.close(outer);
            }
        }
    };
}

pub(super) use {reads, writes, writes_tagged};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::control::{AgentConfig, ErrorValue};

    #[derive(Debug, PartialEq)]
    struct Thing {
        first_name: String,
        count: u16,
        share: Option<f64>,
        flags: Vec<(String, Option<String>)>,
        on: bool,
    }

    reads!(Thing { first_name, count, share, flags, on });
    writes!(Thing { first_name, count, share, flags, on });

    fn thing(text: &str) -> Result<Thing, (String, usize, String)> {
        read(text, "thing", |_| ()).map_err(|((), bad)| (bad.field, bad.offset, bad.message))
    }

    #[test]
    fn what_may_be_absent_may_be_absent() {
        let least = Thing { first_name: "x".into(), count: 7, share: None, flags: Vec::new(), on: false };
        assert_eq!(thing(r#" { "count" : 7, "firstName":"x"} "#), Ok(least));
        let full =
            r#"{"firstName":"a\"\\\u0001\r\n","count":65535,"share":0.25,"flags":[["a",null],["b","c"]],"on":true}"#;
        let read = thing(full).unwrap();
        assert_eq!((read.share, &*read.first_name), (Some(0.25), "a\"\\\u{1}\r\n"));
        assert_eq!(to_json(&read), full);
    }

    #[test]
    fn errors_name_field_and_place() {
        for (text, field, offset, message) in [
            ("", "thing", 0, "a value is expected here"),
            ("{} {", "thing", 3, "nothing is expected here"),
            (r#"{"a"#, "thing", 3, "the text does not end"),
            (r#"{"a":"\x"}"#, "thing", 7, "no such escape"),
            (r#"{"a":"\u12"}"#, "thing", 8, "four hexadecimal digits are expected here"),
            (r#"{"a" 1}"#, "thing", 5, "a colon is expected here"),
            (r#"{"a":1 2}"#, "thing", 7, "a comma or } is expected here"),
            (r#"[1 2]"#, "thing", 3, "a comma or ] is expected here"),
            (r#"{"a":tru}"#, "thing", 5, "a value is expected here"),
            ("[]", "thing", 0, "an object is expected here"),
            (r#" {"count":1}"#, "firstName", 1, "is needed"),
            (r#"{"firstName":null}"#, "firstName", 13, "a text is expected here"),
            (r#"{"firstName":"","count":65536}"#, "count", 24, "a whole number up to 65535 is expected here"),
            (r#"{"firstName":"","count":-1}"#, "count", 24, "a whole number up to 65535 is expected here"),
            (r#"{"firstName":"","count":1e3}"#, "count", 24, "a whole number up to 65535 is expected here"),
            (r#"{"firstName":"","count":1.5}"#, "count", 24, "a whole number up to 65535 is expected here"),
            (r#"{"firstName":"","count":1,"flags":[["a"]]}"#, "flags", 35, "a list of two is expected here"),
            (r#"{"firstName":"","count":1,"on":0}"#, "on", 31, "true or false is expected here"),
        ] {
            assert_eq!(thing(text), Err((field.into(), offset, message.into())), "{text}");
        }
        let (field, offset, message) = thing(r#"{"firstName":"","count":1,"first_name":""}"#).unwrap_err();
        assert_eq!((&*field, offset), ("first_name", 39));
        assert!(message.ends_with("there are firstName count share flags on"), "{message}");
        assert_eq!(thing(&"[".repeat(100_000)).unwrap_err().2, "too deep");
    }

    #[test]
    fn nested_fields_have_the_name_of_the_outer_one_in_front() {
        match AgentConfig::from_json(r#"{"aor":"sip:a@b","timers":{"t1":"x"}}"#) {
            Err(ErrorValue::Input { field, offset, .. }) => assert_eq!((&*field, offset), ("timers.t1", 32)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn half_a_character_is_replaced() {
        let name = |text: &str| thing(&format!(r#"{{"count":1,"firstName":"{text}"}}"#)).map(|thing| thing.first_name);
        assert_eq!(name(r"\ud83d\ude00 \u00e4"), Ok("\u{1f600} ä".into()));
        assert_eq!(name(r"\ud83d"), Ok("\u{fffd}".into()));
        assert_eq!(name(r"\ud83d\n\ude00"), Ok("\u{fffd}\n\u{fffd}".into()));
        assert_eq!(name(r"\ud83d\u0041"), Ok("\u{fffd}A".into()));
    }

    proptest! {
        #[test]
        fn any_text_survives(first_name: String, count: u16, flags: Vec<(String, Option<String>)>, on: bool) {
            let thing = Thing { first_name, count, share: None, flags, on };
            let text = to_json(&thing);
            prop_assert_eq!(read::<Thing, ()>(&text, "", |_| ()).map_err(|(_, bad)| bad.message), Ok(thing));
        }

        #[test]
        fn no_text_is_too_strange(text in r#"[\[\]{}",:\\u0-9a-f\-. ]{0,40}"#) {
            let _ = thing(&text);
            let _ = thing(&format!(r#"{{"firstName":"{text}"}}"#));
        }
    }
}
