//! Retention and compaction of the embedded file, as the broker would do them.

use std::{
    hash::BuildHasher as _,
    sync::{Arc, Weak},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use hashbrown::{DefaultHashBuilder, HashMap, hash_map::Entry};
use rusqlite::{Connection, params};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{Shared, file, lock};
use crate::{COMPACTION_LAG, Cleanup, LogError, pause};

/// How often the file is looked through; an erasure is bounded by this plus [`COMPACTION_LAG`].
const EVERY: Duration = Duration::from_secs(600);
/// Rows of a page: looked at in one read transaction, or deleted while the writer waits.
const ROWS: u32 = 1_000;
/// Keys held in memory at once: some 50 MB.
const KEYS: u64 = 1_000_000;

/// The thread that cleans up while the log is open.
pub(super) struct Cleaner {
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Cleaner {
    pub(super) fn start(shared: &Arc<Shared>) -> Result<Self, LogError> {
        let stop = CancellationToken::new();
        let (weak, token) = (Arc::downgrade(shared), stop.clone());
        let thread = std::thread::Builder::new()
            .name("hark-cleanup".to_owned())
            .spawn(move || run(&weak, &token))
            .map_err(|source| LogError::Io {
                operation: "starting the cleanup thread",
                path: shared.path.display().to_string(),
                source,
            })?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Cleaner {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            warn!("the cleanup thread panicked");
        }
    }
}

fn run(shared: &Weak<Shared>, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        pause(stop, EVERY);
        let Some(shared) = shared.upgrade() else { return };
        let began = Instant::now();
        match clean(&shared, file::now_ms(), stop) {
            Ok(0) => {}
            Ok(rows) => debug!(rows, took = ?began.elapsed(), "records cleaned up"),
            Err(error) => warn!(%error, "cleaning up failed; the next round tries again"),
        }
    }
}

/// One round; returns the number of rows deleted. Reads a page at a time, so that memory stays small, readers' transactions short,
/// and a stop is seen.
pub(super) fn clean(shared: &Shared, now_ms: i64, stop: &CancellationToken) -> Result<usize, LogError> {
    let reader = shared.open_reader()?;
    let fail = |source| file::failed("cleaning up", &shared.path, source);
    let ago = |age: Duration| now_ms.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
    let mut deleted = 0;
    for topic in file::describe(&reader).map_err(fail)? {
        let id = shared.topic(&topic.name)?.id;
        for partition in 0..topic.partitions {
            let place = Place { shared, reader: &reader, topic: id, partition, stop };
            if topic.cleanup != Cleanup::Compact
                && let Some(retention) = topic.retention
            {
                deleted += place.expire(ago(retention)).map_err(fail)?;
            }
            if topic.cleanup.compacts() {
                deleted += place.compact(ago(COMPACTION_LAG)).map_err(fail)?;
            }
        }
    }
    Ok(deleted)
}

/// The partition that is looked through.
struct Place<'a> {
    shared: &'a Shared,
    reader: &'a Connection,
    topic: i64,
    partition: u32,
    stop: &'a CancellationToken,
}

impl Place<'_> {
    /// Deletes records older than `before`, from the start up to the first page that has none: records come in the order of time,
    /// or nearly so.
    fn expire(&self, before: i64) -> rusqlite::Result<usize> {
        let mut from = 0;
        let mut deleted = 0;
        while !self.stop.is_cancelled() {
            let mut old = Vec::new();
            let mut last = None;
            self.reader
                .prepare_cached(
                    "SELECT offset, timestamp_ms FROM records WHERE topic = ?1 AND partition = ?2 AND offset >= ?3
                     ORDER BY offset LIMIT ?4",
                )?
                .query_map(params![self.topic, self.partition, from, ROWS], |row| {
                    let offset = row.get(0)?;
                    last = Some(offset);
                    if row.get::<_, i64>(1)? < before {
                        old.push(offset);
                    }
                    Ok(())
                })?
                .collect::<rusqlite::Result<()>>()?;
            let Some(last) = last.filter(|_| !old.is_empty()) else { break };
            deleted += self.delete(&old)?;
            from = last + 1;
        }
        Ok(deleted)
    }

    /// Deletes records older than `before` that have a newer one of the same key, and tombstones that are alone: one that went
    /// before what it deletes would bring it back. Goes from the newest to the oldest, in as many passes as keep the keys of a
    /// pass below [`KEYS`].
    fn compact(&self, before: i64) -> rusqlite::Result<usize> {
        let span: Option<i64> = self
            .reader
            .prepare_cached(
                "SELECT max(offset) - min(offset) FROM records WHERE topic = ?1 AND partition = ?2",
            )?
            .query_row(params![self.topic, self.partition], |row| row.get(0))?;
        let passes = u64::try_from(span.unwrap_or_default()).unwrap_or_default() / KEYS + 1;
        let hashers = [DefaultHashBuilder::default(), DefaultHashBuilder::default()];
        (0..passes).map(|pass| self.compact_keys(before, &hashers, |hash| hash % passes == pass)).sum()
    }

    fn compact_keys(
        &self,
        before: i64,
        hashers: &[DefaultHashBuilder; 2],
        is_ours: impl Fn(u64) -> bool,
    ) -> rusqlite::Result<usize> {
        // By the key's hash: the offset of a tombstone, as long as it is the only record of its key.
        let mut newest: HashMap<(u64, u64), Option<i64>> = HashMap::new();
        let mut below = i64::MAX;
        let mut deleted = 0;
        while !self.stop.is_cancelled() {
            let mut replaced = Vec::new();
            let mut lowest = None;
            self.reader
                .prepare_cached(
                    "SELECT offset, timestamp_ms, value IS NULL, key FROM records
                     WHERE topic = ?1 AND partition = ?2 AND offset < ?3 ORDER BY offset DESC LIMIT ?4",
                )?
                .query_map(params![self.topic, self.partition, below, ROWS], |row| {
                    let offset = row.get(0)?;
                    lowest = Some(offset);
                    let Some(key) = row.get_ref(3)?.as_blob_or_null()? else { return Ok(()) };
                    let hash = hashers[0].hash_one(key);
                    if !is_ours(hash) {
                        return Ok(());
                    }
                    let is_old = row.get::<_, i64>(1)? < before;
                    match newest.entry((hash, hashers[1].hash_one(key))) {
                        Entry::Vacant(first) => {
                            first.insert((is_old && row.get(2)?).then_some(offset));
                        }
                        Entry::Occupied(mut known) => {
                            known.insert(None);
                            if is_old {
                                replaced.push(offset);
                            }
                        }
                    }
                    Ok(())
                })?
                .collect::<rusqlite::Result<()>>()?;
            let Some(lowest) = lowest else {
                let alone: Vec<i64> = newest.into_values().flatten().collect();
                return Ok(deleted + self.delete(&alone)?);
            };
            deleted += self.delete(&replaced)?;
            below = lowest;
        }
        Ok(deleted)
    }

    fn delete(&self, offsets: &[i64]) -> rusqlite::Result<usize> {
        let mut deleted = 0;
        for offsets in offsets.chunks(ROWS as usize) {
            if self.stop.is_cancelled() {
                break;
            }
            let mut writer = lock(&self.shared.writer);
            let transaction = writer.transaction()?;
            {
                let mut statement = transaction.prepare_cached(
                    "DELETE FROM records WHERE topic = ?1 AND partition = ?2 AND offset = ?3",
                )?;
                for offset in offsets {
                    deleted += statement.execute(params![self.topic, self.partition, offset])?;
                }
            }
            transaction.commit()?;
        }
        Ok(deleted)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{super::*, *};
    use crate::{From, Output, TopicSpec};

    const DAY_MS: i64 = 24 * 3600 * 1000;

    fn keys(log: &EmbeddedLog, topic: &str) -> Vec<(i64, String)> {
        let mut keys = Vec::new();
        let mut reader = log.reader(topic, From::Start).unwrap();
        while !reader
            .read(Duration::ZERO, &mut |record| {
                keys.push((
                    record.offset,
                    String::from_utf8_lossy(record.key.unwrap_or_default()).into_owned(),
                ));
            })
            .unwrap()
        {}
        keys
    }

    #[test]
    fn old_records_go_by_age_and_replaced_ones_after_a_day() {
        let folder = tempfile::tempdir().unwrap();
        let log = EmbeddedLog::open(folder.path(), Options::default()).unwrap();
        let days = |n: u64| Some(Duration::from_secs(n * 24 * 3600));
        let spec = |name: &str, cleanup, retention| TopicSpec {
            name: name.to_owned(),
            partitions: 1,
            replication: None,
            cleanup,
            retention,
        };
        log.create_topics(&[
            spec("both", Cleanup::CompactDelete, days(7)),
            spec("kept", Cleanup::Compact, None),
        ])
        .unwrap();
        let now_ms = file::now_ms();
        let output = |topic: &str, key: &str, age_days: i64, value: Option<&[u8]>| Output {
            topic: topic.into(),
            partition: 0,
            key: key.into(),
            value: value.map(<[u8]>::to_vec),
            headers: Vec::new(),
            timestamp_ms: Some(now_ms - age_days * DAY_MS),
        };
        let mut outputs = Vec::new();
        for topic in ["both", "kept"] {
            outputs.extend([
                output(topic, "ancient", 8, Some(b"0")),
                output(topic, "twice", 3, Some(b"1")),
                output(topic, "twice", 2, Some(b"2")),
                output(topic, "gone", 2, None),
                output(topic, "fresh", 0, Some(b"3")),
                output(topic, "fresh", 0, Some(b"4")),
            ]);
        }
        log.producer("p").unwrap().commit(&outputs).unwrap();
        clean(&log.shared, now_ms, &CancellationToken::new()).unwrap();
        let left =
            |keys: &[(i64, &str)]| keys.iter().map(|(n, key)| (*n, (*key).to_owned())).collect::<Vec<_>>();
        assert_eq!(keys(&log, "both"), left(&[(2, "twice"), (4, "fresh"), (5, "fresh")]));
        assert_eq!(keys(&log, "kept"), left(&[(0, "ancient"), (2, "twice"), (4, "fresh"), (5, "fresh")]));
        // Pages: what is old goes beyond the first of them, and each key keeps its newest record.
        let many: Vec<Output> =
            (0..5_000).map(|n| output("kept", &format!("{}", n % 1_700), 2, Some(b"6"))).collect();
        log.producer("p").unwrap().commit(&many).unwrap();
        clean(&log.shared, now_ms, &CancellationToken::new()).unwrap();
        let kept = keys(&log, "kept");
        assert_eq!(kept.len(), 4 + 1_700, "one record a key");
        assert_eq!(kept[4], (6 + 3_300, "1600".to_owned()), "the newest");
        log.producer("p").unwrap().commit(&[output("both", "next", 0, Some(b"5"))]).unwrap();
        assert_eq!(keys(&log, "both").last().map(|(offset, _)| *offset), Some(6), "offsets go on");
    }
}
