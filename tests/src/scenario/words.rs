//! The words of a line.

use std::collections::VecDeque;
use std::time::Duration;

/// The words of a line; text in quotes is one word.
#[derive(Clone, Debug)]
pub(super) struct Words(VecDeque<Word>);

#[derive(Clone, Debug)]
struct Word {
    text: String,
    quoted: bool,
}

impl Words {
    pub(super) fn new(line: &str) -> Result<Words, String> {
        let mut words = VecDeque::new();
        let mut rest = line.trim();
        while !rest.is_empty() {
            if let Some(open) = rest.strip_prefix('"') {
                let (text, after) = close_quote(open).ok_or("a quote is not closed")?;
                words.push_back(Word { text: text.replace("\\\"", "\""), quoted: true });
                rest = after.trim_start();
                continue;
            }
            let end = rest.find([' ', ',']).unwrap_or(rest.len()).max(1);
            let (text, after) = rest.split_at(end);
            words.push_back(Word { text: text.into(), quoted: false });
            rest = after.trim_start();
        }
        Ok(Words(words))
    }

    pub(super) fn next(&mut self) -> Option<String> {
        self.0.pop_front().map(|word| word.text)
    }

    pub(super) fn peek(&self) -> Option<String> {
        self.peek_at(0)
    }

    pub(super) fn peek_at(&self, index: usize) -> Option<String> {
        self.0.get(index).filter(|word| !word.quoted).map(|word| word.text.clone())
    }

    pub(super) fn is_quoted(&self) -> bool {
        self.0.front().is_some_and(|word| word.quoted)
    }

    /// Takes this word if it is the next.
    pub(super) fn skip(&mut self, word: &str) -> bool {
        let found = self.peek().as_deref() == Some(word);
        if found {
            self.0.pop_front();
        }
        found
    }

    pub(super) fn expect(&mut self, what: &str) -> Result<String, String> {
        self.next().ok_or_else(|| format!("the line ends where {what} should stand"))
    }

    pub(super) fn quoted(&mut self) -> Result<String, String> {
        if !self.is_quoted() {
            return Err("text in quotes is missing".into());
        }
        self.expect("text")
    }

    pub(super) fn number<N: std::str::FromStr>(&mut self) -> Result<N, String> {
        let word = self.expect("a number")?;
        word.parse().map_err(|_| format!("`{word}` is no number"))
    }

    pub(super) fn take_all(&mut self, words: &[&str]) -> Result<(), String> {
        for word in words {
            let next = self.expect(&format!("`{word}`"))?;
            if next != *word {
                return Err(format!("`{next}` stands where `{word}` should"));
            }
        }
        Ok(())
    }

    /// What is left, as text.
    pub(super) fn rest(&mut self) -> String {
        let words: Vec<String> = self.0.drain(..).map(|word| word.text).collect();
        words.join(" ").replace(" ,", ",")
    }

    pub(super) fn end(&self) -> Result<(), String> {
        match self.0.front() {
            None => Ok(()),
            Some(word) => Err(format!("what is `{}`?", word.text)),
        }
    }
}

/// What is within the quotes, and what follows; `\"` does not end it.
fn close_quote(text: &str) -> Option<(&str, &str)> {
    let ends = text.match_indices('"').find(|(at, _)| !text[..*at].ends_with('\\'))?;
    Some((&text[..ends.0], &text[ends.0 + 1..]))
}

/// `5 s`, `200 ms`.
pub(super) fn duration(number: &str, unit: &str) -> Result<Duration, String> {
    let number: u64 = number.parse().map_err(|_| format!("`{number}` is no number"))?;
    match unit {
        "s" => Ok(Duration::from_secs(number)),
        "ms" => Ok(Duration::from_millis(number)),
        _ => Err(format!("`{unit}`? s or ms")),
    }
}
