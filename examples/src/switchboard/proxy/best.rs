//! The best of several responses (RFC 3261 16.7 steps 6 and 7).

use std::sync::Arc;

use offhook_core::message::{Name, Response, StatusCode};

/// A final response, of a branch or of our own.
#[derive(Clone, Debug)]
pub(super) enum Candidate {
    Response(Arc<Response>),
    Own(StatusCode),
}

impl Candidate {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Candidate::Response(response) => response.status(),
            Candidate::Own(status) => *status,
        }
    }
}

/// The best of what came so far, and the challenges of all who want credentials.
#[derive(Debug, Default)]
pub(super) struct Best {
    candidate: Option<Candidate>,
    challenges: Vec<Challenge>,
}

#[derive(Debug)]
struct Challenge {
    from: Arc<Response>,
    name: Name,
    value: Vec<u8>,
}

impl Best {
    pub(super) fn offer(&mut self, candidate: Candidate) {
        if let Candidate::Response(response) = &candidate
            && matches!(response.status().code(), 401 | 407)
        {
            for name in [Name::WwwAuthenticate, Name::ProxyAuthenticate] {
                let values = response.raw(name).map(<[u8]>::to_vec);
                self.challenges.extend(values.map(|value| Challenge { from: response.clone(), name, value }));
            }
        }
        if self.candidate.as_ref().is_none_or(|best| rank(candidate.status()) < rank(best.status())) {
            self.candidate = Some(candidate);
        }
    }

    pub(super) fn take(&mut self) -> Option<Candidate> {
        self.candidate.take()
    }

    /// The challenges of the other branches, if `best` is a challenge: the caller answers all of them at once.
    pub(super) fn other_challenges(&self, best: &Arc<Response>) -> Vec<(Name, Vec<u8>)> {
        if !matches!(best.status().code(), 401 | 407) {
            return Vec::new();
        }
        let others = self.challenges.iter().filter(|challenge| !Arc::ptr_eq(&challenge.from, best));
        others.map(|challenge| (challenge.name, challenge.value.clone())).collect()
    }
}

/// Less is better: any 6xx first, then the lowest class; among 4xx those first that tell the caller what to change, and
/// last those that say least about the user.
fn rank(status: StatusCode) -> (u16, u8) {
    let class = match status.code() / 100 {
        6 => 0,
        class => class,
    };
    let within = match status.code() {
        401 | 407 => 0,
        415 | 420 | 484 => 1,
        480 => 3,
        408 => 4,
        430 => 5,
        487 => 6,
        503 => 4,
        _ => 2,
    };
    (class, within)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(codes: &[u16]) -> u16 {
        let mut best = Best::default();
        codes.iter().for_each(|code| best.offer(Candidate::Own(StatusCode::new(*code).unwrap())));
        best.take().unwrap().status().code()
    }

    #[test]
    fn the_order_is_that_of_the_rfc() {
        assert_eq!(best(&[486, 603, 302]), 603);
        assert_eq!(best(&[500, 486, 302]), 302);
        assert_eq!(best(&[486, 407]), 407);
        assert_eq!(best(&[408, 486, 480]), 486);
        assert_eq!(best(&[503, 500]), 500);
        assert_eq!(best(&[487, 408]), 408);
    }

    #[test]
    fn the_first_of_equals_wins() {
        assert_eq!(best(&[486, 404]), 486);
        assert_eq!(best(&[404, 486]), 404);
    }
}
