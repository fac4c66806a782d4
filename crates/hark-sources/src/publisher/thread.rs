//! The publishing thread: takes what is waiting, commits it, tries again, builds a lost producer anew.

use std::time::{Duration, Instant};

use hark_log::{CommitError, LogError, Output, Producer, RebuildBudget, SessionError};
use tokio::sync::oneshot;
use tracing::{info, warn};

use super::{
    Factory, NotCommitted, PublisherError, Tally,
    queue::{Queue, Submission},
};

pub(super) fn run(
    producer: Box<dyn Producer>,
    factory: Factory,
    queue: &Queue,
) -> Result<(), PublisherError> {
    let end = EndOnDrop(queue);
    let wait = queue.limits.retry_waits.0;
    let mut writer = Writer { producer, factory, queue, wait, budget: RebuildBudget::default() };
    let result = loop {
        let submissions = queue.next();
        if submissions.is_empty() {
            break Ok(());
        }
        if let Err(error) = writer.write(Batch::new(submissions)) {
            break Err(error);
        }
    };
    drop(end);
    result
}

/// Also on a panic, those who wait must not wait for ever.
struct EndOnDrop<'a>(&'a Queue);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        let left = self.0.end();
        if left > 0 {
            warn!(
                records = left,
                "publisher ended with uncommitted records; their sources bring them again, all but standard input"
            );
        }
    }
}

/// Submissions that share a transaction, their records in one row.
struct Batch {
    outputs: Vec<Output>,
    parts: Vec<Part>,
}

struct Part {
    records: usize,
    bytes: usize,
    answer: oneshot::Sender<Result<(), NotCommitted>>,
    tally: Option<Tally>,
    epoch: Option<u64>,
}

impl Batch {
    fn new(submissions: Vec<Submission>) -> Self {
        let mut outputs =
            Vec::with_capacity(submissions.iter().map(|submission| submission.outputs.len()).sum());
        let mut parts = Vec::with_capacity(submissions.len());
        for Submission { outputs: records, bytes, answer, tally, epoch } in submissions {
            parts.push(Part { records: records.len(), bytes, answer, tally, epoch });
            outputs.extend(records);
        }
        Self { outputs, parts }
    }

    /// Each submission alone.
    fn split(mut self) -> Vec<Self> {
        self.parts
            .into_iter()
            .map(|part| {
                let rest = self.outputs.split_off(part.records);
                Self { outputs: std::mem::replace(&mut self.outputs, rest), parts: vec![part] }
            })
            .collect()
    }

    /// What does not rest on cursors of an earlier epoch; the rest is given back.
    fn in_epoch(self, queue: &Queue) -> Self {
        let epoch = queue.epoch();
        let is_over = |part: &Part| part.epoch.is_some_and(|of| of != epoch);
        if !self.parts.iter().any(is_over) {
            return self;
        }
        let mut rest = Self { outputs: Vec::new(), parts: Vec::new() };
        for one in self.split() {
            if one.parts.iter().any(is_over) {
                one.settle(queue, Err(NotCommitted::Superseded));
            } else {
                rest.outputs.extend(one.outputs);
                rest.parts.extend(one.parts);
            }
        }
        rest
    }

    /// Frees the room, and tells everybody: last, so that whoever is answered finds everything counted.
    fn settle(self, queue: &Queue, outcome: Result<(), NotCommitted>) {
        queue.settle(self.parts.iter().map(|part| part.bytes).sum(), self.outputs.len(), outcome);
        for part in self.parts {
            if outcome.is_ok()
                && let Some(tally) = part.tally
            {
                tally.count();
            }
            Submission::answer(part.answer, outcome);
        }
    }
}

struct Writer<'a> {
    producer: Box<dyn Producer>,
    factory: Factory,
    queue: &'a Queue,
    /// Before the next try; it grows until a commit succeeds.
    wait: Duration,
    budget: RebuildBudget,
}

impl Writer<'_> {
    /// Until it is committed or cannot ever be. An error ends the thread.
    fn write(&mut self, mut batch: Batch) -> Result<(), PublisherError> {
        loop {
            batch = batch.in_epoch(self.queue);
            if batch.parts.is_empty() {
                return Ok(());
            }
            let began = Instant::now();
            match self.producer.commit(&batch.outputs) {
                Ok(()) => {
                    self.wait = self.queue.limits.retry_waits.0;
                    batch.settle(self.queue, Ok(()));
                    return Ok(());
                }
                Err(CommitError::TooLarge { .. } | CommitError::Full { .. }) if batch.parts.len() > 1 => {
                    // One of them is at fault, or there is room for less than all that they bring about; the others must not suffer for it.
                    return batch.split().into_iter().try_for_each(|one| self.write(one));
                }
                Err(CommitError::TooLarge { source }) => {
                    warn!(error = %source, "the broker refuses a record for its size");
                    // What comes after it in its file must not be committed with a cursor that is past it.
                    self.queue.begin_epoch();
                    batch.settle(self.queue, Err(NotCommitted::TooLarge));
                    return Ok(());
                }
                Err(CommitError::Aborted { source }) => {
                    warn!(error = %source, records = batch.outputs.len(), "transaction aborted: trying again");
                    self.queue.note_abort(false);
                    self.queue.begin_epoch();
                }
                Err(full @ CommitError::Full { .. }) => {
                    warn!(error = %full, "nothing can be written: trying again");
                    self.queue.note_abort(true);
                }
                Err(CommitError::Unknown) => {
                    return Err(PublisherError::Abandoned { records: batch.outputs.len() });
                }
                // Missing rights or a damaged file: a new producer would fare no better.
                Err(CommitError::Lost { source }) if !source.is_loss() => {
                    return Err(PublisherError::Producer(Box::new(source)));
                }
                Err(CommitError::Lost { source }) => {
                    // Fenced at once is a twin; after a long wait the brokers were away and the transaction timed out, which
                    // says nothing against going on.
                    if began.elapsed() >= self.queue.limits.unavailable_after {
                        self.budget.excuse();
                    }
                    self.queue.note_abort(false);
                    self.rebuild(source)?;
                }
            }
            if !self.queue.pause(self.wait) {
                return Err(PublisherError::Abandoned { records: batch.outputs.len() });
            }
            self.wait = (self.wait * 2).min(self.queue.limits.retry_waits.1);
        }
    }

    /// A new producer, waited for while the brokers are away.
    fn rebuild(&mut self, lost: SessionError) -> Result<(), PublisherError> {
        if !self.budget.spend(Instant::now()) {
            return Err(PublisherError::LostAgain {
                times: RebuildBudget::MAX_REBUILDS,
                window: RebuildBudget::WINDOW,
                source: Box::new(lost),
            });
        }
        warn!(error = %lost, "lost the producer: building a new one");
        let mut wait = self.queue.limits.retry_waits.0;
        loop {
            match (self.factory)() {
                Ok(producer) => {
                    self.producer = producer;
                    self.queue.note_rebuild();
                    self.queue.begin_epoch();
                    info!("the producer is there again");
                    return Ok(());
                }
                Err(error @ (LogError::Unreachable { .. } | LogError::TimedOut { .. })) => {
                    if !self.queue.pause(wait) {
                        return Err(PublisherError::Build(Box::new(error)));
                    }
                    wait = (wait * 2).min(self.queue.limits.retry_waits.1);
                }
                Err(error) => return Err(PublisherError::Build(Box::new(error))),
            }
        }
    }
}
