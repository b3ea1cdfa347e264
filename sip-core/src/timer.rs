//! Deadlines: a hierarchical timing wheel that knows its exact next deadline.
//!
//! Protocol timers are mostly set and cancelled, seldom fired, and a driver (or a test in virtual time)
//! wants to sleep exactly until the earliest. The queue therefore has two parts, split at a *horizon*:
//!
//! - after the horizon, a wheel of eleven levels of 64 slots, one millisecond fine at the bottom: setting and
//!   cancelling touch one list, and a timer moves down at most once a level in its life;
//! - up to the horizon, a small heap whose top is the next deadline. It holds the millisecond that was drained from
//!   the wheel last, and whatever was set since for an earlier time. When that becomes more than the exception the
//!   horizon moves back and the wheel takes the heap over; this is paid for by the timers that were set meanwhile.
//!
//! Setting and cancelling are O(1) amortised beyond the horizon and logarithmic in the size of the heap up to it;
//! [`TimerQueue::next`] is one read. The queue reads no clock: time is a parameter.

use crate::time::Instant;

const NIL: u32 = u32::MAX;
const BITS: u32 = 6;
const SLOTS: usize = 1 << BITS;
const MASK: u64 = SLOTS as u64 - 1;
const LEVELS: usize = 11; // 11 * 6 bits cover all of a u64
const NEAR_MIN: usize = 64;

/// Names one timer of one [`TimerQueue`]. After the timer fired or was cancelled it names nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimerId {
    index: u32,
    generation: u32,
}

/// Timers carrying a key each, ordered by deadline and, where deadlines are equal, by insertion.
///
/// ```
/// use offhook_core::{time::Instant, timer::TimerQueue};
/// let mut timers = TimerQueue::new();
/// let a = timers.insert(Instant::from_millis(500), "Timer A");
/// timers.insert(Instant::from_millis(32_000), "Timer B");
/// assert_eq!(timers.next(), Some(Instant::from_millis(500)));
/// assert_eq!(timers.cancel(a), Some("Timer A"));
/// assert_eq!(timers.pop(Instant::from_millis(31_999)), None);
/// assert_eq!(timers.pop(Instant::from_millis(40_000)), Some(("Timer B", Instant::from_millis(32_000))));
/// ```
#[derive(Clone, Debug)]
pub struct TimerQueue<K> {
    entries: Vec<Entry<K>>,
    free: u32,
    len: usize,
    sequence: u64,
    /// Every timer in `near` is at this millisecond or before, every timer in `wheel` after it.
    horizon: u64,
    /// How many timers were set for before the horizon since it moved back last.
    early: usize,
    /// A binary heap of indexes by (deadline, sequence); not empty unless the queue is.
    near: Vec<u32>,
    wheel: Wheel,
}

#[derive(Clone, Debug)]
struct Wheel {
    occupied: [u64; LEVELS],
    heads: Box<[[u32; SLOTS]; LEVELS]>,
}

#[derive(Clone, Debug)]
struct Entry<K> {
    at: u64,
    sequence: u64,
    key: K,
    /// Neighbours in a slot's list; `next` also links free entries, `previous` is the position in the heap when near.
    previous: u32,
    next: u32,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Free,
    Near,
    Far { level: u8, slot: u8 },
}

impl<K: Copy> Default for TimerQueue<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Copy> TimerQueue<K> {
    /// An empty queue.
    pub fn new() -> TimerQueue<K> {
        TimerQueue {
            entries: Vec::new(),
            free: NIL,
            len: 0,
            sequence: 0,
            horizon: 0,
            early: 0,
            near: Vec::new(),
            wheel: Wheel::new(),
        }
    }

    /// How many timers are set.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True if no timer is set.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Sets a timer. Any deadline is allowed, also one that has passed or lies years ahead.
    pub fn insert(&mut self, at: Instant, key: K) -> TimerId {
        let at = at.as_millis();
        let id = self.allocate(at, key);
        if self.len == 0 {
            self.horizon = at; // nothing is in the wheel: the horizon may go anywhere
        }
        self.len = self.len.saturating_add(1);
        if at <= self.horizon {
            self.near_push(id.index);
            self.early = self.early.saturating_add(1);
            if self.early.min(self.near.len()) > NEAR_MIN && self.early > self.len / 8 {
                self.lower_horizon();
            }
        } else {
            self.far_push(id.index);
        }
        id
    }

    /// Removes a timer before it fires and returns its key; `None` if it fired or was cancelled before.
    pub fn cancel(&mut self, id: TimerId) -> Option<K> {
        let key = self.named(id)?.key;
        self.remove(id.index);
        Some(key)
    }

    /// The deadline of a timer that is still set.
    pub fn deadline(&self, id: TimerId) -> Option<Instant> {
        self.named(id).map(|entry| Instant::from_millis(entry.at))
    }

    /// The earliest deadline, exactly; `None` if no timer is set.
    pub fn next(&self) -> Option<Instant> {
        self.near.first().and_then(|&index| self.entry(index)).map(|entry| Instant::from_millis(entry.at))
    }

    /// Takes out the earliest timer if its deadline is at or before `now`, with that deadline. Call it until it
    /// returns `None`. `now` may jump any distance; expired timers still come in order.
    pub fn pop(&mut self, now: Instant) -> Option<(K, Instant)> {
        let &index = self.near.first()?;
        let entry = self.entry(index)?;
        if entry.at > now.as_millis() {
            return None;
        }
        let result = (entry.key, Instant::from_millis(entry.at));
        self.remove(index);
        Some(result)
    }

    // An index comes from this module's own tables and always names an entry; the other arm is never taken.

    fn entry(&self, index: u32) -> Option<&Entry<K>> {
        self.entries.get(index as usize)
    }

    fn entry_mut(&mut self, index: u32) -> Option<&mut Entry<K>> {
        self.entries.get_mut(index as usize)
    }

    fn named(&self, id: TimerId) -> Option<&Entry<K>> {
        self.entry(id.index).filter(|entry| entry.place != Place::Free && entry.sequence as u32 == id.generation)
    }

    fn allocate(&mut self, at: u64, key: K) -> TimerId {
        let entry = Entry { at, sequence: self.sequence, key, previous: NIL, next: NIL, place: Place::Free };
        let generation = self.sequence as u32;
        self.sequence = self.sequence.wrapping_add(1);
        let index = self.free;
        match self.entries.get_mut(index as usize) {
            Some(unused) => {
                self.free = unused.next;
                *unused = entry;
                TimerId { index, generation }
            }
            None => {
                let index = self.entries.len() as u32;
                self.entries.push(entry);
                TimerId { index, generation }
            }
        }
    }

    fn remove(&mut self, index: u32) {
        match self.entry(index).map(|entry| entry.place) {
            None | Some(Place::Free) => return,
            Some(Place::Near) => self.near_remove(index),
            Some(Place::Far { level, slot }) => self.far_remove(index, level, slot),
        }
        let free = self.free;
        if let Some(entry) = self.entry_mut(index) {
            entry.place = Place::Free;
            entry.next = free;
        }
        self.free = index;
        self.len = self.len.saturating_sub(1);
        if self.len == 0 {
            self.shrink();
        } else if self.near.is_empty() {
            self.raise_horizon();
        }
    }

    fn shrink(&mut self) {
        self.free = NIL;
        self.early = 0;
        self.entries.clear();
        self.entries.shrink_to(NEAR_MIN);
        self.near.shrink_to(NEAR_MIN);
    }

    /// Moves the earliest millisecond of the wheel into the empty heap.
    fn raise_horizon(&mut self) {
        // Lower levels agree with the horizon in more digits, so the first slot of the first level is the earliest.
        while let Some((level, slot)) = self.wheel.first() {
            let mut index = self.wheel.take(level, slot);
            self.horizon = slot_start(self.horizon, level, slot);
            while let Some(next) = self.entry(index).map(|entry| entry.next) {
                if level == 0 {
                    self.near_push(index);
                } else {
                    self.far_push(index);
                }
                index = next;
            }
            if level == 0 {
                return;
            }
        }
    }

    /// Moves the horizon back to the next deadline and all of the heap beyond that into the wheel.
    fn lower_horizon(&mut self) {
        let Some(next) = self.next() else { return };
        let (old, new) = (self.horizon, next.as_millis());
        self.horizon = new;
        self.early = 0;
        // What agreed with the old horizon down to `split` now differs from the new one there.
        let split = level_of(old, new);
        while let Some((level, slot)) = self.wheel.first().filter(|(level, _)| *level < split) {
            let mut index = self.wheel.take(level, slot);
            while let Some(next) = self.entry(index).map(|entry| entry.next) {
                self.far_push(index);
                index = next;
            }
        }
        for index in std::mem::take(&mut self.near) {
            if self.entry(index).is_some_and(|entry| entry.at <= new) {
                self.near_push(index);
            } else {
                self.far_push(index);
            }
        }
    }

    fn far_push(&mut self, index: u32) {
        let Some(at) = self.entry(index).map(|entry| entry.at) else { return };
        let level = level_of(at, self.horizon);
        let slot = digit(at, level);
        let head = self.wheel.put(level, slot, index);
        if let Some(head) = self.entry_mut(head) {
            head.previous = index;
        }
        if let Some(entry) = self.entry_mut(index) {
            entry.previous = NIL;
            entry.next = head;
            entry.place = Place::Far { level, slot };
        }
    }

    fn far_remove(&mut self, index: u32, level: u8, slot: u8) {
        let Some((previous, next)) = self.entry(index).map(|entry| (entry.previous, entry.next)) else { return };
        if let Some(next) = self.entry_mut(next) {
            next.previous = previous;
        }
        match self.entry_mut(previous) {
            Some(previous) => previous.next = next,
            None if next == NIL => {
                self.wheel.take(level, slot);
            }
            None => {
                self.wheel.put(level, slot, next);
            }
        }
    }

    fn near_push(&mut self, index: u32) {
        let last = self.near.len();
        if let Some(entry) = self.entry_mut(index) {
            entry.place = Place::Near;
            self.near.push(index);
            self.sift_up(last);
        }
    }

    fn near_remove(&mut self, index: u32) {
        let Some(position) = self.entry(index).map(|entry| entry.previous as usize) else { return };
        if position < self.near.len() {
            self.near.swap_remove(position);
        }
        if position < self.near.len() {
            self.sift_down(position);
            self.sift_up(position);
        }
    }

    /// What orders the heap; behind its end everything is later.
    fn order(&self, position: usize) -> (u64, u64) {
        let entry = self.near.get(position).and_then(|&index| self.entry(index));
        entry.map_or((u64::MAX, u64::MAX), |entry| (entry.at, entry.sequence))
    }

    fn settle(&mut self, position: usize) {
        let entry = self.near.get(position).and_then(|&index| self.entries.get_mut(index as usize));
        if let Some(entry) = entry {
            entry.previous = position as u32;
        }
    }

    fn sift_up(&mut self, mut position: usize) {
        while let Some(before) = position.checked_sub(1) {
            let parent = before / 2;
            if self.order(parent) <= self.order(position) {
                break;
            }
            self.near.swap(parent, position);
            self.settle(position);
            position = parent;
        }
        self.settle(position);
    }

    fn sift_down(&mut self, mut position: usize) {
        loop {
            let left = position.saturating_mul(2).saturating_add(1);
            let right = left.saturating_add(1);
            if left >= self.near.len() {
                break;
            }
            let child = if self.order(right) < self.order(left) { right } else { left };
            if self.order(position) <= self.order(child) {
                break;
            }
            self.near.swap(position, child);
            self.settle(position);
            position = child;
        }
        self.settle(position);
    }
}

impl Wheel {
    fn new() -> Wheel {
        Wheel { occupied: [0; LEVELS], heads: Box::new([[NIL; SLOTS]; LEVELS]) }
    }

    /// The first slot that is not empty of the lowest level that has one.
    fn first(&self) -> Option<(u8, u8)> {
        let (level, slots) = self.occupied.iter().enumerate().find(|(_, slots)| **slots != 0)?;
        Some((level as u8, slots.trailing_zeros() as u8))
    }

    /// Makes an entry the first of a slot and returns the one that was.
    fn put(&mut self, level: u8, slot: u8, index: u32) -> u32 {
        if let Some(slots) = self.occupied.get_mut(usize::from(level)) {
            *slots |= bit(slot);
        }
        self.head(level, slot).map_or(NIL, |head| std::mem::replace(head, index))
    }

    /// Empties a slot and returns the first entry of what was in it.
    fn take(&mut self, level: u8, slot: u8) -> u32 {
        if let Some(slots) = self.occupied.get_mut(usize::from(level)) {
            *slots &= !bit(slot);
        }
        self.head(level, slot).map_or(NIL, |head| std::mem::replace(head, NIL))
    }

    fn head(&mut self, level: u8, slot: u8) -> Option<&mut u32> {
        self.heads.get_mut(usize::from(level))?.get_mut(usize::from(slot))
    }
}

fn bit(slot: u8) -> u64 {
    1_u64.wrapping_shl(slot.into())
}

/// How far the digit of a level is shifted: at most 60 bits.
fn shift_of(level: u8) -> u32 {
    u32::from(level).saturating_mul(BITS)
}

/// The level of the highest digit in which the two times differ.
fn level_of(a: u64, b: u64) -> u8 {
    (((a ^ b) | 1).ilog2() / BITS) as u8
}

fn digit(at: u64, level: u8) -> u8 {
    (at.wrapping_shr(shift_of(level)) & MASK) as u8
}

/// The first millisecond of a slot of a wheel at `horizon`.
fn slot_start(horizon: u64, level: u8, slot: u8) -> u64 {
    let shift = shift_of(level);
    let above = u64::MAX.checked_shl(shift.saturating_add(BITS)).unwrap_or(0);
    (horizon & above) | u64::from(slot).wrapping_shl(shift)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const fn ms(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    #[test]
    fn ties_fire_in_the_order_they_were_set() {
        let mut timers = TimerQueue::new();
        for key in 0..200u32 {
            timers.insert(ms(5_000 + u64::from(key % 2)), key);
        }
        let fired: Vec<u32> = std::iter::from_fn(|| timers.pop(ms(u64::MAX))).map(|(key, _)| key).collect();
        let expected: Vec<u32> =
            (0..200).filter(|key| key % 2 == 0).chain((0..200).filter(|key| key % 2 == 1)).collect();
        assert_eq!(fired, expected);
    }

    #[test]
    fn a_stale_id_names_nothing_even_after_the_memory_was_given_back() {
        let mut timers = TimerQueue::new();
        let ids: Vec<TimerId> = (0..1_000).map(|key| timers.insert(ms(key), key)).collect();
        for &id in &ids {
            assert!(timers.cancel(id).is_some());
            assert_eq!(timers.cancel(id), None);
        }
        assert!(timers.is_empty());
        assert!(timers.entries.capacity() <= NEAR_MIN);
        let id = timers.insert(ms(7), 7);
        assert_eq!(timers.cancel(ids[0]), None);
        assert_eq!(timers.deadline(ids[0]), None);
        assert_eq!(timers.deadline(id), Some(ms(7)));
    }

    #[test]
    fn the_ends_of_time_are_ordinary_deadlines() {
        let mut timers = TimerQueue::new();
        for (key, at) in [u64::MAX, 0, u64::MAX - 1, u64::MAX, 1 << 63].into_iter().enumerate() {
            timers.insert(ms(at), key);
        }
        let fired: Vec<usize> = std::iter::from_fn(|| timers.pop(ms(u64::MAX))).map(|(key, _)| key).collect();
        assert_eq!(fired, [1, 4, 2, 0, 3]);
    }

    #[test]
    fn timers_set_before_a_far_horizon_end_up_in_the_wheel() {
        let mut timers = TimerQueue::new();
        timers.insert(ms(900_000), 0);
        for key in 1..10_000 {
            timers.insert(ms(32_000 + key), key);
        }
        assert!(timers.near.len() <= NEAR_MIN, "{}", timers.near.len());
        assert_eq!(timers.next(), Some(ms(32_001)));
    }

    #[test]
    fn the_horizon_may_stop_just_before_a_slot_of_a_higher_level() {
        let mut timers = TimerQueue::new();
        for (key, at) in [10, 63, 64, 4_095, 4_096].into_iter().enumerate() {
            timers.insert(ms(at), key);
        }
        assert_eq!(timers.pop(ms(10)), Some((0, ms(10)))); // the horizon is at 63 now
        timers.insert(ms(64), 5);
        timers.insert(ms(65), 6);
        let fired: Vec<usize> = std::iter::from_fn(|| timers.pop(ms(4_095))).map(|(key, _)| key).collect();
        assert_eq!(fired, [1, 2, 5, 6, 3]); // and at 4096
        timers.insert(ms(4_097), 7);
        let fired: Vec<usize> = std::iter::from_fn(|| timers.pop(ms(9_999))).map(|(key, _)| key).collect();
        assert_eq!(fired, [4, 7]);
    }

    #[test]
    fn many_timers_at_once_and_one_set_and_cancelled_before_them() {
        let mut timers = TimerQueue::new();
        for key in 0..5_000 {
            timers.insert(ms(1_000), key);
        }
        for _ in 0..5_000 {
            let id = timers.insert(ms(999), 0);
            assert_eq!(timers.next(), Some(ms(999)));
            timers.cancel(id);
        }
        assert_eq!(timers.pop(ms(1_000)), Some((0, ms(1_000))));
        assert_eq!(timers.len(), 4_999);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u64),
        Cancel(usize),
        CancelNext,
        Advance(u64),
    }

    fn delay() -> impl Strategy<Value = u64> {
        prop_oneof![
            4 => 0..100u64,
            4 => 400..40_000u64,
            2 => 0..4_000_000u64,
            1 => 0..40_000_000_000u64,
            1 => any::<u64>(),
        ]
    }

    fn step(delay: impl Strategy<Value = u64> + Clone) -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => delay.clone().prop_map(Step::Insert),
            2 => any::<usize>().prop_map(Step::Cancel),
            1 => Just(Step::CancelNext),
            2 => delay.prop_map(Step::Advance),
        ]
    }

    /// Runs the steps on a queue and on an ordered map side by side.
    fn compare(start: u64, steps: Vec<Step>) -> Result<(), TestCaseError> {
        let mut now = start;
        let mut timers = TimerQueue::new();
        let mut model: BTreeMap<(u64, usize), TimerId> = BTreeMap::new();
        let mut ids: Vec<(TimerId, u64)> = Vec::new();
        for step in steps {
            match step {
                Step::Insert(delay) => {
                    let (at, key) = (now.saturating_add(delay).saturating_sub(10), ids.len());
                    let id = timers.insert(ms(at), key);
                    model.insert((at, key), id);
                    ids.push((id, at));
                }
                Step::Cancel(choice) if !ids.is_empty() => {
                    let key = choice % ids.len();
                    let (id, at) = ids[key];
                    let known = model.remove(&(at, key)).map(|_| key);
                    prop_assert_eq!(timers.cancel(id), known);
                }
                Step::Cancel(_) => {}
                Step::CancelNext => {
                    if let Some(((_, key), id)) = model.pop_first() {
                        prop_assert_eq!(timers.cancel(id), Some(key));
                    }
                }
                Step::Advance(by) => {
                    now = now.saturating_add(by);
                    while let Some((key, at)) = timers.pop(ms(now)) {
                        let first = model.pop_first().map(|(order, _)| order);
                        prop_assert_eq!(first, Some((at.as_millis(), key)));
                    }
                }
            }
            prop_assert_eq!(timers.len(), model.len());
            prop_assert_eq!(timers.next().map(Instant::as_millis), model.keys().next().map(|&(at, _)| at));
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]
        #[test]
        fn behaves_like_an_ordered_map(
            start in delay(), steps in proptest::collection::vec(step(delay().boxed()), 1..400),
        ) {
            compare(start, steps)?;
        }

        #[test]
        fn behaves_like_an_ordered_map_where_deadlines_are_dense(
            start in delay(), steps in proptest::collection::vec(step((0..150u64).boxed()), 1..400),
        ) {
            compare(start, steps)?;
        }
    }
}
