//! Text to a tree of values.

use super::read::{Bad, Json, Value};

/// How deep lists and objects may be in one another; what is read here needs four.
const DEPTH: usize = 16;

/// Reads one value with nothing behind it.
pub(super) fn parse(text: &str) -> Result<Json, Bad> {
    let mut parser = Parser { text, at: 0 };
    let json = parser.value(DEPTH)?;
    match parser.peek() {
        None => Ok(json),
        Some(_) => Err(parser.bad("nothing is expected here")),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn bad(&self, message: &str) -> Bad {
        Bad::new(self.at, message)
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn advance(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    /// The next byte that is no white space, which stays.
    fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.byte() {
            self.advance();
        }
        self.byte()
    }

    /// Takes the next byte that is no white space if it is this one.
    fn takes(&mut self, byte: u8) -> bool {
        let is = self.peek() == Some(byte);
        if is {
            self.advance();
        }
        is
    }

    fn value(&mut self, depth: usize) -> Result<Json, Bad> {
        let Some(depth) = depth.checked_sub(1) else { return Err(self.bad("too deep")) };
        let first = self.peek();
        let at = self.at;
        let value = match first {
            Some(b'{') => Value::Object(self.object(depth)?),
            Some(b'[') => Value::List(self.list(depth)?),
            Some(b'"') => Value::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ if self.word("null") => Value::Null,
            _ if self.word("true") => Value::Bool(true),
            _ if self.word("false") => Value::Bool(false),
            _ => return Err(self.bad("a value is expected here")),
        };
        Ok(Json { at, value })
    }

    fn word(&mut self, word: &str) -> bool {
        let is = self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word));
        if is {
            self.at = self.at.saturating_add(word.len());
        }
        is
    }

    fn object(&mut self, depth: usize) -> Result<Vec<(String, Json)>, Bad> {
        let mut fields = Vec::new();
        self.advance();
        if self.takes(b'}') {
            return Ok(fields);
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.bad("a name in quotes is expected here"));
            }
            let name = self.string()?;
            if !self.takes(b':') {
                return Err(self.bad("a colon is expected here"));
            }
            fields.push((name, self.value(depth)?));
            if self.takes(b'}') {
                return Ok(fields);
            }
            if !self.takes(b',') {
                return Err(self.bad("a comma or } is expected here"));
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Json>, Bad> {
        let mut items = Vec::new();
        self.advance();
        if self.takes(b']') {
            return Ok(items);
        }
        loop {
            items.push(self.value(depth)?);
            if self.takes(b']') {
                return Ok(items);
            }
            if !self.takes(b',') {
                return Err(self.bad("a comma or ] is expected here"));
            }
        }
    }

    /// Digits, exactly; a negative number, one with an exponent or with too many digits is some other number.
    fn number(&mut self) -> Result<Value, Bad> {
        let mut digits = Some(0_u64);
        let mut scale = 0_u8;
        let mut fraction = false;
        while let Some(byte @ (b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')) = self.byte() {
            match byte {
                b'0'..=b'9' => {
                    let digit = u64::from(byte.wrapping_sub(b'0'));
                    digits = digits.and_then(|digits| digits.checked_mul(10)?.checked_add(digit));
                    scale = scale.saturating_add(fraction.into());
                }
                b'.' if !fraction => fraction = true,
                _ => digits = None,
            }
            self.advance();
        }
        Ok(digits.map_or(Value::OtherNumber, |digits| Value::Number { digits, scale }))
    }

    fn string(&mut self) -> Result<String, Bad> {
        self.advance();
        let mut string = String::new();
        loop {
            let from = self.at;
            while !matches!(self.byte(), None | Some(b'"' | b'\\' | 0..=0x1f)) {
                self.advance();
            }
            string.push_str(self.text.get(from..self.at).unwrap_or_default());
            match self.byte() {
                Some(b'"') => {
                    self.advance();
                    return Ok(string);
                }
                Some(b'\\') => string.push(self.escape()?),
                _ => return Err(self.bad("the text does not end")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Bad> {
        self.advance();
        let escaped = match self.byte() {
            Some(byte @ (b'"' | b'\\' | b'/')) => byte.into(),
            Some(b'b') => '\x08',
            Some(b'f') => '\x0c',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => return Err(self.bad("no such escape")),
        };
        self.advance();
        Ok(escaped)
    }

    /// `\uXXXX`, or two of them. Half a character, as only JavaScript has them, is replaced.
    fn unicode(&mut self) -> Result<char, Bad> {
        let first = self.unit()?;
        let before = self.at;
        if (0xd800..0xdc00).contains(&first) && self.word("\\") && self.byte() == Some(b'u') {
            let second = self.unit()?;
            if let Some(Ok(character)) = char::decode_utf16([first, second]).next() {
                return Ok(character);
            }
        }
        self.at = if (0xd800..0xdc00).contains(&first) { before } else { self.at };
        Ok(char::from_u32(first.into()).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn unit(&mut self) -> Result<u16, Bad> {
        self.advance();
        let end = self.at.saturating_add(4);
        let digits = self.text.get(self.at..end).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let unit = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
        self.at = if unit.is_some() { end } else { self.at };
        unit.ok_or_else(|| self.bad("four hexadecimal digits are expected here"))
    }
}
