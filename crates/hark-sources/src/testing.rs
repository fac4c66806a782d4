//! A log that remembers what was committed and does what the test says; the real ones are met in the workspace's `tests`.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

use hark_log::{CommitError, LogError, Output, Producer};
use hark_schema::partition::Topic;

use crate::{Factory, IngestTopics, Limits, Publisher, PublisherThread, SourceContext};

/// Longest any test waits for a condition.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// What the next commit does, instead of succeeding.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    Abort,
    Full,
    Lose,
    /// Succeeds, and says that the producer is lost.
    LoseAnswer,
    /// As without the right to write: a new producer would fare no better.
    Forbid,
    /// Answers only after [`quick`]'s bound of availability that the producer is lost.
    LoseLate,
    /// Waits until the test lets it go on, then succeeds.
    Hold,
}

#[derive(Default)]
struct State {
    transactions: Vec<Vec<Output>>,
    faults: VecDeque<Fault>,
    always: Option<Fault>,
    attempts: usize,
    held: bool,
    built: usize,
    refuse_key: Option<Vec<u8>>,
    /// There is no room for a transaction of more records.
    room: Option<usize>,
}

#[derive(Clone, Default)]
pub(crate) struct FakeLog(Arc<(Mutex<State>, Condvar)>);

impl FakeLog {
    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let result = act(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
        result
    }

    pub(crate) fn fail(&self, faults: &[Fault]) {
        self.with(|state| state.faults.extend(faults));
    }

    pub(crate) fn always(&self, fault: Option<Fault>) {
        self.with(|state| state.always = fault);
    }

    /// Records with this key are larger than the broker takes.
    pub(crate) fn refuse_key(&self, key: &[u8]) {
        self.with(|state| state.refuse_key = Some(key.to_vec()));
    }

    /// There is no room for what a transaction of more records brings about.
    pub(crate) fn make_room_for(&self, records: usize) {
        self.with(|state| state.room = Some(records));
    }

    pub(crate) fn release(&self) {
        self.with(|state| state.held = false);
    }

    fn until(&self, what: &str, mut done: impl FnMut(&State) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        let mut state = self.0.0.lock().unwrap();
        while !done(&state) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "still waiting until {what}");
            state = self.0.1.wait_timeout(state, left).unwrap().0;
        }
    }

    pub(crate) fn until_held(&self) {
        self.until("a commit is held", |state| state.held);
    }

    pub(crate) fn until_attempts(&self, attempts: usize) {
        self.until("enough commits were tried", |state| state.attempts >= attempts);
    }

    pub(crate) fn until_records(&self, topic: &str, records: usize) {
        self.until("enough records are committed", |state| {
            let there = state.transactions.iter().flatten().filter(|output| &*output.topic == topic).count();
            there >= records
        });
    }

    pub(crate) fn transactions(&self) -> Vec<Vec<Output>> {
        self.with(|state| state.transactions.clone())
    }

    pub(crate) fn committed(&self, topic: &str) -> Vec<Output> {
        self.transactions().into_iter().flatten().filter(|output| &*output.topic == topic).collect()
    }

    pub(crate) fn built(&self) -> usize {
        self.with(|state| state.built)
    }

    pub(crate) fn factory(&self) -> Factory {
        let log = self.clone();
        Box::new(move || {
            log.with(|state| state.built += 1);
            Ok(Box::new(log.clone()) as Box<dyn Producer>)
        })
    }

    pub(crate) fn publisher(&self, limits: Limits) -> (Publisher, PublisherThread) {
        Publisher::start(self.factory(), limits).unwrap()
    }
}

impl Producer for FakeLog {
    fn commit(&mut self, outputs: &[Output]) -> Result<(), CommitError> {
        let fault = self.with(|state| {
            state.attempts += 1;
            if state.room.is_some_and(|records| outputs.len() > records) {
                return Err(CommitError::Full { path: "hark.db".to_owned() });
            }
            if outputs.iter().any(|output| Some(&output.key) == state.refuse_key.as_ref()) {
                return Err(CommitError::TooLarge { source: "too large".into() });
            }
            let fault = state.faults.pop_front().or(state.always);
            if matches!(fault, Some(Fault::Hold)) {
                state.held = true;
            }
            Ok(fault)
        })?;
        match fault {
            Some(Fault::Abort) => return Err(CommitError::Aborted { source: "no".into() }),
            Some(Fault::Full) => return Err(CommitError::Full { path: "hark.db".to_owned() }),
            Some(lost @ (Fault::Lose | Fault::LoseLate | Fault::LoseAnswer)) => {
                if matches!(lost, Fault::LoseAnswer) {
                    self.with(|state| state.transactions.push(outputs.to_vec()));
                }
                if matches!(lost, Fault::LoseLate) {
                    let end = Instant::now() + quick().unavailable_after;
                    until("the brokers were away for long enough", || Instant::now() >= end);
                }
                let source = LogError::TimedOut { operation: "committing".to_owned(), limit: Duration::ZERO };
                return Err(CommitError::Lost { source: source.into() });
            }
            Some(Fault::Forbid) => {
                let source = LogError::NotAuthorised { operation: "writing".to_owned() };
                return Err(CommitError::Lost { source: source.into() });
            }
            Some(Fault::Hold) => self.until("the test lets go", |state| !state.held),
            None => {}
        }
        self.with(|state| state.transactions.push(outputs.to_vec()));
        Ok(())
    }
}

/// Waits for a condition that nobody announces.
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !done() {
        assert!(Instant::now() < deadline, "still waiting until {what}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

/// Limits that let a test see every kind of refusal without waiting.
pub(crate) fn quick() -> Limits {
    Limits {
        retry_waits: (Duration::from_millis(1), Duration::from_millis(5)),
        unavailable_after: Duration::from_millis(30),
        ..Limits::default()
    }
}

pub(crate) fn context(connector: &'static str) -> SourceContext {
    let topic = |name: &str| Topic { name: name.into(), partitions: 12 };
    SourceContext {
        tenant: "aurora".into(),
        source: "forum".into(),
        connector,
        version: "0.1.0".into(),
        keep_payload: false,
        backfill: false,
        config_revision: "r1".into(),
        topics: IngestTopics {
            posts: topic("hark.posts"),
            cursors: topic("hark.cursors"),
            dead_letters: topic("hark.dead-letters"),
        },
        counts: Arc::default(),
    }
}
