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
            privacy.set(value.trim());
        }
        privacy
    }

    /// Whether the identity of who sent the message is not to be shown to the user it is for.
    pub fn hides_identity(&self) -> bool {
        !self.none && (self.id || self.user || self.header)
    }

    /// The values by name, in the order in which they are written; `critical` comes last (RFC 3323 section 4.2).
    pub fn values(&self) -> impl Iterator<Item = &'static str> + use<> {
        let mut privacy = *self;
        privacy.flags().map(|(name, flag)| flag.then_some(name)).into_iter().flatten()
    }

    /// The value of a Privacy header field; `None`: nothing is asked for.
    pub fn value(&self) -> Option<String> {
        let mut text = String::new();
        for value in self.values() {
            if !text.is_empty() {
                text.push(';');
            }
            text.push_str(value);
        }
        (!text.is_empty()).then_some(text)
    }

    /// Whether it may be asked for: `none` stands alone, and `critical` does not (RFC 3323 section 4.2).
    pub fn is_consistent(&self) -> bool {
        let others = self.values().filter(|value| *value != "critical").count();
        if self.none { others == 1 && !self.critical } else { others > 0 || !self.critical }
    }

    /// Sets the value of that name; false: there is none.
    pub fn set(&mut self, value: &str) -> bool {
        let mut known = false;
        for (name, flag) in self.flags() {
            let is_it = name.eq_ignore_ascii_case(value);
            *flag |= is_it;
            known |= is_it;
        }
        known
    }

    fn flags(&mut self) -> [(&'static str, &mut bool); 7] {
        [
            ("none", &mut self.none),
            ("user", &mut self.user),
            ("header", &mut self.header),
            ("session", &mut self.session),
            ("id", &mut self.id),
            ("history", &mut self.history),
            ("critical", &mut self.critical),
        ]
    }
}

impl Fields {
    /// What Privacy asks for, over all lines; nothing if there is none.
    pub fn privacy(&self) -> Privacy {
        let mut privacy = Privacy::default();
        let lines: TokenList<'_> = self.tokens(Name::Privacy);
        for value in lines.flat_map(|line| line.split(';')) {
            privacy.set(value.trim());
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
    fn written_in_order() {
        let text = |text| Privacy::parse(text).value();
        assert_eq!(text("critical;id;header").as_deref(), Some("header;id;critical"));
        assert_eq!(text("nobody-knows"), None);
        let fits = |text| Privacy::parse(text).is_consistent();
        assert!(fits("") && fits("none") && fits("id;critical") && fits("history"));
        assert!(!fits("critical") && !fits("none;id") && !fits("none;critical"));
    }

    #[test]
    fn none_wins() {
        assert!(!Privacy::parse("none;id").hides_identity());
        assert!(!Privacy::parse("session").hides_identity());
    }
}
