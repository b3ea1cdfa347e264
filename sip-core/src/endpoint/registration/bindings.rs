//! Everything that is bound to an address of record: listed, and taken away (RFC 3261 10.2.2, 10.2.3).

use super::super::event::{OpId, Outcome};
use super::super::outgoing::{Outgoing, Purpose};
use super::super::{Endpoint, Error, Refusal};
use crate::message::{ContactValue, NameAddrRef, Response, UriRef};
use crate::time::Instant;
use crate::transport::Path;

/// One binding of an address of record, as the registrar lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ContactBinding {
    /// Where it leads.
    pub uri: Box<str>,
    /// Seconds that are left of it.
    pub expires: Option<u32>,
    /// Its priority, from 0 to 1000.
    pub priority: Option<u16>,
    /// The instance it belongs to (RFC 5626 4.1), e.g. `urn:uuid:…`.
    pub instance: Option<Box<str>>,
    /// Which of the instance's flows it is (RFC 5626 4.2).
    pub reg_id: Option<u32>,
    /// The public GRUU of the instance (RFC 5627).
    pub gruu: Option<Box<str>>,
    pub(super) temporary_gruu: Option<Box<str>>,
    /// It is this endpoint's.
    pub ours: bool,
}

impl ContactBinding {
    /// Those of a response that can be read, with the values they come from.
    pub(super) fn all(response: &Response) -> impl Iterator<Item = (ContactBinding, NameAddrRef<'_>)> {
        response.contacts().flatten().filter_map(|contact| match contact {
            ContactValue::Address(address) => Some((ContactBinding::read(&address), address)),
            ContactValue::Star => None,
        })
    }

    fn read(address: &NameAddrRef<'_>) -> ContactBinding {
        let params = &address.params;
        let text = |name| params.decoded(name).map(|value| value.into_owned().into_boxed_str());
        let instance = params.decoded("+sip.instance");
        ContactBinding {
            uri: address.uri_text().into(),
            expires: params.value("expires").and_then(|expires| expires.trim().parse().ok()),
            priority: params.value("q").and_then(thousandths),
            instance: instance.map(|urn| urn.trim_start_matches('<').trim_end_matches('>').into()),
            reg_id: params.value("reg-id").and_then(|id| id.parse().ok()),
            gruu: text("pub-gruu"),
            temporary_gruu: text("temp-gruu"),
            ours: false,
        }
    }
}

/// A qvalue (RFC 3261 25.1) in thousandths.
fn thousandths(q: &str) -> Option<u16> {
    let (whole, part) = q.split_once('.').unwrap_or((q, ""));
    let whole: u16 = whole.parse().ok().filter(|whole| *whole <= 1)?;
    let digits = part.bytes().chain([b'0'; 3]).take(3);
    let part = digits
        .map(|digit| char::from(digit).to_digit(10))
        .try_fold(0_u32, |sum, digit| Some(sum.saturating_mul(10).saturating_add(digit?)))?;
    u16::try_from(part).ok().map(|part| whole.saturating_mul(1000).saturating_add(part).min(1000))
}

impl Endpoint {
    /// Asks the registrar for everything that is bound to the address of record. Done with the list.
    pub fn bindings(&mut self, now: Instant) -> OpId {
        self.ask_registrar(now, None)
    }

    /// Takes away everything that is bound to the address of record, by whomever. Done with a 2xx; then what is wanted here
    /// is registered anew.
    pub fn clear_bindings(&mut self, now: Instant) -> OpId {
        self.ask_registrar(now, Some(("Contact", "*")))
    }

    fn ask_registrar(&mut self, now: Instant, contact: Option<(&str, &str)>) -> OpId {
        let op = self.op();
        if let Err(error) = self.may_begin() {
            self.done(op, Err(error));
            return op;
        }
        if let Some(mut outgoing) = self.new_register(Purpose::Bindings(op), 0) {
            outgoing.hop = super::Hop::Server;
            if let Some((name, value)) = contact {
                outgoing = outgoing.header(name, value).header("Expires", "0");
            }
            self.send_request(now, outgoing);
        }
        self.pump(now);
        op
    }

    /// Whether it is the address of one of our ways to the server.
    fn leads_here(&self, uri: &UriRef<'_>) -> bool {
        (0..self.connection.len()).filter_map(|link| self.link_path(link)).any(|path| {
            [false, true]
                .iter()
                .any(|sips| UriRef::parse(&self.flow_uri(path, *sips)).is_ok_and(|ours| ours.equivalent(uri)))
        })
    }

    pub(in super::super) fn on_bindings(
        &mut self,
        now: Instant,
        op: OpId,
        outgoing: &Outgoing,
        result: Result<(&Response, Path), Error>,
    ) {
        let cleared = !outgoing.headers.is_empty();
        let result = result.and_then(|(response, _)| {
            if !response.status().is_success() {
                return Err(Error::Status(Refusal::of(response.status(), response.reason(), response)));
            }
            let mut found: Vec<ContactBinding> = ContactBinding::all(response).map(|(binding, _)| binding).collect();
            for binding in &mut found {
                // Many registrars do not keep the instance: the address says it as well.
                binding.ours = binding.instance.as_deref() == Some(&*self.registration.instance)
                    || UriRef::parse(&binding.uri).is_ok_and(|uri| self.leads_here(&uri));
            }
            Ok(if cleared { Outcome::Done } else { Outcome::Bindings(found) })
        });
        let anew = cleared && result.is_ok();
        self.done(op, result);
        for index in 0..self.registration.bindings.len() {
            if anew && self.registration.wanted && self.registration.is_free(index) {
                self.send_register(now, index);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qvalues_in_thousandths() {
        for (text, expected) in [("1", 1000), ("1.0", 1000), ("0.5", 500), ("0.007", 7), ("0", 0), ("0.12345", 123)] {
            assert_eq!(thousandths(text), Some(expected), "{text}");
        }
        for text in ["", "2", "x", "0.x", "-1"] {
            assert_eq!(thousandths(text), None, "{text}");
        }
    }
}
