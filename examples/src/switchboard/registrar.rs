//! REGISTER (RFC 3261 10.3, RFC 5626 6).

use offhook_core::message::{ContactValue, Name, NameAddrRef, Request};
use offhook_core::time::Instant;

use super::location::Binding;
use super::notice::{Gone, Notice};
use super::rewrite::params_without;
use super::{Incoming, Refusal, Switchboard, status};

/// What a REGISTER wants done with one contact.
struct Update {
    contact: String,
    params: String,
    instance: Option<(String, u32)>,
    seconds: u32,
}

/// What a REGISTER wants.
enum Wish {
    Remove,
    Update(Vec<Update>),
}

impl Switchboard {
    pub(super) fn register(&mut self, now: Instant, incoming: &Incoming) -> Result<(), Refusal> {
        let request = &incoming.request;
        check_require(request)?;
        let authenticated = self.authenticate(now, request, false)?;
        let to = request.to()?.uri()?;
        let user = to.as_sip().filter(|uri| self.links.is_own(uri)).and_then(|uri| uri.user_decoded());
        let user = &*user.ok_or(Refusal::new(404))?;
        if user != authenticated {
            return Err(Refusal::because(403, "That Is Somebody Else's Address"));
        }
        let mut wish = self.wish(request)?;
        check_flows(request, &mut wish)?;
        match wish {
            Wish::Remove => {
                self.check_order(request, user, |_| true)?;
                self.unregister(user, |_| true);
            }
            Wish::Update(updates) => {
                self.check_order(request, user, |old| updates.iter().any(|update| update.means(old)))?;
                self.check_room(user, &updates)?;
                for update in updates {
                    self.update(now, incoming, user, update)?;
                }
            }
        }
        self.confirm(now, incoming, user);
        Ok(())
    }

    fn wish(&self, request: &Request) -> Result<Wish, Refusal> {
        // A value that cannot be read counts as the default (10.3 step 7, 20.19).
        let expires = request.expires().ok().flatten();
        let contacts = request.contacts().collect::<Result<Vec<_>, _>>()?;
        if contacts.iter().any(|contact| matches!(contact, ContactValue::Star)) {
            return match (contacts.len(), expires) {
                (1, Some(0)) => Ok(Wish::Remove),
                _ => Err(Refusal::because(400, "Contact * Stands Alone and Expires at Once")),
            };
        }
        let addresses = contacts.iter().filter_map(|contact| match contact {
            ContactValue::Address(address) => Some(address),
            ContactValue::Star => None,
        });
        addresses.map(|address| self.wished_update(address, expires)).collect::<Result<_, _>>().map(Wish::Update)
    }

    fn wished_update(&self, address: &NameAddrRef<'_>, expires: Option<u32>) -> Result<Update, Refusal> {
        let uri = address.uri()?;
        if uri.as_sip().is_none() {
            return Err(Refusal::because(400, "Only SIP Contacts"));
        }
        let limits = self.config.expires;
        let seconds = match address.params.value("expires") {
            Some(text) => text.trim().parse().unwrap_or(limits.default),
            None => expires.unwrap_or(limits.default),
        };
        if seconds > 0 && seconds < limits.min {
            return Err(Refusal::new(423).with(Name::MinExpires, limits.min.to_string()));
        }
        let instance = address.params.value("+sip.instance").map(str::to_owned);
        let reg_id = address.params.value("reg-id").and_then(|number| number.parse().ok()).filter(|number| *number > 0);
        Ok(Update {
            contact: address.uri_text().to_owned(),
            params: params_without(address.params.as_str(), "expires"),
            instance: instance.zip(reg_id),
            seconds: seconds.min(limits.max),
        })
    }

    /// A REGISTER that was overtaken by a later one changes nothing (10.3 step 7).
    fn check_order(&self, request: &Request, user: &str, means: impl Fn(&Binding) -> bool) -> Result<(), Refusal> {
        let (call_id, number) = (request.call_id()?, request.cseq()?.number);
        let mut meant = self.location.bindings(user).filter(|old| means(old));
        if meant.any(|old| old.call_id == call_id && old.cseq >= number) {
            return Err(Refusal::because(500, "A Later REGISTER Came First"));
        }
        Ok(())
    }

    fn check_room(&self, user: &str, updates: &[Update]) -> Result<(), Refusal> {
        let kept = self.location.bindings(user).filter(|old| !updates.iter().any(|update| update.means(old)));
        let set = updates.iter().filter(|update| update.seconds > 0);
        if kept.count() + set.count() > self.config.limits.contacts {
            return Err(Refusal::because(403, "Too Many Contacts"));
        }
        Ok(())
    }

    fn update(&mut self, now: Instant, incoming: &Incoming, user: &str, update: Update) -> Result<(), Refusal> {
        if update.seconds == 0 {
            self.unregister(user, |old| update.means(old));
            return Ok(());
        }
        let request = &incoming.request;
        let binding = Binding {
            contact: update.contact,
            params: update.params,
            path: incoming.source,
            symmetric: request.via()?.params.contains("rport"),
            call_id: request.call_id()?.to_owned(),
            cseq: request.cseq()?.number,
            instance: update.instance,
            expires: now + std::time::Duration::from_secs(u64::from(update.seconds)),
        };
        self.notice(Notice::Registered {
            user: user.to_owned(),
            contact: binding.contact.clone(),
            expires: update.seconds,
            transport: self.links.transport(incoming.source.flow),
            source: incoming.source.remote,
        });
        self.location.set(user, binding);
        Ok(())
    }

    fn unregister(&mut self, user: &str, which: impl FnMut(&Binding) -> bool) {
        for binding in self.location.remove(user, which) {
            let (user, contact) = (user.to_owned(), binding.contact);
            self.notice(Notice::Unregistered { user, contact, cause: Gone::Removed });
        }
    }

    /// 200 with every contact and how long it still lasts.
    fn confirm(&mut self, now: Instant, incoming: &Incoming, user: &str) {
        let contacts = self.location.bindings(user).map(|binding| {
            let left = binding.expires.since(now).as_secs();
            (Name::Contact, format!("<{}>{};expires={left}", binding.contact, binding.params))
        });
        let mut headers: Vec<_> = contacts.collect();
        if self.is_outbound(incoming, user) {
            headers.push((Name::Require, "outbound".to_owned()));
        }
        self.reply(now, incoming, status(200), None, &headers);
    }

    /// Whether the client is to know that its flow is used (RFC 5626 6). Over UDP it then keeps it alive by STUN, which the
    /// transaction layer answers.
    fn is_outbound(&self, incoming: &Incoming, user: &str) -> bool {
        let supported = incoming.request.tokens(Name::Supported).any(|tag| tag.eq_ignore_ascii_case("outbound"));
        let mut bindings = self.location.bindings(user);
        supported && bindings.any(|old| old.path == incoming.source && old.instance.is_some())
    }
}

impl Update {
    fn means(&self, old: &Binding) -> bool {
        old.is_same(&self.contact, self.instance.as_ref())
    }
}

/// RFC 5626 6: a REGISTER makes one flow, and only where it comes from the user agent itself.
fn check_flows(request: &Request, wish: &mut Wish) -> Result<(), Refusal> {
    let Wish::Update(updates) = wish else { return Ok(()) };
    let set = updates.iter().filter(|update| update.seconds > 0).count();
    if set > 1 && updates.iter().any(|update| update.seconds > 0 && update.instance.is_some()) {
        return Err(Refusal::because(400, "One Flow at a Time"));
    }
    if request.vias().count() > 1 && updates.iter().any(|update| update.instance.is_some()) {
        if request.tokens(Name::Supported).any(|tag| tag.eq_ignore_ascii_case("outbound")) {
            return Err(Refusal::because(439, "First Hop Lacks Outbound Support"));
        }
        updates.iter_mut().for_each(|update| update.instance = None);
    }
    Ok(())
}

fn check_require(request: &Request) -> Result<(), Refusal> {
    let unknown: Vec<&str> =
        request.tokens(Name::Require).filter(|tag| !tag.eq_ignore_ascii_case("outbound")).collect();
    match unknown.is_empty() {
        true => Ok(()),
        false => Err(Refusal::new(420).with(Name::Unsupported, unknown.join(", "))),
    }
}
