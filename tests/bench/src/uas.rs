//! A user agent that is called over a network: CPU time a call, messages a second a core, failed calls.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Options;
use crate::caller;
use crate::figure::Figure;
use crate::measure::round;
use crate::server::{Report, Server};

/// Messages of a call: INVITE, 180, 200, ACK, BYE, 200.
const MESSAGES: f64 = 6.0;

/// Calls a second that are offered, and how many.
fn load(options: &Options, count: u64) -> (u32, u64) {
    if options.quick { (500, 1000) } else { (2500, count) }
}

/// SIPp calls over UDP: 100,000 calls, longer than the timers of the first.
pub fn udp(options: &Options, directory: &Path) -> Figure {
    let (rate, count) = load(options, 100_000);
    let figure = by_sipp("uas_udp", "u1", "udp", rate, count, directory);
    let figure = match by_rate(options, directory) {
        Ok(rows) => figure.with("by_rate", rows),
        Err(words) => figure.with("by_rate_reason", words),
    };
    match sipp_as_callee(rate, count / 5, directory) {
        Ok(cpu) => figure.peer("sipp", Some(cpu)),
        Err(words) => figure.peer("sipp", None).with("peer_reason", words),
    }
}

/// Offered a second, answered a second, and CPU time a call (ns), each for three seconds with a fresh user agent.
fn by_rate(options: &Options, directory: &Path) -> Result<Vec<Value>, String> {
    let rates: &[u32] = if options.quick { &[200, 400] } else { &[500, 1000, 2000, 4000, 6000, 8000] };
    let mut rows = vec![Value::from(vec![0.0, 0.0])];
    for rate in rates {
        let mut server = Server::start("udp")?;
        let (before, started) = (server.report()?, Instant::now());
        let count = u64::from(*rate) * 3;
        let mut finished = started.elapsed();
        let (done, _) = sipp_as_caller(server.port, "u1", *rate, count, directory, || {
            if finished.is_zero() || server.report().is_ok_and(|report| report.calls < count) {
                finished = started.elapsed();
            }
        })?;
        let after = server.report()?;
        let seconds = finished.as_secs_f64().max(count as f64 / f64::from(*rate));
        let cpu = (after.cpu - before.cpu) as f64 / done.max(1) as f64;
        rows.push(Value::from(vec![f64::from(*rate), (done as f64 / seconds).round(), cpu.round()]));
    }
    Ok(rows)
}

/// SIPp calls over TCP.
pub fn tcp(options: &Options, directory: &Path) -> Figure {
    let (rate, count) = load(options, 30_000);
    by_sipp("uas_tcp", "t1", "tcp", rate, count, directory)
}

/// Our own caller, over one WebSocket.
pub fn ws(options: &Options) -> Figure {
    let (rate, count) = load(options, 30_000);
    let measured = Server::start("ws").and_then(|mut server| {
        let before = server.report()?;
        let outcome = caller::ws(server.port, rate, count)?;
        Ok((before, server.report()?, outcome))
    });
    match measured {
        Ok((before, after, outcome)) => figure("uas_ws", before, after, outcome.calls, outcome.failed),
        Err(words) => Figure::absent("uas_ws", &words),
    }
}

/// From INVITE to 200 at half of the load that one core takes, by our own caller over UDP.
pub fn setup(options: &Options) -> Figure {
    let measured = Server::start("udp").and_then(|mut server| {
        let (rate, count) = load(options, 10_000);
        let before = server.report()?;
        caller::udp(server.port, rate, count)?;
        let cpu = (server.report()?.cpu - before.cpu) as f64 / count as f64;
        // Caller and callee share the machine: no more than it can do.
        let half = (0.5e9 / cpu).min(2500.0) as u32;
        let half = if options.quick { rate } else { half };
        Ok((half, caller::udp(server.port, half, u64::from(half) * 5)?))
    });
    let (rate, outcome) = match measured {
        Ok(measured) => measured,
        Err(words) => return Figure::absent("setup_p99", &words),
    };
    let at = |part: f64| outcome.setups.get((outcome.setups.len() as f64 * part) as usize).copied().unwrap_or(0);
    Figure::new("setup_p99", at(0.99) as f64)
        .with("median", at(0.5))
        .with("p90", at(0.9))
        .with("rate", rate)
        .with("calls", outcome.calls)
        .with("failed", outcome.failed)
}

fn figure(key: &str, before: Report, after: Report, calls: u64, failed: u64) -> Figure {
    let cpu = (after.cpu - before.cpu) as f64 / calls.max(1) as f64;
    Figure::new(key, cpu)
        .with("messages_per_second_a_core", round(1e9 * MESSAGES / cpu, 0))
        .with("calls", calls)
        .with("failed", failed)
        .with("resident", after.resident)
}

fn by_sipp(key: &str, mode: &str, transport: &str, rate: u32, count: u64, directory: &Path) -> Figure {
    let measured = Server::start(transport).and_then(|mut server| {
        let before = server.report()?;
        let mut memory = Vec::new();
        let (done, failed) = sipp_as_caller(server.port, mode, rate, count, directory, || {
            memory.extend(server.report().map(|report| (report.calls, report.resident)));
        })?;
        Ok((before, server.report()?, done, failed, memory))
    });
    match measured {
        Ok((before, after, done, failed, memory)) => {
            let memory: Vec<Value> = memory.into_iter().map(|(calls, bytes)| Value::from(vec![calls, bytes])).collect();
            figure(key, before, after, done, failed).with("memory_by_calls", memory)
        }
        Err(words) => Figure::absent(key, &words),
    }
}

/// How many calls succeeded and failed. `second` is called each second.
fn sipp_as_caller(
    port: u16,
    mode: &str,
    rate: u32,
    count: u64,
    directory: &Path,
    mut second: impl FnMut(),
) -> Result<(u64, u64), String> {
    let stats = directory.join(format!("sipp-{mode}.csv"));
    let limit = Duration::from_secs(count / u64::from(rate) + 30);
    let mut child = Command::new("sipp")
        .arg(format!("127.0.0.1:{port}"))
        .args(["-sn", "uac", "-i", "127.0.0.1", "-t", mode, "-nostdin", "-trace_stat", "-fd", "1", "-stf"])
        .arg(&stats)
        .args(["-r", &rate.to_string(), "-m", &count.to_string(), "-l", "20000"])
        .args(["-timeout", &format!("{}s", limit.as_secs())])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("sipp: {error}"))?;
    let started = Instant::now();
    while child.try_wait().map_err(|error| error.to_string())?.is_none() {
        if started.elapsed() > limit + Duration::from_secs(10) {
            let _ = child.kill();
            let _ = child.wait();
            return Err("sipp does not end".into());
        }
        std::thread::sleep(Duration::from_secs(1));
        second();
    }
    let text = std::fs::read_to_string(&stats).map_err(|error| format!("{}: {error}", stats.display()))?;
    let mut lines = text.lines();
    let (names, last) = (lines.next().unwrap_or_default(), lines.next_back().unwrap_or_default());
    let of = |name: &str| {
        let place = names.split(';').position(|found| found == name)?;
        last.split(';').nth(place)?.parse::<u64>().ok()
    };
    of("SuccessfulCall(C)").zip(of("FailedCall(C)")).ok_or("sipp wrote no statistics".into())
}

/// SIPp as the one that is called: its CPU time a call, ns.
fn sipp_as_callee(rate: u32, count: u64, directory: &Path) -> Result<f64, String> {
    let port = {
        let free = std::net::UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        free.map_err(|error| error.to_string())?.port()
    };
    let mut callee = Command::new("sipp")
        .args(["-sn", "uas", "-i", "127.0.0.1", "-t", "u1", "-nostdin", "-p", &port.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("sipp: {error}"))?;
    std::thread::sleep(Duration::from_millis(500));
    let before = cpu_of(callee.id());
    let result = sipp_as_caller(port, "u1", rate, count, directory, || {});
    let after = cpu_of(callee.id());
    let _ = callee.kill();
    let _ = callee.wait();
    let (done, _) = result?;
    Ok((after - before) / done.max(1) as f64)
}

/// CPU time of a process, ns.
fn cpu_of(process: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    // utime and stime, fields 14 and 15; a tick is a hundredth of a second.
    (ticks(11) + ticks(12)) * 1e7
}
