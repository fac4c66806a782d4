//! What a stage remembers about the records of one partition: a table per state topic, restored from it and from what rode
//! with the committed offset.
//!
//! State = what is committed + this batch's overlay (law 2). The overlay merges after the commit and is thrown away on
//! abort and on revocation.
//!
//! Committed entries lie packed in chunks, found through an index of four bytes an entry, because dedupe state is the
//! largest thing in a worker's memory; a map of boxed keys and values takes more than twice as much.

use std::{hash::BuildHasher as _, sync::Arc, time::Duration};

use hashbrown::{DefaultHashBuilder, HashMap, HashTable, hash_table::Entry};

use crate::{
    Output,
    broken::{Law, is_broken},
};

/// How long an entry lives, by its value; measured against the newest record timestamp of the partition, so that a restart
/// changes nothing.
pub type Lifetime = Arc<dyn Fn(&[u8]) -> Duration + Send + Sync>;

/// A table of state, kept on a compacted topic.
#[derive(Clone)]
pub struct TableSpec {
    /// Whole name of the topic; it has as many partitions as the input.
    pub topic: Arc<str>,
    /// How long entries live.
    pub lifetime: Lifetime,
}

/// Entries that a commit looks at, beside twice as many as have come.
const SWEPT: usize = 64;
/// Of these it looks at no more: twice as many as the largest batch writes, so that the commits after restoring are delayed little each.
const MOST_DUE: usize = 20_000;
/// Chunks are small, so that the tail of each of dozens of tables wastes little, and 65,536 of them hold 16 GiB.
const CHUNK_BYTES: usize = 256 * 1024;
/// Entries begin on multiples of this, so that 16 bits address a chunk.
const ALIGN: usize = 4;
/// Key length (two bytes, top bit: hexadecimal digits packed in pairs), timestamp (eight), value length (four).
const HEADER_BYTES: usize = 14;
const PACKED: u16 = 1 << 15;

#[derive(Default)]
struct Chunk {
    bytes: Vec<u8>,
    dead_bytes: usize,
}

/// Chunk and place in it.
type Position = u32;

struct Packed<'a> {
    key: &'a [u8],
    flag: u16,
    timestamp_ms: i64,
    value: &'a [u8],
    size_bytes: usize,
}

/// The committed entries of one partition, and the changes of the batch in hand.
pub(crate) struct Table {
    index: HashTable<Position>,
    hasher: DefaultHashBuilder,
    chunks: Vec<Chunk>,
    free: Vec<usize>,
    current: usize,
    /// The entry that is looked at next: its chunk and its place in it.
    sweep: (usize, usize),
    /// Entries to be looked at for those that came.
    due: usize,
    overlay: HashMap<Box<[u8]>, usize>,
    changes: Vec<StateChange>,
}

/// A change of one key, not yet committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StateChange {
    pub key: Box<[u8]>,
    /// `None` forgets the key.
    pub value: Option<Vec<u8>>,
    pub timestamp_ms: i64,
}

impl StateChange {
    /// As a record of its state topic.
    pub fn to_output(&self, topic: &Arc<str>, partition: u32) -> Output {
        Output {
            topic: topic.clone(),
            partition,
            key: self.key.to_vec(),
            value: self.value.clone(),
            headers: Vec::new(),
            timestamp_ms: Some(self.timestamp_ms),
        }
    }
}

impl Table {
    pub fn new() -> Self {
        Self {
            index: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            chunks: vec![Chunk::default()],
            free: Vec::new(),
            current: 0,
            sweep: (0, 0),
            due: 0,
            overlay: HashMap::new(),
            changes: Vec::new(),
        }
    }

    /// Number of committed entries, those included whose time is over but which were not swept yet.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// The value of `key` with its timestamp, if its lifetime is not over at `now_ms`.
    pub fn get(&self, key: &[u8], now_ms: i64, lifetime: &Lifetime) -> Option<(&[u8], i64)> {
        let overlay = self.overlay.get(key).filter(|_| !is_broken(Law::Overlay));
        let (value, timestamp_ms) = match overlay {
            Some(&change) => {
                let change = &self.changes[change];
                (change.value.as_deref()?, change.timestamp_ms)
            }
            None => {
                let mut buffer = [0; 16];
                let (key, flag) = pack(key, &mut buffer);
                let found = self.index.find(self.hash(key), |&at| self.holds(at, key, flag))?;
                let entry = self.entry(*found);
                (entry.value, entry.timestamp_ms)
            }
        };
        (!expired(timestamp_ms, value, now_ms, lifetime)).then_some((value, timestamp_ms))
    }

    /// Remembers a change in the overlay; the last change of a key wins.
    pub fn change(&mut self, change: StateChange) {
        if let Some(&at) = self.overlay.get(&change.key) {
            self.changes[at] = change;
            return;
        }
        self.overlay.insert(change.key.clone(), self.changes.len());
        self.changes.push(change);
    }

    /// Whether the batch in hand changes this key.
    pub fn changes_key(&self, key: &[u8]) -> bool {
        self.overlay.contains_key(key)
    }

    /// The overlay's changes, one a key, in the order in which the keys were first touched.
    pub fn changes(&self) -> &[StateChange] {
        &self.changes
    }

    /// After the commit: the overlay becomes part of what is committed, and some of what has expired at `now_ms` is forgotten.
    pub fn merge(&mut self, now_ms: i64, lifetime: &Lifetime) {
        self.merge_with(now_ms, lifetime, Self::apply);
    }

    /// As [`Self::merge`], where others write as well: of two values the newer one counts.
    pub fn merge_newer(&mut self, now_ms: i64, lifetime: &Lifetime) {
        self.merge_with(now_ms, lifetime, Self::apply_newer);
    }

    fn merge_with(
        &mut self,
        now_ms: i64,
        lifetime: &Lifetime,
        apply: impl Fn(&mut Self, &[u8], Option<&[u8]>, i64),
    ) {
        self.overlay.clear();
        for change in std::mem::take(&mut self.changes) {
            apply(self, &change.key, change.value.as_deref(), change.timestamp_ms);
        }
        let due = self.due.min(MOST_DUE);
        self.due -= due;
        self.sweep(SWEPT + due, now_ms, lifetime);
    }

    /// After an abort: as if the batch had never been.
    pub fn discard(&mut self) {
        self.overlay.clear();
        self.changes.clear();
    }

    /// Takes over a committed record of the state topic.
    pub fn apply(&mut self, key: &[u8], value: Option<&[u8]>, timestamp_ms: i64) {
        if key.len() >= usize::from(PACKED) {
            // Somebody else's: keys of state are ids. An entry has no room for the length of this one.
            return;
        }
        let mut buffer = [0; 16];
        let (key, flag) = pack(key, &mut buffer);
        let hash = self.hash(key);
        let Some(value) = value else {
            if let Some(at) = self.take(hash, key, flag) {
                self.bury(at);
            }
            return;
        };
        self.due += 2;
        let at = self.append(key, flag, timestamp_ms, value);
        let Self { index, chunks, hasher, .. } = self;
        let slot = index.entry(
            hash,
            |&at| {
                let entry = entry_at(chunks, at);
                entry.key == key && entry.flag == flag
            },
            |&at| hasher.hash_one(entry_at(chunks, at).key),
        );
        let old = match slot {
            Entry::Occupied(mut slot) => Some(std::mem::replace(slot.get_mut(), at)),
            Entry::Vacant(slot) => {
                slot.insert(at);
                None
            }
        };
        if let Some(old) = old {
            self.bury(old);
        }
    }

    /// As [`Self::apply`], unless a newer value is there already.
    pub fn apply_newer(&mut self, key: &[u8], value: Option<&[u8]>, timestamp_ms: i64) {
        let mut buffer = [0; 16];
        let (packed, flag) = pack(key, &mut buffer);
        let known = self.index.find(self.hash(packed), |&at| self.holds(at, packed, flag));
        if known.is_none_or(|&at| self.entry(at).timestamp_ms <= timestamp_ms) {
            self.apply(key, value, timestamp_ms);
        }
    }

    /// Looks at so many entries, from where the last look ended, and forgets those that have expired. A commit looks at a few and at twice
    /// as many as have come since the last, which goes round all of them in time and costs little where a batch is small.
    fn sweep(&mut self, entries: usize, now_ms: i64, lifetime: &Lifetime) {
        for _ in 0..entries {
            let (chunk, offset) = self.sweep;
            if offset >= self.chunks[chunk].bytes.len() {
                self.sweep = ((chunk + 1) % self.chunks.len(), 0);
                self.compact_if_dead(chunk);
                continue;
            }
            let at = position(chunk, offset);
            let entry = self.entry(at);
            let size_bytes = entry.size_bytes;
            if !expired(entry.timestamp_ms, entry.value, now_ms, lifetime) {
                self.sweep.1 += size_bytes;
                continue;
            }
            let hash = self.hash(entry.key);
            self.sweep.1 += size_bytes;
            if let Ok(found) = self.index.find_entry(hash, |&found| found == at) {
                found.remove();
                // Not `bury`, which may move the entries that are still to be looked at.
                self.chunks[chunk].dead_bytes += size_bytes;
            }
        }
    }

    fn hash(&self, packed_key: &[u8]) -> u64 {
        self.hasher.hash_one(packed_key)
    }

    fn entry(&self, at: Position) -> Packed<'_> {
        entry_at(&self.chunks, at)
    }

    fn holds(&self, at: Position, key: &[u8], flag: u16) -> bool {
        let entry = self.entry(at);
        entry.key == key && entry.flag == flag
    }

    fn take(&mut self, hash: u64, key: &[u8], flag: u16) -> Option<Position> {
        let Self { index, chunks, .. } = self;
        let found = index.find_entry(hash, |&at| {
            let entry = entry_at(chunks, at);
            entry.key == key && entry.flag == flag
        });
        found.ok().map(|found| found.remove().0)
    }

    fn append(&mut self, key: &[u8], flag: u16, timestamp_ms: i64, value: &[u8]) -> Position {
        let size = (HEADER_BYTES + key.len() + value.len()).next_multiple_of(ALIGN);
        let used = self.chunks[self.current].bytes.len();
        if used > 0 && used + size > CHUNK_BYTES {
            self.current = self.free.pop().unwrap_or_else(|| {
                self.chunks.push(Chunk::default());
                self.chunks.len() - 1
            });
        }
        let bytes = &mut self.chunks[self.current].bytes;
        let at = position(self.current, bytes.len());
        let end = bytes.len() + size;
        // Longer keys are not taken, and records are far below the bound of values.
        let key_length = u16::try_from(key.len()).unwrap_or(PACKED - 1) | flag;
        let value_length = u32::try_from(value.len()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&key_length.to_le_bytes());
        bytes.extend_from_slice(&timestamp_ms.to_le_bytes());
        bytes.extend_from_slice(&value_length.to_le_bytes());
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(value);
        bytes.resize(end, 0);
        at
    }

    fn bury(&mut self, at: Position) {
        let (chunk, _) = place(at);
        self.chunks[chunk].dead_bytes += self.entry(at).size_bytes;
        self.compact_if_dead(chunk);
    }

    /// Moves what lives in a chunk that is mostly dead to the current chunk.
    fn compact_if_dead(&mut self, chunk: usize) {
        let Chunk { bytes, dead_bytes } = &self.chunks[chunk];
        if chunk == self.current || bytes.is_empty() || dead_bytes * 2 < bytes.len() {
            return;
        }
        let old = std::mem::take(&mut self.chunks[chunk]);
        if self.sweep.0 == chunk {
            self.sweep.1 = 0;
        }
        let mut offset = 0;
        while offset < old.bytes.len() {
            let entry = parse(&old.bytes[offset..]);
            let at = position(chunk, offset);
            offset += entry.size_bytes;
            let hash = self.hash(entry.key);
            if self.index.find(hash, |&found| found == at).is_none() {
                continue;
            }
            let moved = self.append(entry.key, entry.flag, entry.timestamp_ms, entry.value);
            if let Some(slot) = self.index.find_mut(hash, |&found| found == at) {
                *slot = moved;
            }
        }
        self.free.push(chunk);
    }
}

fn expired(timestamp_ms: i64, value: &[u8], now_ms: i64, lifetime: &Lifetime) -> bool {
    let lifetime_ms = i64::try_from(lifetime(value).as_millis()).unwrap_or(i64::MAX);
    timestamp_ms.saturating_add(lifetime_ms) < now_ms
}

/// Ids travel as 32 hexadecimal digits; they are kept as 16 bytes.
fn pack<'a>(key: &'a [u8], buffer: &'a mut [u8; 16]) -> (&'a [u8], u16) {
    let Some(id) = id_of(key) else { return (key, 0) };
    *buffer = id;
    (buffer, PACKED)
}

/// The bytes of a key of 32 lower-case hexadecimal digits.
pub(crate) fn id_of(key: &[u8]) -> Option<[u8; 16]> {
    let digits = <&[u8; 32]>::try_from(key).ok()?;
    let (mut id, mut wrong) = ([0; 16], 0);
    for (byte, pair) in id.iter_mut().zip(digits.as_chunks::<2>().0) {
        let (high, low) = (DIGITS[usize::from(pair[0])], DIGITS[usize::from(pair[1])]);
        wrong |= high | low;
        *byte = high << 4 | low & 15;
    }
    (wrong & NO_DIGIT == 0).then_some(id)
}

/// The key that [`id_of`] made these bytes of.
pub(crate) fn key_of(id: [u8; 16]) -> Box<[u8]> {
    id.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| HEXADECIMAL[usize::from(digit)]).collect()
}

const HEXADECIMAL: &[u8; 16] = b"0123456789abcdef";
const NO_DIGIT: u8 = 0x80;

/// The value of each lower-case hexadecimal digit: a key is packed for every record that is read, so nothing branches.
const DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        digits[HEXADECIMAL[value as usize] as usize] = value;
        value += 1;
    }
    digits
};

fn position(chunk: usize, offset: usize) -> Position {
    let chunk = u32::try_from(chunk).unwrap_or(u32::MAX);
    let units = u32::try_from(offset / ALIGN).unwrap_or(u32::MAX);
    chunk << 16 | units
}

fn place(at: Position) -> (usize, usize) {
    ((at >> 16) as usize, (at & 0xffff) as usize * ALIGN)
}

fn entry_at(chunks: &[Chunk], at: Position) -> Packed<'_> {
    let (chunk, offset) = place(at);
    parse(&chunks[chunk].bytes[offset..])
}

fn parse(bytes: &[u8]) -> Packed<'_> {
    let (head, rest) = bytes.split_at(HEADER_BYTES);
    let mut timestamp = [0; 8];
    timestamp.copy_from_slice(&head[2..10]);
    let mut value_length = [0; 4];
    value_length.copy_from_slice(&head[10..14]);
    let key_length = u16::from_le_bytes([head[0], head[1]]);
    let (key, rest) = rest.split_at(usize::from(key_length & !PACKED));
    let value = &rest[..u32::from_le_bytes(value_length) as usize];
    Packed {
        key,
        flag: key_length & PACKED,
        timestamp_ms: i64::from_le_bytes(timestamp),
        value,
        size_bytes: (HEADER_BYTES + key.len() + value.len()).next_multiple_of(ALIGN),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap as Model;

    use proptest::prelude::*;

    use super::*;

    fn days(n: u64) -> Lifetime {
        Arc::new(move |_| Duration::from_secs(n * 86_400))
    }

    fn put(key: &str, value: &[u8], timestamp_ms: i64) -> StateChange {
        StateChange { key: key.as_bytes().into(), value: Some(value.to_vec()), timestamp_ms }
    }

    #[test]
    fn a_batch_reads_its_own_changes_and_an_abort_forgets_them() {
        let mut table = Table::new();
        table.apply(b"a", Some(b"committed"), 1);
        table.change(put("a", b"overlay", 2));
        table.change(StateChange { key: b"b"[..].into(), value: None, timestamp_ms: 2 });
        assert_eq!(table.get(b"a", 2, &days(1)), Some((&b"overlay"[..], 2)));
        table.discard();
        assert_eq!(table.get(b"a", 2, &days(1)), Some((&b"committed"[..], 1)));
        table.change(put("a", b"overlay", 2));
        table.merge(2, &days(1));
        assert_eq!((table.get(b"a", 2, &days(1)), table.len()), (Some((&b"overlay"[..], 2)), 1));
    }

    #[test]
    fn a_key_that_nobody_of_ours_wrote_spoils_no_entry() {
        let mut table = Table::new();
        table.apply(&[b'k'; 40_000], Some(b"v"), 0);
        table.apply(b"a", Some(b"v"), 0);
        table.sweep(10, 1, &days(1));
        assert_eq!((table.get(b"a", 1, &days(1)), table.len()), (Some((&b"v"[..], 0)), 1));
    }

    #[test]
    fn an_entry_is_gone_when_its_lifetime_is_over_whether_swept_or_not() {
        let mut table = Table::new();
        let day = 86_400_000;
        table.apply(b"old", Some(b"v"), 0);
        assert!(table.get(b"old", day, &days(1)).is_some());
        assert!(table.get(b"old", day + 1, &days(1)).is_none());
        table.sweep(1, day + 1, &days(1));
        assert_eq!(table.len(), 0);
    }

    #[test]
    fn commits_that_write_keep_what_has_expired_within_bounds() {
        let mut table = Table::new();
        let mut most = 0;
        for hour in 0..200 {
            for key in 0..1_000 {
                table.change(put(&format!("{hour} {key}"), b"value", hour * 3_600_000));
            }
            table.merge(hour * 3_600_000, &days(1));
            most = most.max(table.len());
        }
        // 25,000 live; as many again may wait for their turn.
        assert!(most < 50_000, "{most} entries held");
    }

    #[test]
    fn an_id_and_other_keys_of_its_bytes_do_not_meet() {
        let mut table = Table::new();
        let id = "00112233445566778899aabbccddeeff";
        table.apply(id.as_bytes(), Some(b"id"), 1);
        let bytes: Vec<u8> = (0..16_u8).map(|n| n * 0x11).collect();
        assert_eq!(table.get(&bytes, 1, &days(1)), None);
        assert_eq!(table.get(id.to_uppercase().as_bytes(), 1, &days(1)), None);
        assert_eq!(table.get(id.as_bytes(), 1, &days(1)), Some((&b"id"[..], 1)));
    }

    proptest! {
        #[test]
        fn a_table_holds_what_a_map_would_hold(
            steps in prop::collection::vec((0..40_u32, prop::option::of(0..60_000_usize), any::<bool>()), 1..400)
        ) {
            let mut table = Table::new();
            let mut model: Model<String, Vec<u8>> = Model::new();
            for (step, (key, length, hex)) in steps.into_iter().enumerate() {
                let key = if hex { format!("{key:032x}") } else { format!("key {key}") };
                let value = length.map(|length| vec![step as u8; length]);
                table.apply(key.as_bytes(), value.as_deref(), 1);
                match value {
                    Some(value) => { model.insert(key, value); }
                    None => { model.remove(&key); }
                }
                table.sweep(5, 1, &days(1));
            }
            prop_assert_eq!(table.len(), model.len());
            for (key, value) in &model {
                prop_assert_eq!(table.get(key.as_bytes(), 1, &days(1)).map(|(value, _)| value), Some(&value[..]));
            }
            let live: usize = model.values().map(|value| value.len() + 64).sum();
            let held: usize = table.chunks.iter().map(|chunk| chunk.bytes.capacity()).sum();
            prop_assert!(held <= 4 * live + 4 * CHUNK_BYTES, "{held} bytes held for {live} bytes alive");
        }
    }
}
