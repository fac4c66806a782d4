//! What an analysis consists of.

use std::{fmt, ops::Range, str::FromStr};

use crate::Match;

/// A post to be analysed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Input<'a> {
    /// What the author wrote; all spans of the analysis lie in it.
    pub text: &'a str,
    /// The title, empty if none: it counts for language, sentiment and intents, and never has spans.
    pub title: &'a str,
    /// The language that the source claims, an ISO 639-1 code in any letter case, with or without a region: used as a prior.
    pub lang_hint: Option<&'a str>,
    /// The author's rating in stars, 1 to 5.
    pub rating: Option<f64>,
    /// Where subjects stand in `text`, as [`crate::Matcher::find`] gives them.
    pub matches: &'a [Match],
}

/// What a post says.
#[derive(Clone, Debug, PartialEq)]
pub struct Analysis {
    /// ISO 639-1 code, or `und` when unsure.
    pub language: &'static str,
    /// Probability of `language`, 0 to 1.
    pub language_confidence: f32,
    /// The author's attitude.
    pub sentiment: Sentiment,
    /// What the author wants: only intents that hold, most confident first.
    pub intents: Vec<Intent>,
    /// Things named in the text, by position.
    pub entities: Vec<Entity>,
    /// Near copies of a text differ in few bits of it; 0 where there is nothing to tell copies by.
    pub story: u64,
    /// Sentiment toward each of the input's matches; `None` where it was not judged.
    pub toward: Vec<Option<Sentiment>>,
}

/// How favourable a text is.
#[derive(Clone, Debug, PartialEq)]
pub struct Sentiment {
    /// The most probable attitude.
    pub label: SentimentLabel,
    /// -1 (hostile) to 1 (delighted).
    pub score: f32,
    /// Probability of the label, 0 to 1.
    pub confidence: f32,
    /// The stretches that weighed most, heaviest first.
    pub evidence: Vec<Range<usize>>,
}

/// An attitude.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names say it")]
pub enum SentimentLabel {
    Negative,
    Neutral,
    Positive,
}

/// Something the author wants.
#[derive(Clone, Debug, PartialEq)]
pub struct Intent {
    /// Which.
    pub name: IntentName,
    /// Calibrated probability, 0 to 1.
    pub confidence: f32,
    /// The stretches that weighed most, heaviest first.
    pub evidence: Vec<Range<usize>>,
}

/// The intents; docs/labels.md defines them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names say it")]
pub enum IntentName {
    Purchase,
    Complaint,
    Question,
    Praise,
    Suggestion,
    Churn,
    Outrage,
    Spam,
}

/// A thing named in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// `person`, `order_number`, `phone`, `email`, `iban`, `card`, `money`.
    pub kind: &'static str,
    /// Where in the text.
    pub range: Range<usize>,
}

/// No sentiment or intent has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is none of {known}")]
pub struct UnknownName {
    name: String,
    known: &'static str,
}

impl SentimentLabel {
    /// All, from the worst.
    pub const ALL: [Self; 3] = [Self::Negative, Self::Neutral, Self::Positive];

    /// As it is written outside.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Negative => "negative",
            Self::Neutral => "neutral",
            Self::Positive => "positive",
        }
    }

    pub(crate) fn opposite(self) -> Self {
        match self {
            Self::Negative => Self::Positive,
            Self::Neutral => Self::Neutral,
            Self::Positive => Self::Negative,
        }
    }
}

impl IntentName {
    /// All, in the order of docs/labels.md.
    pub const ALL: [Self; 8] = [
        Self::Purchase,
        Self::Complaint,
        Self::Question,
        Self::Praise,
        Self::Suggestion,
        Self::Churn,
        Self::Outrage,
        Self::Spam,
    ];

    /// As it is written outside.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Purchase => "purchase",
            Self::Complaint => "complaint",
            Self::Question => "question",
            Self::Praise => "praise",
            Self::Suggestion => "suggestion",
            Self::Churn => "churn",
            Self::Outrage => "outrage",
            Self::Spam => "spam",
        }
    }
}

impl fmt::Display for SentimentLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for IntentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SentimentLabel {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        let known = "negative, neutral, positive";
        Self::ALL
            .into_iter()
            .find(|label| label.name() == name)
            .ok_or(UnknownName { name: name.into(), known })
    }
}

impl FromStr for IntentName {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        let known = "purchase, complaint, question, praise, suggestion, churn, outrage, spam";
        Self::ALL
            .into_iter()
            .find(|intent| intent.name() == name)
            .ok_or(UnknownName { name: name.into(), known })
    }
}
