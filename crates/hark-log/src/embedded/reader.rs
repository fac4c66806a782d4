//! Reading records without a group, in short read transactions.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rusqlite::{Connection, params};

use super::{Shared, file};
use crate::{From, HeadersRef, LogError, Reader, Record, pause};

/// Rows read in one read transaction: short, so that the WAL can be checkpointed.
const ROWS: usize = 5_000;
/// How often a waiting reader looks; it may be another process than the writer.
const LOOK_EVERY: Duration = Duration::from_millis(50);

const SELECT: &str = "SELECT offset, timestamp_ms, key, value, headers FROM records
    WHERE topic = ?1 AND partition = ?2 AND offset >= ?3 ORDER BY offset LIMIT ?4";

/// Reads rows of one partition from `from` on, at most `limit`; returns the offset behind the last one handed over. `each` returns
/// false to stop.
pub(super) fn rows(
    connection: &Connection,
    topic: i64,
    partition: u32,
    from: i64,
    limit: usize,
    each: &mut dyn FnMut(&Record<'_>) -> bool,
) -> rusqlite::Result<Option<i64>> {
    let mut statement = connection.prepare_cached(SELECT)?;
    let mut rows =
        statement.query(params![topic, partition, from, i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut next = None;
    while let Some(row) = rows.next()? {
        let blob = |column| row.get_ref(column).and_then(|value| Ok(value.as_blob_or_null()?));
        let record = Record {
            partition,
            offset: row.get(0)?,
            timestamp_ms: row.get(1)?,
            key: blob(2)?,
            value: blob(3)?,
            headers: blob(4)?.map_or(HeadersRef::Empty, HeadersRef::Packed),
        };
        next = Some(record.offset + 1);
        if !each(&record) {
            break;
        }
    }
    Ok(next)
}

/// Reads all partitions of a topic.
pub(super) struct EmbeddedReader {
    shared: Arc<Shared>,
    connection: Connection,
    topic: i64,
    positions: Vec<(u32, i64)>,
    never: tokio_util::sync::CancellationToken,
}

impl EmbeddedReader {
    pub(super) fn open(shared: &Arc<Shared>, topic: &str, from: From) -> Result<Self, LogError> {
        let topic = shared.topic(topic)?;
        let connection = shared.open_reader()?;
        let fail = |source| file::failed("reading", &shared.path, source);
        let mut positions = Vec::new();
        for partition in 0..topic.partitions {
            let position = match from {
                From::Start => 0,
                From::Offset(offset) => offset,
                From::End => file::end(&connection, topic.id, partition).map_err(fail)?,
                From::Timestamp(timestamp_ms) => connection
                    .query_row(
                        "SELECT min(offset) FROM records WHERE topic = ?1 AND partition = ?2 AND timestamp_ms >= ?3",
                        params![topic.id, partition, timestamp_ms],
                        |row| row.get::<_, Option<i64>>(0),
                    )
                    .map_err(fail)?
                    .map_or_else(|| file::end(&connection, topic.id, partition).map_err(fail), Ok)?,
            };
            positions.push((partition, position));
        }
        Ok(Self { shared: shared.clone(), connection, topic: topic.id, positions, never: Default::default() })
    }

    /// Reads these partitions only.
    pub(super) fn only(&mut self, partitions: &[u32]) {
        self.positions.retain(|(partition, _)| partitions.contains(partition));
    }

    fn read_once(&mut self, each: &mut dyn FnMut(&Record<'_>)) -> rusqlite::Result<(bool, bool)> {
        let mut any = false;
        let mut all_at_end = true;
        for (partition, position) in &mut self.positions {
            let end = file::end(&self.connection, self.topic, *partition)?;
            let next = rows(&self.connection, self.topic, *partition, *position, ROWS, &mut |record| {
                any = true;
                each(record);
                true
            })?;
            // Nothing from here on: what is missing below the end was cleaned up.
            *position = next.unwrap_or_else(|| end.max(*position));
            all_at_end &= *position >= end;
        }
        Ok((any, all_at_end))
    }
}

impl Reader for EmbeddedReader {
    fn follow(&mut self, each: &mut dyn FnMut(&Record<'_>)) -> Result<(), LogError> {
        // Where this process owns the file, its ends are in memory.
        let is_at_end = self.shared.owned_ends(self.topic).is_some_and(|ends| {
            self.positions
                .iter()
                .all(|(partition, position)| ends.get(*partition as usize).is_none_or(|end| position >= end))
        });
        if is_at_end {
            return Ok(());
        }
        self.read_once(each).map_err(|source| file::failed("reading", &self.shared.path, source))?;
        Ok(())
    }

    fn read(&mut self, wait: Duration, each: &mut dyn FnMut(&Record<'_>)) -> Result<bool, LogError> {
        let until = Instant::now() + wait;
        loop {
            let (any, at_end) =
                self.read_once(each).map_err(|source| file::failed("reading", &self.shared.path, source))?;
            let left = until.saturating_duration_since(Instant::now());
            if any || left.is_zero() {
                return Ok(at_end);
            }
            pause(&self.never, left.min(LOOK_EVERY));
        }
    }
}
