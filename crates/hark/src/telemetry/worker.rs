//! What the loop of a worker tells its stage, turned into metrics and readiness.

use std::collections::BTreeMap;
use std::time::Duration;

use hark_log::worker::WorkerEvent;

use crate::health::Part;
use crate::telemetry::record::{self, Ended, Stage};

/// Telemetry of one worker thread.
#[derive(Debug)]
pub struct WorkerTelemetry {
    stage: Stage,
    /// Names of the stage's tables, in the order of its configuration.
    stores: &'static [&'static str],
    part: Part,
    /// What this thread has last added to the gauges that are sums over threads.
    owned: usize,
    entries: Vec<usize>,
    /// By partition: the time of the newest record worked off, milliseconds since 1970.
    newest_ms: BTreeMap<u32, i64>,
    restoring: usize,
    /// Something is wrong that the next commit disproves.
    unwell: bool,
}

impl WorkerTelemetry {
    /// Telemetry of a worker thread whose readiness is `part`.
    pub fn new(stage: Stage, stores: &'static [&'static str], part: Part) -> Self {
        record::stage(stage);
        Self {
            stage,
            stores,
            part,
            owned: 0,
            entries: vec![0; stores.len()],
            newest_ms: BTreeMap::new(),
            restoring: 0,
            unwell: false,
        }
    }

    /// Call it from `hark_log::Stage::observe`; `now_ms` is milliseconds since 1970.
    pub fn observe(&mut self, event: &WorkerEvent<'_>, now_ms: i64) {
        match *event {
            WorkerEvent::Committed(report) => {
                record::batch(self.stage, Ended::Committed, report.took);
                for (partition, counts) in &report.counts {
                    record::records(self.stage, counts);
                    self.newest_ms.insert(*partition, counts.newest_timestamp_ms);
                }
                if self.unwell {
                    self.unwell = false;
                    self.tell_readiness();
                }
            }
            WorkerEvent::Aborted { error } => {
                record::batch(self.stage, Ended::Aborted, Duration::ZERO);
                if let Some(error) = error {
                    self.waits(&error.to_string());
                }
            }
            WorkerEvent::Refused => self.waits("the log takes no more at present: is the disk full?"),
            WorkerEvent::Assignment { owned, restoring } => {
                record::assigned_partitions(self.stage, self.owned, owned);
                self.owned = owned;
                self.restoring = restoring;
                self.unwell = false;
                self.tell_readiness();
            }
            WorkerEvent::Restored { took, .. } => record::restored(self.stage, took),
            WorkerEvent::Rebuilding => {
                record::log_rebuilt(self.stage);
                self.waits("its connection to the log is built anew");
            }
            WorkerEvent::Lag { lag, entries } => self.measure(lag, entries, now_ms),
        }
    }

    fn measure(&mut self, lag: &[(u32, u64)], entries: &[usize], now_ms: i64) {
        // A partition that went to another worker must not keep its last lag here.
        self.newest_ms.retain(|partition, _| {
            let ours = lag.iter().any(|(owned, _)| owned == partition);
            if !ours {
                record::lag(self.stage, *partition, 0, Duration::ZERO);
            }
            ours
        });
        for &(partition, records) in lag {
            let newest_ms = *self.newest_ms.entry(partition).or_insert(now_ms);
            let behind = if records == 0 { 0 } else { u64::try_from(now_ms - newest_ms).unwrap_or(0) };
            record::lag(self.stage, partition, records, Duration::from_millis(behind));
        }
        for ((store, before), &now) in self.stores.iter().zip(&mut self.entries).zip(entries) {
            record::state_entries(self.stage, store, *before, now);
            *before = now;
        }
    }

    fn waits(&mut self, reason: &str) {
        self.unwell = true;
        self.part.waits(reason);
    }

    fn tell_readiness(&self) {
        match self.restoring {
            0 => self.part.ready(),
            n => self.part.waits(format!("restoring the state of {n} partitions")),
        }
    }
}

impl Drop for WorkerTelemetry {
    /// A thread that ended works on nothing and holds nothing.
    fn drop(&mut self) {
        record::assigned_partitions(self.stage, self.owned, 0);
        for (store, &before) in self.stores.iter().zip(&self.entries) {
            record::state_entries(self.stage, store, before, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use hark_log::{BatchReport, Counts, LogError, Outcome, Rejection};

    use super::*;
    use crate::health::Health;
    use crate::telemetry::tests::scrape;

    fn worker(health: &Health, thread: &str) -> WorkerTelemetry {
        WorkerTelemetry::new(Stage::Enrich, &["seen"], health.part(thread))
    }

    fn committed(newest_ms: i64) -> BatchReport {
        let mut counts = Counts::default();
        counts.newest_timestamp_ms = newest_ms;
        counts.add(&Outcome::Emitted);
        counts.add(&Outcome::Dropped("no_match"));
        counts.add(&Outcome::Rejected(Rejection { class: "undecodable", error: String::new() }));
        BatchReport { counts: vec![(3, counts)], outputs: 2, took: Duration::from_millis(4) }
    }

    #[test]
    fn a_commit_counts_every_outcome_with_its_reason() {
        let shown = scrape(|| {
            worker(&Health::default(), "enrich-0").observe(&WorkerEvent::Committed(&committed(0)), 0);
        });
        for line in [
            "hark_enrich_records_total{outcome=\"emitted\",reason=\"\"} 1",
            "hark_enrich_records_total{outcome=\"dropped\",reason=\"no_match\"} 1",
            "hark_enrich_records_total{outcome=\"rejected\",reason=\"undecodable\"} 1",
            "hark_enrich_transactions_total{result=\"committed\"} 1",
        ] {
            assert!(shown.contains(line), "{line} in\n{shown}");
        }
    }

    #[test]
    fn what_a_stage_may_reject_is_shown_before_it_rejects_anything() {
        let shown = scrape(|| drop(worker(&Health::default(), "enrich-0")));
        for reason in ["undecodable", "too_large", "panicked"] {
            let line = format!("hark_enrich_records_total{{outcome=\"rejected\",reason=\"{reason}\"}} 0");
            assert!(shown.contains(&line), "{line} in\n{shown}");
        }
    }

    #[test]
    fn a_partition_that_went_away_has_no_lag_here() {
        let shown = scrape(|| {
            let mut worker = worker(&Health::default(), "enrich-0");
            worker.observe(&WorkerEvent::Committed(&committed(1_000)), 2_000);
            worker.observe(&WorkerEvent::Lag { lag: &[(3, 7)], entries: &[5] }, 4_500);
            worker.observe(&WorkerEvent::Lag { lag: &[(4, 2)], entries: &[5] }, 9_000);
        });
        assert!(shown.contains("hark_enrich_lag_records{partition=\"3\"} 0"), "{shown}");
        assert!(shown.contains("hark_enrich_lag_records{partition=\"4\"} 2"), "{shown}");
    }

    #[test]
    fn being_behind_is_told_in_seconds() {
        let shown = scrape(|| {
            let mut worker = worker(&Health::default(), "enrich-0");
            worker.observe(&WorkerEvent::Committed(&committed(1_000)), 2_000);
            worker.observe(&WorkerEvent::Lag { lag: &[(3, 7)], entries: &[5] }, 4_500);
        });
        assert!(shown.contains("hark_enrich_lag_seconds{partition=\"3\"} 3.5"), "{shown}");
    }

    #[test]
    fn gauges_are_sums_over_the_threads_of_the_process() {
        let health = Health::default();
        let shown = scrape(|| {
            let mut workers =
                [worker(&health, "enrich-0"), worker(&health, "enrich-1"), worker(&health, "enrich-2")];
            for worker in &mut workers {
                worker.observe(&WorkerEvent::Assignment { owned: 4, restoring: 0 }, 0);
                worker.observe(&WorkerEvent::Lag { lag: &[], entries: &[10] }, 0);
                worker.observe(&WorkerEvent::Lag { lag: &[], entries: &[11] }, 0);
            }
            let [first, second, third] = workers;
            drop(third);
            // The scrape comes after this closure; a living process would still have these two.
            std::mem::forget((first, second));
        });
        assert!(shown.contains("hark_enrich_assigned_partitions 8"), "{shown}");
        assert!(shown.contains("hark_enrich_state_entries{store=\"seen\"} 22"), "{shown}");
    }

    #[test]
    fn a_worker_is_ready_once_its_state_is_restored_even_without_partitions() {
        let health = Health::default();
        let mut worker = worker(&health, "enrich-0");
        worker.observe(&WorkerEvent::Assignment { owned: 3, restoring: 2 }, 0);
        assert_eq!(health.ready(), Err("enrich-0: restoring the state of 2 partitions\n".to_owned()));
        worker.observe(&WorkerEvent::Assignment { owned: 3, restoring: 0 }, 0);
        assert_eq!(health.ready(), Ok(()));
        worker.observe(&WorkerEvent::Rebuilding, 0);
        assert!(health.ready().is_err());
        worker.observe(&WorkerEvent::Assignment { owned: 0, restoring: 0 }, 0);
        assert_eq!(health.ready(), Ok(()));
    }

    #[test]
    fn a_topic_that_is_gone_ends_readiness_until_the_next_commit() {
        let health = Health::default();
        let mut worker = worker(&health, "enrich-0");
        worker.observe(&WorkerEvent::Assignment { owned: 3, restoring: 0 }, 0);
        worker.observe(&WorkerEvent::Aborted { error: None }, 0);
        assert_eq!(health.ready(), Ok(()), "an abort is nothing unusual");
        let gone = LogError::MissingTopic { topic: "hark.mentions".to_owned() };
        worker.observe(&WorkerEvent::Aborted { error: Some(&gone) }, 0);
        assert!(health.ready().unwrap_err().contains("topic hark.mentions does not exist"));
        worker.observe(&WorkerEvent::Committed(&committed(0)), 0);
        assert_eq!(health.ready(), Ok(()));
    }

    #[test]
    fn a_full_disk_ends_readiness_until_the_next_commit() {
        let health = Health::default();
        let mut worker = worker(&health, "enrich-0");
        worker.observe(&WorkerEvent::Assignment { owned: 3, restoring: 0 }, 0);
        worker.observe(&WorkerEvent::Refused, 0);
        assert!(health.ready().unwrap_err().contains("disk full"));
        worker.observe(&WorkerEvent::Committed(&committed(0)), 0);
        assert_eq!(health.ready(), Ok(()));
    }
}
