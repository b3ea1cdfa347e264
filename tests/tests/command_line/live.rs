//! `agent` for people: on a terminal, and where there is none.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use nix::pty::{Winsize, openpty};
use offhook_tests::programs::{SOON, offhook};
use offhook_tests::screen::{Cell, keep_cells};
use serde_json::json;

use crate::house::{House, with_input};

const ROWS: u16 = 20;
const COLUMNS: u16 = 90;

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n";

/// `offhook agent` on a terminal, and what is seen there.
struct Terminal {
    child: Child,
    keys: File,
    printed: Receiver<Vec<u8>>,
    screen: vt100::Parser,
}

impl Terminal {
    fn start(house: &House, user: &str) -> Terminal {
        let size = Winsize { ws_row: ROWS, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&size), None).expect("a terminal");
        let end = || Stdio::from(pty.slave.try_clone().expect("another of it"));
        let mut command = Command::new(offhook());
        command.args(["agent", "--aor", &format!("sip:{user}@sip.test"), "--server", &house.udp()]);
        command.env("OFFHOOK_PASSWORD", format!("{user}-secret")).env("TERM", "xterm-256color");
        command.env("XDG_CONFIG_HOME", "/nonexistent").stdin(end()).stdout(end()).stderr(end());
        let child = command.spawn().expect("offhook starts");
        drop(pty.slave);
        let keys = File::from(pty.master);
        let mut output = keys.try_clone().expect("another of it");
        let (told, printed) = mpsc::channel();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // It fails once nobody has the other end any more.
            while let Ok(read @ 1..) = output.read(&mut bytes) {
                if told.send(bytes[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        let (rows, columns) = (NonZeroU16::new(ROWS).unwrap(), NonZeroU16::new(COLUMNS).unwrap());
        Terminal { child, keys, printed, screen: vt100::Parser::new(rows, columns, 0) }
    }

    fn types(&mut self, text: &str) {
        self.keys.write_all(text.as_bytes()).expect("it reads keys");
    }

    /// Waits until this is seen.
    fn shows(&mut self, text: &str) {
        let deadline = Instant::now() + SOON;
        while !self.screen.screen().contents().contains(text) {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.printed.recv_timeout(left) {
                Ok(bytes) => self.screen.process(&bytes),
                Err(error) => panic!("{text:?} is not seen ({error}) on\n{}", self.screen.screen().contents()),
            }
        }
    }

    /// The screen with its colours.
    fn cells(&self) -> Vec<Vec<Cell>> {
        let screen = self.screen.screen();
        let cell = |row, column| {
            let cell = screen.cell(row, column).expect("it is on the screen");
            let colour = match cell.fgcolor() {
                vt100::Color::Idx(index) => Some(index),
                _ if cell.dim() => Some(8),
                _ => None,
            };
            Cell { text: cell.contents().to_owned(), colour, bold: cell.bold(), inverse: cell.inverse() }
        };
        (0..ROWS).map(|row| (0..COLUMNS).map(|column| cell(row, column)).collect()).collect()
    }

    fn ends(&mut self) -> Option<i32> {
        let deadline = Instant::now() + SOON;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "it goes on");
            // There is no way to wait for a child with a deadline.
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // One that has ended cannot be killed, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn calls_are_made_taken_held_and_ended_on_a_terminal() {
    let house = House::new();
    let (mut bob, mut carol) = (house.somebody("bob"), house.somebody("carol"));
    let mut alice = Terminal::start(&house, "alice");
    alice.shows("registered for ");
    alice.shows("no calls: call TARGET");
    alice.types("call bob\r");
    let call = bob.hears("incoming")["call"].clone();
    bob.must("ring", json!({ "call": call }));
    alice.shows("ringing");
    bob.must("answer", json!({ "call": call, "sdp": SDP }));
    alice.shows("talking");
    // F2 holds, and takes back.
    alice.types("\x1bOQ");
    alice.shows("on hold");
    alice.types("dtmf 42\r");
    assert_eq!(bob.hears("info")["dtmf"]["tone"], "4");
    let call = carol.must("call", json!({ "target": "alice", "sdp": SDP }))["call"].clone();
    alice.shows("from sip:carol@sip.test");
    alice.types("fly\r");
    alice.shows("'fly' is no order: type help");
    // The call that rings is answered by Enter, whichever is chosen.
    alice.types("\r");
    carol.reaches("state", "established");
    alice.shows("is answered");
    keep_cells("agent", &alice.cells());
    carol.must("hangup", json!({ "call": call }));
    alice.shows("they hung up");
    alice.types("message bob see you later\r");
    assert_eq!(bob.hears("message")["body"], "see you later");
    alice.types("hangup 1\r");
    bob.hears("ended");
    alice.types("quit\r");
    assert_eq!(alice.ends(), Some(0));
    bob.end();
    carol.end();
}

#[test]
fn a_call_is_transferred_from_a_terminal_and_ctrl_c_ends_everything() {
    let house = House::new();
    let mut bob = house.somebody("bob");
    let mut alice = Terminal::start(&house, "alice");
    alice.shows("registered for ");
    alice.types("c bob\r");
    let call = bob.hears("incoming")["call"].clone();
    bob.must("answer", json!({ "call": call, "sdp": SDP }));
    alice.shows("talking");
    alice.types("transfer carol\r");
    let asked = bob.hears("transferRequest");
    bob.must("rejectTransfer", json!({ "transfer": asked["transfer"], "status": 603 }));
    alice.shows("603");
    alice.types("\x03");
    assert_eq!(alice.ends(), Some(0));
    assert_eq!(bob.hears("ended")["end"]["by"], "remote");
    bob.end();
}

#[test]
fn without_a_terminal_orders_and_news_are_lines() {
    let house = House::new();
    let server = house.udp();
    let alice =
        [("OFFHOOK_AOR", "sip:alice@sip.test"), ("OFFHOOK_SERVER", &*server), ("OFFHOOK_PASSWORD", "alice-secret")];
    let ran = with_input(&["agent"], &alice, "help\ncall busy\nhold 7\nquit\n").ends().with_code(0);
    assert!(ran.out.contains("call TARGET"), "{ran:?}");
    assert!(ran.out.contains("there is no call 7"), "{ran:?}");
    assert!(!ran.out.contains('\x1b'), "{ran:?}");
    // The end of the input is a goodbye.
    with_input(&["agent", "--no-register"], &alice, "").ends().with_code(0);
}
