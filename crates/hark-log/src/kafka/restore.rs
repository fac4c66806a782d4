//! Reading partitions up to their true end (laws 5 and 6): the state of a stage, or a topic that a tool reads whole.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
};

use super::{
    client::{Clients, Context, is_broker_loss, number},
    partitions_of,
    session::with_record,
    watermarks,
};
use crate::{LogError, Record};

/// An open transaction of a dead writer ends after 20 s at most; three times that is enough for anything.
const END_WAIT: Duration = Duration::from_secs(60);
/// One turn of waiting in [`read_to_end`].
const TURN: Duration = Duration::from_millis(100);

/// Reads whole partitions of several topics, each to the end it had when it was added.
pub(super) struct Restorer {
    clients: Clients,
    reader: BaseConsumer<Context>,
    topics: Vec<Arc<str>>,
    goals: BTreeMap<(usize, u32), Goal>,
}

struct Goal {
    next: i64,
    end: i64,
}

impl Restorer {
    pub fn new(clients: &Clients, topics: Vec<Arc<str>>) -> Result<Self, LogError> {
        Ok(Self { clients: clients.clone(), reader: clients.reader()?, topics, goals: BTreeMap::new() })
    }

    /// Adds partitions of all topics. The end is what a `read_uncommitted` client sees: with an open transaction in the way a
    /// `read_committed` one sees an end too early, even 0.
    pub fn add(&mut self, watcher: &BaseConsumer<Context>, partitions: &[u32]) -> Result<(), LogError> {
        for topic in &self.topics {
            Clients::acquaint(&self.reader, topic);
        }
        for &partition in partitions {
            for (index, topic) in self.topics.iter().enumerate() {
                let (low, high) = watermarks(&self.clients, watcher, topic, partition)?;
                if low < high {
                    self.goals.insert((index, partition), Goal { next: low, end: high });
                }
            }
        }
        self.assign()
    }

    /// Forgets partitions that belong to somebody else now.
    pub fn remove(&mut self, partitions: &[u32]) -> Result<(), LogError> {
        let before = self.goals.len();
        self.goals.retain(|(_, partition), _| !partitions.contains(partition));
        if self.goals.len() == before { Ok(()) } else { self.assign() }
    }

    /// Whether a partition is still being read.
    pub fn is_restoring(&self, partition: u32) -> bool {
        self.goals.keys().any(|(_, other)| *other == partition)
    }

    pub fn is_done(&self) -> bool {
        self.goals.is_empty()
    }

    fn assign(&self) -> Result<(), LogError> {
        let mut list = TopicPartitionList::new();
        for ((index, partition), goal) in &self.goals {
            list.add_partition_offset(&self.topics[*index], number(*partition), Offset::Offset(goal.next))
                .map_err(|source| self.clients.failed("restoring state", source))?;
        }
        let result = if self.goals.is_empty() { self.reader.unassign() } else { self.reader.assign(&list) };
        result.map_err(|source| self.clients.failed("restoring state", source))
    }

    /// Reads for at most `wait`, or until all is read. The `watcher` tells what retention took meanwhile.
    pub fn read(
        &mut self,
        watcher: &BaseConsumer<Context>,
        wait: Duration,
        each: &mut dyn FnMut(usize, &Record<'_>),
    ) -> Result<(), LogError> {
        let until = Instant::now() + wait;
        let mut look = false;
        while !self.goals.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            match self.reader.poll(left) {
                None => break,
                Some(Ok(message)) => {
                    let index = self.topics.iter().position(|topic| **topic == *message.topic());
                    let partition = u32::try_from(message.partition()).unwrap_or(u32::MAX);
                    let Some(index) = index else { continue };
                    let Some(goal) = self.goals.get_mut(&(index, partition)) else { continue };
                    goal.next = message.offset() + 1;
                    look |= goal.next >= goal.end;
                    let more = with_record(&message, &mut |record| {
                        each(index, record);
                        ControlFlow::Continue(())
                    });
                    debug_assert!(more.is_continue());
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    self.forget_what_is_gone(watcher, u32::try_from(partition).unwrap_or(u32::MAX))?;
                    look = true;
                }
                Some(Err(error)) if error.rdkafka_error_code().is_some_and(is_broker_loss) => {}
                Some(Err(error)) => return Err(self.clients.failed("restoring state", error)),
            }
            if look {
                self.settle()?;
                look = false;
            }
            if left.is_zero() {
                break;
            }
        }
        self.settle()
    }

    /// Drops the goals of a partition whose records retention took after its end was asked for: where no record is given, no
    /// position moves.
    fn forget_what_is_gone(
        &mut self,
        watcher: &BaseConsumer<Context>,
        partition: u32,
    ) -> Result<(), LogError> {
        for (index, topic) in self.topics.iter().enumerate() {
            if let Some(goal) = self.goals.get(&(index, partition)) {
                let (low, _) = watermarks(&self.clients, watcher, topic, partition)?;
                if low >= goal.end {
                    self.goals.remove(&(index, partition));
                }
            }
        }
        Ok(())
    }

    /// Drops the goals that are reached. The position, unlike the last record, moves past control and aborted records.
    fn settle(&mut self) -> Result<(), LogError> {
        let positions =
            self.reader.position().map_err(|source| self.clients.failed("restoring state", source))?;
        for element in positions.elements() {
            let index = self.topics.iter().position(|topic| **topic == *element.topic());
            let partition = u32::try_from(element.partition()).unwrap_or(u32::MAX);
            let (Some(index), Offset::Offset(position)) = (index, element.offset()) else { continue };
            if self.goals.get(&(index, partition)).is_some_and(|goal| position >= goal.end) {
                self.goals.remove(&(index, partition));
            }
        }
        if self.goals.is_empty() { self.assign() } else { Ok(()) }
    }
}

/// Reads partitions of a topic to the ends they have now.
pub(super) fn read_to_end(
    clients: &Clients,
    topic: &str,
    partitions: &[u32],
    each: &mut dyn FnMut(&Record<'_>),
) -> Result<(), LogError> {
    let watcher = clients.watcher()?;
    partitions_of(&clients.metadata(&watcher)?, topic)?;
    let mut restorer = Restorer::new(clients, vec![topic.into()])?;
    restorer.add(&watcher, partitions)?;
    let mut heard = Instant::now();
    while !restorer.is_done() {
        restorer.read(&watcher, TURN, &mut |_, record| {
            heard = Instant::now();
            each(record);
        })?;
        if heard.elapsed() >= END_WAIT || clients.shutdown.is_cancelled() {
            let operation = format!("reading {topic} to its end");
            return Err(LogError::TimedOut { operation, limit: END_WAIT });
        }
    }
    Ok(())
}
