//! A table that every worker holds whole: read from all partitions, written in the stage's own transaction, read on while
//! the worker runs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use hark_log::{
    Effects, Outcome, Output, Record, Rejection, SessionConfig, SharedTableSpec, Stage, TableSpec, Worker,
    worker::WorkerEvent,
};
use tokio_util::sync::CancellationToken;

use crate::fixture::{DEADLINE, Fixture, PARTITIONS, beside};

/// Emits what is known of the word that a key begins with, then remembers the key under that word: `new`, or the key before.
struct LastOfWord {
    out: Arc<str>,
    spoil_batches: AtomicUsize,
    spoilt: bool,
    aborted: usize,
    entries: usize,
    batches: Sender<()>,
}

impl Stage for &mut LastOfWord {
    fn process(&mut self, record: &Record<'_>, effects: &mut Effects<'_>) -> Outcome {
        let key = record.key.unwrap_or_default();
        let word = key.split(|&byte| byte == b' ').next().unwrap_or_default();
        let last = effects.get(1, word).map_or_else(|| b"new".to_vec(), |(value, _)| value.to_vec());
        let output = beside(record, &self.out, &last);
        if !self.spoilt && self.spoil_batches.load(Ordering::Relaxed) > 0 {
            self.spoil_batches.fetch_sub(1, Ordering::Relaxed);
            self.spoilt = true;
            effects.emit(Output { partition: PARTITIONS + 87, ..output.clone() });
        }
        effects.put(0, key, Some(b"seen".to_vec()));
        effects.put(1, word, Some(key.to_vec()));
        if key.ends_with(b"bad") {
            return Outcome::Rejected(Rejection { class: "undecodable", error: "it is bad".to_owned() });
        }
        effects.emit(output);
        Outcome::Emitted
    }

    fn dead_letter(&mut self, record: &Record<'_>, _: &Rejection) -> Output {
        beside(record, &self.out, b"rejected")
    }

    fn observe(&mut self, event: WorkerEvent<'_>) {
        match event {
            WorkerEvent::Aborted { .. } => {
                self.spoilt = false;
                self.aborted += 1;
            }
            WorkerEvent::Lag { entries, .. } => self.entries = entries[1],
            WorkerEvent::Committed(_) => {
                // Nobody may be listening any more.
                self.batches.send(()).ok();
            }
            _ => {}
        }
    }
}

fn stage(fixture: &Fixture) -> (LastOfWord, Receiver<()>) {
    let (batches, committed) = mpsc::channel();
    let stage = LastOfWord {
        out: fixture.topic("out").into(),
        spoil_batches: AtomicUsize::new(0),
        spoilt: false,
        aborted: 0,
        entries: 0,
        batches,
    };
    (stage, committed)
}

/// Where a word lies: by its first byte, unlike the partition of any record that names it.
fn partition_of(key: &[u8]) -> u32 {
    u32::from(key.first().copied().unwrap_or_default()) % PARTITIONS
}

fn run(fixture: &Fixture, stage: &mut LastOfWord, group: &str, once: bool, shutdown: CancellationToken) {
    let lifetime = Duration::from_secs(35 * 86_400);
    let table =
        |name: &str| TableSpec { topic: fixture.topic(name).into(), lifetime: Arc::new(move |_| lifetime) };
    let shared = SharedTableSpec { table: table("shared"), partition_of: Arc::new(partition_of) };
    let log = fixture.log();
    let name = fixture.name(group);
    Worker { stage, tables: vec![table("state")], shared: vec![shared], once, log: &*log }
        .run(SessionConfig {
            group: name.clone(),
            input: fixture.topic("in").into(),
            tables: vec![fixture.topic("state").into()],
            transactional_id: name.clone(),
            instance: Some(name),
            shutdown,
        })
        .unwrap();
}

fn run_once(fixture: &Fixture, stage: &mut LastOfWord) {
    run(fixture, stage, "shared", true, CancellationToken::new());
}

/// What was known when each key was processed.
fn known(fixture: &Fixture) -> Vec<(String, String)> {
    let mut known: Vec<_> =
        fixture.read("out").into_iter().map(|seen| (seen.key, seen.value.unwrap_or_default())).collect();
    known.sort();
    known
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// Fed one by one, so that the order is that of the log, whichever partitions they fall into.
fn feed_in_order(fixture: &Fixture, stage: &mut LastOfWord, keys: &[&str]) {
    for key in keys {
        fixture.feed([(*key).to_owned()]);
        run_once(fixture, stage);
    }
}

pub fn what_any_partition_wrote_is_known_to_all(fixture: &Fixture) {
    let (mut stage, _committed) = stage(fixture);
    feed_in_order(fixture, &mut stage, &["hen 1", "hen 2", "cow 1", "hen 3"]);
    fixture.restart();
    feed_in_order(fixture, &mut stage, &["cow 2", "hen 4"]);
    let expected = [
        ("cow 1", "new"),
        ("cow 2", "cow 1"),
        ("hen 1", "new"),
        ("hen 2", "hen 1"),
        ("hen 3", "hen 2"),
        ("hen 4", "hen 3"),
    ];
    assert_eq!(known(fixture), pairs(&expected));
    assert_eq!(stage.entries, 2);
    for seen in fixture.read("shared") {
        assert_eq!(seen.partition, partition_of(seen.key.as_bytes()), "{}", seen.key);
    }
}

pub fn later_records_of_a_batch_see_what_it_wrote_to_a_shared_table(fixture: &Fixture) {
    // The same partition each, so that the order is known.
    fixture.feed(["hen a", "hen a", "hen a"].map(str::to_owned));
    let (mut stage, _committed) = stage(fixture);
    run_once(fixture, &mut stage);
    assert_eq!(known(fixture), pairs(&[("hen a", "hen a"), ("hen a", "hen a"), ("hen a", "new")]));
}

pub fn an_aborted_batch_leaves_nothing_in_a_shared_table(fixture: &Fixture) {
    fixture.feed(["hen a", "hen a"].map(str::to_owned));
    let (mut stage, _committed) = stage(fixture);
    stage.spoil_batches.store(2, Ordering::Relaxed);
    run_once(fixture, &mut stage);
    assert_eq!(stage.aborted, 2);
    assert_eq!(known(fixture), pairs(&[("hen a", "hen a"), ("hen a", "new")]));
}

pub fn a_rejected_record_leaves_nothing_in_a_shared_table(fixture: &Fixture) {
    let (mut stage, _committed) = stage(fixture);
    feed_in_order(fixture, &mut stage, &["hen bad", "hen 1"]);
    assert_eq!(known(fixture), pairs(&[("hen 1", "new"), ("hen bad", "rejected")]));
}

/// Newer than whatever the worker writes, and not so far ahead that a broker refuses it.
fn soon_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_secs(1_800);
    i64::try_from(since.as_millis()).unwrap()
}

pub fn what_others_write_to_a_shared_table_is_read_on(fixture: &Fixture) {
    let (mut stage, committed) = stage(fixture);
    let shutdown = CancellationToken::new();
    std::thread::scope(|scope| {
        // Ends the worker also where an assertion below fails.
        let stop = shutdown.clone().drop_guard();
        let running = scope.spawn(|| run(fixture, &mut stage, "shared", false, shutdown.clone()));
        fixture.feed(["hen 1".to_owned()]);
        committed.recv_timeout(DEADLINE).expect("the first is worked off");
        let newer = Output {
            partition: partition_of(b"hen"),
            timestamp_ms: Some(soon_ms()),
            ..fixture.output("shared", "hen", "from elsewhere")
        };
        fixture.log().producer(&fixture.name("other")).unwrap().commit(&[newer]).unwrap();
        // It is read on within moments; until then the worker knows what it wrote itself.
        let until = Instant::now() + DEADLINE;
        let mut number = 2;
        let mut seen: Vec<String> = Vec::new();
        while !seen.contains(&"from elsewhere".to_owned()) {
            assert!(Instant::now() < until, "{seen:?}");
            fixture.feed([format!("hen {number}")]);
            committed.recv_timeout(DEADLINE).expect("the next is worked off");
            seen = fixture.read("out").into_iter().filter_map(|seen| seen.value).collect();
            number += 1;
        }
        drop(stop);
        running.join().unwrap();
    });
}
