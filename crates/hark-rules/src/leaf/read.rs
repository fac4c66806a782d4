//! How conditions that look at one thing are read.

use regex::{Regex, RegexBuilder};

use crate::{
    calendar::Clock,
    document::{Node, Value},
    fold::folded,
    leaf::{Bounds, Flag, IntentTest, Leaf, Measure, Test, bare_handle},
    names::Names,
    problem::Problem,
    read::{self, Fields},
    vocabulary::{
        ENTITIES, INTENTS, Intent, LANGUAGES, SENTIMENTS, SOURCE_KINDS, SUBJECT_KINDS, VISIBILITIES, VOICES,
        language_meant,
    },
};

/// The keys that [`Leaf::read`] knows.
pub(crate) const KEYS: [&str; 25] = [
    "subject",
    "subject_kind",
    "intent",
    "sentiment",
    "language",
    "source",
    "source_kind",
    "voice",
    "author_followers",
    "author_handle",
    "author_verified",
    "author_bot",
    "reach",
    "rating",
    "age",
    "place",
    "branch",
    "theme",
    "local_time",
    "visibility",
    "is_reply",
    "entities",
    "text",
    "matches",
    "within",
];

impl Leaf {
    /// Reads the condition under a key of [`KEYS`]; `None` after a problem, and for any other key.
    pub fn read(
        key: &str,
        node: &Node,
        what: &str,
        names: &Names,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let key = *KEYS.iter().find(|known| **known == key)?;
        let what = &format!("'{key}' in {what}");
        let (wanted, test) = match key {
            "subject" => {
                let found = subjects(node, what, names, problems);
                (or(found.iter().map(|(name, _)| name.as_str())), Test::Subject(numbers(&found)))
            }
            "subject_kind" => {
                let found = words(node, what, "kind of subject", &SUBJECT_KINDS, problems);
                (or(found.iter().map(|(name, _)| *name)), Test::SubjectKind(values(&found)))
            }
            "voice" => {
                let found = words(node, what, "voice", &VOICES, problems);
                (or(found.iter().map(|(name, _)| *name)), Test::Voice(values(&found)))
            }
            "intent" => {
                let mut found = Vec::new();
                for item in read::one_or_list(node, what, problems) {
                    read_intent(item, what, &mut found, problems);
                }
                (or(found.iter().map(intent_words)), Test::Intent(found))
            }
            "sentiment" => read_sentiment(node, what, names, problems)?,
            "language" => {
                let found = languages(node, what, problems);
                (or(&found), Test::Language(found))
            }
            "source" => {
                let found = among(node, what, "source", &names.sources(), problems);
                (or(&found), Test::Source(found))
            }
            "source_kind" => {
                let found = among(node, what, "kind of source", &SOURCE_KINDS, problems);
                (or(&found), Test::SourceKind(found))
            }
            "visibility" => {
                let found = words(node, what, "visibility", &VISIBILITIES, problems);
                (or(found.iter().map(|(name, _)| *name)), Test::Visibility(values(&found)))
            }
            "entities" => {
                let found = among(node, what, "kind of entity", &ENTITIES, problems);
                (or(&found), Test::Entities(found))
            }
            "place" => {
                let found = read::texts(node, what, problems);
                (or(&found), Test::Place(found.iter().map(|place| folded(place.trim())).collect()))
            }
            "author_handle" => {
                let found = read::texts(node, what, problems);
                (or(&found), Test::AuthorHandle(found.iter().map(|handle| bare_handle(handle)).collect()))
            }
            "within" => {
                let found = among(node, what, "calendar", &names.calendar_names(), problems);
                let known: Vec<&str> = names.calendar_names().collect();
                (or(&found), Test::Within(positions(&found, &known)))
            }
            "branch" => {
                let known: Vec<&str> = names.branch_names().collect();
                let found = among(node, what, "branch", &known, problems);
                (or(&found), Test::Branch(positions(&found, &known)))
            }
            "theme" => {
                let known: Vec<&str> = names.themes.names().collect();
                let found = among(node, what, "theme", &known, problems);
                (or(&found), Test::Theme(positions(&found, &known)))
            }
            "local_time" => {
                let clock = Clock::read(node, what, names, problems)?;
                (clock.words.clone(), Test::LocalTime(clock))
            }
            "text" | "matches" => {
                let (written, patterns) = patterns(node, what, key == "text", problems);
                (or(&written), Test::Text(patterns))
            }
            "author_followers" | "reach" => {
                let bounds = Bounds::read(node, what, 0.0, f64::MAX, problems)?;
                let measure = if key == "reach" { Measure::Reach } else { Measure::AuthorFollowers };
                (bounds.words(), Test::Range(measure, bounds))
            }
            "rating" => {
                let bounds = Bounds::read(node, what, 1.0, 5.0, problems)?;
                (bounds.words(), Test::Range(Measure::Rating, bounds))
            }
            "age" => {
                let bounds = Bounds::read_durations(node, what, problems)?;
                (bounds.duration_words(), Test::Range(Measure::Age, bounds))
            }
            "author_verified" | "author_bot" | "is_reply" => {
                let wanted = read::boolean(node, what, problems)?;
                let flag = match key {
                    "author_verified" => Flag::AuthorVerified,
                    "author_bot" => Flag::AuthorBot,
                    _ => Flag::IsReply,
                };
                (wanted.to_string(), Test::Flag(flag, wanted))
            }
            _ => return None,
        };
        Some(Self { key, wanted, test })
    }

    /// Reads `thread: {reply: true, open_item: true, team: sales}`, all of which must hold.
    pub fn read_thread(node: &Node, what: &str, names: &Names, problems: &mut Vec<Problem>) -> Vec<Self> {
        let what = &format!("'thread' in {what}");
        let Some(mut fields) = Fields::of(node, what.as_str(), problems) else { return Vec::new() };
        let mut leaves = Vec::new();
        for (key, name, flag) in [
            ("reply", "thread reply", Flag::IsReply),
            ("open_item", "thread open_item", Flag::ThreadHasOpenItem),
        ] {
            let Some(node) = fields.take(key) else { continue };
            if let Some(wanted) = read::boolean(node, &format!("'{key}' of {what}"), problems) {
                leaves.push(Self { key: name, wanted: wanted.to_string(), test: Test::Flag(flag, wanted) });
            }
        }
        if let Some(node) = fields.take("team") {
            let known: Vec<&str> = names.team_names().collect();
            let found = among(node, &format!("'team' of {what}"), "team", &known, problems);
            leaves.push(Self { key: "thread team", wanted: or(&found), test: Test::ThreadTeam(found) });
        }
        let at = fields.at();
        fields.finish(problems);
        if leaves.is_empty() && problems.is_empty() {
            problems
                .push(Problem::at(at, format!("{what} asks nothing")).hint("write reply, open_item or team"));
        }
        leaves
    }
}

/// Phrases, which stand as whole words in any letter case, or regular expressions as they are.
fn patterns(
    node: &Node,
    what: &str,
    phrases: bool,
    problems: &mut Vec<Problem>,
) -> (Vec<String>, Vec<Regex>) {
    let mut written = Vec::new();
    let mut patterns = Vec::new();
    for item in read::one_or_list(node, what, problems) {
        let Some(text) = read::text(item, what, problems) else { continue };
        let pattern = if phrases { phrase(text) } else { text.to_owned() };
        match RegexBuilder::new(&pattern).size_limit(PATTERN_BYTES).build() {
            Ok(pattern) => {
                written.push(text.to_owned());
                patterns.push(pattern);
            }
            Err(error) => {
                // The last line says what is wrong; those before it draw the place.
                let why = error.to_string();
                let why = why.lines().last().unwrap_or_default().trim().trim_start_matches("error: ");
                let problem = Problem::at(item.at, format!("{what} is not a regular expression: {why}"));
                problems.push(problem.hint("for words as they are said, use 'text'"));
            }
        }
    }
    (written, patterns)
}

/// Largest compiled form of one pattern: as much as a few hundred words, and no more.
const PATTERN_BYTES: usize = 1 << 20;

fn phrase(text: &str) -> String {
    let words: Vec<String> = text.split_whitespace().map(regex::escape).collect();
    let edge =
        |character: Option<char>| if character.is_some_and(char::is_alphanumeric) { r"\b" } else { "" };
    let (first, last) = (text.trim().chars().next(), text.trim().chars().next_back());
    format!("(?i){}{}{}", edge(first), words.join(r"\s+"), edge(last))
}

fn intent_words(test: &IntentTest) -> String {
    match test.min {
        min if min > 0.0 => format!("{} at {min} or more", test.intent.name()),
        _ => test.intent.name().to_owned(),
    }
}

fn read_intent(node: &Node, what: &str, found: &mut Vec<IntentTest>, problems: &mut Vec<Problem>) {
    let Value::Map(_) = node.value else {
        if let Some(intent) = intent(node, what, problems) {
            found.push(IntentTest { intent, min: 0.0 });
        }
        return;
    };
    let Some(mut fields) = Fields::of(node, what, problems) else { return };
    let names = fields.require("name", problems);
    let min = match fields.take("min") {
        Some(node) => read::number(node, &format!("'min' of {what}"), 0.0, 1.0, problems),
        None => Some(0.0),
    };
    fields.finish(problems);
    let (Some(names), Some(min)) = (names, min) else { return };
    for name in read::one_or_list(names, what, problems) {
        if let Some(intent) = intent(name, what, problems) {
            #[expect(clippy::cast_possible_truncation, reason = "confidences are f32")]
            found.push(IntentTest { intent, min: min as f32 });
        }
    }
}

fn intent(node: &Node, what: &str, problems: &mut Vec<Problem>) -> Option<Intent> {
    let name = read::text(node, what, problems)?;
    let intent = Intent::named(name);
    if intent.is_none() {
        problems.push(unknown(node, name, "intent", what, INTENTS));
    }
    intent
}

fn read_sentiment(
    node: &Node,
    what: &str,
    names: &Names,
    problems: &mut Vec<Problem>,
) -> Option<(String, Test)> {
    let Value::Map(_) = node.value else {
        let found = words(node, what, "sentiment", &SENTIMENTS, problems);
        let wanted = or(found.iter().map(|(name, _)| *name));
        return Some((
            wanted,
            Test::Sentiment { labels: values(&found), score: Bounds::OPEN, toward: Vec::new() },
        ));
    };
    let before = problems.len();
    let mut fields = Fields::of(node, what, problems)?;
    let mut wanted = Vec::new();
    let mut labels = Vec::new();
    if let Some(node) = fields.take("label") {
        let found = words(node, what, "sentiment", &SENTIMENTS, problems);
        wanted.push(or(found.iter().map(|(name, _)| *name)));
        labels = values(&found);
    }
    let mut score = Bounds::OPEN;
    if let Some(node) = fields.take("score") {
        score = Bounds::read(node, &format!("'score' of {what}"), -1.0, 1.0, problems)?;
        wanted.push(score.words());
    }
    let mut toward = Vec::new();
    if let Some(node) = fields.take("toward") {
        let found = subjects(node, what, names, problems);
        wanted.push(format!("toward {}", or(found.iter().map(|(name, _)| name.as_str()))));
        toward = numbers(&found);
    }
    if labels.is_empty() && score.is_open() && problems.len() == before {
        problems.push(Problem::at(fields.at(), format!("{what} has neither 'label' nor 'score'")));
    }
    fields.finish(problems);
    Some((wanted.join(" "), Test::Sentiment { labels, score, toward }))
}

fn subjects(node: &Node, what: &str, names: &Names, problems: &mut Vec<Problem>) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    for item in read::one_or_list(node, what, problems) {
        let Some(name) = read::text(item, what, problems) else { continue };
        match names.subject(name) {
            Some(number) => found.push((name.to_owned(), number)),
            None => problems.push(unknown(item, name, "subject", what, names.subjects())),
        }
    }
    found
}

fn languages(node: &Node, what: &str, problems: &mut Vec<Problem>) -> Vec<String> {
    let mut found = Vec::new();
    for item in read::one_or_list(node, what, problems) {
        let Some(code) = read::text(item, what, problems) else { continue };
        if LANGUAGES.iter().any(|(known, _)| *known == code) {
            found.push(code.to_owned());
            continue;
        }
        let problem = Problem::at(item.at, format!("unknown language '{code}' in {what}"));
        problems.push(match language_meant(code) {
            Some(meant) => problem.hint(format!("write '{meant}'")),
            None => problem
                .hint("write a two-letter code such as pl, sv, it, ro, en, or und where none was recognised"),
        });
    }
    found
}

fn among<'a>(
    node: &Node,
    what: &str,
    noun: &str,
    known: &(impl IntoIterator<Item = &'a str> + Clone),
    problems: &mut Vec<Problem>,
) -> Vec<String> {
    let mut found = Vec::new();
    for item in read::one_or_list(node, what, problems) {
        let Some(name) = read::text(item, what, problems) else { continue };
        if known.clone().into_iter().any(|known| known == name) {
            found.push(name.to_owned());
        } else {
            problems.push(unknown(item, name, noun, what, known.clone()));
        }
    }
    found
}

fn words<T: Copy>(
    node: &Node,
    what: &str,
    noun: &str,
    table: &'static [(&'static str, T)],
    problems: &mut Vec<Problem>,
) -> Vec<(&'static str, T)> {
    let mut found = Vec::new();
    for item in read::one_or_list(node, what, problems) {
        let Some(name) = read::text(item, what, problems) else { continue };
        match table.iter().find(|(known, _)| *known == name) {
            Some(entry) => found.push(*entry),
            None => problems.push(unknown(item, name, noun, what, table.iter().map(|(known, _)| *known))),
        }
    }
    found
}

fn unknown<'a>(
    node: &Node,
    name: &str,
    noun: &str,
    what: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Problem {
    Problem::at(node.at, format!("unknown {noun} '{name}' in {what}")).suggest(name, known)
}

fn numbers(found: &[(String, u32)]) -> Vec<u32> {
    found.iter().map(|(_, number)| *number).collect()
}

fn positions(found: &[String], known: &[&str]) -> Vec<usize> {
    found.iter().filter_map(|name| known.iter().position(|known| known == name)).collect()
}

fn values<T: Copy>(found: &[(&str, T)]) -> Vec<T> {
    found.iter().map(|(_, value)| *value).collect()
}

fn or(words: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let words: Vec<_> = words.into_iter().collect();
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    words.join(" or ")
}
