//! What the rules look at.

use hark_schema::v1::{self, PostRef, SentimentLabel};
use jiff::Timestamp;

use crate::{
    branch::branch_of,
    memory::{Memory, NOTHING},
    names::Names,
    vocabulary::Intent,
};

/// One mention, as route knows it when it decides.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// What enrich found. Its `post` is not looked at.
    pub mention: &'a v1::Mention,
    /// The post, decoded from the mention's bytes.
    pub post: &'a v1::RawPost,
    /// The kind of source that it came by: `file`, `webhook`, ...
    pub source_kind: &'a str,
    /// What is remembered of its thread and author.
    pub memory: &'a Memory,
}

impl<'a> Facts<'a> {
    /// The facts of a mention and its post, of whose thread and author nothing is remembered; the source's kind is the
    /// post's connector.
    #[must_use]
    pub fn new(mention: &'a v1::Mention, post: &'a v1::RawPost) -> Self {
        let source_kind = post.provenance.as_ref().map_or("", |provenance| provenance.connector.as_str());
        Self { mention, post, source_kind, memory: &NOTHING }
    }

    /// The same, with what is remembered.
    #[must_use]
    pub fn remembering(self, memory: &'a Memory) -> Self {
        Self { memory, ..self }
    }

    pub(crate) fn source(&self) -> &'a str {
        self.post.r#ref.as_ref().map_or("", |reference: &PostRef| reference.source.as_str())
    }

    /// When Hark heard the post; deadlines count from here.
    pub(crate) fn heard(&self) -> Option<Timestamp> {
        let heard = self.post.observed_at.as_ref()?;
        Timestamp::new(heard.seconds, heard.nanos).ok()
    }

    /// When the post was heard, else the time that route goes by; milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> Option<i64> {
        self.heard().map(Timestamp::as_millisecond).or(self.memory.now_ms)
    }

    /// The post was read from an archive and is not news.
    pub(crate) fn is_backfill(&self) -> bool {
        self.post.provenance.as_ref().is_some_and(|provenance| provenance.backfill)
    }

    pub(crate) fn followers(&self) -> Option<u64> {
        self.post.author.as_ref()?.followers
    }
}

/// Facts with names already turned into numbers, so that a condition compares numbers.
pub(crate) struct View<'a> {
    pub facts: &'a Facts<'a>,
    pub names: &'a Names,
    /// Numbers of the subjects that the configuration knows, each once.
    pub subjects: Vec<u32>,
    /// Confidence of each intent that holds.
    pub intents: [Option<f32>; Intent::COUNT],
    /// Number of the branch that it is about.
    pub branch: Option<usize>,
    /// Numbers of the themes of a complaint, or of what is said in anger; empty for all else.
    pub themes: Vec<usize>,
}

impl<'a> View<'a> {
    pub fn new(facts: &'a Facts<'a>, names: &'a Names) -> Self {
        let mut subjects = Vec::with_capacity(facts.mention.matches.len());
        for found in &facts.mention.matches {
            if let Some(number) = names.subject(&found.subject)
                && !subjects.contains(&number)
            {
                subjects.push(number);
            }
        }
        let mut intents = [None; Intent::COUNT];
        for intent in &facts.mention.intents {
            if let Some(known) = Intent::named(&intent.name) {
                intents[known.index()] = Some(intent.confidence);
            }
        }
        let branch = branch_of(&names.branches, facts, &subjects);
        let holds = |name| Intent::named(name).is_some_and(|intent| intents[intent.index()].is_some());
        // Who is unhappy and speaks of brakes that fail complains, whether or not it was put as a complaint.
        let unhappy = facts
            .mention
            .sentiment
            .as_ref()
            .is_some_and(|sentiment| sentiment.label() == SentimentLabel::Negative);
        let complains = holds("complaint") || holds("outrage") || unhappy;
        let themes = if complains {
            names.themes.find(&facts.mention.language, [&facts.post.title, &facts.post.text])
        } else {
            Vec::new()
        };
        Self { facts, names, subjects, intents, branch, themes }
    }

    /// Whether one of these calendars is open at the moment when the post was heard; unknown counts as closed.
    pub fn within(&self, calendars: &[usize]) -> bool {
        let Some(heard) = self.facts.heard() else { return false };
        calendars.iter().any(|calendar| self.names.calendars[*calendar].is_open(heard))
    }

    /// That moment by the clock of the first of these calendars.
    pub fn heard_words(&self, calendars: &[usize]) -> String {
        match (self.facts.heard(), calendars.first()) {
            (Some(heard), Some(calendar)) => self.names.calendars[*calendar].words(heard),
            _ => "unknown".into(),
        }
    }

    /// The number of a subject that the configuration knows.
    pub fn number_of(&self, subject: &str) -> Option<u32> {
        self.names.subject(subject)
    }
}
