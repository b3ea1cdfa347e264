//! The extensions this endpoint has (RFC 3261 8.2.2.3, 19.2): what it says of them, and what it refuses.

use super::config::Reliability;
use super::content::ACCEPT;
use super::identity::FROM_CHANGE;
use super::join::JOIN;
use super::replaces::REPLACES;
use super::session_timer::TIMER;
use super::subscription::media_type;
use super::transfer::{NO_SUBSCRIPTION, TARGET_DIALOG};
use super::{Endpoint, Replacing};
use crate::message::{Method, Name, Request};

/// Early dialogs that end are understood (RFC 6228).
const EARLY_END: &str = "199";
pub(super) const RELIABLE: &str = "100rel";
/// Candidates that come after the description (RFC 8840): the option and the package of INFO have one name.
pub(super) const TRICKLE: &str = "trickle-ice";

impl Endpoint {
    /// The value of our Supported header fields, in pieces.
    pub(super) fn supported(&self) -> [&'static str; 18] {
        let replaces = self.config.replacing != Replacing::Never;
        let join = self.config.joining != Replacing::Never;
        // RFC 8840 10.6.
        let trickle = self.takes_info(TRICKLE);
        let options = [
            (true, EARLY_END),
            (self.has_reliable(), RELIABLE),
            (replaces, REPLACES),
            (join, JOIN),
            (self.has_timers(), TIMER),
            (trickle, TRICKLE),
            (true, NO_SUBSCRIPTION),
            (true, TARGET_DIALOG),
            (true, FROM_CHANGE),
        ];
        let mut pieces = [""; 18];
        let mut places = pieces.iter_mut();
        let mut comma = "";
        for (_, option) in options.into_iter().filter(|(has, _)| *has) {
            [comma, option].into_iter().zip(places.by_ref()).for_each(|(piece, place)| *place = piece);
            comma = ", ";
        }
        pieces
    }

    /// The bodies we can read, for OPTIONS: also those of notifications that nobody subscribes to.
    pub(super) fn readable(&self) -> String {
        let mut list = String::from(ACCEPT);
        let packages = self.config.unsolicited.iter().map(|package| &**package).chain(["refer"]);
        for kind in packages.filter_map(media_type) {
            list.push_str(", ");
            list.push_str(kind);
        }
        list
    }

    /// The event packages others may subscribe to, as a list.
    pub(super) fn allow_events(&self) -> String {
        self.config.packages.join(", ")
    }

    /// The packages of INFO that we take, as a list.
    pub(super) fn recv_info(&self) -> String {
        self.config.info_packages.join(", ")
    }

    pub(super) fn takes_info(&self, package: &str) -> bool {
        self.config.info_packages.iter().any(|taken| taken.eq_ignore_ascii_case(package))
    }

    /// The extensions a request requires that we do not have, as a list.
    pub(super) fn unsupported(&self, request: &Request) -> Option<String> {
        let mut list = String::new();
        for token in request.tokens(Name::Require).filter(|token| !self.has(token)) {
            if !list.is_empty() {
                list.push_str(", ");
            }
            list.push_str(token);
        }
        (!list.is_empty() && *request.method() != Method::Ack).then_some(list)
    }

    fn has(&self, option: &str) -> bool {
        let is = |name| option.eq_ignore_ascii_case(name);
        is(EARLY_END)
            || is(NO_SUBSCRIPTION)
            || is(TARGET_DIALOG)
            || is(FROM_CHANGE)
            || (is(TRICKLE) && self.takes_info(TRICKLE))
            || (is(RELIABLE) && self.has_reliable())
            || (is(TIMER) && self.has_timers())
            || (is(REPLACES) && self.config.replacing != Replacing::Never)
            || (is(JOIN) && self.config.joining != Replacing::Never)
    }

    fn has_reliable(&self) -> bool {
        self.config.reliable != Reliability::Never
    }
}
