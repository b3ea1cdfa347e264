//! An allocator that counts. A program that measures makes it its own:
//!
//! ```ignore
//! #[global_allocator]
//! static COUNTING: offhook_workload::counting::Counting = offhook_workload::counting::SYSTEM;
//! ```
#![allow(unsafe_code, reason = "an allocator is unsafe; it does nothing but count what it hands to another")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// An allocator with counters of each thread: what a thread does costs no other anything.
#[derive(Debug)]
pub struct Counting<A = System>(pub A);

/// The system's allocator, counted.
pub const SYSTEM: Counting = Counting(System);

thread_local! {
    static COUNTS: Cell<Counts> = const { Cell::new(Counts { calls: 0, freed: 0, live: 0 }) };
}

#[derive(Clone, Copy)]
struct Counts {
    calls: u64,
    freed: u64,
    /// Below zero where others free what this thread allocated, and wraps then.
    live: u64,
}

fn count(calls: u64, freed: u64, grown: u64) {
    // A thread that ends counts no more.
    let _ = COUNTS.try_with(|counts| {
        let now = counts.get();
        counts.set(Counts {
            calls: now.calls.wrapping_add(calls),
            freed: now.freed.wrapping_add(freed),
            live: now.live.wrapping_add(grown),
        });
    });
}

/// What has been allocated so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heap {
    /// How often memory was asked for, growing included; making a block smaller in place is none.
    pub allocations: u64,
    /// How many blocks are in use.
    pub blocks: u64,
    /// How many bytes are in use, as they were asked for.
    pub bytes: u64,
}

impl Heap {
    /// What this thread has done by now.
    pub fn now() -> Heap {
        let Counts { calls, freed, live } = COUNTS.with(Cell::get);
        Heap { allocations: calls, blocks: calls.wrapping_sub(freed), bytes: live }
    }

    /// What came since `before`; what was freed counts below zero.
    pub fn since(self, before: Heap) -> (i64, i64, i64) {
        let difference = |now: u64, before: u64| now as i64 - before as i64;
        (
            difference(self.allocations, before.allocations),
            difference(self.blocks, before.blocks),
            difference(self.bytes, before.bytes),
        )
    }
}

// Safety: every call is handed to the other allocator as it came.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Counting<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, 0, layout.size() as u64);
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(0, 1, (layout.size() as u64).wrapping_neg());
        unsafe { self.0.dealloc(block, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(1, 0, layout.size() as u64);
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Where it grows, one more was asked for and one was given back.
        let grows = u64::from(size > layout.size());
        count(grows, grows, (size as u64).wrapping_sub(layout.size() as u64));
        unsafe { self.0.realloc(block, layout, size) }
    }
}
