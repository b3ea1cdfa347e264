//! Versions of documents, which say whether one was missed.

/// How much a document, or an element of it, tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Everything: what it does not name is not there.
    #[default]
    Full,
    /// What has changed.
    Partial,
    /// That it is gone (RFC 4575 alone).
    Deleted,
}

impl Scope {
    pub(super) fn parse(text: &str) -> Option<Scope> {
        Some(match text.trim() {
            "full" => Scope::Full,
            "partial" => Scope::Partial,
            "deleted" => Scope::Deleted,
            _ => return None,
        })
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Scope::Full => "full",
            Scope::Partial => "partial",
            Scope::Deleted => "deleted",
        }
    }
}

/// What became of a document that was handed to a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Applied {
    /// It was taken in, and nothing is missing.
    Updated,
    /// It was taken in, but something before it was missed, or there are more rows than are kept: refresh the
    /// subscription to be told everything.
    Incomplete,
    /// It is older than what is known: nothing was changed.
    Stale,
}

/// The version of the last document.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Version(Option<u32>);

impl Version {
    /// Takes note of the next document (RFC 4235 section 4.3, RFC 3680 section 5.2): a gap before a partial one means
    /// that something was missed. A full one with the same version is taken in, since some never count.
    pub(super) fn next(&mut self, version: u32, scope: Scope) -> Applied {
        let applied = match (self.0, scope) {
            (Some(last), _) if version < last => return Applied::Stale,
            (Some(last), Scope::Partial) if version == last => return Applied::Stale,
            (Some(last), Scope::Partial) if version.checked_sub(last) == Some(1) => Applied::Updated,
            (_, Scope::Partial) => Applied::Incomplete,
            (_, Scope::Full | Scope::Deleted) => Applied::Updated,
        };
        self.0 = Some(version);
        applied
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_and_repetitions() {
        let mut version = Version::default();
        let all = [
            (3, Scope::Partial, Applied::Incomplete),
            (4, Scope::Partial, Applied::Updated),
            (4, Scope::Partial, Applied::Stale),
            (4, Scope::Full, Applied::Updated),
            (6, Scope::Partial, Applied::Incomplete),
            (9, Scope::Full, Applied::Updated),
            (8, Scope::Full, Applied::Stale),
        ];
        for (number, scope, expected) in all {
            assert_eq!(version.next(number, scope), expected, "{number}");
        }
    }
}
