//! Who somebody is, as plain data.

use super::json::writes;
use super::{AddressValue, ErrorValue};
use crate::endpoint::{Diverted, Error, PastTarget, RemoteIdentity};
use crate::message::{IdentitySource, NameAddr, ParseError, Privacy, TargetKind};

/// Who the other side of a call is: [`RemoteIdentity`] as plain data.
#[derive(Clone, Debug)]
pub struct IdentityValue {
    /// Whom to show.
    pub shown: AddressValue,
    /// Who it says it is.
    pub claimed: AddressValue,
    /// Who it is as somebody asserts that is trusted.
    pub asserted: Option<AddressValue>,
    /// Its telephone number, likewise.
    pub number: Option<AddressValue>,
    /// `claimed`, `pAssertedIdentity` or `remotePartyId`.
    pub source: &'static str,
    /// The network found it to be true.
    pub screened: bool,
    /// It asks not to be shown.
    pub anonymous: bool,
    /// What it asks to be kept private.
    pub privacy: Vec<&'static str>,
}

/// Who diverted a call (RFC 5806).
#[derive(Clone, Debug)]
pub struct DiversionValue {
    /// Who.
    pub diverter: AddressValue,
    /// Why.
    pub reason: Option<String>,
    /// How often.
    pub counter: u32,
    /// Not to be shown.
    pub private: bool,
}

/// Where a call was meant to go (RFC 7044).
#[derive(Clone, Debug)]
pub struct PastTargetValue {
    /// Where to.
    pub target: AddressValue,
    /// The place in the tree of targets.
    pub index: String,
    /// How it was found.
    pub found: Option<FoundValue>,
    /// Why the call did not stay there.
    pub cause: Option<u32>,
    /// Not to be shown.
    pub private: bool,
}

/// How a target was found.
#[derive(Clone, Debug)]
pub struct FoundValue {
    /// `registeredContact`, `mappedToOther` or `noChange`.
    pub how: &'static str,
    /// The index of the entry it was found from.
    pub from: String,
}

impl From<&RemoteIdentity> for IdentityValue {
    fn from(identity: &RemoteIdentity) -> IdentityValue {
        IdentityValue {
            shown: (&identity.shown).into(),
            claimed: (&identity.claimed).into(),
            asserted: identity.asserted.as_ref().map(AddressValue::from),
            number: identity.number.as_ref().map(AddressValue::from),
            source: match identity.source {
                IdentitySource::PAssertedIdentity => "pAssertedIdentity",
                IdentitySource::RemotePartyId => "remotePartyId",
                _ => "claimed",
            },
            screened: identity.screened,
            anonymous: identity.anonymous,
            privacy: identity.privacy.values().collect(),
        }
    }
}

impl From<&Diverted> for DiversionValue {
    fn from(diverted: &Diverted) -> DiversionValue {
        DiversionValue {
            diverter: (&diverted.diverter).into(),
            reason: diverted.reason.as_deref().map(str::to_owned),
            counter: diverted.counter,
            private: diverted.private,
        }
    }
}

impl From<&PastTarget> for PastTargetValue {
    fn from(past: &PastTarget) -> PastTargetValue {
        PastTargetValue {
            target: (&past.target).into(),
            index: past.index.to_string(),
            found: past.found.as_ref().map(|(kind, from)| FoundValue {
                how: match kind {
                    TargetKind::RegisteredContact => "registeredContact",
                    TargetKind::MappedToOther => "mappedToOther",
                    TargetKind::NoChange => "noChange",
                },
                from: from.to_string(),
            }),
            cause: past.cause,
            private: past.private,
        }
    }
}

pub(super) fn preferred(identity: Option<String>) -> Result<Option<NameAddr>, ErrorValue> {
    let unreadable = |error: ParseError| Error::input("preferredIdentity", error.offset(), &error.to_string());
    Ok(identity.map(|identity| NameAddr::parse(&identity)).transpose().map_err(unreadable)?)
}

pub(super) fn privacy(values: Option<Vec<String>>) -> Result<Privacy, ErrorValue> {
    let mut privacy = Privacy::default();
    for value in values.unwrap_or_default() {
        if !privacy.set(&value) {
            return Err(Error::input("privacy", 0, "one of none, user, header, session, id, history, critical").into());
        }
    }
    Ok(privacy)
}

writes!(IdentityValue { shown, claimed, asserted, number, source, screened, anonymous, privacy });

writes!(DiversionValue { diverter, reason, counter, private });

writes!(PastTargetValue { target, index, found, cause, private });

writes!(FoundValue { how, from });
