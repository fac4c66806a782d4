//! Conditions that look at one thing.

use hark_schema::v1::{SentimentLabel, SubjectKind, Voice};

use crate::{
    document::{Node, Value},
    facts::View,
    problem::Problem,
    read::{self, Fields},
    router::Names,
    vocabulary::{
        INTENTS, Intent, LANGUAGES, SENTIMENTS, SOURCE_KINDS, SUBJECT_KINDS, VOICES, language_meant,
    },
};

/// A condition about one thing, with the words in which it is reported.
#[derive(Debug)]
pub(crate) struct Leaf {
    /// The key: `intent`.
    key: &'static str,
    /// What is wanted, in words: `purchase or question`.
    wanted: String,
    pub test: Test,
}

#[derive(Debug)]
pub(crate) enum Test {
    Subject(Vec<u32>),
    SubjectKind(Vec<SubjectKind>),
    Intent(Vec<IntentTest>),
    Sentiment { labels: Vec<SentimentLabel>, score: Bounds, toward: Vec<u32> },
    Language(Vec<String>),
    Source(Vec<String>),
    SourceKind(Vec<String>),
    Voice(Vec<Voice>),
    AuthorFollowers(Bounds),
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct IntentTest {
    pub intent: Intent,
    pub min: f32,
}

/// From a least to a greatest value, either of which may be open.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    min: f64,
    max: f64,
}

impl Bounds {
    const OPEN: Self = Self { min: f64::NEG_INFINITY, max: f64::INFINITY };

    fn contain(self, value: f64) -> bool {
        value >= self.min && value <= self.max
    }

    /// Every value that this allows is allowed by the other.
    pub fn within(self, other: Self) -> bool {
        self.min >= other.min && self.max <= other.max
    }

    fn is_open(self) -> bool {
        self.min == f64::NEG_INFINITY && self.max == f64::INFINITY
    }

    fn words(self) -> String {
        match (self.min == f64::NEG_INFINITY, self.max == f64::INFINITY) {
            (true, true) => "anything".into(),
            (false, true) => format!("{} or more", self.min),
            (true, false) => format!("{} or less", self.max),
            (false, false) => format!("{} to {}", self.min, self.max),
        }
    }

    fn read(node: &Node, what: &str, least: f64, most: f64, problems: &mut Vec<Problem>) -> Option<Self> {
        if let Value::Scalar(scalar) = &node.value {
            problems.push(
                Problem::at(node.at, format!("{what} must be a range, not {}", node.describe()))
                    .hint(format!("write {{min: {0}}} or {{max: {0}}}", scalar.text)),
            );
            return None;
        }
        let mut fields = Fields::of(node, what, problems)?;
        let bound = |key: &str, node: Option<&Node>, open: f64, problems: &mut Vec<Problem>| match node {
            Some(node) => read::number(node, &format!("'{key}' of {what}"), least, most, problems),
            None => Some(open),
        };
        let min = bound("min", fields.take("min"), f64::NEG_INFINITY, problems);
        let max = bound("max", fields.take("max"), f64::INFINITY, problems);
        fields.finish(problems);
        let bounds = Self { min: min?, max: max? };
        if bounds.is_open() {
            problems.push(Problem::at(node.at, format!("{what} has neither 'min' nor 'max'")));
            return None;
        }
        if bounds.min > bounds.max {
            problems
                .push(Problem::at(node.at, format!("{what} can never hold: 'min' is greater than 'max'")));
            return None;
        }
        Some(bounds)
    }
}

/// The keys that [`Leaf::read`] knows.
pub(crate) const KEYS: [&str; 9] = [
    "subject",
    "subject_kind",
    "intent",
    "sentiment",
    "language",
    "source",
    "source_kind",
    "voice",
    "author_followers",
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
            "author_followers" => {
                let bounds = Bounds::read(node, what, 0.0, f64::MAX, problems)?;
                (bounds.words(), Test::AuthorFollowers(bounds))
            }
            _ => return None,
        };
        Some(Self { key, wanted, test })
    }

    /// Whether it holds.
    pub fn holds(&self, view: &View<'_>) -> bool {
        let facts = view.facts;
        match &self.test {
            Test::Subject(wanted) => wanted.iter().any(|number| view.subjects.contains(number)),
            Test::SubjectKind(wanted) => {
                facts.mention.matches.iter().any(|found| wanted.contains(&found.kind()))
            }
            Test::Intent(wanted) => wanted.iter().any(|test| {
                view.intents[test.intent.index()].is_some_and(|confidence| confidence >= test.min)
            }),
            Test::Sentiment { labels, score, toward } => {
                let fits = |sentiment: &hark_schema::v1::Sentiment| {
                    (labels.is_empty() || labels.contains(&sentiment.label()))
                        && score.contain(f64::from(sentiment.score))
                };
                if toward.is_empty() {
                    return facts.mention.sentiment.as_ref().is_some_and(fits);
                }
                facts.mention.matches.iter().any(|found| {
                    found.sentiment.as_ref().is_some_and(fits)
                        && view.number_of(&found.subject).is_some_and(|number| toward.contains(&number))
                })
            }
            Test::Language(wanted) => wanted.contains(&facts.mention.language),
            Test::Source(wanted) => wanted.iter().any(|name| name == facts.source()),
            Test::SourceKind(wanted) => wanted.iter().any(|kind| kind == facts.source_kind),
            Test::Voice(wanted) => wanted.contains(&facts.mention.voice()),
            Test::AuthorFollowers(bounds) =>
            {
                #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 followers")]
                facts.followers().is_some_and(|followers| bounds.contain(followers as f64))
            }
        }
    }

    /// As written: `intent: purchase or question`.
    pub fn written(&self) -> String {
        format!("{}: {}", self.key, self.wanted)
    }

    /// What the mention had instead, in a sentence: `intent was complaint, not purchase`.
    pub fn refusal(&self, view: &View<'_>) -> String {
        let seen = match &self.test {
            Test::Intent(wanted) if wanted.iter().all(|test| test.min == 0.0) => {
                list(view.facts.mention.intents.iter().map(|intent| intent.name.as_str()))
            }
            Test::Sentiment { score, toward, .. } if score.is_open() && toward.is_empty() => {
                view.facts.mention.sentiment.as_ref().map_or_else(
                    || "not judged".into(),
                    |sentiment| name_of(&SENTIMENTS, sentiment.label()).to_owned(),
                )
            }
            _ => self.seen(view),
        };
        format!("{} was {seen}, not {}", self.key, self.wanted)
    }

    /// What the mention has: `complaint 0.81, question 0.40`.
    pub fn seen(&self, view: &View<'_>) -> String {
        let mention = view.facts.mention;
        match &self.test {
            Test::Subject(_) => {
                let mut names: Vec<&str> = Vec::new();
                for found in &mention.matches {
                    if !names.contains(&found.subject.as_str()) {
                        names.push(&found.subject);
                    }
                }
                list(names)
            }
            Test::SubjectKind(_) => {
                let mut names: Vec<&str> = Vec::new();
                for found in &mention.matches {
                    let name = name_of(&SUBJECT_KINDS, found.kind());
                    if !names.contains(&name) {
                        names.push(name);
                    }
                }
                list(names)
            }
            Test::Intent(_) => {
                list(mention.intents.iter().map(|intent| format!("{} {:.2}", intent.name, intent.confidence)))
            }
            Test::Sentiment { toward, .. } if toward.is_empty() => {
                mention.sentiment.as_ref().map_or_else(|| "not judged".into(), sentiment_words)
            }
            Test::Sentiment { toward, .. } => {
                let judged: Vec<String> = mention
                    .matches
                    .iter()
                    .filter(|found| {
                        view.number_of(&found.subject).is_some_and(|number| toward.contains(&number))
                    })
                    .filter_map(|found| {
                        Some(format!(
                            "{} toward {}",
                            sentiment_words(found.sentiment.as_ref()?),
                            found.subject
                        ))
                    })
                    .collect();
                if judged.is_empty() { "not judged".into() } else { judged.join(", ") }
            }
            Test::Language(_) => or_none(&mention.language),
            Test::Source(_) => or_none(view.facts.source()),
            Test::SourceKind(_) => or_none(view.facts.source_kind),
            Test::Voice(_) => name_of(&VOICES, mention.voice()).to_owned(),
            Test::AuthorFollowers(_) => {
                view.facts.followers().map_or_else(|| "unknown".into(), |followers| followers.to_string())
            }
        }
    }
}

fn sentiment_words(sentiment: &hark_schema::v1::Sentiment) -> String {
    format!("{} {:.2}", name_of(&SENTIMENTS, sentiment.label()), sentiment.score)
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

fn values<T: Copy>(found: &[(&str, T)]) -> Vec<T> {
    found.iter().map(|(_, value)| *value).collect()
}

fn name_of<T: Copy + PartialEq>(table: &[(&'static str, T)], value: T) -> &'static str {
    table.iter().find(|(_, known)| *known == value).map_or("unknown", |(name, _)| name)
}

fn or(words: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let words: Vec<_> = words.into_iter().collect();
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    words.join(" or ")
}

fn or_none(word: &str) -> String {
    if word.is_empty() { "none".into() } else { word.to_owned() }
}

fn list(words: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let words: Vec<_> = words.into_iter().collect();
    if words.is_empty() {
        return "none".into();
    }
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    words.join(", ")
}
