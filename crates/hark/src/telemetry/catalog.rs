//! `hark metrics`, and `docs/metrics.md`: the catalogue of metrics as a page.

use std::fmt::Write as _;
use std::process::ExitCode;

use crate::cli::Context;
use crate::failure;
use crate::telemetry::metrics::{CATALOG, Kind, Metric, REASONS};

/// Arguments of `hark metrics`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Prints the catalogue as Markdown.
pub fn run(_: Args, _: &Context) -> anyhow::Result<ExitCode> {
    failure::print(&page())?;
    Ok(ExitCode::SUCCESS)
}

const HEAD: &str = "# Metrics

Every worker shows its metrics to Prometheus on `/metrics` (by default `http://127.0.0.1:8787/metrics`). `hark metrics` prints
this page, which is generated from `crates/hark/src/telemetry/metrics.rs`; do not edit it.

Names are `hark_<stage>_<noun>_<unit>[_total]` in base units. Counters move after the commit: what was aborted has not
happened. No label holds an id, an author or a text. Labels with many values would be `partition` (as many as the topic has,
12 by default) and `source` (as many as the configuration names).
";

const OUTCOMES: &str = "
## Outcomes and reasons

Each record gets exactly one `outcome`: `emitted`, `dropped` or `rejected`. So the increase of all outcomes of a stage is the number
of records that it read. A rejected record lies in `<prefix>.dead-letters`, where `class` is the reason given here;
what a webhook answered with 422 counts as `rejected` too, and lies with its sender. Most counters are shown from their first event on.

| stage | outcome | reason | meaning |
|---|---|---|---|
";

/// The page.
fn page() -> String {
    let mut page = HEAD.to_owned();
    for (title, prefixes) in [
        ("The promise", &["hark_route_latency", "hark_build", "hark_config", "hark_log"][..]),
        ("Ingest", &["hark_ingest"]),
        ("Enrich", &["hark_enrich"]),
        ("Route", &["hark_route"]),
    ] {
        page.push_str(&format!("\n## {title}\n\n| name | kind | labels | meaning |\n|---|---|---|---|\n"));
        let promise = |metric: &Metric| metric.name.starts_with("hark_route_latency");
        for metric in
            CATALOG.iter().filter(|metric| prefixes.iter().any(|prefix| metric.name.starts_with(prefix)))
        {
            if title == "Route" && promise(metric) {
                continue;
            }
            page.push_str(&row(metric));
        }
    }
    page.push_str("\nBounds of the histograms, in seconds:\n\n");
    for metric in CATALOG {
        if let Kind::Histogram(bounds) = metric.kind {
            let bounds: Vec<_> = bounds.iter().map(ToString::to_string).collect();
            page.push_str(&format!("- `{}`: {}\n", metric.name, bounds.join(", ")));
        }
    }
    page.push_str(OUTCOMES);
    for reason in REASONS {
        page.push_str(&format!(
            "| {} | `{}` | `{}` | {} |\n",
            reason.stages, reason.outcome, reason.name, reason.meaning
        ));
    }
    page
}

fn row(metric: &Metric) -> String {
    let mut labels = String::new();
    for label in metric.labels {
        let separator = if labels.is_empty() { "" } else { ", " };
        // Writing to a String cannot fail.
        write!(labels, "{separator}`{label}`").unwrap_or_default();
    }
    format!("| `{}` | {} | {labels} | {} |\n", metric.name, metric.kind.name(), metric.meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names on this page are the pin: a change of a name shows as a change of the page.
    #[test]
    fn the_documentation_lists_the_metrics_as_they_are() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, page()).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == page(),
            "docs/metrics.md is out of step; write it anew with UPDATE_DOCS=1 cargo test -p hark"
        );
    }
}
