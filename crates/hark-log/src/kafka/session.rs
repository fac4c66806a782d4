//! A group member on Kafka: one consumer and one transactional producer, used by one thread.

use std::{
    collections::BTreeSet,
    ops::ControlFlow,
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError, RDKafkaErrorCode},
    message::BorrowedMessage,
};
use tracing::{debug, warn};

use super::{
    client::{CALL_TIMEOUT, CALL_TRY, Clients, Context, RawChange, is_broker_loss, is_unauthorised, number},
    member::Member,
    owners::Owners,
    partitions_of,
    restore::Restorer,
    transactor::{Offsets, Transactor},
    watermarks,
};
use crate::{
    Assigned, Change, CommitError, EndOffset, HeadersRef, LogError, NextOffset, Output, Record, Session,
    SessionConfig, SessionError,
    broken::{Law, is_broken},
};

/// A dead owner's open transaction may hide the committed offsets for so long: its timeout of 10 s, and the broker looks
/// every 10 s.
const STABLE_WAIT: Duration = Duration::from_secs(60);

/// One wait for partitions to go.
const LEAVING_POLL: Duration = Duration::from_millis(100);

pub(super) struct KafkaSession {
    clients: Clients,
    config: SessionConfig,
    consumer: Member,
    watcher: BaseConsumer<Context>,
    transactor: Transactor,
    /// `None` for a dynamic member, which never takes a place over.
    owners: Option<Owners>,
    restorer: Restorer,
    /// Added to the restorer and not yet reported as complete.
    restoring: BTreeSet<u32>,
    owned: BTreeSet<u32>,
    partitions: u32,
}

/// Calls `each` with a message as a record.
pub(super) fn with_record(
    message: &BorrowedMessage<'_>,
    each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    each(&Record {
        partition: u32::try_from(message.partition()).unwrap_or(u32::MAX),
        offset: message.offset(),
        timestamp_ms: message.timestamp().to_millis().unwrap_or_default(),
        key: message.key(),
        value: message.payload(),
        headers: message.headers().map_or(HeadersRef::Empty, HeadersRef::Kafka),
    })
}

impl KafkaSession {
    pub fn open(clients: &Clients, config: SessionConfig) -> Result<Self, LogError> {
        let watcher = clients.watcher()?;
        let metadata = clients.metadata(&watcher)?;
        let partitions = partitions_of(&metadata, &config.input)?;
        for table in &config.tables {
            let found = partitions_of(&metadata, table)?;
            if found != partitions {
                return Err(LogError::Invalid(format!(
                    "{table} has {found} partitions and {} has {partitions}: state lies beside its input, so both must \
                     have as many. The count of a topic never grows in place: use another `topic_prefix`, create its \
                     topics, and let the old ones run empty",
                    config.input
                )));
            }
        }
        // First: whoever held the id before is fenced when the group's offsets are read.
        let transactor = Transactor::open(clients, &config.transactional_id)?;
        let consumer = clients.member(&config.group, config.instance.as_deref())?;
        let consumer = Member::new(consumer, Arc::clone(transactor.watch()), clients.shutdown.clone());
        consumer.subscribe(&[&config.input]).map_err(|source| clients.failed("subscribing", source))?;
        let instance = config.instance.as_deref();
        let owners =
            instance.map(|instance| Owners::begin(clients, &config, instance, partitions)).transpose()?;
        Ok(Self {
            restorer: Restorer::new(clients, config.tables.clone())?,
            clients: clients.clone(),
            config,
            consumer,
            watcher,
            transactor,
            owners,
            restoring: BTreeSet::new(),
            owned: BTreeSet::new(),
            partitions,
        })
    }

    fn list(&self, partitions: impl IntoIterator<Item = u32>) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for partition in partitions {
            list.add_partition(&self.config.input, number(partition));
        }
        list
    }

    fn changes(&mut self) -> Result<Vec<Change>, SessionError> {
        let mut changes = Vec::new();
        if let Some(owners) = &self.owners {
            owners.note_change();
        }
        for change in self.consumer.context().take_changes() {
            match change {
                RawChange::Assigned(partitions) => {
                    self.owned.extend(&partitions);
                    changes.push(Change::Assigned(self.start_of(&partitions)?));
                }
                RawChange::Revoked(partitions) => {
                    for partition in &partitions {
                        self.owned.remove(partition);
                        self.restoring.remove(partition);
                    }
                    self.restorer.remove(&partitions)?;
                    changes.push(Change::Revoked(partitions));
                }
            }
        }
        Ok(changes)
    }

    /// Where the group goes on in these partitions.
    fn start_of(&self, partitions: &[u32]) -> Result<Vec<Assigned>, SessionError> {
        if partitions.is_empty() {
            return Ok(Vec::new());
        }
        let committed = self.stable_offsets(&self.list(partitions.iter().copied()))?;
        let mut assigned = Vec::new();
        for element in committed.elements() {
            let partition = u32::try_from(element.partition()).unwrap_or(u32::MAX);
            let metadata = element.metadata().to_owned();
            assigned.push(match element.offset() {
                Offset::Offset(offset) => {
                    let (low, _) = watermarks(&self.clients, &self.watcher, &self.config.input, partition)?;
                    if offset < low {
                        warn!(partition, lost = low - offset, "retention took records before they were read");
                    }
                    Assigned { partition, offset: offset.max(low), committed: offset >= low, metadata }
                }
                _ => {
                    let (low, _) = watermarks(&self.clients, &self.watcher, &self.config.input, partition)?;
                    Assigned { partition, offset: low, committed: false, metadata }
                }
            });
        }
        Ok(assigned)
    }

    /// Committed offsets, once no open transaction of a dead owner hides them.
    fn stable_offsets(&self, list: &TopicPartitionList) -> Result<TopicPartitionList, SessionError> {
        let until = Instant::now() + STABLE_WAIT;
        loop {
            match self.consumer.committed_offsets(list.clone(), CALL_TRY) {
                Ok(committed) if committed.elements().iter().all(|element| element.error().is_ok()) => {
                    return Ok(committed);
                }
                Ok(_) => debug!("committed offsets are not stable yet"),
                Err(error) if error.rdkafka_error_code().is_some_and(is_broker_loss) => {
                    debug!(%error, "committed offsets not read yet");
                }
                Err(error) => return Err(self.clients.failed("reading committed offsets", error).into()),
            }
            if Instant::now() >= until || self.clients.shutdown.is_cancelled() {
                let operation = "reading committed offsets".to_owned();
                return Err(LogError::TimedOut { operation, limit: STABLE_WAIT }.into());
            }
            crate::pause(&self.clients.shutdown, Duration::from_millis(100));
        }
    }

    /// Another process took this member's place, as far as the group has told.
    fn twin(&self) -> Option<SessionError> {
        let (code, _) = self.consumer.client().fatal_error()?;
        let instance = self.config.instance.clone()?;
        (code == RDKafkaErrorCode::FencedInstanceId).then_some(SessionError::Twin { instance })
    }

    /// Leaves the group and joins it again, which begins a round that gives each partition an owner.
    fn join_again(&mut self) -> Result<Vec<Change>, SessionError> {
        warn!(group = %self.config.group, "partitions have no owner and nobody is to get them: joining anew");
        self.consumer.unsubscribe();
        let until = Instant::now() + CALL_TIMEOUT;
        let mut changes = Vec::new();
        while !self.owned.is_empty() {
            // A round that is under way keeps the partitions here. What was read of them meanwhile is not worked on: rather begin anew from
            // what is committed.
            if Instant::now() >= until || self.clients.shutdown.is_cancelled() {
                let source = KafkaError::Rebalance(RDKafkaErrorCode::RebalanceInProgress);
                return Err(SessionError::Lost { operation: "leaving the group", source });
            }
            if let Some(Err(error)) = self.consumer.poll(LEAVING_POLL) {
                self.heard(error)?;
            }
            if self.consumer.context().has_changed() {
                changes.extend(self.changes()?);
            }
        }
        let subscribed = self.consumer.subscribe(&[&self.config.input]);
        subscribed.map_err(|source| SessionError::Lost { operation: "joining anew", source })?;
        Ok(changes)
    }

    /// What an error from poll means for this session.
    fn heard(&self, error: KafkaError) -> Result<(), SessionError> {
        let code = match &error {
            KafkaError::PartitionEOF(_) => return Ok(()),
            KafkaError::MessageConsumptionFatal(_) => {
                let lost = SessionError::Lost { operation: "polling", source: error };
                return Err(self.twin().unwrap_or(lost));
            }
            other => other.rdkafka_error_code(),
        };
        match code {
            Some(code) if is_broker_loss(code) => debug!(%error, "a broker is away"),
            Some(code) if is_unauthorised(code) => {
                let operation = format!("reading {} as group {}", self.config.input, self.config.group);
                return Err(LogError::NotAuthorised { operation }.into());
            }
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
                return Err(LogError::MissingTopic { topic: self.config.input.to_string() }.into());
            }
            _ => warn!(%error, "the consumer reports an error and goes on"),
        }
        Ok(())
    }
}

impl Session for KafkaSession {
    fn poll(
        &mut self,
        wait: Duration,
        each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>,
    ) -> Result<Vec<Change>, SessionError> {
        if self.owners.as_ref().is_some_and(Owners::take_stuck) {
            return self.join_again();
        }
        let mut wait = wait;
        loop {
            let polled = self.consumer.poll(wait);
            if self.consumer.context().has_changed() {
                // A message that came with the change may belong to either side of it: it is to come again.
                let mut unsought = None;
                if let Some(Ok(message)) = polled {
                    let (partition, offset) = (message.partition(), Offset::Offset(message.offset()));
                    let sought = self.consumer.seek(&self.config.input, partition, offset, CALL_TIMEOUT);
                    unsought =
                        sought.err().map(|error| (u32::try_from(partition).unwrap_or(u32::MAX), error));
                }
                let changes = self.changes()?;
                return match unsought {
                    // It would be skipped: rather begin anew from what is committed.
                    Some((partition, source)) if self.owned.contains(&partition) => {
                        Err(SessionError::Lost { operation: "seeking back", source })
                    }
                    _ => Ok(changes),
                };
            }
            match polled {
                None => return Ok(Vec::new()),
                Some(Ok(message)) => {
                    if with_record(&message, each).is_break() {
                        return Ok(Vec::new());
                    }
                    wait = Duration::ZERO;
                }
                Some(Err(error)) => self.heard(error)?,
            }
        }
    }

    fn commit(&mut self, outputs: &[Output], next: &[NextOffset]) -> Result<(), CommitError> {
        let broken =
            |source| CommitError::Lost { source: SessionError::Lost { operation: "committing", source } };
        let mut list = TopicPartitionList::new();
        for next in next {
            let mut element = list.add_partition(&self.config.input, number(next.partition));
            element.set_offset(Offset::Offset(next.offset)).map_err(broken)?;
            element.set_metadata(&next.metadata);
        }
        // librdkafka skips an empty list silently, and the commit would not be fenced (law 3).
        let group = self.consumer.group_metadata().filter(|_| list.count() > 0);
        let group =
            group.ok_or_else(|| broken(KafkaError::ClientCreation("no offsets to commit".to_owned())))?;
        let offsets = Some(Offsets { list, group });
        let committed = if is_broken(Law::Offsets) {
            self.transactor.commit(outputs, None).and_then(|()| self.transactor.commit(&[], offsets))
        } else {
            self.transactor.commit(outputs, offsets)
        };
        committed.map_err(|error| match error {
            // A twin fences the producer first; the group tells the two cases apart.
            CommitError::Lost { source } => CommitError::Lost { source: self.twin().unwrap_or(source) },
            other => other,
        })
    }

    fn settles_at(&self) -> Option<Instant> {
        self.transactor.settles_at()
    }

    fn rewind(&mut self, to: &[(u32, i64)]) -> Result<(), SessionError> {
        let lost = |source| SessionError::Lost { operation: "seeking back", source };
        let mut list = TopicPartitionList::new();
        for (partition, offset) in to.iter().filter(|(partition, _)| self.owned.contains(partition)) {
            list.add_partition_offset(&self.config.input, number(*partition), Offset::Offset(*offset))
                .map_err(lost)?;
        }
        if list.count() == 0 {
            return Ok(());
        }
        let sought = self.consumer.seek_partitions(list, CALL_TIMEOUT).map_err(lost)?;
        for element in sought.elements() {
            // A seek that failed in silence would skip records: rather begin anew from what is committed.
            element.error().map_err(lost)?;
        }
        Ok(())
    }

    fn begin_restore(&mut self, partitions: &[u32]) -> Result<(), SessionError> {
        self.restorer.add(&self.watcher, partitions)?;
        self.restoring.extend(partitions);
        Ok(())
    }

    fn restore(
        &mut self,
        wait: Duration,
        each: &mut dyn FnMut(usize, &Record<'_>),
    ) -> Result<Vec<u32>, SessionError> {
        if !self.restorer.is_done() {
            self.restorer.read(&self.watcher, wait, each)?;
        }
        let complete: Vec<u32> = self
            .restoring
            .iter()
            .copied()
            .filter(|partition| !self.restorer.is_restoring(*partition))
            .collect();
        for partition in &complete {
            self.restoring.remove(partition);
        }
        Ok(complete)
    }

    fn resume(&mut self, partitions: &[u32]) -> Result<(), SessionError> {
        if partitions.is_empty() {
            return Ok(());
        }
        self.consumer
            .resume(&self.list(partitions.iter().copied()))
            .map_err(|source| SessionError::Lost { operation: "resuming", source })
    }

    fn positions(&mut self) -> Result<Vec<(u32, i64)>, SessionError> {
        let positions =
            self.consumer.position().map_err(|source| self.clients.failed("reading positions", source))?;
        let mut known = Vec::new();
        for element in positions.elements() {
            if let (Ok(partition), Offset::Offset(offset)) =
                (u32::try_from(element.partition()), element.offset())
            {
                known.push((partition, offset));
            }
        }
        Ok(known)
    }

    fn ends(&mut self) -> Result<Vec<EndOffset>, SessionError> {
        (0..self.partitions)
            .map(|partition| {
                let (_, offset) = watermarks(&self.clients, &self.watcher, &self.config.input, partition)?;
                Ok(EndOffset { partition, offset })
            })
            .collect()
    }

    fn known_ends(&mut self) -> Vec<EndOffset> {
        let ends = self.consumer.context().ends();
        ends.into_iter().map(|(partition, offset)| EndOffset { partition, offset }).collect()
    }

    fn committed(&mut self) -> Result<Vec<(u32, Option<i64>)>, SessionError> {
        let committed = self.stable_offsets(&self.list(0..self.partitions))?;
        let mut offsets = Vec::new();
        for element in committed.elements() {
            let offset = if let Offset::Offset(offset) = element.offset() { Some(offset) } else { None };
            offsets.push((u32::try_from(element.partition()).unwrap_or(u32::MAX), offset));
        }
        Ok(offsets)
    }
}
