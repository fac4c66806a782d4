//! `hark test`: runs the `tests:` of the configuration and shows what came out differently.

use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use hark_rules::{Decision, Facts, Router};
use hark_schema::v1::{Mention, SentimentLabel};

use crate::{
    cli::Context,
    config::{Config, Expectation, NO_MATCH, Test},
    failure::print,
    judge::{Judge, Working, is_owned, spoken_post},
};

/// Arguments of `hark test`.
#[derive(Debug, clap::Args)]
pub struct Args {}

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();

/// Runs the tests; exit code 1 if one fails.
///
/// # Errors
/// The configuration cannot be used.
pub fn run(_: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let config = Config::load(context.config_path())?;
    if config.tests.is_empty() {
        print(&format!("{} has no tests; add some under 'tests:'\n", config.path().display()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let reports = run_all(&config)?;
    let mut failed = 0_usize;
    for report in &reports {
        if report.differences.is_empty() {
            print(&format!("{GOOD}ok{GOOD:#}     {}\n", report.test.name))?;
            continue;
        }
        failed += 1;
        print(&format!("{BAD}failed{BAD:#} {}\n", report.test.name))?;
        print(&format!("         {}:{}\n", config.path().display(), report.test.at))?;
        for difference in &report.differences {
            print(&format!("         {difference}\n"))?;
        }
        for line in &report.found {
            print(&format!("         found {line}\n"))?;
        }
    }
    let passed = reports.len() - failed;
    print(&format!("{passed} of {} tests passed\n", reports.len()))?;
    if failed > 0 {
        print("'hark explain TEXT' shows why a post goes where it goes\n")?;
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// What came of one test.
pub struct Report<'c> {
    /// The test.
    pub test: &'c Test,
    /// `team: expected sales, got triage`; empty if it passed.
    pub differences: Vec<String>,
    /// What was found in the text, for those who look for the reason.
    found: Vec<String>,
    /// The rules that took part: those that continued, then the one that decided.
    pub rules: Vec<String>,
}

/// Runs all tests of a configuration.
///
/// # Errors
/// The configuration has no subjects, no teams, or a model is damaged.
pub fn run_all(config: &Config) -> anyhow::Result<Vec<Report<'_>>> {
    let judge = Judge::new(config)?;
    let router = config.router()?;
    let mut working = Working::default();
    Ok(config.tests.iter().map(|test| run_one(config, test, &judge, &router, &mut working)).collect())
}

fn run_one<'c>(
    config: &Config,
    test: &'c Test,
    judge: &Judge,
    router: &Router,
    working: &mut Working,
) -> Report<'c> {
    let post = spoken_post(config, &test.say);
    let matched = judge.find(&post.title, &post.text, working);
    let mention = judge.mention(&post, working);
    let found = found(&mention);
    let mut differences = Vec::new();
    of_text(&test.expect, &mention, &mut differences);
    if !matched && !is_owned(config, &test.say) {
        of_unmatched(&test.expect, &mut differences);
        return Report { test, differences, found, rules: Vec::new() };
    }
    let decision = router.decide(&Facts::new(&mention, &post));
    of_decision(&test.expect, &decision, &mut differences);
    let mut rules = decision.trace.continued.clone();
    rules.push(decision.trace.rule.clone());
    Report { test, differences, found, rules }
}

fn of_text(expect: &Expectation, mention: &Mention, differences: &mut Vec<String>) {
    one("language", expect.language.as_deref(), Some(&mention.language), differences);
    one("sentiment", expect.sentiment.as_deref(), sentiment(mention), differences);
    let intents: Vec<&str> = mention.intents.iter().map(|intent| intent.name.as_str()).collect();
    many("intents", &expect.intents, &intents, differences);
    let subjects: Vec<&str> = mention.matches.iter().map(|found| found.subject.as_str()).collect();
    many("subjects", &expect.subjects, &subjects, differences);
}

fn of_unmatched(expect: &Expectation, differences: &mut Vec<String>) {
    one("drop", expect.drop.as_deref(), Some(NO_MATCH), differences);
    let nothing = "nothing: the post names no subject and is dropped";
    for (key, wanted) in [("team", &expect.team), ("rule", &expect.rule)] {
        one(key, wanted.as_deref(), Some(nothing), differences);
    }
    let priority = expect.priority.map(|priority| priority.to_string());
    one("priority", priority.as_deref(), Some(nothing), differences);
    one("due", expect.due.map(|due| due.to_string()).as_deref(), Some(nothing), differences);
    many("tags", &expect.tags, &[], differences);
    many("copy_to", &expect.copy_to, &[], differences);
}

fn of_decision(expect: &Expectation, decision: &Decision<'_>, differences: &mut Vec<String>) {
    one("team", expect.team.as_deref(), decision.team, differences);
    one("drop", expect.drop.as_deref(), decision.drop_reason, differences);
    one("rule", expect.rule.as_deref(), Some(&decision.trace.rule), differences);
    let wanted = expect.priority.map(|priority| priority.to_string());
    one("priority", wanted.as_deref(), Some(&decision.priority.to_string()), differences);
    let moment = |at: jiff::Timestamp| at.to_string();
    let due = decision.respond_by_ms.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()).map(moment);
    one("due", expect.due.map(moment).as_deref(), due.as_deref(), differences);
    let tags: Vec<&str> = decision.tags.iter().map(String::as_str).collect();
    many("tags", &expect.tags, &tags, differences);
    many("copy_to", &expect.copy_to, &decision.copies, differences);
}

fn one(key: &str, expected: Option<&str>, got: Option<&str>, differences: &mut Vec<String>) {
    let Some(expected) = expected else { return };
    if got != Some(expected) {
        differences.push(format!("{key}: expected {expected}, got {}", got.unwrap_or("none")));
    }
}

fn many(key: &str, expected: &[String], got: &[&str], differences: &mut Vec<String>) {
    for word in expected {
        if !got.contains(&word.as_str()) {
            let got = if got.is_empty() { "none".to_owned() } else { got.join(", ") };
            differences.push(format!("{key}: expected {word}, got {got}"));
        }
    }
}

fn sentiment(mention: &Mention) -> Option<&'static str> {
    match mention.sentiment.as_ref()?.label() {
        SentimentLabel::Negative => Some("negative"),
        SentimentLabel::Neutral => Some("neutral"),
        SentimentLabel::Positive => Some("positive"),
        SentimentLabel::Unspecified => None,
    }
}

fn found(mention: &Mention) -> Vec<String> {
    let intents: Vec<String> =
        mention.intents.iter().map(|intent| format!("{} {:.2}", intent.name, intent.confidence)).collect();
    let subjects: Vec<String> =
        mention.matches.iter().map(|found| format!("{} ({})", found.subject, found.form)).collect();
    let or_none = |words: Vec<String>| if words.is_empty() { "none".to_owned() } else { words.join(", ") };
    vec![
        format!("language {}, sentiment {}", mention.language, sentiment(mention).unwrap_or("none")),
        format!("intents {}", or_none(intents)),
        format!("subjects {}", or_none(subjects)),
    ]
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const RULES: &str = "
sources: [{name: inbox, kind: webhook, open: true, scope: owned}]
subjects: [{name: aurora, kind: own, terms: [Aurora Motors]}]
teams: {press: {}, triage: {}}
rules:
  - {name: loud, when: {author_followers: {min: 1000}}, continue: true, tags: loud, copy_to: triage}
  - {name: known, when: {subject: aurora, author_followers: {min: 5000}}, to: press, priority: 2}
  - {name: staff, when: {voice: staff}, drop: staff}
default: {to: triage}
voices: {staff: ['@jan.nowak']}
";

    fn differences(test: &str) -> Vec<String> {
        let yaml = format!("{RULES}tests: [{test}]\n");
        let config = Config::from_yaml(Path::new("hark.yaml"), &yaml).expect("the configuration loads");
        run_all(&config).expect("it runs").remove(0).differences
    }

    #[test]
    fn what_came_out_as_expected_passes() {
        for test in [
            "{say: Aurora Motors rules, author_followers: 9000, expect: {team: press, rule: known, priority: 2, tags: [loud], copy_to: triage, subjects: aurora}}",
            "{say: Aurora Motors, expect: {team: triage, rule: default, priority: 3}}",
            "{say: something else, expect: {drop: no_match}}",
            "{say: something else, source: inbox, expect: {team: triage}}",
            "{say: we at Aurora Motors, author_handle: Jan.Nowak, expect: {drop: staff, rule: staff}}",
        ] {
            assert_eq!(differences(test), Vec::<String>::new(), "{test}");
        }
    }

    #[test]
    fn what_came_out_differently_is_shown_key_by_key() {
        for (test, expected) in [
            (
                "{say: Aurora Motors, expect: {team: press, rule: known, priority: 1, tags: loud}}",
                vec![
                    "team: expected press, got triage",
                    "rule: expected known, got default",
                    "priority: expected 1, got 3",
                    "tags: expected loud, got none",
                ],
            ),
            (
                "{say: something else, expect: {team: press}}",
                vec!["team: expected press, got nothing: the post names no subject and is dropped"],
            ),
            ("{say: Aurora Motors, expect: {drop: staff}}", vec!["drop: expected staff, got none"]),
            (
                "{say: Aurora Motors, author_handle: '@jan.nowak', expect: {team: triage}}",
                vec!["team: expected triage, got none"],
            ),
        ] {
            assert_eq!(differences(test), expected, "{test}");
        }
    }

    #[test]
    fn a_deadline_is_compared_as_a_moment_in_whatever_zone_it_is_written() {
        let rules = "
subjects: [{name: aurora, kind: own, terms: [Aurora Motors]}]
calendars: {office: {zone: Europe/Stockholm, hours: {mon-fri: 09:00-16:00}}}
teams: {triage: {calendar: office}}
default: {to: triage, respond_within: 30m}
";
        for (due, expected) in [
            ("2026-03-02T09:20:00+01:00", vec![]),
            ("2026-03-02T08:20:00Z", vec![]),
            (
                "2026-03-02T09:21:00+01:00",
                vec!["due: expected 2026-03-02T08:21:00Z, got 2026-03-02T08:20:00Z"],
            ),
        ] {
            let yaml = format!(
                "{rules}tests: [{{say: Aurora Motors, at: '2026-02-27T15:50:00+01:00', expect: {{due: '{due}'}}}}]\n"
            );
            let config = Config::from_yaml(Path::new("hark.yaml"), &yaml).expect("the configuration loads");
            assert_eq!(run_all(&config).expect("it runs")[0].differences, expected);
        }
    }

    #[test]
    fn the_rules_that_took_part_are_reported() {
        let yaml = format!(
            "{RULES}tests: [{{say: Aurora Motors, author_followers: 9000, expect: {{team: press}}}}]\n"
        );
        let config = Config::from_yaml(Path::new("hark.yaml"), &yaml).expect("the configuration loads");
        assert_eq!(run_all(&config).expect("it runs")[0].rules, ["loud", "known"]);
    }
}
