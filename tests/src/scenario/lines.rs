//! What the lines of a message must look like: `*` stands for anything, `{name}` for something that is kept under that
//! name and must be the same where it comes again, `{name+1}` for the number after it.

use std::collections::HashMap;

use crate::sip::Text;

/// What was kept.
pub(super) type Kept = HashMap<String, String>;

/// Whether a message has all these lines; what it keeps is kept only then.
pub(super) fn matches(message: &Text, lines: &[(String, Option<String>)], kept: &mut Kept) -> bool {
    let mut new = kept.clone();
    let fits = lines.iter().all(|(name, pattern)| match (name.as_str(), pattern) {
        (name, None) => message.get(name).is_empty(),
        ("Request-URI", Some(pattern)) => like(message.start.split(' ').nth(1).unwrap_or_default(), pattern, &mut new),
        ("Body", Some(pattern)) => like(&message.body, pattern, &mut new),
        (name, Some(pattern)) => message.all(name).iter().any(|value| like(value, pattern, &mut new)),
    });
    if fits {
        *kept = new;
    }
    fits
}

/// Text with what was kept in the place of its `{name}`s.
pub(super) fn fill(text: &str, kept: &Kept) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, name, after)) = placeholder(rest) {
        filled.push_str(before);
        match value(name, kept) {
            Some(value) => filled.push_str(&value),
            None => filled.push_str(&format!("{{{name}}}")),
        }
        rest = after;
    }
    filled + rest
}

fn placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (name, after) = rest.split_once('}')?;
    Some((before, name, after))
}

fn value(name: &str, kept: &Kept) -> Option<String> {
    match name.split_once('+') {
        None => kept.get(name).cloned(),
        Some((name, more)) => {
            let (number, more): (u64, u64) = (kept.get(name)?.parse().ok()?, more.parse().ok()?);
            Some((number + more).to_string())
        }
    }
}

fn like(text: &str, pattern: &str, kept: &mut Kept) -> bool {
    if let Some(rest) = pattern.strip_prefix('*') {
        return suffixes(text).any(|suffix| like(suffix, rest, kept));
    }
    if let Some((name, after)) = pattern.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
        if let Some(value) = value(name, kept) {
            return text.strip_prefix(value.as_str()).is_some_and(|rest| like(rest, after, kept));
        }
        // Something new: as long as it can be, but never empty.
        let ends = suffixes(text).skip(1).collect::<Vec<_>>();
        return ends.into_iter().rev().any(|rest| {
            let mut with = kept.clone();
            with.insert(name.to_owned(), text[..text.len() - rest.len()].to_owned());
            let fits = like(rest, after, &mut with);
            if fits {
                *kept = with;
            }
            fits
        });
    }
    match (pattern.chars().next(), text.chars().next()) {
        (None, None) => true,
        (Some(wanted), Some(found)) if wanted == found => {
            like(&text[found.len_utf8()..], &pattern[wanted.len_utf8()..], kept)
        }
        _ => false,
    }
}

fn suffixes(text: &str) -> impl Iterator<Item = &str> {
    text.char_indices().map(|(at, _)| &text[at..]).chain(std::iter::once(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_names() {
        let mut kept = Kept::new();
        assert!(like("Digest realm=\"a\", algorithm=MD5", "Digest *algorithm=MD5*", &mut kept));
        assert!(!like("Digest realm=\"a\"", "*algorithm*", &mut kept));
        assert!(like("1 INVITE", "{n} INVITE", &mut kept));
        assert!(like("2 INVITE", "{n+1} INVITE", &mut kept));
        assert!(!like("1 INVITE", "{n+1} INVITE", &mut kept));
        assert!(like("<sip:a@b>;tag=x", "*;tag={tag}", &mut kept));
        assert_eq!(fill("<sip:c@d>;tag={tag}, {n+2} {unknown}", &kept), "<sip:c@d>;tag=x, 3 {unknown}");
    }
}
