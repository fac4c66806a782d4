//! `hark test`: runs the `tests:` of the configuration and shows what came out differently.

use std::{fmt, process::ExitCode};

use anstyle::{AnsiColor, Style};
use hark_rules::{DEFAULT, Decision, Facts, Router, Verdict};
use hark_schema::v1::{Mention, SentimentLabel};
use jiff::{
    Timestamp,
    tz::{Offset, TimeZone},
};

use crate::{
    cli::Context,
    config::{Config, Key, NO_MATCH, NONE, Test, Want},
    failure::print,
    judge::{Judge, Working, is_owned, spoken_post},
    terminal,
};

/// Arguments of `hark test`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Run only the tests whose name contains this, letter case aside
    #[arg(value_name = "NAME")]
    only: Option<String>,
}

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const DIM: Style = Style::new().dimmed();

/// Runs the tests; exit code 1 if one fails.
///
/// # Errors
/// The configuration cannot be used.
pub fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let config = Config::load(context.config_path())?;
    if config.tests.is_empty() {
        print(&format!("{} has no tests; add some under 'tests:'\n", config.path().display()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let only = args.only.unwrap_or_default().to_lowercase();
    let mut reports = run_all(&config)?;
    reports.retain(|report| report.test.name.to_lowercase().contains(&only));
    let mut failed = 0_usize;
    for report in &reports {
        if report.differences.is_empty() {
            print(&format!("{GOOD}ok{GOOD:#}      {}\n", one_line(&report.test.name)))?;
        } else {
            failed += 1;
            print(&report.shown(&config.path().display().to_string(), terminal::width()))?;
        }
    }
    let passed = reports.len() - failed;
    if failed == 0 && reports.is_empty() {
        print(&format!("none of {} tests has '{only}' in its name\n", config.tests.len()))?;
        return Ok(ExitCode::FAILURE);
    }
    let colour = if failed == 0 { GOOD } else { BAD };
    print(&format!("{colour}{passed} of {} tests passed{colour:#}\n", reports.len()))?;
    if failed > 0 {
        print("'hark explain TEXT' shows why a post goes where it goes\n")?;
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// A text of several lines as one.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What came of one test.
pub struct Report<'c> {
    /// The test.
    pub test: &'c Test,
    /// Empty if it passed.
    pub differences: Vec<Difference>,
    /// Why, for those who look for the reason; and what was found in the text.
    remarks: Vec<String>,
    /// The rules that took part: those that continued, then the one that decided.
    pub rules: Vec<String>,
}

/// Something that was expected and did not come. `Display` is `team: expected sales, got triage`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    key: &'static str,
    expected: String,
    got: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, got {}", self.key, self.expected, self.got)
    }
}

/// Columns in front of what is said about a test.
const INDENT: usize = 8;

impl Report<'_> {
    fn shown(&self, path: &str, width: usize) -> String {
        let mut lines = vec![
            format!("{BAD}failed{BAD:#}  {}", one_line(&self.test.name)),
            format!("        {DIM}{path}:{}{DIM:#}", self.test.at),
        ];
        for Difference { key, expected, got } in &self.differences {
            lines.push(format!("        {BAD}- {key}: {expected}{BAD:#}"));
            lines.push(format!("        {GOOD}+ {key}: {got}{GOOD:#}"));
        }
        let remark =
            |remark: &String| terminal::hanging(&" ".repeat(INDENT), INDENT, remark.split(' '), width);
        lines.extend(self.remarks.iter().map(remark));
        lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// Runs all tests of a configuration.
///
/// # Errors
/// The configuration has no subjects, no teams, or a model is damaged.
pub fn run_all(config: &Config) -> anyhow::Result<Vec<Report<'_>>> {
    run_by(config, &Judge::new(config)?)
}

/// As [`run_all`], by a judge of the same configuration.
///
/// # Errors
/// The configuration has no teams.
pub fn run_by<'c>(config: &'c Config, judge: &Judge) -> anyhow::Result<Vec<Report<'c>>> {
    let router = config.router()?;
    let mut working = Working::default();
    Ok(config.tests.iter().map(|test| run_one(config, test, judge, &router, &mut working)).collect())
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
    let facts = Facts::new(&mention, &post).remembering(&test.say.memory);
    let kept = matched || is_owned(config, &test.say);
    let decision = kept.then(|| router.decide(&facts));
    let outcome = Outcome { mention: &mention, decision: decision.as_ref() };
    let differences: Vec<Difference> =
        test.expect.iter().filter_map(|(key, want)| outcome.difference(*key, want)).collect();
    let mut remarks = Vec::new();
    if !differences.is_empty() {
        if decision.is_some() {
            remarks.extend(why_not(test, &router.explain(&facts)));
        } else {
            remarks.push("it names no subject and is dropped, so that no rule is asked".to_owned());
        }
        remarks.extend(found(&mention));
    }
    let mut rules = Vec::new();
    if let Some(decision) = decision {
        rules = decision.trace.continued;
        rules.push(decision.trace.rule);
    }
    Report { test, differences, remarks, rules }
}

/// What became of a post; without a decision it was dropped before any rule was asked.
struct Outcome<'a> {
    mention: &'a Mention,
    decision: Option<&'a Decision<'a>>,
}

/// What was got under a key.
enum Got {
    One(Option<String>),
    Many(Vec<String>),
}

impl Outcome<'_> {
    fn difference(&self, key: Key, want: &Want) -> Option<Difference> {
        let got = self.got(key);
        let (expected, same) = match (want, &got) {
            (Want::Nothing, Got::One(got)) => (NONE.to_owned(), got.is_none()),
            (Want::Nothing, Got::Many(got)) => (NONE.to_owned(), got.is_empty()),
            (Want::One(want), Got::One(got)) => (want.clone(), got.as_ref() == Some(want)),
            (Want::One(want), Got::Many(got)) => (want.clone(), got.contains(want)),
            (Want::AtLeast(want), Got::Many(got)) => {
                let missing: Vec<&str> =
                    want.iter().filter(|word| !got.contains(word)).map(String::as_str).collect();
                (missing.join(", "), missing.is_empty())
            }
            (Want::AtLeast(want), Got::One(got)) => {
                (want.join(", "), want.iter().all(|want| got.as_ref() == Some(want)))
            }
            (Want::Moment(want, offset), _) => {
                let due = self.decision.and_then(due);
                let expected = moment(*want, *offset);
                let got = due.map_or_else(|| NONE.to_owned(), |due| moment(due, *offset));
                return (due != Some(*want)).then_some(Difference { key: key.name(), expected, got });
            }
        };
        if same {
            return None;
        }
        let got = match got {
            Got::One(got) => got.unwrap_or_else(|| NONE.to_owned()),
            Got::Many(got) if got.is_empty() => NONE.to_owned(),
            Got::Many(got) => got.join(", "),
        };
        Some(Difference { key: key.name(), expected, got })
    }

    fn got(&self, key: Key) -> Got {
        let Self { mention, decision } = *self;
        let of = |get: fn(&Decision<'_>) -> Option<String>| Got::One(decision.and_then(get));
        let all = |get: fn(&Decision<'_>) -> Vec<String>| Got::Many(decision.map(get).unwrap_or_default());
        match key {
            Key::Team => of(|decision| decision.team.map(str::to_owned)),
            Key::Rule => of(|decision| Some(decision.trace.rule.clone())),
            Key::Drop if decision.is_none() => Got::One(Some(NO_MATCH.to_owned())),
            Key::Drop => of(|decision| decision.drop_reason.map(str::to_owned)),
            Key::Priority => of(|decision| decision.team.map(|_| decision.priority.to_string())),
            Key::Person => of(|decision| decision.person.clone()),
            Key::Due => of(|decision| due(decision).map(|due| moment(due, Offset::UTC))),
            Key::Tags => all(|decision| decision.tags.clone()),
            Key::CopyTo => all(|decision| decision.copies.iter().map(|team| (*team).to_owned()).collect()),
            Key::Continued => all(|decision| decision.trace.continued.clone()),
            Key::MayReply => of(|decision| Some(decision.gate.may_reply.to_string())),
            Key::MayPitch => of(|decision| Some(decision.gate.may_pitch.to_string())),
            Key::Reasons => all(|decision| decision.gate.reasons.clone()),
            Key::Refused => {
                all(|decision| decision.refused.iter().map(|&reason| reason.to_owned()).collect())
            }
            Key::Language => Got::One(Some(mention.language.clone())),
            Key::Sentiment => Got::One(sentiment(mention).map(str::to_owned)),
            Key::Intents => Got::Many(mention.intents.iter().map(|intent| intent.name.clone()).collect()),
            Key::Subjects => Got::Many(mention.matches.iter().map(|found| found.subject.clone()).collect()),
            Key::Entities => Got::Many(mention.entities.iter().map(|entity| entity.kind.clone()).collect()),
            Key::Voice => Got::One(Some(voice_name(mention.voice()).to_owned())),
        }
    }
}

fn due(decision: &Decision<'_>) -> Option<Timestamp> {
    Timestamp::from_millisecond(decision.respond_by_ms?).ok()
}

fn moment(at: Timestamp, offset: Offset) -> String {
    at.to_zoned(TimeZone::fixed(offset)).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// Why the rule that was expected to decide did not, if one was.
fn why_not(test: &Test, verdicts: &[Verdict<'_>]) -> Vec<String> {
    let mut lines = Vec::new();
    let decided = verdicts.iter().find(|verdict| verdict.decided).map_or(DEFAULT, |verdict| verdict.rule);
    for (key, want) in &test.expect {
        let (Key::Rule, Want::One(wanted)) = (key, want) else { continue };
        let Some(verdict) = verdicts.iter().find(|verdict| verdict.rule == *wanted) else { continue };
        match &verdict.failure {
            Some(failure) => lines.push(format!("\"{wanted}\" does not hold: {}", failure.sentence)),
            None if !verdict.decided && wanted != DEFAULT => {
                lines.push(format!("\"{wanted}\" holds too; \"{decided}\" stands above it"));
            }
            None => {}
        }
    }
    let names_rule = test.expect.iter().any(|(key, _)| *key == Key::Rule);
    if !names_rule {
        lines.push(match decided {
            DEFAULT => "no rule takes it: the default decides".to_owned(),
            rule => format!("\"{rule}\" decides"),
        });
    }
    lines
}

fn sentiment(mention: &Mention) -> Option<&'static str> {
    match mention.sentiment.as_ref()?.label() {
        SentimentLabel::Negative => Some("negative"),
        SentimentLabel::Neutral => Some("neutral"),
        SentimentLabel::Positive => Some("positive"),
        SentimentLabel::Unspecified => None,
    }
}

fn voice_name(voice: hark_schema::v1::Voice) -> &'static str {
    let known = hark_rules::vocabulary::VOICES.iter().find(|(_, known)| *known == voice);
    known.map_or("unknown", |(name, _)| name)
}

fn found(mention: &Mention) -> Vec<String> {
    let intents: Vec<String> =
        mention.intents.iter().map(|intent| format!("{} {:.2}", intent.name, intent.confidence)).collect();
    let mut subjects: Vec<String> = Vec::new();
    for found in &mention.matches {
        let subject = format!("{} (\"{}\")", found.subject, one_line(&found.form));
        if !subjects.contains(&subject) {
            subjects.push(subject);
        }
    }
    let or_none = |words: Vec<String>| if words.is_empty() { NONE.to_owned() } else { words.join(", ") };
    let sentiment = sentiment(mention).unwrap_or(NONE);
    vec![
        format!("found language {}, sentiment {sentiment}, intents {}", mention.language, or_none(intents)),
        format!("found subjects {}", or_none(subjects)),
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
        let report = run_all(&config).expect("it runs").remove(0);
        report.differences.iter().map(ToString::to_string).collect()
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
            ("{say: something else, expect: {team: press}}", vec!["team: expected press, got none"]),
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
                vec!["due: expected 2026-03-02T09:21:00+01:00, got 2026-03-02T09:20:00+01:00"],
            ),
        ] {
            let yaml = format!(
                "{rules}tests: [{{say: Aurora Motors, at: '2026-02-27T15:50:00+01:00', expect: {{due: '{due}'}}}}]\n"
            );
            let config = Config::from_yaml(Path::new("hark.yaml"), &yaml).expect("the configuration loads");
            let report = run_all(&config).expect("it runs").remove(0);
            let found: Vec<String> = report.differences.iter().map(ToString::to_string).collect();
            assert_eq!(found, expected);
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
