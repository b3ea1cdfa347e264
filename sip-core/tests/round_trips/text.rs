//! Texts that grammars care about.

use proptest::prelude::*;

const SPECIAL: &str = " \t;,:<>\"\\=@?&%/[](){}.'-z9ä";
const TOKEN: &str = "abcXYZ019-.!%*_+`'~";

/// Anything, with much of what means something somewhere.
pub(crate) fn anything() -> impl Strategy<Value = String> {
    let special = prop::sample::select(SPECIAL.chars().collect::<Vec<_>>());
    prop::collection::vec(prop_oneof![special, any::<char>(), prop::char::range(' ', '~')], 0..24)
        .prop_map(|chars| chars.into_iter().collect())
}

/// What can stand in a quoted string: no line ends, no NUL.
pub(crate) fn words() -> impl Strategy<Value = String> {
    anything().prop_map(|text| text.replace(['\r', '\n', '\0'], " "))
}

/// What can stand in a line: without white space around it.
pub(crate) fn line() -> impl Strategy<Value = String> {
    words().prop_map(|text| text.trim_matches([' ', '\t']).to_owned())
}

/// One or more characters of a token.
pub(crate) fn token() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(TOKEN.chars().collect::<Vec<_>>()), 1..12)
        .prop_map(|chars| chars.into_iter().collect())
}

/// Letters and digits.
pub(crate) fn word() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(('a'..='z').chain('0'..='9').collect::<Vec<_>>()), 1..10)
        .prop_map(|chars| chars.into_iter().collect())
}

/// Visible characters without those that separate values and parameters.
pub(crate) fn visible() -> impl Strategy<Value = String> {
    let visible: Vec<char> = ('!'..='~').filter(|character| !matches!(character, ';' | ',' | '"')).collect();
    prop::collection::vec(prop::sample::select(visible), 1..20).prop_map(|chars| chars.into_iter().collect())
}

/// Parameters with names of their own: values as words, or none.
pub(crate) fn params() -> impl Strategy<Value = Vec<(String, Option<String>)>> {
    prop::collection::vec((token(), proptest::option::of(words())), 0..3).prop_map(|params| {
        params.into_iter().enumerate().map(|(at, (name, value))| (format!("p{at}{name}"), value)).collect()
    })
}

/// A quoted string.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
