//! What a running `hark` tells about itself: log lines on stderr, metrics for Prometheus.

pub mod catalog;
pub mod metrics;
pub mod record;
pub mod worker;

use std::io;
use std::time::Duration;

use anyhow::Context as _;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::cli::LogFormat;
use crate::failure::Failure;
use crate::telemetry::metrics::{CATALOG, Kind};

/// Asked in this order; the first that is set decides.
const FILTER_VARIABLES: [&str; 2] = ["HARK_LOG", "RUST_LOG"];

/// Sends log lines to stderr from here on.
pub fn log_to_stderr(format: LogFormat, default_level: &str) -> anyhow::Result<()> {
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter(default_level)?)
        .with_writer(io::stderr)
        // Threads are named after what they do: enrich-0, http, signals.
        .with_thread_names(true)
        // Its complaint about a closed stderr would go to stderr, and panic.
        .log_internal_errors(false);
    match format {
        LogFormat::Text => {
            let colour = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
            lines.with_ansi(colour).with_target(false).try_init()
        }
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).try_init(),
    }
    .map_err(|source| anyhow::anyhow!(source))
    .context("cannot start logging")
}

/// Crates whose lines hold the addresses that they ask, and those may be secrets: silent whatever is asked for.
const SILENT: [&str; 2] = ["ureq=off", "ureq_proto=off"];

fn filter(default_level: &str) -> anyhow::Result<EnvFilter> {
    let mut filter = chosen(default_level)?;
    for directive in SILENT {
        filter = filter.add_directive(directive.parse().context("a directive of our own")?);
    }
    Ok(filter)
}

fn chosen(default_level: &str) -> anyhow::Result<EnvFilter> {
    let set = FILTER_VARIABLES
        .iter()
        .find_map(|name| Some((name, std::env::var(name).ok().filter(|v| !v.is_empty())?)));
    let Some((name, directives)) = set else {
        return Ok(EnvFilter::new(default_level));
    };
    EnvFilter::try_new(&directives).with_context(|| {
        Failure::bad_input(format!("cannot read {name}={directives}"))
            .next("write a level (error, warn, info, debug, trace) or directives such as info,hark_log=debug")
    })
}

/// How often samples are folded into histograms: bounds their memory to what one such time brings.
const UPKEEP: Duration = Duration::from_secs(2);

/// The metrics of this process.
#[derive(Clone)]
pub struct Telemetry {
    prometheus: PrometheusHandle,
}

impl Telemetry {
    /// Installs the recorder; once per process.
    pub fn install() -> anyhow::Result<Self> {
        let prometheus = builder()?.install_recorder().context("cannot install the metrics recorder")?;
        metrics::describe();
        record::build();
        fold_samples(prometheus.clone())?;
        Ok(Self { prometheus })
    }

    /// Not installed: records nothing, for tests that run side by side.
    #[cfg(test)]
    pub fn detached() -> anyhow::Result<Self> {
        Ok(Self { prometheus: builder()?.build_recorder().handle() })
    }

    /// All metrics in the text format of Prometheus.
    pub fn render(&self) -> String {
        self.prometheus.render()
    }
}

/// Samples pile up in memory until they are folded into their histograms: a worker that eats a backlog of millions records
/// some for each item, whether or not somebody scrapes it.
fn fold_samples(prometheus: PrometheusHandle) -> anyhow::Result<()> {
    std::thread::Builder::new()
        .name("metrics".to_owned())
        .spawn(move || {
            loop {
                std::thread::park_timeout(UPKEEP);
                prometheus.run_upkeep();
            }
        })
        .context("cannot start the thread of the metrics")?;
    Ok(())
}

/// A recorder that knows the bounds of every histogram; without bounds it would export summaries, which cannot be
/// added up over workers.
fn builder() -> anyhow::Result<PrometheusBuilder> {
    let mut builder = PrometheusBuilder::new();
    for metric in CATALOG {
        if let Kind::Histogram(bounds) = metric.kind {
            builder = builder
                .set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), bounds)
                .with_context(|| format!("no bounds for {}", metric.name))?;
        }
    }
    Ok(builder)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What a scrape shows after `work` was done.
    pub(super) fn scrape(work: impl FnOnce()) -> String {
        let recorder = builder().unwrap().build_recorder();
        ::metrics::with_local_recorder(&recorder, || {
            metrics::describe();
            work();
        });
        recorder.handle().render()
    }

    #[test]
    fn every_documented_metric_is_exported_and_every_exported_one_documented() {
        let shown = scrape(record::every_metric_once);
        let mut exported: Vec<_> = shown
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
            .map(str::to_owned)
            .collect();
        let mut documented: Vec<_> = CATALOG.iter().map(|metric| metric.name.to_owned()).collect();
        exported.sort();
        documented.sort();
        assert_eq!(exported, documented);
    }

    #[test]
    fn a_scrape_shows_the_documented_labels_and_no_others() {
        let shown = scrape(record::every_metric_once);
        for metric in CATALOG {
            let sample = shown.lines().find(|line| line.starts_with(metric.name)).unwrap();
            let labels: Vec<_> = sample
                .split_once('{')
                .map(|(_, rest)| rest.split_once('}').unwrap().0)
                .unwrap_or_default()
                .split(',')
                .filter_map(|pair| pair.split_once('=').map(|(name, _)| name))
                .filter(|name| *name != "le")
                .collect();
            assert_eq!(labels, metric.labels, "{sample}");
        }
    }

    #[test]
    fn the_latency_is_a_histogram_that_tells_sub_second_times_apart() {
        let shown = scrape(|| record::item_committed(1_000, 1_120));
        assert!(shown.contains("hark_route_latency_seconds_bucket{le=\"0.1\"} 0"), "{shown}");
        assert!(shown.contains("hark_route_latency_seconds_bucket{le=\"0.25\"} 1"), "{shown}");
    }

    #[test]
    fn a_clock_that_went_back_is_no_latency() {
        let shown = scrape(|| record::item_committed(5_000, 1_000));
        assert!(shown.contains("hark_route_latency_seconds_sum 0"), "{shown}");
    }
}
