//! Values as they stand on a command line.

use std::str::FromStr;
use std::time::Duration;

/// A header field for requests: `Name: value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl FromStr for Header {
    type Err = String;

    fn from_str(text: &str) -> Result<Header, String> {
        let (name, value) = text.split_once(':').ok_or("a header field is written 'Name: value'")?;
        let (name, value) = (name.trim(), value.trim());
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err("a header field is written 'Name: value'".into());
        }
        Ok(Header { name: name.into(), value: value.into() })
    }
}

/// A length of time: `5`, `0.2`, `1.5s`, `200ms`, `3m`, `2h`; seconds without a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(crate) struct Seconds(pub(crate) Duration);

impl FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Seconds, String> {
        let at = text.find(|character: char| character.is_ascii_alphabetic()).unwrap_or(text.len());
        let (number, unit) = text.split_at(at);
        let factor = match unit {
            "" | "s" => 1.0,
            "ms" => 0.001,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            _ => return Err(format!("'{unit}' is no unit: ms, s, m or h, e.g. 200ms or 1.5s")),
        };
        let number: f64 = number.parse().map_err(|_| "a number of seconds, or e.g. 200ms, 1.5s, 3m".to_owned())?;
        let time = Duration::try_from_secs_f64(number * factor);
        time.map(Seconds).map_err(|_| "a time is not negative, and not that long".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let time = |text: &str| text.parse::<Seconds>().map(|seconds| seconds.0.as_millis());
        assert_eq!(time("5"), Ok(5000));
        assert_eq!(time("0.25"), Ok(250));
        assert_eq!(time("200ms"), Ok(200));
        assert_eq!(time("1.5m"), Ok(90_000));
        for wrong in ["", "-1", "5 s", "5d", "inf", "NaN", "1e300h"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn header_fields() {
        let header = "X-Test:  a: b ".parse::<Header>().unwrap();
        assert_eq!((header.name.as_str(), header.value.as_str()), ("X-Test", "a: b"));
        for wrong in ["X-Test", ": b", "X Test: b"] {
            assert!(wrong.parse::<Header>().is_err(), "{wrong}");
        }
    }
}
