//! Waiting for a condition, never for a time: a test is as fast as what it waits for, and says what did not come.

use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Between two looks: short beside anything that is waited for, long beside the cost of looking.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Calls `condition` until it gives a value, and returns that value.
///
/// # Panics
/// When `limit` has passed; the message says that `what` did not happen.
pub fn wait_for<T>(what: &str, limit: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    // Nothing is ever sent: the receiver serves as a pause that is not a bare sleep.
    let (_silent, pause) = mpsc::channel::<()>();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < end, "within {limit:?} this did not happen: {what}");
        assert!(
            pause.recv_timeout(LOOK_EVERY) == Err(mpsc::RecvTimeoutError::Timeout),
            "the sender lives as long as we do"
        );
    }
}

/// As [`wait_for`], for a condition that holds or does not.
///
/// # Panics
/// When `limit` has passed; the message says that `what` did not happen.
pub fn wait_until(what: &str, limit: Duration, mut condition: impl FnMut() -> bool) {
    wait_for(what, limit, || condition().then_some(()));
}
