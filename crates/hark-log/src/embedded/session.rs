//! A stage's session on the embedded log: owns all partitions from the first poll to the end.

use std::{
    collections::VecDeque,
    ops::ControlFlow,
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use rusqlite::Connection;

use super::{Shared, Topic, file, lock, reader};
use crate::{
    Assigned, Change, CommitError, EndOffset, LogError, NextOffset, Output, Record, Session, SessionConfig,
    SessionError,
};

/// Rows of one partition handed over before the next partition has its turn.
const ROWS_A_TURN: usize = 1_000;

pub(super) struct EmbeddedSession {
    shared: Arc<Shared>,
    group: String,
    connection: Connection,
    input: Topic,
    tables: Vec<Topic>,
    partitions: Vec<Partition>,
    assigned: bool,
    turn: usize,
    restoring: VecDeque<Restore>,
}

struct Partition {
    position: i64,
    paused: bool,
}

struct Restore {
    partition: u32,
    table: usize,
    position: i64,
    end: i64,
}

impl EmbeddedSession {
    pub(super) fn open(shared: Arc<Shared>, config: SessionConfig) -> Result<Self, LogError> {
        let input = shared.topic(&config.input)?;
        let mut tables = Vec::new();
        for name in &config.tables {
            let table = shared.topic(name)?;
            if table.partitions != input.partitions {
                return Err(LogError::Invalid(format!(
                    "{name} has {} partitions and {} has {}: state lies beside its input, so both must have as many",
                    table.partitions, config.input, input.partitions
                )));
            }
            tables.push(table);
        }
        let connection = shared.open_reader()?;
        if !lock(&shared.groups).insert(config.group.clone()) {
            return Err(LogError::Invalid(format!(
                "{} runs already: the embedded log has one worker a stage; use Kafka to run more",
                config.group
            )));
        }
        let partitions = (0..input.partitions).map(|_| Partition { position: 0, paused: true }).collect();
        let group = config.group;
        let restoring = VecDeque::new();
        Ok(Self { shared, group, connection, input, tables, partitions, assigned: false, turn: 0, restoring })
    }

    fn assign(&mut self) -> Result<Change, SessionError> {
        self.assigned = true;
        let mut assigned = Vec::new();
        for (partition, state) in (0..).zip(&mut self.partitions) {
            let committed = file::committed(&self.connection, &self.group, self.input.id, partition)
                .map_err(|source| file::failed("reading offsets", &self.shared.path, source))?;
            let known = committed.is_some();
            let (offset, metadata) = committed.unwrap_or_default();
            state.position = offset;
            assigned.push(Assigned { partition, offset, committed: known, metadata });
        }
        Ok(Change::Assigned(assigned))
    }

    /// Waits until a partition that flows has more than was read.
    fn wait(&self, wait: Duration) {
        let until = Instant::now() + wait;
        let mut ends = lock(&self.shared.ends);
        loop {
            let known = ends.get(&self.input.id).map_or(&[][..], Vec::as_slice);
            let more = self
                .partitions
                .iter()
                .zip(known)
                .any(|(partition, &end)| !partition.paused && partition.position < end);
            let left = until.saturating_duration_since(Instant::now());
            if more || left.is_zero() {
                return;
            }
            ends = self.shared.grown.wait_timeout(ends, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn known_end(&self, topic: Topic, partition: u32) -> i64 {
        lock(&self.shared.ends)
            .get(&topic.id)
            .and_then(|ends| ends.get(partition as usize))
            .copied()
            .unwrap_or_default()
    }
}

impl Session for EmbeddedSession {
    fn poll(
        &mut self,
        wait: Duration,
        each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>,
    ) -> Result<Vec<Change>, SessionError> {
        if !self.assigned {
            return Ok(vec![self.assign()?]);
        }
        self.wait(wait);
        let count = self.partitions.len();
        let mut quiet = 0;
        while quiet < count {
            let number = self.turn % count;
            self.turn = number + 1;
            let partition = u32::try_from(number).unwrap_or(u32::MAX);
            let end = self.known_end(self.input, partition);
            let state = &mut self.partitions[number];
            if state.paused || state.position >= end {
                quiet += 1;
                continue;
            }
            quiet = 0;
            let mut stop = false;
            let next = reader::rows(
                &self.connection,
                self.input.id,
                partition,
                state.position,
                ROWS_A_TURN,
                &mut |record| {
                    stop = each(record).is_break();
                    !stop
                },
            )
            .map_err(|source| file::failed("reading", &self.shared.path, source))?;
            // No row below the end: retention took them.
            state.position = next.unwrap_or(end);
            if stop {
                break;
            }
        }
        Ok(Vec::new())
    }

    fn commit(&mut self, outputs: &[Output], next: &[NextOffset]) -> Result<(), CommitError> {
        self.shared.commit(outputs, Some((&self.group, self.input, next)))
    }

    fn settles_at(&self) -> Option<Instant> {
        None
    }

    fn rewind(&mut self, to: &[(u32, i64)]) -> Result<(), SessionError> {
        for &(partition, offset) in to {
            if let Some(state) = self.partitions.get_mut(partition as usize) {
                state.position = offset;
            }
        }
        Ok(())
    }

    fn begin_restore(&mut self, partitions: &[u32]) -> Result<(), SessionError> {
        for &partition in partitions {
            for (table, topic) in self.tables.iter().enumerate() {
                let end = self.known_end(*topic, partition);
                self.restoring.push_back(Restore { partition, table, position: 0, end });
            }
        }
        Ok(())
    }

    fn restore(
        &mut self,
        wait: Duration,
        each: &mut dyn FnMut(usize, &Record<'_>),
    ) -> Result<Vec<u32>, SessionError> {
        let until = Instant::now() + wait;
        let mut complete = Vec::new();
        while let Some(restore) = self.restoring.front_mut() {
            if restore.position < restore.end {
                let Restore { partition, table, position, .. } = *restore;
                let next = reader::rows(
                    &self.connection,
                    self.tables[table].id,
                    partition,
                    position,
                    ROWS_A_TURN,
                    &mut |record| {
                        each(table, record);
                        true
                    },
                )
                .map_err(|source| file::failed("restoring", &self.shared.path, source))?;
                restore.position = next.unwrap_or(restore.end);
            }
            if restore.position >= restore.end {
                let partition = restore.partition;
                self.restoring.pop_front();
                if self.restoring.iter().all(|other| other.partition != partition) {
                    complete.push(partition);
                }
            }
            if Instant::now() >= until {
                break;
            }
        }
        Ok(complete)
    }

    fn resume(&mut self, partitions: &[u32]) -> Result<(), SessionError> {
        for &partition in partitions {
            if let Some(state) = self.partitions.get_mut(partition as usize) {
                state.paused = false;
            }
        }
        Ok(())
    }

    fn positions(&mut self) -> Result<Vec<(u32, i64)>, SessionError> {
        Ok((0..).zip(&self.partitions).map(|(number, partition)| (number, partition.position)).collect())
    }

    fn ends(&mut self) -> Result<Vec<EndOffset>, SessionError> {
        Ok(self.known_ends())
    }

    fn known_ends(&mut self) -> Vec<EndOffset> {
        (0..self.input.partitions)
            .map(|partition| EndOffset { partition, offset: self.known_end(self.input, partition) })
            .collect()
    }

    fn committed(&mut self) -> Result<Vec<(u32, Option<i64>)>, SessionError> {
        (0..self.input.partitions)
            .map(|partition| {
                file::committed(&self.connection, &self.group, self.input.id, partition)
                    .map(|committed| (partition, committed.map(|(offset, _)| offset)))
                    .map_err(|source| file::failed("reading offsets", &self.shared.path, source).into())
            })
            .collect()
    }
}

impl Drop for EmbeddedSession {
    fn drop(&mut self) {
        lock(&self.shared.groups).remove(&self.group);
    }
}
