//! What notifications say, in words.

use offhook::core::packages::conference::ConferenceInfo;
use offhook::core::packages::dialog_info::{Address, DialogInfo, DialogState, Direction};
use offhook::core::packages::pidf::{Basic, Presence};
use offhook::core::packages::reginfo::RegInfo;
use offhook::{Document, Notice};

/// What a notification says, a line for each thing.
pub(super) fn lines(notice: &Notice) -> Vec<String> {
    let document = match notice.parse() {
        Ok(document) => document,
        Err(error) => return vec![format!("cannot be read: {error}")],
    };
    match document {
        Document::Empty => vec!["nothing yet".into()],
        Document::MessageSummary(summary) => {
            let mut lines = vec![if summary.waiting { "messages are waiting" } else { "no new messages" }.to_owned()];
            lines.extend(summary.account.map(|account| format!("call {account} to hear them")));
            lines.extend(summary.counts.iter().map(|(class, counts)| {
                let urgent = counts.urgent.map_or(String::new(), |(new, old)| format!(", urgent {new} new {old} old"));
                format!("{class}: {} new, {} old{urgent}", counts.new, counts.old)
            }));
            lines
        }
        Document::Presence(presence) => of_presence(&presence),
        Document::DialogInfo(info) => of_dialogs(&info),
        Document::RegInfo(info) => of_registrations(&info),
        Document::Conference(info) => of_conference(&info),
        _ => String::from_utf8_lossy(&notice.body).lines().map(str::to_owned).collect(),
    }
}

fn of_presence(presence: &Presence) -> Vec<String> {
    let basic = match presence.basic() {
        Some(Basic::Open) => "open",
        Some(Basic::Closed) => "closed",
        None => "unknown",
    };
    let mut line = format!("{}: {basic}", presence.entity);
    if !presence.activities.is_empty() {
        line += &format!(", {}", presence.activities.join(", "));
    }
    if let Some(note) = presence.note() {
        line += &format!(", \"{note}\"");
    }
    let contacts = presence.tuples.iter().filter_map(|tuple| Some(format!("at {}", tuple.contact.as_ref()?)));
    std::iter::once(line).chain(contacts).collect()
}

fn of_dialogs(info: &DialogInfo) -> Vec<String> {
    if info.dialogs.is_empty() {
        return vec![format!("{}: no calls", info.entity)];
    }
    let each = info.dialogs.iter().map(|dialog| {
        let state = match dialog.state {
            DialogState::Trying => "trying",
            DialogState::Proceeding => "proceeding",
            DialogState::Early => "ringing",
            DialogState::Confirmed => "talking",
            DialogState::Terminated => "over",
        };
        let way = match dialog.direction {
            Some(Direction::Initiator) => " to",
            Some(Direction::Recipient) => " from",
            None => " with",
        };
        let other = dialog.remote.identity.as_ref().map_or(String::new(), |who| format!("{way} {}", named(who)));
        let long = dialog.duration.map_or(String::new(), |seconds| format!(", {seconds} s"));
        format!("{}: {state}{other}{long} (dialog {})", info.entity, dialog.id)
    });
    each.collect()
}

fn named(who: &Address) -> String {
    who.display.as_ref().map_or_else(|| who.uri.to_string(), |name| format!("{name} <{}>", who.uri))
}

fn of_registrations(info: &RegInfo) -> Vec<String> {
    let mut lines = Vec::new();
    for registration in &info.registrations {
        let state = format!("{:?}", registration.state).to_ascii_lowercase();
        lines.push(format!("{}: {state}", registration.aor));
        for contact in &registration.contacts {
            let active = if contact.active { "" } else { ", gone" };
            let left = contact.expires.map_or(String::new(), |seconds| format!(", {seconds} s left"));
            lines.push(format!("  {} ({}{active}{left})", contact.uri, contact.event));
        }
    }
    lines
}

fn of_conference(info: &ConferenceInfo) -> Vec<String> {
    let subject = info.description.as_ref().and_then(|of| of.subject.as_ref().or(of.display_text.as_ref()));
    let mut line = info.entity.to_string();
    if let Some(subject) = subject {
        line += &format!(" \"{subject}\"");
    }
    if let Some(count) = info.status.as_ref().and_then(|status| status.user_count) {
        line += &format!(", {count} there");
    }
    let users = info.users.iter().map(|user| {
        let name = user.display_text.as_ref().map_or(String::new(), |name| format!(" \"{name}\""));
        let status = user.endpoints.iter().find_map(|endpoint| endpoint.status.as_deref());
        let status = status.map_or(String::new(), |status| format!(": {status}"));
        format!("{}{name}{status}", user.entity)
    });
    std::iter::once(line).chain(users).collect()
}
