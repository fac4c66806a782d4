//! The SQLite file: schema, version, statements.

use std::{
    collections::HashMap,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};
use tracing::warn;

use super::{LOCK_FILE, Topic, still::Still};
use crate::{
    Cleanup, GroupOffset, LogError, NextOffset, Output, TopicDescription, TopicSpec, record::pack_headers,
};

/// "HARK" in ASCII: tells our files from other SQLite files.
const APPLICATION_ID: i64 = 0x4841_524b;
/// Format of the file; goes up with every change of the schema.
const FORMAT: i64 = 1;
/// Another process holds a lock for moments only.
const BUSY: Duration = Duration::from_secs(5);

const SCHEMA: &str = "
    CREATE TABLE topics (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, partitions INTEGER NOT NULL,
        cleanup TEXT NOT NULL, retention_ms INTEGER
    );
    CREATE TABLE ends (
        topic INTEGER NOT NULL, partition INTEGER NOT NULL, end INTEGER NOT NULL,
        PRIMARY KEY (topic, partition)
    ) WITHOUT ROWID;
    CREATE TABLE records (
        topic INTEGER NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL, timestamp_ms INTEGER NOT NULL,
        key BLOB, value BLOB, headers BLOB,
        PRIMARY KEY (topic, partition, offset)
    ) WITHOUT ROWID;
    CREATE TABLE offsets (
        consumer_group TEXT NOT NULL, topic INTEGER NOT NULL, partition INTEGER NOT NULL,
        offset INTEGER NOT NULL, metadata TEXT NOT NULL,
        PRIMARY KEY (consumer_group, topic, partition)
    ) WITHOUT ROWID;
";

pub(super) type Topics = HashMap<Arc<str>, Topic>;
pub(super) type Ends = HashMap<i64, Vec<i64>>;

/// Opens the file for writing, made where there is none.
pub(super) fn open(path: &Path) -> Result<Connection, LogError> {
    if !is_there(path)? {
        create(path)?;
    }
    let mut connection = Connection::open(path).map_err(|source| failed("opening", path, source))?;
    prepare(&mut connection, path).map_err(|error| match error {
        Prepare::Sqlite(source) => failed("opening", path, source),
        Prepare::Log(error) => error,
    })?;
    Ok(connection)
}

/// Whether there is a log. One that has lost what it held is an error: to begin anew in its place would lose the cursors as well, and nobody
/// would know.
pub(super) fn is_there(path: &Path) -> Result<bool, LogError> {
    let damaged = |path: &Path, detail: &str| {
        Err(LogError::Corrupt { path: path.display().to_string(), detail: detail.to_owned() })
    };
    match fs::metadata(path) {
        // A new file gets its name with its content.
        Ok(metadata) if metadata.len() == 0 => damaged(path, "it is empty: what it held is lost"),
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // SQLite makes these beside a file that has its name; the lock file is marked by whoever has opened it.
            let marked = fs::metadata(path.with_file_name(LOCK_FILE)).is_ok_and(|lock| lock.len() > 0);
            let left =
                ["-wal", "-shm"].map(|suffix| beside(path, suffix)).into_iter().find(|left| left.exists());
            match left {
                Some(left) => damaged(&left, "the file that it belongs to is gone"),
                None if marked => {
                    damaged(path, "it is gone, and the lock file beside it tells that it was there")
                }
                None => Ok(false),
            }
        }
        // Told by whoever opens it.
        Err(_) => Ok(true),
    }
}

/// Notes in the lock file that a log lies beside it. Before that it may be one of a start that was killed before there was a log.
pub(super) fn mark(mut lock: &fs::File) {
    let marked = match lock.metadata() {
        Ok(metadata) if metadata.len() > 0 => Ok(()),
        _ => lock.write_all(b"hark.db lies beside this file.\n").and_then(|()| lock.sync_all()),
    };
    if let Err(error) = marked {
        // A log from before this mark may lie on a full disk, and is to be worked off all the same.
        warn!(%error, "hark.lock cannot be written: should hark.db be lost, nobody would notice");
    }
}

/// Makes the file under another name first: a start that is killed meanwhile leaves none that looks like a log.
fn create(path: &Path) -> Result<(), LogError> {
    let new = beside(path, ".new");
    for left in [new.clone(), beside(&new, "-journal")] {
        match fs::remove_file(&left) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io_failed("removing", &left, error));
            }
            _ => {}
        }
    }
    let fail = |source| failed("creating", &new, source);
    let mut connection = Connection::open(&new).map_err(fail)?;
    lay_out(&mut connection).map_err(fail)?;
    connection.close().map_err(|(_, source)| fail(source))?;
    fs::rename(&new, path).map_err(|error| io_failed("creating", path, error))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| io_failed("creating", path, error))
}

fn lay_out(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(SCHEMA)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()
}

/// `hark.db-wal` for `hark.db`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn io_failed(operation: &'static str, path: &Path, source: io::Error) -> LogError {
    LogError::Io { operation, path: path.display().to_string(), source }
}

enum Prepare {
    Sqlite(rusqlite::Error),
    Log(LogError),
}

impl From<rusqlite::Error> for Prepare {
    fn from(source: rusqlite::Error) -> Self {
        Self::Sqlite(source)
    }
}

fn prepare(connection: &mut Connection, path: &Path) -> Result<(), Prepare> {
    connection.busy_timeout(BUSY)?;
    check_format(connection, path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // A WAL that a burst has grown is cut back.
    connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
    connection.set_prepared_statement_cache_capacity(64);
    let format: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if format == 0 {
        // Of a version that made it under its name, and was killed.
        lay_out(connection)?;
    }
    Ok(())
}

fn check_format(connection: &Connection, path: &Path) -> Result<(), Prepare> {
    let format: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let application: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let path = path.display().to_string();
    if tables > 0 && application != APPLICATION_ID {
        let detail = "it is a SQLite file, but not one of Hark's".to_owned();
        return Err(Prepare::Log(LogError::Corrupt { path, detail }));
    }
    if format > FORMAT {
        return Err(Prepare::Log(LogError::Newer { path, found: format, known: FORMAT }));
    }
    Ok(())
}

/// Opens the file for short read transactions; `still` if nobody writes to it meanwhile.
pub(super) fn open_reader(path: &Path, still: Option<&Still>) -> Result<Connection, LogError> {
    // Not SQLITE_OPEN_READ_ONLY: a reader of a WAL must be able to make the shared memory file.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || -> Result<Connection, Prepare> {
        let connection = match still {
            None => Connection::open_with_flags(path, flags)?,
            Some(_) => Still::open(path)?,
        };
        connection.busy_timeout(BUSY)?;
        check_format(&connection, path)?;
        connection.pragma_update(None, "query_only", true)?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(connection)
    };
    open().map_err(|error| match error {
        Prepare::Sqlite(source) => match source.sqlite_error_code() {
            Some(
                rusqlite::ErrorCode::CannotOpen
                | rusqlite::ErrorCode::ReadOnly
                | rusqlite::ErrorCode::PermissionDenied,
            ) => LogError::Unreadable { path: path.display().to_string(), detail: source.to_string() },
            _ => failed("opening", path, source),
        },
        Prepare::Log(error) => error,
    })
}

/// The error of a failed call, told apart by what the user can do.
pub(super) fn failed(operation: &'static str, path: &Path, source: rusqlite::Error) -> LogError {
    let path = path.display().to_string();
    match source.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => {
            LogError::Corrupt { path, detail: source.to_string() }
        }
        _ => LogError::Sqlite { operation, path, source },
    }
}

/// Topics, and the ends of their partitions.
pub(super) fn load(connection: &Connection) -> rusqlite::Result<(Topics, Ends)> {
    let mut topics = Topics::new();
    let mut ends = Ends::new();
    let mut statement = connection.prepare("SELECT id, name, partitions FROM topics")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let topic = Topic { id: row.get(0)?, partitions: row.get(2)? };
        topics.insert(row.get::<_, String>(1)?.into(), topic);
        ends.insert(topic.id, vec![0; topic.partitions as usize]);
    }
    let mut statement = connection.prepare("SELECT topic, partition, end FROM ends")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let end =
            ends.get_mut(&row.get(0)?).and_then(|ends| ends.get_mut(row.get::<_, u32>(1).ok()? as usize));
        if let Some(end) = end {
            *end = row.get(2)?;
        }
    }
    Ok((topics, ends))
}

pub(super) fn describe(connection: &Connection) -> rusqlite::Result<Vec<TopicDescription>> {
    let mut statement =
        connection.prepare("SELECT name, partitions, cleanup, retention_ms FROM topics ORDER BY name")?;
    let topics = statement.query_map([], |row| {
        Ok(TopicDescription {
            name: row.get(0)?,
            partitions: row.get(1)?,
            cleanup: Cleanup::from_policy(&row.get::<_, String>(2)?),
            retention: row.get::<_, Option<i64>>(3)?.map(|ms| Duration::from_millis(ms.unsigned_abs())),
            segment: None,
            compaction_lag: None,
        })
    })?;
    topics.collect()
}

pub(super) fn create_topics(
    connection: &mut Connection,
    specs: &[TopicSpec],
) -> rusqlite::Result<(Topics, Ends)> {
    let transaction = connection.transaction()?;
    for spec in specs {
        let retention_ms =
            spec.retention.map(|retention| i64::try_from(retention.as_millis()).unwrap_or(i64::MAX));
        transaction.execute(
            "INSERT INTO topics (name, partitions, cleanup, retention_ms) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (name) DO UPDATE SET cleanup = ?3, retention_ms = ?4",
            params![spec.name, spec.partitions, spec.cleanup.policy(), retention_ms],
        )?;
    }
    transaction.commit()?;
    load(connection)
}

pub(super) enum AppendError {
    Sqlite(rusqlite::Error),
    NoSuchPartition(LogError),
}

impl From<rusqlite::Error> for AppendError {
    fn from(source: rusqlite::Error) -> Self {
        Self::Sqlite(source)
    }
}

/// Appends and commits; returns the ends as they are then.
pub(super) fn append(
    connection: &mut Connection,
    topics: &Topics,
    mut ends: Ends,
    outputs: &[Output],
    next: Option<(&str, Topic, &[NextOffset])>,
) -> Result<Ends, AppendError> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let now_ms = now_ms();
    {
        let mut insert = transaction.prepare_cached(
            "INSERT INTO records (topic, partition, offset, timestamp_ms, key, value, headers)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        let mut grow = transaction
            .prepare_cached("INSERT OR REPLACE INTO ends (topic, partition, end) VALUES (?1, ?2, ?3)")?;
        let mut touched = Vec::new();
        for output in outputs {
            let end = topics.get(&output.topic).and_then(|topic| {
                let end = ends.get_mut(&topic.id)?.get_mut(output.partition as usize)?;
                Some((topic.id, end))
            });
            let Some((id, end)) = end else {
                return Err(AppendError::NoSuchPartition(LogError::MissingTopic {
                    topic: format!("{}, partition {}", output.topic, output.partition),
                }));
            };
            let headers = (!output.headers.is_empty()).then(|| pack_headers(&output.headers));
            insert.execute(params![
                id,
                output.partition,
                *end,
                output.timestamp_ms.unwrap_or(now_ms),
                output.key,
                output.value,
                headers
            ])?;
            *end += 1;
            touched.push((id, output.partition));
        }
        touched.sort_unstable();
        touched.dedup();
        for (id, partition) in touched {
            let end =
                ends.get(&id).and_then(|ends| ends.get(partition as usize)).copied().unwrap_or_default();
            grow.execute(params![id, partition, end])?;
        }
        if let Some((group, topic, next)) = next {
            let mut commit = transaction.prepare_cached(
                "INSERT OR REPLACE INTO offsets (consumer_group, topic, partition, offset, metadata)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?;
            for next in next {
                commit.execute(params![group, topic.id, next.partition, next.offset, next.metadata])?;
            }
        }
    }
    transaction.commit()?;
    Ok(ends)
}

/// Offset behind the last record.
pub(super) fn end(connection: &Connection, topic: i64, partition: u32) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("SELECT end FROM ends WHERE topic = ?1 AND partition = ?2")?
        .query_row(params![topic, partition], |row| row.get(0))
        .optional()
        .map(Option::unwrap_or_default)
}

/// Committed offset with its metadata.
pub(super) fn committed(
    connection: &Connection,
    group: &str,
    topic: i64,
    partition: u32,
) -> rusqlite::Result<Option<(i64, String)>> {
    connection
        .prepare_cached("SELECT offset, metadata FROM offsets WHERE consumer_group = ?1 AND topic = ?2 AND partition = ?3")?
        .query_row(params![group, topic, partition], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

/// Timestamp of the first record at or behind an offset.
pub(super) fn time_at(
    connection: &Connection,
    topic: i64,
    partition: u32,
    offset: i64,
) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached(
            "SELECT timestamp_ms FROM records WHERE topic = ?1 AND partition = ?2 AND offset >= ?3
             ORDER BY offset LIMIT 1",
        )?
        .query_row(params![topic, partition, offset], |row| row.get(0))
        .optional()
}

pub(super) fn group_offset(
    connection: &Connection,
    group: &str,
    topic: i64,
    partition: u32,
) -> rusqlite::Result<GroupOffset> {
    let end = end(connection, topic, partition)?;
    let start: Option<i64> = connection
        .prepare_cached("SELECT min(offset) FROM records WHERE topic = ?1 AND partition = ?2")?
        .query_row(params![topic, partition], |row| row.get(0))?;
    let (committed, metadata) = committed(connection, group, topic, partition)?.unzip();
    let metadata = metadata.unwrap_or_default();
    Ok(GroupOffset { partition, start: start.unwrap_or(end), end, committed, metadata })
}

pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Bytes of pages that hold nothing.
pub(super) fn unused_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, u32>(0));
    Ok(u64::from(pragma("freelist_count")?) * u64::from(pragma("page_size")?))
}

/// Free space for this user on the disk of `folder`; `None` where the system does not say.
pub(super) fn free_bytes(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedded::{EmbeddedLog, FILE, Options};

    #[test]
    fn a_file_that_lost_its_content_is_told_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let refused = |opened: Result<EmbeddedLog, LogError>, says: &str| {
            let error = opened.err().expect("a new log was begun in its place").to_string();
            assert!(error.contains(says) && error.contains("restore a copy"), "{error}");
        };
        fs::write(&path, "").unwrap();
        refused(EmbeddedLog::open(folder.path(), Options::default()), "hark.db is damaged (it is empty");
        refused(EmbeddedLog::open_read_only(folder.path()), "hark.db is damaged (it is empty");
        assert_eq!(fs::metadata(&path).unwrap().len(), 0);

        fs::rename(&path, beside(&path, "-wal")).unwrap();
        fs::write(beside(&path, "-wal"), "what was written last").unwrap();
        refused(EmbeddedLog::open(folder.path(), Options::default()), "hark.db-wal is damaged");
    }

    #[test]
    fn a_file_that_is_gone_is_told_by_whatever_lies_where_it_lay() {
        for left in [LOCK_FILE, "hark.db-wal", "hark.db-shm"] {
            let folder = tempfile::tempdir().unwrap();
            drop(EmbeddedLog::open(folder.path(), Options::default()).unwrap());
            fs::remove_file(folder.path().join(FILE)).unwrap();
            if left != LOCK_FILE {
                fs::remove_file(folder.path().join(LOCK_FILE)).unwrap();
                fs::write(folder.path().join(left), "").unwrap();
            }
            for opened in [
                EmbeddedLog::open(folder.path(), Options::default()),
                EmbeddedLog::open_read_only(folder.path()),
            ] {
                let error = opened.err().expect("a new log was begun in its place").to_string();
                assert!(error.contains("gone") && error.contains("restore a copy"), "{left}: {error}");
            }
        }
    }

    #[test]
    fn a_log_from_before_the_lock_file_was_marked_is_missed_after_it_was_opened_once() {
        let folder = tempfile::tempdir().unwrap();
        drop(EmbeddedLog::open(folder.path(), Options::default()).unwrap());
        fs::write(folder.path().join(LOCK_FILE), "").unwrap();
        drop(EmbeddedLog::open(folder.path(), Options::default()).unwrap());
        fs::remove_file(folder.path().join(FILE)).unwrap();
        assert!(EmbeddedLog::open(folder.path(), Options::default()).is_err());
    }

    #[test]
    fn a_start_that_was_killed_in_its_first_moment_can_go_on() {
        for left in ["", "half of a page"] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(FILE);
            fs::write(folder.path().join(LOCK_FILE), "").unwrap();
            fs::write(beside(&path, ".new"), left).unwrap();
            fs::write(beside(&path, ".new-journal"), left).unwrap();
            assert!(
                EmbeddedLog::open_read_only(folder.path())
                    .is_err_and(|error| { error.to_string().contains("there is no log") })
            );
            drop(EmbeddedLog::open(folder.path(), Options::default()).unwrap());
            let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
            let mut names: Vec<_> = names.collect();
            names.sort();
            assert_eq!(names, [FILE, "hark.lock"]);
            drop(EmbeddedLog::open_read_only(folder.path()).unwrap());
        }
    }
}
