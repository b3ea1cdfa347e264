//! URIs and addresses.

use std::net::{Ipv4Addr, Ipv6Addr};

use offhook_core::message::{NameAddr, NameAddrRef, Uri, UriRef};
use proptest::prelude::*;

use super::text::{params, token, word, words};

/// A URI by its parts.
#[derive(Clone, Debug)]
pub(crate) enum Address {
    Sip { secure: bool, user: Option<String>, host: String, port: Option<u16>, params: Vec<(String, Option<String>)> },
    Tel { number: String, params: Vec<(String, Option<String>)> },
    Other(String),
}

impl Address {
    pub(crate) fn uri(&self) -> Uri {
        let add = |uri: Uri, params: &[(String, Option<String>)]| {
            params.iter().fold(uri, |uri, (name, value)| uri.with_param(name, value.as_deref()))
        };
        match self {
            Address::Sip { secure, user, host, port, params } => {
                let host = port.map_or(host.clone(), |port| format!("{host}:{port}"));
                let make = if *secure { Uri::sips } else { Uri::sip };
                add(make(user.as_deref(), &host).unwrap(), params)
            }
            Address::Tel { number, params } => add(Uri::parse(&format!("tel:{number}")).unwrap(), params),
            Address::Other(text) => Uri::parse(text).unwrap(),
        }
    }

    /// The parts are those that were put in.
    pub(crate) fn check(&self, uri: &UriRef<'_>) {
        match (self, uri) {
            (Address::Sip { secure, user, host, port, params }, UriRef::Sip(sip)) => {
                assert_eq!((sip.secure, sip.port, sip.headers), (*secure, *port, None));
                assert_eq!(sip.user_decoded().as_deref(), user.as_deref());
                assert_eq!((sip.host.to_string(), sip.password), (host.clone(), None));
                check_params(&sip.params, params);
            }
            (Address::Tel { number, params }, UriRef::Tel { number: found, params: with }) => {
                assert_eq!(number, found);
                check_params(with, params);
            }
            (Address::Other(text), UriRef::Other { scheme, rest }) => assert_eq!(*text, format!("{scheme}:{rest}")),
            _ => panic!("{self:?} became {uri:?}"),
        }
    }
}

/// Parameters with the values that were put in.
pub(crate) fn check_params(found: &offhook_core::message::Params<'_>, params: &[(String, Option<String>)]) {
    for (name, value) in params {
        assert!(found.contains(name), "{name} in {}", found.as_str());
        assert_eq!(found.decoded(name).as_deref(), value.as_deref(), "{name} in {}", found.as_str());
    }
}

/// An address with a name and parameters.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) display: Option<String>,
    pub(crate) address: Address,
    pub(crate) params: Vec<(String, Option<String>)>,
}

impl Person {
    pub(crate) fn write(&self) -> NameAddr {
        let start = NameAddr::new(self.display.as_deref(), &self.address.uri());
        self.params.iter().fold(start, |address, (name, value)| address.with_param(name, value.as_deref()))
    }

    pub(crate) fn check(&self, found: &NameAddrRef<'_>) {
        let display = self.display.as_deref().filter(|name| !name.is_empty());
        assert_eq!(found.display_name().as_deref(), display);
        assert_eq!(found.uri_text(), self.address.uri().as_str());
        self.address.check(&found.uri().unwrap());
        check_params(&found.params, &self.params);
        assert_eq!(found.as_str(), self.write().as_str());
    }

    /// The same with one more parameter.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Person {
        self.params.push((name.to_owned(), Some(value.to_owned())));
        self
    }
}

pub(crate) fn host() -> impl Strategy<Value = String> {
    prop_oneof![
        (word(), word()).prop_map(|(one, two)| format!("{one}.{two}x")),
        any::<[u8; 4]>().prop_map(|bytes| Ipv4Addr::from(bytes).to_string()),
        any::<[u16; 8]>().prop_map(|words| format!("[{}]", Ipv6Addr::from(words))),
    ]
}

fn number() -> impl Strategy<Value = String> {
    (any::<bool>(), any::<u64>()).prop_map(|(global, number)| format!("{}{number}", if global { "+" } else { "" }))
}

pub(crate) fn address() -> impl Strategy<Value = Address> {
    let user = words().prop_filter("a user is not empty", |user| !user.is_empty());
    let sip = (any::<bool>(), proptest::option::of(user), host(), any::<Option<u16>>(), params());
    prop_oneof![
        4 => sip.prop_map(|(secure, user, host, port, params)| Address::Sip { secure, user, host, port, params }),
        1 => (number(), params()).prop_map(|(number, params)| Address::Tel { number, params }),
        1 => (word(), token()).prop_map(|(scheme, rest)| Address::Other(format!("x{scheme}:{rest}"))),
    ]
}

pub(crate) fn person() -> impl Strategy<Value = Person> {
    (proptest::option::of(words()), address(), params()).prop_map(|(display, address, params)| Person {
        display,
        address,
        params,
    })
}
