//! The laws of the log, each a test, each run against both backends; those about groups, zombies and fencing on Kafka only, since the
//! embedded log has one owner.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by failing")]

mod fixture;
mod journal;
mod kafka_only;
mod shared;
mod wire;

use std::{
    collections::BTreeMap,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use fixture::{Fixture, PARTITIONS, Seen};
use hark_log::{CommitError, Counts, From, Output};
use journal::{
    a_worker_that_stops_in_good_order_leaves_no_state_beside_the_offsets,
    of_a_key_that_changes_the_newest_is_known_wherever_it_is,
    state_that_finds_no_room_beside_the_offsets_goes_to_its_topic,
    state_that_rides_with_the_offsets_survives_a_death,
};
use shared::{
    a_rejected_record_leaves_nothing_in_a_shared_table, an_aborted_batch_leaves_nothing_in_a_shared_table,
    later_records_of_a_batch_see_what_it_wrote_to_a_shared_table, what_any_partition_wrote_is_known_to_all,
    what_others_write_to_a_shared_table_is_read_on,
};

macro_rules! on_both_logs {
    ($($law:ident,)*) => {
        mod embedded {
            $(#[test] fn $law() { super::$law(&super::Fixture::embedded()); })*
        }
        mod kafka {
            $(#[test] fn $law() {
                if let Some(fixture) = super::Fixture::kafka(stringify!($law)) { super::$law(&fixture); }
            })*
        }
    };
}

on_both_logs!(
    outputs_state_and_offsets_commit_together,
    an_aborted_transaction_leaves_no_trace,
    an_aborted_batch_comes_again_and_yields_the_same_outputs,
    a_repeat_is_seen_within_a_batch_across_batches_and_after_a_restart,
    records_come_in_order_of_their_partition,
    state_is_restored_after_a_restart,
    a_record_that_cannot_be_worked_on_stops_only_itself,
    counts_in_the_offset_metadata_add_up_to_the_records_read,
    an_idle_group_shows_no_lag,
    once_on_an_empty_log_ends,
    shutdown_in_mid_work_loses_and_repeats_nothing,
    a_reader_sees_headers_keys_tombstones_and_timestamps,
    read_to_end_ends_at_the_end,
    topics_are_created_once_and_described,
    a_missing_topic_is_named,
    what_any_partition_wrote_is_known_to_all,
    later_records_of_a_batch_see_what_it_wrote_to_a_shared_table,
    an_aborted_batch_leaves_nothing_in_a_shared_table,
    a_rejected_record_leaves_nothing_in_a_shared_table,
    what_others_write_to_a_shared_table_is_read_on,
    state_that_rides_with_the_offsets_survives_a_death,
    state_that_finds_no_room_beside_the_offsets_goes_to_its_topic,
    a_worker_that_stops_in_good_order_leaves_no_state_beside_the_offsets,
    of_a_key_that_changes_the_newest_is_known_wherever_it_is,
);

fn outputs_state_and_offsets_commit_together(fixture: &Fixture) {
    fixture.feed((0..500).map(|n| format!("key {n}")));
    fixture.run_once(&mut fixture.stage());
    assert_eq!(fixture.read("out").len(), 500);
    assert_eq!(fixture.read("state").len(), 500, "each new key writes its state once");
    for offset in fixture.offsets() {
        assert_eq!(offset.committed, Some(offset.end), "partition {}", offset.partition);
    }
    fixture.run_once(&mut fixture.stage());
    assert_eq!(fixture.read("out").len(), 500, "a second run finds nothing to do");
}

fn an_aborted_transaction_leaves_no_trace(fixture: &Fixture) {
    let log = fixture.log();
    let mut producer = log.producer(&fixture.name("writer")).unwrap();
    let good = fixture.output("out", "a", "1");
    let bad = Output { partition: PARTITIONS + 87, ..good.clone() };
    let refused = producer.commit(&[good.clone(), bad]);
    assert!(matches!(refused, Err(CommitError::Aborted { .. })), "{refused:?}");
    assert_eq!(fixture.read("out"), [], "nothing of the aborted transaction is there");
    producer.commit(&[good]).unwrap();
    assert_eq!(fixture.read("out").len(), 1, "the producer goes on");
}

fn an_aborted_batch_comes_again_and_yields_the_same_outputs(fixture: &Fixture) {
    // Each key twice: were state of the aborted batch kept, all would look like repeats the second time, and be lost.
    fixture.feed((0..200).map(|n| format!("key {}", n % 100)));
    let mut stage = fixture.stage();
    stage.spoil_batches.store(3, Ordering::Relaxed);
    fixture.run_once(&mut stage);
    assert_eq!(stage.spoil_batches.load(Ordering::Relaxed), 0, "batches were spoilt");
    assert_eq!(stage.aborted, 3);
    let out = fixture.read("out");
    assert_eq!(out.len(), 100, "each key once");
    assert!(out.iter().all(|seen| seen.value.as_deref() == Some("first")), "none counted the aborted tries");
    let totals = fixture.totals();
    assert_eq!((totals.get("emitted"), totals.get("repeat"), totals.total()), (100, 100, 200));
}

fn a_repeat_is_seen_within_a_batch_across_batches_and_after_a_restart(fixture: &Fixture) {
    fixture.feed(["a", "a", "b"].map(str::to_owned));
    fixture.run_once(&mut fixture.stage());
    fixture.feed(["a", "c"].map(str::to_owned));
    fixture.run_once(&mut fixture.stage());
    fixture.restart();
    fixture.feed(["b", "c", "d"].map(str::to_owned));
    fixture.run_once(&mut fixture.stage());
    let mut keys: Vec<String> = fixture.read("out").into_iter().map(|seen| seen.key).collect();
    keys.sort();
    assert_eq!(keys, ["a", "b", "c", "d"]);
}

fn records_come_in_order_of_their_partition(fixture: &Fixture) {
    fixture.feed((0..3_000).map(|n| format!("{n}")));
    let mut stage = fixture.stage();
    fixture.run_once(&mut stage);
    let mut last = BTreeMap::new();
    for (partition, offset) in stage.processed {
        let before = last.insert(partition, offset);
        assert!(
            before.is_none_or(|before| before < offset),
            "partition {partition}: {before:?} then {offset}"
        );
    }
    assert_eq!(last.len(), PARTITIONS as usize, "every partition had records");
}

fn state_is_restored_after_a_restart(fixture: &Fixture) {
    fixture.feed((0..5_000).map(|n| format!("key {n}")));
    fixture.run_once(&mut fixture.stage());
    fixture.restart();
    fixture.feed((0..5_010).map(|n| format!("key {n}")));
    let mut stage = fixture.stage();
    fixture.run_once(&mut stage);
    assert_eq!(fixture.read("out").len(), 5_010, "only ten keys were new");
    assert_eq!(stage.restored, 5_000);
    assert_eq!(stage.entries, 5_010);
}

fn a_record_that_cannot_be_worked_on_stops_only_itself(fixture: &Fixture) {
    fixture.feed(["a", "bad", "panic", "huge", "b"].map(str::to_owned));
    fixture.run_once(&mut fixture.stage());
    let mut keys: Vec<String> = fixture.read("out").into_iter().map(|seen| seen.key).collect();
    keys.sort();
    assert_eq!(keys, ["a", "b"], "and nothing half done of the others");
    let mut letters: Vec<_> =
        fixture.read("dead").into_iter().map(|seen| (seen.key, seen.value.unwrap_or_default())).collect();
    letters.sort();
    let classes: Vec<(&str, &str)> =
        letters.iter().map(|(key, class)| (key.as_str(), class.as_str())).collect();
    assert_eq!(classes, [("bad", "undecodable"), ("huge", "too_large"), ("panic", "panicked")]);
    let state: Vec<String> = fixture.read("state").into_iter().map(|seen| seen.key).collect();
    assert_eq!(state.len(), 2, "a rejected record leaves no state: {state:?}");
    assert_eq!(fixture.totals().total(), 5);
}

fn counts_in_the_offset_metadata_add_up_to_the_records_read(fixture: &Fixture) {
    for round in 0..3 {
        fixture.feed(
            (0..400).map(|n| if n % 10 == 0 { "bad".to_owned() } else { format!("{}", n * (round + 1)) }),
        );
        fixture.run_once(&mut fixture.stage());
        for offset in fixture.offsets() {
            let counts = Counts::from_metadata(&offset.metadata);
            let read = fixture.read("in").iter().filter(|seen| seen.partition == offset.partition).count();
            assert_eq!(counts.total(), read as u64, "partition {}", offset.partition);
        }
        fixture.restart();
    }
    let totals = fixture.totals();
    assert_eq!((totals.total(), totals.get("rejected_undecodable")), (1_200, 120));
    assert_eq!(totals.get("emitted"), fixture.read("out").len() as u64);
}

fn an_idle_group_shows_no_lag(fixture: &Fixture) {
    // The last record of a transactional topic is a control record that no consumer is given.
    fixture.feed(["a", "b", "c"].map(str::to_owned));
    let mut producer = fixture.log().producer(&fixture.name("writer")).unwrap();
    let bad = Output { partition: PARTITIONS + 87, ..fixture.output("in", "x", "x") };
    assert!(producer.commit(&[fixture.output("in", "a", "aborted"), bad]).is_err());
    fixture.run_once(&mut fixture.stage());
    for offset in fixture.offsets() {
        assert_eq!(offset.committed.unwrap_or_default(), offset.end, "partition {}", offset.partition);
    }
    assert_eq!(fixture.totals().total(), 3, "control and aborted records count as none");
}

fn once_on_an_empty_log_ends(fixture: &Fixture) {
    fixture.run_once(&mut fixture.stage());
    assert_eq!(fixture.read("out"), []);
}

fn shutdown_in_mid_work_loses_and_repeats_nothing(fixture: &Fixture) {
    let keys = 60_000;
    for round in 0..3 {
        fixture.feed((0..20_000).map(|n| format!("key {round} {n}")));
        let worker = fixture.start("mid", fixture.stage());
        worker.wait_for_batch();
        let stopped = Instant::now();
        worker.stop();
        assert!(stopped.elapsed() < Duration::from_secs(5), "stopping took {:?}", stopped.elapsed());
    }
    fixture.run_once(&mut fixture.stage());
    assert_eq!(fixture.read("out").len(), keys);
    assert_eq!(fixture.totals().total(), keys as u64);
}

fn a_reader_sees_headers_keys_tombstones_and_timestamps(fixture: &Fixture) {
    let headers = vec![hark_log::Header::new("traceparent", "00-1-2-01"), hark_log::Header::new("empty", "")];
    let full = Output { headers, timestamp_ms: Some(1_790_000_000_000), ..fixture.output("out", "k", "v") };
    let tombstone = Output { value: None, ..full.clone() };
    fixture.log().producer(&fixture.name("writer")).unwrap().commit(&[full, tombstone]).unwrap();
    let seen = fixture.read("out");
    let expected = Seen {
        partition: 0,
        offset: 0,
        timestamp_ms: 1_790_000_000_000,
        key: "k".to_owned(),
        value: Some("v".to_owned()),
        headers: vec![
            ("traceparent".to_owned(), "00-1-2-01".to_owned()),
            ("empty".to_owned(), String::new()),
        ],
    };
    assert_eq!(seen, [expected.clone(), Seen { offset: 1, value: None, ..expected }]);
    let from = |from: From| {
        let mut count = 0;
        let mut reader = fixture.log().reader(&fixture.topic("out"), from).unwrap();
        while !reader.read(Duration::ZERO, &mut |_| count += 1).unwrap() {}
        count
    };
    assert_eq!((from(From::Start), from(From::Offset(1)), from(From::End)), (2, 1, 0));
    assert_eq!((from(From::Timestamp(1_790_000_000_000)), from(From::Timestamp(1_790_000_000_001))), (2, 0));
}

fn read_to_end_ends_at_the_end(fixture: &Fixture) {
    fixture.feed((0..1_000).map(|n| format!("{n}")));
    let mut count = 0;
    fixture
        .log()
        .read_to_end(&fixture.topic("in"), &[1, 2], &mut |record| {
            assert!(record.partition == 1 || record.partition == 2);
            count += 1;
        })
        .unwrap();
    let expected =
        fixture.read("in").iter().filter(|seen| seen.partition == 1 || seen.partition == 2).count();
    assert_eq!(count, expected);
}

fn topics_are_created_once_and_described(fixture: &Fixture) {
    let specs = fixture.specs();
    fixture.log().create_topics(&specs).unwrap();
    let topics = fixture.log().topics().unwrap();
    for spec in &specs {
        let found =
            topics.iter().find(|topic| topic.name == spec.name).unwrap_or_else(|| panic!("{}", spec.name));
        assert_eq!(
            (found.partitions, found.cleanup, found.retention),
            (spec.partitions, spec.cleanup, spec.retention)
        );
    }
}

fn a_missing_topic_is_named(fixture: &Fixture) {
    let Err(error) = fixture.log().reader(&fixture.topic("nowhere"), From::Start) else {
        panic!("it is not there")
    };
    assert!(error.to_string().contains("nowhere does not exist: run `hark topics create`"), "{error}");
}
