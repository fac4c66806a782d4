//! What was handed over and is not committed yet, bounded in bytes.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use hark_log::Output;
use tokio::sync::oneshot;

use super::{Limits, NotCommitted, PublisherStats, SubmitError, Tally};

/// Longest wait between two looks at a cancellation, which has no way to wake a plain thread.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Records that go out together, and who waits for them.
pub(super) struct Submission {
    pub outputs: Vec<Output>,
    pub bytes: usize,
    pub answer: oneshot::Sender<Result<(), NotCommitted>>,
    pub tally: Option<Tally>,
    /// Of whoever writes cursors: the producer's epoch in which they were read.
    pub epoch: Option<u64>,
}

impl Submission {
    /// Tells the one who waits; nobody may wait any more, which is fine.
    pub(super) fn answer(
        answer: oneshot::Sender<Result<(), NotCommitted>>,
        outcome: Result<(), NotCommitted>,
    ) {
        answer.send(outcome).ok();
    }
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Submission>,
    /// Records taken by the thread and not committed.
    in_hand_records: usize,
    /// Since when the thread tries to commit what it has in hand.
    trying_since: Option<Instant>,
    disk_full: bool,
    /// Set when closing: after this the thread gives up.
    give_up_at: Option<Instant>,
    ended: bool,
    /// Raised whenever the producer began anew.
    epoch: u64,
    stats: PublisherStats,
}

pub(super) struct Queue {
    pub(super) limits: Limits,
    state: Mutex<State>,
    /// Something to do for the thread.
    work: Condvar,
    /// Something was committed, or will never be.
    progress: Condvar,
}

impl Queue {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, state: Mutex::default(), work: Condvar::new(), progress: Condvar::new() }
    }

    /// Every section under the lock leaves the state whole, so one that panicked leaves nothing to be afraid of.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn offer(&self, submission: Submission) -> Result<(), (SubmitError, Submission)> {
        let mut state = self.lock();
        if state.ended || state.give_up_at.is_some() {
            return Err((SubmitError::Stopped, submission));
        }
        if !self.available(&state) {
            return Err((SubmitError::Unavailable, submission));
        }
        let held = state.stats.uncommitted_bytes;
        // A single submission over the bound is taken when there is nothing else, or it could never be.
        if held > 0 && held + submission.bytes > self.limits.uncommitted_bytes {
            return Err((SubmitError::Busy, submission));
        }
        state.stats.uncommitted_bytes += submission.bytes;
        state.waiting.push_back(submission);
        self.work.notify_one();
        Ok(())
    }

    fn available(&self, state: &State) -> bool {
        !state.disk_full
            && state.trying_since.is_none_or(|since| since.elapsed() < self.limits.unavailable_after)
    }

    pub(super) fn is_available(&self) -> bool {
        let state = self.lock();
        !state.ended && self.available(&state)
    }

    pub(super) fn is_full(&self) -> bool {
        self.lock().disk_full
    }

    pub(super) fn stats(&self) -> PublisherStats {
        self.lock().stats
    }

    pub(super) fn wait_for_progress(&self) {
        drop(self.progress.wait_timeout(self.lock(), LOOK_EVERY));
    }

    /// Looks, and if there is nothing yet, waits for progress and looks again.
    pub(super) fn watch<T>(&self, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        let state = self.lock();
        // Answers are given before progress is announced under the lock, so none is missed between look and wait.
        if let Some(found) = look() {
            return Some(found);
        }
        drop(self.progress.wait_timeout(state, LOOK_EVERY));
        look()
    }

    /// The submissions of the next transaction, waited for; empty when closed and drained.
    pub(super) fn next(&self) -> Vec<Submission> {
        let mut state = self.lock();
        while state.waiting.is_empty() {
            if state.give_up_at.is_some() {
                return Vec::new();
            }
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let (mut records, mut bytes) = (0, 0);
        let mut taken = Vec::new();
        while let Some(first) = state.waiting.front() {
            records += first.outputs.len();
            bytes += first.bytes;
            let over = records > self.limits.transaction_records || bytes > self.limits.transaction_bytes;
            if over && !taken.is_empty() {
                break;
            }
            taken.extend(state.waiting.pop_front());
        }
        state.in_hand_records = taken.iter().map(|submission| submission.outputs.len()).sum();
        state.trying_since = Some(Instant::now());
        taken
    }

    /// A transaction succeeded, or was given up for good.
    pub(super) fn settle(&self, bytes: usize, records: usize, outcome: Result<(), NotCommitted>) {
        let mut state = self.lock();
        state.stats.uncommitted_bytes = state.stats.uncommitted_bytes.saturating_sub(bytes);
        state.in_hand_records = state.in_hand_records.saturating_sub(records);
        state.disk_full = false;
        if outcome.is_ok() {
            state.stats.committed += 1;
            state.stats.records += records as u64;
        }
        // What is left in hand after a split starts its own clock; what was given back says nothing of the rest.
        if outcome != Err(NotCommitted::Superseded) || state.in_hand_records == 0 {
            state.trying_since = (state.in_hand_records > 0).then(Instant::now);
        }
        self.progress.notify_all();
    }

    pub(super) fn note_abort(&self, disk_full: bool) {
        let mut state = self.lock();
        state.stats.aborted += 1;
        state.disk_full = disk_full;
        self.progress.notify_all();
    }

    pub(super) fn note_rebuild(&self) {
        self.lock().stats.rebuilt += 1;
    }

    /// Another process may have moved cursors until now: what rests on those that were read before is not to be written.
    pub(super) fn begin_epoch(&self) {
        self.lock().epoch += 1;
    }

    pub(super) fn epoch(&self) -> u64 {
        self.lock().epoch
    }

    /// Waits before another try. False when there is no time left for one.
    pub(super) fn pause(&self, wait: Duration) -> bool {
        let until = Instant::now() + wait;
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            if state.give_up_at.is_some_and(|at| now >= at) {
                return false;
            }
            let end = state.give_up_at.map_or(until, |at| at.min(until));
            if now >= end {
                return true;
            }
            state = self.work.wait_timeout(state, end - now).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub(super) fn close(&self, give_up_at: Instant) {
        self.lock().give_up_at = Some(give_up_at);
        self.work.notify_all();
        self.progress.notify_all();
    }

    /// The thread is gone: whoever waits learns that nothing more will come. Returns the records left.
    pub(super) fn end(&self) -> usize {
        let mut state = self.lock();
        state.ended = true;
        let left = state.in_hand_records + state.waiting.iter().map(|left| left.outputs.len()).sum::<usize>();
        state.waiting.clear();
        self.progress.notify_all();
        left
    }

    /// Waits for the thread's end; after the deadline the number of records left.
    pub(super) fn wait_until_ended(&self, deadline: Instant) -> Option<usize> {
        let mut state = self.lock();
        while !state.ended {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Some(
                    state.in_hand_records
                        + state.waiting.iter().map(|left| left.outputs.len()).sum::<usize>(),
                );
            }
            state = self.progress.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        None
    }
}
