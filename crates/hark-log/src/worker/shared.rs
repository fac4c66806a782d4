//! Tables that every worker of a stage holds whole, whichever partitions it owns.
//!
//! What a worker writes goes out in its own transaction, like any other state. What the others write is read on from the
//! topic before each batch, so that it is there a moment later: two workers that decide within that moment do not see
//! each other. Of two values of a key the one with the newer timestamp counts, in whatever order they come.

use std::{sync::Arc, time::Duration};

use crate::{
    From, Log, LogError, Output, Reader, Record,
    session::SessionError,
    state::{Lifetime, Table, TableSpec},
};

/// The partition of a key on the table's topic.
pub type PartitionOf = Arc<dyn Fn(&[u8]) -> u32 + Send + Sync>;

/// A table that every worker holds whole; its topic may have any number of partitions.
#[derive(Clone)]
pub struct SharedTableSpec {
    /// Where it is kept, and how long entries live.
    pub table: TableSpec,
    /// Where a key lies (law 7: never the client's choice).
    pub partition_of: PartitionOf,
}

/// One of them, and how far it has been read.
pub(super) struct SharedTable {
    spec: SharedTableSpec,
    pub(super) table: Table,
    reader: Box<dyn Reader>,
    /// Newest timestamp of a record; entries expire by it.
    newest_ms: i64,
}

impl SharedTable {
    pub(super) fn open(log: &dyn Log, spec: SharedTableSpec) -> Result<Self, LogError> {
        let reader = log.reader(&spec.table.topic, From::Start)?;
        Ok(Self { spec, table: Table::new(), reader, newest_ms: i64::MIN })
    }

    pub(super) fn lifetime(&self) -> &Lifetime {
        &self.spec.table.lifetime
    }

    /// Takes over what has come since, without waiting and without asking where the end is.
    pub(super) fn follow(&mut self) -> Result<(), SessionError> {
        let Self { table, reader, newest_ms, .. } = self;
        reader.follow(&mut |record| {
            *newest_ms = record.timestamp_ms.max(*newest_ms);
            if let Some(key) = record.key {
                table.apply_newer(key, record.value, record.timestamp_ms);
            }
        })?;
        Ok(())
    }

    /// A slice of reading to the true end as it is at this call, open transactions included; whether it is reached. Adds
    /// the records read to `count`.
    pub(super) fn catch_up(&mut self, wait: Duration, count: &mut u64) -> Result<bool, SessionError> {
        let Self { table, reader, newest_ms, .. } = self;
        let mut take = |record: &Record<'_>| {
            *count += 1;
            *newest_ms = record.timestamp_ms.max(*newest_ms);
            if let Some(key) = record.key {
                table.apply_newer(key, record.value, record.timestamp_ms);
            }
        };
        // Where nothing is to come, nothing is waited for.
        Ok(reader.read(Duration::ZERO, &mut take)? || reader.read(wait, &mut take)?)
    }

    /// The changes of the batch in hand as records.
    pub(super) fn outputs(&self, outputs: &mut Vec<Output>) {
        let SharedTableSpec { table, partition_of } = &self.spec;
        let changes = self.table.changes().iter();
        outputs.extend(changes.map(|change| change.to_output(&table.topic, partition_of(&change.key))));
    }

    /// After the commit.
    pub(super) fn merge(&mut self) {
        self.table.merge_newer(self.newest_ms, &self.spec.table.lifetime);
    }
}
