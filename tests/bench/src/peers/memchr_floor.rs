//! The floor: finding the line ends of the head and nothing else; copying the bytes of a response and nothing else.

use std::hint::black_box;

use offhook_workload::messages;

use super::Turn;

/// Every line of the head, until the blank one.
pub fn lines() -> Turn {
    let invite = messages::invite();
    Box::new(move || {
        let message: &[u8] = black_box(&invite);
        let (mut start, mut fields) = (0, 0_usize);
        for end in memchr::memchr_iter(b'\n', message) {
            if end == start + 1 {
                break;
            }
            start = end + 1;
            fields += 1;
        }
        black_box(fields);
    })
}

/// As many bytes as the 200 has, into fresh memory.
pub fn copy() -> Turn {
    let response = super::ours::response();
    Box::new(move || drop(black_box(response.to_vec())))
}
