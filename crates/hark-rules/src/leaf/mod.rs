//! Conditions that look at one thing.

mod bounds;
mod read;

use hark_schema::v1::{SentimentLabel, SubjectKind, Visibility, Voice};
use regex::Regex;

use crate::{
    calendar::Clock,
    facts::View,
    fold::folded,
    read::duration_words,
    vocabulary::{Intent, SENTIMENTS, SUBJECT_KINDS, VISIBILITIES, VOICES},
};

pub(crate) use bounds::Bounds;
pub(crate) use read::KEYS;

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
    Sentiment {
        labels: Vec<SentimentLabel>,
        score: Bounds,
        toward: Vec<u32>,
    },
    Language(Vec<String>),
    Source(Vec<String>),
    SourceKind(Vec<String>),
    Voice(Vec<Voice>),
    Visibility(Vec<Visibility>),
    /// [`folded`].
    Place(Vec<String>),
    /// Numbers of branches.
    Branch(Vec<usize>),
    /// Numbers of themes.
    Theme(Vec<usize>),
    LocalTime(Clock),
    /// Names of teams, one of which owns the thread.
    ThreadTeam(Vec<String>),
    /// Folded by [`bare_handle`].
    AuthorHandle(Vec<String>),
    Entities(Vec<String>),
    /// One of these is found in title or text.
    Text(Vec<Regex>),
    /// Numbers of calendars.
    Within(Vec<usize>),
    Range(Measure, Bounds),
    Flag(Flag, bool),
}

/// Something that is counted; unknown is outside of every range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    AuthorFollowers,
    Reach,
    Rating,
    /// Seconds from the writing to the hearing.
    Age,
}

/// Something that is so or not; unknown counts as not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flag {
    AuthorVerified,
    AuthorBot,
    IsReply,
    /// Another mention of the thread has an open item.
    ThreadHasOpenItem,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct IntentTest {
    pub intent: Intent,
    pub min: f32,
}

impl Leaf {
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
            Test::Visibility(wanted) => wanted.contains(&visibility(view)),
            Test::Place(wanted) => {
                let place = facts.post.place.trim();
                !place.is_empty() && wanted.contains(&folded(place))
            }
            Test::Branch(wanted) => view.branch.is_some_and(|branch| wanted.contains(&branch)),
            Test::Theme(wanted) => view.themes.iter().any(|theme| wanted.contains(theme)),
            Test::LocalTime(clock) => {
                facts.heard().is_some_and(|heard| clock.covers(heard, &view.names.calendars))
            }
            Test::ThreadTeam(wanted) => {
                thread_team(view).is_some_and(|team| wanted.iter().any(|wanted| wanted == team))
            }
            Test::AuthorHandle(wanted) => {
                handle(view).is_some_and(|handle| wanted.contains(&bare_handle(handle)))
            }
            Test::Entities(wanted) => {
                facts.mention.entities.iter().any(|entity| wanted.contains(&entity.kind))
            }
            Test::Text(patterns) => patterns
                .iter()
                .any(|pattern| pattern.is_match(&facts.post.text) || pattern.is_match(&facts.post.title)),
            Test::Within(calendars) => view.within(calendars),
            Test::Range(measure, bounds) => {
                measured(*measure, view).is_some_and(|value| bounds.contain(value))
            }
            Test::Flag(flag, wanted) => flagged(*flag, view).unwrap_or(false) == *wanted,
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
            Test::Text(_) => return format!("nobody says {}", self.wanted),
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
            Test::Visibility(_) => name_of(&VISIBILITIES, visibility(view)).to_owned(),
            Test::Place(_) => or_none(&view.facts.post.place),
            Test::Branch(_) => {
                view.branch.map_or_else(|| "none".into(), |branch| view.names.branches[branch].name.clone())
            }
            Test::Theme(_) => list(view.themes.iter().map(|theme| view.names.themes.name(*theme))),
            Test::LocalTime(clock) => view
                .facts
                .heard()
                .map_or_else(|| "unknown".into(), |heard| clock.seen(heard, &view.names.calendars)),
            Test::ThreadTeam(_) => or_none(thread_team(view).unwrap_or_default()),
            Test::AuthorHandle(_) => or_none(handle(view).unwrap_or_default()),
            Test::Entities(_) => {
                let mut kinds: Vec<&str> =
                    mention.entities.iter().map(|entity| entity.kind.as_str()).collect();
                kinds.dedup();
                list(kinds)
            }
            Test::Text(patterns) => {
                let post = view.facts.post;
                let found = patterns.iter().find_map(|pattern| {
                    pattern.find(&post.text).or_else(|| pattern.find(&post.title)).map(|found| found.as_str())
                });
                found.map_or_else(|| "not said".into(), |said| format!("\"{}\"", shortened(said)))
            }
            Test::Within(calendars) => view.heard_words(calendars),
            Test::Range(Measure::Age, _) => {
                measured(Measure::Age, view).map_or_else(|| "unknown".into(), duration_words)
            }
            Test::Range(measure, _) => {
                measured(*measure, view).map_or_else(|| "unknown".into(), |value| value.to_string())
            }
            Test::Flag(flag, _) => {
                flagged(*flag, view).map_or_else(|| "unknown".into(), |flag| flag.to_string())
            }
        }
    }
}

/// Nothing said means public.
fn visibility(view: &View<'_>) -> Visibility {
    match view.facts.post.visibility() {
        Visibility::Unspecified => Visibility::Public,
        said => said,
    }
}

fn handle<'a>(view: &View<'a>) -> Option<&'a str> {
    view.facts.post.author.as_ref().map(|author| author.handle.as_str()).filter(|handle| !handle.is_empty())
}

/// The team that has the thread, by the name that it has now.
fn thread_team<'a>(view: &View<'a>) -> Option<&'a str> {
    view.facts.memory.owner.as_ref().map(|owner| view.names.team_now(&owner.team))
}

/// A handle without `@`, [`folded`].
pub(crate) fn bare_handle(handle: &str) -> String {
    folded(handle.trim().trim_start_matches('@'))
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53, more than any count of people")]
fn measured(measure: Measure, view: &View<'_>) -> Option<f64> {
    let facts = view.facts;
    match measure {
        Measure::AuthorFollowers => facts.followers().map(|followers| followers as f64),
        Measure::Reach => facts.mention.reach.map(|reach| reach as f64),
        Measure::Rating => facts.post.rating,
        Measure::Age => {
            let seconds = |time: &prost_types::Timestamp| time.seconds;
            let heard = facts.post.observed_at.as_ref().map(seconds)?;
            let written = facts.post.created_at.as_ref().map(seconds)?;
            // A source whose clock is ahead says nothing about age.
            Some(heard.saturating_sub(written).max(0) as f64)
        }
    }
}

fn flagged(flag: Flag, view: &View<'_>) -> Option<bool> {
    let post = view.facts.post;
    match flag {
        Flag::AuthorVerified => post.author.as_ref()?.verified,
        Flag::AuthorBot => post.author.as_ref()?.bot,
        Flag::ThreadHasOpenItem => Some(view.facts.memory.other_open_item),
        Flag::IsReply => Some(post.thread.as_ref().is_some_and(|thread| {
            let own_id = post.r#ref.as_ref().map_or("", |reference| reference.native_id.as_str());
            !thread.parent.is_empty() || (!thread.root.is_empty() && thread.root != own_id)
        })),
    }
}

/// A pattern may match a whole text; a trace need not repeat it.
fn shortened(said: &str) -> String {
    const MAX: usize = 60;
    match said.char_indices().nth(MAX) {
        Some((end, _)) => format!("{}...", &said[..end]),
        None => said.to_owned(),
    }
}

fn sentiment_words(sentiment: &hark_schema::v1::Sentiment) -> String {
    format!("{} {:.2}", name_of(&SENTIMENTS, sentiment.label()), sentiment.score)
}

fn name_of<T: Copy + PartialEq>(table: &[(&'static str, T)], value: T) -> &'static str {
    table.iter().find(|(_, known)| *known == value).map_or("unknown", |(name, _)| name)
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
