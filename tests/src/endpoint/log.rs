//! Events in a few words, so that a test can state all of them.

use offhook_core::endpoint::{
    CallEvent, ConnectionState, Event, Notice, Outcome, PublicationState, RegistrationState, SubscriptionEvent,
    TransferEvent,
};
use offhook_core::time::Instant;

/// The events with their milliseconds, one a line.
pub fn log<'a>(events: impl IntoIterator<Item = (Instant, &'a Event)>) -> String {
    let line = |(at, event): (Instant, &Event)| format!("{:>6}  {}\n", at.as_millis(), words(event));
    events.into_iter().map(line).collect()
}

/// An event in a few words.
pub fn words(event: &Event) -> String {
    match event {
        Event::Done { result: Ok(outcome), .. } => match outcome {
            Outcome::Done => "done".into(),
            Outcome::Registered { expires } => format!("done: registered for {expires} s"),
            Outcome::Negotiated { sdp } => format!("done: negotiated{}", with(sdp)),
            Outcome::Published { expires, .. } => format!("done: published for {expires} s"),
            Outcome::Response { status, phrase } => format!("done: {} {phrase}", status.code()),
            other => format!("done: {other:?}"),
        },
        Event::Done { result: Err(error), .. } => format!("failed: {error}"),
        Event::Connection { state, .. } => match state {
            ConnectionState::Connecting => "connecting".into(),
            ConnectionState::Connected => "connected".into(),
            ConnectionState::Disconnected(None) => "disconnected".into(),
            ConnectionState::Disconnected(Some(why)) => format!("disconnected: {why}"),
            other => format!("{other:?}"),
        },
        Event::Registration { state, .. } => match state {
            RegistrationState::Registering => "registering".into(),
            RegistrationState::Registered { expires } => format!("registered for {expires} s"),
            RegistrationState::Unregistered => "unregistered".into(),
            RegistrationState::Failed(error) => format!("registration failed: {error}"),
            other => format!("{other:?}"),
        },
        Event::Incoming { invitation, .. } => {
            format!("incoming from {}{}", invitation.from.uri().as_str(), with(&invitation.sdp))
        }
        Event::Call { event, .. } => of_call(event),
        Event::Transfer { event, .. } => match event {
            TransferEvent::Accepted => "transfer accepted".into(),
            TransferEvent::Progress { status, phrase } => format!("transfer: {} {phrase}", status.code()),
            TransferEvent::Ended(Ok(outcome)) => match outcome.status {
                Some(status) => format!("transferred: {} {}", status.code(), outcome.phrase),
                None => format!("transferred, perhaps: {}", outcome.phrase),
            },
            TransferEvent::Ended(Err(error)) => format!("not transferred: {error}"),
            other => format!("{other:?}"),
        },
        Event::TransferRequested { asked, .. } => format!("asked to call {}", asked.target),
        Event::TransferExpired { .. } => "not asked any more".into(),
        Event::Message { from, content_type, body, .. } => {
            let from = from.uri();
            format!("message from {}: {content_type} {:?}", from.as_str(), String::from_utf8_lossy(body))
        }
        Event::Publication { state, .. } => match state {
            PublicationState::Published { expires } => format!("published for {expires} s"),
            PublicationState::Lost(error) => format!("publication lost: {error}"),
            PublicationState::Ended(None) => "publication over".into(),
            PublicationState::Ended(Some(error)) => format!("publication over: {error}"),
            other => format!("{other:?}"),
        },
        Event::Subscription { event, .. } => of_subscription(event),
        Event::IncomingSubscription { request, .. } => {
            let from = request.from.uri();
            format!("{} wants {} for {} s", from.as_str(), request.event, request.expires)
        }
        Event::Notice { from, notice, .. } => {
            format!("unsolicited from {}: {}", from.uri().as_str(), of_notice(notice))
        }
        Event::Malformed { error, .. } => format!("malformed: {error}"),
        Event::Trace { outgoing, .. } => if *outgoing { "sent" } else { "received" }.into(),
        Event::Stopped { .. } => "stopped".into(),
        other => format!("{other:?}"),
    }
}

fn of_call(event: &CallEvent) -> String {
    match event {
        CallEvent::State(step) => format!("{} ({})", step.state.name(), step.cause),
        CallEvent::Progress { status, phrase, sdp } => format!("progress {} {phrase}{}", status.code(), with(sdp)),
        CallEvent::Redirected { status, phrase, target } => {
            format!("redirected to {} ({} {phrase})", target.as_str(), status.code())
        }
        CallEvent::Answered { sdp } => format!("answered{}", with(sdp)),
        CallEvent::Offer { sdp } => format!("offer{}", with(sdp)),
        CallEvent::Negotiated { .. } => "negotiated".into(),
        CallEvent::Recovered => "recovered".into(),
        CallEvent::Identity { identity, previous } => {
            format!("identity: {} instead of {}", identity.shown.as_str(), previous.shown.as_str())
        }
        CallEvent::Hold(hold) => match (hold.local, hold.remote) {
            (false, false) => "nobody holds".into(),
            (true, false) => "hold: local".into(),
            (false, true) => "hold: remote".into(),
            (true, true) => "hold: both".into(),
        },
        CallEvent::Info { content_type, dtmf, .. } => match dtmf {
            Some(digit) => format!("digit {} for {} ms", digit.tone, digit.duration),
            None => format!("info {content_type}"),
        },
        CallEvent::Ended(end) => {
            let by = format!("{:?}", end.by).to_lowercase();
            let status = end.status.map(|status| format!(" {}", status.code())).unwrap_or_default();
            let reason = end.reason.as_ref().map(|reason| format!(", {} {:?}", reason.protocol, reason.cause));
            let error = end.error.as_ref().map(|error| format!(": {error}"));
            let (reason, error) = (reason.unwrap_or_default(), error.unwrap_or_default());
            format!("over, by {by},{status} {}{reason}{error}", end.phrase)
        }
        other => format!("{other:?}"),
    }
}

fn of_subscription(event: &SubscriptionEvent) -> String {
    match event {
        SubscriptionEvent::State { state, expires, cause } => {
            let expires = expires.map(|seconds| format!(" for {seconds} s")).unwrap_or_default();
            let cause = cause.as_ref().map(|cause| format!(" ({cause})")).unwrap_or_default();
            format!("{}{expires}{cause}", state.name())
        }
        SubscriptionEvent::Notice(notice) => of_notice(notice),
        SubscriptionEvent::Forked(_) => "forked".into(),
        SubscriptionEvent::Refreshed { expires } => format!("refreshed for {expires} s"),
        SubscriptionEvent::Ended(end) => {
            let by = format!("{:?}", end.by).to_lowercase();
            let error = end.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
            format!("subscription over, by {by}, {}{error}", end.reason)
        }
        other => format!("{other:?}"),
    }
}

fn of_notice(notice: &Notice) -> String {
    let body = String::from_utf8_lossy(&notice.body);
    format!("{} is {}: {} {body:?}", notice.package, notice.state.name(), notice.content_type)
}

fn with<T>(sdp: &Option<T>) -> &'static str {
    if sdp.is_some() { " with sdp" } else { "" }
}
