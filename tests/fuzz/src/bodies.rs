//! Multipart bodies, fragments, summaries, and the XML of event packages.

use bytes::Bytes;
use offhook_core::body::{Fragment, MAX_PARTS, MessageSummary, Multipart, MultipartWriter, fragment_status};
use offhook_core::packages::MAX_ROWS;
use offhook_core::packages::conference::{ConferenceInfo, ConferenceState};
use offhook_core::packages::dialog_info::{DialogInfo, DialogInfoState};
use offhook_core::packages::pidf::Presence;
use offhook_core::packages::reginfo::{RegInfo, RegInfoState};

use super::messages::ask;

/// Bodies that are no XML. The first line may be a Content-Type.
pub fn multipart(data: &[u8]) {
    let bytes = Bytes::copy_from_slice(data);
    if let Ok(fragment) = Fragment::parse(bytes.clone()) {
        ask(fragment.fields());
    }
    let _ = fragment_status(data);
    if let Ok(summary) = MessageSummary::parse(data) {
        let printed = summary.to_string();
        let again = MessageSummary::parse(printed.as_bytes()).expect("what was written can be read");
        assert_eq!(again.counts.len(), summary.counts.len());
    }
    let (line, body) = data.split_at(data.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1));
    let content_type = String::from_utf8_lossy(line);
    for (content_type, body) in [("multipart/related;boundary=b;start=\"<s>\"", data), (content_type.trim(), body)] {
        match Multipart::parse(content_type, Bytes::copy_from_slice(body)) {
            Ok(multipart) => taken_apart(&multipart),
            Err(error) => assert!(error.offset() <= body.len().max(content_type.len())),
        }
    }
}

fn taken_apart(multipart: &Multipart) {
    assert!(multipart.parts().len() <= MAX_PARTS);
    let _ = (multipart.root().is_some(), multipart.by_content_id("x").is_some());
    let mut writer = MultipartWriter::new("mixed", "b");
    for part in multipart.parts() {
        ask(part.fields());
        let _ = (part.content_id(), part.disposition(), part.is_optional(), part.multipart().is_ok());
        writer.part("text/plain", &[], part.body());
    }
    let (content_type, body) = writer.finish().expect("nothing to refuse");
    let again = Multipart::parse(&content_type, body).expect("what was written can be read");
    let bodies =
        |multipart: &Multipart| -> Vec<Bytes> { multipart.parts().iter().map(|part| part.body().clone()).collect() };
    assert_eq!(bodies(&again), bodies(multipart));
}

/// XML, one document after another with a NUL between them, merged.
pub fn packages(data: &[u8]) {
    let mut dialogs = DialogInfoState::new();
    let mut registrations = RegInfoState::new();
    let mut conference = ConferenceState::new();
    for body in data.split(|byte| *byte == 0) {
        if let Ok(info) = DialogInfo::parse(body) {
            assert_eq!(DialogInfo::parse(info.write().as_bytes()).as_ref(), Ok(&info));
            let _ = dialogs.apply(info);
            assert!(dialogs.dialogs().len() <= MAX_ROWS);
        }
        if let Ok(info) = RegInfo::parse(body) {
            let _ = registrations.apply(info);
            assert!(registrations.active_contacts().count() <= MAX_ROWS);
        }
        if let Ok(info) = ConferenceInfo::parse(body) {
            let _ = conference.apply(info);
            assert!(conference.users().len() <= MAX_ROWS);
        }
        match Presence::parse(body) {
            Ok(mut presence) => {
                presence.activities.retain(|name| name.bytes().all(|byte| byte.is_ascii_alphabetic()));
                assert_eq!(Presence::parse(presence.write().as_bytes()).as_ref(), Ok(&presence));
                let _ = (presence.basic(), presence.note());
            }
            Err(error) => assert!(error.offset() <= body.len(), "{error}"),
        }
    }
}
