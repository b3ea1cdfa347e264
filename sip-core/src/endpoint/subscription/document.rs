//! The bodies of notifications, read.

use super::Notice;
use crate::body::MessageSummary;
use crate::message::ParseError;
#[cfg(feature = "packages")]
use crate::packages::{conference::ConferenceInfo, dialog_info::DialogInfo, pidf::Presence, reginfo::RegInfo};

/// The document of a notification. Those that may be partial are merged by the states beside them in
/// [`packages`](crate::packages), e.g. `DialogInfoState::apply`; one that says `Incomplete` wants
/// [`Endpoint::refresh_subscription`](crate::endpoint::Endpoint::refresh_subscription).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Document<'a> {
    /// Nothing: the neutral state of the package.
    Empty,
    /// `application/simple-message-summary` (RFC 3842).
    MessageSummary(MessageSummary<'a>),
    /// `application/pidf+xml` (RFC 3863).
    #[cfg(feature = "packages")]
    Presence(Presence),
    /// `application/dialog-info+xml` (RFC 4235).
    #[cfg(feature = "packages")]
    DialogInfo(DialogInfo),
    /// `application/reginfo+xml` (RFC 3680).
    #[cfg(feature = "packages")]
    RegInfo(RegInfo),
    /// `application/conference-info+xml` (RFC 4575).
    #[cfg(feature = "packages")]
    Conference(ConferenceInfo),
    /// Of another type: the body as it came.
    Other(&'a [u8]),
}

impl Notice {
    /// Reads the body by its media type.
    ///
    /// # Errors
    ///
    /// It is none of its type; the error names the package and the byte.
    ///
    /// ```
    /// # use offhook_core::endpoint::{Document, Notice};
    /// # fn of(notice: &Notice) -> Result<(), offhook_core::message::ParseError> {
    /// if let Document::MessageSummary(summary) = notice.parse()? {
    ///     println!("{} new messages", summary.voice().map_or(0, |voice| voice.new));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn parse(&self) -> Result<Document<'_>, ParseError> {
        let body = &*self.body;
        if body.is_empty() {
            return Ok(Document::Empty);
        }
        if let Some(summary) = self.message_summary() {
            return summary.map(Document::MessageSummary);
        }
        #[cfg(feature = "packages")]
        match () {
            () if self.is("application/pidf+xml") => return Presence::parse(body).map(Document::Presence),
            () if self.is("application/dialog-info+xml") => return DialogInfo::parse(body).map(Document::DialogInfo),
            () if self.is("application/reginfo+xml") => return RegInfo::parse(body).map(Document::RegInfo),
            () if self.is("application/conference-info+xml") => {
                return ConferenceInfo::parse(body).map(Document::Conference);
            }
            () => {}
        }
        Ok(Document::Other(body))
    }

    /// The body as a message summary; `None` if it is of another type.
    ///
    /// # Errors
    ///
    /// Those of [`MessageSummary::parse`].
    pub fn message_summary(&self) -> Option<Result<MessageSummary<'_>, ParseError>> {
        self.is("application/simple-message-summary").then(|| MessageSummary::parse(&self.body))
    }

    fn is(&self, media_type: &str) -> bool {
        self.content_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(media_type)
    }
}
