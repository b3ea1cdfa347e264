//! A hundred thousand calls through one process, over real sockets on the tokio driver: the live heap is back where it was, and
//! no dialog, transaction, task or file descriptor is left. `make interop` runs it; a part of it goes with
//! `OFFHOOK_SOAK=10000`.
//!
//! One test on one thread: the heap is that of the whole process.

use std::time::{Duration, Instant};

use offhook::core::transaction::TimerConfig;
use offhook::{AnswerOptions, CallOptions, UserAgent};
use offhook_tests::endpoint::{ANSWER, OFFER};
use offhook_workload::counting::{Counting, Heap, SYSTEM};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

#[global_allocator]
static COUNTING: Counting = SYSTEM;

const CALLS: usize = 100_000;
/// How many go on at a time.
const AT_ONCE: usize = 32;
/// The part of all after which the heap is looked at first.
const WARM: usize = 10;
/// What the heap may have grown by from then on: nothing but small tables that were made larger once more. Large ones are given back
/// when they are empty, which that of timers is not over TCP, where one always runs. A byte or three that each call leaves, or a
/// block in a thousand calls, would show.
const KEPT: [(&str, i64); 2] = [("udp", 64 * 1024), ("tcp", 256 * 1024)];
const BLOCKS: i64 = 64;
/// What the runtime, the logs and the like keep when all agents are gone.
const LEFT: i64 = 64 * 1024;
/// How long anything may take that must happen.
const SOON: Duration = Duration::from_secs(60);

/// By UDP or TCP, at an address that the system chooses.
async fn agent(name: &str) -> UserAgent {
    let any = ([127, 0, 0, 1], 0).into();
    // Finished transactions are forgotten after 64 times T1.
    let timers = TimerConfig { t1: Duration::from_millis(50), ..TimerConfig::default() };
    let agent = UserAgent::builder(&format!("sip:{name}@127.0.0.1")).timers(timers).automatic_media().bind(any);
    // All of it comes from one source.
    let agent = agent.with(|config| config.limits.message_rate = None).driver(move |driver| driver.tcp(any));
    agent.connect().await.expect("an agent")
}

/// So many calls, each made, answered, held and ended.
async fn calls(alice: &UserAgent, target: &str, count: usize) {
    let mut callers = JoinSet::new();
    for caller in 0..AT_ONCE {
        let (alice, target) = (alice.clone(), target.to_owned());
        let own = count / AT_ONCE + usize::from(caller < count % AT_ONCE);
        callers.spawn(async move {
            for number in 0..own {
                let call = alice.call(&target, CallOptions::with_sdp(OFFER)).await.expect("a call");
                timeout(SOON, call.established()).await.expect("it did not happen in time").expect("an answer");
                if number % 8 == 0 {
                    timeout(SOON, call.hold()).await.expect("it did not happen in time").expect("held");
                }
                timeout(SOON, call.hangup()).await.expect("it did not happen in time").expect("an end");
            }
        });
    }
    while let Some(ended) = callers.join_next().await {
        ended.expect("every call of this caller");
    }
}

/// Returns when both have forgotten everything; how the heap is then.
async fn quiet(agents: [&UserAgent; 2]) -> Heap {
    let patience = Instant::now() + SOON;
    loop {
        let mut left = 0;
        for agent in agents {
            left += agent.inspect_dialogs().await.expect("dialogs").len();
            left += agent.inspect_transactions().await.expect("transactions").len();
        }
        if left == 0 {
            return Heap::now();
        }
        assert!(Instant::now() < patience, "{left} dialogs and transactions are left");
        sleep(Duration::from_millis(100)).await;
    }
}

async fn soak(transport: &str, count: usize) {
    let (alice, bob) = (agent("alice").await, agent("bob").await);
    let mut incoming = bob.incoming();
    let answering = tokio::spawn(async move {
        let mut answered = 0;
        while let Some(call) = incoming.next().await {
            answered += 1;
            // One whose caller has given up is not answered.
            tokio::spawn(async move { call.answer(AnswerOptions::with_sdp(ANSWER)).await });
        }
        answered
    });
    let place = usize::from(transport == "tcp");
    let target = format!("sip:bob@{};transport={transport}", bob.local_addrs()[place].addr);
    calls(&alice, &target, count / WARM).await;
    let before = quiet([&alice, &bob]).await;
    calls(&alice, &target, count - count / WARM).await;
    let after = quiet([&alice, &bob]).await;
    let (allocations, blocks, bytes) = after.since(before);
    println!("{transport}: {count} calls; the live heap {} bytes, then {bytes:+} in {blocks:+} blocks", before.bytes);
    println!("{transport}: {} allocations a call, of both sides", allocations / (count - count / WARM) as i64);
    let kept = KEPT.into_iter().find(|(of, _)| *of == transport).map_or(0, |(_, kept)| kept);
    assert!(bytes < kept && blocks < BLOCKS, "the heap has grown by {bytes} bytes in {blocks} blocks");
    for agent in [alice, bob] {
        timeout(SOON, agent.shutdown(Duration::from_secs(2))).await.expect("in time").expect("an end in order");
    }
    assert_eq!(answering.await.expect("it goes on to the end"), count);
}

fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

#[test]
fn the_heap_is_back_where_it_was_after_a_hundred_thousand_calls() {
    let count = std::env::var("OFFHOOK_SOAK").map_or(CALLS, |count| count.parse().expect("a number"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(soak("udp", AT_ONCE));
    let (files, before) = (open_files(), Heap::now());
    for (transport, count) in [("udp", count), ("tcp", count / 4)] {
        runtime.block_on(soak(transport, count));
        let patience = Instant::now() + SOON;
        while runtime.metrics().num_alive_tasks() > 0 {
            assert!(Instant::now() < patience, "{} tasks are left", runtime.metrics().num_alive_tasks());
            runtime.block_on(sleep(Duration::from_millis(5)));
        }
        assert_eq!(open_files(), files, "file descriptors");
        let (_, blocks, bytes) = Heap::now().since(before);
        println!("{transport}: without the agents {bytes:+} bytes in {blocks:+} blocks");
        assert!(bytes < LEFT, "{bytes} bytes in {blocks} blocks are left without any agent");
    }
}
