//! Alerts and dashboards ask only for what the program exports, and each alert has its place in the runbook.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use hark_tests::program;
use serde_json::Value;

use crate::scene::DEADLINE;

/// Labels that Prometheus adds, by the configuration that docs/deploy.md asks for.
const OF_THE_TARGET: [&str; 5] = ["namespace", "job", "stage", "instance", "le"];
/// Series that are Prometheus' own.
const OF_PROMETHEUS: [&str; 2] = ["up", "ALERTS"];
/// What PromQL itself says, where no bracket follows to mark it as a function.
const WORDS: [&str; 13] =
    ["by", "without", "on", "ignoring", "unless", "and", "or", "offset", "sum", "max", "min", "count", "avg"];

pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The file of the rules.
pub const RULES: &str = "deploy/helm/files/rules.yaml";

/// Every expression of the rules. The file is plain enough to be read by its lines: an expression stands behind `expr:`, or,
/// after `>-`, in the lines that are indented deeper.
pub fn rule_expressions() -> Vec<String> {
    let text = read(RULES);
    let mut lines = text.lines().peekable();
    let mut expressions = Vec::new();
    while let Some(line) = lines.next() {
        let Some((indent, rest)) = line.split_once("expr: ") else { continue };
        let mut expression = rest.trim_start_matches(">-").to_owned();
        while let Some(more) =
            lines.next_if(|more| rest == ">-" && more.len() - more.trim_start().len() > indent.len())
        {
            expression = format!("{expression} {}", more.trim());
        }
        expressions.push(expression.trim().to_owned());
    }
    assert!(expressions.len() > 20, "the rules are read: {expressions:?}");
    expressions
}

fn dashboards() -> Vec<(String, Value)> {
    let folder = repository().join("deploy/helm/files/dashboards");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut read: Vec<_> = files
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, serde_json::from_str::<Value>(&text).unwrap_or_else(|error| panic!("{path:?}: {error}")))
        })
        .collect();
    read.sort_by(|one, other| one.0.cmp(&other.0));
    assert!(read.len() > 1, "there are dashboards");
    read
}

/// Every expression of the dashboards, the variables of Grafana replaced by what they may stand for.
pub fn dashboard_expressions() -> Vec<String> {
    let mut expressions = Vec::new();
    for (_, board) in dashboards() {
        for panel in board["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let expression = target["expr"].as_str().unwrap();
                expressions.push(expression.replace("$__rate_interval", "1m").replace("$job", ".+"));
            }
        }
    }
    expressions
}

/// Names of metrics with their labels, as the program tells them.
fn exported() -> BTreeMap<String, BTreeSet<String>> {
    let folder = tempfile::tempdir().unwrap();
    let page = program::run(&mut program::hark(folder.path(), &["metrics"]), DEADLINE).well().stdout;
    let mut metrics = BTreeMap::new();
    for row in page.lines().filter(|line| line.starts_with("| `hark_")) {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let [_, name, kind, labels, ..] = cells[..] else { panic!("not a row: {row}") };
        let labels: BTreeSet<_> =
            labels.split(',').map(|label| label.trim().trim_matches('`').to_owned()).collect();
        let name = name.trim_matches('`');
        let suffixes: &[&str] = if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
        metrics.extend(suffixes.iter().map(|suffix| (format!("{name}{suffix}"), labels.clone())));
    }
    assert!(metrics.len() > 20, "hark metrics lists them: {page}");
    metrics
}

/// Words of an expression outside of quotes, each with the character that follows it.
fn words(expression: &str) -> Vec<(String, char)> {
    let mut words = Vec::new();
    for (number, part) in expression.split('"').enumerate() {
        if number % 2 == 1 {
            continue;
        }
        let mut word = String::new();
        for c in part.chars().chain([' ']) {
            if c.is_ascii_alphanumeric() || matches!(c, '_' | ':') {
                word.push(c);
            } else if !word.is_empty() {
                words.push((std::mem::take(&mut word), c));
            }
        }
    }
    words
}

/// What an expression asks for that nobody gives.
fn unknown(
    expression: &str,
    exported: &BTreeMap<String, BTreeSet<String>>,
    recorded: &BTreeSet<String>,
) -> Vec<String> {
    let labels: BTreeSet<&str> = exported
        .values()
        .flatten()
        .map(String::as_str)
        .chain(OF_THE_TARGET)
        .chain(["alertname", "alertstate"])
        .collect();
    words(expression)
        .into_iter()
        .filter(|(word, next)| {
            let known = exported.contains_key(word)
                || recorded.contains(word)
                || labels.contains(word.as_str())
                || OF_PROMETHEUS.contains(&word.as_str())
                || WORDS.contains(&word.as_str());
            // A function, or a number with or without a unit.
            !known && *next != '(' && !word.starts_with(|c: char| c.is_ascii_digit())
        })
        .map(|(word, _)| word)
        .collect()
}

#[test]
fn rules_and_dashboards_ask_only_for_metrics_and_labels_that_hark_exports() {
    let exported = exported();
    let recorded: BTreeSet<String> =
        read(RULES).lines().filter_map(|line| Some(line.split_once("- record: ")?.1.to_owned())).collect();
    let expressions = [rule_expressions(), dashboard_expressions()].concat();
    for expression in &expressions {
        let unknown = unknown(expression, &exported, &recorded);
        assert!(unknown.is_empty(), "{unknown:?} in\n{expression}");
    }
    let asked: BTreeSet<String> =
        expressions.iter().flat_map(|expression| words(expression)).map(|(word, _)| word).collect();
    for name in &recorded {
        assert!(asked.contains(name), "nobody asks for what is recorded as {name}");
    }
}

#[test]
fn a_name_that_hark_does_not_export_is_found() {
    let exported = exported();
    for (expression, missing) in [
        ("sum(hark_enrich_lag_recordz) > 1", "hark_enrich_lag_recordz"),
        ("sum by (colour) (hark_enrich_lag_records)", "colour"),
        ("hark_route_latency_seconds > 1", "hark_route_latency_seconds"),
        ("hark:nothing:sum", "hark:nothing:sum"),
    ] {
        assert_eq!(unknown(expression, &exported, &BTreeSet::new()), [missing], "{expression}");
    }
}

#[test]
fn each_alert_says_what_it_is_and_has_its_cause_and_first_steps_in_the_runbook() {
    let rules = read(RULES);
    let runbook = read("docs/runbook.md");
    let alerts: Vec<_> = rules.split("- alert: ").skip(1).collect();
    assert!(alerts.len() >= 10, "{}", alerts.len());
    for alert in alerts {
        let name = alert.lines().next().unwrap().trim();
        for part in ["severity: ", "summary: ", "description: "] {
            assert!(alert.contains(part), "{name} has no {part}");
        }
        let anchor = format!("runbook: docs/runbook.md#{}", name.to_lowercase());
        assert!(alert.contains(&anchor), "{name} does not say {anchor}");
        let section = runbook
            .split("\n## ")
            .find(|section| section.lines().next() == Some(name))
            .unwrap_or_else(|| panic!("docs/runbook.md has no section ## {name}"));
        for part in ["**Cause.**", "**First steps.**"] {
            assert!(section.contains(part), "## {name} in docs/runbook.md has no {part}");
        }
    }
    for section in runbook.split("\n## ").skip(1) {
        let name = section.lines().next().unwrap();
        let is_alert = name.starts_with("Hark") && !name.contains(' ');
        assert!(!is_alert || rules.contains(&format!("- alert: {name}\n")), "no alert is called {name}");
    }
}

#[test]
fn dashboards_are_told_apart_and_say_what_their_panels_show() {
    let mut boards = BTreeSet::new();
    for (file, board) in dashboards() {
        assert!(boards.insert(board["uid"].to_string()), "{file}: its uid is another's");
        let mut panels = BTreeSet::new();
        for panel in board["panels"].as_array().unwrap() {
            assert!(panels.insert(panel["id"].as_u64().unwrap()), "{file}: two panels of one id");
            let says =
                panel["type"] == "row" || !panel["description"].as_str().unwrap_or_default().is_empty();
            assert!(says, "{file}: {} says nothing", panel["title"]);
        }
    }
}
