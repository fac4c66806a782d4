//! Changes of state that ride with the offsets (ADR 12): they are as committed as these are, whoever reads them next.

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use hark_log::{
    Counts, Effects, Outcome, Output, Record, Rejection, SessionConfig, Stage, TableSpec, Worker,
    worker::WorkerEvent,
};
use tokio_util::sync::CancellationToken;

use crate::fixture::{Fixture, Seen, beside, read_until};

fn keys(range: std::ops::Range<usize>) -> impl Iterator<Item = String> {
    range.map(|n| format!("key {n}"))
}

/// Feeds and works off these keys, a few at a time, and dies behind the last commit as a killed process would.
fn work_and_die(fixture: &Fixture, keys: std::ops::Range<usize>) {
    let mut stage = fixture.stage();
    stage.dies_after = Some(keys.len() as u64);
    let worker = fixture.start("once", stage);
    for few in keys.clone().step_by(8) {
        fixture.feed(self::keys(few..(few + 8).min(keys.end)));
        worker.wait_for_batch();
    }
    worker.wait_for_death();
    fixture.restart();
}

pub fn state_that_rides_with_the_offsets_survives_a_death(fixture: &Fixture) {
    work_and_die(fixture, 0..8);
    assert_eq!(fixture.read("state"), [], "a few changes need no records of their own");
    assert_eq!(fixture.totals().total(), 8, "the counts are there beside them");

    // What is aborted must not be taken for riding either.
    fixture.feed(keys(0..10));
    let mut stage = fixture.stage();
    stage.spoil_batches.store(2, Ordering::Relaxed);
    fixture.run_once(&mut stage);
    assert_eq!(stage.aborted, 2);
    assert_eq!(fixture.read("out").len(), 10, "two keys were new");
    assert_eq!(stage.entries, 10);
    assert_eq!(distinct(&fixture.read("state")), 10, "when it is quiet, all is written to its topic");
}

pub fn state_that_finds_no_room_beside_the_offsets_goes_to_its_topic(fixture: &Fixture) {
    work_and_die(fixture, 0..400);
    let written = distinct(&fixture.read("state"));
    assert!((1..400).contains(&written), "{written} of 400 are on their topic");
    for offset in fixture.offsets() {
        let length = offset.metadata.len();
        assert!(length <= Counts::METADATA_LIMIT_BYTES, "partition {}: {length} bytes", offset.partition);
    }
    fixture.feed(keys(0..410));
    fixture.run_once(&mut fixture.stage());
    assert_eq!(fixture.read("out").len(), 410, "ten keys were new");
    assert_eq!(distinct(&fixture.read("state")), 410);
}

pub fn a_worker_that_stops_in_good_order_leaves_no_state_beside_the_offsets(fixture: &Fixture) {
    let worker = fixture.start("once", fixture.stage());
    fixture.feed(keys(0..8));
    read_until(&*fixture.log(), &fixture.topic("out"), |keys| keys.len() == 8);
    worker.stop();
    assert_eq!(distinct(&fixture.read("state")), 8);
}

/// Counts in two tables how often it saw a key; every third time the second one forgets it. Says what it knew.
struct Count {
    out: Arc<str>,
    /// Dies when so many records are committed.
    dies_after: u64,
}

impl Stage for Count {
    fn process(&mut self, record: &Record<'_>, effects: &mut Effects<'_>) -> Outcome {
        let key = record.key.unwrap_or_default();
        let known = [0, 1].map(|table| effects.get(table, key).map_or(0, |(value, _)| value[0]));
        effects.put(0, key, Some(vec![known[0] + 1]));
        effects.put(1, key, (known[1] < 2).then(|| vec![known[1] + 1]));
        effects.emit(beside(record, &self.out, format!("{known:?}").as_bytes()));
        Outcome::Emitted
    }

    fn dead_letter(&mut self, record: &Record<'_>, _: &Rejection) -> Output {
        beside(record, &self.out, b"a dead letter")
    }

    fn observe(&mut self, event: WorkerEvent<'_>) {
        if let WorkerEvent::Committed(report) = event {
            let committed: u64 = report.counts.iter().map(|(_, counts)| counts.total()).sum();
            self.dies_after = self.dies_after.saturating_sub(committed);
            assert!(self.dies_after > 0, "dies as told");
        }
    }
}

pub fn of_a_key_that_changes_the_newest_is_known_wherever_it_is(fixture: &Fixture) {
    const KEYS: usize = 6;
    let log = fixture.log();
    let tables = ["state", "shared"].map(|name| fixture.topic(name));
    for round in 0..8 {
        fixture.feed(keys(0..KEYS));
        // In every third round it ends in good order, and all is written to the topics.
        let dies_after = if round % 3 == 2 { u64::MAX } else { KEYS as u64 };
        let lifetime = Duration::from_secs(35 * 86_400);
        let worker = Worker {
            stage: Count { out: fixture.topic("out").into(), dies_after },
            tables: tables
                .iter()
                .map(|topic| TableSpec {
                    topic: topic.as_str().into(),
                    lifetime: Arc::new(move |_| lifetime),
                })
                .collect(),
            shared: Vec::new(),
            once: true,
            log: &*log,
        };
        let config = fixture.session_config("once", CancellationToken::new());
        let config =
            SessionConfig { tables: tables.each_ref().map(|topic| topic.as_str().into()).to_vec(), ..config };
        let died = catch_unwind(AssertUnwindSafe(|| worker.run(config).unwrap())).is_err();
        assert_eq!(died, round % 3 != 2, "round {round}");
    }
    let out = fixture.read("out");
    let expected: Vec<String> = (0..8).map(|round| format!("{:?}", [round, round % 3])).collect();
    for key in keys(0..KEYS) {
        let told: Vec<&String> =
            out.iter().filter(|seen| seen.key == key).filter_map(|seen| seen.value.as_ref()).collect();
        assert_eq!(told, expected.iter().collect::<Vec<_>>(), "{key}");
    }
}

/// How many keys are there, each once.
fn distinct(state: &[Seen]) -> usize {
    let keys: HashSet<&str> = state.iter().map(|seen| seen.key.as_str()).collect();
    assert_eq!(keys.len(), state.len(), "no change is written twice");
    keys.len()
}
