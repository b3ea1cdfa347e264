//! Users that nobody has to register: they answer as tests need it.

use offhook_core::message::StatusCode;

/// What a test target does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TestTarget {
    /// Answers at once.
    Status(StatusCode),
    /// Says 100 and no more, until it is cancelled or Timer C fires.
    Blackhole,
    /// Rings until it is cancelled or Timer C fires.
    Ringing,
}

impl TestTarget {
    /// The target a user part names: `status-300` to `status-699`, `busy`, `decline`, `ringing`, `blackhole`.
    pub(super) fn parse(user: &str) -> Option<TestTarget> {
        let status = |code: u16| StatusCode::new(code).filter(|_| code >= 300).map(TestTarget::Status);
        match user {
            "busy" => status(486),
            "decline" => status(603),
            "ringing" => Some(TestTarget::Ringing),
            "blackhole" => Some(TestTarget::Blackhole),
            _ => status(user.strip_prefix("status-")?.parse().ok()?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_final_failures_can_be_asked_for() {
        assert_eq!(TestTarget::parse("status-486"), TestTarget::parse("busy"));
        assert!(TestTarget::parse("status-699").is_some());
        for user in ["status-180", "status-200", "status-700", "status-", "status-+486x", "alice"] {
            assert_eq!(TestTarget::parse(user), None, "{user}");
        }
    }
}
