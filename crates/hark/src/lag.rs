//! `hark lag`: how far each stage is behind in each partition, in records and in seconds.

use std::process::ExitCode;

use anyhow::Context as _;
use hark_log::{GroupOffset, Log};
use serde::Serialize;

use crate::{
    cli::Context,
    config::Config,
    failure, log,
    stages::now_ms,
    tail::Format,
    telemetry::record::Stage,
    workers::stage::{group, input},
};

/// Arguments of `hark lag`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this stage: enrich or route
    #[arg(long, value_name = "STAGE", value_parser = ["enrich", "route"])]
    stage: Option<String>,
    /// How it is written
    #[arg(long, default_value = "text")]
    format: Format,
}

/// How far a stage is behind in one partition.
#[derive(Debug, PartialEq, Serialize)]
struct Lag {
    stage: &'static str,
    partition: u32,
    /// Next offset that the stage reads; null where it never committed.
    committed: Option<i64>,
    /// Offset behind the last record, open transactions included.
    end: i64,
    /// Records not yet worked off.
    records: i64,
    /// How long the oldest of them has waited; 0 where none waits, null where an open transaction hides it.
    seconds: Option<f64>,
}

/// Shows the lag of the stages.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    let config = Config::load(context.config_path())?;
    let log = log::open_to_read(&config, &context.shutdown)?;
    let stages = [Stage::Enrich, Stage::Route];
    let wanted =
        stages.into_iter().filter(|stage| args.stage.as_deref().is_none_or(|only| only == stage.name()));
    let mut lags = Vec::new();
    for stage in wanted {
        lags.push(
            of_stage(&*log, &config.topic_prefix, stage)
                .with_context(|| format!("cannot tell the lag of {}", stage.name()))?,
        );
    }
    for (index, lags) in lags.iter().enumerate() {
        failure::print(&match args.format {
            Format::Json => lines(lags),
            Format::Text => table(lags, index == 0),
        })?;
    }
    Ok(ExitCode::SUCCESS)
}

fn of_stage(log: &dyn Log, prefix: &str, stage: Stage) -> Result<Vec<Lag>, hark_log::LogError> {
    let topic = format!("{prefix}.{}", input(stage));
    let offsets = log.group_offsets(&group(prefix, stage), &topic)?;
    let waiting: Vec<(u32, i64)> = offsets
        .iter()
        .filter(|offset| next(offset) < offset.end)
        .map(|offset| (offset.partition, next(offset)))
        .collect();
    let times = log.times_at(&topic, &waiting)?;
    let now_ms = now_ms();
    Ok(offsets.iter().map(|offset| lag(stage, offset, &times, now_ms)).collect())
}

/// Retention may have taken records that were never read.
fn next(offset: &GroupOffset) -> i64 {
    offset.committed.unwrap_or(offset.start).max(offset.start)
}

fn lag(stage: Stage, offset: &GroupOffset, times: &[(u32, i64)], now_ms: i64) -> Lag {
    let records = (offset.end - next(offset)).max(0);
    let oldest = times.iter().find(|(partition, _)| *partition == offset.partition);
    let age = |&(_, time_ms): &(u32, i64)| {
        std::time::Duration::from_millis(u64::try_from(now_ms - time_ms).unwrap_or_default()).as_secs_f64()
    };
    Lag {
        stage: stage.name(),
        partition: offset.partition,
        committed: offset.committed,
        end: offset.end,
        records,
        seconds: if records == 0 { Some(0.0) } else { oldest.map(age) },
    }
}

fn lines(lags: &[Lag]) -> String {
    // Numbers and names can always be written.
    lags.iter().map(|lag| format!("{}\n", serde_json::to_string(lag).unwrap_or_default())).collect()
}

fn table(lags: &[Lag], with_head: bool) -> String {
    let mut table = String::new();
    if with_head {
        table.push_str("stage   partition  committed        end     behind    seconds\n");
    }
    for lag in lags {
        let committed = lag.committed.map_or_else(|| "never".to_owned(), |offset| offset.to_string());
        let seconds = lag.seconds.map_or_else(|| "?".to_owned(), |seconds| format!("{seconds:.1}"));
        table.push_str(&format!(
            "{:7} {:9} {committed:>10} {:10} {:10} {seconds:>10}\n",
            lag.stage, lag.partition, lag.end, lag.records
        ));
    }
    let records: i64 = lags.iter().map(|lag| lag.records).sum();
    let oldest = lags.iter().filter_map(|lag| lag.seconds).fold(0.0, f64::max);
    if let Some(first) = lags.first() {
        table.push_str(&match records {
            0 => format!("{} is at the end\n", first.stage),
            _ => format!("{} is {records} records and {oldest:.1} s behind\n", first.stage),
        });
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offset(start: i64, committed: Option<i64>, end: i64) -> GroupOffset {
        GroupOffset { partition: 3, start, end, committed, metadata: String::new() }
    }

    #[test]
    fn lag_counts_from_the_committed_offset_or_from_what_is_left_of_the_log() {
        for (offset, times, records, seconds) in [
            (offset(0, Some(10), 10), &[][..], 0, Some(0.0)),
            (offset(0, Some(4), 10), &[(2, 0), (3, 8_500)], 6, Some(1.5)),
            (offset(0, None, 10), &[(3, 0)], 10, Some(10.0)),
            // Retention took what was not read.
            (offset(7, Some(4), 10), &[(3, 9_000)], 3, Some(1.0)),
            // Hidden behind an open transaction, or a control record.
            (offset(0, Some(4), 10), &[], 6, None),
            // A producer whose clock goes fast.
            (offset(0, Some(4), 10), &[(3, 99_000)], 6, Some(0.0)),
        ] {
            let lag = lag(Stage::Enrich, &offset, times, 10_000);
            assert_eq!((lag.records, lag.seconds), (records, seconds), "{offset:?}");
        }
    }

    #[test]
    fn the_table_ends_with_what_it_amounts_to() {
        let of = |committed| vec![lag(Stage::Route, &offset(0, committed, 10), &[(3, 8_500)], 10_000)];
        let behind = table(&of(Some(4)), true);
        assert!(behind.ends_with("route is 6 records and 1.5 s behind\n"), "{behind}");
        assert!(behind.contains("route           3          4         10          6        1.5"), "{behind}");
        assert!(table(&of(Some(10)), true).ends_with("route is at the end\n"));
        assert!(table(&of(None), false).contains("never"));
        assert_eq!(
            lines(&of(Some(4))),
            "{\"stage\":\"route\",\"partition\":3,\"committed\":4,\"end\":10,\"records\":6,\"seconds\":1.5}\n"
        );
    }
}
