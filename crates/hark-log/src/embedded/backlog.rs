//! What the records that wait for a stage will take on the disk once they are worked off: ingest leaves that much free.
//!
//! A record is not paid for when it is written: each stage wraps it and writes it again. So a backlog fills a disk that ingest found
//! free, and a full disk cannot be worked off. The room is reckoned from the sizes of the records that wait, by what SQLite makes of rows of
//! that size; it is handed back as the groups commit.

use std::collections::{HashMap, VecDeque};

use rusqlite::{Connection, params};

use super::file::{self, Topics};
use crate::{NextOffset, Output};

/// What becomes of the records of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkedOff {
    /// The topic, by its whole name.
    pub topic: String,
    /// The group that works it off.
    pub group: String,
    /// For each record that one record brings about, there or further on: the bytes by which it is larger, headers included.
    pub brings: Vec<u64>,
}

/// Bytes of a row that SQLite keeps in its page, at most; the rest has pages of its own. (Of 4 KiB, without rowid.)
const LOCAL_BYTES: u64 = 900;
/// A row beyond that: its place in the page, and the unused end of its last page of its own.
const OVERFLOW_BYTES: u64 = 5 * 1024;
/// Records are counted together up to so much room: what bounds the memory for a long backlog. Room is free again when all of them are worked off.
const STRETCH_BYTES: u64 = 1024 * 1024;

/// Bytes that a record of this size takes in the file, at most: pages are between half and all full.
fn on_disk(bytes: u64) -> u64 {
    if bytes <= LOCAL_BYTES { bytes * 3 / 2 + 64 } else { bytes + OVERFLOW_BYTES }
}

/// The room that all backlogs need.
#[derive(Default)]
pub(super) struct Backlog {
    topics: Vec<Waiting>,
}

struct Waiting {
    worked_off: WorkedOff,
    partitions: HashMap<u32, VecDeque<Stretch>>,
    bytes: u64,
}

/// Records that follow each other in a partition.
struct Stretch {
    /// Offset behind the last.
    end: i64,
    bytes: u64,
}

impl Backlog {
    /// As it lies in the file.
    pub(super) fn load(
        worked_off: &[WorkedOff],
        connection: &Connection,
        topics: &Topics,
    ) -> rusqlite::Result<Self> {
        let mut backlog = Self { topics: Vec::new() };
        for worked_off in worked_off {
            let mut waiting =
                Waiting { worked_off: worked_off.clone(), partitions: HashMap::new(), bytes: 0 };
            if let Some(topic) = topics.get(&*worked_off.topic) {
                // By partition, so that what is worked off and kept for its retention need not be looked at.
                let mut records = connection.prepare_cached(
                    "SELECT offset, ifnull(length(key), 0) + ifnull(length(value), 0) + ifnull(length(headers), 0)
                     FROM records WHERE topic = ?1 AND partition = ?2 AND offset >= ?3 ORDER BY offset",
                )?;
                for partition in 0..topic.partitions {
                    let next = file::committed(connection, &worked_off.group, topic.id, partition)?
                        .map_or(0, |(next, _)| next);
                    let mut rows = records.query(params![topic.id, partition, next])?;
                    while let Some(row) = rows.next()? {
                        let bytes: u32 = row.get(1)?;
                        waiting.add(partition, row.get::<_, i64>(0)? + 1, u64::from(bytes));
                    }
                }
            }
            backlog.topics.push(waiting);
        }
        Ok(backlog)
    }

    /// All that is waiting needs so much.
    pub(super) fn bytes(&self) -> u64 {
        self.topics.iter().map(|waiting| waiting.bytes).sum()
    }

    /// What these records take now, and what they bring about.
    pub(super) fn needs(&self, outputs: &[Output]) -> u64 {
        let needs = |output: &Output| {
            let bytes = output.size_bytes() as u64;
            let waiting = self.topics.iter().find(|waiting| *waiting.worked_off.topic == *output.topic);
            on_disk(bytes) + waiting.map_or(0, |waiting| waiting.needs(bytes))
        };
        outputs.iter().map(needs).sum()
    }

    /// These were written; `end` says where their partition ends now.
    pub(super) fn add(&mut self, outputs: &[Output], end: impl Fn(&Output) -> Option<i64>) {
        for output in outputs {
            let waiting = self.topics.iter_mut().find(|waiting| *waiting.worked_off.topic == *output.topic);
            if let Some((waiting, end)) = waiting.zip(end(output)) {
                waiting.add(output.partition, end, output.size_bytes() as u64);
            }
        }
    }

    /// The group goes on from there.
    pub(super) fn settle(&mut self, group: &str, next: &[NextOffset]) {
        for waiting in self.topics.iter_mut().filter(|waiting| waiting.worked_off.group == group) {
            for next in next {
                let Some(stretches) = waiting.partitions.get_mut(&next.partition) else { continue };
                while stretches.front().is_some_and(|stretch| stretch.end <= next.offset) {
                    let over = stretches.pop_front().map_or(0, |stretch| stretch.bytes);
                    waiting.bytes = waiting.bytes.saturating_sub(over);
                }
            }
        }
    }
}

impl Waiting {
    fn needs(&self, bytes: u64) -> u64 {
        self.worked_off.brings.iter().map(|more| on_disk(bytes + more)).sum()
    }

    fn add(&mut self, partition: u32, end: i64, bytes: u64) {
        let needs = self.needs(bytes);
        self.bytes += needs;
        let stretches = self.partitions.entry(partition).or_default();
        match stretches.back_mut() {
            Some(last) if last.bytes + needs <= STRETCH_BYTES => {
                last.bytes += needs;
                last.end = end;
            }
            _ => stretches.push_back(Stretch { end, bytes: needs }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path, sync::Arc};

    use super::{super::Shared, *};
    use crate::{
        Cleanup, CommitError, Log as _, TopicSpec,
        embedded::{EmbeddedLog, Options},
    };

    const RESERVE_BYTES: u64 = 8 * 1024 * 1024;
    /// Records of a transaction.
    const BATCH: usize = 100;

    /// A disk of 24 MiB on which nothing lies but the log.
    fn free_bytes(folder: &Path) -> Option<u64> {
        let files = fs::read_dir(folder).ok()?;
        let used: u64 = files.filter_map(|file| Some(file.ok()?.metadata().ok()?.len())).sum();
        Some((24 * 1024 * 1024_u64).saturating_sub(used))
    }

    fn open(folder: &Path, worked_off: &[(&str, &str, &[u64])]) -> EmbeddedLog {
        let worked_off = worked_off.iter().map(|(topic, group, brings)| WorkedOff {
            topic: (*topic).to_owned(),
            group: (*group).to_owned(),
            brings: brings.to_vec(),
        });
        let options =
            Options { disk_reserve_bytes: RESERVE_BYTES, worked_off: worked_off.collect(), free_bytes };
        let log = EmbeddedLog::open(folder, options).unwrap();
        let spec = |name: &str| TopicSpec {
            name: name.to_owned(),
            partitions: 1,
            replication: None,
            cleanup: Cleanup::Delete,
            retention: None,
        };
        log.create_topics(&["posts", "mentions", "queue"].map(spec)).unwrap();
        log
    }

    fn records(topic: &str, bytes: usize, count: usize) -> Vec<Output> {
        let record = |_| Output {
            topic: topic.into(),
            partition: 0,
            key: vec![b'k'; 32],
            value: Some(vec![b'v'; bytes - 32]),
            headers: Vec::new(),
            timestamp_ms: None,
        };
        (0..count).map(record).collect()
    }

    /// Posts of this size are taken as long as they are: how many there are.
    fn take(log: &EmbeddedLog, bytes: usize) -> usize {
        let (mut producer, mut taken) = (log.producer("ingest").unwrap(), 0);
        loop {
            match producer.commit(&records("posts", bytes, BATCH)) {
                Ok(()) => taken += BATCH,
                Err(CommitError::Full { .. }) => return taken,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// A stage works off all of a topic; the least room that was left meanwhile.
    fn work_off(shared: &Arc<Shared>, from: &str, group: &str, to: &str, bytes: usize, count: usize) -> u64 {
        let topic = shared.topic(from).unwrap();
        let mut least = u64::MAX;
        for done in (0..count).step_by(BATCH) {
            let next = NextOffset {
                partition: 0,
                offset: i64::try_from(done + BATCH).unwrap(),
                metadata: String::new(),
            };
            shared.commit(&records(to, bytes, BATCH), Some((group, topic, &[next]))).unwrap();
            least = least.min(free_bytes(&shared.folder).unwrap());
        }
        least
    }

    #[test]
    fn what_was_taken_until_the_disk_was_full_can_be_worked_off() {
        let reckoned: [(&str, &str, &[u64]); 2] =
            [("posts", "enrich", &[512, 1024]), ("mentions", "route", &[512])];
        // As measured: short posts, those whose mentions no longer fit into a page, long ones.
        for (post, mention, item) in [(209, 614, 777), (591, 1027, 1282), (8_191, 8_589, 8_754)] {
            let run = |worked_off: &[_]| {
                let folder = tempfile::tempdir().unwrap();
                let log = open(folder.path(), worked_off);
                let taken = take(&log, post);
                assert!(taken > 300, "hardly anything is taken: {taken} of {post} bytes");
                let shared = &log.shared;
                let least = work_off(shared, "posts", "enrich", "mentions", mention, taken)
                    .min(work_off(shared, "mentions", "route", "queue", item, taken));
                assert_eq!(lock_bytes(shared), 0, "nothing waits any more");
                least
            };
            // The WAL is 4 MiB, and comes and goes.
            assert!(run(&reckoned) >= RESERVE_BYTES / 2, "{post} bytes: the reserve was needed");
            assert_eq!(run(&[]), 0, "{post} bytes: the disk would have been full all the same");
        }
    }

    fn lock_bytes(shared: &Shared) -> u64 {
        super::super::lock(&shared.backlog).bytes()
    }

    #[test]
    fn a_restart_reckons_what_waits_from_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let reckoned: [(&str, &str, &[u64]); 1] = [("posts", "enrich", &[0, 1024])];
        let log = open(folder.path(), &reckoned);
        log.producer("ingest").unwrap().commit(&records("posts", 400, 300)).unwrap();
        work_off(&log.shared, "posts", "enrich", "mentions", 500, 100);
        drop(log);
        let log = open(folder.path(), &reckoned);
        assert_eq!(lock_bytes(&log.shared), 200 * (on_disk(400) + on_disk(1424)));
        let room = log.room_bytes().unwrap();
        work_off(&log.shared, "posts", "enrich", "mentions", 40, 300);
        assert_eq!(lock_bytes(&log.shared), 0);
        assert!(log.room_bytes().unwrap() > room, "what is worked off needs no room any more");
    }

    #[test]
    fn room_inside_the_file_counts_when_records_have_gone() {
        let folder = tempfile::tempdir().unwrap();
        let log = open(folder.path(), &[]);
        take(&log, 8_000);
        lock(&log).execute("DELETE FROM records", []).unwrap();
        assert!(take(&log, 8_000) > 300, "the file does not shrink, and has room");
    }

    fn lock(log: &EmbeddedLog) -> std::sync::MutexGuard<'_, Connection> {
        super::super::lock(&log.shared.writer)
    }
}
