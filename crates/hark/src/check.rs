//! `hark check`: reads the configuration, says what it amounts to and what looks odd.

use std::{collections::HashSet, process::ExitCode};

use anstyle::{AnsiColor, Style};
use hark_rules::{DEFAULT, Problem};

use crate::{
    cli::Context,
    config::{Config, LogConfig},
    failure::print,
    test,
};

/// Arguments of `hark check`.
#[derive(Debug, clap::Args)]
pub struct Args {}

const GOOD: Style = AnsiColor::Green.on_default();
const ODD: Style = AnsiColor::Yellow.on_default();

/// Checks; warnings do not fail it.
///
/// # Errors
/// The configuration cannot be used.
pub fn run(_: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let config = Config::load(context.config_path())?;
    for warning in warnings(&config)? {
        let separator = if warning.location.is_some() { ":" } else { ": " };
        print(&format!("{ODD}warning:{ODD:#} {}{separator}{warning}\n", config.path().display()))?;
    }
    print(&format!("{GOOD}{} can be used{GOOD:#}\n", config.path().display()))?;
    for line in summary(&config) {
        print(&format!("  {line}\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn summary(config: &Config) -> Vec<String> {
    let mut lines = Vec::new();
    lines.push(match &config.log {
        LogConfig::Embedded { data } => format!("log       embedded in {}", data.display()),
        LogConfig::Kafka(kafka) => format!("log       Kafka at {}", kafka.bootstrap_servers),
    });
    let names: Vec<String> =
        config.sources.iter().map(|source| format!("{} ({})", source.name, source.kind_name())).collect();
    lines.push(format!("sources   {}", or_none(&names)));
    let names: Vec<String> = config
        .subjects
        .iter()
        .map(|subject| format!("{} ({}, {})", subject.name, subject.kind, count(subject.terms.len(), "term")))
        .collect();
    lines.push(format!("subjects  {}", or_none(&names)));
    if let Ok(router) = config.router() {
        let names: Vec<String> = router.teams().map(|team| team.name.clone()).collect();
        lines.push(format!("teams     {}", or_none(&names)));
        lines.push(format!("rules     {} and the default", router.rules().len()));
    }
    lines.push(format!("tests     {} ('hark test' runs them)", config.tests.len()));
    let unset: Vec<String> = config
        .secrets()
        .into_iter()
        .filter(|secret| !secret.is_set())
        .map(|secret| secret.variable().to_owned())
        .collect();
    if !unset.is_empty() {
        lines.push(format!("secrets   not set here: {}", unset.join(", ")));
    }
    lines.push(format!("revision  {}", config.revision));
    lines
}

fn or_none(names: &[String]) -> String {
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// What is allowed and looks like a mistake.
fn warnings(config: &Config) -> anyhow::Result<Vec<Problem>> {
    let Ok(router) = config.router() else { return Ok(Vec::new()) };
    let mut warnings = router.warnings();
    if config.tests.is_empty() || config.subjects.is_empty() {
        return Ok(warnings);
    }
    let reports = test::run_all(config)?;
    let covered: HashSet<&str> =
        reports.iter().flat_map(|report| &report.rules).map(String::as_str).collect();
    for (name, at) in router.rule_places() {
        if !covered.contains(name) && name != DEFAULT {
            warnings.push(Problem::at(at, format!("no test reaches the rule '{name}'")));
        }
    }
    warnings.sort_by_key(|problem| problem.location);
    Ok(warnings)
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
        let found: Vec<String> =
            warnings(&config).expect("it runs").iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "2:20: no rule sends anything to the team 'idle'",
                "5:5: the rule 'never' can never decide: whatever it takes is taken by 'all of aurora' before it",
                "5:5: no test reaches the rule 'never'",
                "6:5: no test reaches the rule 'garages'",
            ]
        );
        let lines = summary(&config);
        assert!(
            lines.contains(&"subjects  aurora (own, 1 term), garage (topic, 1 term)".to_owned()),
            "{lines:?}"
        );
    }
}
