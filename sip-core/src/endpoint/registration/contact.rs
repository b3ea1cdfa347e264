//! The Contact we register (RFC 3261 10.2.1) with what marks it as ours (RFC 5626 4.2.1) and wakes us (RFC 8599 4.1), and
//! the Contact others are told once we are registered (RFC 5627 4.4).

use super::super::reach::push_pvalue;
use super::super::{Endpoint, GruuUse, Push};
use crate::message::UriRef;
use crate::transport::Path;

impl Endpoint {
    /// The value of Contact in a REGISTER.
    pub(in super::super) fn register_contact(&self, index: usize, path: Path, sips: bool) -> String {
        let mut contact = String::from("<");
        contact.push_str(&self.flow_uri(path, sips));
        if let Some(push) = &self.config.push {
            push_uri_params(&mut contact, push, self.registration.wanted);
        }
        contact.push('>');
        contact.push_str(";+sip.instance=\"<");
        contact.push_str(&self.registration.instance);
        contact.push_str(">\"");
        if self.is_outbound(index, path) {
            contact.push_str(";reg-id=");
            contact.push_str(&index.saturating_add(1).to_string());
        }
        if self.config.push.is_some() {
            // We can refresh by ourselves as long as we run, and take pushes within dialogs (RFC 8599 4.1.4, 6.1).
            contact.push_str(";+sip.pnsreg");
        }
        if let Some(q) = self.config.priority {
            contact.push_str(";q=");
            push_qvalue(&mut contact, q);
        }
        contact
    }

    /// Whether a flow is registered by RFC 5626, for which it must be kept alive (4.2.1).
    pub(in super::super) fn is_outbound(&self, index: usize, path: Path) -> bool {
        self.config.outbound
            && self.registration.bindings.get(index).is_some_and(|binding| !binding.plain)
            && (self.is_reliable(path) || self.would_keep_alive(path))
    }

    fn is_reliable(&self, path: Path) -> bool {
        self.transactions.flows().transport(path.flow).is_some_and(|transport| transport.is_reliable())
    }

    /// The option tags of a REGISTER beside those of every request.
    pub(in super::super) fn push_register_options(&self, supported: &mut String, index: usize, path: Path) {
        supported.push_str(", path");
        if self.config.gruu != GruuUse::Never {
            supported.push_str(", gruu");
        }
        if self.is_outbound(index, path) {
            supported.push_str(", outbound");
        }
    }

    /// The URI others reach us at, in or for a dialog: a GRUU if the registrar gave us one, else the address of the flow.
    /// `hidden`: without telling whose it is.
    pub(in super::super) fn contact_uri(&self, path: Path, sips: bool, hidden: bool) -> String {
        let gruu = self.gruu(sips, hidden);
        let mut uri = match gruu {
            Some(gruu) => String::from(gruu),
            None if hidden => self.uri_on(path, sips, "anonymous"),
            None => self.flow_uri(path, sips),
        };
        let mut bindings = self.registration.bindings.iter().enumerate();
        // Over a UDP socket others than the server are reached as well.
        let datagrams = cfg!(feature = "stun") && !self.is_reliable(path);
        let over = |link: usize| !datagrams || self.connection.link_at(path) == Some(link);
        let binding = bindings.find(|(link, binding)| binding.bound == Some(path.flow) && over(*link));
        if gruu.is_none() && binding.is_some_and(|(_, binding)| binding.outbound) {
            // RFC 5626 4.3: the requests of the dialog come back over this flow.
            uri.push_str(";ob");
        }
        // Also at the end of a GRUU, of which it makes no other (RFC 8599 6.1.1, RFC 3261 19.1.4).
        if let Some(purr) = self.registration.granted.purr() {
            uri.push_str(";pn-purr=");
            uri.push_str(purr);
        }
        uri
    }

    fn gruu(&self, sips: bool, hidden: bool) -> Option<&str> {
        if !self.is_registered() {
            return None;
        }
        let granted = &self.registration.granted;
        let gruu = match self.config.gruu {
            GruuUse::Never => None,
            _ if hidden => granted.temporary_gruu.as_deref(),
            GruuUse::Public => granted.gruu.as_deref(),
            GruuUse::Temporary => granted.temporary_gruu.as_deref().or(granted.gruu.as_deref()),
        }?;
        let secure = matches!(UriRef::parse(gruu), Ok(UriRef::Sip(uri)) if uri.secure);
        (secure || !sips).then_some(gruu)
    }

    /// Sets how the server can wake this user agent (RFC 8599); the next registration says it.
    ///
    /// # Errors
    ///
    /// [`Error::Input`](super::super::Error::Input) for what cannot stand in a URI.
    pub fn set_push(&mut self, push: Option<Push>) -> Result<(), super::super::Error> {
        if let Some(push) = &push {
            push.check()?;
        }
        self.config.push = push;
        Ok(())
    }
}

/// RFC 8599 4.1.1; without `pn-prid` when the binding is taken back (4.1.2).
fn push_uri_params(uri: &mut String, push: &Push, registers: bool) {
    uri.push_str(";pn-provider=");
    push_pvalue(uri, &push.provider);
    if let Some(param) = &push.param {
        uri.push_str(";pn-param=");
        push_pvalue(uri, param);
    }
    if registers {
        uri.push_str(";pn-prid=");
        push_pvalue(uri, &push.prid);
    }
}

/// Thousandths as a qvalue (RFC 3261 25.1).
fn push_qvalue(text: &mut String, thousandths: u16) {
    if thousandths >= 1000 {
        return text.push_str("1.0");
    }
    text.push_str("0.");
    let digits = thousandths.to_string();
    for _ in digits.len()..3 {
        text.push('0');
    }
    text.push_str(&digits);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_as_qvalues() {
        for (thousandths, expected) in [(1000, "1.0"), (500, "0.500"), (7, "0.007"), (0, "0.000"), (2000, "1.0")] {
            let mut text = String::new();
            push_qvalue(&mut text, thousandths);
            assert_eq!(text, expected);
        }
    }
}
