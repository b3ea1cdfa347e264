//! What an application tells of its dialogs (RFC 4235), and reads of those of others.

use offhook_core::packages::Scope;
use offhook_core::packages::dialog_info::{DialogEntry, DialogInfo, DialogState};

/// Its media type.
pub(super) const DIALOG: &str = "application/dialog-info+xml";

const STATES: [(&str, DialogState); 3] =
    [("early", DialogState::Early), ("confirmed", DialogState::Confirmed), ("terminated", DialogState::Terminated)];

/// That the one dialog of `name` is in this state; versions grow.
pub(super) fn dialog(name: &str, version: u64, state: &str) -> Result<String, String> {
    let state = STATES.into_iter().find(|(word, _)| *word == state).map(|(_, state)| state);
    let state = state.ok_or("a dialog is early, confirmed or terminated")?;
    let info = DialogInfo {
        version: u32::try_from(version).unwrap_or(u32::MAX),
        scope: Scope::Full,
        entity: format!("sip:{name}@example.com").into(),
        dialogs: vec![DialogEntry::new("1", state)],
    };
    Ok(info.write())
}

/// The state of the one dialog that is told of; nothing where there is none.
pub(super) fn state(body: &str) -> Option<&'static str> {
    let info = DialogInfo::parse(body.as_bytes()).ok()?;
    let [entry] = &*info.dialogs else { return None };
    STATES.into_iter().find(|(_, state)| *state == entry.state).map(|(word, _)| word)
}
