//! Privacy (RFC 3323, RFC 3325 section 9.3, RFC 7044 section 7.2): what a caller asks not to be told.

use super::{Fields, Name, TokenList};

/// What is asked to be kept private; nothing by default.
///
/// ```
/// use offhook_core::message::Privacy;
/// let privacy = Privacy::parse("id;critical");
/// assert!(privacy.id && privacy.critical && privacy.hides_identity());
/// assert!(!Privacy::parse("none").hides_identity());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Privacy {
    /// Header fields that tell where the caller is.
    pub header: bool,
    /// The session: addresses in descriptions.
    pub session: bool,
    /// What the user agent itself could not leave out.
    pub user: bool,
    /// Nothing: no privacy is wanted, whatever the user's profile says.
    pub none: bool,
    /// Rather refuse the request than not honour this.
    pub critical: bool,
    /// The network-asserted identity (RFC 3325).
    pub id: bool,
    /// History-Info (RFC 7044).
    pub history: bool,
}

impl Privacy {
    /// Reads the values of a Privacy header field, which semicolons separate. Commas are taken for semicolons, since some
    /// write them; values nobody registered are passed over.
    pub fn parse(text: &str) -> Privacy {
        let mut privacy = Privacy::default();
        for value in text.split([';', ',']) {
            privacy.add(value.trim());
        }
        privacy
    }

    /// Whether the identity of who sent the message is not to be shown to the user it is for.
    pub fn hides_identity(&self) -> bool {
        !self.none && (self.id || self.user || self.header)
    }

    fn add(&mut self, value: &str) {
        let flags: [(&str, &mut bool); 7] = [
            ("header", &mut self.header),
            ("session", &mut self.session),
            ("user", &mut self.user),
            ("none", &mut self.none),
            ("critical", &mut self.critical),
            ("id", &mut self.id),
            ("history", &mut self.history),
        ];
        for (name, flag) in flags {
            *flag |= name.eq_ignore_ascii_case(value);
        }
    }
}

impl Fields {
    /// What Privacy asks for, over all lines; nothing if there is none.
    pub fn privacy(&self) -> Privacy {
        let mut privacy = Privacy::default();
        let lines: TokenList<'_> = self.tokens(Name::Privacy);
        for value in lines.flat_map(|line| line.split(';')) {
            privacy.add(value.trim());
        }
        privacy
    }
}

#[cfg(test)]
mod tests {
    use super::super::fields_of_test;
    use super::*;

    #[test]
    fn values_in_any_form() {
        let fields = fields_of_test("Privacy: header; Session ;x|Privacy: id, critical");
        let privacy = fields.privacy();
        assert_eq!(privacy, Privacy { header: true, session: true, id: true, critical: true, ..Privacy::default() });
        assert_eq!(Privacy::parse(" history;user"), Privacy { history: true, user: true, ..Privacy::default() });
        assert_eq!(fields_of_test("X-None: y").privacy(), Privacy::default());
    }

    #[test]
    fn none_wins() {
        assert!(!Privacy::parse("none;id").hides_identity());
        assert!(!Privacy::parse("session").hides_identity());
    }
}
