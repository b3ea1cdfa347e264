//! skeleton
/// A status code, 100 to 699.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatusCode(u16);
impl StatusCode {
    pub const TRYING: StatusCode = StatusCode(100);
    pub const RINGING: StatusCode = StatusCode(180);
    pub const OK: StatusCode = StatusCode(200);
    pub const fn new(code: u16) -> Option<StatusCode> { if code >= 100 && code <= 699 { Some(StatusCode(code)) } else { None } }
    pub const fn code(self) -> u16 { self.0 }
    /// The RFC's reason phrase.
    pub fn reason(self) -> &'static str { todo!() }
    pub const fn is_provisional(self) -> bool { self.0 < 200 }
    pub const fn is_final(self) -> bool { self.0 >= 200 }
    pub const fn is_success(self) -> bool { self.0 >= 200 && self.0 < 300 }
    pub const fn is_redirect(self) -> bool { self.0 >= 300 && self.0 < 400 }
}
