//! The loop that every stage runs in: fill a batch, process, commit outputs, state and offsets together; go back on abort.
//!
//! One thread owns the session, the stage and the state by value, so a rebalance has nothing to wait for: it only throws
//! away the records of the unsent batch.

mod batch;
mod journal;
mod shared;

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    thread,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;
use tracing::{debug, info, info_span, warn};

pub use batch::Effects;
use batch::{Batch, Changes, PartitionState};
use shared::SharedTable;
pub use shared::{PartitionOf, SharedTableSpec};

use crate::{
    Change, CommitError, Counts, Log, LogError, NextOffset, Outcome, Output, RebuildBudget, Record,
    Rejection, Session, SessionConfig, SessionError, TableSpec,
};

/// Records of a batch that bring something about: Kafka's producer queue and our memory stay small, and a bare transactional loop
/// gains nothing from more (measured: batches of 10,000 records of 400 bytes).
pub const MAX_BATCH_EFFECTIVE: usize = 10_000;
/// Bytes written, whichever is reached first.
pub const MAX_BATCH_BYTES: usize = 8 * 1024 * 1024;
/// Records that bring nothing about cost a batch nothing but the time to look at them again after an abort (ADR 0008).
pub const MAX_BATCH_RECORDS: usize = 100_000;
/// How long the first record of a batch waits for company when there is no backlog.
const LINGER: Duration = Duration::from_millis(2);
/// A batch of slow records ends after this, far inside the transaction timeout of 10 s.
const MAX_FILL: Duration = Duration::from_millis(500);
/// Records between two looks at the clock, which costs as much as a look at a post that nobody is interested in.
const CLOCK_EVERY: usize = 64;
/// How long an idle worker waits in one poll: it bounds how late a shutdown is noticed.
const IDLE_WAIT: Duration = Duration::from_millis(100);
/// A slice of restoring between two batches of the partitions that are ready.
const RESTORE_SLICE: Duration = Duration::from_millis(50);
/// How often an idle worker looks whether control records moved its position, and tells its lag.
const IDLE_COMMIT_EVERY: Duration = Duration::from_secs(1);
/// With `--once` and records that keep coming, the goal is looked at so often.
const GOAL_EVERY: Duration = Duration::from_secs(1);
/// A commit that took so long and then lost its producer was waiting for brokers that were away.
const BROKER_LOSS: Duration = Duration::from_secs(5);
/// A member that was fenced, and is fenced again so soon after it was built anew, and then once more, has a twin: each of two fences the
/// other as soon as it is there. Else it may have fenced itself: a broker that stood still answers the second joining of a member, which
/// gave up waiting for the first, and then takes the member of the first for somebody else.
const TWIN_WINDOW: Duration = Duration::from_secs(20);
/// So often, lest a broker that stands still twice in that time is taken for one.
const TWIN_FENCES: u32 = 2;
/// First and longest wait after an aborted transaction.
const ABORT_WAITS: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(2));

/// What is done with one record. Pure but for its own scratch space: the same records and state give the same effects, because
/// an aborted batch is processed again.
pub trait Stage {
    /// A batch begins. What the stage decides by may change here and nowhere else, so that all records of a transaction are
    /// decided alike.
    fn begin(&mut self) {}

    /// Turns a record into effects. A rejection or a panic undoes the effects of this record.
    fn process(&mut self, record: &Record<'_>, effects: &mut Effects<'_>) -> Outcome;

    /// The dead letter for a record that was rejected, by the stage or by the worker (`panicked`, `too_large`).
    fn dead_letter(&mut self, record: &Record<'_>, rejection: &Rejection) -> Output;

    /// Told what happened around the records; for telemetry.
    fn observe(&mut self, event: WorkerEvent<'_>);
}

/// What a worker tells its stage.
#[derive(Debug)]
pub enum WorkerEvent<'a> {
    /// A transaction is committed; counters move now (law 1).
    Committed(&'a BatchReport),
    /// A transaction was aborted, or lost with its producer, and its records will come again, if the log does not have them after all.
    Aborted {
        /// What somebody has to mend before they can be written, where that is known.
        error: Option<&'a LogError>,
    },
    /// The log cannot take more at present: disk full.
    Refused,
    /// The assignment changed, or a partition's state is complete.
    Assignment {
        /// Partitions owned now.
        owned: usize,
        /// Of these, those whose state is not complete yet.
        restoring: usize,
    },
    /// The state of an assignment has been read.
    Restored {
        /// How long it took.
        took: Duration,
        /// Records read.
        records: u64,
    },
    /// Producer and consumer were thrown away and are built anew.
    Rebuilding,
    /// Once a second or so when idle, and after every batch at most that often.
    Lag {
        /// Records behind the end, by partition.
        lag: &'a [(u32, u64)],
        /// Live entries of each table, the shared ones last.
        entries: &'a [usize],
    },
}

/// What a committed transaction did.
#[derive(Debug, Default)]
pub struct BatchReport {
    /// Outcomes by partition, of this batch only.
    pub counts: Vec<(u32, Counts)>,
    /// Records written, with those of state that went to its topics.
    pub outputs: usize,
    /// From the first record to the commit.
    pub took: Duration,
}

/// A stage with what it needs to run.
pub struct Worker<'a, S> {
    /// The stage.
    pub stage: S,
    /// Its tables, in the order of [`SessionConfig::tables`].
    pub tables: Vec<TableSpec>,
    /// Tables that every worker holds whole; for [`Effects`] they come behind those above.
    pub shared: Vec<SharedTableSpec>,
    /// Works off what is there at the start, then ends.
    pub once: bool,
    /// The log.
    pub log: &'a dyn Log,
}

/// A worker that ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The session failed for good.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// Rebuilding does not help.
    #[error(
        "{name} was rebuilt {times} times within {window:?} and lost again: does another process run under the same name?"
    )]
    LostAgain {
        /// `transactional.id`, which is the instance's name where there is one.
        name: String,
        /// Rebuilds so far.
        times: usize,
        /// Within this.
        window: Duration,
        /// The last loss.
        source: SessionError,
    },
}

impl<S: Stage> Worker<'_, S> {
    /// Runs until shutdown, or until the work is done with `once`.
    pub fn run(self, config: SessionConfig) -> Result<(), WorkerError> {
        let shutdown = config.shutdown.clone();
        match self.run_on(config) {
            Err(WorkerError::Session(error))
                if shutdown.is_cancelled()
                    && (error.is_loss() || matches!(error, SessionError::Twin { .. })) =>
            {
                // What was not committed comes again; there is nothing left to do here.
                debug!(%error, "stopping without a broker");
                Ok(())
            }
            ended => ended,
        }
    }

    fn run_on(mut self, config: SessionConfig) -> Result<(), WorkerError> {
        let mut budget = RebuildBudget::default();
        // First: what an earlier holder of our names left open is ended by it.
        let mut session = self.log.session(config.clone()).map_err(SessionError::from)?;
        let mut shared = Vec::with_capacity(self.shared.len());
        for spec in self.shared.drain(..) {
            shared.push(SharedTable::open(self.log, spec).map_err(SessionError::from)?);
        }
        let goal = if self.once { Some(session.ends()?) } else { None };
        // When the session began, if the one before it was fenced.
        let mut anew: Option<Instant> = None;
        let mut soon_again = 0;
        loop {
            let drive = Drive {
                budget: &mut budget,
                stage: &mut self.stage,
                tables: &self.tables,
                shared: &mut shared,
                shutdown: &config.shutdown,
                partitions: BTreeMap::new(),
                batch: Batch::default(),
                batch_limit: MAX_BATCH_RECORDS,
                restoring: None,
                told: Instant::now(),
                worked: Worked::default(),
                once: self.once,
            };
            let lost = match drive.run(&mut *session, goal.as_deref()) {
                Ok(()) => return Ok(()),
                Err(error) if error.is_loss() && !config.shutdown.is_cancelled() => error,
                Err(error @ SessionError::Twin { .. }) if !config.shutdown.is_cancelled() => {
                    let is_soon = anew.is_some_and(|began| began.elapsed() <= TWIN_WINDOW);
                    soon_again = if is_soon { soon_again + 1 } else { 0 };
                    if soon_again == TWIN_FENCES {
                        return Err(error.into());
                    }
                    budget.excuse();
                    error
                }
                Err(error) => return Err(error.into()),
            };
            if matches!(lost, SessionError::Log(_)) {
                budget.excuse();
            }
            if !budget.spend(Instant::now()) {
                return Err(WorkerError::LostAgain {
                    name: config.transactional_id,
                    times: RebuildBudget::MAX_REBUILDS,
                    window: RebuildBudget::WINDOW,
                    source: lost,
                });
            }
            let group = &config.group;
            let is_fenced = matches!(lost, SessionError::Twin { .. });
            if is_fenced {
                warn!(
                    %group,
                    "fenced off: a broker stood still, or another process runs under the same name: building new clients"
                );
            } else {
                warn!(error = %lost, %group, "lost consumer and producer: building new ones");
            }
            self.stage.observe(WorkerEvent::Rebuilding);
            drop(session);
            session = match self.reconnect(&config)? {
                Some(session) => session,
                None => return Ok(()),
            };
            anew = is_fenced.then(Instant::now);
        }
    }

    /// A new session, waited for while the brokers are away; `None` if shutdown came first.
    fn reconnect(&self, config: &SessionConfig) -> Result<Option<Box<dyn Session>>, WorkerError> {
        let mut wait = ABORT_WAITS.0;
        while !config.shutdown.is_cancelled() {
            match self.log.session(config.clone()).map_err(SessionError::from) {
                Ok(session) => return Ok(Some(session)),
                Err(error) if error.is_loss() => {
                    pause(&config.shutdown, wait);
                    wait = (wait * 2).min(ABORT_WAITS.1);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }
}

/// Waits, but not past a shutdown: a token has no way to wake a plain thread.
pub fn pause(shutdown: &CancellationToken, wait: Duration) {
    let end = Instant::now() + wait;
    while !shutdown.is_cancelled() {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        thread::park_timeout(left.min(Duration::from_millis(10)));
    }
}

struct Restoring {
    since: Instant,
    records: u64,
    /// Partitions whose state is complete, while the shared tables are not.
    complete: Vec<u32>,
}

/// What became of a commit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Committed,
    /// It did not happen: its records come again after a moment.
    ComesAgain,
    /// It did not happen: its records come again, fewer at a time.
    InSmallerBatches,
    /// Shutdown came before the answer; nothing may follow.
    Unknown,
}

/// One session's life.
struct Drive<'a, S> {
    budget: &'a mut RebuildBudget,
    stage: &'a mut S,
    tables: &'a [TableSpec],
    shared: &'a mut [SharedTable],
    shutdown: &'a CancellationToken,
    partitions: BTreeMap<u32, PartitionState>,
    batch: Batch,
    batch_limit: usize,
    restoring: Option<Restoring>,
    told: Instant,
    /// Committed in this session, from the first batch's begin to the last one's commit.
    worked: Worked,
    once: bool,
}

/// What a session got done.
#[derive(Default)]
struct Worked {
    records: usize,
    span: Option<(Instant, Instant)>,
}

impl<S: Stage> Drive<'_, S> {
    fn run(
        mut self,
        session: &mut dyn Session,
        goal: Option<&[crate::EndOffset]>,
    ) -> Result<(), SessionError> {
        let mut abort_wait = ABORT_WAITS.0;
        // What a lost session left behind.
        self.shared.iter_mut().for_each(|shared| shared.table.discard());
        let mut idle_since = Instant::now();
        let mut goal_looked = Instant::now();
        while !self.shutdown.is_cancelled() {
            if self.restoring.is_some() {
                self.restore(session)?;
            }
            for shared in self.shared.iter_mut() {
                shared.follow()?;
            }
            let began = Instant::now();
            if !self.fill(session)? {
                continue;
            }
            if self.batch.is_empty() {
                let once = goal.is_some();
                if once || idle_since.elapsed() >= IDLE_COMMIT_EVERY {
                    idle_since = Instant::now();
                    if self.commit_positions(session)? == Fate::Unknown {
                        return Ok(());
                    }
                    self.tell_lag(session);
                }
                if let Some(goal) = goal
                    && self.restoring.is_none()
                    && self.is_done(session, goal)?
                {
                    break;
                }
                continue;
            }
            match self.commit(session, began, Changes::Ride)? {
                Fate::Committed | Fate::InSmallerBatches => {
                    abort_wait = ABORT_WAITS.0;
                    if let Some(goal) = goal
                        && goal_looked.elapsed() >= GOAL_EVERY
                    {
                        goal_looked = Instant::now();
                        if self.restoring.is_none() && self.is_done(session, goal)? {
                            break;
                        }
                    }
                }
                Fate::ComesAgain => {
                    pause(self.shutdown, abort_wait);
                    abort_wait = (abort_wait * 2).min(ABORT_WAITS.1);
                }
                Fate::Unknown => return Ok(()),
            }
            // Above all where batches are aborted again and again.
            if self.told.elapsed() >= IDLE_COMMIT_EVERY {
                self.tell_lag(session);
            }
        }
        // Whoever stops in good order leaves no state beside the offsets, which an operator may set and a broker forgets after a week.
        self.flush(session)?;
        Ok(())
    }

    /// Whether the group has reached the goal of `--once`; says so if it has.
    fn is_done(&self, session: &mut dyn Session, goal: &[crate::EndOffset]) -> Result<bool, SessionError> {
        if !reached(session, goal)? {
            return Ok(false);
        }
        let took = self.worked.span.map(|(first, last)| last - first).unwrap_or_default();
        info!(records = self.worked.records, seconds = took.as_secs_f64(), "worked off what was there");
        Ok(true)
    }

    /// Fills a batch. False when the assignment changed, which throws the unsent batch away.
    fn fill(&mut self, session: &mut dyn Session) -> Result<bool, SessionError> {
        let mut wait = if self.restoring.is_some() { Duration::ZERO } else { IDLE_WAIT };
        let mut first = None;
        loop {
            let Self { stage, tables, shared, partitions, batch, batch_limit, .. } = self;
            let changes = session.poll(wait, &mut |record| {
                let began = *first.get_or_insert_with(Instant::now);
                let Some(partition) = partitions.get_mut(&record.partition) else {
                    return ControlFlow::Continue(());
                };
                batch.process(*stage, tables, shared, partition, record);
                let looks = batch.records().is_multiple_of(CLOCK_EVERY);
                if batch.is_full(*batch_limit) || looks && began.elapsed() >= MAX_FILL {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })?;
            if !changes.is_empty() {
                self.batch.clear();
                self.reassign(session, changes)?;
                self.rewind(session)?;
                return Ok(false);
            }
            let Some(first) = first else { return Ok(true) };
            // While the log is busy with the last commit there is time for company anyway.
            let until = session.settles_at().map_or(first + LINGER, |at| at.max(first + LINGER));
            wait = whole_millis(until.saturating_duration_since(Instant::now()));
            if wait.is_zero() || self.batch.is_full(self.batch_limit) || self.shutdown.is_cancelled() {
                return Ok(true);
            }
        }
    }

    fn reassign(&mut self, session: &mut dyn Session, changes: Vec<Change>) -> Result<(), SessionError> {
        for change in changes {
            match change {
                Change::Assigned(assigned) => {
                    let numbers: Vec<u32> = assigned.iter().map(|assigned| assigned.partition).collect();
                    info!(partitions = ?numbers, "partitions assigned");
                    for assigned in assigned {
                        self.partitions
                            .insert(assigned.partition, PartitionState::new(&assigned, self.tables.len()));
                    }
                    let stateless = self.tables.is_empty() && self.shared.is_empty();
                    if stateless || numbers.is_empty() {
                        for number in &numbers {
                            self.partitions.entry(*number).and_modify(PartitionState::complete);
                        }
                        session.resume(&numbers)?;
                    } else {
                        let restoring = self.restoring.get_or_insert(Restoring {
                            since: Instant::now(),
                            records: 0,
                            complete: Vec::new(),
                        });
                        if self.tables.is_empty() {
                            restoring.complete.extend(&numbers);
                        } else {
                            session.begin_restore(&numbers)?;
                        }
                    }
                }
                Change::Revoked(numbers) => {
                    info!(partitions = ?numbers, "partitions revoked");
                    for number in &numbers {
                        self.partitions.remove(number);
                    }
                    // Should one come back at once, its state is not there.
                    if let Some(restoring) = &mut self.restoring {
                        restoring.complete.retain(|number| !numbers.contains(number));
                    }
                    if self.partitions.values().all(PartitionState::is_ready) {
                        self.restoring = None;
                    }
                }
            }
        }
        self.tell_assignment();
        Ok(())
    }

    fn restore(&mut self, session: &mut dyn Session) -> Result<(), SessionError> {
        let Self { partitions, restoring, shared, .. } = self;
        let Some(restoring) = restoring else { return Ok(()) };
        let records = &mut restoring.records;
        let complete = session.restore(RESTORE_SLICE, &mut |table, record| {
            *records += 1;
            if let Some(partition) = partitions.get_mut(&record.partition) {
                partition.restore(table, record);
            }
        })?;
        restoring.complete.extend(complete);
        restoring.complete.retain(|number| partitions.contains_key(number));
        let waiting = partitions.values().filter(|partition| !partition.is_ready()).count();
        // All are read side by side and mostly end at about the same time; the shared tables are to be read on only once.
        if restoring.complete.is_empty() || !shared.is_empty() && restoring.complete.len() < waiting {
            return Ok(());
        }
        // Whoever had these partitions before may have written to the shared tables until now.
        for shared in shared.iter_mut() {
            if !shared.catch_up(RESTORE_SLICE, &mut restoring.records)? {
                return Ok(());
            }
        }
        let complete = std::mem::take(&mut restoring.complete);
        session.resume(&complete)?;
        for number in complete {
            if let Some(partition) = self.partitions.get_mut(&number) {
                partition.complete();
            }
        }
        if self.partitions.values().all(PartitionState::is_ready)
            && let Some(Restoring { since, records, .. }) = self.restoring.take()
        {
            let took = since.elapsed();
            info!(records, ?took, "state restored");
            self.stage.observe(WorkerEvent::Restored { took, records });
        }
        self.tell_assignment();
        Ok(())
    }

    /// Commits the batch.
    fn commit(
        &mut self,
        session: &mut dyn Session,
        began: Instant,
        changes: Changes,
    ) -> Result<Fate, SessionError> {
        let span = info_span!("batch", records = self.batch.records());
        let _entered = span.enter();
        let mut outputs = self.batch.take_outputs();
        let next: Vec<NextOffset> = self
            .partitions
            .iter_mut()
            .filter(|(_, partition)| partition.touched() || partition.is_due(changes))
            .map(|(&number, partition)| partition.prepare(number, self.tables, changes, &mut outputs))
            .collect();
        for shared in self.shared.iter() {
            shared.outputs(&mut outputs);
        }
        let committing = Instant::now();
        match session.commit(&outputs, &next) {
            Ok(()) => {
                let mut report = BatchReport {
                    counts: Vec::with_capacity(next.len()),
                    outputs: outputs.len(),
                    took: Duration::ZERO,
                };
                for NextOffset { partition: number, .. } in next {
                    let partition = self.partitions.get_mut(&number);
                    if let Some(counts) = partition.and_then(|partition| partition.merge(self.tables)) {
                        report.counts.push((number, counts));
                    }
                }
                self.shared.iter_mut().for_each(SharedTable::merge);
                if !self.batch.is_empty() {
                    self.worked.records += self.batch.records();
                    let first = self.worked.span.map_or(began, |(first, _)| first);
                    self.worked.span = Some((first, Instant::now()));
                }
                self.batch.settle();
                // Grows back slowly after a record that the broker refused was isolated.
                self.batch_limit = (self.batch_limit * 2).min(MAX_BATCH_RECORDS);
                report.took = began.elapsed();
                debug!(outputs = report.outputs, took = ?report.took, "batch committed");
                self.stage.observe(WorkerEvent::Committed(&report));
                Ok(Fate::Committed)
            }
            Err(CommitError::TooLarge { source }) => {
                let records = self.batch.records();
                warn!(error = %source, records, "the broker refused a record for its size: looking for it");
                if records == 0 {
                    return Err(LogError::Refused { record: "state".to_owned() }.into());
                }
                if records == 1 && !self.batch.refuse() {
                    return Err(LogError::Refused { record: "a dead letter".to_owned() }.into());
                }
                self.batch_limit = (records / 2).max(1);
                self.stage.observe(WorkerEvent::Aborted { error: None });
                self.rewind(session)?;
                Ok(Fate::InSmallerBatches)
            }
            Err(CommitError::Aborted { source }) => {
                warn!(error = %source, "transaction aborted: its records come again");
                self.stage.observe(WorkerEvent::Aborted { error: source.downcast_ref() });
                self.rewind(session)?;
                Ok(Fate::ComesAgain)
            }
            Err(CommitError::Full { path }) => {
                let records = self.batch.records();
                self.stage.observe(WorkerEvent::Refused);
                self.rewind(session)?;
                if records > 1 {
                    debug!(path, records, "no room on the disk for this batch: trying a smaller one");
                    self.batch_limit = (records / 2).max(1);
                    return Ok(Fate::InSmallerBatches);
                }
                if self.once {
                    return Err(LogError::Full { path }.into());
                }
                warn!(path, "the disk is full: the record comes again");
                Ok(Fate::ComesAgain)
            }
            Err(CommitError::Lost { source }) => {
                if committing.elapsed() >= BROKER_LOSS {
                    self.budget.excuse();
                }
                self.stage.observe(WorkerEvent::Aborted { error: None });
                Err(source)
            }
            Err(error @ CommitError::Unknown) => {
                warn!(%error, "stopping");
                Ok(Fate::Unknown)
            }
        }
    }

    /// Commits how far control and aborted records moved the positions, so that the lag seen from outside is 0, and writes what
    /// rides with the offsets to its topics.
    fn commit_positions(&mut self, session: &mut dyn Session) -> Result<Fate, SessionError> {
        for (number, position) in session.positions()? {
            if let Some(partition) = self.partitions.get_mut(&number) {
                partition.advance(position);
            }
        }
        self.flush(session)
    }

    /// Commits what is to be committed without a batch.
    fn flush(&mut self, session: &mut dyn Session) -> Result<Fate, SessionError> {
        let due = |partition: &PartitionState| partition.touched() || partition.is_due(Changes::Write);
        if !self.partitions.values().any(due) {
            return Ok(Fate::Committed);
        }
        let fate = self.commit(session, Instant::now(), Changes::Write)?;
        if fate != Fate::Committed {
            debug!(
                "positions and state not committed: the next idle moment, or whoever comes next, tries again"
            );
        }
        Ok(fate)
    }

    /// Throws the batch away and goes back to what is committed.
    fn rewind(&mut self, session: &mut dyn Session) -> Result<(), SessionError> {
        self.batch.clear();
        self.shared.iter_mut().for_each(|shared| shared.table.discard());
        let mut back = Vec::new();
        for (&number, partition) in &mut self.partitions {
            if partition.discard() {
                back.push((number, partition.committed()));
            }
        }
        if back.is_empty() { Ok(()) } else { session.rewind(&back) }
    }

    fn tell_assignment(&mut self) {
        let restoring = self.partitions.values().filter(|partition| !partition.is_ready()).count();
        self.stage.observe(WorkerEvent::Assignment { owned: self.partitions.len(), restoring });
    }

    fn tell_lag(&mut self, session: &mut dyn Session) {
        self.told = Instant::now();
        let lag: Vec<(u32, u64)> = session
            .known_ends()
            .into_iter()
            .filter_map(|end| {
                let partition = self.partitions.get(&end.partition)?;
                let behind = end.offset.saturating_sub(partition.committed());
                Some((end.partition, u64::try_from(behind).unwrap_or_default()))
            })
            .collect();
        let entries: Vec<usize> = (0..self.tables.len())
            .map(|table| self.partitions.values().map(|partition| partition.entries(table)).sum())
            .chain(self.shared.iter().map(|shared| shared.table.len()))
            .collect();
        self.stage.observe(WorkerEvent::Lag { lag: &lag, entries: &entries });
    }
}

/// Rounded up: librdkafka waits for whole milliseconds, and what is left of one would be spent spinning.
fn whole_millis(wait: Duration) -> Duration {
    Duration::from_millis(u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX))
}

/// Whether the group, all members together, has committed what was there at the start.
fn reached(session: &mut dyn Session, goal: &[crate::EndOffset]) -> Result<bool, SessionError> {
    let committed: BTreeMap<u32, Option<i64>> = session.committed()?.into_iter().collect();
    Ok(goal.iter().all(|end| {
        end.offset == 0
            || committed.get(&end.partition).copied().flatten().is_some_and(|offset| offset >= end.offset)
    }))
}
