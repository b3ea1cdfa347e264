//! Who the other side of a call is: what it says itself, what the network asserts (RFC 3325), and how that changes while
//! the call goes on (RFC 4916). What nobody who is trusted asserts is not shown as if it were so.

use super::call::Call;
use super::event::{CallEvent, Invitation};
use super::outgoing::Purpose;
use super::{CallOptions, Endpoint, Error};
use crate::arena::Key;
use crate::message::{
    Fields, Identity, IdentitySource, Name, NameAddr, NameAddrRef, Privacy, Request, Response, TargetKind, Uri, UriRef,
};
use crate::time::Instant;
use crate::transport::Path;

/// That the identity may change within a call is understood (RFC 4916).
pub(super) const FROM_CHANGE: &str = "from-change";

/// Who calls where nobody is to know (RFC 3323 4.1.1.3), without the scheme.
const ANONYMOUS: &str = "anonymous@anonymous.invalid>";

/// Whose assertions of who somebody is are believed (RFC 3325 5): P-Asserted-Identity and Remote-Party-ID of others are
/// passed over, as RFC 3325 8 demands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum IdentityTrust {
    /// Nobody's: for a server that passes on whatever callers assert of themselves.
    Never,
    /// Those of the configured servers: what comes over a connection to one of them, and over UDP from its address,
    /// which others can forge. With no server configured, nobody's.
    #[default]
    Server,
    /// Everybody's: for a network whose every way in is guarded, e.g. where a server calls from elsewhere.
    Always,
}

impl IdentityTrust {
    /// Reads `never`, `server` or `always`.
    pub fn parse(text: &str) -> Option<IdentityTrust> {
        match text {
            "never" => Some(IdentityTrust::Never),
            "server" => Some(IdentityTrust::Server),
            "always" => Some(IdentityTrust::Always),
            _ => None,
        }
    }
}

/// Who the other side of a call is. Addresses are without tags and other parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteIdentity {
    /// Whom to show: who is asserted by somebody that is trusted, unless that is to be kept private; else who it says it
    /// is.
    pub shown: NameAddr,
    /// Who it says it is: From, which anybody can write; of a call of ours, who was called.
    pub claimed: NameAddr,
    /// Who it is as the network asserts, by somebody that is trusted (see [`IdentityTrust`]). Not to be told to others
    /// where it is `anonymous` (RFC 3325 8).
    pub asserted: Option<NameAddr>,
    /// Its telephone number, likewise.
    pub number: Option<NameAddr>,
    /// What asserts it.
    pub source: IdentitySource,
    /// The network found it to be true.
    pub screened: bool,
    /// It asks not to be shown: say that it is unknown.
    pub anonymous: bool,
    /// What it asks to be kept private.
    pub privacy: Privacy,
}

impl RemoteIdentity {
    fn of(claimed: NameAddr, found: &Identity<'_>, trusted: bool) -> RemoteIdentity {
        let believed = |address: Option<NameAddrRef<'_>>| address.filter(|_| trusted).map(|address| bare(&address));
        let mut identity = RemoteIdentity {
            asserted: believed(found.asserted),
            number: believed(found.number),
            source: if trusted { found.source } else { IdentitySource::Claimed },
            screened: trusted && found.screened,
            anonymous: found.is_anonymous(),
            privacy: found.privacy,
            ..RemoteIdentity::claimed(claimed)
        };
        identity.choose();
        identity
    }

    /// Whom to show.
    fn choose(&mut self) {
        let best = self.asserted.as_ref().or(self.number.as_ref()).filter(|_| !self.anonymous);
        self.shown = best.unwrap_or(&self.claimed).clone();
    }

    /// Somebody of whom nothing is known but the address.
    pub(super) fn claimed(claimed: NameAddr) -> RemoteIdentity {
        RemoteIdentity {
            shown: claimed.clone(),
            claimed,
            asserted: None,
            number: None,
            source: IdentitySource::Claimed,
            screened: false,
            anonymous: false,
            privacy: Privacy::default(),
        }
    }
}

/// Who diverted a call to here, and why (Diversion, RFC 5806).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diverted {
    /// Who.
    pub diverter: NameAddr,
    /// `unconditional`, `user-busy`, `no-answer` ….
    pub reason: Option<Box<str>>,
    /// How often.
    pub counter: u32,
    /// Who it was is not to be shown.
    pub private: bool,
}

/// Where a call was meant to go on its way (History-Info, RFC 7044).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PastTarget {
    /// Where to, without the headers of the URI.
    pub target: NameAddr,
    /// The place in the tree of targets, e.g. `1.2.1`.
    pub index: Box<str>,
    /// How it was found, and the index of the entry it was found from.
    pub found: Option<(TargetKind, Box<str>)>,
    /// Why the call did not stay there; for SIP, a status.
    pub cause: Option<u32>,
    /// It is not to be shown.
    pub private: bool,
}

/// What a call knows of the other side, and says of this one.
#[derive(Debug, Default)]
pub(super) struct Party {
    /// More than the address of the dialog, where more is known.
    known: Option<Box<Known>>,
    /// The value of the Privacy header fields of our requests.
    pub(super) privacy: Option<Box<str>>,
}

#[derive(Debug)]
struct Known {
    identity: RemoteIdentity,
    /// The tag of the fork that it is the identity of.
    tag: Box<str>,
}

impl Party {
    /// Of a call of ours.
    pub(super) fn called(privacy: Privacy) -> Party {
        Party { known: None, privacy: privacy.value().map(Into::into) }
    }

    /// Of a call that another endpoint has begun.
    pub(super) fn resumed(privacy: Option<&str>) -> Party {
        Party { known: None, privacy: privacy.map(Into::into) }
    }

    /// Of a call of somebody else's.
    pub(super) fn calling(identity: &RemoteIdentity, tag: &str) -> Party {
        let mut party = Party::default();
        if *identity != RemoteIdentity::claimed(identity.claimed.clone()) {
            party.known = Some(Box::new(Known { identity: identity.clone(), tag: tag.into() }));
        }
        party
    }
}

impl Call {
    /// Who the other side is; `None` never, since what names it was read before.
    pub(super) fn identity(&self) -> Option<RemoteIdentity> {
        if let Some(known) = &self.party.known {
            return Some(known.identity.clone());
        }
        Some(RemoteIdentity::claimed(bare(&NameAddrRef::parse(self.remote()).ok()?)))
    }

    /// Whether that is who the other side is, as it is known by its address.
    pub(super) fn is_known_as(&self, identity: &RemoteIdentity, remote: &NameAddr) -> bool {
        match &self.party.known {
            Some(known) => known.identity == *identity,
            None => *identity == RemoteIdentity::claimed(remote.clone()),
        }
    }
}

impl Endpoint {
    /// Whether what comes this way may assert who somebody is.
    pub(super) fn trusts(&self, source: Path) -> bool {
        match self.config.trust_identity {
            IdentityTrust::Never => false,
            IdentityTrust::Always => true,
            IdentityTrust::Server => {
                let transport = self.transactions.flows().transport(source.flow);
                match transport.is_some_and(|transport| transport.is_reliable()) {
                    true => self.is_to_server(source.flow),
                    false => self.is_server(source),
                }
            }
        }
    }

    /// Who sent an INVITE, and how it came here.
    pub(super) fn identify(&self, invitation: &mut Invitation, request: &Request, source: Path) {
        invitation.trusted = self.trusts(source);
        if let Ok(found) = request.identity() {
            invitation.identity = RemoteIdentity::of(bare(&found.claimed), &found, invitation.trusted);
        }
        invitation.diversions = diversions(request);
        invitation.targets = targets(request);
    }

    /// What a request of the other side within a call that was agreed to says of who it is.
    pub(super) fn hear_request_identity(&mut self, now: Instant, key: Key, request: &Request, source: Path) {
        if request.to().ok().and_then(|to| to.tag()).is_none() {
            return; // the INVITE, which was heard already
        }
        let Ok(found) = request.identity_in_call() else { return };
        let Some(call) = self.calls.get_mut(key) else { return };
        let tag = found.claimed.tag().unwrap_or_default();
        let Some(before) = call.identity() else { return };
        let claimed =
            if says_more(&before.claimed, &found.claimed) { bare(&found.claimed) } else { before.claimed.clone() };
        // RFC 4916 4.4.2: it is what our requests are for from now on.
        if let (false, Some(dialog)) = (tag.is_empty(), call.dialog_with(tag))
            && NameAddrRef::parse(dialog.remote()).is_ok_and(|remote| !is_same(&remote, &found.claimed))
        {
            dialog.set_remote(found.claimed.as_str());
        }
        self.hear_identity(now, key, &found, before, claimed, source);
    }

    /// What a response to a request of ours that makes or uses a call says of who the other side is.
    pub(super) fn hear_response_identity(&mut self, now: Instant, key: Key, response: &Response, source: Path) {
        let Some(call) = self.calls.get(key) else { return };
        let says = response.contains(Name::PAssertedIdentity) || response.contains(Name::RemotePartyId);
        if call.party.known.is_none() && !says {
            return;
        }
        let (Ok(found), Some(before)) = (response.identity(), call.identity()) else { return };
        let claimed = before.claimed.clone();
        self.hear_identity(now, key, &found, before, claimed, source);
    }

    /// An assertion stands until the next, or until another fork is heard: what the other side claims is no reason to
    /// doubt it.
    fn hear_identity(
        &mut self,
        now: Instant,
        key: Key,
        found: &Identity<'_>,
        before: RemoteIdentity,
        claimed: NameAddr,
        source: Path,
    ) {
        let trusted = self.trusts(source);
        let tag = found.claimed.tag().unwrap_or_default();
        let Some(call) = self.calls.get_mut(key) else { return };
        let asserts = trusted && found.source != IdentitySource::Claimed;
        let same_fork = call.party.known.as_ref().is_none_or(|known| *known.tag == *tag);
        let identity = match same_fork && !asserts {
            true if claimed == before.claimed => return,
            true if before.source != IdentitySource::Claimed => {
                let mut identity = RemoteIdentity { claimed, ..before.clone() };
                identity.choose();
                identity
            }
            _ => RemoteIdentity::of(claimed, found, trusted),
        };
        call.party.known = Some(Box::new(Known { identity: identity.clone(), tag: tag.into() }));
        if identity != before {
            let (identity, previous) = (Box::new(identity), Box::new(before));
            self.tell_call(now, key, CallEvent::Identity { identity, previous });
        }
    }

    /// Whether we say by this value of From or To that nobody is to know who we are.
    pub(super) fn is_hidden(address: &str) -> bool {
        address.contains(ANONYMOUS)
    }

    /// The From value, with a tag, of a call that is to be anonymous.
    pub(super) fn anonymous_address(&self, tag: &str) -> Box<str> {
        let scheme = if self.config.is_sips() { "sips:" } else { "sip:" };
        ["\"Anonymous\" <", scheme, ANONYMOUS, ";tag=", tag].concat().into()
    }

    /// A call that follows from another is as private.
    pub(super) fn stay_hidden(&self, call: Key, options: &mut CallOptions) {
        let Some(call) = self.calls.get(call) else { return };
        options.anonymous = Endpoint::is_hidden(call.local());
        options.privacy = Privacy::parse(call.party.privacy.as_deref().unwrap_or_default());
    }

    /// What the network is asked to keep private of the call that a request is about.
    pub(super) fn privacy_of(&self, purpose: &Purpose) -> Option<&str> {
        let call = match *purpose {
            Purpose::Invite(call) | Purpose::Reinvite(call) | Purpose::Bye(call) => call,
            Purpose::Info(call, _) | Purpose::Update(call, _) | Purpose::Prack(call, _) => call,
            Purpose::Refer(transfer) => self.transfers.get(transfer)?.call()?,
            _ => return None,
        };
        self.calls.get(call)?.party.privacy.as_deref()
    }

    /// Which of our identities the network is asked to assert.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] for one that is none, and where the call does not go to a server that is trusted (RFC 3325 6).
    pub(super) fn preferred_identity(&self, options: &CallOptions) -> Result<Option<String>, Error> {
        let Some(preferred) = &options.preferred_identity else { return Ok(None) };
        if matches!(preferred.view().uri(), Ok(UriRef::Other { .. }) | Err(_)) {
            return Err(Error::input("preferredIdentity", 0, "a sip:, sips: or tel: address"));
        }
        let trusted = match self.config.trust_identity {
            IdentityTrust::Never => false,
            IdentityTrust::Server => self.connection.has_server(),
            IdentityTrust::Always => true,
        };
        match trusted {
            true => Ok(Some(preferred.without_params().as_str().to_owned())),
            false => Err(Error::input("preferredIdentity", 0, "it is for a trusted server, and there is none")),
        }
    }
}

/// What a call of ours asks to be kept private.
///
/// # Errors
///
/// [`Error::Input`] for what contradicts itself.
pub(super) fn privacy_of(options: &CallOptions) -> Result<Privacy, Error> {
    let mut privacy = options.privacy;
    if options.anonymous && privacy.none {
        return Err(Error::input("privacy", 0, "none of it, and yet anonymous"));
    }
    // Else the network would tell what From does not.
    privacy.id |= options.anonymous;
    match privacy.is_consistent() {
        true => Ok(privacy),
        false => Err(Error::input("privacy", 0, "`none` stands alone, `critical` does not")),
    }
}

/// Whether a From value names another URI, or a name where none or another was known.
fn says_more(known: &NameAddr, heard: &NameAddrRef<'_>) -> bool {
    let known = known.view();
    let renamed = heard.display_name().is_some_and(|name| known.display_name() != Some(name));
    renamed || !is_same(&known, heard)
}

fn is_same(known: &NameAddrRef<'_>, heard: &NameAddrRef<'_>) -> bool {
    match (known.uri(), heard.uri()) {
        (Ok(known), Ok(heard)) => known.equivalent(&heard),
        _ => known.uri_text() == heard.uri_text(),
    }
}

/// Without tag and other parameters.
fn bare(address: &NameAddrRef<'_>) -> NameAddr {
    address.bare()
}

fn diversions(fields: &Fields) -> Vec<Diverted> {
    let one = |diversion: crate::message::Diversion<'_>| Diverted {
        diverter: bare(&diversion.diverter),
        reason: diversion.reason().map(|reason| reason.into()),
        counter: diversion.counter,
        private: diversion.is_private(),
    };
    fields.diversions().flatten().map(one).collect()
}

fn targets(fields: &Fields) -> Vec<PastTarget> {
    let one = |entry: crate::message::HistoryEntry<'_>| {
        let uri = entry.target.uri_text();
        let plain = Uri::parse(uri.split_once('?').map_or(uri, |(uri, _)| uri)).ok()?;
        Some(PastTarget {
            target: NameAddr::new(entry.target.display_name().as_deref(), &plain),
            index: entry.index.into(),
            found: entry.found.map(|(kind, index)| (kind, index.into())),
            cause: entry.cause(),
            private: entry.privacy().hides_identity() || entry.privacy().history,
        })
    };
    fields.history().flatten().filter_map(one).collect()
}
