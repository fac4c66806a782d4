//! A batch in the making: effects of its records, and per partition what it would change.

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use tracing::warn;

use super::{MAX_BATCH_BYTES, MAX_BATCH_EFFECTIVE, Stage, journal::Journal, shared::SharedTable};
use crate::{
    Assigned, Counts, MAX_RECORD_BYTES, NextOffset, Outcome, Output, Record, Rejection, TableSpec,
    state::{StateChange, Table},
};

/// What a record brings about; undone as a whole when the record is rejected.
pub struct Effects<'a> {
    outputs: &'a mut Vec<Output>,
    early: &'a mut Vec<(usize, i64)>,
    staged: &'a mut Vec<(usize, StateChange)>,
    tables: &'a [Table],
    specs: &'a [TableSpec],
    shared: &'a [SharedTable],
    now_ms: i64,
    timestamp_ms: i64,
}

impl Effects<'_> {
    /// Writes a record.
    pub fn emit(&mut self, output: Output) {
        self.outputs.push(output);
    }

    /// Writes a record before all others of the batch that were not written by this, those of lower rank first. For the first one of its key:
    /// of others it would change the order.
    pub fn emit_early(&mut self, output: Output, rank: i64) {
        self.early.push((self.outputs.len(), rank));
        self.outputs.push(output);
    }

    /// The value of `key` in a table of this record's partition, or behind those in a shared one, with the timestamp of the record that set it; `None` where
    /// it is unknown or its lifetime is over. Sees earlier records of the batch, and this record's own changes.
    #[must_use]
    pub fn get(&self, table: usize, key: &[u8]) -> Option<(&[u8], i64)> {
        let own = self.staged.iter().rev().find(|(at, change)| *at == table && *change.key == *key);
        match own {
            Some((_, change)) => change.value.as_deref().map(|value| (value, change.timestamp_ms)),
            None => match self.tables.get(table) {
                Some(own) => own.get(key, self.now_ms, &self.specs[table].lifetime),
                None => {
                    let shared = &self.shared[table - self.tables.len()];
                    shared.table.get(key, self.now_ms, shared.lifetime())
                }
            },
        }
    }

    /// Sets the value of `key`; `None` forgets it.
    pub fn put(&mut self, table: usize, key: &[u8], value: Option<Vec<u8>>) {
        self.staged.push((table, StateChange { key: key.into(), value, timestamp_ms: self.timestamp_ms }));
    }

    /// The partition's clock: the newest record timestamp seen, in milliseconds since 1970.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.now_ms
    }
}

/// Effects of the batch that belong to no partition's state.
#[derive(Default)]
pub(super) struct Batch {
    outputs: Vec<Output>,
    /// Which of these come before the others, with their ranks.
    early: Vec<(usize, i64)>,
    staged: Vec<(usize, StateChange)>,
    records: usize,
    /// Of these, those that bring something about.
    effective: usize,
    /// To be written.
    bytes: usize,
    /// The last record processed.
    last: Option<(u32, i64)>,
    /// Records whose effects the broker refused for their size; they outlive the batch, until they are committed as dead
    /// letters.
    refused: BTreeSet<(u32, i64)>,
    rejected: Vec<(u32, i64)>,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.records == 0
    }

    pub(super) fn records(&self) -> usize {
        self.records
    }

    pub(super) fn is_full(&self, limit: usize) -> bool {
        self.records >= limit || self.effective >= MAX_BATCH_EFFECTIVE || self.bytes >= MAX_BATCH_BYTES
    }

    pub(super) fn take_outputs(&mut self) -> Vec<Output> {
        in_order(std::mem::take(&mut self.outputs), &std::mem::take(&mut self.early))
    }

    pub(super) fn clear(&mut self) {
        self.outputs.clear();
        self.early.clear();
        self.staged.clear();
        self.rejected.clear();
        self.records = 0;
        self.effective = 0;
        self.bytes = 0;
    }

    /// The batch is committed: what was refused in it is settled.
    pub(super) fn settle(&mut self) {
        for record in self.rejected.drain(..) {
            self.refused.remove(&record);
        }
        self.clear();
    }

    /// The broker refuses what the only record of the batch brings about: it is to be a dead letter when it comes again. False
    /// when its dead letter is what the broker refuses.
    pub(super) fn refuse(&mut self) -> bool {
        self.last.is_none_or(|record| self.refused.insert(record))
    }

    /// Processes one record.
    pub(super) fn process<S: Stage>(
        &mut self,
        stage: &mut S,
        specs: &[TableSpec],
        shared: &mut [SharedTable],
        partition: &mut PartitionState,
        record: &Record<'_>,
    ) {
        if self.is_empty() {
            stage.begin();
        }
        partition.fresh.newest_timestamp_ms = partition.now_ms().max(record.timestamp_ms);
        let mark = self.outputs.len();
        let mut effects = Effects {
            outputs: &mut self.outputs,
            early: &mut self.early,
            staged: &mut self.staged,
            tables: &partition.tables,
            specs,
            shared,
            now_ms: partition.fresh.newest_timestamp_ms,
            timestamp_ms: record.timestamp_ms,
        };
        let place = (record.partition, record.offset);
        self.last = Some(place);
        let outcome = if self.refused.contains(&place) {
            self.rejected.push(place);
            let error = "the broker refuses what this record brings about for its size".to_owned();
            Outcome::Rejected(Rejection { class: "too_large", error })
        } else {
            // Whatever a panic leaves behind in the stage is scratch space, filled anew for every record.
            catch_unwind(AssertUnwindSafe(|| stage.process(record, &mut effects)))
                .unwrap_or_else(|panic| Outcome::Rejected(panicked(&*panic)))
        };
        let oversize =
            self.outputs[mark..].iter().map(Output::size_bytes).find(|&size| size > MAX_RECORD_BYTES);
        let outcome = match oversize {
            Some(size) if !matches!(outcome, Outcome::Rejected(_)) => Outcome::Rejected(Rejection {
                class: "too_large",
                error: format!(
                    "a record of {size} bytes would be written; at most {MAX_RECORD_BYTES} may be"
                ),
            }),
            _ => outcome,
        };
        if let Outcome::Rejected(rejection) = &outcome {
            warn!(
                partition = record.partition,
                offset = record.offset,
                class = rejection.class,
                error = rejection.error,
                "record rejected"
            );
            self.outputs.truncate(mark);
            self.early.retain(|(at, _)| *at < mark);
            self.staged.clear();
            self.outputs.push(stage.dead_letter(record, rejection));
        }
        self.effective += usize::from(self.outputs.len() > mark || !self.staged.is_empty());
        for (table, change) in self.staged.drain(..) {
            self.bytes += change.key.len() + change.value.as_ref().map_or(0, Vec::len);
            let own = partition.tables.len();
            match partition.tables.get_mut(table) {
                Some(table) => table.change(change),
                None => shared[table - own].table.change(change),
            }
        }
        partition.fresh.add(&outcome);
        partition.next = record.offset + 1;
        self.records += 1;
        self.bytes += self.outputs[mark..].iter().map(Output::size_bytes).sum::<usize>();
    }
}

/// The early ones by their ranks, then the others; those that are equal in this as they came.
fn in_order(outputs: Vec<Output>, early: &[(usize, i64)]) -> Vec<Output> {
    if early.is_empty() {
        return outputs;
    }
    let mut early = early.iter().peekable();
    let ranked = outputs.into_iter().enumerate().map(|(at, output)| {
        let rank = early.next_if(|(place, _)| *place == at).map(|(_, rank)| *rank);
        ((rank.is_none(), rank), output)
    });
    let mut ranked: Vec<_> = ranked.collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, output)| output).collect()
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Rejection {
    let text = panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    Rejection { class: "panicked", error: format!("the stage panicked on this record: {text}") }
}

/// State may be beside the offsets for so long: a partition whose records come seldom would have it there for ever.
const JOURNAL_AGE: Duration = Duration::from_secs(60);

/// Where a transaction puts the changes of state.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Changes {
    /// Into the metadata of the offsets, while there is room.
    Ride,
    /// To their topics.
    Write,
}

/// What a worker knows of a partition it owns.
pub(super) struct PartitionState {
    tables: Vec<Table>,
    /// As committed; its changes are part of the tables once these are complete.
    journal: Journal,
    /// As it is to be after the commit.
    next_journal: Journal,
    /// When the journal was last empty here.
    journal_since: Instant,
    /// Cumulative, as committed.
    counts: Counts,
    /// Of the batch in hand.
    fresh: Counts,
    committed: i64,
    /// The group never committed anything here: the log's start is to be committed even if no record comes.
    unknown_to_group: bool,
    next: i64,
    /// Its state is complete and its records flow.
    ready: bool,
}

impl PartitionState {
    pub(super) fn new(assigned: &Assigned, tables: usize) -> Self {
        Self {
            tables: (0..tables).map(|_| Table::new()).collect(),
            journal: Journal::from_metadata(&assigned.metadata, tables),
            next_journal: Journal::default(),
            journal_since: Instant::now(),
            fresh: Counts::default(),
            counts: Counts::from_metadata(&assigned.metadata),
            committed: assigned.offset,
            unknown_to_group: !assigned.committed,
            next: assigned.offset,
            ready: false,
        }
    }

    /// Newest record timestamp seen.
    fn now_ms(&self) -> i64 {
        self.counts.newest_timestamp_ms.max(self.fresh.newest_timestamp_ms)
    }

    pub(super) fn restore(&mut self, table: usize, record: &Record<'_>) {
        self.counts.newest_timestamp_ms = self.counts.newest_timestamp_ms.max(record.timestamp_ms);
        if let (Some(table), Some(key)) = (self.tables.get_mut(table), record.key) {
            table.apply(key, record.value, record.timestamp_ms);
        }
    }

    /// Whether its state is complete and its records flow.
    pub(super) fn is_ready(&self) -> bool {
        self.ready
    }

    /// The topics of its tables have been read: what rode with the committed offset is newer.
    pub(super) fn complete(&mut self) {
        for (table, change) in self.journal.iter() {
            self.tables[table].apply(&change.key, change.value.as_deref(), change.timestamp_ms);
        }
        self.ready = true;
    }

    pub(super) fn entries(&self, table: usize) -> usize {
        self.tables.get(table).map_or(0, Table::len)
    }

    pub(super) fn committed(&self) -> i64 {
        self.committed
    }

    /// There is something to commit. Of a partition whose state is not complete nothing is.
    pub(super) fn touched(&self) -> bool {
        self.ready && (self.next > self.committed || self.unknown_to_group)
    }

    /// There are changes beside its offset that are to go to their topics.
    pub(super) fn is_due(&self, changes: Changes) -> bool {
        self.ready
            && !self.journal.is_empty()
            && (changes == Changes::Write || self.journal_since.elapsed() >= JOURNAL_AGE)
    }

    /// The position moved past records that nobody is given.
    pub(super) fn advance(&mut self, position: i64) {
        self.next = self.next.max(position);
    }

    /// The offset to be committed. Changes of state ride with it while there is room; all go to `outputs` when there is none,
    /// or when they are to be on their topics.
    pub(super) fn prepare(
        &mut self,
        partition: u32,
        specs: &[TableSpec],
        changes: Changes,
        outputs: &mut Vec<Output>,
    ) -> NextOffset {
        let write = changes == Changes::Write || self.is_due(changes);
        let mut counts = self.counts.clone();
        counts.merge(&self.fresh);
        let earlier =
            self.journal.iter().filter(|(table, change)| !self.tables[*table].changes_key(&change.key));
        let tables = self.tables.iter().enumerate();
        let pending = earlier.chain(
            tables.flat_map(|(index, table)| table.changes().iter().map(move |change| (index, change))),
        );
        let riding = if write { None } else { Journal::ride(pending.clone(), &counts) };
        let (journal, metadata) = riding.unwrap_or_else(|| {
            outputs.extend(pending.map(|(table, change)| change.to_output(&specs[table].topic, partition)));
            (Journal::default(), counts.to_metadata())
        });
        self.next_journal = journal;
        NextOffset { partition, offset: self.next, metadata }
    }

    /// After the commit. The outcomes of this batch, if it had records of this partition.
    pub(super) fn merge(&mut self, specs: &[TableSpec]) -> Option<Counts> {
        self.committed = self.next;
        self.unknown_to_group = false;
        if self.journal.is_empty() {
            self.journal_since = Instant::now();
        }
        self.journal = std::mem::take(&mut self.next_journal);
        let fresh = std::mem::take(&mut self.fresh);
        self.counts.merge(&fresh);
        let now_ms = self.counts.newest_timestamp_ms;
        for (table, spec) in self.tables.iter_mut().zip(specs) {
            table.merge(now_ms, &spec.lifetime);
        }
        (!fresh.is_empty()).then_some(fresh)
    }

    /// As if the batch had never been; whether it had anything of this partition.
    pub(super) fn discard(&mut self) -> bool {
        let touched = self.next > self.committed;
        self.next = self.committed;
        self.fresh = Counts::default();
        for table in &mut self.tables {
            table.discard();
        }
        touched
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn change(key: &str, value: &str) -> StateChange {
        StateChange { key: key.as_bytes().into(), value: Some(value.into()), timestamp_ms: 1 }
    }

    /// Where the changes of the batch in hand go, as `key=value` each.
    fn prepared(partition: &mut PartitionState, changes: Changes) -> (Vec<String>, Vec<String>) {
        let lifetime = Duration::from_secs(3600);
        let spec = TableSpec { topic: "state".into(), lifetime: Arc::new(move |_| lifetime) };
        let mut outputs = Vec::new();
        let next = partition.prepare(0, &[spec], changes, &mut outputs);
        let text = |key: &[u8], value: Option<&[u8]>| {
            String::from_utf8_lossy(&[key, b"=", value.unwrap_or_default()].concat()).into_owned()
        };
        let written = outputs.iter().map(|output| text(&output.key, output.value.as_deref())).collect();
        let riding = Journal::from_metadata(&next.metadata, 1);
        (written, riding.iter().map(|(_, change)| text(&change.key, change.value.as_deref())).collect())
    }

    #[test]
    fn what_is_early_comes_first_by_rank_and_else_all_stays_as_it_came() {
        let output = |key: &str| Output {
            topic: "mentions".into(),
            partition: 0,
            key: key.into(),
            value: None,
            headers: Vec::new(),
            timestamp_ms: None,
        };
        let keys = |early: &[(usize, i64)]| -> String {
            let ordered = in_order(["a", "b", "c", "d"].map(output).to_vec(), early);
            ordered.iter().map(|output| String::from_utf8_lossy(&output.key).into_owned()).collect()
        };
        assert_eq!(keys(&[]), "abcd");
        assert_eq!(keys(&[(1, 0), (3, 0)]), "bdac");
        assert_eq!(keys(&[(1, 7), (2, i64::MAX), (3, -7)]), "dbca");
        assert_eq!(keys(&[(0, 0), (1, 0), (2, 0), (3, 0)]), "abcd");
    }

    #[test]
    fn the_newest_change_of_a_key_goes_where_all_go_and_an_abort_changes_nothing() {
        let riding = [change("a", "1"), change("b", "1")];
        let (_, metadata) =
            Journal::ride(riding.iter().map(|change| (0, change)), &Counts::default()).unwrap();
        let mut partition =
            PartitionState::new(&Assigned { partition: 0, offset: 7, committed: true, metadata }, 1);
        partition.complete();
        assert!(partition.is_due(Changes::Write) && !partition.is_due(Changes::Ride));
        for _ in 0..2 {
            partition.tables[0].change(change("a", "2"));
            let newest = ["b=1", "a=2"].map(str::to_owned).to_vec();
            assert_eq!(prepared(&mut partition, Changes::Write), (newest.clone(), vec![]));
            partition.discard();
            partition.tables[0].change(change("a", "2"));
            assert_eq!(prepared(&mut partition, Changes::Ride), (vec![], newest));
            partition.discard();
            let before = ["a=1", "b=1"].map(str::to_owned).to_vec();
            assert_eq!(prepared(&mut partition, Changes::Ride), (vec![], before));
        }
    }

    #[test]
    fn state_goes_to_its_topic_when_it_has_been_beside_the_offsets_for_long() {
        let riding = change("a", "1");
        let (_, metadata) = Journal::ride([(0, &riding)].into_iter(), &Counts::default()).unwrap();
        let mut partition =
            PartitionState::new(&Assigned { partition: 0, offset: 7, committed: true, metadata }, 1);
        partition.complete();
        partition.journal_since = Instant::now().checked_sub(JOURNAL_AGE).unwrap();
        assert!(partition.is_due(Changes::Ride));
        assert_eq!(prepared(&mut partition, Changes::Ride), (vec!["a=1".to_owned()], vec![]));
    }
}
