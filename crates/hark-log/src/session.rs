//! What a backend gives to a stage: a member of its group that reads, and commits what it read with what it wrote.

use std::{
    ops::ControlFlow,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use crate::{LogError, Output, Record};

/// Who reads what, and under which name.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// Consumer group.
    pub group: String,
    /// Topic that is read.
    pub input: Arc<str>,
    /// State topics, restored on assignment; partitioned like the input. What is committed names them by their place in this list:
    /// a new one comes last, and none goes.
    pub tables: Vec<Arc<str>>,
    /// Fences an earlier holder of the same name.
    pub transactional_id: String,
    /// Static membership (`group.instance.id`); `None` joins as a dynamic member.
    pub instance: Option<String>,
    /// Ends waits and retries.
    pub shutdown: CancellationToken,
}

/// A partition that this member received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// Its number.
    pub partition: u32,
    /// Where reading goes on: the committed offset, or the log's start.
    pub offset: i64,
    /// The group has committed it; false for the log's start.
    pub committed: bool,
    /// Metadata of the committed offset; empty where there is none.
    pub metadata: String,
}

/// A change of what this member owns. Happens only inside [`Session::poll`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// These came; they are paused until [`Session::resume`]. An assignment may be empty.
    Assigned(Vec<Assigned>),
    /// These are gone: whatever was read from them and is not committed belongs to somebody else now.
    Revoked(Vec<u32>),
}

/// The next offset of a partition that is to be read, and what rides with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextOffset {
    /// Partition of the input.
    pub partition: u32,
    /// Always valid, never negative (law 3).
    pub offset: i64,
    /// The partition's cumulative [`crate::Counts`], and changes of its state that are not on their topics (ADR 12).
    pub metadata: String,
}

/// The offset behind the last record of a partition, open transactions included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndOffset {
    /// Partition of the input.
    pub partition: u32,
    /// High watermark as a `read_uncommitted` client sees it.
    pub offset: i64,
}

/// One member of a stage's group: a consumer and a producer that commit together. Used by one thread. Dropped, it leaves in good order and
/// commits nothing.
pub trait Session {
    /// Hands over records that are committed and there, in order per partition, until `each` says stop, none is left or
    /// the assignment changed; waits at most `wait` for the first.
    fn poll(
        &mut self,
        wait: Duration,
        each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>,
    ) -> Result<Vec<Change>, SessionError>;

    /// One transaction: all outputs (state changes are outputs too) and the next offsets, or nothing.
    fn commit(&mut self, outputs: &[Output], next: &[NextOffset]) -> Result<(), CommitError>;

    /// Until when the log is still busy with the last commit: a transaction begun before would wait for longer than that.
    fn settles_at(&self) -> Option<Instant>;

    /// Goes back to these offsets; the next poll delivers from there.
    fn rewind(&mut self, to: &[(u32, i64)]) -> Result<(), SessionError>;

    /// Begins to read the state of these partitions up to their true end as it is now.
    fn begin_restore(&mut self, partitions: &[u32]) -> Result<(), SessionError>;

    /// Hands over a slice of state records, with the index of their table; waits at most `wait`. Returns the partitions whose
    /// state is complete now.
    fn restore(
        &mut self,
        wait: Duration,
        each: &mut dyn FnMut(usize, &Record<'_>),
    ) -> Result<Vec<u32>, SessionError>;

    /// Lets the records of these partitions flow.
    fn resume(&mut self, partitions: &[u32]) -> Result<(), SessionError>;

    /// Where the next record of each owned partition would be read, past control and aborted records.
    fn positions(&mut self) -> Result<Vec<(u32, i64)>, SessionError>;

    /// Ends of all partitions of the input, owned or not.
    fn ends(&mut self) -> Result<Vec<EndOffset>, SessionError>;

    /// Latest known ends of owned partitions, without asking anybody; for the lag.
    fn known_ends(&mut self) -> Vec<EndOffset>;

    /// Offsets that the group has committed, of all partitions of the input; `None` where nothing is.
    fn committed(&mut self) -> Result<Vec<(u32, Option<i64>)>, SessionError>;
}

/// A session that cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// Broken for good, by a twin or by a transaction that outlived its timeout: build a new one.
    #[error("{operation}: this member was fenced off or its client broke")]
    Lost {
        /// What was tried.
        operation: &'static str,
        /// What the client says.
        source: rdkafka::error::KafkaError,
    },
    /// Another process runs under the same instance name.
    #[error("another process runs as instance {instance}: give each worker a name of its own (--instance)")]
    Twin {
        /// `group.instance.id`.
        instance: String,
    },
    /// The log itself fails.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl SessionError {
    /// A new session may go on where this one could not: its clients broke, or the brokers are away.
    #[must_use]
    pub fn is_loss(&self) -> bool {
        matches!(
            self,
            Self::Lost { .. } | Self::Log(LogError::Unreachable { .. } | LogError::TimedOut { .. })
        )
    }
}

/// A commit that did not happen.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Nothing was written; the same may be tried again. On Kafka a [`Producer`](crate::Producer) has begun anew, and another may have had
    /// its name in between: cursors are to be read again first.
    #[error("transaction aborted")]
    Aborted {
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The broker takes no record of that size; nothing was written.
    #[error("a record is larger than the broker takes")]
    TooLarge {
        /// What the client says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The producer is done for: build a new one. Whether the transaction happened is known after that.
    #[error("producer lost")]
    Lost {
        /// Why.
        source: SessionError,
    },
    /// Shutdown came while the broker's answer was outstanding; the committed offsets will tell.
    #[error("stopped before the broker answered whether the transaction is committed")]
    Unknown,
    /// The disk is full, or the room on it is that of what was taken before; nothing was written.
    #[error(
        "the disk holding {path} is full, or what is left is needed for what was taken before: free some space"
    )]
    Full {
        /// The file.
        path: String,
    },
}
