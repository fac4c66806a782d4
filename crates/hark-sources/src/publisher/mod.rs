//! One thread that owns the producer of a worker; whoever has posts to publish hands them over and waits for the commit.
//!
//! What is handed over while a transaction is under way shares the next one: no timer, and yet a hundred webhook requests
//! cost one commit. A transaction that was aborted is tried again with the same submissions, in their order; but those that rest on
//! cursors go back to their source, for another worker may have moved those while the producer began anew.

mod queue;
#[cfg(test)]
mod tests;
mod thread;

use std::{
    io,
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use hark_log::{LogError, MAX_RECORD_BYTES, Output, Producer, SessionError};
use tokio::sync::oneshot::{self, error::TryRecvError};
use tokio_util::sync::CancellationToken;

use crate::{Reason, SourceCounts};
use queue::{Queue, Submission};

/// Builds a producer; called at the start and after a loss.
pub type Factory = Box<dyn FnMut() -> Result<Box<dyn Producer>, LogError> + Send>;

/// Bounds of a publisher.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes accepted and not yet committed; more is refused as [`SubmitError::Busy`].
    pub uncommitted_bytes: usize,
    /// Records of one transaction; a single larger submission is taken all the same.
    pub transaction_records: usize,
    /// Bytes of one transaction; likewise.
    pub transaction_bytes: usize,
    /// A commit that has not succeeded for this long makes the publisher [`SubmitError::Unavailable`].
    pub unavailable_after: Duration,
    /// First and longest wait after an aborted transaction.
    pub retry_waits: (Duration, Duration),
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            uncommitted_bytes: 32 * 1024 * 1024,
            transaction_records: 10_000,
            transaction_bytes: 8 * 1024 * 1024,
            unavailable_after: Duration::from_secs(5),
            retry_waits: (Duration::from_millis(20), Duration::from_secs(2)),
        }
    }
}

/// A submission that was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// This worker's own uncommitted bytes are at their bound: try again in a moment.
    #[error("too much is waiting to be committed; try again in a moment")]
    Busy,
    /// The log takes nothing at present.
    #[error("the log cannot be written to at present")]
    Unavailable,
    /// A record is larger than the log takes.
    #[error("a record of {bytes} bytes; at most {MAX_RECORD_BYTES} can be written")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The publisher is shutting down or has ended.
    #[error("shutting down")]
    Stopped,
}

/// A submission that was taken, and yet not committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCommitted {
    /// The broker takes no record of that size.
    #[error(
        "the broker takes no record of that size: raise `message.max.bytes` of the broker or topic to 1048588"
    )]
    TooLarge,
    /// The producer began anew after the cursors were read that these records rest on: read them again.
    #[error("the producer began anew; the cursors are to be read again")]
    Superseded,
    /// The publisher ended first. Whether the transaction happened is not known.
    #[error("the worker ended before the commit was confirmed")]
    Stopped,
}

/// What a submission counts as, once it is committed.
pub(crate) struct Tally {
    pub counts: Arc<SourceCounts>,
    pub accepted: u64,
    pub rejected: Vec<(Reason, u64)>,
}

impl Tally {
    fn count(self) {
        self.counts.add_accepted(self.accepted);
        for (reason, posts) in self.rejected {
            self.counts.add_rejected(reason, posts);
        }
    }
}

/// What a publisher did since it was started, and what it holds now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PublisherStats {
    /// Transactions committed.
    pub committed: u64,
    /// Records in them.
    pub records: u64,
    /// Transactions aborted; what was in them was tried again, or read again from its cursor.
    pub aborted: u64,
    /// Producers built anew after a loss.
    pub rebuilt: u64,
    /// Bytes accepted and not yet committed.
    pub uncommitted_bytes: usize,
}

/// Hands submissions to the publishing thread; clones share it.
#[derive(Clone)]
pub struct Publisher {
    queue: Arc<Queue>,
}

/// The outcome of one submission, still to come.
#[derive(Debug)]
pub struct Pending(oneshot::Receiver<Result<(), NotCommitted>>);

impl Pending {
    /// Waits for the commit.
    ///
    /// # Errors
    /// When it will not happen, or may not have happened.
    pub async fn committed(&mut self) -> Result<(), NotCommitted> {
        (&mut self.0).await.unwrap_or(Err(NotCommitted::Stopped))
    }

    fn try_take(&mut self) -> Option<Result<(), NotCommitted>> {
        match self.0.try_recv() {
            Ok(outcome) => Some(outcome),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Closed) => Some(Err(NotCommitted::Stopped)),
        }
    }
}

/// A publishing thread that ended before it was told to, or without having written everything.
#[derive(Debug, thiserror::Error)]
pub enum PublisherError {
    /// The first producer could not be built, or a later one for a reason other than absent brokers.
    #[error("cannot build a producer")]
    Build(#[source] Box<LogError>),
    /// The thread could not be started.
    #[error("cannot start the publishing thread")]
    Thread(#[source] io::Error),
    /// Rebuilding does not help.
    #[error(
        "the producer was built anew {times} times within {window:?} and lost again; does another process use the same names?"
    )]
    LostAgain {
        /// Rebuilds so far.
        times: usize,
        /// Within this.
        window: Duration,
        /// The last loss.
        source: Box<SessionError>,
    },
    /// Rebuilding would not help.
    #[error("the producer cannot go on")]
    Producer(#[source] Box<SessionError>),
    /// Shutdown could not wait any longer. What is left is not committed, or nobody knows; sources send or read it again.
    #[error(
        "{records} records were still uncommitted at shutdown; their sources bring them again, all but standard input"
    )]
    Abandoned {
        /// Records left.
        records: usize,
    },
    /// The thread panicked.
    #[error("the publishing thread panicked")]
    Panicked,
}

/// The publishing thread, for the one who started it.
pub struct PublisherThread {
    queue: Arc<Queue>,
    handle: JoinHandle<Result<(), PublisherError>>,
    ended: CancellationToken,
}

impl Publisher {
    /// Builds the producer and starts the thread that owns it.
    ///
    /// # Errors
    /// When the producer cannot be built, or the system gives no thread.
    pub fn start(mut factory: Factory, limits: Limits) -> Result<(Self, PublisherThread), PublisherError> {
        let producer = factory().map_err(|error| PublisherError::Build(Box::new(error)))?;
        let queue = Arc::new(Queue::new(limits));
        let ended = CancellationToken::new();
        let (thread_queue, token) = (queue.clone(), ended.clone());
        let handle = std::thread::Builder::new()
            .name("publisher".to_owned())
            .spawn(move || {
                let _ended = token.drop_guard();
                thread::run(producer, factory, &thread_queue)
            })
            .map_err(PublisherError::Thread)?;
        let thread = PublisherThread { queue: queue.clone(), handle, ended };
        Ok((Self { queue }, thread))
    }

    /// Hands over records that are to be committed together, all or none, or refuses at once.
    ///
    /// # Errors
    /// When they are not taken; nothing is written then.
    pub fn submit(&self, outputs: Vec<Output>) -> Result<Pending, SubmitError> {
        let (submission, pending) = prepare(outputs, None, None)?;
        self.queue.offer(submission).map_err(|(error, _)| error)?;
        Ok(pending)
    }

    pub(crate) fn submit_counted(&self, outputs: Vec<Output>, tally: Tally) -> Result<Pending, SubmitError> {
        let (submission, pending) = prepare(outputs, Some(tally), None)?;
        self.queue.offer(submission).map_err(|(error, _)| error)?;
        Ok(pending)
    }

    /// As `submit_counted`, but waits for room and for the log to come back; `None` when cancelled. `epoch` is that in which the cursors
    /// were read, where there are any: [`NotCommitted::Superseded`] if it is over.
    pub(crate) fn submit_patiently(
        &self,
        outputs: Vec<Output>,
        tally: Tally,
        epoch: Option<u64>,
        cancelled: &CancellationToken,
    ) -> Result<Option<Pending>, SubmitError> {
        let (mut submission, pending) = prepare(outputs, Some(tally), epoch)?;
        loop {
            submission = match self.queue.offer(submission) {
                Ok(()) => return Ok(Some(pending)),
                Err((SubmitError::Busy | SubmitError::Unavailable, submission)) => submission,
                Err((error, _)) => return Err(error),
            };
            if cancelled.is_cancelled() {
                return Ok(None);
            }
            self.queue.wait_for_progress();
        }
    }

    /// Waits for a commit on a plain thread; `None` once cancelled. The publisher goes on with what it accepted.
    pub(crate) fn wait(
        &self,
        pending: &mut Pending,
        cancelled: &CancellationToken,
    ) -> Option<Result<(), NotCommitted>> {
        loop {
            if let Some(outcome) = self.queue.watch(|| pending.try_take()) {
                return Some(outcome);
            }
            if cancelled.is_cancelled() {
                return None;
            }
        }
    }

    /// Changes whenever the producer begins anew. Whoever writes cursors asks for it before it reads them.
    pub(crate) fn epoch(&self) -> u64 {
        self.queue.epoch()
    }

    /// The outcome of a submission where it is known already.
    pub(crate) fn outcome(pending: &mut Pending) -> Option<Result<(), NotCommitted>> {
        pending.try_take()
    }

    /// Whether commits succeed: false once one has been failing for [`Limits::unavailable_after`], or the disk is full.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.queue.is_available()
    }

    /// Whether there is no room on the disk for what is to be committed next.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.queue.is_full()
    }

    /// What it did so far.
    #[must_use]
    pub fn stats(&self) -> PublisherStats {
        self.queue.stats()
    }
}

impl PublisherThread {
    /// Cancelled when the thread has ended, for whatever reason.
    #[must_use]
    pub fn ended(&self) -> CancellationToken {
        self.ended.clone()
    }

    /// Takes nothing more, writes what was accepted, and ends. Blocks, at most a little longer than `grace`.
    ///
    /// # Errors
    /// What ended the thread, or that records were left uncommitted after `grace`.
    pub fn stop(self, grace: Duration) -> Result<(), PublisherError> {
        self.queue.close(Instant::now() + grace);
        if let Some(records) = self.queue.wait_until_ended(Instant::now() + grace + HANDOVER) {
            return Err(PublisherError::Abandoned { records });
        }
        self.handle.join().unwrap_or(Err(PublisherError::Panicked))
    }
}

/// How long `stop` waits past its grace for the thread to notice.
const HANDOVER: Duration = Duration::from_millis(200);

fn prepare(
    outputs: Vec<Output>,
    tally: Option<Tally>,
    epoch: Option<u64>,
) -> Result<(Submission, Pending), SubmitError> {
    let mut total = 0;
    for output in &outputs {
        let bytes = output.size_bytes();
        if bytes > MAX_RECORD_BYTES {
            return Err(SubmitError::TooLarge { bytes });
        }
        total += bytes;
    }
    let (answer, pending) = oneshot::channel();
    Ok((Submission { outputs, bytes: total, answer, tally, epoch }, Pending(pending)))
}
