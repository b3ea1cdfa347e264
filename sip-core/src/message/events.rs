//! Event and Subscription-State (RFC 6665 section 8.2).

use super::error::{Fault, ParseError};
use super::grammar::is_token;
use super::typed::{self, alone, number_param, token_item};
use super::{Fields, Name, Params};
use std::fmt;

/// An Event value: the package, its `id`, and other parameters (RFC 6665 section 8.2.1). It prints as it was written.
#[derive(Clone, Copy, Debug)]
pub struct EventRef<'a> {
    /// The package with its templates: `dialog`, `presence.winfo`. Compared with regard to case.
    pub package: &'a str,
    /// All the parameters.
    pub params: Params<'a>,
    text: &'a str,
}

impl<'a> EventRef<'a> {
    /// Reads a value.
    ///
    /// # Errors
    ///
    /// No package. The field is `Event`, the offset counts from the start of the text.
    pub fn parse(text: &'a str) -> Result<EventRef<'a>, ParseError> {
        alone(text, Name::Event, event)
    }

    /// The `id` parameter, which tells several subscriptions in a dialog apart.
    pub fn id(&self) -> Option<&'a str> {
        self.params.value("id")
    }

    /// Whether both mean the same subscription: the package and the `id` are the same, byte for byte; other parameters
    /// do not matter.
    ///
    /// ```
    /// use offhook_core::message::EventRef;
    /// let event = EventRef::parse("foo; id=1234")?;
    /// assert!(event.matches(&EventRef::parse("foo; param=abcd; id=1234")?));
    /// assert!(!event.matches(&EventRef::parse("foo")?) && !event.matches(&EventRef::parse("Foo; id=1234")?));
    /// # Ok::<(), offhook_core::message::ParseError>(())
    /// ```
    pub fn matches(&self, other: &EventRef<'_>) -> bool {
        self.package == other.package && self.id() == other.id()
    }

    /// As written.
    pub fn as_str(&self) -> &'a str {
        self.text
    }
}

impl fmt::Display for EventRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

/// A Subscription-State value (RFC 6665 section 8.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubscriptionStateRef<'a> {
    /// The state.
    pub state: SubscriptionPhase<'a>,
    /// For how many seconds the subscription goes on, if that is said.
    pub expires: Option<u32>,
    /// Why it ended.
    pub reason: Option<EndReason<'a>>,
    /// After how many seconds it may be tried again.
    pub retry_after: Option<u32>,
}

/// The states of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionPhase<'a> {
    /// Accepted.
    Active,
    /// Received, but not yet decided about.
    Pending,
    /// Over.
    Terminated,
    /// Some other state, as written; to be taken for active (RFC 6665 section 4.1.2.3).
    Other(&'a str),
}

/// Why a subscription ended (RFC 6665 section 4.1.3), and with it what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndReason<'a> {
    /// Subscribe again at once.
    Deactivated,
    /// Subscribe again later.
    Probation,
    /// Not allowed: do not try again.
    Rejected,
    /// It was not refreshed in time: subscribe again at once.
    Timeout,
    /// Nobody decided in time: subscribe again later.
    GiveUp,
    /// The resource is no more: do not try again.
    NoResource,
    /// The state will never change again: do not try again.
    Invariant,
    /// Some other reason, as written.
    Other(&'a str),
}

const REASONS: [(&str, EndReason<'static>); 7] = [
    ("deactivated", EndReason::Deactivated),
    ("probation", EndReason::Probation),
    ("rejected", EndReason::Rejected),
    ("timeout", EndReason::Timeout),
    ("giveup", EndReason::GiveUp),
    ("noresource", EndReason::NoResource),
    ("invariant", EndReason::Invariant),
];

impl<'a> EndReason<'a> {
    /// Reads the value of a `reason` parameter, in any case.
    pub fn parse(text: &'a str) -> EndReason<'a> {
        let known = REASONS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        known.map_or(EndReason::Other(text), |(_, reason)| *reason)
    }

    /// As it stands in the header field.
    pub fn as_str(&self) -> &'a str {
        match self {
            EndReason::Other(text) => text,
            known => REASONS.iter().find(|(_, reason)| reason == known).map_or("", |(name, _)| name),
        }
    }
}

impl<'a> SubscriptionStateRef<'a> {
    /// Reads a value.
    ///
    /// # Errors
    ///
    /// No state, or `expires` or `retry-after` that is no number. The field is `Subscription-State`, the offset counts
    /// from the start of the text.
    ///
    /// ```
    /// use offhook_core::message::{EndReason, SubscriptionPhase, SubscriptionStateRef};
    /// let state = SubscriptionStateRef::parse("terminated;reason=giveup;retry-after=120")?;
    /// assert_eq!((state.state, state.reason), (SubscriptionPhase::Terminated, Some(EndReason::GiveUp)));
    /// assert_eq!(state.to_string(), "terminated;reason=giveup;retry-after=120");
    /// # Ok::<(), offhook_core::message::ParseError>(())
    /// ```
    pub fn parse(text: &'a str) -> Result<SubscriptionStateRef<'a>, ParseError> {
        alone(text, Name::SubscriptionState, subscription_state)
    }
}

impl fmt::Display for SubscriptionStateRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.state {
            SubscriptionPhase::Active => "active",
            SubscriptionPhase::Pending => "pending",
            SubscriptionPhase::Terminated => "terminated",
            SubscriptionPhase::Other(text) => text,
        })?;
        if let Some(reason) = &self.reason {
            f.write_str(";reason=")?;
            f.write_str(reason.as_str())?;
        }
        for (name, value) in [(";expires=", self.expires), (";retry-after=", self.retry_after)] {
            if let Some(value) = value {
                f.write_str(name)?;
                value.fmt(f)?;
            }
        }
        Ok(())
    }
}

impl Fields {
    /// Event.
    ///
    /// # Errors
    ///
    /// Those of [`EventRef::parse`]; offsets count from the start of the message.
    pub fn event(&self) -> Result<Option<EventRef<'_>>, ParseError> {
        typed::one(self, Name::Event, event)
    }

    /// Subscription-State.
    ///
    /// # Errors
    ///
    /// Those of [`SubscriptionStateRef::parse`]; offsets count from the start of the message.
    pub fn subscription_state(&self) -> Result<Option<SubscriptionStateRef<'_>>, ParseError> {
        typed::one(self, Name::SubscriptionState, subscription_state)
    }
}

fn event(text: &str) -> Result<EventRef<'_>, Fault> {
    let item = token_item(text, "an event package")?;
    Ok(EventRef { package: item.value, params: item.params, text })
}

fn subscription_state(text: &str) -> Result<SubscriptionStateRef<'_>, Fault> {
    let item = token_item(text, "a subscription state")?;
    let state = match item.value {
        _ if item.is("active") => SubscriptionPhase::Active,
        _ if item.is("pending") => SubscriptionPhase::Pending,
        _ if item.is("terminated") => SubscriptionPhase::Terminated,
        other => SubscriptionPhase::Other(other),
    };
    Ok(SubscriptionStateRef {
        state,
        expires: number_param(text, &item.params, "expires")?,
        // One that is no token is none (RFC 6665 section 8.4).
        reason: item.params.value("reason").filter(|text| is_token(text.as_bytes())).map(EndReason::parse),
        retry_after: number_param(text, &item.params, "retry-after")?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::fields_of_test;
    use super::*;

    #[test]
    fn states() {
        let fields = fields_of_test("o: presence.winfo;id=a|Subscription-State: Active ;expires=3599");
        assert_eq!(fields.event().unwrap().unwrap().package, "presence.winfo");
        let state = fields.subscription_state().unwrap().unwrap();
        assert_eq!((state.state, state.expires), (SubscriptionPhase::Active, Some(3599)));
        let other = SubscriptionStateRef::parse("waiting;reason=x").unwrap();
        assert_eq!((other.state, other.reason), (SubscriptionPhase::Other("waiting"), Some(EndReason::Other("x"))));
        assert_eq!(SubscriptionStateRef::parse("terminated;reason=\"a;b\"").unwrap().reason, None);
    }

    #[test]
    fn what_is_printed_reads_back() {
        for (_, reason) in REASONS {
            let state = SubscriptionStateRef {
                state: SubscriptionPhase::Terminated,
                expires: Some(0),
                reason: Some(reason),
                retry_after: Some(5),
            };
            assert_eq!(SubscriptionStateRef::parse(&state.to_string()), Ok(state));
        }
    }

    #[test]
    fn errors_say_where() {
        let error = fields_of_test("o: ;id=a").event().unwrap_err().to_string();
        assert_eq!(error, "Event: expected an event package at byte 19");
        let of = |text: &str| SubscriptionStateRef::parse(text).unwrap_err().to_string();
        assert_eq!(of("active;expires=soon"), "Subscription-State: expected a number at byte 15");
        assert_eq!(of("active;expires=99999999999"), "Subscription-State: number out of range at byte 15");
        assert_eq!(of(""), "Subscription-State: expected a subscription state at byte 0");
        assert_eq!(fields_of_test("X-None: y").subscription_state(), Ok(None));
    }
}
