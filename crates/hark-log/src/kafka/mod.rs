//! The log on Apache Kafka 4.x and compatible brokers, through librdkafka.
//!
//! Nothing is written by hand here that Kafka does: groups, transactions, fencing and retention are the broker's. What
//! is here is the order of calls that the laws of the log ask for, and the classes of errors (measured, see docs/kafka.md).

mod client;
mod member;
mod owners;
pub mod properties;
mod pulse;
mod reader;
mod repeats;
mod restore;
mod session;
mod times;
mod transactor;
mod watch;

use std::{
    thread::{self, JoinHandle},
    time::Duration,
};

use rdkafka::{
    Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication},
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError, RDKafkaErrorCode},
    metadata::Metadata,
};
use tokio_util::sync::CancellationToken;

use self::client::{CALL_TIMEOUT, CALL_TRY, Clients, Context};
use crate::{
    COMPACTION_LAG, Cleanup, CommitError, From, GroupOffset, Log, LogError, Output, Producer, Reader, Record,
    Session, SessionConfig, TopicDescription, TopicSpec,
};

/// How long new topics may take to be seen by every broker.
const CREATE_WAIT: Duration = Duration::from_secs(15);

/// How to reach the brokers.
#[derive(Clone)]
pub struct KafkaConfig {
    /// `bootstrap.servers`: one or more `host:port`, with commas between.
    pub bootstrap_servers: String,
    /// Begins the names of topics, groups and transactional ids.
    pub topic_prefix: String,
    /// Further librdkafka properties (TLS, SASL); never those that the laws depend on ([`properties::reserved`]).
    pub properties: Vec<(String, String)>,
}

impl std::fmt::Debug for KafkaConfig {
    /// Names of properties only: values may be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.properties.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("KafkaConfig")
            .field("bootstrap_servers", &self.bootstrap_servers)
            .field("topic_prefix", &self.topic_prefix)
            .field("properties", &names)
            .finish()
    }
}

/// A log on Kafka.
pub struct KafkaLog {
    clients: Clients,
    pulse: pulse::Pulse,
}

impl KafkaLog {
    /// Checks that a broker answers and lets us in.
    ///
    /// # Errors
    /// When none does.
    pub fn open(config: KafkaConfig) -> Result<Self, LogError> {
        Self::open_until(config, CancellationToken::new())
    }

    /// As [`Self::open`]; after the shutdown nothing is asked again of a broker that does not answer.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_until(config: KafkaConfig, shutdown: CancellationToken) -> Result<Self, LogError> {
        let log = Self { clients: Clients { config, shutdown }, pulse: pulse::Pulse::default() };
        log.clients.enter()?;
        Ok(log)
    }

    fn admin(&self) -> Result<AdminClient<Context>, LogError> {
        self.clients
            .base()
            .create_with_context(Context::default())
            .map_err(|source| self.clients.failed("making an admin client", source))
    }

    /// Settings of topics, in the order of the names.
    fn settings(&self, names: &[&str]) -> Result<Vec<TopicDescription>, LogError> {
        let admin = self.admin()?;
        let specifiers: Vec<ResourceSpecifier<'_>> =
            names.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
        let options = AdminOptions::new().request_timeout(Some(CALL_TIMEOUT));
        let described = futures_executor::block_on(admin.describe_configs(&specifiers, &options))
            .map_err(|source| self.clients.failed("reading topic settings", source))?;
        let mut settings = Vec::new();
        for (name, described) in names.iter().zip(described) {
            let described = described.map_err(|code| {
                self.clients.refused(&format!("reading the settings of topic {name}"), code)
            })?;
            let value = |key| described.get(key).and_then(|entry| entry.value.as_deref());
            let duration = |key| value(key).and_then(|value| value.parse().ok()).map(Duration::from_millis);
            settings.push(TopicDescription {
                name: (*name).to_owned(),
                partitions: 0,
                cleanup: Cleanup::from_policy(value("cleanup.policy").unwrap_or_default()),
                // -1 is for ever, and no u64.
                retention: duration("retention.ms"),
                segment: duration("segment.ms"),
                compaction_lag: duration("max.compaction.lag.ms"),
            });
        }
        Ok(settings)
    }

    /// Waits until brokers know the topics and their leaders.
    fn await_topics(&self, specs: &[TopicSpec]) -> Result<(), LogError> {
        let watcher = self.clients.watcher()?;
        let until = std::time::Instant::now() + CREATE_WAIT;
        loop {
            let metadata = self.clients.metadata(&watcher)?;
            let ready = |spec: &TopicSpec| {
                metadata.topics().iter().any(|topic| {
                    topic.name() == spec.name
                        && !topic.partitions().is_empty()
                        && topic.partitions().iter().all(|partition| partition.leader() >= 0)
                })
            };
            if specs.iter().all(ready) {
                return Ok(());
            }
            if std::time::Instant::now() >= until {
                return Err(LogError::TimedOut {
                    operation: "waiting for new topics".to_owned(),
                    limit: CREATE_WAIT,
                });
            }
            crate::pause(&CancellationToken::new(), Duration::from_millis(50));
        }
    }
}

impl Log for KafkaLog {
    fn producer(&self, transactional_id: &str) -> Result<Box<dyn Producer>, LogError> {
        // Whoever has a producer decides how long a stop waits for it.
        let clients = Clients { shutdown: CancellationToken::new(), ..self.clients.clone() };
        let transactor = transactor::Transactor::open(&clients, transactional_id)?;
        Ok(Box::new(KafkaProducer { transactor }))
    }

    fn session(&self, config: SessionConfig) -> Result<Box<dyn Session>, LogError> {
        let clients = Clients { shutdown: config.shutdown.clone(), ..self.clients.clone() };
        Ok(Box::new(session::KafkaSession::open(&clients, config)?))
    }

    fn reader(&self, topic: &str, from: From) -> Result<Box<dyn Reader>, LogError> {
        Ok(Box::new(reader::KafkaReader::open(&self.clients, topic, from)?))
    }

    fn read_to_end(
        &self,
        topic: &str,
        partitions: &[u32],
        each: &mut dyn FnMut(&Record<'_>),
    ) -> Result<(), LogError> {
        restore::read_to_end(&self.clients, topic, partitions, each)
    }

    fn group_offsets(&self, group: &str, topic: &str) -> Result<Vec<GroupOffset>, LogError> {
        let watcher = self.clients.watcher()?;
        let partitions = partitions_of(&self.clients.metadata(&watcher)?, topic)?;
        let mut list = TopicPartitionList::new();
        list.add_partition_range(topic, 0, client::number(partitions) - 1);
        let member = self.clients.of_group(group)?;
        let committed = patiently(&self.clients, &format!("reading the offsets of {group}"), |within| {
            member.committed_offsets(list.clone(), within)
        })?;
        let mut offsets = Vec::new();
        for element in committed.elements() {
            let partition = u32::try_from(element.partition()).unwrap_or(u32::MAX);
            let (start, end) = watermarks(&self.clients, &watcher, topic, partition)?;
            let committed = if let Offset::Offset(offset) = element.offset() { Some(offset) } else { None };
            offsets.push(GroupOffset {
                partition,
                start,
                end,
                committed,
                metadata: element.metadata().to_owned(),
            });
        }
        Ok(offsets)
    }

    fn times_at(&self, topic: &str, offsets: &[(u32, i64)]) -> Result<Vec<(u32, i64)>, LogError> {
        times::times_at(&self.clients, topic, offsets)
    }

    fn reach(&self, within: Duration) -> Result<(), LogError> {
        self.pulse.feel(&self.clients, within)
    }

    fn topics(&self) -> Result<Vec<TopicDescription>, LogError> {
        let watcher = self.clients.watcher()?;
        let metadata = self.clients.metadata(&watcher)?;
        let prefix = format!("{}.", self.clients.config.topic_prefix);
        let mut names: Vec<&str> = metadata
            .topics()
            .iter()
            .map(|topic| topic.name())
            .filter(|name| name.starts_with(&prefix))
            .collect();
        names.sort_unstable();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut topics = self.settings(&names)?;
        for topic in &mut topics {
            topic.partitions = partitions_of(&metadata, &topic.name)?;
        }
        Ok(topics)
    }

    fn create_topics(&self, specs: &[TopicSpec]) -> Result<(), LogError> {
        let admin = self.admin()?;
        let settings: Vec<_> = specs.iter().map(topic_settings).collect();
        let topics: Vec<NewTopic<'_>> = specs
            .iter()
            .zip(&settings)
            .map(|(spec, settings)| {
                let partitions = i32::try_from(spec.partitions).unwrap_or(i32::MAX);
                // -1 is the broker's default.
                let replication = TopicReplication::Fixed(spec.replication.unwrap_or(-1));
                settings
                    .iter()
                    .fold(NewTopic::new(&spec.name, partitions, replication), |topic, (key, value)| {
                        topic.set(key, value)
                    })
            })
            .collect();
        let options =
            AdminOptions::new().request_timeout(Some(CALL_TIMEOUT)).operation_timeout(Some(CALL_TIMEOUT));
        let results = futures_executor::block_on(admin.create_topics(&topics, &options))
            .map_err(|source| self.clients.failed("creating topics", source))?;
        for result in results {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((name, code)) => {
                    return Err(self.clients.refused(&format!("creating topic {name}"), code));
                }
            }
        }
        self.await_topics(specs)
    }
}

/// Topic settings as Kafka names them.
fn topic_settings(spec: &TopicSpec) -> Vec<(&'static str, String)> {
    let retention_ms = spec.retention.map_or("-1".to_owned(), |retention| retention.as_millis().to_string());
    let mut settings =
        vec![("cleanup.policy", spec.cleanup.policy().to_owned()), ("retention.ms", retention_ms)];
    let lag = COMPACTION_LAG.min(spec.retention.unwrap_or(COMPACTION_LAG)).as_millis().to_string();
    settings.push(("segment.ms", lag.clone()));
    if spec.cleanup.compacts() {
        settings.push(("max.compaction.lag.ms", lag));
    }
    settings
}

/// Number of partitions of a topic that must be there.
fn partitions_of(metadata: &Metadata, topic: &str) -> Result<u32, LogError> {
    let found = metadata.topics().iter().find(|found| found.name() == topic);
    let partitions = found.map_or(0, |topic| topic.partitions().len());
    if partitions == 0 {
        return Err(LogError::MissingTopic { topic: topic.to_owned() });
    }
    Ok(u32::try_from(partitions).unwrap_or(u32::MAX))
}

/// Low and high watermark of a partition as the client's isolation level shows them. A leader that moves, or that is not chosen
/// yet on a new topic, is waited for.
fn watermarks(
    clients: &Clients,
    watcher: &BaseConsumer<Context>,
    topic: &str,
    partition: u32,
) -> Result<(i64, i64), LogError> {
    patiently(clients, &format!("reading the ends of {topic}/{partition}"), |within| {
        watcher.fetch_watermarks(topic, client::number(partition), within)
    })
}

/// Starts a thread beside the work under a transactional id.
fn spawn(
    name: &str,
    transactional_id: &str,
    run: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, LogError> {
    thread::Builder::new().name(name.to_owned()).spawn(run).map_err(|source| LogError::Io {
        operation: "starting a thread",
        path: transactional_id.to_owned(),
        source,
    })
}

/// Asks again while the broker is away, or while nobody leads or coordinates yet, as right after a start; not past a shutdown.
fn patiently<T>(
    clients: &Clients,
    operation: &str,
    mut ask: impl FnMut(Duration) -> Result<T, KafkaError>,
) -> Result<T, LogError> {
    let began = std::time::Instant::now();
    let mut within = CALL_TRY;
    loop {
        let error = match ask(within) {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        if !clients.asks_again(&error, began) {
            return Err(clients.failed(operation, error));
        }
        // A broker may be no more than slow.
        within = (within * 2).min(CALL_TRY * 2);
        crate::pause(&clients.shutdown, Duration::from_millis(50));
    }
}

/// A producer outside any group.
struct KafkaProducer {
    transactor: transactor::Transactor,
}

impl Producer for KafkaProducer {
    fn commit(&mut self, outputs: &[Output]) -> Result<(), CommitError> {
        self.transactor.commit(outputs, None)
    }
}
