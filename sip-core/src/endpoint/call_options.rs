//! What an outgoing call is made with.

use std::time::Duration;

use bytes::Bytes;

use super::Replacement;
use super::features::Features;
use crate::message::{NameAddr, Privacy};

/// What an outgoing call is made with.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CallOptions {
    /// The offer. Without one the other side is asked to offer.
    pub sdp: Option<Bytes>,
    /// Further header fields.
    pub headers: Vec<(String, String)>,
    /// Take the place of one side of another call: the INVITE names and requires it (RFC 3891).
    pub replaces: Option<Replacement>,
    /// Be mixed with another call of the callee: the INVITE names and requires it (RFC 3911).
    pub joins: Option<Replacement>,
    /// What our Contact says of us (RFC 3840); see [`Endpoint::set_features`](super::Endpoint::set_features).
    pub features: Features,
    /// How many redirections (3xx) are followed, in place of [`Config::follow_redirects`](super::Config).
    pub follow_redirects: Option<u8>,
    /// Which of our identities the network is to assert (P-Preferred-Identity, RFC 3325 9.2), e.g. one of several numbers.
    /// It goes only to a server that is trusted.
    pub preferred_identity: Option<NameAddr>,
    /// What the network is asked to keep private (RFC 3323 4.2).
    pub privacy: Privacy,
    /// Nobody is to know who calls: From is anonymous (RFC 3323 4.1.1.3), Contact without our name, and `privacy` asks for
    /// `id` as well.
    pub anonymous: bool,
    /// How long the other side may take to answer, in place of [`Config::answer_timeout`](super::Config::answer_timeout).
    /// An Expires among `headers` says the same, in seconds.
    pub answer_timeout: Option<Duration>,
}

impl CallOptions {
    /// With an offer.
    pub fn with_sdp(sdp: impl Into<Bytes>) -> CallOptions {
        CallOptions { sdp: Some(sdp.into()), ..CallOptions::default() }
    }

    /// With one more header field.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> CallOptions {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Following up to so many redirections by itself (8.1.3.4).
    #[must_use]
    pub fn following_redirects(mut self, at_most: u8) -> CallOptions {
        self.follow_redirects = Some(at_most);
        self
    }

    /// As this one of our identities.
    #[must_use]
    pub fn preferring(mut self, identity: NameAddr) -> CallOptions {
        self.preferred_identity = Some(identity);
        self
    }

    /// With this kept private by the network.
    #[must_use]
    pub fn with_privacy(mut self, privacy: Privacy) -> CallOptions {
        self.privacy = privacy;
        self
    }

    /// As nobody knows who.
    #[must_use]
    pub fn anonymously(mut self) -> CallOptions {
        self.anonymous = true;
        self
    }

    /// Mixed with another call of the callee.
    #[must_use]
    pub fn joining(mut self, other: Replacement) -> CallOptions {
        self.joins = Some(other);
        self
    }

    /// With one more feature in the Contact.
    #[must_use]
    pub fn feature(mut self, name: &str, value: Option<&str>) -> CallOptions {
        self.features.push((name.into(), value.map(str::to_owned)));
        self
    }

    /// Given up if it is not answered in this time (13.2.1).
    #[must_use]
    pub fn answered_within(mut self, time: Duration) -> CallOptions {
        self.answer_timeout = Some(time);
        self
    }

    /// In the place of one side of another call.
    #[must_use]
    pub fn replacing(mut self, replacement: Replacement) -> CallOptions {
        self.replaces = Some(replacement);
        self
    }
}
