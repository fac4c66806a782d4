//! Who sends: clients of the webhook that repeat a body until it is accepted, as real ones do, and a program that appends to a file.

use std::{
    fs::File,
    io::Write as _,
    net::SocketAddr,
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use hark_tests::{http, random::Random};

use crate::{
    life::{self, Step},
    pause,
};

/// Lives that go on at the same time at one sender.
const AT_ONCE: usize = 30;
/// Posts of one body; each of another life, since a body that is sent again brings all of them again.
const A_BODY: usize = 8;
/// Between two bodies, or two writes to the file.
const EVERY: Duration = Duration::from_millis(40);
/// A client that is told to wait waits for so long at most: the proof is to go on.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// Whoever is refused for so long has lost its webhook.
const PATIENCE: Duration = Duration::from_secs(120);

/// A life that was sent and accepted to its end.
pub struct Sent {
    pub source: &'static str,
    pub id: String,
    pub steps: Vec<Step>,
}

/// What senders and the rest tell each other.
#[derive(Default)]
pub struct Signals {
    /// No new life begins; those that have begun go on to their end.
    pub enough: AtomicBool,
    /// Posts accepted so far.
    pub accepted: AtomicU64,
    /// Tries that were not accepted: refused, or cut off.
    pub retries: AtomicU64,
}

struct Lives {
    prefix: String,
    source: &'static str,
    begun: usize,
    going_on: Vec<(Sent, usize)>,
    done: Vec<Sent>,
}

impl Lives {
    fn new(prefix: &str, source: &'static str) -> Self {
        Self { prefix: prefix.to_owned(), source, begun: 0, going_on: Vec::new(), done: Vec::new() }
    }

    /// Whether there is anything to send.
    fn refill(&mut self, signals: &Signals, random: &mut Random) -> bool {
        while self.going_on.len() < AT_ONCE && !signals.enough.load(Ordering::Relaxed) {
            let id = format!("{}-{}", self.prefix, self.begun);
            self.begun += 1;
            self.going_on.push((Sent { source: self.source, id, steps: life::live(random) }, 0));
        }
        !self.going_on.is_empty()
    }

    fn line(&self, at: usize) -> String {
        let (sent, next) = &self.going_on[at];
        sent.steps[*next].json(&sent.id)
    }

    fn advance(&mut self, at: usize) {
        self.going_on[at].1 += 1;
        if self.going_on[at].1 == self.going_on[at].0.steps.len() {
            self.done.push(self.going_on.swap_remove(at).0);
        }
    }
}

/// A client that always speaks to the same worker, as behind a balancer that keeps a client where it was.
pub fn post(name: &str, worker: SocketAddr, signals: &Signals, mut random: Random) -> Vec<Sent> {
    let mut lives = Lives::new(name, "shop");
    while lives.refill(signals, &mut random) {
        let size = 1 + random.below(A_BODY.min(lives.going_on.len()));
        let begin = random.below(lives.going_on.len() + 1 - size);
        let lines: Vec<String> = (begin..begin + size).map(|at| lives.line(at)).collect();
        accepted(worker, &format!("[{}]", lines.join(",")), signals);
        signals.accepted.fetch_add(size as u64, Ordering::Relaxed);
        // From behind: a life that ends leaves its place to another.
        for at in (begin..begin + size).rev() {
            lives.advance(at);
        }
        pause(EVERY);
    }
    lives.done
}

/// Sends a body again until the answer is 200.
pub fn accepted(worker: SocketAddr, body: &str, signals: &Signals) {
    let end = Instant::now() + PATIENCE;
    loop {
        let wait = match http::post(worker, body) {
            Ok(answer) => match answer.status {
                200 => return,
                400 | 408 | 429 | 503 => retry_after(&answer.head).unwrap_or(EVERY).min(LONGEST_WAIT),
                status => panic!("{status} for a good body: {}", answer.body),
            },
            Err(_) => EVERY,
        };
        signals.retries.fetch_add(1, Ordering::Relaxed);
        assert!(Instant::now() < end, "nothing accepted at {worker} for {PATIENCE:?}");
        pause(wait.max(EVERY));
    }
}

fn retry_after(head: &str) -> Option<Duration> {
    let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with("retry-after:"))?;
    line.split(':').nth(1)?.trim().parse().ok().map(Duration::from_secs)
}

/// Appends lines to a file, now and then half of one first.
pub fn write(path: &Path, signals: &Signals, mut random: Random) -> Vec<Sent> {
    let mut lives = Lives::new("f", "forum");
    let mut file = File::create(path).unwrap();
    while lives.refill(signals, &mut random) {
        let mut lines = String::new();
        let count = 1 + random.below(15);
        for written in 0..count {
            if lives.going_on.is_empty() {
                break;
            }
            let at = random.below(lives.going_on.len());
            lines.push_str(&lives.line(at));
            lines.push('\n');
            lives.advance(at);
            signals.accepted.fetch_add(1, Ordering::Relaxed);
            // The next version of the same post in the same batch, often.
            while random.percent(40)
                && written > 0
                && lives.going_on.get(at).is_some_and(|(_, next)| *next > 0)
            {
                lines.push_str(&lives.line(at));
                lines.push('\n');
                lives.advance(at);
                signals.accepted.fetch_add(1, Ordering::Relaxed);
            }
        }
        let cut = if random.percent(20) { random.below(lines.len()) } else { 0 };
        file.write_all(&lines.as_bytes()[..cut]).unwrap();
        pause(EVERY / 2);
        file.write_all(&lines.as_bytes()[cut..]).unwrap();
        pause(EVERY / 2);
    }
    lives.done
}
