//! The user agent that is called: `bench serve udp|tcp|ws`, by the public API of `offhook` with its defaults, on one thread.
//!
//! It says `ready PORT` on its output. For each line on its input it says how much CPU time it has used (ns), how many
//! calls it has answered, and how much memory it has (bytes).

use std::io::{BufRead as _, Write as _};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use bytes::Bytes;
use offhook::core::endpoint::AnswerOptions;
use offhook::{Call, UserAgent};
use offhook_workload::messages::ANSWER;

use crate::measure::{cpu_time, resident};

static ANSWERED: AtomicU64 = AtomicU64::new(0);

pub fn serve(transport: &str) {
    std::thread::spawn(|| {
        for line in std::io::stdin().lock().lines() {
            if line.is_err() {
                break;
            }
            say(&format!("{} {} {}", cpu_time(), ANSWERED.load(Relaxed), resident()));
        }
        // Whoever started it is gone.
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(run(transport));
}

async fn run(transport: &str) {
    let any = ([127, 0, 0, 1], 0).into();
    // All of them call from one address, which by default has a thousand messages a second.
    let agent = UserAgent::builder("sip:bench@127.0.0.1").bind(any).with(|config| config.limits.message_rate = None);
    let agent = match transport {
        "tcp" => agent.driver(move |driver| driver.tcp(any)),
        "ws" => agent.driver(move |driver| driver.ws(any)),
        _ => agent,
    };
    let agent = agent.connect().await.expect("a socket");
    let mut incoming = agent.incoming();
    let wanted = transport.to_ascii_uppercase();
    let address = agent.local_addrs().iter().find(|address| address.transport.to_string() == wanted);
    say(&format!("ready {}", address.expect("it listens").addr.port()));
    while let Some(call) = incoming.next().await {
        tokio::spawn(answer(call));
    }
}

/// A caller that gives up or a lost ACK fails the call on the other side as well, where it is counted.
async fn answer(call: Call) {
    let _ = call.ring().await;
    if call.answer(AnswerOptions::with_sdp(Bytes::from_static(ANSWER))).await.is_ok() {
        ANSWERED.fetch_add(1, Relaxed);
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
