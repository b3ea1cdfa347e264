//! Documents of event packages that the core only reads: written here, as a server would. Those that it writes too are in
//! `body_properties.rs`.

use offhook_core::packages::Scope;
use offhook_core::packages::conference::{ConferenceInfo, Description, Endpoint, Media, Status, User};
use offhook_core::packages::reginfo::{Contact, RegInfo, Registration, RegistrationState};
use proptest::prelude::*;

use super::text::words;

type Text = Box<str>;

fn escaped(text: &str) -> String {
    let marks = [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;"), ("\t", "&#9;")];
    marks.iter().fold(text.to_owned(), |text, (mark, name)| text.replace(mark, name))
}

/// ` name="value"`, or nothing.
fn attribute(name: &str, value: Option<impl ToString>) -> String {
    value.map_or(String::new(), |value| format!(" {name}=\"{}\"", escaped(&value.to_string())))
}

/// `<name>value</name>`, or nothing.
fn element(name: &str, value: Option<impl ToString>) -> String {
    value.map_or(String::new(), |value| format!("\n  <{name}>{}</{name}>", escaped(&value.to_string())))
}

fn all<T>(of: &[T], write: impl Fn(&T) -> String) -> String {
    of.iter().map(write).collect()
}

fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::Full => "full",
        Scope::Partial => "partial",
        Scope::Deleted => "deleted",
    }
}

fn registrations(info: &RegInfo) -> String {
    let contact = |contact: &Contact| {
        let state = if contact.active { "active" } else { "terminated" };
        let head = [
            attribute("id", Some(&contact.id)),
            attribute("state", Some(state)),
            attribute("event", Some(&contact.event)),
            attribute("duration-registered", contact.duration_registered),
            attribute("expires", contact.expires),
            attribute("retry-after", contact.retry_after),
            attribute("q", contact.q.as_ref()),
            attribute("callid", contact.call_id.as_ref()),
            attribute("cseq", contact.cseq),
        ];
        let params = all(&contact.params, |(name, value)| {
            format!("<unknown-param name=\"{}\">{}</unknown-param>", escaped(name), escaped(value))
        });
        let (uri, name) = (element("uri", Some(&contact.uri)), element("display-name", contact.display_name.as_ref()));
        format!("<contact{}>{uri}{name}{params}</contact>", head.concat())
    };
    let registration = |registration: &Registration| {
        let state = match registration.state {
            RegistrationState::Init => "init",
            RegistrationState::Active => "active",
            RegistrationState::Terminated => "terminated",
        };
        let (id, aor) = (attribute("id", Some(&registration.id)), attribute("aor", Some(&registration.aor)));
        format!("<registration{id}{aor} state='{state}'>{}</registration>", all(&registration.contacts, contact))
    };
    format!(
        "<?xml version=\"1.0\"?>\n<reginfo xmlns=\"urn:ietf:params:xml:ns:reginfo\" version=\"{}\" state=\"{}\">{}</reginfo>",
        info.version,
        scope_name(info.scope),
        all(&info.registrations, registration)
    )
}

fn conference(info: &ConferenceInfo) -> String {
    let entries = |name: &str, inner: &str, values: &[Text]| {
        let entry = |value: &Text| match inner {
            "" => format!("<entry>{}</entry>", escaped(value)),
            inner => format!("<entry>{}</entry>", element(inner, Some(value))),
        };
        format!("<{name}>{}</{name}>", all(values, entry))
    };
    let media = |media: &Media| {
        let parts = [
            element("display-text", media.display_text.as_ref()),
            element("type", media.kind.as_ref()),
            element("label", media.label.as_ref()),
            element("src-id", media.source.as_ref()),
            element("status", media.status.as_ref()),
        ];
        format!("<media{}>{}</media>", attribute("id", Some(&media.id)), parts.concat())
    };
    let endpoint = |endpoint: &Endpoint| {
        let parts = [
            element("display-text", endpoint.display_text.as_ref()),
            element("status", endpoint.status.as_ref()),
            element("joining-method", endpoint.joining_method.as_ref()),
            element("disconnection-method", endpoint.disconnection_method.as_ref()),
            all(&endpoint.media, media),
        ];
        let entity = attribute("entity", Some(&endpoint.entity));
        format!("<endpoint{entity} state='{}'>{}</endpoint>", scope_name(endpoint.scope), parts.concat())
    };
    let user = |user: &User| {
        let parts = [
            element("display-text", user.display_text.as_ref()),
            entries("roles", "", &user.roles),
            all(&user.endpoints, endpoint),
        ];
        let entity = attribute("entity", Some(&user.entity));
        format!("<user{entity} state='{}'>{}</user>", scope_name(user.scope), parts.concat())
    };
    let description = info.description.as_ref().map_or(String::new(), |description| {
        let parts = [
            element("display-text", description.display_text.as_ref()),
            element("subject", description.subject.as_ref()),
            element("free-text", description.free_text.as_ref()),
            element("maximum-user-count", description.maximum_user_count),
            entries("conf-uris", "uri", &description.uris),
        ];
        format!("<conference-description>{}</conference-description>", parts.concat())
    });
    let status = info.status.map_or(String::new(), |status| {
        let parts = [
            element("user-count", status.user_count),
            element("active", status.active),
            element("locked", status.locked),
        ];
        format!("<conference-state>{}</conference-state>", parts.concat())
    });
    format!(
        "<conference-info version='{}' state='{}'{}>{description}{status}<users state='{}'>{}</users></conference-info>",
        info.version,
        scope_name(info.scope),
        attribute("entity", Some(&info.entity)),
        scope_name(info.users_scope),
        all(&info.users, user)
    )
}

/// A text as it comes back from XML: without what XML cannot hold, without white space around it.
fn text() -> impl Strategy<Value = Text> {
    words().prop_map(|text| {
        let holds = |character: &char| !character.is_control() && !matches!(character, '\u{fffe}' | '\u{ffff}');
        Text::from(text.chars().filter(holds).collect::<String>().trim())
    })
}

/// An empty element and none are the same.
fn some() -> impl Strategy<Value = Option<Text>> {
    proptest::option::of(text().prop_filter("an empty one is none", |text| !text.is_empty()))
}

fn present() -> impl Strategy<Value = Text> {
    text().prop_filter("not empty", |text| !text.is_empty())
}

fn scope() -> impl Strategy<Value = Scope> {
    prop::sample::select(&[Scope::Full, Scope::Partial][..])
}

fn contact() -> impl Strategy<Value = Contact> {
    let numbers = any::<(Option<u64>, Option<u64>, Option<u64>, Option<u64>)>();
    let params = prop::collection::vec((present(), text()), 0..3);
    let texts = (some(), some(), some());
    (present(), any::<bool>(), text(), present(), texts, numbers, params).prop_map(
        |(id, active, event, uri, (display_name, q, call_id), numbers, params)| {
            let (duration_registered, expires, retry_after, cseq) = numbers;
            Contact {
                id,
                active,
                event,
                uri,
                display_name,
                duration_registered,
                expires,
                retry_after,
                q,
                call_id,
                cseq,
                params,
            }
        },
    )
}

fn registration() -> impl Strategy<Value = Registration> {
    let states = [RegistrationState::Init, RegistrationState::Active, RegistrationState::Terminated];
    (present(), present(), prop::sample::select(states.to_vec()), prop::collection::vec(contact(), 0..3))
        .prop_map(|(id, aor, state, contacts)| Registration { id, aor, state, contacts })
}

fn endpoint() -> impl Strategy<Value = Endpoint> {
    let media = (present(), some(), some(), some(), some(), some()).prop_map(
        |(id, display_text, kind, label, source, status)| Media { id, display_text, kind, label, source, status },
    );
    (present(), scope(), (some(), some(), some(), some()), prop::collection::vec(media, 0..3)).prop_map(
        |(entity, scope, (display_text, status, joining_method, disconnection_method), media)| Endpoint {
            entity,
            scope,
            display_text,
            status,
            joining_method,
            disconnection_method,
            media,
        },
    )
}

fn user() -> impl Strategy<Value = User> {
    (present(), scope(), some(), prop::collection::vec(text(), 0..3), prop::collection::vec(endpoint(), 0..3)).prop_map(
        |(entity, scope, display_text, roles, endpoints)| User { entity, scope, display_text, roles, endpoints },
    )
}

fn description() -> impl Strategy<Value = Description> {
    (some(), some(), some(), any::<Option<u32>>(), prop::collection::vec(present(), 0..3)).prop_map(
        |(display_text, subject, free_text, maximum_user_count, uris)| Description {
            display_text,
            subject,
            free_text,
            maximum_user_count,
            uris,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn registrations_read_back(
        version in any::<u32>(),
        scope in scope(),
        of in prop::collection::vec(registration(), 0..4),
    ) {
        let info = RegInfo { version, scope, registrations: of };
        let text = registrations(&info);
        prop_assert_eq!(RegInfo::parse(text.as_bytes()), Ok(info), "{}", text);
    }

    #[test]
    fn conferences_read_back(
        version in any::<u32>(),
        scopes in (scope(), scope()),
        entity in text(),
        description in proptest::option::of(description()),
        status in proptest::option::of(any::<(Option<u32>, Option<bool>, Option<bool>)>()),
        users in prop::collection::vec(user(), 0..4),
    ) {
        let status = status.map(|(user_count, active, locked)| Status { user_count, active, locked });
        let (scope, users_scope) = scopes;
        let info = ConferenceInfo { version, scope, entity, description, status, users_scope, users };
        let text = conference(&info);
        prop_assert_eq!(ConferenceInfo::parse(text.as_bytes()), Ok(info), "{}", text);
    }
}
