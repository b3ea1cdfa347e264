//! What is told, as text.

use super::letters;

/// What can be written.
pub(in crate::control) trait Write {
    fn write(&self, writer: &mut Writer);
}

/// What is told, as JSON: the way `js/src/protocol/` describes it.
pub trait ToJson {
    /// One value, on one line.
    fn to_json(&self) -> String;
}

impl<T: Write> ToJson for T {
    fn to_json(&self) -> String {
        to_json(self)
    }
}

/// Writes one value.
pub(in crate::control) fn to_json<T: Write>(value: &T) -> String {
    let mut writer = Writer { text: String::with_capacity(256), names: "" };
    value.write(&mut writer);
    writer.text
}

/// Text, and the names of the fields that follow in the object that is open.
pub(in crate::control) struct Writer {
    text: String,
    names: &'static str,
}

impl Writer {
    /// Opens an object with these fields. What is returned is for `close`.
    pub(in crate::control) fn open(&mut self, names: &'static str) -> &'static str {
        self.text.push('{');
        std::mem::replace(&mut self.names, names)
    }

    /// The same, and its first field is the name of a variant.
    pub(in crate::control) fn open_tagged(&mut self, names: &'static str, variant: &str) -> &'static str {
        let outer = self.open(names);
        self.name();
        self.text.push('"');
        self.text.extend(letters(variant).map(char::from));
        self.text.push('"');
        outer
    }

    pub(in crate::control) fn close(&mut self, outer: &'static str) {
        self.text.push('}');
        self.names = outer;
    }

    /// Writes the next field.
    pub(in crate::control) fn field<T: Write>(&mut self, value: &T) {
        self.name();
        value.write(self);
    }

    fn name(&mut self) {
        let (name, rest) = self.names.split_once(' ').unwrap_or((self.names, ""));
        self.names = rest;
        if !self.text.ends_with('{') {
            self.text.push(',');
        }
        self.text.push('"');
        self.text.extend(letters(name).map(char::from));
        self.text.push_str("\":");
    }

    pub(in crate::control) fn null(&mut self) {
        self.text.push_str("null");
    }

    fn list<T: Write>(&mut self, items: &[T]) {
        let mut before = '[';
        for item in items {
            self.text.push(before);
            item.write(self);
            before = ',';
        }
        self.text.push_str(if items.is_empty() { "[]" } else { "]" });
    }

    fn string(&mut self, text: &str) {
        self.text.push('"');
        let mut rest = text;
        while let Some(at) = rest.bytes().position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
            let (plain, from) = rest.split_at_checked(at).unwrap_or_default();
            self.text.push_str(plain);
            let byte = from.bytes().next().unwrap_or_default();
            self.text.push('\\');
            match byte {
                b'\n' => self.text.push('n'),
                b'\r' => self.text.push('r'),
                b'"' | b'\\' => self.text.push(byte.into()),
                _ => {
                    self.text.push_str("u00");
                    self.text
                        .extend([byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0')));
                }
            }
            rest = from.get(1..).unwrap_or_default();
        }
        self.text.push_str(rest);
        self.text.push('"');
    }
}

pub(super) fn decimal(number: u64, out: &mut String) {
    let tens = number.checked_div(10).unwrap_or_default();
    if tens > 0 {
        decimal(tens, out);
    }
    let digit = number.wrapping_sub(tens.wrapping_mul(10)) as u8;
    out.push(b'0'.wrapping_add(digit).into());
}

macro_rules! numbers {
    ($($type:ident),*) => {
        $(impl Write for $type {
            fn write(&self, writer: &mut Writer) {
                decimal(*self as u64, &mut writer.text);
            }
        })*
    };
}

numbers!(u16, u32, u64, usize);

/// To three digits behind the point.
impl Write for f64 {
    fn write(&self, writer: &mut Writer) {
        let thousandths = (self * 1000.0 + 0.5) as u64;
        let (whole, rest) = (thousandths.checked_div(1000).unwrap_or_default(), thousandths % 1000);
        decimal(whole, &mut writer.text);
        if rest > 0 {
            let mut digits = String::new();
            decimal(rest.saturating_add(1000), &mut digits);
            writer.text.push('.');
            writer.text.push_str(digits.trim_end_matches('0').get(1..).unwrap_or_default());
        }
    }
}

impl Write for bool {
    fn write(&self, writer: &mut Writer) {
        writer.text.push_str(if *self { "true" } else { "false" });
    }
}

impl Write for char {
    fn write(&self, writer: &mut Writer) {
        writer.string(self.encode_utf8(&mut [0; 4]));
    }
}

impl Write for String {
    fn write(&self, writer: &mut Writer) {
        writer.string(self);
    }
}

impl Write for &str {
    fn write(&self, writer: &mut Writer) {
        writer.string(self);
    }
}

impl<T: Write> Write for Option<T> {
    fn write(&self, writer: &mut Writer) {
        match self {
            Some(value) => value.write(writer),
            None => writer.null(),
        }
    }
}

impl<T: Write> Write for Box<T> {
    fn write(&self, writer: &mut Writer) {
        (**self).write(writer);
    }
}

impl<T: Write> Write for Vec<T> {
    fn write(&self, writer: &mut Writer) {
        writer.list(self);
    }
}

/// A pair is a list of two.
impl<T: Write, U: Write> Write for (T, U) {
    fn write(&self, writer: &mut Writer) {
        writer.text.push('[');
        self.0.write(writer);
        writer.text.push(',');
        self.1.write(writer);
        writer.text.push(']');
    }
}
