use std::collections::HashMap;

use super::*;
use crate::transport::Naptr;

const ALL: [Transport; 3] = [Transport::Udp, Transport::Tcp, Transport::Tls];

/// What the domain name system says, and what it was asked.
#[derive(Default)]
struct Zone {
    records: HashMap<&'static str, Vec<Record>>,
    hosts: HashMap<&'static str, Vec<IpAddr>>,
    silent: Vec<&'static str>,
    asked: Vec<String>,
}

impl Zone {
    fn srv(mut self, name: &'static str, list: &[(u16, u16, u16, &str)]) -> Zone {
        let record = |(priority, weight, port, target): &(u16, u16, u16, &str)| {
            Record::Srv(Srv { priority: *priority, weight: *weight, port: *port, target: (*target).into() })
        };
        self.records.insert(name, list.iter().map(record).collect());
        self
    }

    fn naptr(mut self, name: &'static str, list: &[(u16, &str, &str)]) -> Zone {
        let record = |(order, service, replacement): &(u16, &str, &str)| {
            Record::Naptr(Naptr {
                order: *order,
                preference: 50,
                flags: "s".into(),
                service: (*service).into(),
                replacement: (*replacement).into(),
            })
        };
        self.records.insert(name, list.iter().map(record).collect());
        self
    }

    fn host(mut self, name: &'static str, addresses: &[&str]) -> Zone {
        self.hosts.insert(name, addresses.iter().map(|text| text.parse().expect("an address")).collect());
        self
    }

    fn silent(mut self, name: &'static str) -> Zone {
        self.silent.push(name);
        self
    }

    /// Every place there is to try, in order, and what was asked on the way.
    fn all(&mut self, finder: &mut Finder) -> Vec<String> {
        let mut found = Vec::new();
        loop {
            match finder.advance() {
                Find::Try { target, .. } => {
                    let at =
                        target.addr.map_or_else(|| format!("{}:{}", target.host, target.port), |at| at.to_string());
                    found.push(format!("{} {at}", target.transport));
                }
                Find::Ask(question) => self.answer(finder, question),
                Find::Nowhere(error) => {
                    found.extend(error.map(|error| error.message.to_string()));
                    return found;
                }
            }
        }
    }

    fn answer(&mut self, finder: &mut Finder, question: Question) {
        let failed = || FlowError::new(FlowErrorKind::Timeout, "silence");
        match question {
            Question::Addresses(name) => {
                self.asked.push(format!("A {name}"));
                let known = self.hosts.get(&*name).cloned();
                finder.addresses(known.ok_or_else(|| FlowError::new(FlowErrorKind::Unresolved, "no such name")));
            }
            Question::Records(name, kind) => {
                self.asked.push(format!("{kind:?} {name}").to_uppercase());
                let silent = self.silent.contains(&&*name);
                let known = self.records.get(&*name).cloned().unwrap_or_default();
                finder.records(if silent { Err(failed()) } else { Ok(known) }, &mut |_| 0);
            }
        }
    }
}

fn wanted(text: &str) -> Wanted {
    let uri = crate::message::UriRef::parse(text).expect("a URI");
    let sip = uri.as_sip().expect("a SIP URI");
    let host = text.split(['@', ':', ';']).nth(1).expect("a host").to_owned();
    let host =
        if text.contains('[') { text.split(['[', ']']).nth(1).map(|ip| format!("[{ip}]")).unwrap() } else { host };
    let transport = sip.params.value("transport").and_then(Transport::from_name);
    Wanted { host: host.into(), port: sip.port, transport, secure: sip.secure }
}

fn find(zone: &mut Zone, uri: &str) -> Vec<String> {
    zone.all(&mut Finder::new(&wanted(uri), &ALL))
}

/// The zone of RFC 3263 4.1.
fn example() -> Zone {
    Zone::default()
        .naptr(
            "example.com",
            &[
                (90, "SIP+D2T", "_sip._tcp.example.com"),
                (50, "SIPS+D2T", "_sips._tcp.example.com"),
                (100, "SIP+D2U", "_sip._udp.example.com"),
            ],
        )
        .srv("_sip._tcp.example.com", &[(0, 1, 5060, "server1.example.com"), (0, 2, 5060, "server2.example.com.")])
        .srv("_sips._tcp.example.com", &[(0, 1, 5061, "server1.example.com")])
        .host("server1.example.com", &["192.0.2.1", "2001:db8::1"])
        .host("server2.example.com", &["192.0.2.2"])
        .host("example.com", &["192.0.2.9"])
}

#[test]
fn the_example_of_the_rfc() {
    let mut zone = example();
    let mut finder = Finder::new(&wanted("sip:example.com"), &[Transport::Udp, Transport::Tcp]);
    let found = zone.all(&mut finder);
    assert_eq!(found, ["TCP 192.0.2.1:5060", "TCP [2001:db8::1]:5060", "TCP 192.0.2.2:5060"]);
    assert_eq!(
        zone.asked,
        [
            "NAPTR EXAMPLE.COM",
            "SRV _SIP._TCP.EXAMPLE.COM",
            "A server1.example.com",
            "A server2.example.com",
            "SRV _SIP._UDP.EXAMPLE.COM"
        ]
    );
}

#[test]
fn who_can_speak_tls_takes_what_the_domain_prefers() {
    let found = find(&mut example(), "sip:example.com");
    assert_eq!(found[..2], ["TLS 192.0.2.1:5061", "TLS [2001:db8::1]:5061"]);
    assert_eq!(found[2], "TCP 192.0.2.1:5060");
}

#[test]
fn a_sips_address_takes_tls_alone() {
    assert_eq!(find(&mut example(), "sips:example.com"), ["TLS 192.0.2.1:5061", "TLS [2001:db8::1]:5061"]);
    let mut bare = Zone::default();
    assert_eq!(find(&mut bare, "sips:example.com"), ["TLS example.com:5061"]);
    assert_eq!(bare.asked, ["NAPTR EXAMPLE.COM", "SRV _SIPS._TCP.EXAMPLE.COM"]);
}

#[test]
fn a_server_keeps_the_name_its_certificate_must_have() {
    let mut finder = Finder::new(&wanted("sips:example.com"), &ALL);
    let mut zone = example();
    loop {
        match finder.advance() {
            Find::Ask(question) => zone.answer(&mut finder, question),
            Find::Try { target, .. } => break assert_eq!(&*target.host, "example.com"),
            Find::Nowhere(_) => panic!("nothing found"),
        }
    }
}

#[test]
fn without_naptr_services_are_asked_for_one_by_one() {
    let mut zone = Zone::default()
        .srv("_sip._tcp.example.com", &[(0, 1, 5080, "a.example.com")])
        .host("a.example.com", &["192.0.2.1"])
        .host("example.com", &["192.0.2.9"]);
    assert_eq!(find(&mut zone, "sip:example.com"), ["TCP 192.0.2.1:5080"], "the domain itself is no server then");
    assert_eq!(zone.asked[..3], ["NAPTR EXAMPLE.COM", "SRV _SIP._UDP.EXAMPLE.COM", "SRV _SIP._TCP.EXAMPLE.COM"]);
}

#[test]
fn without_any_record_it_is_the_domain_itself_by_udp() {
    let mut zone = Zone::default().host("example.com", &["192.0.2.9", "192.0.2.10"]);
    assert_eq!(find(&mut zone, "sip:example.com"), ["UDP 192.0.2.9:5060", "UDP 192.0.2.10:5060"]);
    let tcp = Finder::new(&wanted("sip:example.com"), &[Transport::Tcp]);
    assert_eq!(zone.all(&mut tcp.clone()), ["TCP example.com:5060"], "whoever has no UDP");
}

#[test]
fn a_named_transport_asks_for_its_services_alone() {
    let mut zone = example();
    assert_eq!(
        find(&mut zone, "sip:example.com;transport=tcp"),
        ["TCP 192.0.2.1:5060", "TCP [2001:db8::1]:5060", "TCP 192.0.2.2:5060"]
    );
    assert_eq!(zone.asked[0], "SRV _SIP._TCP.EXAMPLE.COM");
    assert_eq!(find(&mut example(), "sip:example.com;transport=udp"), ["UDP 192.0.2.9:5060"]);
    assert_eq!(find(&mut Zone::default(), "sip:example.com;transport=ws"), ["WS example.com:80"]);
    assert_eq!(find(&mut example(), "sips:example.com;transport=tcp")[0], "TLS 192.0.2.1:5061");
}

#[test]
fn a_named_port_or_an_address_asks_for_no_records() {
    let mut zone = example();
    assert_eq!(find(&mut zone, "sip:example.com:5070"), ["UDP 192.0.2.9:5070"]);
    assert_eq!(zone.asked, ["A example.com"]);
    let mut nobody = Zone::default();
    assert_eq!(find(&mut nobody, "sip:192.0.2.1"), ["UDP 192.0.2.1:5060"]);
    assert_eq!(find(&mut nobody, "sips:192.0.2.1"), ["TLS 192.0.2.1:5061"]);
    assert_eq!(find(&mut nobody, "sip:[2001:db8::1]:5070;transport=tcp"), ["TCP [2001:db8::1]:5070"]);
    assert_eq!(find(&mut nobody, "sip:example.com:5070;transport=tls"), ["TLS example.com:5070"]);
    assert!(nobody.asked.is_empty());
}

#[test]
fn a_domain_that_says_there_is_no_service_is_believed() {
    let mut zone = Zone::default().srv("_sip._udp.example.com", &[(0, 0, 0, ".")]).host("example.com", &["192.0.2.9"]);
    assert_eq!(find(&mut zone, "sip:example.com;transport=udp"), ["the domain has no such service"]);
}

#[test]
fn a_resolver_that_is_silent_is_asked_for_addresses_only() {
    let mut zone = Zone::default().silent("example.com").host("example.com", &["192.0.2.9"]);
    assert_eq!(find(&mut zone, "sip:example.com"), ["UDP 192.0.2.9:5060"]);
    assert_eq!(zone.asked, ["NAPTR EXAMPLE.COM", "A example.com"]);
    let mut zone = Zone::default().silent("_sip._udp.example.com").host("example.com", &["192.0.2.9"]);
    assert_eq!(find(&mut zone, "sip:example.com"), ["UDP 192.0.2.9:5060"]);
    assert_eq!(zone.asked, ["NAPTR EXAMPLE.COM", "SRV _SIP._UDP.EXAMPLE.COM", "A example.com"]);
}

#[test]
fn a_host_without_an_address_is_passed_over() {
    let mut zone = Zone::default()
        .srv("_sip._udp.example.com", &[(1, 0, 5060, "gone.example.com"), (2, 0, 5060, "b.example.com")])
        .host("b.example.com", &["192.0.2.2"]);
    assert_eq!(find(&mut zone, "sip:example.com;transport=udp"), ["UDP 192.0.2.2:5060", "no such name"]);
    assert_eq!(find(&mut Zone::default(), "sip:example.com:5060"), ["no such name"]);
}

#[test]
fn what_was_put_off_comes_last() {
    let mut zone = Zone::default().host("example.com", &["192.0.2.1", "192.0.2.2"]);
    let mut finder = Finder::new(&wanted("sip:example.com:5060"), &ALL);
    while let Find::Ask(question) = finder.clone().advance() {
        finder.advance();
        zone.answer(&mut finder, question);
    }
    let Find::Try { target, last: false } = finder.advance() else { panic!("expected a place") };
    finder.put_off(target);
    assert!(finder.has_more());
    let mut rest = Vec::new();
    while let Find::Try { target, last } = finder.advance() {
        rest.push((target.addr.map(|addr| addr.to_string()).unwrap_or_default(), last));
    }
    assert_eq!(rest, [("192.0.2.2:5060".into(), false), ("192.0.2.1:5060".into(), true)]);
    assert!(!finder.has_more());
}
