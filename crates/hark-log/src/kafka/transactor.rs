//! A transactional producer: begin, send, offsets, commit, in one call, so that two transactions cannot be open.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    TopicPartitionList,
    consumer::{Consumer as _, ConsumerGroupMetadata},
    error::{KafkaError, RDKafkaErrorCode},
    message::{Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer as _},
};
use tracing::{debug, info, warn};

use super::{
    client::{CALL_TRY, Clients, Context, is_broker_loss, is_unauthorised, number},
    spawn,
    watch::{STUCK, Watch, give_up},
};
use crate::{CommitError, LogError, Output, SessionError};

/// Between two looks whether all records are at the broker. rdkafka's own flush waits 100 ms a time, which makes every transaction
/// take that long (measured); its poll counts in whole milliseconds and spins through what is left of one, on a core that the
/// broker could use.
const DRAIN_LOOK: Duration = Duration::from_micros(500);
/// Records must be at the broker within this after they were handed over, or the transaction is aborted: its timeout is 10 s.
const DRAIN_LIMIT: Duration = Duration::from_secs(8);
/// How long the coordinator takes after a commit to write its markers. A transaction that is begun earlier is told to wait, and
/// librdkafka then asks again after 20 ms for partitions and after `retry.backoff.ms` for the group.
const SETTLE: Duration = Duration::from_millis(5);
/// Between tries of a call that may be tried again.
const RETRY_WAIT: Duration = Duration::from_millis(50);
/// After shutdown, an answer is waited for so long.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);
/// How long one try of a transactional call may take; it is tried again after that.
const TRY_TIMEOUT: Duration = Duration::from_secs(1);
/// Calls that are left behind with their clients, in this process.
static LEFT_BEHIND: AtomicU32 = AtomicU32::new(0);
/// Each holds some threads, connections and a few megabytes.
const MOST_LEFT_BEHIND: u32 = 4;
/// How long the broker may take to resolve what an earlier holder of the id left open.
const INIT_LIMIT: Duration = Duration::from_secs(30);

/// Where a group goes on, and the generation that says so.
pub(super) struct Offsets {
    pub list: TopicPartitionList,
    pub group: ConsumerGroupMetadata,
}

pub(super) struct Transactor {
    clients: Clients,
    transactional_id: String,
    producer: Arc<BaseProducer<Context>>,
    shutdown_since: Option<Instant>,
    committed_at: Option<Instant>,
    watch: Arc<Watch>,
}

impl Transactor {
    /// Fences the earlier holder of the id, and waits for what it left open to be resolved.
    pub fn open(clients: &Clients, transactional_id: &str) -> Result<Self, LogError> {
        let watch = Watch::begin(transactional_id)?;
        let producer = producer(clients, transactional_id)
            .map_err(|source| clients.failed("making a producer", source))?;
        let mut transactor = Self {
            clients: clients.clone(),
            transactional_id: transactional_id.to_owned(),
            producer,
            shutdown_since: None,
            committed_at: None,
            watch,
        };
        transactor.begin().map_err(|source| {
            let operation = format!("beginning as transactional.id {transactional_id}");
            // An earlier holder's transaction is still being ended.
            if is_retriable(&source) && !source.rdkafka_error_code().is_some_and(is_broker_loss) {
                return LogError::TimedOut { operation, limit: INIT_LIMIT };
            }
            clients.failed(&operation, source)
        })?;
        Ok(transactor)
    }

    fn begin(&mut self) -> Result<(), KafkaError> {
        let until = Instant::now() + INIT_LIMIT;
        while let Err(error) = self.watch.during(|| self.producer.init_transactions(TRY_TIMEOUT)) {
            if !is_retriable(&error) || Instant::now() >= until || self.clients.shutdown.is_cancelled() {
                return Err(error);
            }
        }
        Ok(())
    }

    /// One transaction: outputs and, for a group member, offsets. Both may be empty lists, offsets not for a member.
    pub fn commit(&mut self, outputs: &[Output], offsets: Option<Offsets>) -> Result<(), CommitError> {
        self.producer.begin_transaction().map_err(|error| lost("beginning a transaction", error))?;
        let began = Instant::now();
        let (mut offsets_sent, mut sent) = (Duration::ZERO, Duration::ZERO);
        let written = self.send(outputs).and_then(|()| {
            let until = Instant::now() + DRAIN_LIMIT;
            // Both coordinators are asked while the records are on their way, which come first where a broker is both leader and coordinator.
            if let Some(offsets) = offsets.map(Arc::new) {
                self.retry("sending offsets", |this| this.try_offsets(&offsets))?;
            }
            offsets_sent = began.elapsed();
            self.drain(until)?;
            sent = began.elapsed();
            self.retry("committing", |this| {
                this.watch.during(|| this.producer.commit_transaction(TRY_TIMEOUT))
            })
        });
        match written.map_err(|failure| self.explain(failure)) {
            Ok(()) => {
                // Where a transaction spends its time: offsets at the broker, records at the broker, committed.
                debug!(records = outputs.len(), ?offsets_sent, ?sent, committed = ?began.elapsed(), "transaction");
                self.committed_at = Some(Instant::now());
                Ok(())
            }
            Err(Failure::Abort(error)) => Err(self.abort(error, outputs)),
            Err(Failure::Lost(operation, error)) => Err(lost(operation, error)),
            Err(Failure::Unknown) => Err(CommitError::Unknown),
        }
    }

    /// A record that fails ends the transaction under the next call, which may tell no more than that. Whoever begins another one is told what
    /// failed, and begins none (`rd_kafka_txn_require_states0`, 2.12.1).
    fn explain(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Abort(error) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::State) => {
                Failure::Abort(self.producer.begin_transaction().err().unwrap_or(error))
            }
            other => other,
        }
    }

    /// Looks that calls come back.
    pub fn watch(&self) -> &Arc<Watch> {
        &self.watch
    }

    /// Until when the coordinator is busy with the last commit.
    pub fn settles_at(&self) -> Option<Instant> {
        self.committed_at.map(|at| at + SETTLE)
    }

    fn send(&mut self, outputs: &[Output]) -> Result<(), Failure> {
        for output in outputs {
            let mut record: BaseRecord<'_, [u8], [u8]> =
                BaseRecord::to(&output.topic).partition(number(output.partition)).key(&output.key);
            if let Some(value) = &output.value {
                record = record.payload(value);
            }
            if let Some(timestamp_ms) = output.timestamp_ms {
                record = record.timestamp(timestamp_ms);
            }
            if !output.headers.is_empty() {
                let headers = OwnedHeaders::new_with_capacity(output.headers.len());
                record = record.headers(output.headers.iter().fold(headers, |headers, header| {
                    headers.insert(Header { key: &header.name, value: Some(&header.value) })
                }));
            }
            while let Err((error, back)) = self.producer.send(record) {
                if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                    return Err(classify("sending", error));
                }
                if self.is_out_of_time() {
                    return Err(Failure::Unknown);
                }
                self.look();
                record = back;
            }
        }
        Ok(())
    }

    /// Waits until all is at the broker.
    fn drain(&mut self, until: Instant) -> Result<(), Failure> {
        while self.producer.in_flight_count() > 0 {
            self.look();
            if Instant::now() >= until {
                let code = RDKafkaErrorCode::MessageTimedOut;
                return Err(Failure::Abort(KafkaError::MessageProduction(code)));
            }
            if self.is_out_of_time() {
                return Err(Failure::Unknown);
            }
        }
        Ok(())
    }

    /// Waits a moment and hears what the producer has to say.
    fn look(&self) {
        thread::park_timeout(DRAIN_LOOK);
        self.producer.poll(Duration::ZERO);
    }

    /// Tries until the broker answers. A commit that timed out is retried, never aborted (law 8).
    fn retry(
        &mut self,
        operation: &'static str,
        call: impl Fn(&mut Self) -> Result<(), KafkaError>,
    ) -> Result<(), Failure> {
        let mut told = false;
        loop {
            let asked = Instant::now();
            let Err(error) = call(self) else { return Ok(()) };
            if self.clients.shutdown.is_cancelled() {
                self.shutdown_since.get_or_insert(asked);
            }
            if matches!(error, KafkaError::Canceled) && self.is_out_of_time() {
                return Err(Failure::Unknown);
            }
            if !is_retriable(&error) {
                return Err(classify(operation, error));
            }
            if !told {
                info!(%error, operation, "no answer yet: trying again");
                told = true;
            }
            if self.is_out_of_time() {
                return Err(Failure::Unknown);
            }
            // An abort ends only when the reports of what it purged have been taken from the queue.
            self.producer.poll(RETRY_WAIT);
        }
    }

    /// Writes the group's offsets into the transaction, on a thread of its own. librdkafka does not heed the timeout while it looks for the
    /// group's coordinator ([#5456](https://github.com/confluentinc/librdkafka/issues/5456)), and where the coordinator's broker has gone from
    /// the metadata, as one does that stood still, it waits for a thread that has ended
    /// ([#5511](https://github.com/confluentinc/librdkafka/issues/5511); both open, 2.12.1). A thread that hangs in C cannot be freed, but left
    /// behind with its producer, which the next one of the name fences.
    ///
    /// # Errors
    ///
    /// [`KafkaError::Canceled`] for a call that is left behind.
    fn try_offsets(&mut self, offsets: &Arc<Offsets>) -> Result<(), KafkaError> {
        let (answer, answered) = mpsc::channel();
        let (producer, offsets) = (Arc::clone(&self.producer), Arc::clone(offsets));
        let send = move || {
            let sent = producer.send_offsets_to_transaction(&offsets.list, &offsets.group, TRY_TIMEOUT);
            // Before the answer: whoever hears it holds the only one.
            drop(producer);
            if answer.send(sent).is_err() {
                LEFT_BEHIND.fetch_sub(1, Ordering::Relaxed);
            }
        };
        spawn("offsets", &self.transactional_id, send).map_err(|_| KafkaError::Canceled)?;
        // Waits are counted, not time: a process that was frozen is not stuck.
        let (mut waits, wait) = (0, Duration::from_millis(100));
        loop {
            match answered.recv_timeout(wait) {
                Ok(sent) => return sent,
                Err(RecvTimeoutError::Disconnected) => return Err(KafkaError::Canceled),
                Err(RecvTimeoutError::Timeout) => waits += 1,
            }
            let is_stuck = wait * waits >= STUCK;
            if is_stuck || self.is_out_of_time() {
                if is_stuck {
                    let transactional_id = &self.transactional_id;
                    warn!(
                        transactional_id,
                        "the Kafka client does not come back from a call: leaving it behind"
                    );
                }
                if LEFT_BEHIND.fetch_add(1, Ordering::Relaxed) >= MOST_LEFT_BEHIND {
                    give_up(&self.transactional_id);
                }
                return Err(KafkaError::Canceled);
            }
        }
    }

    fn is_out_of_time(&mut self) -> bool {
        if !self.clients.shutdown.is_cancelled() {
            return false;
        }
        self.shutdown_since.get_or_insert_with(Instant::now).elapsed() >= SHUTDOWN_GRACE
    }

    /// Aborts, and goes on with a new producer under the same name.
    ///
    /// The one that was aborted may not write again, though librdkafka (2.12.1) would: it gives the sequence numbers of records that wait
    /// to be sent again to the next ones, and where the broker has the former, it takes the next for repeats of them and drops them,
    /// while both call the next transaction committed (ADR 11).
    fn abort(&mut self, cause: KafkaError, outputs: &[Output]) -> CommitError {
        // Not left to the new producer: whoever was fenced must learn it here, and not fence others in its turn.
        let unauthorised = cause.rdkafka_error_code().is_some_and(is_unauthorised);
        let abort = |this: &mut Self| this.watch.during(|| this.producer.abort_transaction(TRY_TIMEOUT));
        match self.retry("aborting", abort) {
            Ok(()) => {}
            // The broker let nothing into the transaction, so it knows of none to abort; the cause says more.
            Err(Failure::Abort(_) | Failure::Lost(..)) if unauthorised => return lost("writing", cause),
            Err(Failure::Abort(error)) => return lost("aborting", error),
            Err(Failure::Lost(operation, error)) => return lost(operation, error),
            Err(Failure::Unknown) => return CommitError::Unknown,
        }
        match self.replace_producer().and_then(|()| self.begin()) {
            Ok(()) => {}
            Err(_) if self.clients.shutdown.is_cancelled() => return CommitError::Unknown,
            Err(error) => return lost("beginning anew after an abort", error),
        }
        match cause.rdkafka_error_code() {
            Some(RDKafkaErrorCode::MessageSizeTooLarge) => CommitError::TooLarge { source: Box::new(cause) },
            // Trying again would not help: somebody has to grant or create something.
            Some(code) if is_unauthorised(code) => lost("writing", cause),
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
                let topic = self.missing_topic(outputs).unwrap_or("(one that Hark writes to)".to_owned());
                CommitError::Lost { source: LogError::MissingTopic { topic }.into() }
            }
            // Of a topic that is gone librdkafka says no more: it may be a new one, which a broker does not know yet.
            Some(RDKafkaErrorCode::MessageTimedOut) => match self.missing_topic(outputs) {
                Some(topic) => CommitError::Aborted { source: Box::new(LogError::MissingTopic { topic }) },
                None => CommitError::Aborted { source: Box::new(cause) },
            },
            _ => CommitError::Aborted { source: Box::new(cause) },
        }
    }

    /// A topic of these records that the cluster does not have, where a broker answers. All topics are asked for: one that is asked for by its
    /// name may be made by that.
    fn missing_topic(&self, outputs: &[Output]) -> Option<String> {
        if self.clients.shutdown.is_cancelled() {
            // A stop waits for no broker.
            return None;
        }
        let metadata = self.clients.watcher().ok()?.fetch_metadata(None, CALL_TRY).ok()?;
        let is_there = |output: &&Output| {
            metadata
                .topics()
                .iter()
                .any(|topic| topic.name() == &*output.topic && !topic.partitions().is_empty())
        };
        outputs.iter().find(|output| !is_there(output)).map(|output| output.topic.to_string())
    }

    fn replace_producer(&mut self) -> Result<(), KafkaError> {
        let new = producer(&self.clients, &self.transactional_id)?;
        let old = std::mem::replace(&mut self.producer, new);
        self.watch.during(|| drop(old));
        Ok(())
    }
}

fn producer(clients: &Clients, transactional_id: &str) -> Result<Arc<BaseProducer<Context>>, KafkaError> {
    clients.producing(transactional_id).create_with_context(Context::default()).map(Arc::new)
}

enum Failure {
    /// The transaction must be aborted.
    Abort(KafkaError),
    /// The producer is done for.
    Lost(&'static str, KafkaError),
    /// Shutdown came first.
    Unknown,
}

fn is_retriable(error: &KafkaError) -> bool {
    match error {
        KafkaError::Transaction(error) => {
            !error.is_fatal()
                && !error.txn_requires_abort()
                && (error.is_retriable() || is_broker_loss(error.code()))
        }
        KafkaError::Flush(code) => is_broker_loss(*code),
        _ => false,
    }
}

fn classify(operation: &'static str, error: KafkaError) -> Failure {
    let fatal = match &error {
        KafkaError::Transaction(error) => error.is_fatal(),
        KafkaError::Canceled => true,
        other => other.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal),
    };
    if fatal { Failure::Lost(operation, error) } else { Failure::Abort(error) }
}

fn lost(operation: &'static str, source: KafkaError) -> CommitError {
    warn!(%source, operation, "producer lost");
    let source = match source.rdkafka_error_code() {
        Some(code) if is_unauthorised(code) => {
            SessionError::Log(LogError::NotAuthorised { operation: operation.to_owned() })
        }
        _ => SessionError::Lost { operation, source },
    };
    CommitError::Lost { source }
}
