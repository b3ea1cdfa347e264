//! Retry-After (RFC 3261 section 20.33), Date (section 20.17) and Timestamp (section 20.38).

use super::error::{Fault, ParseError};
use super::grammar::{self, split};
use super::typed::{self, alone, fault_at, number_at, number_param};
use super::{Fields, Name, Params};
use std::fmt;
use std::time::Duration;

/// A Retry-After value: `18000;duration=3600`, `120 (I'm in a meeting)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAfter<'a> {
    /// After how many seconds to try again.
    pub seconds: u32,
    /// The words in parentheses, as written.
    pub comment: Option<&'a str>,
    /// For how many seconds it will work then.
    pub duration: Option<u32>,
}

impl<'a> RetryAfter<'a> {
    /// Reads a value.
    ///
    /// # Errors
    ///
    /// No number, a comment that does not end, or a `duration` that is no number. The field is `Retry-After`, the offset
    /// counts from the start of the text.
    ///
    /// ```
    /// use offhook_core::message::RetryAfter;
    /// let retry = RetryAfter::parse("120 (I'm in a meeting);duration=60")?;
    /// assert_eq!((retry.seconds, retry.comment, retry.duration), (120, Some("I'm in a meeting"), Some(60)));
    /// # Ok::<(), offhook_core::message::ParseError>(())
    /// ```
    pub fn parse(text: &'a str) -> Result<RetryAfter<'a>, ParseError> {
        alone(text, Name::RetryAfter, retry_after)
    }
}

/// A point in time as a Date header field says it, in whole seconds since 1970.
///
/// ```
/// use offhook_core::message::Date;
/// let date = Date::parse("Sat, 13 Nov 2010 23:29:00 GMT")?;
/// assert_eq!(date.unix_seconds(), 1_289_690_940);
/// assert_eq!(date.to_string(), "Sat, 13 Nov 2010 23:29:00 GMT");
/// # Ok::<(), offhook_core::message::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(u64);

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const DAY: u64 = 86_400;
/// The last second of the year 9999.
const LATEST: u64 = 253_402_300_799;

impl Date {
    /// The date that many seconds after the start of 1970; years beyond 9999 become its end.
    pub fn from_unix_seconds(seconds: u64) -> Date {
        Date(seconds.min(LATEST))
    }

    /// Seconds since the start of 1970.
    pub fn unix_seconds(self) -> u64 {
        self.0
    }

    /// Reads a value. The name of the day is not looked at, and what follows the time is taken for GMT.
    ///
    /// # Errors
    ///
    /// A text that is no date, or one before 1970. The field is `Date`, the offset counts from the start of the text.
    pub fn parse(text: &str) -> Result<Date, ParseError> {
        alone(text, Name::Date, date)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, time) = (self.0 / DAY, self.0 % DAY);
        let (year, month, day) = civil(days);
        let name = |names: &'static [&'static str], at: u64| {
            usize::try_from(at).ok().and_then(|at| names.get(at)).copied().unwrap_or("")
        };
        f.write_str(name(&WEEKDAYS, days % 7))?;
        write!(f, ", {day:02} ")?;
        f.write_str(name(&MONTHS, month))?;
        write!(f, " {year:04} {:02}:{:02}:{:02} GMT", time / 3600, time / 60 % 60, time % 60)
    }
}

/// A Timestamp value: when the request was sent, by its sender's own clock, and how long it waited before this response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp {
    /// Since whatever the sender counts from.
    pub sent: Duration,
    /// Between the request's coming and the response's going.
    pub delay: Option<Duration>,
}

impl Timestamp {
    /// Reads a value; what is finer than a nanosecond is left out.
    ///
    /// # Errors
    ///
    /// A number that is none. The field is `Timestamp`, the offset counts from the start of the text.
    ///
    /// ```
    /// use offhook_core::message::Timestamp;
    /// let timestamp = Timestamp::parse("54.25 .5")?;
    /// assert_eq!((timestamp.sent.as_millis(), timestamp.delay.map(|delay| delay.as_millis())), (54_250, Some(500)));
    /// assert_eq!(timestamp.to_string(), "54.25 0.5");
    /// # Ok::<(), offhook_core::message::ParseError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Timestamp, ParseError> {
        alone(text, Name::Timestamp, timestamp)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_seconds(f, self.sent)?;
        let Some(delay) = self.delay else { return Ok(()) };
        f.write_str(" ")?;
        write_seconds(f, delay)
    }
}

fn write_seconds(f: &mut fmt::Formatter<'_>, time: Duration) -> fmt::Result {
    write!(f, "{}", time.as_secs())?;
    if time.subsec_nanos() == 0 {
        return Ok(());
    }
    let decimals = format!("{:09}", time.subsec_nanos());
    f.write_str(".")?;
    f.write_str(decimals.trim_end_matches('0'))
}

fn timestamp(text: &str) -> Result<Timestamp, Fault> {
    let (sent, rest) = split(text, text.find([' ', '\t']).unwrap_or(text.len()));
    let rest = grammar::skip_ws(rest);
    let delay = if rest.is_empty() { None } else { Some(seconds(text, rest)?) };
    // The delay alone may start with the point.
    if sent.starts_with('.') {
        return Err(Fault::new(text, "a number"));
    }
    Ok(Timestamp { sent: seconds(text, sent)?, delay })
}

/// Seconds with decimals, as `part` of `text` says them.
fn seconds(text: &str, part: &str) -> Result<Duration, Fault> {
    let (whole, decimals) = part.split_once('.').unwrap_or((part, ""));
    let whole = if whole.is_empty() && !decimals.is_empty() { 0 } else { number_at(text, whole)? };
    if !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(fault_at(text, decimals, "a number"));
    }
    let mut nanos = 0_u32;
    for place in 0..9 {
        let digit = decimals.as_bytes().get(place).map_or(0, |byte| byte.saturating_sub(b'0'));
        nanos = nanos.saturating_mul(10).saturating_add(digit.into());
    }
    Ok(Duration::new(whole.into(), nanos))
}

impl Fields {
    /// Timestamp.
    ///
    /// # Errors
    ///
    /// Those of [`Timestamp::parse`]; offsets count from the start of the message.
    pub fn timestamp(&self) -> Result<Option<Timestamp>, ParseError> {
        typed::one(self, Name::Timestamp, timestamp)
    }

    /// Retry-After with its comment and duration.
    ///
    /// # Errors
    ///
    /// Those of [`RetryAfter::parse`]; offsets count from the start of the message.
    pub fn retry_after(&self) -> Result<Option<RetryAfter<'_>>, ParseError> {
        typed::one(self, Name::RetryAfter, retry_after)
    }

    /// Date.
    ///
    /// # Errors
    ///
    /// Those of [`Date::parse`]; offsets count from the start of the message.
    pub fn date(&self) -> Result<Option<Date>, ParseError> {
        typed::one(self, Name::Date, date)
    }
}

fn retry_after(text: &str) -> Result<RetryAfter<'_>, Fault> {
    let (digits, rest) = grammar::run(text, grammar::DIGIT);
    let seconds = number_at(text, digits)?;
    let rest = grammar::skip_ws(rest);
    let (comment, rest) = match rest.strip_prefix('(') {
        None => (None, rest),
        Some(inside) => {
            let Some(end) = end_of_comment(inside) else { return Err(Fault::new("", "a closing parenthesis")) };
            let (comment, rest) = split(inside, end);
            (Some(comment), grammar::skip_ws(split(rest, 1).1))
        }
    };
    if !rest.is_empty() && !rest.starts_with(';') {
        return Err(Fault::new(rest, "a parameter or the end of the value"));
    }
    let duration = number_param(text, &Params::of_field(rest), "duration")?;
    Ok(RetryAfter { seconds, comment, duration })
}

/// Where the parenthesis closes; comments nest, and a backslash escapes.
fn end_of_comment(text: &str) -> Option<usize> {
    let mut open = 1_u32;
    let mut escaped = false;
    text.bytes().position(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'(' => open = open.saturating_add(1),
            b')' => open = open.saturating_sub(1),
            _ => {}
        }
        open == 0
    })
}

/// `wkday "," SP date1 SP time SP "GMT"`.
fn date(text: &str) -> Result<Date, Fault> {
    let mut words = text.split([' ', '\t', ',']).filter(|word| !word.is_empty());
    let mut next = |expected| words.next().ok_or(Fault::new("", expected));
    next("the name of a day")?;
    let day_word = next("a day")?;
    let day = number_at(text, day_word)?;
    let month_word = next("a month")?;
    let month = (1_u32..).zip(MONTHS).find(|(_, name)| name.eq_ignore_ascii_case(month_word)).map(|(month, _)| month);
    let month = month.ok_or_else(|| fault_at(text, month_word, "a month"))?;
    let year_word = next("a year")?;
    let year = number_at(text, year_word)?;
    let time = next("a time")?;
    if !(1970..=9999).contains(&year) {
        return Err(fault_at(text, year_word, "a year from 1970 on"));
    }
    if day == 0 || day > days_in(year, month) {
        return Err(fault_at(text, day_word, "a day of the month"));
    }
    let mut parts = time.split(':').map(|part| number_at(text, part));
    let (Some(hours), Some(minutes), Some(seconds), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(fault_at(text, time, "hours, minutes and seconds"));
    };
    let (hours, minutes, seconds) = (hours?, minutes?, seconds?);
    // 60 is a leap second.
    if hours > 23 || minutes > 59 || seconds > 60 {
        return Err(fault_at(text, time, "a time of the day"));
    }
    let time = u64::from(hours).saturating_mul(60).saturating_add(u64::from(minutes));
    let time = time.saturating_mul(60).saturating_add(u64::from(seconds));
    Ok(Date::from_unix_seconds(days_before(year, month, day).saturating_mul(DAY).saturating_add(time)))
}

fn is_leap(year: u32) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_in(year: u32, month: u32) -> u32 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The days from the start of 1970 to this one.
fn days_before(year: u32, month: u32, day: u32) -> u64 {
    let years = (1970..year).map(|year| if is_leap(year) { 366_u64 } else { 365 }).sum::<u64>();
    let months = (1..month).map(|month| u64::from(days_in(year, month))).sum::<u64>();
    years.saturating_add(months).saturating_add(u64::from(day.saturating_sub(1)))
}

/// The year, the month from 0 and the day from 1 of the day that many days after the start of 1970.
fn civil(mut days: u64) -> (u32, u64, u64) {
    let mut year = 1970_u32;
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        match days.checked_sub(length) {
            Some(rest) => days = rest,
            None => break,
        }
        year = year.saturating_add(1);
    }
    for (at, month) in (0_u64..12).zip(1_u32..) {
        match days.checked_sub(u64::from(days_in(year, month))) {
            Some(rest) => days = rest,
            None => return (year, at, days.saturating_add(1)),
        }
    }
    (year, 0, 1)
}

#[cfg(test)]
mod tests {
    use super::super::fields_of_test;
    use super::*;

    #[test]
    fn the_examples_of_the_rfc() {
        let of = |text: &'static str| RetryAfter::parse(text).unwrap();
        assert_eq!(of("18000;duration=3600"), RetryAfter { seconds: 18_000, comment: None, duration: Some(3600) });
        assert_eq!(of("120 (I'm in a meeting)").comment, Some("I'm in a meeting"));
        assert_eq!(of("5 (a (b) \\) c) ; x").comment, Some("a (b) \\) c"));
        let fields = fields_of_test("Retry-After: 5|Date: Sat, 13 Nov 2010 23:29:00 GMT");
        assert_eq!(fields.retry_after().unwrap().unwrap().seconds, 5);
        assert_eq!(fields.date().unwrap().unwrap().unix_seconds(), 1_289_690_940);
    }

    #[test]
    fn retry_errors_say_where() {
        let of = |text: &str| RetryAfter::parse(text).unwrap_err().to_string();
        assert_eq!(of("soon"), "Retry-After: expected a number at byte 0");
        assert_eq!(of("5 (open"), "Retry-After: expected a closing parenthesis at byte 7");
        assert_eq!(of("5 x"), "Retry-After: expected a parameter or the end of the value at byte 2");
        assert_eq!(of("5;duration=x"), "Retry-After: expected a number at byte 11");
    }

    #[test]
    fn dates_come_back() {
        for seconds in (0..LATEST).step_by(97_654_321).chain([0, 951_782_400, 951_868_800, 4_107_542_399, LATEST]) {
            let date = Date::from_unix_seconds(seconds);
            assert_eq!(Date::parse(&date.to_string()), Ok(date), "{date}");
        }
        assert_eq!(Date::from_unix_seconds(951_782_400).to_string(), "Tue, 29 Feb 2000 00:00:00 GMT");
        assert_eq!(Date::from_unix_seconds(u64::MAX).to_string(), "Fri, 31 Dec 9999 23:59:59 GMT");
        assert_eq!(Date::from_unix_seconds(0).to_string(), "Thu, 01 Jan 1970 00:00:00 GMT");
    }

    #[test]
    fn date_errors_say_where() {
        let of = |text: &str| Date::parse(text).unwrap_err().to_string();
        assert_eq!(of("Fri, 01 Jan 2010 16:00"), "Date: expected hours, minutes and seconds at byte 17");
        assert_eq!(of("Fri, 01 Foo 2010 16:00:00 GMT"), "Date: expected a month at byte 8");
        assert_eq!(of("Thu, 30 Feb 2012 16:00:00 GMT"), "Date: expected a day of the month at byte 5");
        assert_eq!(of("Fri, 01 Jan 1969 16:00:00 GMT"), "Date: expected a year from 1970 on at byte 12");
        assert_eq!(of("Fri, 01 Jan 2010 24:00:00 GMT"), "Date: expected a time of the day at byte 17");
        assert_eq!(of("now"), "Date: expected a day at byte 3");
    }
}
