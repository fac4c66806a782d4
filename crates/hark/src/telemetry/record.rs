//! One function for each thing that is measured, so that a name, its labels and their order stand in one place.
//!
//! Counters move after the commit: what was aborted has not happened.

use std::time::Duration;

use hark_log::Counts;
#[cfg(test)]
use hark_log::Outcome;
use metrics::{counter, gauge, histogram};

use crate::telemetry::metrics as names;
use crate::telemetry::metrics::{StageMetrics, rejections};

/// A stage behind the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// From posts to mentions.
    Enrich,
    /// From mentions to items.
    Route,
}

impl Stage {
    /// As it appears in topics, groups and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Enrich => "enrich",
            Self::Route => "route",
        }
    }

    fn names(self) -> &'static StageMetrics {
        match self {
            Self::Enrich => &names::ENRICH,
            Self::Route => &names::ROUTE,
        }
    }
}

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// All of it is there.
    Committed,
    /// None of it is there.
    Aborted,
}

impl Ended {
    fn label(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Aborted => "aborted",
        }
    }
}

/// The version of this program.
pub fn build() {
    gauge!(names::BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

/// The configuration in force; call once it is loaded.
pub fn config(revision: &str) {
    gauge!(names::CONFIG_INFO, "revision" => revision.to_owned()).set(1.0);
}

/// Another configuration took the place of `before`.
pub fn config_taken(before: &str, revision: &str) {
    gauge!(names::CONFIG_INFO, "revision" => before.to_owned()).set(0.0);
    config(revision);
    counter!(names::CONFIG_RELOADS, "result" => "taken").increment(1);
    config_refused(false);
}

/// A changed configuration was refused.
pub fn config_turned_away() {
    counter!(names::CONFIG_RELOADS, "result" => "refused").increment(1);
    config_refused(true);
}

/// Whether what the file says is refused at present.
pub fn config_refused(refused: bool) {
    gauge!(names::CONFIG_REFUSED).set(if refused { 1.0 } else { 0.0 });
}

/// Bytes free on the disk of the embedded log.
pub fn disk_free(bytes: u64) {
    gauge!(names::LOG_DISK_FREE_BYTES).set(count(bytes));
}

/// Shows the counters of what may go wrong in the stage from 0 on: Prometheus sees no increase in a counter whose first value
/// is 1, and the first dead letter is the one to be told of.
pub fn stage(stage: Stage) {
    for reason in rejections().filter(|reason| reason.stages.split(", ").any(|name| name == stage.name())) {
        counter!(stage.names().records, "outcome" => "rejected", "reason" => reason.name).increment(0);
    }
    counter!(stage.names().transactions, "result" => Ended::Aborted.label()).increment(0);
    counter!(stage.names().rebuilds).increment(0);
}

/// These outcomes are committed.
pub fn records(stage: Stage, counts: &Counts) {
    for (name, count) in counts.iter() {
        let (outcome, reason) = match name.strip_prefix("rejected_") {
            _ if name == "emitted" => ("emitted", ""),
            Some(class) => ("rejected", class),
            None => ("dropped", name),
        };
        counter!(stage.names().records, "outcome" => outcome, "reason" => reason.to_owned()).increment(count);
    }
}

/// How far a stage is behind in one partition.
pub fn lag(stage: Stage, partition: u32, records: u64, behind: Duration) {
    let partition = partition.to_string();
    gauge!(stage.names().lag_records, "partition" => partition.clone()).set(count(records));
    gauge!(stage.names().lag_seconds, "partition" => partition).set(behind.as_secs_f64());
}

/// One worker thread of the stage now works on so many partitions; it was `before`. The gauge is the sum over the
/// process's threads.
pub fn assigned_partitions(stage: Stage, before: usize, now: usize) {
    change(&gauge!(stage.names().assigned_partitions), before, now);
}

/// A batch was worked off and its transaction ended.
pub fn batch(stage: Stage, ended: Ended, took: Duration) {
    counter!(stage.names().transactions, "result" => ended.label()).increment(1);
    if ended == Ended::Committed {
        histogram!(stage.names().batch_seconds).record(took);
    }
}

/// The stage's log client was thrown away and built anew.
pub fn log_rebuilt(stage: Stage) {
    counter!(stage.names().rebuilds).increment(1);
}

/// One worker thread of the stage now holds so many entries in `store` (`seen`, `items`, `threads`, `contacts`); it
/// was `before`. The gauge is the sum over the process's threads.
pub fn state_entries(stage: Stage, store: &'static str, before: usize, now: usize) {
    change(&gauge!(stage.names().state_entries, "store" => store), before, now);
}

/// The state of newly assigned partitions has been read.
pub fn restored(stage: Stage, took: Duration) {
    histogram!(stage.names().restore_seconds).record(took);
}

/// An item is committed whose post was heard at `observed_at_ms`; both in milliseconds since 1970.
pub fn item_committed(observed_at_ms: i64, committed_at_ms: i64) {
    let latency = u64::try_from(committed_at_ms.saturating_sub(observed_at_ms)).unwrap_or(0);
    histogram!(names::ROUTE_LATENCY).record(Duration::from_millis(latency));
}

/// The gate refused an outcome of a mention whose decision is committed.
pub fn gate_refused(reason: &'static str) {
    counter!(names::ROUTE_GATE_REFUSALS, "reason" => reason).increment(1);
}

/// Posts of a source that got this outcome and are committed, since the process started.
pub fn posts(source: &str, outcome: &'static str, reason: &'static str, so_far: u64) {
    counter!(names::INGEST_RECORDS, "source" => source.to_owned(), "outcome" => outcome, "reason" => reason)
        .absolute(so_far);
}

/// What the publisher of ingest did since the process started, and the bytes that it holds and has not committed.
pub fn publisher(committed: u64, aborted: u64, rebuilt: u64, uncommitted_bytes: usize) {
    for (ended, so_far) in [(Ended::Committed, committed), (Ended::Aborted, aborted)] {
        counter!(names::INGEST_TRANSACTIONS, "result" => ended.label()).absolute(so_far);
    }
    counter!(names::INGEST_REBUILDS).absolute(rebuilt);
    gauge!(names::INGEST_UNCOMMITTED_BYTES).set(count(uncommitted_bytes as u64));
}

/// Answers of a source's webhook with this status, since the process started.
pub fn webhook_responses(source: &str, status: u16, so_far: u64) {
    counter!(names::INGEST_WEBHOOK_RESPONSES, "source" => source.to_owned(), "status" => status.to_string())
        .absolute(so_far);
}

/// Times that a file of this source was found cut short or rewritten and was read anew, since the process started.
pub fn file_restarts(source: &str, so_far: u64) {
    counter!(names::INGEST_FILE_RESTARTS, "source" => source.to_owned()).absolute(so_far);
}

/// Polls of a feed that ended so, since the process started.
pub fn feed_polls(source: &str, result: &'static str, so_far: u64) {
    counter!(names::INGEST_FEED_POLLS, "source" => source.to_owned(), "result" => result).absolute(so_far);
}

/// Times that a feed's page had turned over, since the process started.
pub fn feed_gaps(source: &str, so_far: u64) {
    counter!(names::INGEST_FEED_GAPS, "source" => source.to_owned()).absolute(so_far);
}

fn change(gauge: &metrics::Gauge, before: usize, now: usize) {
    gauge.increment(count(now as u64) - count(before as u64));
}

/// Prometheus counts in 64-bit floats: exact up to 2^53.
#[allow(clippy::cast_precision_loss)]
fn count(n: u64) -> f64 {
    n as f64
}

/// Calls everything above, for the tests that compare names and labels with the catalogue.
#[cfg(test)]
pub fn every_metric_once() {
    build();
    config("0123abcd");
    config_taken("0123abcd", "4567cdef");
    config_turned_away();
    disk_free(1);
    for stage in [Stage::Enrich, Stage::Route] {
        let mut counts = Counts::default();
        counts.add(&Outcome::Emitted);
        records(stage, &counts);
        lag(stage, 0, 1, Duration::from_secs(1));
        assigned_partitions(stage, 0, 12);
        batch(stage, Ended::Committed, Duration::from_millis(3));
        log_rebuilt(stage);
        state_entries(stage, "seen", 0, 1);
        restored(stage, Duration::from_millis(3));
    }
    item_committed(0, 1);
    gate_refused("not_asked");
    posts("forum", "emitted", "", 1);
    publisher(1, 1, 1, 1);
    webhook_responses("forum", 200, 1);
    file_restarts("archive", 1);
    feed_polls("news", "new", 1);
    feed_gaps("news", 1);
}
