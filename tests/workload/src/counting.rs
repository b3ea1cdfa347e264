//! An allocator that counts. A program that measures makes it its own:
//!
//! ```ignore
//! #[global_allocator]
//! static COUNTING: offhook_workload::counting::Counting = offhook_workload::counting::Counting;
//! ```
#![allow(unsafe_code, reason = "an allocator is unsafe; it does nothing but count what it hands to the system's")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The system's allocator, with counters.
#[derive(Debug)]
pub struct Counting;

static CALLS: AtomicU64 = AtomicU64::new(0);
static FREED: AtomicU64 = AtomicU64::new(0);
static LIVE: AtomicU64 = AtomicU64::new(0);

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
    /// The heap now.
    pub fn now() -> Heap {
        let (calls, freed) = (CALLS.load(Relaxed), FREED.load(Relaxed));
        Heap { allocations: calls, blocks: calls.wrapping_sub(freed), bytes: LIVE.load(Relaxed) }
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

// Safety: every call is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(1, Relaxed);
        LIVE.fetch_add(layout.size() as u64, Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        FREED.fetch_add(1, Relaxed);
        LIVE.fetch_sub(layout.size() as u64, Relaxed);
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(1, Relaxed);
        LIVE.fetch_add(layout.size() as u64, Relaxed);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if size > layout.size() {
            // One more was asked for and one was given back.
            CALLS.fetch_add(1, Relaxed);
            FREED.fetch_add(1, Relaxed);
        }
        LIVE.fetch_add((size as u64).wrapping_sub(layout.size() as u64), Relaxed);
        unsafe { System.realloc(block, layout, size) }
    }
}
