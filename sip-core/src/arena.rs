//! A table whose ids stay unique when slots are reused: the owner of everything that has a handle.

/// Names an entry of an [`Arena`]; an id of a removed entry never names its successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    index: u32,
    generation: u32,
}

impl Key {
    /// How many times its slot was used before it, and more: see [`Arena::from_generation`].
    pub(crate) const fn generation(self) -> u32 {
        self.generation
    }

    /// One number for both, for handles that leave the crate.
    pub(crate) const fn to_u64(self) -> u64 {
        (self.generation as u64) << 32 | self.index as u64
    }
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    /// Apart from the table, which may have room for many more.
    value: Option<Box<T>>,
}

/// Entries by generational id.
#[derive(Debug)]
pub(crate) struct Arena<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    first_generation: u32,
}

impl<T> Arena<T> {
    pub(crate) const fn new() -> Arena<T> {
        Arena { slots: Vec::new(), free: Vec::new(), first_generation: 0 }
    }

    /// An empty one whose keys begin with this generation, apart from those of another.
    pub(crate) const fn from_generation(first_generation: u32) -> Arena<T> {
        Arena { slots: Vec::new(), free: Vec::new(), first_generation }
    }

    /// An empty one in which no key of this one names anything.
    pub(crate) fn successor(&self) -> Arena<T> {
        let last = self.slots.iter().map(|slot| slot.generation).max();
        Arena::from_generation(last.unwrap_or(self.first_generation).wrapping_add(1))
    }

    pub(crate) fn insert(&mut self, value: T) -> Key {
        let (value, free) = (Box::new(value), self.free.pop());
        match free.and_then(|index| Some((index, self.slots.get_mut(index as usize)?))) {
            Some((index, slot)) => {
                slot.value = Some(value);
                Key { index, generation: slot.generation }
            }
            None => {
                // Limits keep tables far below 2^32 entries; beyond, a key would find nothing.
                let index = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
                let generation = self.first_generation;
                self.slots.push(Slot { generation, value: Some(value) });
                Key { index, generation }
            }
        }
    }

    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        self.slots.get(key.index as usize).filter(|slot| slot.generation == key.generation)?.value.as_deref()
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        self.slots.get_mut(key.index as usize).filter(|slot| slot.generation == key.generation)?.value.as_deref_mut()
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        let slot = self.slots.get_mut(key.index as usize).filter(|slot| slot.generation == key.generation)?;
        let value = slot.value.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(key.index);
        if self.free.len() == self.slots.len() {
            self.release();
        }
        Some(*value)
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len().saturating_sub(self.free.len())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let key = Key { index: index as u32, generation: slot.generation };
            slot.value.as_deref().map(|value| (key, value))
        })
    }

    /// An empty table after a burst gives its memory back. Every id handed out so far is below the new first
    /// generation, so old ids stay dead.
    fn release(&mut self) {
        if self.slots.len() < 1024 {
            return;
        }
        self.first_generation = self.slots.iter().map(|slot| slot.generation).max().unwrap_or(0);
        self.slots = Vec::new();
        self.free = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_id_never_names_its_successor() {
        let mut arena = Arena::new();
        let first = arena.insert("first");
        assert_eq!(arena.remove(first), Some("first"));
        let second = arena.insert("second");
        assert_ne!(first, second);
        assert_eq!(arena.get(first), None);
        assert_eq!(arena.remove(first), None);
        assert_eq!(arena.get(second), Some(&"second"));
        assert_eq!(arena.len(), 1);
    }

    #[test]
    fn memory_of_a_burst_is_given_back_and_old_ids_stay_dead() {
        let mut arena = Arena::new();
        let keys: Vec<Key> = (0..2000).map(|n| arena.insert(n)).collect();
        for key in &keys {
            arena.remove(*key);
        }
        assert_eq!(arena.slots.capacity(), 0);
        let fresh = arena.insert(7);
        assert!(!keys.contains(&fresh));
    }
}
