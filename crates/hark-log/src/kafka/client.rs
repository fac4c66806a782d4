//! Making clients, hearing from them, and telling their errors apart.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig, ClientContext, Statistics, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::{KafkaError, RDKafkaErrorCode},
    metadata::Metadata,
    producer::ProducerContext,
    types::RDKafkaRespErr,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{KafkaConfig, repeats::Repeats};
use crate::{
    LogError, MAX_RECORD_BYTES,
    broken::{Law, is_broken},
};

/// One try of asking for metadata: between two tries it is looked whether the broker refuses us.
const METADATA_TRY: Duration = Duration::from_millis(500);
/// A broker that refuses us may be one of many: the others get so long to let us in.
const OTHERS_TURN: Duration = Duration::from_secs(3);
/// Longest wait for one answer of a broker.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// One try of a call that is made again until [`CALL_TIMEOUT`]: between two tries it is looked whether the process stops.
pub(super) const CALL_TRY: Duration = Duration::from_secs(2);
/// Law 9.
const SESSION_TIMEOUT_MS: u32 = 6_000;
const TRANSACTION_TIMEOUT_MS: u32 = 10_000;
/// How often librdkafka tells the ends it has seen, from which the lag is told.
const STATISTICS_INTERVAL_MS: u32 = 2_000;
/// Prefetched records a consumer may hold: bounds the memory of a worker that eats a backlog.
const PREFETCH_KBYTES: u32 = 32 * 1024;

/// A partition or another number of ours as librdkafka wants it.
pub(super) fn number(partition: u32) -> i32 {
    i32::try_from(partition).unwrap_or(i32::MAX)
}

/// Makes clients of one configuration.
#[derive(Clone, Debug)]
pub(super) struct Clients {
    pub config: KafkaConfig,
    /// Nothing is asked again after it.
    pub shutdown: CancellationToken,
}

impl Clients {
    pub fn base(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        for (name, value) in &self.config.properties {
            config.set(name, value);
        }
        config.set("bootstrap.servers", &self.config.bootstrap_servers);
        self.prefer(&mut config, "client.id", "hark");
        // A broker that comes back is found quickly.
        self.prefer(&mut config, "reconnect.backoff.max.ms", "1000");
        // Who asks librdkafka for its debug lines wants to see them.
        let asked = self.config.properties.iter().any(|(name, _)| name == "debug");
        config.set_log_level(if asked { RDKafkaLogLevel::Debug } else { RDKafkaLogLevel::Notice });
        config
    }

    /// Sets what no law depends on, where the configuration does not.
    fn prefer(&self, config: &mut ClientConfig, name: &str, value: impl Into<String>) {
        if !self.config.properties.iter().any(|(known, _)| known == name) {
            config.set(name, value);
        }
    }

    /// A client that sees open transactions, for watermarks and metadata.
    pub fn watcher(&self) -> Result<BaseConsumer<Context>, LogError> {
        let mut config = self.base();
        config.set("isolation.level", "read_uncommitted");
        config
            .create_with_context(Context::default())
            .map_err(|source| self.failed("making a client", source))
    }

    /// A consumer without a group, of committed records. The group's name is never sent; librdkafka wants one.
    pub fn reader(&self) -> Result<BaseConsumer<Context>, LogError> {
        let mut config = self.consuming();
        config.set("group.id", format!("{}-reader", self.config.topic_prefix));
        config.set("enable.partition.eof", "true");
        self.prefer(&mut config, "fetch.wait.max.ms", "50");
        config
            .create_with_context(Context::default())
            .map_err(|source| self.failed("making a reader", source))
    }

    /// Lets a reader know a topic before partitions of it are assigned: else librdkafka learns of it at its next look around, up to a second
    /// later (`rd_kafka_topic_scan_tmr_cb`, 2.12.1). Where nobody answers it does so all the same.
    pub fn acquaint(reader: &BaseConsumer<Context>, topic: &str) {
        reader.fetch_metadata(Some(topic), METADATA_TRY).ok();
    }

    /// A group member.
    pub fn member(&self, group: &str, instance: Option<&str>) -> Result<BaseConsumer<Context>, LogError> {
        let mut config = self.consuming();
        config.set("group.id", group);
        if let Some(instance) = instance {
            config.set("group.instance.id", instance);
        }
        config.set("partition.assignment.strategy", "cooperative-sticky");
        config.set("session.timeout.ms", SESSION_TIMEOUT_MS.to_string());
        config.set("heartbeat.interval.ms", (SESSION_TIMEOUT_MS / 4).to_string());
        self.prefer(&mut config, "statistics.interval.ms", STATISTICS_INTERVAL_MS.to_string());
        // The end of a partition moves the position past control records.
        config.set("enable.partition.eof", "true");
        // Latency of a quiet topic (measured: two copies in a row, p50 38 to 46 ms).
        self.prefer(&mut config, "fetch.wait.max.ms", "10");
        config
            .create_with_context(Context::default())
            .map_err(|source| self.failed("making a consumer", source))
    }

    /// A client that asks for a group's offsets without joining it.
    pub fn of_group(&self, group: &str) -> Result<BaseConsumer<Context>, LogError> {
        let mut config = self.consuming();
        config.set("group.id", group);
        config
            .create_with_context(Context::default())
            .map_err(|source| self.failed("making a client", source))
    }

    fn consuming(&self) -> ClientConfig {
        let mut config = self.base();
        let isolation = if is_broken(Law::Isolation) { "read_uncommitted" } else { "read_committed" };
        config.set("isolation.level", isolation);
        config.set("enable.auto.commit", "false");
        config.set("enable.auto.offset.store", "false");
        config.set("auto.offset.reset", "earliest");
        config.set("allow.auto.create.topics", "false");
        self.prefer(&mut config, "queued.max.messages.kbytes", PREFETCH_KBYTES.to_string());
        self.prefer(&mut config, "fetch.queue.backoff.ms", "10");
        config
    }

    pub fn producing(&self, transactional_id: &str) -> ClientConfig {
        let mut config = self.base();
        config.set("transactional.id", transactional_id);
        config.set("transaction.timeout.ms", TRANSACTION_TIMEOUT_MS.to_string());
        config.set("enable.idempotence", "true");
        // Never 0: at 5,000 records a second the latency collapses to 700 ms (measured).
        self.prefer(&mut config, "linger.ms", "1");
        self.prefer(&mut config, "compression.type", "lz4");
        self.prefer(&mut config, "batch.num.messages", "10000");
        self.prefer(&mut config, "queue.buffering.max.messages", "100000");
        self.prefer(&mut config, "queue.buffering.max.kbytes", (64 * 1024).to_string());
        // A coordinator that still writes the markers of the last commit says no once or twice; the waits of requests grow from here to a
        // second. Records for a leader that moves are offered again at this pace, until it is found or their time is over.
        self.prefer(&mut config, "retry.backoff.ms", "10");
        // Failures are reported by the commit.
        config.set("delivery.report.only.error", "true");
        // The check before sending has the lower bound; this one never decides.
        config.set("message.max.bytes", (MAX_RECORD_BYTES + 64 * 1024).to_string());
        config
    }

    /// All topics and brokers.
    pub fn metadata(&self, client: &BaseConsumer<Context>) -> Result<Metadata, LogError> {
        let began = Instant::now();
        loop {
            let source = match client.fetch_metadata(None, CALL_TRY) {
                Ok(metadata) => return Ok(metadata),
                Err(source) => source,
            };
            if !self.asks_again(&source, began) {
                let heard = client.context().last_error();
                return Err(self.failed_after("reading the cluster's metadata", source, heard));
            }
        }
    }

    /// Whether a question that was first asked then is worth asking again: the error passes, and neither is the time over nor the process to stop.
    pub fn asks_again(&self, error: &KafkaError, began: Instant) -> bool {
        error.rdkafka_error_code().is_some_and(is_broker_loss)
            && began.elapsed() < CALL_TIMEOUT
            && !self.shutdown.is_cancelled()
    }

    /// Whether a broker lets us in: asked once, when a process begins. Later on the same answers may come of a broker that is about
    /// to go away or to come back, and are no end (law 8).
    pub fn enter(&self) -> Result<(), LogError> {
        let client = self.watcher()?;
        let began = Instant::now();
        loop {
            let Err(source) = client.fetch_metadata(None, METADATA_TRY) else { return Ok(()) };
            hear_out(&client);
            let is_over = began.elapsed() >= CALL_TIMEOUT || self.shutdown.is_cancelled();
            if let Some(refusal) = client.context().refusal()
                && (is_over || (refusal.is_certain && began.elapsed() >= OTHERS_TURN))
            {
                return Err(self.refused_entry(refusal));
            }
            let passing = source.rdkafka_error_code().is_some_and(is_broker_loss);
            if !passing || is_over {
                let heard = client.context().last_error();
                return Err(self.failed_after("reading the cluster's metadata", source, heard));
            }
        }
    }

    fn refused_entry(&self, Refusal { at, said, .. }: Refusal) -> LogError {
        let servers = self.config.bootstrap_servers.clone();
        match at {
            Door::Login => LogError::Login { servers, said },
            Door::Tls => LogError::Tls { servers, said },
        }
    }

    /// The error of a failed call, told apart by what the user can do.
    pub fn failed(&self, operation: &str, source: KafkaError) -> LogError {
        self.failed_after(operation, source, None)
    }

    fn failed_after(&self, operation: &str, source: KafkaError, heard: Option<RDKafkaErrorCode>) -> LogError {
        if let KafkaError::ClientConfig(_, what, name, _) = &source {
            // Without the value: it may be a secret.
            return LogError::Invalid(format!("the Kafka property {name} cannot be used: {what}"));
        }
        let code = match &source {
            // rdkafka does not give the code of this one.
            KafkaError::AdminOp(code) => Some(*code),
            source => source.rdkafka_error_code(),
        };
        if [code, heard].into_iter().flatten().any(is_unauthorised) {
            return LogError::NotAuthorised { operation: operation.to_owned() };
        }
        match code {
            Some(code) if is_broker_loss(code) => {
                LogError::Unreachable { servers: self.config.bootstrap_servers.clone(), source }
            }
            _ => LogError::Kafka { operation: operation.to_owned(), source },
        }
    }

    /// The error of a call that a broker answered with a code.
    pub fn refused(&self, operation: &str, code: RDKafkaErrorCode) -> LogError {
        self.failed(operation, KafkaError::AdminOp(code))
    }
}

/// Takes what a client that reads nothing has to say: what went wrong is told by events, those only to who looks, and else they pile up.
pub(super) fn hear_out(client: &BaseConsumer<Context>) {
    while client.poll(Duration::ZERO).is_some() {}
}

/// The broker or the network is away for now: information, never an end (law 8).
pub(super) fn is_broker_loss(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::Resolve
            | Code::OperationTimedOut
            | Code::MessageTimedOut
            | Code::RequestTimedOut
            | Code::NetworkException
            | Code::CoordinatorNotAvailable
            | Code::CoordinatorLoadInProgress
            | Code::NotCoordinator
            | Code::LeaderNotAvailable
            | Code::NotLeaderForPartition
            | Code::OffsetNotAvailable
            // One that nobody leads at the moment, or that a broker which has just come back does not know yet.
            | Code::UnknownPartition
            | Code::WaitingForCoordinator
            | Code::BrokerNotAvailable
    )
}

pub(super) fn is_unauthorised(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::TransactionalIdAuthorizationFailed
            | Code::SaslAuthenticationFailed
            | Code::Authentication
    )
}

/// A broker that answers, and does not let us in.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    at: Door,
    /// What librdkafka says; it names brokers and mechanisms, never a password.
    said: String,
    /// False where a broker that goes away looks the same.
    is_certain: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    Tls,
    Login,
}

/// Whether an error means that we are not let in, however often we try.
fn door(code: RDKafkaErrorCode, reason: &str) -> Option<Door> {
    use RDKafkaErrorCode as Code;
    match code {
        Code::Authentication | Code::SaslAuthenticationFailed | Code::UnsupportedSASLMechanism => {
            Some(Door::Login)
        }
        Code::SSL => Some(Door::Tls),
        // What a listener that wants TLS does to a client that does not speak it.
        Code::BrokerTransportFailure if reason.contains("security.protocol") => Some(Door::Tls),
        _ => None,
    }
}

/// A change of the assignment, as librdkafka's callback tells it.
#[derive(Debug)]
pub(super) enum RawChange {
    Assigned(Vec<u32>),
    Revoked(Vec<u32>),
}

/// Hears what a client has to say.
#[derive(Default)]
pub(super) struct Context {
    changed: AtomicBool,
    changes: Mutex<Vec<RawChange>>,
    ends: Mutex<BTreeMap<u32, i64>>,
    last_error: Mutex<Option<RDKafkaErrorCode>>,
    refusal: Mutex<Option<Refusal>>,
    is_closing: AtomicBool,
    has_parted: AtomicBool,
}

impl Context {
    /// The client is to be closed: nothing comes of its rebalances any more.
    pub fn begin_close(&self) {
        self.is_closing.store(true, Ordering::Relaxed);
    }

    /// Whether the assignment changed since the last look; cheap.
    pub fn has_changed(&self) -> bool {
        self.changed.load(Ordering::Relaxed)
    }

    pub fn take_changes(&self) -> Vec<RawChange> {
        self.changed.store(false, Ordering::Relaxed);
        std::mem::take(&mut *self.changes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// High watermarks of the consumed topic as last told.
    pub fn ends(&self) -> BTreeMap<u32, i64> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn last_error(&self) -> Option<RDKafkaErrorCode> {
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refusal(&self) -> Option<Refusal> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn push(&self, change: RawChange) {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).push(change);
        self.changed.store(true, Ordering::Relaxed);
    }
}

/// What all clients have told lately: each of them sees the same brokers go.
static REPEATS: Mutex<Repeats> = Mutex::new(Repeats::new());

/// Tells a line that was not told a moment ago, with how many like it were held back, if any were.
fn tell(line: &str, told: impl FnOnce(Option<u64>)) {
    let news = REPEATS.lock().unwrap_or_else(PoisonError::into_inner).tell(line, Instant::now());
    if let Some(held_back) = news {
        told((held_back > 0).then_some(held_back));
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error => {
                tell(message, |held_back| info!(target: "librdkafka", facility, held_back, "{message}"));
            }
            _ => debug!(target: "librdkafka", facility, "{message}"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if let KafkaError::PartitionEOF(_) | KafkaError::Global(RDKafkaErrorCode::PartitionEOF) = error {
            // Asked for, and no error.
            return;
        }
        let code = error.rdkafka_error_code();
        if let Some(at) = code.and_then(|code| door(code, reason)) {
            let is_certain = !reason.to_ascii_lowercase().contains("disconnected");
            let refusal = Refusal { at, said: reason.to_owned(), is_certain };
            *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(refusal);
        }
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = code;
        tell(reason, |held_back| info!(target: "librdkafka", %error, held_back, "{reason}"));
    }

    fn stats(&self, statistics: Statistics) {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        for partition in statistics.topics.values().flat_map(|topic| topic.partitions.values()) {
            if let Ok(number) = u32::try_from(partition.partition)
                && partition.hi_offset >= 0
            {
                ends.insert(number, partition.hi_offset);
            }
        }
    }
}

impl ConsumerContext for Context {
    /// As rdkafka does it for a cooperative group, and errors are told instead of swallowed.
    fn rebalance(&self, consumer: &BaseConsumer<Self>, code: RDKafkaRespErr, list: &mut TopicPartitionList) {
        // Closing takes any answer for a return of all partitions, and the first one lets it end. Where a rebalance waited already, a second
        // event follows, and an answer to that which meets the end is thrown away while we wait for its reply for ever (librdkafka #4884,
        // open; seen with 2.12.1).
        let is_closing = self.is_closing.load(Ordering::Relaxed);
        if is_closing && self.has_parted.swap(true, Ordering::Relaxed) {
            return;
        }
        let done = match code {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => {
                let assigned = consumer.incremental_assign(list);
                // Nothing may flow before the state is there.
                let paused = if is_closing { Ok(()) } else { consumer.pause(list) };
                self.push(RawChange::Assigned(partitions(list)));
                assigned.and(paused)
            }
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS => {
                self.push(RawChange::Revoked(partitions(list)));
                consumer.incremental_unassign(list)
            }
            other => Err(KafkaError::Rebalance(other.into())),
        };
        if let Err(error) = done {
            warn!(%error, "rebalance failed");
        }
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &rdkafka::producer::DeliveryResult<'_>, (): Self::DeliveryOpaque) {}
}

fn partitions(list: &TopicPartitionList) -> Vec<u32> {
    list.elements().iter().filter_map(|element| u32::try_from(element.partition()).ok()).collect()
}
