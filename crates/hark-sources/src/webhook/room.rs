//! Memory for the bodies of a worker's webhooks.

use std::time::Duration;

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

use super::answer::Refusal;
use crate::SubmitError;

/// Room is counted in pieces of this size; a smaller body takes one.
const PIECE_BYTES: usize = 1024;

/// So many bytes may be in hand at a time.
pub(super) struct Room {
    free: Semaphore,
    pieces: u32,
}

impl Room {
    pub(super) fn new(bytes: usize) -> Self {
        let pieces = u32::try_from(bytes / PIECE_BYTES).unwrap_or(u32::MAX).max(1);
        Self { free: Semaphore::new(pieces as usize), pieces }
    }

    /// Room for `bytes`, waited for; it is free again when the answer is dropped. More than all there is takes all.
    pub(super) async fn take(&self, bytes: usize, wait: Duration) -> Result<SemaphorePermit<'_>, Refusal> {
        let wanted = u32::try_from(bytes.div_ceil(PIECE_BYTES)).unwrap_or(u32::MAX).clamp(1, self.pieces);
        let taken = timeout(wait, self.free.acquire_many(wanted)).await.map_err(|_| Refusal::NoRoom)?;
        taken.map_err(|_| Refusal::Submit(SubmitError::Stopped))
    }
}
