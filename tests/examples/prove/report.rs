//! What a crash proof found, for people and for machines.

use crate::{verdict::Verdict, watch::Seen};

pub struct Report {
    pub title: String,
    pub seed: u64,
    pub broken: Option<String>,
    pub kills: usize,
    pub frozen: usize,
    /// Workers that came or went.
    pub moved: usize,
    pub brokers: usize,
    pub filled: usize,
    pub retries: u64,
    pub seen: Seen,
    /// Processes that ended by themselves and were started again.
    pub ended: Vec<String>,
    /// What did not end well at the end.
    pub complaints: Vec<String>,
    pub verdict: Verdict,
    pub seconds: f64,
}

impl Report {
    pub fn is_good(&self) -> bool {
        self.verdict.is_good() && self.complaints.is_empty()
    }

    pub fn print(&self) {
        let verdict = &self.verdict;
        println!("{}, seed {}, {:.0} s", self.title, self.seed, self.seconds);
        for (name, value) in [
            ("killed with -9", self.kills),
            ("frozen past their session", self.frozen),
            ("workers added or removed", self.moved),
            ("brokers killed", self.brokers),
            ("disk filled", self.filled),
            ("posts accepted", verdict.posts),
            ("records of posts", verdict.records),
            ("records on queues", verdict.items),
            ("lost", verdict.lost),
            ("doubled", verdict.doubled),
            ("out of order", verdict.out_of_order),
        ] {
            println!("  {name:<28} {value:>9}");
        }
        println!("  {:<28} {:>9}", "not counted once", verdict.miscounted);
        println!("  {:<28} {:>9}", "tries of clients in vain", self.retries);
        let (stall, ended) = (self.seen.stall.as_secs_f64(), self.seen.stall_ended.as_secs_f64());
        println!("  {:<28} {stall:>9.1} s (until {ended:.1} s)", "longest stall of the queues");
        for line in verdict.faults.iter().chain(&self.complaints) {
            println!("  wrong: {line}");
        }
        for line in &self.ended {
            println!("  started again: {line}");
        }
    }

    pub fn json(&self) -> serde_json::Value {
        let verdict = &self.verdict;
        serde_json::json!({
            "on": self.title,
            "seed": self.seed,
            "broken": self.broken,
            "seconds": self.seconds,
            "kills": self.kills,
            "frozen": self.frozen,
            "workers_added_or_removed": self.moved,
            "brokers_killed": self.brokers,
            "disk_filled": self.filled,
            "posts_accepted": verdict.posts,
            "records_of_posts": verdict.records,
            "records_on_queues": verdict.items,
            "lost": verdict.lost,
            "doubled": verdict.doubled,
            "out_of_order": verdict.out_of_order,
            "not_counted_once": verdict.miscounted,
            "client_retries": self.retries,
            "longest_stall_seconds": self.seen.stall.as_secs_f64(),
            "started_again": self.ended,
            "wrong": verdict.faults.iter().chain(&self.complaints).collect::<Vec<_>>(),
            "good": self.is_good(),
        })
    }

    /// One line.
    pub fn summary(&self) -> String {
        let verdict = &self.verdict;
        format!(
            "{}: {} posts, {} kills: {} lost, {} doubled, {} out of order, {} miscounted, longest stall {:.1} s",
            self.title,
            verdict.posts,
            self.kills,
            verdict.lost,
            verdict.doubled,
            verdict.out_of_order,
            verdict.miscounted,
            self.seen.stall.as_secs_f64()
        )
    }
}
