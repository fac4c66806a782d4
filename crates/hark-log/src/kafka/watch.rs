//! Ends the process when librdkafka does not come back from a call.
//!
//! A thread that waits for one that has ended ([librdkafka #5511](https://github.com/confluentinc/librdkafka/issues/5511), open, 2.12.1) cannot
//! be freed, and stays a member of its group, so that nobody takes its partitions over. Whoever runs Hark starts an ended process
//! again, and a killed one loses nothing. The one call that was seen to hang is left behind by `Transactor::try_offsets`
//! before it comes to that.

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use tracing::error;

use super::spawn;
use crate::LogError;

/// A call is told to take a second at most, and one that asks a broker takes up to 10 s where the broker does not answer; the transaction has
/// timed out by then. Looks are counted, not time: a process that was frozen is not stuck.
pub(super) const STUCK: Duration = LOOK_EVERY.saturating_mul(STUCK_LOOKS);
const STUCK_LOOKS: u32 = 15;
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Since when a call is under way.
pub(super) struct Watch {
    since: Mutex<Option<Instant>>,
}

impl Watch {
    /// Begins to watch on a thread of its own, which ends when the watch is dropped.
    pub fn begin(transactional_id: &str) -> Result<Arc<Self>, LogError> {
        let watch = Arc::new(Self { since: Mutex::new(None) });
        let (watched, name) = (Arc::downgrade(&watch), transactional_id.to_owned());
        spawn("watch", transactional_id, move || {
            let mut looks = Looks::default();
            while let Some(watch) = watched.upgrade() {
                if looks.is_stuck(watch.since()) {
                    give_up(&name);
                }
                drop(watch);
                thread::park_timeout(LOOK_EVERY);
            }
        })?;
        Ok(watch)
    }

    /// Makes a call that is to come back soon.
    pub fn during<T>(self: &Arc<Self>, call: impl FnOnce() -> T) -> T {
        let _call = self.call();
        call()
    }

    /// A call that is to come back soon: it has when this is dropped.
    pub fn call(self: &Arc<Self>) -> Call {
        self.set(Some(Instant::now()));
        Call { watch: Arc::clone(self) }
    }

    fn set(&self, since: Option<Instant>) {
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    fn since(&self) -> Option<Instant> {
        *self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the process.
pub(super) fn give_up(transactional_id: &str) -> ! {
    error!(transactional_id, "the Kafka client does not come back from a call: ending, to be started again");
    std::process::exit(1);
}

/// A call under way.
pub(super) struct Call {
    watch: Arc<Watch>,
}

impl Drop for Call {
    fn drop(&mut self) {
        self.watch.set(None);
    }
}

/// How often the same call was seen under way.
#[derive(Default)]
struct Looks {
    call: Option<Instant>,
    times: u32,
}

impl Looks {
    fn is_stuck(&mut self, call: Option<Instant>) -> bool {
        self.times = if call.is_some() && call == self.call { self.times + 1 } else { 0 };
        self.call = call;
        self.times >= STUCK_LOOKS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_call_that_does_not_come_back_is_stuck() {
        let (watch, mut looks) = (Arc::new(Watch { since: Mutex::new(None) }), Looks::default());
        assert!((0..100).all(|_| !looks.is_stuck(watch.since())), "nothing is under way");
        for _ in 0..100 {
            watch.during(|| assert!(!looks.is_stuck(watch.since()), "each is another call"));
        }
        watch.during(|| assert_eq!((0..100).position(|_| looks.is_stuck(watch.since())), Some(15)));
        assert!(!looks.is_stuck(watch.since()), "it has come back");
    }
}
