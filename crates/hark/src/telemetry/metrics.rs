//! The names of all metrics, with their meaning. This file and `docs/metrics.md`, which is generated from it, are what
//! dashboards and alerts are written against: a name that is here stays.
//!
//! A name is `hark_<stage>_<noun>_<unit>[_total]` in base units. Labels have few values, all known beforehand: stage
//! reasons, partitions, sources of the configuration; never an id, an author or a text.

/// What kind of metric it is.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Only grows, from 0 at the start of the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts of observations up to each of these bounds.
    Histogram(&'static [f64]),
}

impl Kind {
    /// As Prometheus calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name on `/metrics`.
    pub name: &'static str,
    /// What kind it is.
    pub kind: Kind,
    /// Names of its labels, in the order in which they are exported.
    pub labels: &'static [&'static str],
    /// What it tells, as a sentence.
    pub meaning: &'static str,
}

/// From a blink to an hour: the promise is a second, so half of the bounds lie below it.
const LATENCY_BOUNDS: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0];
/// A batch takes milliseconds when idle, seconds when behind.
const BATCH_BOUNDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// An empty state is restored at once, a large one in seconds.
const RESTORE_BOUNDS: &[f64] = &[0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

/// From when a post was heard to when its item was committed to a team's queue.
pub const ROUTE_LATENCY: &str = "hark_route_latency_seconds";
/// Outcomes that the gate refused.
pub const ROUTE_GATE_REFUSALS: &str = "hark_route_gate_refusals_total";
/// The version that runs.
pub const BUILD_INFO: &str = "hark_build_info";
/// Room for the embedded log.
pub const LOG_DISK_FREE_BYTES: &str = "hark_log_disk_free_bytes";
/// The configuration in force.
pub const CONFIG_INFO: &str = "hark_config_info";
/// Changes of the configuration's file that a running process met.
pub const CONFIG_RELOADS: &str = "hark_config_reloads_total";
/// The file is not what is in force.
pub const CONFIG_REFUSED: &str = "hark_config_refused";

/// Posts taken in from sources.
pub const INGEST_RECORDS: &str = "hark_ingest_records_total";
/// Transactions of ingest.
pub const INGEST_TRANSACTIONS: &str = "hark_ingest_transactions_total";
/// Log clients of ingest built anew.
pub const INGEST_REBUILDS: &str = "hark_ingest_log_rebuilds_total";
/// Accepted and not yet committed.
pub const INGEST_UNCOMMITTED_BYTES: &str = "hark_ingest_uncommitted_bytes";
/// Answers of webhooks.
pub const INGEST_WEBHOOK_RESPONSES: &str = "hark_ingest_webhook_responses_total";
/// Files read anew.
pub const INGEST_FILE_RESTARTS: &str = "hark_ingest_file_restarts_total";
/// Polls of feeds.
pub const INGEST_FEED_POLLS: &str = "hark_ingest_feed_polls_total";
/// Feeds whose page turned over between two polls.
pub const INGEST_FEED_GAPS: &str = "hark_ingest_feed_gaps_total";

/// The metrics that each stage behind the log has.
#[derive(Debug)]
pub struct StageMetrics {
    /// Records by outcome and reason.
    pub records: &'static str,
    /// Records not yet worked off.
    pub lag_records: &'static str,
    /// How long ago the newest record that has been worked off was written, while others wait.
    pub lag_seconds: &'static str,
    /// Partitions that this process works on.
    pub assigned_partitions: &'static str,
    /// From the first record of a batch to its commit.
    pub batch_seconds: &'static str,
    /// Transactions by result.
    pub transactions: &'static str,
    /// Log clients built anew after a fatal error.
    pub rebuilds: &'static str,
    /// Entries held in memory.
    pub state_entries: &'static str,
    /// Time to read the state after an assignment.
    pub restore_seconds: &'static str,
}

/// Names of the stage enrich.
pub const ENRICH: StageMetrics = StageMetrics {
    records: "hark_enrich_records_total",
    lag_records: "hark_enrich_lag_records",
    lag_seconds: "hark_enrich_lag_seconds",
    assigned_partitions: "hark_enrich_assigned_partitions",
    batch_seconds: "hark_enrich_batch_seconds",
    transactions: "hark_enrich_transactions_total",
    rebuilds: "hark_enrich_log_rebuilds_total",
    state_entries: "hark_enrich_state_entries",
    restore_seconds: "hark_enrich_restore_seconds",
};

/// Names of the stage route.
pub const ROUTE: StageMetrics = StageMetrics {
    records: "hark_route_records_total",
    lag_records: "hark_route_lag_records",
    lag_seconds: "hark_route_lag_seconds",
    assigned_partitions: "hark_route_assigned_partitions",
    batch_seconds: "hark_route_batch_seconds",
    transactions: "hark_route_transactions_total",
    rebuilds: "hark_route_log_rebuilds_total",
    state_entries: "hark_route_state_entries",
    restore_seconds: "hark_route_restore_seconds",
};

const fn metric(
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    meaning: &'static str,
) -> Metric {
    Metric { name, kind, labels, meaning }
}

const RECORDS: &str = "Records worked off, each with exactly one outcome. Moves after the commit.";
const LAG_RECORDS: &str = "Records of the partition that wait to be worked off; 0 at its end.";
const LAG_SECONDS: &str =
    "Age of the oldest record of the partition that waits to be worked off; 0 at its end.";
const ASSIGNED: &str = "Partitions that this process works on.";
const BATCH: &str = "From the first record of a batch to its commit.";
const TRANSACTIONS: &str = "Transactions ended, by `result`: `committed` or `aborted`, also with a producer that was lost. An aborted batch is worked off again.";
const REBUILDS: &str = "Log clients thrown away and built anew after a fatal error.";
const STATE: &str = "Entries of the state held in memory, by `store`.";
const RESTORE: &str = "From a partition's assignment to its state being there.";

/// Every metric, in the order of the documentation.
pub const CATALOG: &[Metric] = &[
    metric(
        ROUTE_LATENCY,
        Kind::Histogram(LATENCY_BOUNDS),
        &[],
        "From the moment a post was heard (`observed_at`) to the commit of its item on a team's queue: the promise of Hark, \
         end to end. Posts marked `backfill` are not counted.",
    ),
    metric(BUILD_INFO, Kind::Gauge, &["version"], "Always 1; the label tells what runs."),
    metric(
        CONFIG_INFO,
        Kind::Gauge,
        &["revision"],
        "1 for the revision in force, 0 for one that was in force before it. Workers run different configurations where \
         `count(count by (revision) (hark_config_info == 1)) > 1`.",
    ),
    metric(
        CONFIG_RELOADS,
        Kind::Counter,
        &["result"],
        "Changed configurations that this process met while it ran, by `result`: `taken` or `refused`.",
    ),
    metric(
        CONFIG_REFUSED,
        Kind::Gauge,
        &[],
        "1 while the configuration's file has been refused and an earlier one stays in force, else 0. The log says why.",
    ),
    metric(
        LOG_DISK_FREE_BYTES,
        Kind::Gauge,
        &[],
        "Bytes free on the disk of the embedded log, beside what the records that wait for a stage will take; told by the process that runs the sources, which stop where the next posts would leave less than 64 MiB. None \
         on Kafka.",
    ),
    metric(
        INGEST_RECORDS,
        Kind::Counter,
        &["source", "outcome", "reason"],
        "Posts taken in from each source of the configuration, each with exactly one outcome. Moves after the commit.",
    ),
    metric(INGEST_TRANSACTIONS, Kind::Counter, &["result"], TRANSACTIONS),
    metric(INGEST_REBUILDS, Kind::Counter, &[], REBUILDS),
    metric(
        INGEST_UNCOMMITTED_BYTES,
        Kind::Gauge,
        &[],
        "Bytes of posts that this worker holds and has not committed; at their bound webhooks answer 429.",
    ),
    metric(
        INGEST_WEBHOOK_RESPONSES,
        Kind::Counter,
        &["source", "status"],
        "Answers to senders of a source of the configuration, by HTTP status.",
    ),
    metric(
        INGEST_FILE_RESTARTS,
        Kind::Counter,
        &["source"],
        "Times that a file was found cut short or rewritten and was read anew from its start.",
    ),
    metric(
        INGEST_FEED_POLLS,
        Kind::Counter,
        &["source", "result"],
        "Polls of a feed by the worker that owns it, by `result`: `new` (something was published), `unchanged` or `failed`.",
    ),
    metric(
        INGEST_FEED_GAPS,
        Kind::Counter,
        &["source"],
        "Times that nothing on a feed's page was known from the poll before: entries may have come and gone unseen.",
    ),
    metric(ENRICH.records, Kind::Counter, &["outcome", "reason"], RECORDS),
    metric(ENRICH.lag_records, Kind::Gauge, &["partition"], LAG_RECORDS),
    metric(ENRICH.lag_seconds, Kind::Gauge, &["partition"], LAG_SECONDS),
    metric(ENRICH.assigned_partitions, Kind::Gauge, &[], ASSIGNED),
    metric(ENRICH.batch_seconds, Kind::Histogram(BATCH_BOUNDS), &[], BATCH),
    metric(ENRICH.transactions, Kind::Counter, &["result"], TRANSACTIONS),
    metric(ENRICH.rebuilds, Kind::Counter, &[], REBUILDS),
    metric(ENRICH.state_entries, Kind::Gauge, &["store"], STATE),
    metric(ENRICH.restore_seconds, Kind::Histogram(RESTORE_BOUNDS), &[], RESTORE),
    metric(ROUTE.records, Kind::Counter, &["outcome", "reason"], RECORDS),
    metric(
        ROUTE_GATE_REFUSALS,
        Kind::Counter,
        &["reason"],
        "Mentions for which a rule or a copy to a team with `pitches: true` was refused, by each `reason` that spoke \
         against it: `not_asked`, `not_public`, `complains`, `opted_out`, `pitched_in_thread`, `pitched_lately`, `bot`, \
         `own_voice`, `staff_voice`, `competitor_voice`. Moves after the commit.",
    ),
    metric(ROUTE.lag_records, Kind::Gauge, &["partition"], LAG_RECORDS),
    metric(ROUTE.lag_seconds, Kind::Gauge, &["partition"], LAG_SECONDS),
    metric(ROUTE.assigned_partitions, Kind::Gauge, &[], ASSIGNED),
    metric(ROUTE.batch_seconds, Kind::Histogram(BATCH_BOUNDS), &[], BATCH),
    metric(ROUTE.transactions, Kind::Counter, &["result"], TRANSACTIONS),
    metric(ROUTE.rebuilds, Kind::Counter, &[], REBUILDS),
    metric(ROUTE.state_entries, Kind::Gauge, &["store"], STATE),
    metric(ROUTE.restore_seconds, Kind::Histogram(RESTORE_BOUNDS), &[], RESTORE),
];

/// A value of the label `reason`, or of a dead letter's class.
#[derive(Debug, Clone, Copy)]
pub struct Reason {
    /// The stages that use it.
    pub stages: &'static str,
    /// The outcome that it explains.
    pub outcome: &'static str,
    /// The label's value.
    pub name: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

const fn reason(
    stages: &'static str,
    outcome: &'static str,
    name: &'static str,
    meaning: &'static str,
) -> Reason {
    Reason { stages, outcome, name, meaning }
}

/// Every reason. `emitted` has none: its `reason` is empty.
pub const REASONS: &[Reason] = &[
    reason("enrich", "dropped", "no_match", "Speaks of no subject of the configuration."),
    reason(
        "enrich",
        "dropped",
        "repeat",
        "The same content has been seen under this id, or the post was already deleted.",
    ),
    reason("enrich", "dropped", "stale", "Older than the revision that is known."),
    reason("enrich", "dropped", "unknown", "Deletes a post that was never a mention."),
    reason("enrich", "dropped", "deleted", "Creates or edits a post that has been deleted."),
    reason("enrich", "dropped", "withdrawn", "Deletes a mention that an edit had already ended."),
    reason("route", "dropped", "dropped_by_rule", "A rule of the configuration says `drop`."),
    reason("route", "dropped", "no_item", "Deletes a mention that has no item."),
    reason("enrich, route", "rejected", "undecodable", "The bytes are no message of Hark."),
    reason("enrich, route", "rejected", "too_large", "The result would be larger than a record may be."),
    reason(
        "enrich, route",
        "rejected",
        "panicked",
        "The stage failed on this record: a bug, please report it.",
    ),
    reason("ingest", "rejected", "invalid_utf8", "The bytes are not UTF-8."),
    reason("ingest", "rejected", "malformed_json", "Not JSON, or cut short."),
    reason(
        "ingest",
        "rejected",
        "invalid_post",
        "JSON, but no post: a field missing, unknown, twice or out of range.",
    ),
    reason("ingest", "rejected", "text_too_long", "The text is over 64 KiB."),
    reason("ingest", "rejected", "line_too_long", "A line of a file is longer than a post can be."),
];

/// The classes of dead letters: reasons for which a record is rejected.
pub fn rejections() -> impl Iterator<Item = &'static Reason> {
    REASONS.iter().filter(|reason| reason.outcome == "rejected")
}

/// Gives the recorder the meaning of each metric, for `# HELP`.
pub fn describe() {
    for metric in CATALOG {
        match metric.kind {
            Kind::Counter => ::metrics::describe_counter!(metric.name, metric.meaning),
            Kind::Gauge => ::metrics::describe_gauge!(metric.name, metric.meaning),
            Kind::Histogram(_) => ::metrics::describe_histogram!(metric.name, metric.meaning),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rule_that_dashboards_rely_on() {
        for Metric { name, kind, meaning, .. } in CATALOG {
            let rest = name.strip_prefix("hark_").expect("names start with hark_");
            let stage = rest.split('_').next().unwrap_or_default();
            assert!(
                ["ingest", "enrich", "route", "build", "config", "log"].contains(&stage),
                "{name}: no stage"
            );
            assert_eq!(
                name.ends_with("_total"),
                matches!(kind, Kind::Counter),
                "{name}: only counters end in _total"
            );
            assert!(!matches!(kind, Kind::Histogram(_)) || name.ends_with("_seconds"), "{name}: no unit");
            assert!(meaning.ends_with('.'), "{name}: no sentence");
        }
    }

    #[test]
    fn every_reason_that_a_source_gives_is_documented() {
        for given in hark_sources::Reason::ALL {
            let known =
                REASONS.iter().any(|reason| reason.stages == "ingest" && reason.name == given.as_str());
            assert!(known, "{}", given.as_str());
        }
    }

    #[test]
    fn bounds_of_histograms_grow() {
        for metric in CATALOG {
            if let Kind::Histogram(bounds) = metric.kind {
                assert!(bounds.windows(2).all(|pair| pair[0] < pair[1]), "{}", metric.name);
            }
        }
    }
}
