//! Ladders as text: a column for each place, an arrow for each message.

use std::fmt::Write;
use std::time::Duration;

use super::seen::{Place, Seen};
use super::talks::{Recorded, Talk, labelled};

/// The width of the times before the first column.
const TIMES: usize = 12;

/// The least and the most between two columns.
const NARROW: usize = 24;
const WIDE: usize = 60;

/// How many columns there are at most where messages are shown as they come.
const MOST: usize = 6;

/// How wide the columns stand.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    places: Vec<Place>,
    /// From one column to the next.
    step: usize,
}

impl Columns {
    /// For those places and those labels.
    pub(super) fn new<'l>(places: Vec<Place>, labels: impl Iterator<Item = &'l str>) -> Columns {
        let longest_label = labels.map(|label| label.chars().count() + 6).max().unwrap_or(0);
        let longest_place = places.iter().map(|place| place.0.chars().count() + 2).max().unwrap_or(0);
        Columns { places, step: longest_label.max(longest_place).clamp(NARROW, WIDE) }
    }

    /// A place that was not there before gets a column. Says whether the columns are others now. Where there are many places
    /// the columns begin anew.
    pub(super) fn admit(&mut self, seen: &Seen) -> bool {
        let new = |place: &Place| !self.places.contains(place);
        if (new(&seen.from) || new(&seen.to)) && self.places.len() >= MOST {
            self.places.clear();
        }
        let before = self.places.len();
        for place in [&seen.from, &seen.to] {
            if !self.places.contains(place) {
                self.places.push(place.clone());
            }
        }
        self.places.len() > before
    }

    /// The names of the places, each over its column.
    pub(super) fn head(&self) -> String {
        let mut line = String::new();
        for (index, place) in self.places.iter().enumerate() {
            // A name stands in the middle over its column as far as there is room.
            let (width, taken) = (place.0.chars().count(), line.chars().count());
            let begin = (TIMES + index * self.step).saturating_sub(width / 2);
            let fill = begin.max(taken + usize::from(index > 0)) - taken;
            line += &" ".repeat(fill);
            line += &place.0;
        }
        line
    }

    /// The arrow of a message.
    pub(super) fn arrow(&self, since: Duration, seen: &Seen, again: bool) -> String {
        let at = |place: &Place| self.places.iter().position(|known| known == place).unwrap_or_default();
        let (from, to) = (at(&seen.from), at(&seen.to));
        let label = labelled(seen, again);
        let last = self.places.len().saturating_sub(1) * self.step;
        let mut line: Vec<char> = vec![' '; last + 1];
        (0..=last).step_by(self.step).for_each(|column| line[column] = '|');
        let (left, right) = (from.min(to) * self.step, from.max(to) * self.step);
        let mut after = String::new();
        if left == right {
            after = format!(" {label} (to itself)");
        } else {
            (left + 1..right).for_each(|column| line[column] = '-');
            if from < to {
                line[right - 1] = '>';
            } else {
                line[left + 1] = '<';
            }
            let room = right - left - 5;
            let label: String = shortened(&label, room);
            let begin = left + 1 + (right - left - 1 - label.chars().count()) / 2;
            label.chars().enumerate().for_each(|(index, letter)| line[begin + index] = letter);
        }
        let mut text = format!("{:>10.3}  ", since.as_secs_f64());
        text.extend(line);
        text + &after
    }
}

fn shortened(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    text.chars().take(room.saturating_sub(1)).chain(['~']).collect()
}

/// One line about a talk.
pub(super) fn summary(talk: &Talk) -> String {
    let count = talk.messages.len();
    let messages = if count == 1 { "message" } else { "messages" };
    if talk.call_id.is_empty() {
        return format!("{count} {messages} without a Call-ID that can be read");
    }
    format!(
        "{} {} -> {}: {}, {count} {messages} in {:.3} s, Call-ID {}",
        talk.method(),
        talk.from,
        talk.to,
        talk.outcome(),
        talk.length().as_secs_f64(),
        talk.call_id,
    )
}

/// A ladder; with whole messages under their arrows where that is wanted.
pub(super) fn draw(talk: &Talk, whole: bool) -> String {
    let labels: Vec<String> = talk.messages.iter().map(Recorded::label).collect();
    let columns = Columns::new(talk.places(), labels.iter().map(String::as_str));
    let begin = talk.begin();
    let mut text = summary(talk);
    // Writing to a String does not fail.
    let _ = write!(text, "\n\n{}\n", columns.head());
    for recorded in &talk.messages {
        let since = recorded.seen.at.saturating_sub(begin);
        let _ = writeln!(text, "{}", columns.arrow(since, &recorded.seen, recorded.again));
        if whole && !recorded.again {
            for line in recorded.seen.text().trim_end().lines() {
                let _ = writeln!(text, "{}{}", " ".repeat(TIMES + 4), line.trim_end());
            }
        }
    }
    text
}
