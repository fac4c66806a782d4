//! `hark check`: reads the configuration, says what it amounts to and what looks odd.

use std::{collections::HashSet, process::ExitCode};

use anstyle::{AnsiColor, Style};
use hark_rules::Problem;
use jiff::{Timestamp, tz::TimeZone};

use crate::{
    cli::Context,
    config::{Config, LogConfig},
    failure::print,
    terminal,
    test::{self, Report},
};

/// Arguments of `hark check`.
#[derive(Debug, clap::Args)]
pub struct Args {}

const GOOD: Style = AnsiColor::Green.on_default();
const ODD: Style = AnsiColor::Yellow.on_default();

/// Checks; warnings do not fail it.
///
/// # Errors
/// The configuration cannot be used, a certificate or key that it names cannot be read, or the public holidays that a calendar follows are known for past years only.
pub fn run(_: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let config = Config::load(context.config_path())?;
    for section in ["log", "http"] {
        config.look_for_files(section)?;
    }
    let ended = ended_holidays(&config, this_year());
    if !ended.is_empty() {
        return Err(config.refuse(ended).into());
    }
    let reports = reports(&config)?;
    let path = config.path().display();
    for warning in warnings(&config, &reports) {
        let separator = if warning.location.is_some() { ":" } else { ": " };
        print(&format!("{ODD}warning:{ODD:#} {path}{separator}{warning}\n"))?;
    }
    print(&format!("{GOOD}{path} can be used{GOOD:#}\n"))?;
    for (label, names) in summary(&config, &reports) {
        print(&format!("{}\n", row(label, &names, terminal::width())))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Calendars whose public holidays are known up to a year before this one only: what is due then may be due on a holiday.
pub fn ended_holidays(config: &Config, year: i16) -> Vec<Problem> {
    let Ok(router) = config.router() else { return Vec::new() };
    let ended = router.holidays_known_until().filter(|(_, _, last)| *last < year);
    ended
        .map(|(calendar, at, last)| {
            let message = format!("the public holidays of calendar '{calendar}' are known until {last} only");
            Problem::at(at, message)
                .hint("a newer Hark, or a file with later years, knows more: holidays: {ical: FILE}")
        })
        .collect()
}

/// By the clock of UTC.
pub fn this_year() -> i16 {
    Timestamp::now().to_zoned(TimeZone::UTC).year()
}

/// A label and its names, separated by commas.
fn row(label: &str, names: &[String], width: usize) -> String {
    let last = names.len().saturating_sub(1);
    let words =
        names.iter().enumerate().map(|(at, name)| if at < last { format!("{name},") } else { name.clone() });
    let head = format!("  {label:<10}");
    terminal::hanging(&head, head.len(), words, width)
}

/// What came of the tests; empty where there are none, or nothing that could run them.
fn reports(config: &Config) -> anyhow::Result<Vec<Report<'_>>> {
    let can_run = !config.tests.is_empty() && !config.subjects.is_empty() && config.router().is_ok();
    if can_run { test::run_all(config) } else { Ok(Vec::new()) }
}

fn summary(config: &Config, reports: &[Report<'_>]) -> Vec<(&'static str, Vec<String>)> {
    let mut lines = Vec::new();
    lines.push(match &config.log {
        LogConfig::Embedded { data } => ("log", vec![format!("embedded in {}", data.display())]),
        LogConfig::Kafka(kafka) => ("log", vec![format!("Kafka at {}", kafka.bootstrap_servers)]),
    });
    let sources = config.sources.iter().map(|source| format!("{} ({})", source.name, source.kind_name()));
    lines.push(("sources", or_none(sources.collect())));
    let subject = |subject: &hark_text::Subject| {
        format!("{} ({}, {})", subject.name, subject.kind, count(subject.terms.len(), "term"))
    };
    lines.push(("subjects", or_none(config.subjects.iter().map(subject).collect())));
    if let Ok(router) = config.router() {
        lines.push(("teams", or_none(router.teams().map(|team| team.name.clone()).collect())));
        lines.push(("rules", vec![format!("{} and the default", router.rules().len())]));
    }
    let failed = failing(reports);
    lines.push((
        "tests",
        vec![match (reports.len(), failed) {
            (0, _) => format!("{} ('hark test' runs them)", config.tests.len()),
            (all, 0) => format!("{all}, which pass"),
            (all, failed) => format!("{all}, {failed} of which do not pass ('hark test' shows why)"),
        }],
    ));
    let secrets = config.secrets().into_iter().filter(|secret| !secret.is_set());
    let mut unset: Vec<String> = secrets.map(|secret| secret.variable().to_owned()).collect();
    let mut seen = HashSet::new();
    unset.retain(|variable| seen.insert(variable.clone()));
    if let Some(first) = unset.first_mut() {
        *first = format!("not set here: {first}");
        lines.push(("secrets", unset));
    }
    lines.push(("revision", vec![config.revision.clone()]));
    lines
}

fn failing(reports: &[Report<'_>]) -> usize {
    reports.iter().filter(|report| !report.differences.is_empty()).count()
}

fn or_none(names: Vec<String>) -> Vec<String> {
    if names.is_empty() { vec!["none".to_owned()] } else { names }
}

fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// What is allowed and looks like a mistake.
fn warnings(config: &Config, reports: &[Report<'_>]) -> Vec<Problem> {
    let Ok(router) = config.router() else { return Vec::new() };
    let mut warnings = router.warnings();
    if reports.is_empty() {
        return warnings;
    }
    let covered: HashSet<&str> =
        reports.iter().flat_map(|report| &report.rules).map(String::as_str).collect();
    for (name, at) in router.rule_places() {
        if !covered.contains(name) {
            warnings.push(Problem::at(at, format!("no test reaches the rule '{name}'")));
        }
    }
    warnings.sort_by_key(|problem| problem.location);
    warnings
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn rules_that_nothing_reaches_and_teams_without_work_are_pointed_out() {
        let config = Config::from_yaml(
            Path::new("hark.yaml"),
            "subjects: [{name: aurora, kind: own, terms: [Aurora Motors]}, {name: garage, kind: topic, terms: [garage]}]
teams: {sales: {}, idle: {}, triage: {}}
rules:
  - {name: all of aurora, when: {subject: aurora}, to: sales}
  - {name: never, when: {subject: aurora, language: pl}, to: triage}
  - {name: garages, when: {subject: garage}, to: triage}
default: {to: triage}
tests: [{say: Aurora Motors, expect: {team: sales}}]
",
        )
        .expect("it loads");
        let reports = reports(&config).expect("it runs");
        let found: Vec<String> = warnings(&config, &reports).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "2:20: no rule sends anything to the team 'idle'",
                "5:5: the rule 'never' can never decide: whatever it takes is taken by 'all of aurora' before it",
                "5:5: no test reaches the rule 'never'",
                "6:5: no test reaches the rule 'garages'",
            ]
        );
        let summary = summary(&config, &reports);
        let subjects = ["aurora (own, 1 term)", "garage (topic, 1 term)"].map(str::to_owned).to_vec();
        assert!(summary.contains(&("subjects", subjects)), "{summary:?}");
        assert!(summary.contains(&("tests", vec!["1, which pass".to_owned()])), "{summary:?}");
    }

    #[test]
    fn a_kind_of_source_is_missed_only_where_there_are_sources() {
        let routing = "teams: {triage: {}}
rules: [{name: pushed, when: {source_kind: webhook}, to: triage}]
default: {to: triage}
";
        for (sources, warned) in [
            ("", false),
            ("sources: [{name: archive, kind: file, path: a.jsonl}]\n", true),
            ("sources: [{name: forum, kind: webhook, secret: \"${SECRET}\"}]\n", false),
        ] {
            let yaml = format!("{routing}{sources}");
            let config = Config::from_yaml(Path::new("hark.yaml"), &yaml).expect("it loads");
            assert_eq!(!warnings(&config, &[]).is_empty(), warned, "{sources}");
        }
    }

    #[test]
    fn holidays_that_are_known_for_past_years_only_are_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let days = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20260501\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        std::fs::write(folder.path().join("days.ics"), days).expect("written");
        let config = Config::from_yaml(
            &folder.path().join("hark.yaml"),
            "calendars:
  table: {zone: Europe/Warsaw, hours: {mon-fri: 09:00-16:00}, holidays: PL}
  file: {zone: Europe/Warsaw, hours: {mon-fri: 09:00-16:00}, holidays: {ical: days.ics}}
  none: {zone: Europe/Warsaw, hours: {mon-fri: 09:00-16:00}}
teams: {triage: {}}
default: {to: triage}
",
        )
        .expect("it loads");
        for (year, ended) in [
            (2026, &[][..]),
            (2027, &["3:3: the public holidays of calendar 'file' are known until 2026 only"]),
            (
                2036,
                &[
                    "2:3: the public holidays of calendar 'table' are known until 2035 only",
                    "3:3: the public holidays of calendar 'file' are known until 2026 only",
                ],
            ),
        ] {
            let found = ended_holidays(&config, year);
            let told = found.iter().map(|problem| problem.to_string());
            let told: Vec<String> =
                told.map(|told| told.split(';').next().unwrap_or_default().to_owned()).collect();
            assert_eq!(told, ended, "{year}");
        }
    }

    #[test]
    fn names_stand_behind_their_label() {
        let names = ["sales", "support (2 people)"].map(str::to_owned);
        assert_eq!(row("teams", &names, 100), "  teams     sales, support (2 people)");
        assert_eq!(row("teams", &names, 20), "  teams     sales,\n            support (2 people)");
    }
}
