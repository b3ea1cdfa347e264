//! The names of all fields of plain messages (`offhook_core::control`) are those of `js/src/protocol/`.

use std::collections::{BTreeMap, BTreeSet};

use offhook_core::control::{
    AddressValue, AgentConfig, BindingValue, CandidateValue, Command, CountsValue, DialogValue, DiversionValue,
    DtmfValue, EndValue, ErrorValue, FlowValue, FoundValue, HoldValue, IdentityValue, Notification, PastTargetValue,
    PushStateValue, ReasonValue, RegistrationSnapshot, ReplacementValue, ResultValue, SessionTimerValue, Snapshot,
    SubscriptionEndValue, SummaryValue, ToJson, TransactionValue, TransitionValue,
};
use offhook_core::endpoint::{SavedCall, SavedSession};
use serde_json::{Value, json};

const PROTOCOL: &str = concat!(
    include_str!("../../../js/src/protocol/command.ts"),
    include_str!("../../../js/src/protocol/config.ts"),
    include_str!("../../../js/src/protocol/error.ts"),
    include_str!("../../../js/src/protocol/notification.ts"),
    include_str!("../../../js/src/protocol/snapshots.ts"),
    include_str!("../../../js/src/protocol/values.ts"),
);

// ---- what js/src/protocol says

pub(super) type Names = BTreeSet<String>;

/// The text of an exported type or interface, without comments.
pub(super) fn exported(name: &str) -> String {
    let mut plain = String::new();
    let mut rest = PROTOCOL;
    while let Some((before, after)) = rest.split_once("/*") {
        plain.push_str(before);
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    let start = ["export interface ", "export type "].iter().find_map(|kind| {
        let found = plain.find(&format!("{kind}{name} "))?;
        Some(found + kind.len())
    });
    let text = &plain[start.unwrap_or_else(|| panic!("{name} is not exported"))..];
    text.split("\nexport ").next().unwrap_or_default().to_owned()
}

/// The names within the outermost braces of a text: `{ a: number; b?: { c: string } }` gives a and b, without `?`.
fn fields(braces: &str) -> Names {
    let inner = braces.trim().strip_prefix('{').and_then(|text| text.strip_suffix('}')).expect("braces");
    let mut names = Names::new();
    let (mut depth, mut member) = (0, String::new());
    for char in inner.chars().chain([';']) {
        match char {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => depth -= 1,
            ';' | '\n' if depth == 0 => {
                if let Some((name, _)) = member.split_once(':') {
                    names.insert(name.trim().trim_end_matches('?').to_owned());
                }
                member.clear();
                continue;
            }
            _ => {}
        }
        member.push(char);
    }
    names
}

/// The outermost pieces in braces of a text.
fn blocks(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (at, char) in text.char_indices() {
        match char {
            '{' => {
                if depth == 0 {
                    start = at;
                }
                depth += 1;
            }
            '}' => {
                depth -= 1;
                if depth == 0 {
                    found.push(&text[start..=at]);
                }
            }
            _ => {}
        }
    }
    found
}

/// A union by the value of its tag: `{ type: "ring"; call: CallId }` is `ring`, with its other names.
pub(super) fn union(text: &str, tag: &str) -> BTreeMap<String, Names> {
    let mut members = BTreeMap::new();
    for block in blocks(text) {
        let marker = format!("{tag}: \"");
        let Some((_, after)) = block.split_once(&marker) else { continue };
        let kind = after.split('"').next().unwrap_or_default().to_owned();
        let mut names = fields(block);
        names.remove(tag);
        assert!(members.insert(kind, names).is_none(), "twice: {block}");
    }
    members
}

pub(super) fn commands() -> BTreeMap<String, Names> {
    union(&exported("Command").replacen("{ id: number }", "", 1).replace(['(', ')'], ""), "type")
}

fn interface(name: &str) -> Names {
    let text = exported(name);
    fields(blocks(&text).first().expect("a body"))
}

pub(super) fn keys(value: &Value) -> Names {
    value.as_object().unwrap_or_else(|| panic!("no object: {value}")).keys().cloned().collect()
}

// ---- names

pub(super) fn told(value: &impl ToJson) -> Value {
    serde_json::from_str(&value.to_json()).expect("JSON")
}

/// The names a type reads, as its complaint about an unknown one lists them.
fn listed(complaint: &str) -> Names {
    let (_, list) = complaint.split_once("there are ").or_else(|| complaint.split_once("none of ")).expect("a list");
    list.split(' ').map(str::to_owned).collect()
}

fn complaint_about(command: &Value) -> String {
    Command::from_json(&command.to_string()).expect_err("unknown").message
}

#[test]
fn commands_have_the_names_of_the_protocol() {
    let commands = commands();
    let complaint = complaint_about(&json!({ "id": 1, "type": "?" }));
    assert_eq!(listed(&complaint), commands.keys().cloned().collect());

    let complaint = complaint_about(&json!({ "id": 1, "type": "call", "?": 1 }));
    let mut all: Names = commands.values().flatten().cloned().collect();
    all.extend(["id".to_owned(), "type".to_owned()]);
    assert_eq!(listed(&complaint), all);

    let replaces = json!({ "callId": "a", "toTag": "b", "fromTag": "c", "?": 1 });
    let complaint = complaint_about(&json!({ "id": 1, "type": "call", "replaces": replaces }));
    assert_eq!(listed(&complaint), interface("Replacement"));

    let results = interface("Results");
    assert_eq!(results, commands.keys().cloned().collect());
}

#[test]
fn settings_have_the_names_of_the_protocol() {
    let complaint_about = |config: Value| match AgentConfig::from_json(&config.to_string()) {
        Err(ErrorValue::Input { message, .. }) => message,
        other => panic!("{config}: {other:?}"),
    };
    let complaint = complaint_about(json!({ "aor": "sip:a@b", "?": 1 }));
    assert_eq!(listed(&complaint), interface("AgentConfig"));
    for (field, names) in [("ha1", ["algorithm", "hex", "realm"]), ("timers", ["t1", "t2", "t4"])] {
        let mut value = json!({ "?": 1 });
        if field == "ha1" {
            value = json!({ "algorithm": "MD5", "hex": "", "realm": "", "?": 1 });
        }
        let complaint = complaint_about(json!({ "aor": "sip:a@b", field: value }));
        assert_eq!(listed(&complaint), names.into_iter().map(str::to_owned).collect());
        let text = exported("AgentConfig");
        let (_, after) = text.split_once(&format!("{field}?:")).expect("the field");
        assert_eq!(fields(blocks(after)[0]), names.into_iter().map(str::to_owned).collect(), "{field}");
    }
}

fn candidate() -> CandidateValue {
    CandidateValue { mid: "0".into(), candidate: "1 1 udp 1 192.0.2.1 9 typ host".into() }
}

fn address() -> AddressValue {
    AddressValue { display_name: None, uri: "sip:a@b".into() }
}

fn reason() -> ReasonValue {
    ReasonValue { protocol: "SIP".into(), cause: None, text: None }
}

fn errors() -> Vec<ErrorValue> {
    let message = String::from("x");
    vec![
        ErrorValue::Status {
            status: 486,
            reason: "x".into(),
            cause: Some(reason()),
            retry_after: None,
            contacts: vec![address()],
        },
        ErrorValue::Authentication { status: 401, message: message.clone() },
        ErrorValue::Timeout { timer: "B" },
        ErrorValue::Transport { message: message.clone() },
        ErrorValue::Glare,
        ErrorValue::Input { field: "x".into(), offset: 0, message: message.clone() },
        ErrorValue::State { message: message.clone() },
        ErrorValue::Protocol { message: message.clone() },
        ErrorValue::Cancelled,
        ErrorValue::Limit { message: message.clone() },
        ErrorValue::Internal { message },
    ]
}

fn end() -> EndValue {
    EndValue { by: "local", status: None, reason: "x".into(), cause: Some(reason()), error: None }
}

fn replacement() -> ReplacementValue {
    ReplacementValue { call_id: "x".into(), to_tag: "x".into(), from_tag: "x".into(), early_only: false }
}

fn identity() -> IdentityValue {
    IdentityValue {
        shown: address(),
        claimed: address(),
        asserted: None,
        number: None,
        source: "claimed",
        screened: false,
        anonymous: false,
        privacy: vec!["id"],
    }
}

fn diversion() -> DiversionValue {
    DiversionValue { diverter: address(), reason: None, counter: 1, private: false }
}

fn target() -> PastTargetValue {
    let found = Some(FoundValue { how: "noChange", from: "1".into() });
    PastTargetValue { target: address(), index: "1.1".into(), found, cause: None, private: false }
}

fn snapshot() -> Snapshot {
    Snapshot {
        call: 1,
        direction: "incoming",
        state: "ringing",
        call_id: "x".into(),
        local: address(),
        remote: address(),
        identity: identity(),
        hold: HoldValue { local: false, remote: false },
        session_timer: Some(SessionTimerValue { expires: 1800, refresher: "local" }),
        replacement: Some(replacement()),
        features: vec![("x".into(), None)],
        history: vec![TransitionValue { at: 0, state: "ringing", cause: "x".into() }],
    }
}

fn saved() -> SavedCall {
    let session = SavedSession { interval: 1800, min_se: 90, local: true, deadline: 0 };
    SavedCall {
        version: 1,
        incoming: true,
        call_id: "x".into(),
        local: "x".into(),
        remote: "x".into(),
        target: "x".into(),
        route_set: Vec::new(),
        local_cseq: 1,
        remote_cseq: None,
        holding: false,
        held: false,
        takes_update: None,
        takes_info: "x".into(),
        since: 0,
        session: Some(session),
        origin: None,
        privacy: None,
        streams: Vec::new(),
    }
}

fn subscription_end() -> SubscriptionEndValue {
    SubscriptionEndValue { by: "remote", reason: "x".into(), retry_after: None, error: None }
}

fn summary() -> SummaryValue {
    SummaryValue { waiting: true, account: None, counts: vec![CountsValue { class: "x".into(), new: 1, old: 2 }] }
}

fn dialog() -> DialogValue {
    DialogValue {
        call: None,
        subscription: None,
        call_id: "x".into(),
        local_tag: "x".into(),
        remote_tag: "x".into(),
        state: "early",
        local_cseq: 1,
        remote_cseq: None,
        target: "x".into(),
        route_set: Vec::new(),
        history: Vec::new(),
    }
}

fn transaction() -> TransactionValue {
    TransactionValue { call: None, role: "client", method: "INVITE", state: "calling", history: Vec::new() }
}

fn registration() -> RegistrationSnapshot {
    let binding = BindingValue { uri: "x".into(), expires: None, q: None, instance: None, reg_id: None, ours: false };
    RegistrationSnapshot {
        instance: "x".into(),
        flows: vec![FlowValue { reg_id: 1, connected: true, registered: true, outbound: true }],
        gruu: None,
        temporary_gruu: None,
        service_route: Vec::new(),
        bindings: vec![binding],
        associated: Vec::new(),
        push: Some(PushStateValue { accepted: true, providers: Vec::new(), margin: None, vapid: None }),
    }
}

fn notifications() -> Vec<Notification> {
    let (call, at, sdp) = (1, 0, None);
    let text = String::from("x");
    let dtmf = Some(DtmfValue { tone: '1', duration: 1 });
    vec![
        Notification::Result { id: 1, value: ResultValue::Null(()) },
        Notification::Error { id: 1, error: ErrorValue::Cancelled },
        Notification::Transport { state: "connected", message: None, at },
        Notification::Registration { state: "registered", expires: None, error: None, at },
        Notification::Incoming {
            call,
            call_id: text.clone(),
            from: address(),
            to: address(),
            identity: identity(),
            trusted: true,
            diversions: vec![diversion()],
            targets: vec![target()],
            sdp: None,
            replaces: None,
            joins: None,
            referred_by: None,
            trickle: true,
            headers: Vec::new(),
            at,
        },
        Notification::State { call, state: "ringing", cause: text.clone(), at },
        Notification::Progress { call, status: 180, reason: text.clone(), sdp: None, at },
        Notification::Redirected { call, status: 302, reason: text.clone(), target: text.clone(), at },
        Notification::Answered { call, sdp: None, at },
        Notification::Offer { call, sdp, at },
        Notification::Negotiated { call, sdp: text.clone(), at },
        Notification::Identity { call, identity: identity(), previous: identity(), at },
        Notification::Hold { call, local: true, remote: true, at },
        Notification::Recovered { call, at },
        Notification::Trickle { call, at },
        Notification::Candidates { call, candidates: vec![candidate()], end: true, at },
        Notification::Info {
            call,
            package: Some(text.clone()),
            content_type: text.clone(),
            body: text.clone(),
            dtmf,
            at,
        },
        Notification::Saved { call, saved: Box::new(saved()) },
        Notification::Message { from: address(), content_type: text.clone(), body: text.clone(), at },
        Notification::Ended { call, end: end(), at },
        Notification::Subscription { subscription: 1, state: "active", expires: None, cause: None, at },
        Notification::Notice {
            subscription: 1,
            package: text.clone(),
            state: "active",
            content_type: text.clone(),
            body: text.clone(),
            summary: Some(summary()),
            at,
        },
        Notification::Forked { subscription: 1, fork: 2, at },
        Notification::Refreshed { subscription: 1, expires: 1, at },
        Notification::SubscriptionEnded { subscription: 1, end: subscription_end(), at },
        Notification::IncomingSubscription {
            subscription: 1,
            call: None,
            from: address(),
            to: address(),
            package: text.clone(),
            event: text.clone(),
            expires: 1,
            content_type: text.clone(),
            body: text.clone(),
            headers: Vec::new(),
            at,
        },
        Notification::Unsolicited {
            from: address(),
            package: text.clone(),
            content_type: text.clone(),
            body: text.clone(),
            summary: None,
            at,
        },
        Notification::Publication { publication: 1, state: "published", expires: None, error: None, at },
        Notification::CredentialsNeeded {
            query: 1,
            realm: text.clone(),
            proxy: false,
            schemes: vec!["Digest"],
            algorithms: vec!["MD5"],
            authz_server: None,
            scope: None,
            why: "first",
            at,
        },
        Notification::Listening { transport: text.clone(), local: text.clone() },
        Notification::TransferAccepted { transfer: 1, at },
        Notification::TransferProgress { transfer: 1, status: 180, reason: text.clone(), at },
        Notification::TransferDone { transfer: 1, status: None, reason: text.clone(), error: None, at },
        Notification::TransferRequest {
            transfer: 1,
            call: None,
            from: address(),
            target: address(),
            referred_by: None,
            replaces: false,
            headers: Vec::new(),
            at,
        },
        Notification::TransferExpired { transfer: 1, at },
        Notification::Malformed { remote: text.clone(), message: text.clone(), at },
        Notification::Trace { direction: "in", transport: "UDP", remote: text.clone(), text, at },
        Notification::Stopped { at },
    ]
}

fn tagged(values: impl IntoIterator<Item = Value>, tag: &str) -> BTreeMap<String, Names> {
    let member = |value: Value| {
        let kind = value[tag].as_str().expect("a tag").to_owned();
        let mut names = keys(&value);
        names.remove(tag);
        (kind, names)
    };
    values.into_iter().map(member).collect()
}

#[test]
fn notifications_have_the_names_of_the_protocol() {
    assert_eq!(
        tagged(notifications().into_iter().map(|value| told(&value)), "type"),
        union(&exported("Notification"), "type")
    );
    assert_eq!(tagged(errors().into_iter().map(|value| told(&value)), "kind"), union(&exported("ErrorValue"), "kind"));
    for (value, name) in [
        (told(&address()), "Address"),
        (told(&reason()), "ReasonValue"),
        (told(&end()), "End"),
        (told(&subscription_end()), "SubscriptionEnd"),
        (told(&summary()), "MessageSummary"),
        (told(&summary().counts[0]), "MessageCounts"),
        (told(&snapshot()), "CallSnapshot"),
        (told(&registration()), "RegistrationSnapshot"),
        (told(&registration().bindings[0]), "Binding"),
        (told(&replacement()), "Replacement"),
        (told(&saved()), "SavedCall"),
        (told(&saved().session), "SavedSession"),
        (told(&identity()), "RemoteIdentity"),
        (told(&diversion()), "Diversion"),
        (told(&target()), "PastTarget"),
        (told(&snapshot().history[0]), "Transition"),
        (told(&dialog()), "DialogSnapshot"),
        (told(&transaction()), "TransactionSnapshot"),
    ] {
        assert_eq!(keys(&value), interface(name), "{name}");
    }
    let inner = |text: &str, field: &str| {
        let (_, after) = text.split_once(&format!("{field}: ")).expect("the field");
        fields(blocks(after)[0])
    };
    for (value, field) in [(told(&registration().flows[0]), "flows"), (told(&registration().push), "push")] {
        assert_eq!(keys(&value), inner(&exported("RegistrationSnapshot"), field), "{field}");
    }
    assert_eq!(keys(&told(&target().found)), inner(&exported("PastTarget"), "found"));
    assert_eq!(keys(&told(&snapshot().hold)), inner(&exported("CallSnapshot"), "hold"));
    assert_eq!(keys(&told(&DtmfValue { tone: '1', duration: 1 })), inner(&exported("Notification"), "dtmf"));
}

#[test]
fn results_have_the_names_of_the_protocol() {
    let text = exported("Results");
    let said = |command: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(&format!("{command}: "))).expect("a line");
        line.trim_end_matches(';').to_owned()
    };
    let sdp = None;
    for (value, commands) in [
        (ResultValue::Registered { expires: 1 }, &["register"][..]),
        (ResultValue::Call { call: 1, call_id: "x".into() }, &["call", "acceptTransfer", "restoreCall"]),
        (ResultValue::Saved { saved: Box::new(saved()) }, &["saveCall"]),
        (ResultValue::Transfer { transfer: 1 }, &["transfer", "transferTo", "refer"]),
        (ResultValue::Negotiated { sdp }, &["hold", "resume", "renegotiate", "update"]),
        (ResultValue::Subscription { subscription: 1 }, &["subscribe"]),
        (ResultValue::Published { publication: 1, expires: 1 }, &["publish", "updatePublication"]),
        (ResultValue::Response { status: 200, reason: "x".into() }, &["options", "message"]),
    ] {
        for command in commands {
            assert_eq!(keys(&told(&value)), fields(&said(command)), "{command}");
        }
    }
    assert_eq!(said("inspect"), "CallSnapshot");
    assert_eq!((said("inspectRegistration"), said("clearBindings")), ("RegistrationSnapshot".into(), "null".into()));
    let bindings = ResultValue::Bindings { bindings: Vec::new() };
    assert_eq!(keys(&told(&bindings)), fields(&said("bindings")));
    let dialogs = ResultValue::Dialogs { dialogs: Vec::new() };
    assert_eq!(keys(&told(&dialogs)), fields(&said("inspectDialogs")));
    let transactions = ResultValue::Transactions { transactions: Vec::new() };
    assert_eq!(keys(&told(&transactions)), fields(&said("inspectTransactions")));
    let nothing = ["connect", "unregister", "ring", "answer", "reject", "redirect", "hangup", "acceptOffer", "dtmf"];
    for command in nothing.into_iter().chain(["rejectTransfer", "notify"]) {
        assert_eq!(said(command), "null");
    }
}
