//! The transactional log that Hark's stages are written against, once, with two backends: [`kafka`], the way it is
//! deployed, and [`embedded`], one SQLite file for a laptop, a small firm and fast tests.
//!
//! The one decision a reader may question: a stage never sees a consumer or a producer. It is a function from a record
//! and the state so far to effects ([`Stage`]); [`worker`] fills a batch, and outputs, state changes and next offsets
//! commit together or not at all. That is what keeps the laws of the log in one place instead of in every stage.
//!
//! The crate knows bytes only, no mentions.

mod broken;
pub mod embedded;
pub mod kafka;
mod outcome;
mod rebuild;
mod record;
mod session;
mod state;
pub mod worker;

use std::time::Duration;

pub use outcome::{Counts, Outcome, Rejection};
pub use rebuild::RebuildBudget;
pub use record::{From, Header, HeadersRef, MAX_RECORD_BYTES, Output, Record};
pub use session::{
    Assigned, Change, CommitError, EndOffset, NextOffset, Session, SessionConfig, SessionError,
};
pub use state::{Lifetime, TableSpec};
pub use worker::{BatchReport, Effects, PartitionOf, SharedTableSpec, Stage, Worker, pause};

/// A log with topics, partitions, keys, offsets and transactions.
pub trait Log: Send + Sync {
    /// A producer whose commits are all or nothing. Fences whoever held `transactional_id` before.
    fn producer(&self, transactional_id: &str) -> Result<Box<dyn Producer>, LogError>;

    /// A member of a stage's consumer group; for [`Worker`] only.
    fn session(&self, config: SessionConfig) -> Result<Box<dyn Session>, LogError>;

    /// A reader of all partitions of a topic, outside any group; sees committed records only.
    fn reader(&self, topic: &str, from: From) -> Result<Box<dyn Reader>, LogError>;

    /// Reads the given partitions from their start to their true end as it is at the call: an open transaction is waited for.
    fn read_to_end(
        &self,
        topic: &str,
        partitions: &[u32],
        each: &mut dyn FnMut(&Record<'_>),
    ) -> Result<(), LogError>;

    /// How far a group has come in every partition of a topic; asks without joining it.
    fn group_offsets(&self, group: &str, topic: &str) -> Result<Vec<GroupOffset>, LogError>;

    /// When the first committed record at or behind each of these offsets (partition, offset) was written: partition, and
    /// milliseconds since 1970. A partition is left out where there is none, also where an open transaction hides it.
    fn times_at(&self, topic: &str, offsets: &[(u32, i64)]) -> Result<Vec<(u32, i64)>, LogError>;

    /// Whether the log answers, waited for at most so long; disturbs nobody who works on it.
    fn reach(&self, within: Duration) -> Result<(), LogError>;

    /// Bytes of disk that are free beside what the records that wait will take; `None` where the log is elsewhere.
    fn room_bytes(&self) -> Option<u64> {
        None
    }

    /// All topics, with the settings that Hark cares for.
    fn topics(&self) -> Result<Vec<TopicDescription>, LogError>;

    /// Creates topics; those that exist are left as they are.
    fn create_topics(&self, specs: &[TopicSpec]) -> Result<(), LogError>;
}

/// How far a group has come in one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupOffset {
    /// Number of the partition.
    pub partition: u32,
    /// Oldest offset that is still there.
    pub start: i64,
    /// High watermark, open transactions included.
    pub end: i64,
    /// Next offset the group will read; `None` where it never committed.
    pub committed: Option<i64>,
    /// What rides with it: [`Counts::from_metadata`] reads it.
    pub metadata: String,
}

/// Writes records in transactions of its own, without reading.
pub trait Producer: Send {
    /// One transaction: all outputs or none.
    fn commit(&mut self, outputs: &[Output]) -> Result<(), CommitError>;
}

/// Reads a topic without a group.
pub trait Reader: Send {
    /// Hands over what is there, waiting at most `wait` for a first record. True when every partition's end, as it
    /// was at this call, has been reached.
    fn read(&mut self, wait: Duration, each: &mut dyn FnMut(&Record<'_>)) -> Result<bool, LogError>;

    /// Hands over what has come to this process already, without waiting and without asking where the ends are: cheap
    /// enough to be called before every batch.
    fn follow(&mut self, each: &mut dyn FnMut(&Record<'_>)) -> Result<(), LogError>;
}

/// How a topic's old records are cleaned up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleanup {
    /// By age only.
    Delete,
    /// All but the newest record of a key go.
    Compact,
    /// Both.
    CompactDelete,
}

impl Cleanup {
    /// Kafka's `cleanup.policy`.
    #[must_use]
    pub fn policy(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Compact => "compact",
            Self::CompactDelete => "compact,delete",
        }
    }

    /// Reads Kafka's `cleanup.policy`; the order of the words does not matter.
    #[must_use]
    pub fn from_policy(policy: &str) -> Self {
        match (policy.contains("compact"), policy.contains("delete")) {
            (true, true) => Self::CompactDelete,
            (true, false) => Self::Compact,
            _ => Self::Delete,
        }
    }

    /// Whether old records of a key go.
    #[must_use]
    pub fn compacts(self) -> bool {
        self != Self::Delete
    }
}

/// A topic as it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    /// Whole name, prefix included.
    pub name: String,
    /// Number of partitions; never changes once the topic exists.
    pub partitions: u32,
    /// Copies of each partition on Kafka; `None` for the broker's default.
    pub replication: Option<i32>,
    /// How old records go.
    pub cleanup: Cleanup,
    /// How long records stay (`retention.ms`); `None` for ever.
    pub retention: Option<Duration>,
}

/// Upper bound of `segment.ms` and `max.compaction.lag.ms`: an erasure is at most so late where records still come.
pub const COMPACTION_LAG: Duration = Duration::from_secs(24 * 3600);

/// A topic as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicDescription {
    /// Whole name.
    pub name: String,
    /// Number of partitions.
    pub partitions: u32,
    /// How old records go.
    pub cleanup: Cleanup,
    /// How long records stay; `None` for ever.
    pub retention: Option<Duration>,
    /// `segment.ms`, where the backend has segments.
    pub segment: Option<Duration>,
    /// `max.compaction.lag.ms`, where the backend has it.
    pub compaction_lag: Option<Duration>,
}

/// A log that cannot be used, or a call that failed.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Nobody answers.
    #[error(
        "no Kafka broker answers at {servers}: is it running, and is the address right? One that wants TLS or a login (`log.kafka.tls`, \
         `log.kafka.sasl`) and is not spoken to so does not answer either"
    )]
    Unreachable {
        /// `bootstrap.servers` as configured.
        servers: String,
        /// What the client says.
        source: rdkafka::error::KafkaError,
    },
    /// A broker answers and refuses who we say we are.
    #[error(
        "the Kafka broker at {servers} refuses the login: check mechanism, username and password of `log.kafka.sasl` \
         (the broker: {said})"
    )]
    Login {
        /// `bootstrap.servers` as configured.
        servers: String,
        /// What the client says.
        said: String,
    },
    /// A broker answers and no TLS connection comes about.
    #[error(
        "no encrypted connection with the Kafka broker at {servers}: check `log.kafka.tls`, its `ca`, and that address and port \
         are those of a TLS listener (the client: {said})"
    )]
    Tls {
        /// `bootstrap.servers` as configured.
        servers: String,
        /// What the client says.
        said: String,
    },
    /// A Kafka client or admin call failed.
    #[error("{operation} failed on Kafka")]
    Kafka {
        /// What was tried.
        operation: String,
        /// What the client says.
        source: rdkafka::error::KafkaError,
    },
    /// A topic is not there; of one that a login may not describe Kafka says the same.
    #[error(
        "topic {topic} does not exist: run `hark topics create`; where Kafka has it, this login may not see it: docs/kafka.md, logins \
         and rights"
    )]
    MissingTopic {
        /// Its whole name.
        topic: String,
    },
    /// The broker refused.
    #[error("not authorised: {operation}; grant it with the ACLs listed in docs/kafka.md")]
    NotAuthorised {
        /// What was tried.
        operation: String,
    },
    /// A topic takes no record of the size that a worker must be able to write.
    #[error(
        "the broker refuses {record} for its size: raise `max.message.bytes` of the topic, or the broker's \
         `message.max.bytes`, to at least {MAX_RECORD_BYTES}"
    )]
    Refused {
        /// What was to be written.
        record: String,
    },
    /// Settings that cannot work.
    #[error("{0}")]
    Invalid(String),
    /// The embedded file is held by another process.
    #[error(
        "{path} is in use by another hark process: stop it first, or give this one another `log.data`; a command that reads the log from a \
         read-only mount holds it too"
    )]
    InUse {
        /// The file.
        path: String,
    },
    /// The embedded file was written by a newer version.
    #[error("{path} has format {found}, this hark knows {known}: run the newer hark")]
    Newer {
        /// The file.
        path: String,
        /// Format of the file.
        found: i64,
        /// Newest format known here.
        known: i64,
    },
    /// The embedded file is damaged.
    #[error(
        "{path} is damaged ({detail}): move the whole folder away and restore a copy of a whole folder, or start anew with an empty one; \
         beside a hark.db-wal of another log a copy of hark.db is spoilt"
    )]
    Corrupt {
        /// The file.
        path: String,
        /// What was found.
        detail: String,
    },
    /// The embedded file cannot be read where it lies.
    #[error(
        "{path} cannot be read here ({detail}): this user has to be able to write beside it, unless `hark up` was stopped in order; \
         run this as the user of `hark up`, or copy the whole folder to where you may write and name the copy in `log.data`"
    )]
    Unreadable {
        /// The file.
        path: String,
        /// What SQLite says.
        detail: String,
    },
    /// Under `--once`: there is no room for what a record brings about.
    #[error("the disk holding {path} is full: free some space, and run it again; what was taken is there")]
    Full {
        /// The file.
        path: String,
    },
    /// A call on the embedded file failed.
    #[error("{operation} failed on {path}")]
    Sqlite {
        /// What was tried.
        operation: &'static str,
        /// The file.
        path: String,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// A call of the operating system failed.
    #[error("{operation} failed on {path}")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// The file or folder.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// It took longer than it may.
    #[error("{operation} took longer than {limit:?}")]
    TimedOut {
        /// What was waited for.
        operation: String,
        /// How long.
        limit: Duration,
    },
}
