//! `tests:` says what should become of a post; `hark test` runs it.

use hark_rules::{
    DEFAULT, Location, Problem, Router,
    document::Node,
    read::{self, Fields},
    vocabulary::{INTENTS, LANGUAGES, SENTIMENTS},
};
use jiff::Timestamp;

/// A post and what should become of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Test {
    /// Its name, or the text where it has none.
    pub name: String,
    /// The post.
    pub say: Spoken,
    /// What should become of it; never empty.
    pub expect: Expectation,
    /// Where it stands in the file.
    pub at: Location,
}

/// A post in a few words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spoken {
    /// What is said.
    pub text: String,
    /// Name of the source; empty for none of the configuration's.
    pub source: String,
    /// The language that the source claims; empty for none.
    pub lang: String,
    /// Followers of the author.
    pub author_followers: Option<u64>,
    /// Handle of the author; empty for nobody known.
    pub author_handle: String,
    /// When it is heard; deadlines and office hours need it.
    pub at: Option<Timestamp>,
}

/// What should become of a post. Only what was written is compared; lists may be longer than expected.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Expectation {
    /// The team that gets the item.
    pub team: Option<String>,
    /// The rule that decides; `default` for the default.
    pub rule: Option<String>,
    /// The post is dropped for this reason.
    pub drop: Option<String>,
    /// 1 to 5.
    pub priority: Option<u32>,
    /// When an answer is due.
    pub due: Option<Timestamp>,
    /// The item has at least these tags.
    pub tags: Vec<String>,
    /// At least these teams get a copy.
    pub copy_to: Vec<String>,
    /// The language found.
    pub language: Option<String>,
    /// The sentiment found: negative, neutral or positive.
    pub sentiment: Option<String>,
    /// At least these intents hold.
    pub intents: Vec<String>,
    /// At least these subjects are found.
    pub subjects: Vec<String>,
}

/// The reason that stands for a post which names no subject.
pub const NO_MATCH: &str = "no_match";

/// The names that a test may expect. Without a router, because the rules have problems of their own, no team and no
/// rule is checked.
pub(super) struct Names<'a> {
    pub sources: Vec<&'a str>,
    pub subjects: Vec<&'a str>,
    pub router: Option<&'a Router>,
}

pub(super) fn read_tests(node: &Node, names: &Names<'_>, problems: &mut Vec<Problem>) -> Vec<Test> {
    let items = read::list(node, "'tests'", problems).iter().enumerate();
    items.filter_map(|(index, item)| read_test(item, index, names, problems)).collect()
}

fn read_test(node: &Node, index: usize, names: &Names<'_>, problems: &mut Vec<Problem>) -> Option<Test> {
    let what = format!("test {}", index + 1);
    let mut fields = Fields::of(node, what.as_str(), problems)?;
    let text = fields
        .require("say", problems)
        .and_then(|node| read::text(node, &format!("'say' of {what}"), problems));
    let mut word = |key: &'static str, known: Option<&[&str]>, problems: &mut Vec<Problem>| {
        let node = fields.take(key)?;
        let mut found = known_words(node, &format!("'{key}' of {what}"), known, false, problems);
        found.pop()
    };
    let name = word("name", None, problems);
    let (source, lang) = (word("source", Some(&names.sources), problems), word("lang", None, problems));
    let author_handle = word("author_handle", None, problems);
    let followers = fields
        .take("author_followers")
        .and_then(|node| read::whole(node, &format!("'author_followers' of {what}"), 0, u64::MAX, problems));
    let say = Spoken {
        text: text.unwrap_or_default().to_owned(),
        source: source.unwrap_or_default(),
        lang: lang.unwrap_or_default(),
        author_handle: author_handle.unwrap_or_default(),
        author_followers: followers,
        at: fields.take("at").and_then(|node| moment(node, &format!("'at' of {what}"), problems)),
    };
    let expect =
        fields.require("expect", problems).and_then(|node| read_expectation(node, &what, names, problems));
    fields.later(&["post", "thread"]);
    fields.finish(problems);
    Some(Test { name: name.or_else(|| text.map(str::to_owned))?, say, expect: expect?, at: node.at })
}

fn read_expectation(
    node: &Node,
    what: &str,
    names: &Names<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Expectation> {
    let before = problems.len();
    let mut fields = Fields::of(node, format!("'expect' of {what}"), problems)?;
    let teams: Option<Vec<&str>> =
        names.router.map(|router| router.teams().map(|team| team.name.as_str()).collect());
    let rules: Option<Vec<&str>> = names.router.map(|router| router.rules().chain([DEFAULT]).collect());
    let (teams, rules) = (teams.as_deref(), rules.as_deref());
    let languages = LANGUAGES.map(|(code, _)| code);
    let sentiments = SENTIMENTS.map(|(name, _)| name);

    let mut words = |key: &'static str, known: Option<&[&str]>, many: bool, problems: &mut Vec<Problem>| {
        let Some(node) = fields.take(key) else { return Vec::new() };
        known_words(node, &format!("'{key}' of {what}"), known, many, problems)
    };
    let mut expect = Expectation {
        team: words("team", teams, false, problems).pop(),
        rule: words("rule", rules, false, problems).pop(),
        drop: words("drop", None, false, problems).pop(),
        priority: None,
        due: None,
        tags: words("tags", None, true, problems),
        copy_to: words("copy_to", teams, true, problems),
        language: words("language", Some(&languages), false, problems).pop(),
        sentiment: words("sentiment", Some(&sentiments), false, problems).pop(),
        intents: words("intents", Some(&INTENTS), true, problems),
        subjects: words("subjects", Some(&names.subjects), true, problems),
    };
    expect.due = fields.take("due").and_then(|node| moment(node, &format!("'due' of {what}"), problems));
    expect.priority = fields
        .take("priority")
        .and_then(|node| read::whole(node, &format!("'priority' of {what}"), 1, 5, problems))
        .and_then(|priority| u32::try_from(priority).ok());
    fields.finish(problems);
    if expect == Expectation::default() && problems.len() == before {
        let problem = Problem::at(node.at, format!("{what} expects nothing"));
        problems.push(problem.hint("say at least: expect: {team: sales}"));
        return None;
    }
    Some(expect)
}

/// A moment such as `2026-03-02T09:20:00+01:00`.
fn moment(node: &Node, what: &str, problems: &mut Vec<Problem>) -> Option<Timestamp> {
    let text = read::text(node, what, problems)?;
    let moment = text.parse().ok();
    if moment.is_none() {
        let problem = Problem::at(node.at, format!("{what} is not a moment: '{text}'"));
        problems.push(problem.hint("write day, time and offset, as 2026-03-02T09:20:00+01:00"));
    }
    moment
}

/// Words that must be among the known ones, where any are given; a list only where `many`.
fn known_words(
    node: &Node,
    what: &str,
    known: Option<&[&str]>,
    many: bool,
    problems: &mut Vec<Problem>,
) -> Vec<String> {
    let items = if many { read::one_or_list(node, what, problems) } else { std::slice::from_ref(node) };
    let mut found = Vec::new();
    for item in items {
        let Some(word) = read::text(item, what, problems) else { continue };
        match known {
            Some(known) if !known.contains(&word) => {
                let problem = Problem::at(item.at, format!("unknown word '{word}' for {what}"));
                problems.push(problem.suggest(word, known.iter().copied()));
            }
            _ => found.push(word.to_owned()),
        }
    }
    found
}
