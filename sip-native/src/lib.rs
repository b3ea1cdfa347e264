//! The native driver of Offhook.
