//! Lines of librdkafka that say what was said a moment ago.
//!
//! While brokers are away every thread of every client tells so, for each of its connections, several times a second.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// How long a line is not told again.
const QUIET: Duration = Duration::from_secs(30);
/// Lines that are remembered; a cluster has fewer connections that can fail in as many ways. Of more the oldest is forgotten, and told again.
const REMEMBERED: usize = 256;

/// What was told lately by all clients of the process.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    /// The oldest first.
    told: VecDeque<Told>,
}

#[derive(Debug)]
struct Told {
    what: String,
    at: Instant,
    held_back: u64,
}

impl Repeats {
    pub const fn new() -> Self {
        Self { told: VecDeque::new() }
    }

    /// Whether a line is to be told now; then, how many of its kind were held back since the last one.
    pub fn tell(&mut self, line: &str, now: Instant) -> Option<u64> {
        let what = gist(line);
        let place = self.told.iter().position(|told| told.what == what);
        if let Some(told) = place.and_then(|place| self.told.get_mut(place))
            && now.duration_since(told.at) < QUIET
        {
            told.held_back += 1;
            return None;
        }
        let before = place.and_then(|place| self.told.remove(place));
        if self.told.len() >= REMEMBERED {
            self.told.pop_front();
        }
        self.told.push_back(Told { what: what.to_owned(), at: now, held_back: 0 });
        Some(before.map_or(0, |told| told.held_back))
    }
}

/// A line without the thread that says it, and without what differs each time: `(after 12ms in state CONNECT, 3 identical error(s) suppressed)`.
fn gist(line: &str) -> &str {
    let said =
        line.strip_prefix("[thrd:").and_then(|rest| rest.split_once("]: ")).map_or(line, |(_, said)| said);
    said.split_once(" (after ").map_or(said, |(what, _)| what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_that_is_away_is_told_once_in_a_while_with_how_often_it_was_held_back() {
        let start = Instant::now();
        let mut repeats = Repeats::default();
        let mut told = |broker: &str, seconds| {
            let line = format!(
                "[thrd:{broker}]: {broker}: Connect to ipv4#{broker} failed: Connection refused (after {seconds}ms in state CONNECT)"
            );
            repeats.tell(&line, start + Duration::from_secs(seconds))
        };
        assert_eq!(told("k1:9092", 0), Some(0), "the first is told");
        assert_eq!(told("k2:9092", 0), Some(0), "another broker is another line");
        assert_eq!([1, 10, 29].map(|seconds| told("k1:9092", seconds)), [None; 3]);
        assert_eq!(told("k1:9092", 30), Some(3));
        assert_eq!(told("k1:9092", 31), None);
        assert_eq!(told("k2:9092", 31), Some(0));
    }

    #[test]
    fn what_an_error_and_a_line_of_the_log_say_alike_is_told_once() {
        let now = Instant::now();
        let mut repeats = Repeats::default();
        let said = "k1:9092/1: Disconnected (after 5ms in state UP, 1 identical error(s) suppressed)";
        assert_eq!(repeats.tell(&format!("[thrd:k1:9092/1]: {said}"), now), Some(0));
        assert_eq!(repeats.tell(said, now), None);
    }

    #[test]
    fn no_more_lines_than_that_are_remembered() {
        let now = Instant::now();
        let mut repeats = Repeats::default();
        for number in 0..=REMEMBERED {
            assert_eq!(repeats.tell(&number.to_string(), now), Some(0));
        }
        assert_eq!(repeats.told.len(), REMEMBERED);
        assert_eq!(repeats.tell("0", now), Some(0), "the oldest was forgotten");
        assert_eq!(repeats.tell("2", now), None);
    }
}
