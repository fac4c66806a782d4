//! The embedded log: one SQLite file in WAL mode with `synchronous=FULL`; one SQL transaction is the commit.
//!
//! One process owns the file, one session a stage, no groups. Other processes may read it ([`EmbeddedLog::open_read_only`]) in
//! short read transactions.

mod backlog;
mod cleanup;
mod file;
mod reader;
mod session;
mod still;

use std::{
    collections::{HashMap, HashSet},
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

pub use backlog::WorkedOff;
use rusqlite::Connection;

use backlog::Backlog;

use crate::{
    CommitError, From, GroupOffset, Log, LogError, NextOffset, Output, Producer, Reader, Record, Session,
    SessionConfig, TopicDescription, TopicSpec,
};

/// Name of the file in the data folder.
const FILE: &str = "hark.db";
/// Locked by the owner as long as it lives; not empty where there is, or was, a log.
const LOCK_FILE: &str = "hark.lock";

/// Free space that ingest leaves on the disk beside what the records that wait for a stage will take: for the WAL, which holds a transaction twice,
/// and for what is larger than was reckoned.
pub const DISK_RESERVE_BYTES: u64 = 64 * 1024 * 1024;

/// A log in one file.
pub struct EmbeddedLog {
    shared: Arc<Shared>,
    /// Ends the thread that cleans up.
    _cleanup: Option<cleanup::Cleaner>,
}

/// How to open the file.
#[derive(Clone, Debug)]
pub struct Options {
    /// See [`DISK_RESERVE_BYTES`].
    pub disk_reserve_bytes: u64,
    /// What becomes of the records of which topics; for these there is to be room before more are taken.
    pub worked_off: Vec<WorkedOff>,
    /// Free space for this user on the disk of a folder; `None` where the system does not say.
    pub free_bytes: fn(&Path) -> Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self { disk_reserve_bytes: DISK_RESERVE_BYTES, worked_off: Vec::new(), free_bytes: file::free_bytes }
    }
}

/// What all sessions of the process share.
struct Shared {
    path: PathBuf,
    folder: PathBuf,
    options: Options,
    writer: Mutex<Connection>,
    topics: RwLock<HashMap<Arc<str>, Topic>>,
    /// Offset behind the last record, by topic; the truth while this process owns the file.
    ends: Mutex<HashMap<i64, Vec<i64>>>,
    grown: Condvar,
    backlog: Mutex<Backlog>,
    /// Groups that have a session.
    groups: Mutex<HashSet<String>>,
    _lock: Option<File>,
    /// Where nothing can be written beside the file.
    still: Option<still::Still>,
}

#[derive(Clone, Copy, Debug)]
struct Topic {
    id: i64,
    partitions: u32,
}

impl EmbeddedLog {
    /// Opens or creates the log in a folder, and owns it until dropped.
    pub fn open(folder: &Path, options: Options) -> Result<Self, LogError> {
        let failed = |operation, path: &Path| {
            let path = path.display().to_string();
            move |source| LogError::Io { operation, path, source }
        };
        make_private(folder).map_err(failed("creating the data folder", folder))?;
        let lock_path = folder.join(LOCK_FILE);
        let lock = File::options()
            .create(true)
            .append(true)
            .open(&lock_path)
            .map_err(failed("opening the lock file", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LogError::InUse { path: folder.display().to_string() });
            }
            Err(TryLockError::Error(source)) => return Err(failed("locking", &lock_path)(source)),
        }
        let path = folder.join(FILE);
        let writer = file::open(&path)?;
        file::mark(&lock);
        let (topics, ends) =
            file::load(&writer).map_err(|source| file::failed("reading the topics", &path, source))?;
        let backlog = Backlog::load(&options.worked_off, &writer, &topics)
            .map_err(|source| file::failed("reading the backlog", &path, source))?;
        let shared = Arc::new(Shared {
            path,
            folder: folder.to_owned(),
            options,
            writer: Mutex::new(writer),
            topics: RwLock::new(topics),
            ends: Mutex::new(ends),
            grown: Condvar::new(),
            backlog: Mutex::new(backlog),
            groups: Mutex::default(),
            _lock: Some(lock),
            still: None,
        });
        let cleanup = cleanup::Cleaner::start(&shared)?;
        Ok(Self { shared, _cleanup: Some(cleanup) })
    }

    /// Opens the file of a log that another process may own, for readers only.
    pub fn open_read_only(folder: &Path) -> Result<Self, LogError> {
        let path = folder.join(FILE);
        if !file::is_there(&path)? {
            return Err(LogError::Invalid(format!(
                "there is no log in {}: start `hark up` first, or name the right `log.data`",
                folder.display()
            )));
        }
        let (connection, still) = match file::open_reader(&path, None) {
            Err(error @ LogError::Unreadable { .. }) => {
                let still = still::Still::hold(&path).ok_or(error)?;
                (file::open_reader(&path, Some(&still))?, Some(still))
            }
            connection => (connection?, None),
        };
        let (topics, ends) =
            file::load(&connection).map_err(|source| file::failed("reading the topics", &path, source))?;
        let shared = Shared {
            path,
            folder: folder.to_owned(),
            options: Options::default(),
            writer: Mutex::new(connection),
            topics: RwLock::new(topics),
            ends: Mutex::new(ends),
            grown: Condvar::new(),
            backlog: Mutex::default(),
            groups: Mutex::default(),
            _lock: None,
            still,
        };
        Ok(Self { shared: Arc::new(shared), _cleanup: None })
    }
}

impl Log for EmbeddedLog {
    fn producer(&self, _transactional_id: &str) -> Result<Box<dyn Producer>, LogError> {
        Ok(Box::new(EmbeddedProducer { shared: self.shared.clone() }))
    }

    fn session(&self, config: SessionConfig) -> Result<Box<dyn Session>, LogError> {
        Ok(Box::new(session::EmbeddedSession::open(self.shared.clone(), config)?))
    }

    fn reader(&self, topic: &str, from: From) -> Result<Box<dyn Reader>, LogError> {
        Ok(Box::new(reader::EmbeddedReader::open(&self.shared, topic, from)?))
    }

    fn read_to_end(
        &self,
        topic: &str,
        partitions: &[u32],
        each: &mut dyn FnMut(&Record<'_>),
    ) -> Result<(), LogError> {
        let mut reader = reader::EmbeddedReader::open(&self.shared, topic, From::Start)?;
        reader.only(partitions);
        while !reader.read(Duration::ZERO, each)? {}
        Ok(())
    }

    fn group_offsets(&self, group: &str, topic: &str) -> Result<Vec<GroupOffset>, LogError> {
        let topic = self.shared.topic(topic)?;
        let reader = self.shared.open_reader()?;
        (0..topic.partitions)
            .map(|partition| file::group_offset(&reader, group, topic.id, partition))
            .collect::<rusqlite::Result<_>>()
            .map_err(|source| file::failed("reading offsets", &self.shared.path, source))
    }

    fn times_at(&self, topic: &str, offsets: &[(u32, i64)]) -> Result<Vec<(u32, i64)>, LogError> {
        let topic = self.shared.topic(topic)?;
        let reader = self.shared.open_reader()?;
        let time = |&(partition, offset): &(u32, i64)| {
            let time_ms = file::time_at(&reader, topic.id, partition, offset).transpose()?;
            Some(time_ms.map(|time_ms| (partition, time_ms)))
        };
        offsets
            .iter()
            .filter_map(time)
            .collect::<rusqlite::Result<_>>()
            .map_err(|source| file::failed("reading", &self.shared.path, source))
    }

    fn reach(&self, _within: Duration) -> Result<(), LogError> {
        // The file is open.
        Ok(())
    }

    fn room_bytes(&self) -> Option<u64> {
        Some(self.shared.room_bytes()?.saturating_sub(lock(&self.shared.backlog).bytes()))
    }

    fn topics(&self) -> Result<Vec<TopicDescription>, LogError> {
        let reader = self.shared.open_reader()?;
        file::describe(&reader)
            .map_err(|source| file::failed("reading the topics", &self.shared.path, source))
    }

    fn create_topics(&self, specs: &[TopicSpec]) -> Result<(), LogError> {
        let mut writer = lock(&self.shared.writer);
        let (topics, ends) = file::create_topics(&mut writer, specs)
            .map_err(|source| file::failed("creating topics", &self.shared.path, source))?;
        *self.shared.topics.write().unwrap_or_else(PoisonError::into_inner) = topics;
        *lock(&self.shared.ends) = ends;
        Ok(())
    }
}

impl Shared {
    /// Free space that the file may grow into: on the disk, and pages in it whose records are gone. These do not help where the disk has no room for
    /// the WAL.
    fn room_bytes(&self) -> Option<u64> {
        let free = (self.options.free_bytes)(&self.folder)?;
        if free < self.options.disk_reserve_bytes / 2 {
            return Some(free);
        }
        // Where that cannot be told there is none.
        Some(free + file::unused_bytes(&lock(&self.writer)).unwrap_or_default())
    }

    fn topic(&self, name: &str) -> Result<Topic, LogError> {
        let topics = self.topics.read().unwrap_or_else(PoisonError::into_inner);
        topics.get(name).copied().ok_or_else(|| LogError::MissingTopic { topic: name.to_owned() })
    }

    /// To read in short read transactions.
    fn open_reader(&self) -> Result<Connection, LogError> {
        file::open_reader(&self.path, self.still.as_ref())
    }

    /// Offsets behind the last record of each partition of a topic; `None` where another process may write.
    fn owned_ends(&self, topic: i64) -> Option<Vec<i64>> {
        self._lock.as_ref()?;
        lock(&self.ends).get(&topic).cloned()
    }

    /// One SQL transaction: outputs, and the next offsets of a group.
    fn commit(
        &self,
        outputs: &[Output],
        next: Option<(&str, Topic, &[NextOffset])>,
    ) -> Result<(), CommitError> {
        let aborted = |source: rusqlite::Error| match source.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => {
                CommitError::Full { path: self.path.display().to_string() }
            }
            Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
                CommitError::Aborted { source: Box::new(source) }
            }
            // Trying again would not help.
            _ => CommitError::Lost { source: file::failed("writing", &self.path, source).into() },
        };
        let mut writer = lock(&self.writer);
        let topics = self.topics.read().unwrap_or_else(PoisonError::into_inner);
        let ends = lock(&self.ends).clone();
        let grown = file::append(&mut writer, &topics, ends, outputs, next).map_err(|error| match error {
            file::AppendError::Sqlite(source) => aborted(source),
            file::AppendError::NoSuchPartition(source) => CommitError::Aborted { source: Box::new(source) },
        })?;
        // Still under the writer's lock, so that ends only grow.
        let mut backlog = lock(&self.backlog);
        backlog.add(outputs, |output| {
            let topic = topics.get(&output.topic)?;
            grown.get(&topic.id)?.get(output.partition as usize).copied()
        });
        if let Some((group, _, next)) = next {
            backlog.settle(group, next);
        }
        drop(backlog);
        drop(topics);
        *lock(&self.ends) = grown;
        self.grown.notify_all();
        Ok(())
    }
}

/// Makes the folder, for this user alone: it holds what people wrote.
fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// A poisoned lock only means that another thread panicked: what these guard is valid after every statement.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes without reading; one transaction of the file a commit.
struct EmbeddedProducer {
    shared: Arc<Shared>,
}

impl Producer for EmbeddedProducer {
    fn commit(&mut self, outputs: &[Output]) -> Result<(), CommitError> {
        let shared = &self.shared;
        let taken = {
            let backlog = lock(&shared.backlog);
            shared.options.disk_reserve_bytes + backlog.bytes() + backlog.needs(outputs)
        };
        if shared.room_bytes().is_some_and(|room| room < taken) {
            return Err(CommitError::Full { path: shared.path.display().to_string() });
        }
        self.shared.commit(outputs, None)
    }
}
