//! Whether this process is ready: told by its parts, asked by `/readyz`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Shared by all parts of a process; cloning gives another handle on the same thing.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    draining: bool,
    /// What each part waits for; `None` when it is ready.
    parts: BTreeMap<String, Option<String>>,
}

impl Health {
    /// Adds a part, such as one worker thread of a stage, which is not ready until it says so.
    pub fn part(&self, name: impl Into<String>) -> Part {
        let name = name.into();
        self.state().parts.insert(name.clone(), Some("starting".to_owned()));
        Part { health: self.clone(), name }
    }

    /// From here on the process is not ready: it ends.
    pub fn drain(&self) {
        self.state().draining = true;
    }

    /// `Ok` when every part is ready; else why not, a line for each part that waits.
    pub fn ready(&self) -> Result<(), String> {
        let state = self.state();
        if state.draining {
            return Err("draining: this process ends\n".to_owned());
        }
        if state.parts.is_empty() {
            return Err("starting\n".to_owned());
        }
        let waiting: String = state
            .parts
            .iter()
            .filter_map(|(name, reason)| Some(format!("{name}: {}\n", reason.as_ref()?)))
            .collect();
        if waiting.is_empty() { Ok(()) } else { Err(waiting) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code that holds the lock can leave the state half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One part of the process.
#[derive(Debug)]
pub struct Part {
    health: Health,
    name: String,
}

impl Part {
    /// The log is reachable, an assignment has been received (an empty one counts) and its state is restored.
    pub fn ready(&self) {
        self.health.state().parts.insert(self.name.clone(), None);
    }

    /// Not ready, and why: `restoring the state of 3 partitions`.
    pub fn waits(&self, reason: impl Into<String>) {
        self.health.state().parts.insert(self.name.clone(), Some(reason.into()));
    }
}

impl Drop for Part {
    /// A part that ended, as under `--once`, keeps nobody waiting.
    fn drop(&mut self) {
        self.health.state().parts.remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_ready_when_each_of_its_parts_is() {
        let health = Health::default();
        assert_eq!(health.ready(), Err("starting\n".to_owned()));
        let enrich = health.part("enrich-0");
        let route = health.part("route-0");
        enrich.ready();
        route.waits("restoring the state of 3 partitions");
        assert_eq!(health.ready(), Err("route-0: restoring the state of 3 partitions\n".to_owned()));
        route.ready();
        assert_eq!(health.ready(), Ok(()));
        enrich.waits("no broker answers");
        assert_eq!(health.ready(), Err("enrich-0: no broker answers\n".to_owned()));
        drop(enrich);
        assert_eq!(health.ready(), Ok(()));
    }

    #[test]
    fn a_process_that_ends_is_not_ready_whatever_its_parts_say() {
        let health = Health::default();
        health.part("route-0").ready();
        health.drain();
        assert!(health.ready().unwrap_err().starts_with("draining"));
    }
}
