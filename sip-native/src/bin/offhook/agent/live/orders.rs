//! What is typed, read: one order a line.

/// What somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Call(String),
    /// With a call's number, or of the chosen one.
    Answer(Option<u32>),
    Reject(Option<u32>, u16),
    HangUp(Option<u32>),
    Hold(Option<u32>),
    Resume(Option<u32>),
    Digits(Option<u32>, String),
    Transfer(Option<u32>, String),
    /// Bring two calls together.
    Join(u32, u32),
    Message(String, String),
    Register,
    Unregister,
    /// To whoever asks for a transfer.
    Consent(bool),
    Help,
    Quit,
}

/// The orders, for people.
pub(super) const HELP: [&str; 13] = [
    "call TARGET             c  call somebody",
    "answer [CALL]           a  answer the call that rings",
    "reject [CALL] [STATUS]  r  refuse it, with 486 unless another is said",
    "hangup [CALL]           h  end a call in whatever state",
    "hold [CALL], resume [CALL]",
    "dtmf [CALL] DIGITS      d  send digits by INFO",
    "transfer [CALL] TARGET  t  send the other side to somebody else",
    "join CALL CALL          j  bring two calls together and leave",
    "yes, no                    to whoever asks us for a transfer",
    "message TARGET TEXT     m  send an instant message",
    "register, unregister",
    "quit                    q  end all calls, unregister and go",
    "CALL is the number in front; without it the chosen call is meant",
];

/// Reads a line; nothing for a blank one.
pub(super) fn read(line: &str) -> Result<Option<Order>, String> {
    let mut words = line.split_whitespace();
    let Some(verb) = words.next() else { return Ok(None) };
    let rest: Vec<&str> = words.collect();
    let no_more = |at: usize| match rest.get(at) {
        None => Ok(()),
        Some(word) => Err(format!("{verb}: what is '{word}'? Type help")),
    };
    let number = |at: usize| -> Result<Option<u32>, String> {
        let word = rest.get(at).map(|word| word.trim_start_matches('#'));
        word.map(|word| word.parse().map_err(|_| format!("{verb}: '{word}' is no call's number"))).transpose()
    };
    // A number first, where something else follows it.
    let numbered = || -> (Option<u32>, &[&str]) {
        match rest.as_slice() {
            [first, others @ ..] if !others.is_empty() && first.parse::<u32>().is_ok() => (first.parse().ok(), others),
            all => (None, all),
        }
    };
    let of_a_call = |order: fn(Option<u32>) -> Order| -> Result<Order, String> {
        no_more(1)?;
        Ok(order(number(0)?))
    };
    let order = match verb.to_ascii_lowercase().as_str() {
        "call" | "c" | "dial" => {
            no_more(1)?;
            Order::Call(crate::session::complete(rest.first().ok_or("call: whom?")?))
        }
        "answer" | "a" => of_a_call(Order::Answer)?,
        "hangup" | "h" | "bye" => of_a_call(Order::HangUp)?,
        "hold" => of_a_call(Order::Hold)?,
        "resume" | "unhold" => of_a_call(Order::Resume)?,
        "reject" | "r" => {
            // A single number that is a status is one.
            let status = |word: &&str| word.parse::<u16>().ok().filter(|status| (300..700).contains(status));
            match rest.as_slice() {
                [] => Order::Reject(None, 486),
                [only] => match status(only) {
                    Some(status) => Order::Reject(None, status),
                    None => Order::Reject(number(0)?, 486),
                },
                [_, word, ..] => {
                    no_more(2)?;
                    let status =
                        status(word).ok_or_else(|| format!("reject: '{word}' is no status from 300 to 699"))?;
                    Order::Reject(number(0)?, status)
                }
            }
        }
        "dtmf" | "d" => {
            let (call, digits) = numbered();
            let digits: String = digits.concat();
            if digits.is_empty() || !digits.chars().all(|digit| "0123456789*#ABCDabcd".contains(digit)) {
                return Err("dtmf: digits are 0-9, *, #, A-D".into());
            }
            Order::Digits(call, digits.to_ascii_uppercase())
        }
        "transfer" | "t" | "refer" => {
            let (call, target) = numbered();
            match target {
                [target] => Order::Transfer(call, crate::session::complete(target)),
                _ => return Err("transfer: to whom?".into()),
            }
        }
        "join" | "j" => {
            no_more(2)?;
            match (number(0)?, number(1)?) {
                (Some(one), Some(other)) if one != other => Order::Join(one, other),
                _ => return Err("join: two calls, e.g. join 1 2".into()),
            }
        }
        "message" | "m" => {
            let after = line.trim_start().get(verb.len()..).unwrap_or_default().trim_start();
            let (target, text) = after.split_once(char::is_whitespace).ok_or("message: to whom, and what?")?;
            Order::Message(crate::session::complete(target), text.trim().to_owned())
        }
        "register" => Order::Register,
        "unregister" => Order::Unregister,
        "yes" | "y" => Order::Consent(true),
        "no" | "n" => Order::Consent(false),
        "help" | "?" => Order::Help,
        "quit" | "q" | "exit" => Order::Quit,
        _ => return Err(format!("'{verb}' is no order: type help")),
    };
    Ok(Some(order))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_read_with_and_without_numbers() {
        let order = |line| read(line).unwrap().unwrap();
        assert_eq!(order("call bob@example.com"), Order::Call("sip:bob@example.com".into()));
        assert_eq!(order(" A "), Order::Answer(None));
        assert_eq!(order("hangup #2"), Order::HangUp(Some(2)));
        assert_eq!(order("r"), Order::Reject(None, 486));
        assert_eq!(order("r 603"), Order::Reject(None, 603));
        assert_eq!(order("r 2 480"), Order::Reject(Some(2), 480));
        assert_eq!(order("dtmf 42#"), Order::Digits(None, "42#".into()));
        assert_eq!(order("dtmf 2 1a"), Order::Digits(Some(2), "1A".into()));
        assert_eq!(order("t 100"), Order::Transfer(None, "100".into()));
        assert_eq!(order("t 1 carol"), Order::Transfer(Some(1), "carol".into()));
        assert_eq!(order("join 1 2"), Order::Join(1, 2));
        assert_eq!(order("message bob lunch  at one?"), Order::Message("bob".into(), "lunch  at one?".into()));
        assert_eq!(read("  "), Ok(None));
    }

    #[test]
    fn what_is_no_order_says_why() {
        for wrong in
            ["fly", "call", "call a b", "answer x", "hold 1 2", "r 1 99", "dtmf", "dtmf 1x", "t", "join 1 1", "m bob"]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
