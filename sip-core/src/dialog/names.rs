//! The texts that name a dialog and its sides, in one block of memory that copies share.

use std::fmt;
use std::sync::Arc;

/// One of the texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    CallId,
    LocalTag,
    RemoteTag,
    /// Our From or To value, with the tag.
    Local,
    /// The other side's value, with the tag if it has one.
    Remote,
    /// Where it is reached.
    Target,
}

const COUNT: usize = 6;

/// All of them.
#[derive(Clone)]
pub(crate) struct Names {
    text: Arc<str>,
    /// Where each ends.
    ends: [u32; COUNT],
}

impl Names {
    /// In the order of [`Text`].
    pub(crate) fn new(texts: [&str; COUNT]) -> Names {
        let length = texts.iter().fold(0_usize, |sum, text| sum.saturating_add(text.len()));
        let mut all = String::with_capacity(length);
        let mut ends = [0; COUNT];
        for (text, end) in texts.into_iter().zip(&mut ends) {
            all.push_str(text);
            // All come from messages, which are far shorter than 4 GiB.
            *end = u32::try_from(all.len()).unwrap_or(u32::MAX);
        }
        Names { text: all.into(), ends }
    }

    pub(crate) fn get(&self, text: Text) -> &str {
        let place = text as usize;
        let start = place.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        let end = self.ends.get(place).copied().unwrap_or(0);
        self.text.get(start as usize..end as usize).unwrap_or_default()
    }

    /// Changes one of them, for this copy alone.
    pub(crate) fn set(&mut self, text: Text, value: &str) {
        if self.get(text) == value {
            return;
        }
        let of = |which| if which == text { value } else { self.get(which) };
        let all = [Text::CallId, Text::LocalTag, Text::RemoteTag, Text::Local, Text::Remote, Text::Target].map(of);
        *self = Names::new(all);
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stay_apart() {
        let mut names = Names::new(["id", "a", "", "<sip:a@b>;tag=a", "<sip:c@d>", "sip:c@e"]);
        let before = names.clone();
        names.set(Text::Target, "sip:elsewhere");
        names.set(Text::RemoteTag, "c");
        assert_eq!((names.get(Text::CallId), names.get(Text::LocalTag), names.get(Text::RemoteTag)), ("id", "a", "c"));
        assert_eq!((names.get(Text::Remote), names.get(Text::Target)), ("<sip:c@d>", "sip:elsewhere"));
        assert_eq!((before.get(Text::RemoteTag), before.get(Text::Target)), ("", "sip:c@e"));
    }
}
