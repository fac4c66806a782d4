//! Laws about groups, fencing and open transactions; the embedded log has one owner and no open transactions.

use std::{
    collections::HashSet,
    ops::ControlFlow,
    time::{Duration, Instant},
};

use hark_log::{
    Change, CommitError, LogError, NextOffset, Session,
    kafka::{KafkaConfig, KafkaLog},
};
use hark_tests::deadline::wait_until;
use rdkafka::{
    ClientConfig,
    producer::{BaseProducer, BaseRecord, Producer as _},
};
use tokio_util::sync::CancellationToken;

use crate::{
    fixture::{DEADLINE, Fixture, PARTITIONS, read_until},
    wire::Wire,
};

/// A producer beside Hark, with a transaction left open on the state topic.
fn open_transaction(fixture: &Fixture, key: &str) -> BaseProducer {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &fixture.kafka_config().bootstrap_servers)
        .set("transactional.id", fixture.name("stranger"))
        .create()
        .unwrap();
    producer.init_transactions(DEADLINE).unwrap();
    producer.begin_transaction().unwrap();
    let topic = fixture.topic("state");
    producer.send(BaseRecord::to(&topic).partition(0).key(key).payload("seen")).unwrap();
    while producer.in_flight_count() > 0 {
        producer.poll(Duration::from_millis(1));
    }
    producer
}

#[test]
fn restoring_waits_for_an_open_transaction_instead_of_missing_what_follows() {
    let Some(fixture) = Fixture::kafka("open_transaction") else { return };
    // An open transaction on the state of partition 0, and committed state behind it.
    let stranger = open_transaction(&fixture, "before");
    let behind = fixture.output("state", "behind", "seen");
    fixture.log().producer(&fixture.name("writer")).unwrap().commit(&[behind]).unwrap();
    let log = fixture.log();
    let feed = ["before", "behind", "new"].map(|key| fixture.output("in", key, "v"));
    log.producer(&fixture.name("feeder")).unwrap().commit(&feed).unwrap();

    let worker = fixture.start("restoring", fixture.stage());
    let partitions_ready = read_until(&*log, &fixture.topic("out"), |_| true);
    assert!(partitions_ready.is_empty());
    stranger.commit_transaction(DEADLINE).unwrap();
    let keys = read_until(&*log, &fixture.topic("out"), |keys| !keys.is_empty());
    let stage = worker.stop();
    assert_eq!(keys, ["new"], "both keys of the state were known");
    assert_eq!(stage.restored, 2);
}

#[test]
fn restoring_ends_behind_an_aborted_transaction_at_the_tail() {
    let Some(fixture) = Fixture::kafka("aborted_tail") else { return };
    let known = fixture.output("state", "known", "seen");
    fixture.log().producer(&fixture.name("writer")).unwrap().commit(&[known]).unwrap();
    open_transaction(&fixture, "ghost").abort_transaction(DEADLINE).unwrap();
    let feed = ["known", "ghost"].map(|key| fixture.output("in", key, "v"));
    fixture.log().producer(&fixture.name("feeder")).unwrap().commit(&feed).unwrap();
    fixture.run_once(&mut fixture.stage());
    let keys: Vec<String> = fixture.read("out").into_iter().map(|seen| seen.key).collect();
    assert_eq!(keys, ["ghost"], "what was aborted is not known");
}

#[test]
fn handing_partitions_over_loses_and_repeats_nothing_and_state_follows() {
    let Some(fixture) = Fixture::kafka("handover") else { return };
    let log = fixture.log();
    let keys = |range: std::ops::Range<usize>| range.map(|n| format!("key {n}"));
    fixture.feed(keys(0..2_000));
    let first = fixture.start("first", fixture.stage());
    first.wait_for_batch();
    let second = fixture.start("second", fixture.stage());
    // The second one gets partitions, whose keys it never saw itself.
    second.wait_for_partitions();
    fixture.feed(keys(1_000..4_000));
    second.wait_for_batch();
    fixture.feed(keys(3_000..6_000));
    let out = read_until(&*log, &fixture.topic("out"), |keys| keys.len() >= 6_000);
    assert_eq!(out.iter().collect::<HashSet<_>>().len(), 6_000, "each key once");
    let (first, second) = (first.stop(), second.stop());
    assert!(!first.processed.is_empty() && !second.processed.is_empty(), "both worked");
    fixture.feed(keys(0..6_001));
    fixture.run_once(&mut fixture.stage());
    assert_eq!(fixture.read("out").len(), 6_001);
    assert_eq!(fixture.totals().total(), 2_000 + 3_000 + 3_000 + 6_001, "one outcome a record");
}

/// Polls a session, and keeps count of what it owns; whether anything changed.
fn follow(session: &mut dyn Session, owned: &mut HashSet<u32>) -> bool {
    let polled = session.poll(Duration::from_millis(50), &mut |_| ControlFlow::Continue(()));
    let changes = polled.unwrap();
    for change in &changes {
        match change {
            Change::Assigned(partitions) => owned.extend(partitions.iter().map(|at| at.partition)),
            Change::Revoked(partitions) => owned.retain(|partition| !partitions.contains(partition)),
        }
    }
    !changes.is_empty()
}

/// A session that owns all partitions, whose records do not flow yet.
fn owning(fixture: &Fixture, instance: &str) -> Box<dyn Session> {
    let config = fixture.session_config(instance, CancellationToken::new());
    let mut session = fixture.log().session(config).unwrap();
    let mut owned = HashSet::new();
    wait_until("all partitions are assigned", DEADLINE, || {
        follow(&mut *session, &mut owned);
        owned.len() == PARTITIONS as usize
    });
    session
}

/// A session that has read what is there and not committed it.
fn holding(fixture: &Fixture, instance: &str) -> (Box<dyn Session>, Vec<NextOffset>) {
    let mut session = owning(fixture, instance);
    session.resume(&(0..PARTITIONS).collect::<Vec<_>>()).unwrap();
    let mut next = vec![None; PARTITIONS as usize];
    let until = Instant::now() + DEADLINE;
    while next.iter().all(Option::is_none) {
        assert!(Instant::now() < until, "no records came");
        let polled = session.poll(Duration::from_millis(100), &mut |record| {
            next[record.partition as usize] = Some(record.offset + 1);
            ControlFlow::Continue(())
        });
        assert_eq!(polled.unwrap(), [], "the assignment stays");
    }
    let next = (0..).zip(next).filter_map(|(partition, offset)| {
        Some(NextOffset { partition, offset: offset?, metadata: String::new() })
    });
    (session, next.collect())
}

#[test]
fn a_zombie_whose_transactional_id_was_taken_over_is_fenced() {
    let Some(fixture) = Fixture::kafka("zombie_producer") else { return };
    fixture.feed(["a".to_owned()]);
    let (mut zombie, next) = holding(&fixture, "worker");
    drop(fixture.log().producer(&fixture.name("worker")).unwrap());
    let committed = zombie.commit(&[fixture.output("out", "a", "zombie")], &next);
    assert!(matches!(committed, Err(CommitError::Lost { .. })), "{committed:?}");
    assert_eq!(fixture.read("out"), []);
    assert!(fixture.offsets().iter().all(|offset| offset.committed.is_none()));
}

#[test]
fn a_zombie_whose_place_in_the_group_was_taken_is_fenced_with_and_without_outputs() {
    let Some(fixture) = Fixture::kafka("zombie_member") else { return };
    fixture.feed(["a".to_owned()]);
    for outputs in [vec![fixture.output("out", "a", "zombie")], Vec::new()] {
        let (mut zombie, next) = holding(&fixture, "worker");
        // The same member name with another transactional id: only the group's metadata can fence the zombie.
        let mut twin = fixture.session_config("worker", CancellationToken::new());
        twin.transactional_id = fixture.name("twin");
        let mut twin = fixture.log().session(twin).unwrap();
        let until = Instant::now() + DEADLINE;
        while twin.poll(Duration::from_millis(100), &mut |_| ControlFlow::Continue(())).unwrap().is_empty() {
            assert!(Instant::now() < until, "the twin never joined");
        }
        let committed = zombie.commit(&outputs, &next);
        assert!(committed.is_err(), "with {} outputs the zombie commits", outputs.len());
        assert_eq!(fixture.read("out"), []);
        assert!(fixture.offsets().iter().all(|offset| offset.committed.is_none()));
    }
}

#[test]
fn a_worker_whose_instance_name_is_taken_ends_and_names_it() {
    let Some(fixture) = Fixture::kafka("twin") else { return };
    fixture.feed(["a".to_owned()]);
    let first = fixture.start("same", fixture.stage());
    first.wait_for_batch();
    let second = fixture.start("same", fixture.stage());
    // Which one is up to them: the first may notice that its producer is fenced, build itself anew and fence the second. They may
    // go on like that until one has no rebuild left, which says the same.
    wait_until("one of the twins ends", DEADLINE, || first.has_ended() || second.has_ended());
    let (ended, other) = if first.has_ended() { (first, second) } else { (second, first) };
    let error = ended.join();
    let told = error.to_string();
    assert!(told.contains(&fixture.name("same")) && told.contains("another process"), "{told}: {error:?}");
    other.stop();
}

#[test]
fn a_worker_that_was_fenced_once_builds_itself_anew_and_goes_on() {
    let Some(fixture) = Fixture::kafka("rebuild") else { return };
    let log = fixture.log();
    fixture.feed(["a".to_owned()]);
    let worker = fixture.start("worker", fixture.stage());
    worker.wait_for_batch();
    // Fences the worker's producer, as a transaction that outlived its timeout would.
    drop(log.producer(&fixture.name("worker")).unwrap());
    fixture.feed(["a", "b", "c"].map(str::to_owned));
    let mut out = read_until(&*log, &fixture.topic("out"), |keys| keys.len() >= 3);
    out.sort();
    assert_eq!(out, ["a", "b", "c"]);
    let stage = worker.stop();
    assert_eq!((stage.rebuilt, stage.aborted), (1, 1), "what was lost with the producer was aborted");
}

#[test]
fn partitions_that_a_killed_member_gave_up_get_an_owner() {
    let Some(fixture) = Fixture::kafka("ownerless") else { return };
    let open =
        |instance| fixture.log().session(fixture.session_config(instance, CancellationToken::new())).unwrap();
    // Dies when it is to give up half of them, before it can join again, which would have let the other one have them.
    let dying = owning(&fixture, "dying");
    let (mut waiting, mut owned) = (open("waiting"), [HashSet::new(), HashSet::new()]);
    wait_until("the second member has joined", DEADLINE, || follow(&mut *waiting, &mut owned[0]));
    assert!(owned[0].is_empty(), "they are not given up yet");
    // A static member takes leave of nobody; a rebalance waits for it here, which once kept it from closing.
    drop(dying);
    // Its place is still there, so the group sees no reason to hand out anything.
    let mut again = open("dying");
    wait_until("each partition has an owner", DEADLINE, || {
        follow(&mut *waiting, &mut owned[0]);
        follow(&mut *again, &mut owned[1]);
        owned[0].len() + owned[1].len() == PARTITIONS as usize
    });
    assert!(owned.iter().all(|owned| !owned.is_empty()), "both have some: {owned:?}");
}

#[test]
fn a_record_over_the_topics_own_limit_becomes_a_dead_letter_and_the_rest_goes_on() {
    let Some(fixture) = Fixture::kafka("small_topic") else { return };
    fixture.limit_record_size("out", 2_000);
    let mut stage = fixture.stage();
    stage.padding_of = Some(("large".to_owned(), 50_000));
    fixture.feed((0..50).map(|n| format!("key {n}")).chain(["large".to_owned(), "last".to_owned()]));
    fixture.run_once(&mut stage);
    assert_eq!(fixture.read("out").len(), 51);
    let letters: Vec<String> = fixture.read("dead").into_iter().map(|seen| seen.key).collect();
    assert_eq!(letters, ["large"]);
}

#[test]
fn a_dead_letter_that_the_broker_refuses_ends_the_worker_and_says_what_to_raise() {
    let Some(fixture) = Fixture::kafka("small_letters") else { return };
    fixture.limit_record_size("dead", 2_000);
    fixture.feed(["good", "bad"].map(str::to_owned));
    let stage = || {
        let mut stage = fixture.stage();
        stage.padding_of = Some(("bad".to_owned(), 50_000));
        stage
    };
    let error = fixture.start("worker", stage()).join();
    assert!(error.to_string().contains("raise `max.message.bytes`"), "{error}");
    // Somebody does, and the record that waited becomes its dead letter.
    fixture.limit_record_size("dead", 1_000_000);
    fixture.run_once(&mut stage());
    let letters: Vec<String> = fixture.read("dead").into_iter().map(|seen| seen.key).collect();
    assert_eq!(letters, ["bad"]);
    assert_eq!(fixture.totals().total(), 2, "one outcome a record");
}

#[test]
fn restoring_ends_where_nothing_but_a_control_record_is_left() {
    let Some(fixture) = Fixture::kafka("control_record") else { return };
    let known = fixture.output("state", "known", "seen");
    fixture.log().producer(&fixture.name("writer")).unwrap().commit(&[known]).unwrap();
    fixture.delete_records("state", 0, 1);
    fixture.feed(["known".to_owned()]);
    fixture.run_once(&mut fixture.stage());
    assert_eq!(fixture.read("out").len(), 1, "what retention took is not known any more");
}

#[test]
fn restoring_and_reading_end_where_retention_takes_everything_meanwhile() {
    let Some(fixture) = Fixture::kafka("retention") else { return };
    let log = fixture.log();
    let known: Vec<_> = (0..10).map(|n| fixture.output("state", &format!("{n}"), "seen")).collect();
    log.producer(&fixture.name("writer")).unwrap().commit(&known).unwrap();
    let mut reader = log.reader(&fixture.topic("state"), hark_log::From::Start).unwrap();
    let mut session = owning(&fixture, "worker");
    session.begin_restore(&[0]).unwrap();
    // Its ends are known; now the records go, whether they were fetched already or not. The last is the control record.
    fixture.delete_records("state", 0, 11);
    wait_until("restoring ends", DEADLINE, || {
        session.restore(Duration::from_millis(100), &mut |_, _| {}).unwrap() == [0]
    });
    wait_until("reading ends", DEADLINE, || reader.read(Duration::from_millis(100), &mut |_| {}).unwrap());
}

#[test]
fn what_is_written_again_after_an_abort_is_not_taken_for_a_repeat_of_what_was_aborted() {
    let Some(wire) = Wire::start() else { return };
    let fixture = Fixture::at(&wire.address, "written_again");
    let record = fixture.output("out", "a", "1");
    let mut producer = fixture.log().producer(&fixture.name("writer")).unwrap();
    // The broker has the record, and the producer never hears of it.
    wire.lose_answers(true);
    let aborted = producer.commit(std::slice::from_ref(&record));
    assert!(matches!(aborted, Err(CommitError::Aborted { .. })), "{aborted:?}");
    wire.lose_answers(false);
    producer.commit(&[record]).unwrap();
    assert_eq!(fixture.read("out").len(), 1, "what was committed is there");
}

#[test]
fn a_broker_that_does_not_answer_is_named() {
    let config = KafkaConfig {
        bootstrap_servers: "127.0.0.1:1".to_owned(),
        topic_prefix: "hark".to_owned(),
        properties: Vec::new(),
    };
    let Err(error) = KafkaLog::open(config) else { panic!("nobody is there") };
    assert!(matches!(error, LogError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
}
