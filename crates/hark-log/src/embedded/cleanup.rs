//! Retention and compaction of the embedded file, as the broker would do them.

use std::{
    sync::{Arc, Weak},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rusqlite::{Connection, params};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{Shared, file, lock};
use crate::{COMPACTION_LAG, Cleanup, LogError, worker::pause};

/// How often the file is looked through; an erasure is bounded by this plus [`COMPACTION_LAG`].
const EVERY: Duration = Duration::from_secs(600);
/// Rows deleted while the writer waits.
const ROWS: usize = 1_000;

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

/// One round; returns the number of rows deleted.
pub(super) fn clean(shared: &Shared, now_ms: i64, stop: &CancellationToken) -> Result<usize, LogError> {
    let reader = file::open_reader(&shared.path)?;
    let fail = |source| file::failed("cleaning up", &shared.path, source);
    let mut deleted = 0;
    for topic in file::describe(&reader).map_err(fail)? {
        let id = shared.topic(&topic.name)?.id;
        for partition in 0..topic.partitions {
            if topic.cleanup != Cleanup::Compact
                && let Some(retention) = topic.retention
            {
                let before = now_ms.saturating_sub(i64::try_from(retention.as_millis()).unwrap_or(i64::MAX));
                let old = too_old(&reader, id, partition, before).map_err(fail)?;
                deleted += delete(shared, id, partition, &old, stop).map_err(fail)?;
            }
            if topic.cleanup.compacts() {
                let before =
                    now_ms.saturating_sub(i64::try_from(COMPACTION_LAG.as_millis()).unwrap_or(i64::MAX));
                let replaced = replaced(&reader, id, partition, before).map_err(fail)?;
                deleted += delete(shared, id, partition, &replaced, stop).map_err(fail)?;
            }
        }
    }
    Ok(deleted)
}

fn too_old(reader: &Connection, topic: i64, partition: u32, before: i64) -> rusqlite::Result<Vec<i64>> {
    reader
        .prepare_cached(
            "SELECT offset FROM records WHERE topic = ?1 AND partition = ?2 AND timestamp_ms < ?3",
        )?
        .query_map(params![topic, partition, before], |row| row.get(0))?
        .collect()
}

/// Records with a newer one of the same key, and tombstones that are alone: one that goes before what it deletes would bring it back.
fn replaced(reader: &Connection, topic: i64, partition: u32, before: i64) -> rusqlite::Result<Vec<i64>> {
    reader
        .prepare_cached(
            "SELECT offset FROM (
                 SELECT offset, timestamp_ms, value,
                     max(offset) OVER (PARTITION BY key) AS newest, min(offset) OVER (PARTITION BY key) AS oldest
                 FROM records WHERE topic = ?1 AND partition = ?2 AND key IS NOT NULL
             ) WHERE timestamp_ms < ?3 AND (offset < newest OR (value IS NULL AND offset = oldest))",
        )?
        .query_map(params![topic, partition, before], |row| row.get(0))?
        .collect()
}

fn delete(
    shared: &Shared,
    topic: i64,
    partition: u32,
    offsets: &[i64],
    stop: &CancellationToken,
) -> rusqlite::Result<usize> {
    let mut deleted = 0;
    for offsets in offsets.chunks(ROWS) {
        if stop.is_cancelled() {
            break;
        }
        let mut writer = lock(&shared.writer);
        let transaction = writer.transaction()?;
        {
            let mut statement = transaction
                .prepare_cached("DELETE FROM records WHERE topic = ?1 AND partition = ?2 AND offset = ?3")?;
            for offset in offsets {
                deleted += statement.execute(params![topic, partition, offset])?;
            }
        }
        transaction.commit()?;
    }
    Ok(deleted)
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
        log.producer("p").unwrap().commit(&[output("both", "next", 0, Some(b"5"))]).unwrap();
        assert_eq!(keys(&log, "both").last().map(|(offset, _)| *offset), Some(6), "offsets go on");
    }
}
