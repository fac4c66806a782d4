//! Enrich and route: what is done with one record, as pure functions of the record and the state.

pub mod enrich;
pub mod envelope;
pub mod in_force;
pub mod memory;
pub mod route;
mod seen;
#[cfg(test)]
mod tests;
pub mod topics;

use std::{
    sync::mpsc::SyncSender,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::demo::Event;

/// Told to a display, after the commit that made it true.
#[derive(Debug, Default)]
pub struct Feed {
    listener: Option<SyncSender<Event>>,
    pending: Vec<Event>,
}

impl Feed {
    /// A feed that somebody listens to.
    pub fn to(listener: SyncSender<Event>) -> Self {
        Self { listener: Some(listener), pending: Vec::new() }
    }

    /// Remembers an event until the commit; `make` is not called where nobody listens.
    pub fn push(&mut self, make: impl FnOnce() -> Option<Event>) {
        if self.listener.is_some() {
            self.pending.extend(make());
        }
    }

    /// The batch is committed.
    pub fn tell(&mut self) {
        let Some(listener) = &self.listener else { return };
        for event in self.pending.drain(..) {
            if listener.send(event).is_err() {
                // The display has ended before the stage; nobody misses the rest.
                self.listener = None;
                return;
            }
        }
    }

    /// The batch never was.
    pub fn forget(&mut self) {
        self.pending.clear();
    }
}

/// Milliseconds since 1970.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
