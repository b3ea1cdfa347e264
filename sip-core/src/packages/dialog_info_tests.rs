use super::*;

const SAMPLE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
   <dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
     xsi:schemaLocation="urn:ietf:params:xml:ns:dialog-info"
     version="1" state="full">
     <dialog id="123456">
        <state>confirmed</state>
        <duration>274</duration>
        <local>
          <identity display="Alice">sip:alice@example.com</identity>
          <target uri="sip:alice@pc33.example.com">
            <param pname="isfocus" pval="true"/>
            <param pname="class" pval="personal"/>
          </target>
        </local>
        <remote>
          <identity display="Bob">sip:bob@example.org</identity>
          <target uri="sip:bobster@phone21.example.org"/>
        </remote>
     </dialog>
   </dialog-info>
"#;

fn address(display: &str, uri: &str) -> Option<Address> {
    Some(Address { display: Some(display.into()), uri: uri.into() })
}

/// A document with one line a dialog: `id state`.
fn info(version: u32, scope: Scope, dialogs: &[(&str, DialogState)]) -> DialogInfo {
    let dialogs = dialogs.iter().map(|(id, state)| DialogEntry::new(id, *state)).collect();
    DialogInfo { version, scope, entity: "sip:a@b".into(), dialogs }
}

#[test]
fn the_sample_of_the_rfc() {
    let info = DialogInfo::parse(SAMPLE.as_bytes()).unwrap();
    assert_eq!((info.version, info.scope, info.dialogs.len()), (1, Scope::Full, 1));
    let dialog = &info.dialogs[0];
    assert_eq!((&*dialog.id, dialog.state, dialog.duration), ("123456", DialogState::Confirmed, Some(274)));
    assert_eq!(dialog.local.identity, address("Alice", "sip:alice@example.com"));
    assert_eq!(dialog.local.target_params[1], ("class".into(), "personal".into()));
    assert_eq!(dialog.remote.target.as_deref(), Some("sip:bobster@phone21.example.org"));
    assert_eq!(dialog.replaces_value(), None);
    assert_eq!(DialogInfo::parse(info.write().as_bytes()), Ok(info));
}

#[test]
fn everything_is_written() {
    let mut dialog = DialogEntry::new("1 & \"2\"", DialogState::Terminated);
    dialog.call_id = Some("a84b4c76e66710".into());
    dialog.local_tag = Some("1928301774".into());
    dialog.remote_tag = Some("2".into());
    dialog.direction = Some(Direction::Recipient);
    dialog.event = Some("rejected".into());
    dialog.code = Some(486);
    dialog.replaces = Some(("hg287s98s89".into(), "6762h7".into(), "09278hsb".into()));
    dialog.referred_by = address("Bob", "sip:bob@example.com");
    dialog.route_set = vec!["<sip:p1;lr>".into(), "<sip:p2;lr>".into()];
    dialog.local.cseq = Some(5);
    dialog.local.session_description = Some(("application/sdp".into(), "v=0\r\no=x".into()));
    dialog.remote.target_params = vec![("+sip.rendering".into(), "no".into())];
    assert_eq!(dialog.remote.is_rendering(), Some(false));
    assert_eq!(dialog.local.is_rendering(), None);
    assert_eq!(dialog.replaces_value().as_deref(), Some("a84b4c76e66710;to-tag=1928301774;from-tag=2"));
    let info = DialogInfo { dialogs: vec![dialog], ..info(7, Scope::Partial, &[]) };
    let read = DialogInfo::parse(info.write().as_bytes()).unwrap();
    // An empty target URI is none.
    assert_eq!(read, info);
}

#[test]
fn partial_documents_change_rows() {
    use DialogState::{Confirmed, Early, Terminated, Trying};
    let ids = |state: &DialogInfoState| -> Vec<(String, DialogState)> {
        state.dialogs().iter().map(|dialog| (dialog.id.to_string(), dialog.state)).collect()
    };
    let mut state = DialogInfoState::new();
    assert_eq!(state.apply(info(0, Scope::Full, &[("a", Early), ("b", Confirmed)])), Applied::Updated);
    assert_eq!(state.apply(info(1, Scope::Partial, &[("a", Terminated), ("c", Trying)])), Applied::Updated);
    assert_eq!(ids(&state), [("a".into(), Terminated), ("b".into(), Confirmed), ("c".into(), Trying)]);
    assert_eq!(state.apply(info(1, Scope::Partial, &[("b", Terminated)])), Applied::Stale);
    assert_eq!(state.apply(info(4, Scope::Partial, &[("c", Early)])), Applied::Incomplete);
    assert_eq!(ids(&state), [("b".into(), Confirmed), ("c".into(), Early)]);
    assert_eq!(state.dialog("c").unwrap().state, Early);
    assert_eq!(state.apply(info(5, Scope::Full, &[])), Applied::Updated);
    assert!(state.dialogs().is_empty());
}

#[test]
fn rows_are_bounded() {
    let names: Vec<String> = (0..=MAX_ROWS).map(|at| at.to_string()).collect();
    let all: Vec<_> = names.iter().map(|name| (name.as_str(), DialogState::Early)).collect();
    let mut state = DialogInfoState::new();
    assert_eq!(state.apply(info(0, Scope::Full, &all)), Applied::Incomplete);
    assert_eq!(state.dialogs().len(), MAX_ROWS);
}

#[test]
fn errors_say_where() {
    let of = |body: &str| DialogInfo::parse(body.as_bytes()).unwrap_err().to_string();
    assert_eq!(of("<dialog-info/>"), "dialog-info: expected a version at byte 0");
    assert_eq!(of("<dialog-info version='x'/>"), "dialog-info: expected a version at byte 0");
    assert_eq!(of("<dialog-info version='1' state='x'/>"), "dialog-info: expected full or partial at byte 0");
    let with = |dialog: &str| of(&["<dialog-info version='1' state='full'>", dialog, "</dialog-info>"].concat());
    assert_eq!(with("<dialog/>"), "dialog-info: expected an id at byte 38");
    assert_eq!(with("<dialog id='1'/>"), "dialog-info: expected a state at byte 38");
    assert_eq!(
        with("<dialog id='1'><state>x</state></dialog>"),
        "dialog-info: expected a state of a dialog at byte 53"
    );
    assert_eq!(of("<presence/>"), "dialog-info: expected the root element of the package at byte 0");
}

#[test]
fn unknown_things_are_passed_over() {
    let body = "<d:dialog-info xmlns:d='urn:ietf:params:xml:ns:dialog-info' xmlns:sa='urn:x' version=' 3 ' state='full'
        entity='sip:a@b' x='y'><sa:dialog/><d:dialog id='1' direction='sideways' sa:id='2'><sa:state>x</sa:state>
        <d:state event='' code='many'> Confirmed </d:state><d:duration>-1</d:duration><sa:appearance>1</sa:appearance>
        <d:local><sa:x/><d:identity display-name='A'>sip:a@b</d:identity></d:local></d:dialog></d:dialog-info>";
    let info = DialogInfo::parse(body.as_bytes()).unwrap();
    let dialog = &info.dialogs[0];
    assert_eq!((info.version, &*dialog.id, dialog.state), (3, "1", DialogState::Confirmed));
    assert_eq!((dialog.event.as_deref(), dialog.code, dialog.duration, dialog.direction), (None, None, None, None));
    assert_eq!(dialog.local.identity, address("A", "sip:a@b"));
}
