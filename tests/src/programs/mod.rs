//! Programs that a test runs and talks to: `offhook agent`, Kamailio, Asterisk, SIPp, baresip. Each ends with the test
//! that started it, and whatever is waited for has a deadline.

mod agent;
mod baresip;
mod process;
mod servers;
mod sipp;

use std::env;
use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

pub use agent::Agent;
pub use baresip::Baresip;
pub use servers::{Asterisk, Kamailio};
pub use sipp::Sipp;

/// How long a test waits for what must come.
pub const SOON: Duration = Duration::from_secs(20);

/// How long a program may take to end once it was asked to.
const FAREWELL: Duration = Duration::from_secs(5);

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The `offhook` program of this build. Cargo hands out only the programs of a test's own package, so it is asked to
/// make sure that this one is there.
pub fn offhook() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let test = env::current_exe().expect("the path of this test");
        let folder = test.ancestors().nth(2).expect("a test is built into target/PROFILE/deps");
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        // The packages of `cargo test --workspace`, so that their features are the same and nothing is built twice.
        cargo.args(["build", "--quiet", "--workspace", "--exclude", "offhook-wasm", "--bin", "offhook"]);
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        cargo.arg("--target-dir").arg(folder.parent().expect("target")).current_dir(root());
        assert!(cargo.status().expect("cargo starts").success(), "offhook does not build");
        folder.join("offhook")
    })
}

/// A port of the loopback that is free for UDP and TCP, for programs that cannot choose for themselves. It lies below
/// the range from which the system hands out ports, so that nobody gets it by chance in the meantime.
pub fn free_port() -> u16 {
    const RANGE: std::ops::Range<u64> = 10_000..30_000;
    for attempt in 0..1000 {
        let mut chance = [0; 8];
        fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut chance)).expect("some chance");
        let port = (RANGE.start + (u64::from_le_bytes(chance) ^ attempt) % (RANGE.end - RANGE.start)) as u16;
        let at = (Ipv4Addr::LOCALHOST, port);
        if UdpSocket::bind(at).is_ok() && TcpListener::bind(at).is_ok() {
            return port;
        }
    }
    panic!("no free port")
}
