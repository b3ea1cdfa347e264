//! A tree of values to what is meant by it.

use super::parse::parse;
use super::{is_name, letters};
use crate::auth::SecretText;

/// A value, and where it begins in the text.
#[derive(Debug)]
pub(in crate::control) struct Json {
    pub(super) at: usize,
    pub(super) value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    Null,
    Bool(bool),
    /// `digits / 10^scale`.
    Number {
        digits: u64,
        scale: u8,
    },
    OtherNumber,
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// What cannot be read: the field, where in the text, and why.
#[derive(Debug)]
pub(in crate::control) struct Bad {
    /// Empty: it is no field of an object.
    pub(in crate::control) field: String,
    pub(in crate::control) offset: usize,
    pub(in crate::control) message: String,
}

impl Bad {
    pub(super) fn new(offset: usize, message: &str) -> Bad {
        Bad { field: String::new(), offset, message: message.into() }
    }
}

/// What can be read. The first thing that is bad is noted, and then nothing is read.
pub(in crate::control) trait Read: Sized {
    fn read(json: Json, bad: &mut Option<Bad>) -> Option<Self>;

    /// What it is if it is not there and `strict` or not.
    fn absent(_strict: bool) -> Option<Self> {
        None
    }
}

/// What can be a field.
pub(in crate::control) trait Field: Read {
    /// In place of what could not be read, until the record is given up.
    fn nothing() -> Self;
}

/// Reads a text. `whole` is what the text itself is called in errors; the second is what `first` finds in it, if it is JSON.
pub(in crate::control) fn read<T: Read, U: Default>(
    text: &str,
    whole: &str,
    first: impl FnOnce(&Json) -> U,
) -> Result<T, (U, Bad)> {
    let mut found = U::default();
    let mut bad = None;
    let value = match parse(text) {
        Ok(json) => {
            found = first(&json);
            T::read(json, &mut bad)
        }
        Err(error) => {
            bad = Some(error);
            None
        }
    };
    value.ok_or_else(|| {
        let mut bad = bad.unwrap_or_else(|| Bad::new(0, "unreadable"));
        if bad.field.is_empty() {
            bad.field.push_str(whole);
        }
        (found, bad)
    })
}

impl Json {
    /// The field of this name, if it is a whole number.
    pub(in crate::control) fn number_at(&self, name: &str) -> Option<u64> {
        let Value::Object(fields) = &self.value else { return None };
        fields.iter().find(|(found, _)| found == name).and_then(|(_, json)| json.number())
    }

    fn number(&self) -> Option<u64> {
        match self.value {
            Value::Number { digits, scale: 0 } => Some(digits),
            _ => None,
        }
    }
}

/// An object that is read field by field, in the order of their names.
pub(in crate::control) struct Record<'a> {
    fields: Vec<(String, Json)>,
    at: usize,
    all: &'static str,
    names: &'static str,
    strict: bool,
    bad: &'a mut Option<Bad>,
}

impl<'a> Record<'a> {
    pub(in crate::control) fn open(
        json: Json,
        names: &'static str,
        strict: bool,
        bad: &'a mut Option<Bad>,
    ) -> Option<Record<'a>> {
        match json.value {
            Value::Object(fields) => Some(Record { fields, at: json.at, all: names, names, strict, bad }),
            _ => expected(json.at, "an object", bad),
        }
    }

    /// The next field.
    pub(in crate::control) fn field<T: Field>(&mut self) -> T {
        let (name, json) = self.take();
        if self.bad.is_some() {
            return T::nothing();
        }
        let value = match json {
            Some(json) => T::read(json, self.bad),
            None => T::absent(self.strict).or_else(|| {
                *self.bad = Some(Bad::new(self.at, "is needed"));
                None
            }),
        };
        value.unwrap_or_else(|| {
            self.note(name);
            T::nothing()
        })
    }

    fn take(&mut self) -> (&'static str, Option<Json>) {
        let (name, rest) = self.names.split_once(' ').unwrap_or_default();
        self.names = rest;
        let found = self.fields.iter().position(|(found, _)| is_name(found, name));
        (name, found.map(|index| self.fields.swap_remove(index).1))
    }

    /// Says of which field it is what was noted.
    fn note(&mut self, name: &str) {
        if let Some(bad) = self.bad {
            let mut field = camel(name);
            if !bad.field.is_empty() {
                field.push('.');
                field.push_str(&bad.field);
            }
            bad.field = field;
        }
    }

    /// Whether all was good, and nothing is left over.
    pub(in crate::control) fn close(self) -> bool {
        if let (Some((name, json)), None) = (self.fields.into_iter().next(), &self.bad) {
            let mut bad = Bad::new(json.at, "no such field, or for the second time; there are");
            list(&mut bad.message, self.all);
            bad.field = name;
            *self.bad = Some(bad);
        }
        self.bad.is_none()
    }
}

fn camel(name: &str) -> String {
    letters(name).map(char::from).collect()
}

fn list(message: &mut String, names: &str) {
    for name in names.split_ascii_whitespace() {
        message.push(' ');
        message.push_str(&camel(name));
    }
}

fn expected<T>(at: usize, what: &str, bad: &mut Option<Bad>) -> Option<T> {
    let mut error = Bad::new(at, what);
    error.message.push_str(" is expected here");
    *bad = Some(error);
    None
}

/// Which of these names a text is, by its place among them.
pub(in crate::control) fn one_of(json: Json, names: &str, bad: &mut Option<Bad>) -> Option<usize> {
    let at = json.at;
    let text = String::read(json, bad)?;
    let place = names.split_ascii_whitespace().position(|name| is_name(&text, name));
    if place.is_none() {
        let mut error = Bad::new(at, "none of");
        list(&mut error.message, names);
        *bad = Some(error);
    }
    place
}

fn whole_number(json: &Json, most: u64, bad: &mut Option<Bad>) -> Option<u64> {
    match json.number().filter(|number| *number <= most) {
        Some(number) => Some(number),
        None if most == u64::MAX => expected(json.at, "a whole number", bad),
        None => {
            let mut what = String::from("a whole number up to ");
            super::write::decimal(most, &mut what);
            expected(json.at, &what, bad)
        }
    }
}

macro_rules! whole_numbers {
    ($($type:ident),*) => {
        $(impl Read for $type {
            fn read(json: Json, bad: &mut Option<Bad>) -> Option<$type> {
                whole_number(&json, $type::MAX.into(), bad).and_then(|number| number.try_into().ok())
            }
        }
        impl Field for $type {
            fn nothing() -> $type {
                0
            }
        })*
    };
}

whole_numbers!(u8, u16, u32, u64);

impl Read for f64 {
    fn read(json: Json, bad: &mut Option<Bad>) -> Option<f64> {
        match json.value {
            Value::Number { digits, scale } => Some((0..scale).fold(digits as f64, |number, _| number / 10.0)),
            _ => expected(json.at, "a number", bad),
        }
    }
}

impl Read for bool {
    fn read(json: Json, bad: &mut Option<Bad>) -> Option<bool> {
        match json.value {
            Value::Bool(value) => Some(value),
            _ => expected(json.at, "true or false", bad),
        }
    }

    fn absent(strict: bool) -> Option<bool> {
        (!strict).then_some(false)
    }
}

impl Field for bool {
    fn nothing() -> bool {
        false
    }
}

impl Read for String {
    fn read(json: Json, bad: &mut Option<Bad>) -> Option<String> {
        match json.value {
            Value::Text(text) => Some(text),
            _ => expected(json.at, "a text", bad),
        }
    }
}

impl Field for String {
    fn nothing() -> String {
        String::new()
    }
}

impl Read for SecretText {
    fn read(json: Json, bad: &mut Option<Bad>) -> Option<SecretText> {
        String::read(json, bad).map(SecretText::from)
    }
}

impl Field for SecretText {
    fn nothing() -> SecretText {
        SecretText::from("")
    }
}

impl<T: Read> Read for Option<T> {
    fn read(json: Json, bad: &mut Option<Bad>) -> Option<Option<T>> {
        match json.value {
            Value::Null => Some(None),
            _ => T::read(json, bad).map(Some),
        }
    }

    fn absent(_strict: bool) -> Option<Option<T>> {
        Some(None)
    }
}

impl<T: Read> Field for Option<T> {
    fn nothing() -> Option<T> {
        None
    }
}

impl<T: Read> Read for Box<T> {
    fn read(json: Json, bad: &mut Option<Bad>) -> Option<Box<T>> {
        T::read(json, bad).map(Box::new)
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(json: Json, bad: &mut Option<Bad>) -> Option<Vec<T>> {
        match json.value {
            Value::List(items) => items.into_iter().map(|item| T::read(item, bad)).collect(),
            _ => expected(json.at, "a list", bad),
        }
    }

    fn absent(strict: bool) -> Option<Vec<T>> {
        (!strict).then(Vec::new)
    }
}

impl<T: Read> Field for Vec<T> {
    fn nothing() -> Vec<T> {
        Vec::new()
    }
}

/// A pair is a list of two.
impl<T: Read, U: Read> Read for (T, U) {
    fn read(json: Json, bad: &mut Option<Bad>) -> Option<(T, U)> {
        let at = json.at;
        let items = match json.value {
            Value::List(items) => items,
            _ => Vec::new(),
        };
        match <[Json; 2]>::try_from(items) {
            Ok([first, second]) => Some((T::read(first, bad)?, U::read(second, bad)?)),
            Err(_) => expected(at, "a list of two", bad),
        }
    }
}
