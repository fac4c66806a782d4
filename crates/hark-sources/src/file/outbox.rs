//! What has been handed to the publisher and is not committed yet.

use std::collections::VecDeque;

use hark_log::Output;
use tokio_util::sync::CancellationToken;

use super::FileError;
use crate::{Pending, Publisher, publisher::Tally};

/// Submissions under way: parsing goes on while the log commits.
const MAX_PENDING: usize = 8;

/// Submissions on their way, in order.
pub(super) struct Outbox<'a> {
    publisher: &'a Publisher,
    shutdown: &'a CancellationToken,
    pending: VecDeque<Pending>,
    /// Submissions so far.
    sent: u64,
    /// In which the cursors were read, where there are any.
    epoch: Option<u64>,
}

impl<'a> Outbox<'a> {
    pub(super) fn new(publisher: &'a Publisher, shutdown: &'a CancellationToken) -> Self {
        Self { publisher, shutdown, pending: VecDeque::new(), sent: 0, epoch: None }
    }

    /// Before cursors are read: what follows rests on them, and what was under way is forgotten.
    pub(super) fn begin_epoch(&mut self) {
        self.epoch = Some(self.publisher.epoch());
        self.pending.clear();
    }

    /// Hands over, waiting for room. False when shutdown came first; nothing was handed over then.
    pub(super) fn send(&mut self, outputs: Vec<Output>, tally: Tally) -> Result<bool, FileError> {
        while self.pending.len() >= MAX_PENDING {
            if !self.wait_for_first()? {
                return Ok(false);
            }
        }
        let Some(pending) = self.publisher.submit_patiently(outputs, tally, self.epoch, self.shutdown)?
        else {
            return Ok(false);
        };
        self.pending.push_back(pending);
        self.sent += 1;
        Ok(true)
    }

    /// Submissions so far.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// How many of the submissions are committed.
    pub(super) fn committed(&self) -> u64 {
        self.sent - self.pending.len() as u64
    }

    /// Takes note of what is committed by now.
    pub(super) fn reap(&mut self) -> Result<(), FileError> {
        while let Some(outcome) = self.pending.front_mut().and_then(Publisher::outcome) {
            self.pending.pop_front();
            outcome?;
        }
        Ok(())
    }

    /// Waits for everything under way, unless shutdown comes: then it is the publisher's to finish or to leave.
    pub(super) fn drain(&mut self) -> Result<(), FileError> {
        while !self.pending.is_empty() {
            if !self.wait_for_first()? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Waits for the oldest under way. False when shutdown came first.
    pub(super) fn wait_for_first(&mut self) -> Result<bool, FileError> {
        let Some(first) = self.pending.front_mut() else { return Ok(true) };
        let Some(outcome) = self.publisher.wait(first, self.shutdown) else { return Ok(false) };
        self.pending.pop_front();
        outcome?;
        Ok(true)
    }
}
