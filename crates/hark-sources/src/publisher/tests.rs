use std::{sync::Arc, time::Duration};

use hark_log::Output;
use tokio_util::sync::CancellationToken;

use super::{Limits, NotCommitted, Pending, Publisher, PublisherError, SubmitError, Tally};
use crate::testing::{FakeLog, Fault, quick, until};

const GRACE: Duration = Duration::from_secs(10);

fn record(key: &str, bytes: usize) -> Output {
    Output {
        topic: "hark.posts".into(),
        partition: 0,
        key: key.into(),
        value: Some(vec![b'x'; bytes]),
        headers: Vec::new(),
        timestamp_ms: None,
    }
}

fn keys(outputs: &[Output]) -> Vec<String> {
    outputs.iter().map(|output| String::from_utf8(output.key.clone()).unwrap()).collect()
}

fn tally() -> Tally {
    Tally { counts: Arc::default(), accepted: 1, rejected: Vec::new() }
}

/// One record, which rests on cursors that were read in this epoch, if in any.
fn submit_in(publisher: &Publisher, key: &str, epoch: Option<u64>) -> Pending {
    let never = CancellationToken::new();
    publisher.submit_patiently(vec![record(key, 1)], tally(), epoch, &never).unwrap().unwrap()
}

fn wait(publisher: &Publisher, pending: &mut Pending) -> Result<(), NotCommitted> {
    publisher.wait(pending, &CancellationToken::new()).unwrap()
}

#[test]
fn submissions_that_wait_together_share_one_transaction_in_their_order() {
    let log = FakeLog::default();
    log.fail(&[Fault::Hold]);
    let (publisher, thread) = log.publisher(Limits::default());
    let mut first = publisher.submit(vec![record("a", 1)]).unwrap();
    log.until_held();
    let mut later: Vec<_> =
        ["b", "c", "d"].map(|key| publisher.submit(vec![record(key, 1), record(key, 1)]).unwrap()).into();
    log.release();

    assert_eq!(wait(&publisher, &mut first), Ok(()));
    for pending in &mut later {
        assert_eq!(wait(&publisher, pending), Ok(()));
    }
    let transactions: Vec<_> = log.transactions().iter().map(|outputs| keys(outputs)).collect();
    assert_eq!(transactions, [vec!["a"], vec!["b", "b", "c", "c", "d", "d"]]);
    assert_eq!(publisher.stats().uncommitted_bytes, 0);
    thread.stop(GRACE).unwrap();
}

#[test]
fn a_transaction_holds_no_more_records_than_its_bound_but_never_splits_a_submission() {
    let log = FakeLog::default();
    log.fail(&[Fault::Hold]);
    let (publisher, thread) = log.publisher(Limits { transaction_records: 3, ..Limits::default() });
    let mut pending = vec![publisher.submit(vec![record("a", 1)]).unwrap()];
    log.until_held();
    for (key, records) in [("b", 2), ("c", 2), ("d", 5), ("e", 1)] {
        pending.push(publisher.submit(vec![record(key, 1); records]).unwrap());
    }
    log.release();
    for pending in &mut pending {
        wait(&publisher, pending).unwrap();
    }
    let sizes: Vec<_> = log.transactions().iter().map(Vec::len).collect();
    assert_eq!(sizes, [1, 2, 2, 5, 1]);
    thread.stop(GRACE).unwrap();
}

#[test]
fn more_uncommitted_bytes_than_the_bound_are_refused_as_busy() {
    let log = FakeLog::default();
    log.fail(&[Fault::Hold]);
    let (publisher, thread) = log.publisher(Limits { uncommitted_bytes: 1000, ..Limits::default() });
    let mut large = publisher.submit(vec![record("a", 5000)]).expect("alone it is taken, whatever its size");
    log.until_held();
    assert_eq!(publisher.submit(vec![record("b", 1)]).unwrap_err(), SubmitError::Busy);
    log.release();
    wait(&publisher, &mut large).unwrap();
    wait(&publisher, &mut publisher.submit(vec![record("b", 1)]).unwrap()).unwrap();
    thread.stop(GRACE).unwrap();
}

#[test]
fn an_aborted_transaction_is_tried_again_with_the_same_submissions() {
    let log = FakeLog::default();
    log.fail(&[Fault::Abort, Fault::Full, Fault::Abort]);
    let (publisher, thread) = log.publisher(quick());
    let mut pending = publisher.submit(vec![record("a", 1), record("b", 1)]).unwrap();
    assert_eq!(wait(&publisher, &mut pending), Ok(()));
    assert_eq!(log.transactions().iter().map(|outputs| keys(outputs)).collect::<Vec<_>>(), [["a", "b"]]);
    assert_eq!(
        (publisher.stats().aborted, publisher.stats().committed, publisher.stats().records),
        (3, 1, 2)
    );
    thread.stop(GRACE).unwrap();
}

#[test]
fn commits_that_keep_failing_make_it_unavailable_until_one_succeeds() {
    let log = FakeLog::default();
    log.always(Some(Fault::Abort));
    let (publisher, thread) = log.publisher(quick());
    let mut pending = publisher.submit(vec![record("a", 1)]).unwrap();
    until("it is unavailable", || !publisher.is_available());
    assert_eq!(publisher.submit(vec![record("b", 1)]).unwrap_err(), SubmitError::Unavailable);
    log.always(None);
    assert_eq!(wait(&publisher, &mut pending), Ok(()));
    assert!(publisher.is_available());
    thread.stop(GRACE).unwrap();
}

#[test]
fn a_commit_that_hangs_makes_it_unavailable_too() {
    let log = FakeLog::default();
    log.fail(&[Fault::Hold]);
    let (publisher, thread) = log.publisher(quick());
    let _pending = publisher.submit(vec![record("a", 1)]).unwrap();
    until("it is unavailable", || !publisher.is_available());
    log.until_held();
    log.release();
    until("it is available", || publisher.is_available());
    thread.stop(GRACE).unwrap();
}

#[test]
fn a_full_disk_makes_it_unavailable_at_once() {
    let log = FakeLog::default();
    log.always(Some(Fault::Full));
    let (publisher, thread) = log.publisher(Limits { unavailable_after: GRACE, ..quick() });
    let mut pending = publisher.submit(vec![record("a", 1)]).unwrap();
    until("it is unavailable", || !publisher.is_available());
    log.always(None);
    assert_eq!(wait(&publisher, &mut pending), Ok(()));
    thread.stop(GRACE).unwrap();
}

#[test]
fn a_lost_producer_is_built_anew_and_the_records_go_out_once() {
    let log = FakeLog::default();
    log.fail(&[Fault::Lose, Fault::Lose]);
    let (publisher, thread) = log.publisher(quick());
    let mut pending = publisher.submit(vec![record("a", 1)]).unwrap();
    assert_eq!(wait(&publisher, &mut pending), Ok(()));
    let stats = publisher.stats();
    assert_eq!((log.built(), stats.rebuilt, stats.aborted, log.transactions().len()), (3, 2, 2, 1));
    thread.stop(GRACE).unwrap();
}

#[test]
fn what_rests_on_cursors_goes_back_to_its_source_when_the_producer_begins_anew() {
    let log = FakeLog::default();
    log.fail(&[Fault::Hold, Fault::Abort]);
    let (publisher, thread) = log.publisher(quick());
    let submit = |key, epoch| submit_in(&publisher, key, epoch);
    let epoch = Some(publisher.epoch());
    let mut first = submit("first", epoch);
    log.until_held();
    let (mut file, mut webhook) = (submit("file", epoch), submit("webhook", None));
    log.release();
    assert_eq!(wait(&publisher, &mut first), Ok(()));
    assert_eq!(wait(&publisher, &mut file), Err(NotCommitted::Superseded));
    assert_eq!(wait(&publisher, &mut webhook), Ok(()));
    assert_eq!(wait(&publisher, &mut submit("late", epoch)), Err(NotCommitted::Superseded));
    assert_eq!(wait(&publisher, &mut submit("again", Some(publisher.epoch()))), Ok(()));
    let written: Vec<_> = log.transactions().iter().flat_map(|outputs| keys(outputs)).collect();
    assert_eq!(written, ["first", "webhook", "again"]);
    assert_eq!(publisher.stats().uncommitted_bytes, 0);
    thread.stop(GRACE).unwrap();
}

#[test]
fn what_stands_behind_a_piece_that_is_too_large_for_the_broker_goes_back_to_its_file() {
    let log = FakeLog::default();
    log.fail(&[Fault::Hold]);
    log.refuse_key(b"large");
    let (publisher, thread) = log.publisher(quick());
    let mut first = publisher.submit(vec![record("first", 1)]).unwrap();
    log.until_held();
    let epoch = Some(publisher.epoch());
    let mut pieces = ["large", "behind"].map(|key| submit_in(&publisher, key, epoch));
    let mut webhook = publisher.submit(vec![record("webhook", 1)]).unwrap();
    log.release();
    assert_eq!(wait(&publisher, &mut first), Ok(()));
    assert_eq!(wait(&publisher, &mut pieces[0]), Err(NotCommitted::TooLarge));
    assert_eq!(
        wait(&publisher, &mut pieces[1]),
        Err(NotCommitted::Superseded),
        "its cursor is past the other"
    );
    assert_eq!(wait(&publisher, &mut webhook), Ok(()));
    thread.stop(GRACE).unwrap();
}

#[test]
fn what_there_is_no_room_for_together_is_written_piece_by_piece() {
    let log = FakeLog::default();
    log.fail(&[Fault::Hold]);
    log.make_room_for(1);
    let (publisher, thread) = log.publisher(quick());
    let mut first = publisher.submit(vec![record("a", 1)]).unwrap();
    log.until_held();
    let mut later = ["b", "c", "d"].map(|key| publisher.submit(vec![record(key, 1)]).unwrap());
    log.release();
    assert_eq!(wait(&publisher, &mut first), Ok(()));
    for pending in &mut later {
        assert_eq!(wait(&publisher, pending), Ok(()), "the sources would have stopped for good");
    }
    let transactions: Vec<_> = log.transactions().iter().map(|outputs| keys(outputs)).collect();
    assert_eq!(transactions, [["a"], ["b"], ["c"], ["d"]]);
    thread.stop(GRACE).unwrap();
}

#[test]
fn a_third_loss_within_five_minutes_ends_the_thread_and_everybody_learns_of_it() {
    let log = FakeLog::default();
    log.always(Some(Fault::Lose));
    let (publisher, thread) = log.publisher(quick());
    let mut pending = publisher.submit(vec![record("a", 1)]).unwrap();
    assert_eq!(wait(&publisher, &mut pending), Err(NotCommitted::Stopped));
    until("the end is told", || thread.ended().is_cancelled());
    assert_eq!(publisher.submit(vec![record("b", 1)]).unwrap_err(), SubmitError::Stopped);
    let ended = thread.stop(GRACE).unwrap_err();
    assert!(matches!(ended, PublisherError::LostAgain { times: 2, .. }), "{ended}");
}

#[test]
fn a_producer_that_may_not_write_ends_the_thread_at_once_and_says_why() {
    let log = FakeLog::default();
    log.always(Some(Fault::Forbid));
    let (publisher, thread) = log.publisher(quick());
    let mut pending = publisher.submit(vec![record("a", 1)]).unwrap();
    assert_eq!(wait(&publisher, &mut pending), Err(NotCommitted::Stopped));
    let ended = thread.stop(GRACE).unwrap_err();
    assert!(matches!(ended, PublisherError::Producer(_)), "{ended}");
    assert_eq!(log.built(), 1, "nothing is built anew");
}

#[test]
fn producers_lost_because_the_brokers_were_away_do_not_end_the_thread() {
    let log = FakeLog::default();
    log.fail(&[Fault::LoseLate; 4]);
    let (publisher, thread) = log.publisher(quick());
    let mut pending = publisher.submit(vec![record("a", 1)]).unwrap();
    assert_eq!(wait(&publisher, &mut pending), Ok(()));
    assert_eq!(publisher.stats().rebuilt, 4);
    thread.stop(GRACE).unwrap();
}

#[test]
fn a_record_over_the_logs_bound_is_refused_before_it_is_sent() {
    let log = FakeLog::default();
    let (publisher, thread) = log.publisher(Limits::default());
    let refused =
        publisher.submit(vec![record("a", 1), record("b", hark_log::MAX_RECORD_BYTES)]).unwrap_err();
    assert!(matches!(refused, SubmitError::TooLarge { .. }));
    thread.stop(GRACE).unwrap();
    assert!(log.transactions().is_empty());
}

#[test]
fn a_record_that_the_broker_finds_too_large_spoils_only_its_own_submission() {
    let log = FakeLog::default();
    log.refuse_key(b"huge");
    log.fail(&[Fault::Hold]);
    let (publisher, thread) = log.publisher(Limits::default());
    let _first = publisher.submit(vec![record("a", 1)]).unwrap();
    log.until_held();
    let [mut b, mut huge, mut c] =
        ["b", "huge", "c"].map(|key| publisher.submit(vec![record(key, 1)]).unwrap());
    log.release();
    assert_eq!(wait(&publisher, &mut b), Ok(()));
    assert_eq!(wait(&publisher, &mut huge), Err(NotCommitted::TooLarge));
    assert_eq!(wait(&publisher, &mut c), Ok(()));
    assert_eq!(publisher.stats().uncommitted_bytes, 0);
    thread.stop(GRACE).unwrap();
    assert_eq!(keys(&log.committed("hark.posts")), ["a", "b", "c"]);
}

#[test]
fn stopping_writes_what_was_accepted_and_takes_nothing_more() {
    let log = FakeLog::default();
    log.fail(&[Fault::Hold]);
    let (publisher, thread) = log.publisher(Limits::default());
    let mut pending: Vec<_> = vec![publisher.submit(vec![record("a", 1)]).unwrap()];
    log.until_held();
    pending.push(publisher.submit(vec![record("b", 1)]).unwrap());
    log.release();
    thread.stop(GRACE).unwrap();
    assert_eq!(publisher.submit(vec![record("c", 1)]).unwrap_err(), SubmitError::Stopped);
    for pending in &mut pending {
        assert_eq!(Publisher::outcome(pending), Some(Ok(())));
    }
    assert_eq!(keys(&log.committed("hark.posts")), ["a", "b"]);
}

#[test]
fn stopping_while_the_log_is_away_ends_in_time_and_says_what_was_left() {
    let log = FakeLog::default();
    log.always(Some(Fault::Abort));
    let (publisher, thread) = log.publisher(quick());
    let mut pending = publisher.submit(vec![record("a", 1), record("b", 1)]).unwrap();
    log.until_attempts(1);
    let ended = thread.stop(Duration::from_millis(50)).unwrap_err();
    assert!(matches!(ended, PublisherError::Abandoned { records: 2 }), "{ended}");
    assert_eq!(wait(&publisher, &mut pending), Err(NotCommitted::Stopped));
}

#[test]
fn a_patient_submission_waits_for_room_or_for_its_cancellation() {
    let log = FakeLog::default();
    log.fail(&[Fault::Hold]);
    let (publisher, thread) = log.publisher(Limits { uncommitted_bytes: 10, ..Limits::default() });
    let _held = publisher.submit(vec![record("a", 10)]).unwrap();
    log.until_held();
    let cancelled = CancellationToken::new();
    cancelled.cancel();
    assert!(publisher.submit_patiently(vec![record("b", 1)], tally(), None, &cancelled).unwrap().is_none());
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            publisher
                .submit_patiently(vec![record("c", 1)], tally(), None, &CancellationToken::new())
                .unwrap()
        });
        log.release();
        let mut pending = waiting.join().unwrap().unwrap();
        assert_eq!(wait(&publisher, &mut pending), Ok(()));
    });
    thread.stop(GRACE).unwrap();
}
