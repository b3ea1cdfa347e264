//! The agent as somebody uses it: orders become commands, results are told.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use offhook::Handle;
use offhook::core::control::{Command, Control, Kind, Notification, ResultValue};
use offhook::core::sdp::SdpRef;
use offhook::core::sdp::negotiate::{Capabilities, Local, answer, offer};

use super::desk::{Desk, Line, Tone, words};
use super::orders::{HELP, Order, read};

/// The port that descriptions name; nothing is sent there or from there.
const PORT: u16 = 40_000;

/// Whether it goes on.
pub(super) enum Next {
    Go,
    Quit,
}

pub(super) struct Phone {
    pub(super) desk: Desk,
    handle: Handle<Control>,
    address: IpAddr,
    number: u32,
    /// What each command that is not done yet was for.
    asked: HashMap<u32, Asked>,
}

enum Asked {
    Call(String),
    /// In words, for when it fails.
    Other(&'static str),
    Message,
}

impl Phone {
    pub(super) fn new(desk: Desk, handle: Handle<Control>, address: IpAddr) -> Phone {
        let address = if address.is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { address };
        Phone { desk, handle, address, number: 0, asked: HashMap::new() }
    }

    /// Gives a command.
    fn tell(&mut self, kind: Kind, asked: Asked, fill: impl FnOnce(&mut Command)) {
        self.number += 1;
        let mut command = Command::new(self.number, kind);
        fill(&mut command);
        self.asked.insert(self.number, asked);
        // An agent that has stopped has said so.
        let _ = self.handle.post(move |control, now| control.command(now, command));
    }

    pub(super) fn register(&mut self) {
        self.tell(Kind::Register, Asked::Other("register"), |_| {});
    }

    pub(super) fn shutdown(&mut self) {
        self.tell(Kind::Shutdown, Asked::Other("quit"), |_| {});
    }

    pub(super) fn hear(&mut self, said: &Notification) {
        let now = Instant::now();
        match said {
            Notification::Result { id, value } => match (self.asked.remove(id), value) {
                (Some(Asked::Call(target)), ResultValue::Call { call, .. }) => self.desk.calls(*call, &target),
                (Some(Asked::Message), _) => self.desk.say(now, Tone::Plain, "the message has come"),
                _ => {}
            },
            Notification::Error { id, error } => {
                let what = match self.asked.remove(id) {
                    Some(Asked::Other(what)) => what,
                    Some(Asked::Call(_)) => "call",
                    Some(Asked::Message) => "message",
                    None => "",
                };
                // The end of a call says the rest itself, and the registration too.
                if what != "register" {
                    self.desk.say(now, Tone::Bad, format!("{what}: {}", words(error)));
                }
            }
            Notification::Offer { call, sdp: None, .. } => {
                let (call, sdp) = (*call, self.offered());
                self.tell(Kind::AcceptOffer, Asked::Other("answer"), |command| {
                    (command.call, command.sdp) = (Some(call), Some(sdp));
                });
            }
            Notification::Incoming { call, .. } => {
                self.desk.hear(said, now);
                let call = *call;
                self.tell(Kind::Ring, Asked::Other("ring"), |command| command.call = Some(call));
            }
            said => self.desk.hear(said, now),
        }
    }

    /// Says what is else seen at the top.
    pub(super) fn tell_changes(&mut self, before: &(String, String)) {
        let now = Instant::now();
        if self.desk.transport != before.1 {
            let words = self.desk.transport.clone();
            self.desk.say(now, Tone::Plain, words);
        }
        if self.desk.registration != before.0 {
            let words = self.desk.registration.clone();
            self.desk.say(now, Tone::Plain, words);
        }
    }

    /// Does what is typed.
    pub(super) fn obey(&mut self, text: &str) -> Next {
        let now = Instant::now();
        self.desk.say(now, Tone::Own, format!("> {}", text.trim()));
        let done = match read(text) {
            Ok(None) => Ok(()),
            Ok(Some(Order::Quit)) => return Next::Quit,
            Ok(Some(order)) => self.carry_out(order),
            Err(words) => Err(words),
        };
        if let Err(words) = done {
            self.desk.say(now, Tone::Bad, words);
        }
        Next::Go
    }

    fn carry_out(&mut self, order: Order) -> Result<(), String> {
        match order {
            Order::Call(target) => {
                let sdp = self.offered();
                self.tell(Kind::Call, Asked::Call(target.clone()), |command| {
                    (command.target, command.sdp) = (Some(target), Some(sdp));
                });
            }
            Order::Answer(call) => {
                let waiting = || self.desk.calls.iter().find(|line| line.waits()).map(|line| line.call);
                let chosen = self.desk.chosen.filter(|chosen| self.desk.line(*chosen).is_some_and(Line::waits));
                let call = call.or(chosen).or_else(waiting).ok_or("nobody calls")?;
                self.answer(call)?;
            }
            Order::Reject(call, status) => {
                let call = self.meant(call)?;
                self.tell(Kind::Reject, Asked::Other("reject"), |command| {
                    (command.call, command.status) = (Some(call), Some(status));
                });
            }
            Order::HangUp(call) => self.of_call(Kind::Hangup, "hangup", call)?,
            Order::Hold(call) => self.of_call(Kind::Hold, "hold", call)?,
            Order::Resume(call) => self.of_call(Kind::Resume, "resume", call)?,
            Order::Digits(call, digits) => {
                let call = self.meant(call)?;
                for digit in digits.chars() {
                    self.tell(Kind::Dtmf, Asked::Other("dtmf"), |command| {
                        (command.call, command.tone) = (Some(call), Some(digit.to_string()));
                    });
                }
            }
            Order::Transfer(call, target) => {
                let call = self.meant(call)?;
                self.tell(Kind::Transfer, Asked::Other("transfer"), |command| {
                    (command.call, command.target) = (Some(call), Some(target));
                });
            }
            Order::Join(one, other) => {
                let (one, other) = (self.meant(Some(one))?, self.meant(Some(other))?);
                self.tell(Kind::TransferTo, Asked::Other("join"), |command| {
                    (command.call, command.other) = (Some(one), Some(other));
                });
            }
            Order::Message(target, text) => self.tell(Kind::Message, Asked::Message, |command| {
                (command.target, command.body) = (Some(target), Some(text));
                command.content_type = Some("text/plain".into());
            }),
            Order::Register => self.register(),
            Order::Unregister => self.tell(Kind::Unregister, Asked::Other("unregister"), |_| {}),
            Order::Consent(yes) => {
                let transfer = self.desk.asked.take().ok_or("nobody asks for a transfer")?;
                let (kind, sdp) =
                    if yes { (Kind::AcceptTransfer, self.offered()) } else { (Kind::RejectTransfer, String::new()) };
                let asked = if yes { Asked::Call("whom we were asked to".into()) } else { Asked::Other("no") };
                self.tell(kind, asked, |command| {
                    command.transfer = Some(transfer);
                    command.sdp = yes.then_some(sdp);
                    command.status = (!yes).then_some(603);
                });
            }
            Order::Help => {
                let now = Instant::now();
                HELP.iter().for_each(|line| self.desk.say(now, Tone::Plain, *line));
            }
            Order::Quit => {}
        }
        Ok(())
    }

    pub(super) fn answer_chosen(&mut self) {
        if let Err(words) = self.carry_out(Order::Answer(None)) {
            self.desk.say(Instant::now(), Tone::Bad, words);
        }
    }

    pub(super) fn hang_up_chosen(&mut self) {
        if let Err(words) = self.carry_out(Order::HangUp(None)) {
            self.desk.say(Instant::now(), Tone::Bad, words);
        }
    }

    pub(super) fn toggle_hold(&mut self) {
        let held = self.desk.chosen.and_then(|chosen| self.desk.line(chosen)).is_some_and(|line| line.hold.0);
        let order = if held { Order::Resume(None) } else { Order::Hold(None) };
        if let Err(words) = self.carry_out(order) {
            self.desk.say(Instant::now(), Tone::Bad, words);
        }
    }

    /// The call of that number, or the chosen one, which must be there.
    fn meant(&self, call: Option<u32>) -> Result<u32, String> {
        let meant = call.or(self.desk.chosen).ok_or("there is no call")?;
        let there = self.desk.line(meant).is_some_and(|line| line.over.is_none());
        if there { Ok(meant) } else { Err(format!("there is no call {meant}")) }
    }

    fn of_call(&mut self, kind: Kind, what: &'static str, call: Option<u32>) -> Result<(), String> {
        let call = self.meant(call)?;
        self.tell(kind, Asked::Other(what), |command| command.call = Some(call));
        Ok(())
    }

    fn answer(&mut self, call: u32) -> Result<(), String> {
        let line = self.desk.line(call).ok_or_else(|| format!("there is no call {call}"))?;
        let sdp = match &line.offered {
            None => self.offered(),
            Some(offered) => {
                let offered = SdpRef::parse(offered.as_bytes()).map_err(|error| error.to_string())?;
                let answered = answer(&offered, &Capabilities::default(), &Local::new(self.address, PORT));
                let (sdp, _) = answered.map_err(|error| format!("{error}: reject it with 488"))?;
                sdp.to_string()
            }
        };
        self.tell(Kind::Answer, Asked::Other("answer"), |command| {
            (command.call, command.sdp) = (Some(call), Some(sdp));
        });
        Ok(())
    }

    /// What this side offers.
    fn offered(&self) -> String {
        offer(&Capabilities::default(), &Local::new(self.address, PORT)).to_string()
    }
}
