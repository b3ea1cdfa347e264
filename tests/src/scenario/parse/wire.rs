//! What passes on the wire, what scripted peers send, and what the network does to it.

use super::super::script::{Fault, Flying, Lines, Scenario, Send, Sent, Wire};
use super::super::words::Words;
use super::{DIRECTIONS, Result, read_duration};

pub(super) fn read_wire(who: usize, sends: bool, never: bool, words: &mut Words, more: &[&str]) -> Result<Wire> {
    let label = read_label(words)?;
    let again = words.skip("again");
    let mut lines = Vec::new();
    for line in more {
        match line.strip_prefix("no ") {
            Some(name) => lines.push((name.trim().to_owned(), None)),
            None => {
                let (name, value) = line.split_once(':').ok_or("`Name: what it looks like`, or `no Name`")?;
                lines.push((name.trim().to_owned(), Some(value.trim().to_owned())));
            }
        }
    }
    Ok(Wire { who, sends, label, never, again, lines })
}

/// `INVITE`, `180`, `200 to BYE`.
fn read_label(words: &mut Words) -> Result<String> {
    let mut label = words.expect("a message")?;
    if label.parse::<u16>().is_ok() && words.skip("to") {
        label = format!("{label} {}", words.expect("a method")?);
    }
    Ok(label)
}

pub(super) fn read_send(who: usize, words: &mut Words, more: &[&str]) -> Result<Send> {
    words.take_all(&["send"])?;
    let what = words.expect("what")?;
    let what = if what == "again" {
        Sent::Again
    } else if what == "pong" {
        Sent::Pong
    } else if let Ok(status) = what.parse() {
        let method = if words.skip("to") { Some(words.expect("a method")?) } else { None };
        Sent::Response(status, method)
    } else {
        let to = if words.skip("to") { Some(words.expect("whom")?) } else { None };
        Sent::Request(what, to)
    };
    let (mut description, mut offers, mut tag) = (None, false, None);
    while let Some(word) = words.next() {
        match word.as_str() {
            "with" => match words.expect("what")?.as_str() {
                kind @ ("offer" | "answer" | "media") => {
                    offers = kind == "offer";
                    let direction = DIRECTIONS.into_iter().find(|direction| words.skip(direction));
                    description = Some(direction.unwrap_or("sendrecv").to_owned());
                }
                "tag" => tag = Some(words.expect("a tag")?),
                "the" => {
                    words.take_all(&["same", "description"])?;
                    description = Some("same".to_owned());
                }
                other => return Err(format!("with {other}? offer, answer, media, the same description or tag")),
            },
            "," | "and" => {}
            other => return Err(format!("what is `{other}`?")),
        }
    }
    let (lines, body) = read_lines(more)?;
    Ok(Send { who, what, description, offers, tag, lines, body })
}

/// Header lines, then perhaps an empty one and a body.
pub(super) fn read_lines(more: &[&str]) -> Result<(Lines, Option<String>)> {
    let mut lines = Vec::new();
    let mut more = more.iter();
    for line in more.by_ref() {
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or("a header line is `Name: value`")?;
        lines.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    let body: Vec<&str> = more.copied().collect();
    Ok((lines, (!body.is_empty()).then(|| body.join("\r\n"))))
}

pub(super) fn read_fault(scenario: &Scenario, words: &mut Words) -> Result<Fault> {
    let role = |words: &mut Words| {
        let name = words.expect("whom")?;
        scenario.role(&name).ok_or_else(|| format!("who is {name}?"))
    };
    let flying = |words: &mut Words| -> Result<Flying> {
        let label = read_label(words)?;
        words.take_all(&["from"])?;
        Ok(Flying { from: role(words)?, label })
    };
    Ok(match words.expect("what it does")?.as_str() {
        "loses" => {
            let flying = flying(words)?;
            let times = match words.next().as_deref() {
                None | Some("once") => 1,
                Some("twice") => 2,
                Some(number) => {
                    words.take_all(&["times"])?;
                    number.parse().map_err(|_| format!("how often is `{number}`?"))?
                }
            };
            Fault::Loses(flying, times)
        }
        "delays" => {
            let flying = flying(words)?;
            words.take_all(&["by"])?;
            Fault::Delays(flying, read_duration(words)?)
        }
        "doubles" => Fault::Doubles(flying(words)?),
        "cuts" => {
            words.take_all(&["off"])?;
            Fault::CutsOff(role(words)?)
        }
        "rejoins" => Fault::Rejoins(role(words)?),
        "breaks" => {
            words.take_all(&["the"])?;
            let which = ["first", "second"].into_iter().position(|which| words.skip(which));
            words.take_all(&["connection", "of"])?;
            Fault::Breaks(role(words)?, which)
        }
        other => return Err(format!("the network cannot `{other}`")),
    })
}
