//! The programs that talk: played files, recordings, an echo, a bridge between two kinds of call, a voice agent, each as a
//! process; what is heard is found again by its frequency.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use offhook::UserAgent;
use offhook::core::message::StatusCode;
use offhook::media::{Audio, Codec, Line, Media, Options, Recorder, Tone, tone_level};
use offhook_examples::switchboard::web::Site;
use offhook_examples::switchboard::{Config, Listen, Server};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// Everything here takes a few seconds. What has not happened by then never will.
const PATIENCE: Duration = Duration::from_secs(60);

const RATE: u32 = 16_000;

struct World {
    switchboard: Server,
    server: String,
    folder: PathBuf,
}

impl World {
    fn start(name: &str) -> World {
        let localhost = (Ipv4Addr::LOCALHOST, 0).into();
        let config = Config { domains: vec!["offhook.test".into()], ..Config::default() };
        let listen = Listen { udp: Some(localhost), tcp: None, http: Some(localhost), ..Listen::default() };
        let switchboard = Server::start(config, listen, Site::of_source_tree(), |_| {}).expect("free ports");
        let server = switchboard.websocket().expect("it serves WebSockets");
        let folder = std::env::temp_dir().join(format!("offhook-audio-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder for the files");
        World { switchboard, server, folder }
    }

    async fn agent(&self, user: &str) -> UserAgent {
        let agent = UserAgent::builder(&format!("sip:{user}@offhook.test"))
            .server(&self.server)
            .password(format!("{user}-secret"))
            .connect()
            .await
            .expect("the switchboard is up");
        agent.register().await.expect("everybody may register");
        agent
    }

    /// A program that is registered.
    async fn program(&self, path: &str, user: &str, more: &[&str]) -> Program {
        let aor = format!("sip:{user}@offhook.test");
        let mut command = Command::new(path);
        command.args(["--server", &self.server, "--aor", &aor]).args(more);
        let mut program = Program::start(command.env("OFFHOOK_PASSWORD", format!("{user}-secret")));
        program.says(&format!("registered {aor}")).await;
        program
    }

    async fn end(self) {
        self.switchboard.stop().await;
        // Only files are left if it stays.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

struct Program {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Program {
    fn start(command: &mut Command) -> Program {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        Program { child, lines }
    }

    /// Waits for a line that begins so.
    async fn says(&mut self, wanted: &str) -> String {
        let reading = async {
            loop {
                let line =
                    self.lines.next_line().await.expect("text").unwrap_or_else(|| panic!("it never says {wanted}"));
                if line.starts_with(wanted) {
                    return line;
                }
            }
        };
        timeout(PATIENCE, reading).await.unwrap_or_else(|_| panic!("it does not say {wanted}"))
    }

    async fn types(&mut self, line: &str) {
        let stdin = self.child.stdin.as_mut().expect("it is piped");
        stdin.write_all(format!("{line}\n").as_bytes()).await.expect("it reads");
    }

    async fn ends(mut self) {
        let status = timeout(PATIENCE, self.child.wait()).await.expect("it ends by itself").expect("it is ours");
        assert!(status.success(), "{status}");
    }
}

/// A file with a tone.
fn write_tone(path: &Path, frequency: f64, seconds: u32) {
    let mut recorder = Recorder::create(path, RATE).expect("a file");
    let tone = Tone { duration: Some(Duration::from_secs(seconds.into())), ..Tone::new(frequency) };
    let samples: Vec<i16> = tone.source(RATE).collect();
    let stamp = offhook::media::Stamp { rate: RATE, time: 0, at: std::time::Instant::now() };
    offhook::media::Sink::take(&mut recorder, stamp, &samples);
}

/// The loudest that a tone is in any fifth of a second of a file, in dBov.
fn loudest(path: &Path, frequency: f64) -> f64 {
    let mut reader = hound::WavReader::open(path).expect("a recording");
    let rate = reader.spec().sample_rate;
    let samples: Vec<i16> = reader.samples().map(|sample| sample.expect("a sample")).collect();
    samples.chunks(rate as usize / 5).map(|part| tone_level(part, rate, frequency)).fold(-127.0, f64::max)
}

/// Waits until a tone is heard on a line, at that level in dBov or near it.
async fn hears(line: &mut Line, frequency: f64, level: f64) {
    let mut heard = Vec::new();
    let listening = async {
        loop {
            heard.extend(line.hear().await.expect("the call goes on"));
            let from = heard.len().saturating_sub(RATE as usize / 2);
            let now = tone_level(&heard[from..], RATE, frequency);
            if heard.len() > RATE as usize / 2 && (now - level).abs() < 1.5 {
                return;
            }
        }
    };
    timeout(PATIENCE, listening).await.unwrap_or_else(|_| panic!("no tone of {frequency} Hz is heard"));
}

#[tokio::test]
async fn a_file_is_played_to_the_echo_and_what_comes_back_is_recorded() {
    let world = World::start("files");
    let mut echo = world.program(env!("CARGO_BIN_EXE_echo"), "echo", &[]).await;
    for (kind, more) in [("RTP", None), ("WebRTC", Some("--webrtc"))] {
        let (played, recorded) = (world.folder.join("played.wav"), world.folder.join("recorded.wav"));
        write_tone(&played, 1000.0, 3);
        let mut command = Command::new(env!("CARGO_BIN_EXE_play_and_record"));
        command.args(["--server", &world.server, "--play"]).arg(&played).arg("--record").arg(&recorded).args(more);
        let mut caller = Program::start(command.arg("sip:echo@offhook.test").env("OFFHOOK_PASSWORD", "alice-secret"));
        caller.says("talking to <sip:echo@offhook.test>").await;
        caller.says("heard ").await;
        caller.ends().await;
        echo.says("heard ").await;
        echo.says("call from ").await;
        // Its greeting first, then ourselves, at 0.7 of the loudness.
        assert!((loudest(&recorded, 440.0) + 20.0).abs() < 1.5, "{kind}: {}", loudest(&recorded, 440.0));
        assert!((loudest(&recorded, 1000.0) + 23.1).abs() < 1.5, "{kind}: {}", loudest(&recorded, 1000.0));
        assert!(loudest(&recorded, 1500.0) < -40.0, "{kind}");
    }
    world.end().await;
}

#[tokio::test]
async fn a_voice_agent_hears_a_sentence_and_answers_it() {
    let world = World::start("agent");
    let mut program = world.program(env!("CARGO_BIN_EXE_voice_agent"), "dave", &[]).await;
    let alice = world.agent("alice").await;
    let (mut line, audio) = Line::new(RATE);
    let talk = Media::new(Options::webrtc()).call(&alice, "dave", audio).await.expect("a call");
    talk.established().await.expect("an answer");
    hears_word(&mut line, 880.0).await;
    // Long enough for half a second of it to come through whole on a busy machine.
    let word = Tone { duration: Some(Duration::from_secs(3)), ..Tone::new(700.0) };
    line.say(&word.source(RATE).collect::<Vec<i16>>()).await;
    hears(&mut line, 700.0, -20.0).await;
    talk.hangup().await.expect("an end");
    program.says("a conversation is over").await;
    world.end().await;
}

/// The same for a word that is shorter than half a second.
async fn hears_word(line: &mut Line, frequency: f64) {
    let mut heard = Vec::new();
    let listening = async {
        loop {
            heard.extend(line.hear().await.expect("the call goes on"));
            if heard.chunks_exact(1600).any(|part| (tone_level(part, RATE, frequency) + 20.0).abs() < 2.0) {
                return;
            }
        }
    };
    timeout(PATIENCE, listening).await.unwrap_or_else(|_| panic!("no word at {frequency} Hz is heard"));
}

#[tokio::test]
async fn a_bridge_connects_webrtc_with_a_phone_of_another_format() {
    let world = World::start("bridge");
    let phone = UserAgent::builder("sip:desk@127.0.0.1").bind((Ipv4Addr::LOCALHOST, 0).into()).connect().await;
    let phone = phone.expect("a free port");
    let to = format!("sip:desk@{}", phone.local_addrs()[0].addr);
    let more = ["--to", to.as_str(), "--media", "127.0.0.1"];
    let mut bridge = world.program(env!("CARGO_BIN_EXE_bridge"), "carol", &more).await;
    let browser = world.agent("alice").await;
    let mut ringing = phone.incoming();

    // Opus on one side, A-law on the other.
    let (mut at_browser, audio) = Line::new(RATE);
    let webrtc = Media::new(Options::webrtc().codecs([Codec::Opus]));
    let here = webrtc.call(&browser, "carol", audio).await.expect("a call");
    let call = timeout(PATIENCE, ringing.next()).await.expect("in time").expect("it rings");
    let (mut at_phone, audio) = Line::new(RATE);
    let there = Media::new(Options::default().codecs([Codec::Pcma])).answer(&call, audio).await.expect("an answer");
    timeout(PATIENCE, here.established()).await.expect("in time").expect("an answer");
    here.play(Tone::new(1000.0).source(RATE));
    there.play(Tone::new(600.0).source(RATE));
    hears(&mut at_phone, 1000.0, -20.0).await;
    hears(&mut at_browser, 600.0, -20.0).await;
    assert_eq!((here.stats().codec, there.stats().codec), (Some(Codec::Opus), Some(Codec::Pcma)));

    for (from, to) in [(&here, &there), (&there, &here)] {
        let mut digits = to.digits();
        from.press("4#").await.expect("they are said");
        for tone in ['4', '#'] {
            let digit = timeout(PATIENCE, digits.next()).await.expect("in time").expect("a digit");
            assert_eq!(digit.tone, tone);
        }
    }
    there.hangup().await.expect("an end");
    timeout(PATIENCE, here.ended()).await.expect("the end is passed on");
    bridge.says("the bridge for ").await;

    // What the phone says to the next call is what the browser hears of.
    let refused = webrtc.call(&browser, "carol", Audio::silence()).await.expect("a call");
    let call = timeout(PATIENCE, ringing.next()).await.expect("in time").expect("it rings");
    call.reject(StatusCode::BUSY_HERE).await.expect("it is refused");
    let error = timeout(PATIENCE, refused.established()).await.expect("in time").expect_err("it is busy");
    assert!(error.to_string().contains("486"), "{error}");

    // And one that is given up while it rings.
    let given_up = webrtc.call(&browser, "carol", Audio::silence()).await.expect("a call");
    let call = timeout(PATIENCE, ringing.next()).await.expect("in time").expect("it rings");
    given_up.hangup().await.expect("an end");
    timeout(PATIENCE, call.ended()).await.expect("the phone stops ringing");
    world.end().await;
}

#[tokio::test]
async fn a_phone_in_the_terminal_does_what_is_typed() {
    let world = World::start("terminal");
    let mut phone = world.program(env!("CARGO_BIN_EXE_terminal_phone"), "alice", &[]).await;
    let bob = world.agent("bob").await;
    let mut incoming = bob.incoming();
    phone.types("call sip:bob@offhook.test").await;
    let call = timeout(PATIENCE, incoming.next()).await.expect("in time").expect("a call");
    let talk = Media::default().answer(&call, Audio::silence()).await.expect("an answer");
    let mut digits = talk.digits();
    phone.says("talking to <sip:bob@offhook.test>").await;
    phone.types("42").await;
    for tone in ['4', '2'] {
        assert_eq!(timeout(PATIENCE, digits.next()).await.expect("in time").map(|digit| digit.tone), Some(tone));
    }
    phone.says("pressed 42").await;
    phone.types("hold").await;
    phone.says("held").await;
    assert!(call.on_hold().remote);
    phone.types("hangup").await;
    phone.says("the call is over").await;

    let back = Media::default().call(&bob, "alice", Audio::silence()).await.expect("a call");
    phone.says("<sip:bob@offhook.test> calls").await;
    phone.types("answer").await;
    timeout(PATIENCE, back.established()).await.expect("in time").expect("an answer");
    back.hangup().await.expect("an end");
    phone.says("the call is over").await;
    phone.types("quit").await;
    phone.ends().await;
    world.end().await;
}
