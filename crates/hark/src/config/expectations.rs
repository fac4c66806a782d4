//! `tests:` says what should become of a post; `hark test` runs it.

use std::borrow::Cow;

use hark_rules::{
    DEFAULT, Location, Memory, Owner, PRAISED, Problem, Router,
    document::{Node, Scalar, ScalarKind, Value},
    gate::{NOT_A_PITCHING_TEAM, REFUSALS, STAYS_WITH_OWNER},
    read::{self, Fields},
    vocabulary::{ENTITIES, INTENTS, LANGUAGES, SENTIMENTS, VOICES},
};
use hark_schema::v1::{Author, Op, ThreadRef};
use hark_sources::PostInput;
use jiff::{Timestamp, fmt::temporal::Pieces, tz::Offset};

/// A post and what should become of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Test {
    /// Its name, or the text where it has none.
    pub name: String,
    /// The post.
    pub say: Spoken,
    /// What should become of it, in the order of [`Key`]; never empty, no key twice. Only this is compared.
    pub expect: Vec<(Key, Want)>,
    /// Where it stands in the file.
    pub at: Location,
}

/// A post as if a source had handed it over.
#[derive(Debug, Clone, PartialEq)]
pub struct Spoken {
    /// The post.
    pub post: PostInput,
    /// Name of the source; empty for none of the configuration's.
    pub source: String,
    /// When it is heard; deadlines and office hours need it.
    pub at: Option<Timestamp>,
    /// What is remembered of its conversation and its author.
    pub memory: Memory,
}

impl Spoken {
    /// A text alone.
    pub fn of(text: impl Into<String>) -> Self {
        let post =
            PostInput { id: SPOKEN_ID.to_owned(), text: text.into(), op: Op::Create, ..PostInput::default() };
        Self { post, source: String::new(), at: None, memory: Memory::default() }
    }
}

/// The author of a post, where anything is known of one.
pub fn author(handle: String, followers: Option<u64>) -> Option<Author> {
    let known = followers.is_some() || !handle.is_empty();
    known.then(|| Author { handle, followers, ..Author::default() })
}

/// The id of a post that nobody wrote.
const SPOKEN_ID: &str = "spoken";

/// What a test can expect something of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// The team that gets the item.
    Team,
    /// The rule that decides; `default` for the default.
    Rule,
    /// The reason for which the post is dropped.
    Drop,
    /// 1 to 5.
    Priority,
    /// Who is to take it.
    Person,
    /// When an answer is due.
    Due,
    /// Tags of the item.
    Tags,
    /// Teams that get a copy.
    CopyTo,
    /// The rules with `continue` that held.
    Continued,
    /// Whether the author may be answered.
    MayReply,
    /// Whether the author may be offered something.
    MayPitch,
    /// Why the author may not be addressed.
    Reasons,
    /// Why the gate refused a rule or a copy to a team that pitches.
    Refused,
    /// The language found.
    Language,
    /// The sentiment found.
    Sentiment,
    /// The intents that hold.
    Intents,
    /// The subjects named.
    Subjects,
    /// The kinds of things named.
    Entities,
    /// Who speaks.
    Voice,
}

impl Key {
    const ALL: [Self; 19] = [
        Self::Team,
        Self::Rule,
        Self::Drop,
        Self::Priority,
        Self::Person,
        Self::Due,
        Self::Tags,
        Self::CopyTo,
        Self::Continued,
        Self::MayReply,
        Self::MayPitch,
        Self::Reasons,
        Self::Refused,
        Self::Language,
        Self::Sentiment,
        Self::Intents,
        Self::Subjects,
        Self::Entities,
        Self::Voice,
    ];

    /// As it is written under `expect`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Team => "team",
            Self::Rule => "rule",
            Self::Drop => "drop",
            Self::Priority => "priority",
            Self::Person => "person",
            Self::Due => "due",
            Self::Tags => "tags",
            Self::CopyTo => "copy_to",
            Self::Continued => "continued",
            Self::MayReply => "may_reply",
            Self::MayPitch => "may_pitch",
            Self::Reasons => "reasons",
            Self::Refused => "refused",
            Self::Language => "language",
            Self::Sentiment => "sentiment",
            Self::Intents => "intents",
            Self::Subjects => "subjects",
            Self::Entities => "entities",
            Self::Voice => "voice",
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Priority => Kind::Whole(1, 5),
            Self::Due => Kind::Moment,
            Self::MayReply | Self::MayPitch => Kind::Boolean,
            Self::Tags
            | Self::CopyTo
            | Self::Continued
            | Self::Reasons
            | Self::Refused
            | Self::Intents
            | Self::Subjects
            | Self::Entities => Kind::Words,
            _ => Kind::Word,
        }
    }
}

enum Kind {
    Word,
    /// A list, of which there may be more than expected.
    Words,
    Whole(u64, u64),
    Boolean,
    Moment,
}

/// What is expected under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Want {
    /// `none`: there is nothing of the kind.
    Nothing,
    /// This.
    One(String),
    /// This moment; what comes instead is shown at the same offset.
    Moment(Timestamp, Offset),
    /// At least these.
    AtLeast(Vec<String>),
}

/// The word that stands for the absence of what a key speaks of.
pub const NONE: &str = "none";

/// The reason that stands for a post which names no subject.
pub const NO_MATCH: &str = "no_match";

/// The names that a test may expect. Without a router, because the rules have problems of their own, no team and no
/// rule is checked.
pub(super) struct Names<'a> {
    pub sources: Vec<&'a str>,
    pub subjects: Vec<&'a str>,
    pub router: Option<&'a Router>,
}

impl Names<'_> {
    /// The words that may be expected under a key, as [`stands_for`] takes them; `None` for any.
    fn of(&self, key: Key) -> Option<Vec<Cow<'_, str>>> {
        fn borrowed<'n>(names: impl IntoIterator<Item = &'n str>) -> Vec<Cow<'n, str>> {
            names.into_iter().map(Cow::Borrowed).collect()
        }
        Some(match key {
            Key::Team | Key::CopyTo => borrowed(self.router?.teams().map(|team| team.name.as_str())),
            Key::Rule => borrowed(self.router?.rules().chain([DEFAULT])),
            Key::Continued => borrowed(self.router?.rules()),
            Key::Drop => borrowed(self.router?.drop_reasons().chain([NO_MATCH])),
            Key::Person => borrowed(self.router?.people()),
            Key::Tags => self.router?.tags().map(Cow::Owned).chain([PRAISED.into()]).collect(),
            Key::Reasons => borrowed(REFUSALS.into_iter().chain([NOT_A_PITCHING_TEAM, STAYS_WITH_OWNER])),
            Key::Refused => borrowed(REFUSALS),
            Key::Language => borrowed(LANGUAGES.iter().map(|(code, _)| *code)),
            Key::Sentiment => borrowed(SENTIMENTS.iter().map(|(name, _)| *name)),
            Key::Voice => borrowed(VOICES.iter().map(|(name, _)| *name)),
            Key::Intents => borrowed(INTENTS),
            Key::Entities => borrowed(ENTITIES),
            Key::Subjects => borrowed(self.subjects.iter().copied()),
            Key::Priority | Key::Due | Key::MayReply | Key::MayPitch => return None,
        })
    }
}

pub(super) fn read_tests(node: &Node, names: &Names<'_>, problems: &mut Vec<Problem>) -> Vec<Test> {
    let items = read::list(node, "'tests'", problems).iter().enumerate();
    items.filter_map(|(index, item)| read_test(item, index, names, problems)).collect()
}

/// Keys that describe a post which is given by its text alone.
const BESIDE_SAY: [&str; 3] = ["lang", "author_followers", "author_handle"];

fn read_test(node: &Node, index: usize, names: &Names<'_>, problems: &mut Vec<Problem>) -> Option<Test> {
    let what = format!("test {}", index + 1);
    let mut fields = Fields::of(node, what.as_str(), problems)?;
    let (say, post) = (fields.take("say"), fields.take("post"));
    let beside = BESIDE_SAY.map(|key| fields.take(key));
    let post = match (say, post) {
        (Some(say), None) => read_say(say, beside, &what, problems),
        (None, Some(post)) => {
            for (key, node) in BESIDE_SAY.iter().zip(beside) {
                let Some(node) = node else { continue };
                let problem = Problem::at(node.at, format!("{what} has '{key}' beside 'post'"));
                problems.push(problem.hint("a post says such things itself, as 'lang' and 'author'"));
            }
            read_post(post, &what, problems)
        }
        (Some(_), Some(post)) => {
            let problem = Problem::at(post.at, format!("{what} has both 'say' and 'post'"));
            problems.push(problem.hint("keep one of them"));
            None
        }
        (None, None) => {
            let problem = Problem::at(node.at, format!("{what} lacks the key 'say'"));
            problems.push(problem.hint("say: \"a text\", or post: {text: \"a text\", rating: 1}"));
            None
        }
    };
    let name = fields.take("name").and_then(|node| read::text(node, &format!("'name' of {what}"), problems));
    let source = fields.take("source").and_then(|node| {
        let known: Vec<Cow<'_, str>> = names.sources.iter().map(|name| Cow::Borrowed(*name)).collect();
        known_words(node, &format!("'source' of {what}"), Some(&known), false, problems).pop()
    });
    let at = fields.take("at").and_then(|node| moment(node, &format!("'at' of {what}"), problems));
    let expect =
        fields.require("expect", problems).and_then(|node| read_expectation(node, &what, names, problems));
    let asks_when = |expect: &Vec<(Key, Want)>| {
        expect.iter().any(|(key, want)| *key == Key::Due && *want != Want::Nothing)
    };
    if at.is_none() && expect.as_ref().is_some_and(asks_when) {
        problems.push(lacks_at(node, format!("{what} expects a deadline and has no 'at'")));
    }
    let thread = fields.take("thread");
    let memory = thread.map(|node| read_thread(node, &what, at, names, problems));
    fields.finish(problems);
    let mut post = post?;
    if memory.is_some() && post.thread.is_none() {
        // It is said in a conversation, so that it answers somebody.
        post.thread = Some(ThreadRef { root: String::new(), parent: "the post before it".to_owned() });
    }
    let name = name.map_or_else(|| first_words(&post), str::to_owned);
    let say = Spoken { post, source: source.unwrap_or_default(), at, memory: memory.unwrap_or_default() };
    Some(Test { name, say, expect: expect?, at: node.at })
}

fn lacks_at(node: &Node, message: String) -> Problem {
    Problem::at(node.at, message).hint("say when the post is heard: at: 2026-03-02T09:20:00+01:00")
}

/// What is remembered of the conversation that the post of a test belongs to, and of its author.
fn read_thread(
    node: &Node,
    what: &str,
    at: Option<Timestamp>,
    names: &Names<'_>,
    problems: &mut Vec<Problem>,
) -> Memory {
    let mut memory = Memory::default();
    let Some(mut fields) = Fields::of(node, format!("'thread' of {what}"), problems) else { return memory };
    let team = fields.take("team").and_then(|node| {
        let known = names.of(Key::Team);
        known_words(node, &format!("'team' in 'thread' of {what}"), known.as_deref(), false, problems).pop()
    });
    let person = fields
        .take("person")
        .and_then(|node| read::text(node, &format!("'person' in 'thread' of {what}"), problems));
    if let (Some(_), None) = (person, &team) {
        let problem = Problem::at(node.at, format!("'thread' of {what} has a person and no team"));
        problems.push(problem.hint("name the team too: thread: {team: sales, person: anna}"));
    }
    memory.owner = team.map(|team| Owner { team, person: person.unwrap_or_default().to_owned() });
    memory.other_open_item = fields
        .take("open_item")
        .and_then(|node| read::boolean(node, &format!("'open_item' in 'thread' of {what}"), problems))
        .unwrap_or_default();
    let mut ms = |key: &'static str, problems: &mut Vec<Problem>| {
        let node = fields.take(key)?;
        if at.is_none() {
            problems.push(lacks_at(node, format!("{what} has '{key}' and no 'at'")));
        }
        moment(node, &format!("'{key}' in 'thread' of {what}"), problems).map(Timestamp::as_millisecond)
    };
    memory.thread_pitched_ms = ms("pitched", problems);
    memory.author_pitched_ms = ms("author_pitched", problems);
    fields.finish(problems);
    memory
}

/// What a test is called that has no name: its title or text.
fn first_words(post: &PostInput) -> String {
    if post.title.is_empty() { post.text.clone() } else { post.title.clone() }
}

fn read_say(
    say: &Node,
    beside: [Option<&Node>; BESIDE_SAY.len()],
    what: &str,
    problems: &mut Vec<Problem>,
) -> Option<PostInput> {
    let text = read::text(say, &format!("'say' of {what}"), problems);
    let [lang, followers, handle] = beside;
    let lang = lang.and_then(|node| read::text(node, &format!("'lang' of {what}"), problems));
    let handle = handle.and_then(|node| read::text(node, &format!("'author_handle' of {what}"), problems));
    let followers = followers
        .and_then(|node| read::whole(node, &format!("'author_followers' of {what}"), 0, u64::MAX, problems));
    let mut post = Spoken::of(text?).post;
    post.lang = lang.unwrap_or_default().to_owned();
    post.author = author(handle.unwrap_or_default().to_owned(), followers);
    Some(post)
}

/// A post as docs/posts.md describes it: as YAML, or as a line of JSON copied from somewhere. It may go without an id.
fn read_post(node: &Node, what: &str, problems: &mut Vec<Problem>) -> Option<PostInput> {
    let json = match &node.value {
        Value::Map(_) => json_of(node),
        Value::Scalar(Scalar { text, kind: ScalarKind::Text }) if text.trim_start().starts_with('{') => {
            match serde_json::from_str(text) {
                Ok(json) => json,
                Err(error) => {
                    problems.push(Problem::at(node.at, format!("'post' of {what} is not JSON: {error}")));
                    return None;
                }
            }
        }
        _ => {
            let message = format!("'post' of {what} must be a post, not {}", node.describe());
            problems.push(Problem::at(node.at, message).hint("write it as {text: \"a text\", rating: 1}"));
            return None;
        }
    };
    let mut json = json;
    if let Some(members) = json.as_object_mut() {
        members.entry("id").or_insert_with(|| SPOKEN_ID.into());
    }
    let post = match PostInput::from_json(json.to_string().as_bytes()) {
        Ok(post) => post,
        Err(refused) => {
            problems.extend(refused.errors.into_iter().map(|error| {
                let key = error.pointer.trim_start_matches('/').replace('/', ".");
                let key = if key.is_empty() { String::new() } else { format!("'{key}' in ") };
                Problem::at(place_of(node, &error.pointer), format!("{key}'post' of {what}: {}", error.why))
            }));
            return None;
        }
    };
    if post.op == Op::Delete {
        let problem = Problem::at(place_of(node, "/op"), format!("'post' of {what} is deleted"));
        problems.push(problem.hint("what is deleted goes to nobody: there is nothing to test"));
        return None;
    }
    Some(post)
}

/// Where a JSON pointer leads to, as far as the file shows it.
fn place_of(node: &Node, pointer: &str) -> Location {
    let mut node = node;
    for key in pointer.split('/').skip(1) {
        let next = match &node.value {
            Value::List(items) => key.parse().ok().and_then(|index: usize| items.get(index)),
            _ => node.get(key),
        };
        let Some(next) = next else { break };
        node = next;
    }
    node.at
}

fn json_of(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Null => serde_json::Value::Null,
        Value::Scalar(Scalar { text, kind }) => match kind {
            ScalarKind::Text => text.as_str().into(),
            ScalarKind::Bool(value) => (*value).into(),
            // As it was written where JSON can write it so.
            ScalarKind::Number(value) => serde_json::from_str(text).unwrap_or_else(|_| (*value).into()),
        },
        Value::List(items) => items.iter().map(json_of).collect(),
        Value::Map(entries) => {
            entries.iter().map(|entry| (entry.key.clone(), json_of(&entry.value))).collect()
        }
    }
}

fn read_expectation(
    node: &Node,
    what: &str,
    names: &Names<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Vec<(Key, Want)>> {
    let before = problems.len();
    let mut fields = Fields::of(node, format!("'expect' of {what}"), problems)?;
    let mut expect = Vec::new();
    for key in Key::ALL {
        let Some(node) = fields.take(key.name()) else { continue };
        let label = format!("'{}' of {what}", key.name());
        let known = names.of(key);
        expect.extend(read_want(node, key, known.as_deref(), &label, problems).map(|want| (key, want)));
    }
    fields.finish(problems);
    if expect.is_empty() && problems.len() == before {
        let problem = Problem::at(node.at, format!("{what} expects nothing"));
        problems.push(problem.hint("say at least: expect: {team: sales}"));
        return None;
    }
    Some(expect)
}

fn read_want(
    node: &Node,
    key: Key,
    known: Option<&[Cow<'_, str>]>,
    what: &str,
    problems: &mut Vec<Problem>,
) -> Option<Want> {
    // A team or a tag may have the name; then it is meant.
    let is_name = known.is_some_and(|known| known.iter().any(|known| known == NONE));
    if matches!(&node.value, Value::Scalar(Scalar { text, .. }) if text == NONE) && !is_name {
        return Some(Want::Nothing);
    }
    match key.kind() {
        Kind::Word => known_words(node, what, known, false, problems).pop().map(Want::One),
        Kind::Words => {
            let words = known_words(node, what, known, true, problems);
            (!words.is_empty()).then_some(Want::AtLeast(words))
        }
        Kind::Whole(min, max) => {
            read::whole(node, what, min, max, problems).map(|number| Want::One(number.to_string()))
        }
        Kind::Boolean => read::boolean(node, what, problems).map(|value| Want::One(value.to_string())),
        Kind::Moment => {
            let at = moment(node, what, problems)?;
            let Value::Scalar(Scalar { text, .. }) = &node.value else { return None };
            let offset = Pieces::parse(text.as_str()).ok().and_then(|pieces| pieces.to_numeric_offset());
            Some(Want::Moment(at, offset.unwrap_or(Offset::UTC)))
        }
    }
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
    known: Option<&[Cow<'_, str>]>,
    many: bool,
    problems: &mut Vec<Problem>,
) -> Vec<String> {
    let items = if many { read::one_or_list(node, what, problems) } else { std::slice::from_ref(node) };
    let mut found = Vec::new();
    for item in items {
        let Some(word) = read::text(item, what, problems) else { continue };
        match known {
            Some(known) if !known.iter().any(|known| stands_for(known, word)) => {
                let problem = Problem::at(item.at, format!("unknown word '{word}' for {what}"));
                problems.push(problem.suggest(word, known.iter().map(AsRef::as_ref)));
            }
            _ => found.push(word.to_owned()),
        }
    }
    found
}

/// Whether a known word is the one written. One that ends with a colon stands for all that begin so.
fn stands_for(known: &str, word: &str) -> bool {
    known == word || (known.ends_with(':') && word.starts_with(known))
}
