//! The small numbers that handles carry outside.

use std::collections::HashMap;
use std::hash::Hash;

/// Ids of one kind by their numbers, and back.
#[derive(Debug)]
pub(super) struct Numbers<T> {
    ids: HashMap<u32, T>,
    numbers: HashMap<T, u32>,
    last: u32,
}

impl<T: Copy + Eq + Hash> Numbers<T> {
    /// The first has the number after that.
    pub(super) fn after(last: u32) -> Numbers<T> {
        Numbers { ids: HashMap::new(), numbers: HashMap::new(), last }
    }

    /// The number of an id; a new one has the next.
    pub(super) fn of(&mut self, id: T) -> u32 {
        if let Some(number) = self.numbers.get(&id) {
            return *number;
        }
        self.last = self.last.wrapping_add(1);
        self.ids.insert(self.last, id);
        self.numbers.insert(id, self.last);
        self.last
    }

    /// The number of an id that has one.
    pub(super) fn number(&self, id: T) -> Option<u32> {
        self.numbers.get(&id).copied()
    }

    /// All ids, in the order of their numbers.
    pub(super) fn ids(&self) -> Vec<T> {
        let mut ids: Vec<(u32, T)> = self.ids.iter().map(|(number, id)| (*number, *id)).collect();
        ids.sort_unstable_by_key(|(number, _)| *number);
        ids.into_iter().map(|(_, id)| id).collect()
    }

    pub(super) fn find(&self, number: u32) -> Option<T> {
        self.ids.get(&number).copied()
    }

    pub(super) fn forget(&mut self, id: T) {
        if let Some(number) = self.numbers.remove(&id) {
            self.ids.remove(&number);
        }
    }
}
