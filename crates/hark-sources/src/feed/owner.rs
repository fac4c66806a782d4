//! Who polls which feed: the members of one group on the topic of cursors share its partitions, and whoever owns the partition of a
//! feed's cursor polls it.
//!
//! The group only says who should; that nobody else does is the producer's fence. So a worker that has lost a partition without
//! having noticed writes nothing more, and a feed is never published by two.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use hark_log::{Change, CommitError, Log, RebuildBudget, Session, SessionConfig, SessionError, pause};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    Feed, FeedError, cursor,
    poll::{PollError, Poller},
    whole,
};

/// How long one look at the group waits: it bounds how late a feed is begun and a shutdown noticed.
const LOOK: Duration = Duration::from_millis(100);
/// First and longest wait before a feed or the membership is begun anew after a loss.
const RESTART_WAITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// A feed that fails is asked less often: up to this many times its interval doubled.
const MAX_BACKOFF: u32 = 4;

/// The feeds of a process, polled until shutdown.
pub struct Feeds {
    thread: JoinHandle<Result<(), FeedError>>,
    assigned: Arc<AtomicBool>,
}

impl Feeds {
    /// Joins the group and polls what it is given. `member` names the group, the topic of cursors and this worker.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(feeds: Vec<Feed>, log: Arc<dyn Log>, member: SessionConfig) -> Result<Self, FeedError> {
        let assigned = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&assigned);
        let thread = thread::Builder::new()
            .name("feeds".to_owned())
            .spawn(move || Owner { feeds, log, member, told, running: BTreeMap::new() }.run())
            .map_err(FeedError::Thread)?;
        Ok(Self { thread, assigned })
    }

    /// Whether the group has told which feeds are ours, be it none.
    #[must_use]
    pub fn is_assigned(&self) -> bool {
        self.assigned.load(Ordering::Relaxed)
    }

    /// Whether the thread has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits for the end that shutdown brings, at most `grace`: a server that is slow to answer is not waited for, because
    /// nothing of an unfinished page is written.
    ///
    /// # Errors
    /// What ended the feeds.
    pub fn join(self, grace: Duration) -> Result<(), FeedError> {
        let until = Instant::now() + grace;
        while !self.thread.is_finished() && Instant::now() < until {
            thread::park_timeout(Duration::from_millis(10));
        }
        if self.thread.is_finished() {
            self.thread.join().unwrap_or(Err(FeedError::Panicked))
        } else {
            Ok(())
        }
    }
}

/// Polls each feed once, whatever its interval or its server's wishes, side by side. Takes them over from whoever polls them.
///
/// # Errors
/// The feeds that failed, each in a log line; the last one's error.
pub fn poll_once(feeds: &[Feed], log: &dyn Log, shutdown: &CancellationToken) -> Result<(), FeedError> {
    let poll = |feed: &Feed| -> Result<(), FeedError> {
        let once = || {
            let opened = Poller::open(feed, log, shutdown.clone());
            let mut poller = opened.map_err(|error| FeedError::Log(Box::new(error)))?;
            Ok(poller.poll(Timestamp::now()))
        };
        let polled = match once()? {
            // An abort is no reason to leave the feed for the next run.
            Err(PollError::Lost(error)) if matches!(*error, CommitError::Aborted { .. }) => once()?,
            polled => polled,
        };
        match polled {
            Ok(()) | Err(PollError::Stopped) => Ok(()),
            Err(error) => {
                let source = feed.context.source.to_string();
                Err(FeedError::Poll { source_name: source, error: Box::new(error) })
            }
        }
    };
    thread::scope(|scope| {
        let threads: Vec<_> = feeds.iter().map(|feed| scope.spawn(|| poll(feed))).collect();
        let mut result = Ok(());
        for thread in threads {
            let polled = thread.join().unwrap_or(Err(FeedError::Panicked));
            if let Err(error) = polled {
                warn!(error = whole(&error), "a feed failed");
                result = Err(error);
            }
        }
        result
    })
}

struct Owner {
    feeds: Vec<Feed>,
    log: Arc<dyn Log>,
    member: SessionConfig,
    told: Arc<AtomicBool>,
    /// By the feed's place in `feeds`.
    running: BTreeMap<usize, Running>,
}

struct Running {
    cancel: CancellationToken,
    /// `None` while it waits to be begun anew.
    thread: Option<JoinHandle<Result<(), PollError>>>,
    wait: Duration,
    begin_at: Instant,
}

impl Owner {
    fn run(mut self) -> Result<(), FeedError> {
        let mut budget = RebuildBudget::default();
        let mut wait = RESTART_WAITS.0;
        while !self.member.shutdown.is_cancelled() {
            let opened = self.log.session(self.member.clone()).map_err(SessionError::from);
            let ended = match opened {
                Ok(mut session) => self.follow(&mut *session),
                Err(error) => Err(error),
            };
            self.own(&BTreeSet::new());
            let Err(error) = ended else { break };
            if !error.is_loss() {
                return Err(FeedError::Member(Box::new(error)));
            }
            if matches!(error, SessionError::Log(_)) {
                budget.excuse();
            }
            if !budget.spend(Instant::now()) {
                return Err(FeedError::Member(Box::new(error)));
            }
            warn!(error = whole(&error), "lost the group of feeds: joining anew");
            pause(&self.member.shutdown, wait);
            wait = (wait * 2).min(RESTART_WAITS.1);
        }
        // A thread that waits for a server notices when the process ends.
        let until = Instant::now() + LOOK;
        while Instant::now() < until && self.running.values().any(Running::is_alive) {
            thread::park_timeout(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Keeps running what the group gives us.
    fn follow(&mut self, session: &mut dyn Session) -> Result<(), SessionError> {
        let mut partitions: BTreeSet<u32> = BTreeSet::new();
        while !self.member.shutdown.is_cancelled() {
            // The partitions stay paused: the cursors are read where they are needed.
            for change in session.poll(LOOK, &mut |_| ControlFlow::Continue(()))? {
                match change {
                    Change::Assigned(assigned) => {
                        partitions.extend(assigned.iter().map(|assigned| assigned.partition));
                        self.told.store(true, Ordering::Relaxed);
                    }
                    Change::Revoked(revoked) => partitions.retain(|number| !revoked.contains(number)),
                }
            }
            self.own(&partitions);
        }
        Ok(())
    }

    /// Begins the feeds of these partitions that do not run, and ends all others.
    fn own(&mut self, partitions: &BTreeSet<u32>) {
        for (index, feed) in self.feeds.iter().enumerate() {
            let ours = partitions.contains(&feed.partition());
            match (ours, self.running.get_mut(&index)) {
                (true, Some(running)) => running.keep(feed, &self.log),
                (true, None) => {
                    info!(source = &*feed.context.source, "this worker polls the feed");
                    let mut running = Running::new(&self.member.shutdown);
                    running.keep(feed, &self.log);
                    self.running.insert(index, running);
                }
                (false, Some(running)) => {
                    info!(source = &*feed.context.source, "another worker polls the feed from here on");
                    running.cancel.cancel();
                    self.running.remove(&index);
                }
                (false, None) => {}
            }
        }
    }
}

impl Running {
    fn new(shutdown: &CancellationToken) -> Self {
        Self { cancel: shutdown.child_token(), thread: None, wait: RESTART_WAITS.0, begin_at: Instant::now() }
    }

    fn is_alive(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Begins its thread, or begins it anew after a loss. Called after a fresh look at the group: it is ours still.
    fn keep(&mut self, feed: &Feed, log: &Arc<dyn Log>) {
        if self.is_alive() || self.cancel.is_cancelled() {
            return;
        }
        if let Some(thread) = self.thread.take() {
            let source = &*feed.context.source;
            match thread.join() {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    warn!(source, error = whole(&error), "the feed's producer is lost: beginning anew");
                }
                Err(_) => warn!(source, "the feed's thread panicked: beginning anew"),
            }
            if self.begin_at.elapsed() >= RebuildBudget::WINDOW {
                // It went well for long: what happened now has nothing to do with what happened then.
                self.wait = RESTART_WAITS.0;
            }
            self.begin_at = Instant::now() + self.wait;
            self.wait = (self.wait * 2).min(RESTART_WAITS.1);
        }
        if Instant::now() < self.begin_at {
            return;
        }
        let (feed, log, cancel) = (feed.clone(), Arc::clone(log), self.cancel.clone());
        let name = format!("feed-{}", feed.context.source);
        let spawned = thread::Builder::new().name(name).spawn(move || poll_on(&feed, &*log, &cancel));
        match spawned {
            Ok(thread) => self.thread = Some(thread),
            Err(error) => {
                warn!(%error, "no thread for a feed: trying again");
                self.begin_at = Instant::now() + self.wait;
            }
        }
    }
}

/// Polls a feed whenever it is due, until it is not ours any more.
fn poll_on(feed: &Feed, log: &dyn Log, cancel: &CancellationToken) -> Result<(), PollError> {
    let mut poller = match Poller::open(feed, log, cancel.clone()) {
        Ok(poller) => poller,
        Err(error) => {
            warn!(
                source = &*feed.context.source,
                error = whole(&error),
                "the feed's cursor cannot be read: trying again"
            );
            // Begun anew by the owner, after a wait.
            return Ok(());
        }
    };
    let mut failures = 0;
    let mut retry_at = None;
    while !cancel.is_cancelled() {
        let now = Timestamp::now();
        let due = poller.due_ms(now.as_millisecond()) <= now.as_millisecond();
        if !due || retry_at.is_some_and(|at| Instant::now() < at) {
            pause(cancel, LOOK);
            continue;
        }
        match poller.poll(now) {
            Ok(()) => (failures, retry_at) = (0, None),
            Err(PollError::Stopped) => return Ok(()),
            Err(lost @ PollError::Lost(_)) => return Err(lost),
            Err(error) => {
                let wait = feed.every * 2_u32.pow(failures);
                failures = (failures + 1).min(MAX_BACKOFF);
                retry_at = Some(Instant::now() + wait);
                warn!(
                    source = &*feed.context.source,
                    error = whole(&error),
                    ?wait,
                    "the feed failed: trying again later"
                );
            }
        }
    }
    Ok(())
}

impl Feed {
    /// The partition of its cursor.
    fn partition(&self) -> u32 {
        self.context.topics.cursors.partition_of(cursor::key(&self.context).as_bytes())
    }
}
