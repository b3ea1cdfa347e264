//! The browser driver of Offhook.
