//! Changes of state that ride with the offsets (ADR 12): they are as committed as these are, whoever reads them next.

use std::{collections::HashSet, sync::atomic::Ordering};

use hark_log::Counts;

use crate::fixture::{Fixture, Seen};

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
    worker.wait_for_batch();
    worker.stop();
    // It may have been told to stop before it had read all; what it did is on the topic.
    assert_eq!(fixture.read("state").len(), fixture.read("out").len());
}

/// How many keys are there, each once.
fn distinct(state: &[Seen]) -> usize {
    let keys: HashSet<&str> = state.iter().map(|seen| seen.key.as_str()).collect();
    assert_eq!(keys.len(), state.len(), "no change is written twice");
    keys.len()
}
