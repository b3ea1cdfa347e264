//! Merging conference documents (RFC 4575 section 4.6).

use super::conference::{ConferenceInfo, Description, Endpoint, Status, User};
use super::version::Version;
use super::{Applied, MAX_ROWS, Scope};

/// A conference, as a subscriber knows it. One for each subscription.
#[derive(Clone, Debug, Default)]
pub struct ConferenceState {
    version: Version,
    description: Option<Description>,
    status: Option<Status>,
    users: Vec<User>,
    over: bool,
}

impl ConferenceState {
    /// Before the first document.
    pub fn new() -> ConferenceState {
        ConferenceState::default()
    }

    /// Takes in the next document.
    pub fn apply(&mut self, info: ConferenceInfo) -> Applied {
        let applied = self.version.next(info.version, info.scope);
        if applied == Applied::Stale {
            return applied;
        }
        if info.scope == Scope::Deleted {
            *self = ConferenceState { version: self.version, over: true, ..ConferenceState::default() };
            return applied;
        }
        if info.scope == Scope::Full {
            *self = ConferenceState { version: self.version, ..ConferenceState::default() };
        }
        // Elements that cannot be partial are replaced as a whole.
        self.description = info.description.or(self.description.take());
        self.status = info.status.or(self.status);
        match info.users_scope {
            Scope::Full | Scope::Deleted => self.users.clear(),
            Scope::Partial => {}
        }
        if info.users_scope != Scope::Deleted {
            // Each is looked for among those before it: beyond what is kept none is.
            for user in info.users.into_iter().take(MAX_ROWS.saturating_add(1)) {
                merge_user(&mut self.users, user);
            }
        }
        if self.rows() > MAX_ROWS {
            self.trim();
            return Applied::Incomplete;
        }
        applied
    }

    /// What the conference is about, if that was told.
    pub fn description(&self) -> Option<&Description> {
        self.description.as_ref()
    }

    /// How it is going, if that was told.
    pub fn status(&self) -> Option<Status> {
        self.status
    }

    /// The users.
    pub fn users(&self) -> &[User] {
        &self.users
    }

    /// Whether the conference was told to be over.
    pub fn is_over(&self) -> bool {
        self.over
    }

    fn rows(&self) -> usize {
        let of = |user: &User| {
            user.endpoints
                .iter()
                .fold(1_usize, |rows, endpoint| rows.saturating_add(endpoint.media.len()).saturating_add(1))
        };
        self.users.iter().fold(0, |rows, user| rows.saturating_add(of(user)))
    }

    /// Drops the last users until the rest fits.
    fn trim(&mut self) {
        while self.rows() > MAX_ROWS {
            let kept = self.users.len() / 2;
            self.users.truncate(kept);
        }
    }
}

fn merge_user(users: &mut Vec<User>, mut user: User) {
    let at = users.iter().position(|known| known.entity == user.entity);
    let known = at.and_then(|at| users.get_mut(at));
    match (user.scope, known) {
        (Scope::Deleted, _) => users.retain(|known| known.entity != user.entity),
        (Scope::Partial, Some(known)) => {
            replace(&mut known.display_text, user.display_text);
            if !user.roles.is_empty() {
                known.roles = user.roles;
            }
            for endpoint in user.endpoints.into_iter().take(MAX_ROWS) {
                merge_endpoint(&mut known.endpoints, endpoint);
            }
        }
        (_, known) => {
            user.scope = Scope::Full;
            let mut endpoints = Vec::with_capacity(user.endpoints.len());
            for endpoint in std::mem::take(&mut user.endpoints).into_iter().take(MAX_ROWS) {
                merge_endpoint(&mut endpoints, endpoint);
            }
            user.endpoints = endpoints;
            match known {
                Some(known) => *known = user,
                None => users.push(user),
            }
        }
    }
}

fn merge_endpoint(endpoints: &mut Vec<Endpoint>, mut endpoint: Endpoint) {
    let at = endpoints.iter().position(|known| known.entity == endpoint.entity);
    let known = at.and_then(|at| endpoints.get_mut(at));
    match (endpoint.scope, known) {
        (Scope::Deleted, _) => endpoints.retain(|known| known.entity != endpoint.entity),
        (Scope::Partial, Some(known)) => {
            replace(&mut known.display_text, endpoint.display_text);
            replace(&mut known.status, endpoint.status);
            replace(&mut known.joining_method, endpoint.joining_method);
            replace(&mut known.disconnection_method, endpoint.disconnection_method);
            for media in endpoint.media.into_iter().take(MAX_ROWS) {
                match known.media.iter_mut().find(|known| known.id == media.id) {
                    Some(known) => *known = media,
                    None => known.media.push(media),
                }
            }
        }
        (_, known) => {
            endpoint.scope = Scope::Full;
            match known {
                Some(known) => *known = endpoint,
                None => endpoints.push(endpoint),
            }
        }
    }
}

/// What is told replaces what was known.
fn replace(known: &mut Option<Box<str>>, told: Option<Box<str>>) {
    if told.is_some() {
        *known = told;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
        <conference-info xmlns="urn:ietf:params:xml:ns:conference-info" entity="sips:conf233@example.com"
            state="full" version="1">
          <conference-description>
            <subject>Agenda: This month's goals</subject>
            <service-uris><entry><uri>http://sharepoint/salesgroup/</uri><purpose>web-page</purpose></entry></service-uris>
            <conf-uris><entry><uri>tel:+18882934234</uri><display-text>TTI Bridge</display-text></entry></conf-uris>
            <maximum-user-count>50</maximum-user-count>
          </conference-description>
          <conference-state><user-count>33</user-count><active>true</active><locked>0</locked></conference-state>
          <users>
            <user entity="sip:bob@example.com" state="full">
              <display-text>Bob Hoskins</display-text>
              <roles><entry>moderator</entry></roles>
              <endpoint entity="sip:bob@pc33.example.com">
                <display-text>Bob's Laptop</display-text>
                <status>disconnected</status>
                <disconnection-method>departed</disconnection-method>
                <media id="1"><display-text>main audio</display-text><type>audio</type><label>34567</label>
                  <src-id>432424</src-id><status>sendrecv</status></media>
              </endpoint>
            </user>
            <user entity="sip:alice@example.com" state="full">
              <display-text>Alice</display-text>
              <endpoint entity="sip:4kfk4j392jsu@example.com;grid=433kj4j3u">
                <status>connected</status><joining-method>dialed-out</joining-method>
                <media id="1"><type>audio</type><status>sendrecv</status></media>
              </endpoint>
            </user>
          </users>
        </conference-info>"#;

    fn apply(state: &mut ConferenceState, version: u32, inner: &str) -> Applied {
        let body =
            format!("<conference-info entity='sip:c@d' state='partial' version='{version}'>{inner}</conference-info>");
        state.apply(ConferenceInfo::parse(body.as_bytes()).unwrap())
    }

    fn started() -> ConferenceState {
        let mut state = ConferenceState::new();
        assert_eq!(state.apply(ConferenceInfo::parse(FULL.as_bytes()).unwrap()), Applied::Updated);
        state
    }

    #[test]
    fn a_full_document() {
        let state = started();
        let description = state.description().unwrap();
        assert_eq!(description.subject.as_deref(), Some("Agenda: This month's goals"));
        assert_eq!((description.maximum_user_count, &*description.uris[0]), (Some(50), "tel:+18882934234"));
        let status = Status { user_count: Some(33), active: Some(true), locked: Some(false) };
        assert_eq!(state.status(), Some(status));
        let bob = &state.users()[0];
        assert_eq!((bob.display_text.as_deref(), &*bob.roles[0]), (Some("Bob Hoskins"), "moderator"));
        let media = &bob.endpoints[0].media[0];
        assert_eq!((media.kind.as_deref(), media.source.as_deref()), (Some("audio"), Some("432424")));
        assert_eq!(bob.endpoints[0].disconnection_method.as_deref(), Some("departed"));
    }

    #[test]
    fn partial_documents_change_what_they_name() {
        let mut state = started();
        let muted = "<users state='partial'><user entity='sip:alice@example.com' state='partial'>\
            <endpoint entity='sip:4kfk4j392jsu@example.com;grid=433kj4j3u' state='partial'><status>on-hold</status>\
            <media id='1'><type>audio</type><status>recvonly</status></media><media id='2'><type>video</type></media>\
            </endpoint></user><user entity='sip:carol@example.com'><display-text>Carol</display-text></user></users>";
        assert_eq!(apply(&mut state, 2, muted), Applied::Updated);
        let names: Vec<_> = state.users().iter().map(|user| user.display_text.as_deref().unwrap()).collect();
        assert_eq!(names, ["Bob Hoskins", "Alice", "Carol"]);
        let endpoint = &state.users()[1].endpoints[0];
        assert_eq!(endpoint.status.as_deref(), Some("on-hold"));
        assert_eq!(endpoint.joining_method.as_deref(), Some("dialed-out"));
        let media: Vec<_> = endpoint.media.iter().map(|media| media.status.as_deref()).collect();
        assert_eq!(media, [Some("recvonly"), None]);

        let gone = "<conference-state><user-count>2</user-count></conference-state><users state='partial'>\
            <user entity='sip:bob@example.com' state='deleted'/><user entity='sip:alice@example.com' state='partial'>\
            <endpoint entity='sip:4kfk4j392jsu@example.com;grid=433kj4j3u' state='deleted'/></user></users>";
        assert_eq!(apply(&mut state, 3, gone), Applied::Updated);
        assert_eq!(state.users().len(), 2);
        assert!(state.users()[0].endpoints.is_empty());
        assert_eq!(state.status().unwrap(), Status { user_count: Some(2), ..Status::default() });
        assert!(state.description().is_some());
    }

    #[test]
    fn users_told_in_full_replace_the_others() {
        let mut state = started();
        assert_eq!(apply(&mut state, 2, "<users><user entity='sip:x@y'/></users>"), Applied::Updated);
        assert_eq!(state.users().len(), 1);
        assert_eq!(apply(&mut state, 3, ""), Applied::Updated);
        assert_eq!(state.users().len(), 1);
        assert_eq!(apply(&mut state, 9, ""), Applied::Incomplete);
        assert_eq!(apply(&mut state, 8, "<users/>"), Applied::Stale);
    }

    #[test]
    fn a_conference_ends() {
        let mut state = started();
        let body = b"<conference-info entity='sip:c@d' state='deleted'/>";
        assert_eq!(state.apply(ConferenceInfo::parse(body).unwrap()), Applied::Updated);
        assert!(state.is_over() && state.users().is_empty() && state.description().is_none());
    }

    #[test]
    fn rows_are_bounded() {
        let users: String = (0..MAX_ROWS + 10).map(|at| format!("<user entity='{at}'/>")).collect();
        let mut state = ConferenceState::new();
        let body = format!("<conference-info version='1' state='full'><users>{users}</users></conference-info>");
        assert_eq!(state.apply(ConferenceInfo::parse(body.as_bytes()).unwrap()), Applied::Incomplete);
        assert!(state.users().len() <= MAX_ROWS && !state.users().is_empty());
    }

    #[test]
    fn errors_say_where() {
        let of = |inner: &str| {
            let body = ["<conference-info version='1'>", inner, "</conference-info>"].concat();
            ConferenceInfo::parse(body.as_bytes()).unwrap_err().to_string()
        };
        assert_eq!(of("<users><user/></users>"), "conference-info: expected the URI of a user at byte 36");
        assert_eq!(of("<users state='x'/>"), "conference-info: expected full or partial at byte 29");
        let user = |inner: &str| of(&["<users><user entity='a'>", inner, "</user></users>"].concat());
        assert_eq!(user("<endpoint/>"), "conference-info: expected the URI of an endpoint at byte 53");
        assert_eq!(
            user("<endpoint entity='b'><media/></endpoint>"),
            "conference-info: expected the id of a media at byte 74"
        );
    }
}
