//! What a post says: which of the configured subjects it names, in which language it is written, how it feels and
//! what its author wants.
//!
//! Pure: no file, no network, no clock. Two doors:
//! - [`Matcher::find`] runs over **every** post. It reads the text once, folds it on the fly and asks one bit table a
//!   word, so that a post which names nobody costs no allocation and no more with 100,000 terms than with ten.
//! - [`Analyzer::analyze`] runs over the posts that matched.
//!
//! All positions are byte offsets into the UTF-8 that was handed in, always on character boundaries.

mod alphabet;
mod analysis;
mod analyzer;
mod entities;
mod evidence;
pub mod features;
mod filter;
mod fingerprint;
mod fold;
mod forms;
pub mod language;
mod languages;
pub mod lexicon;
mod matcher;
pub mod model;
mod redact;
mod story;
mod subject;
pub mod tokens;
mod toward;
mod words;

pub use analysis::{Analysis, Entity, Input, Intent, IntentName, Sentiment, SentimentLabel, UnknownName};
pub use analyzer::{ABOUT_FIRM, Analyzer, FIRM, FIRST_INTENT, TAGS, about_firm, attitude_logits};
pub use entities::PERSONAL;
pub use fingerprint::fingerprint;
pub use fold::fold;
pub use forms::forms;
pub use matcher::{Match, Matcher, MatcherError, Scratch};
pub use model::ModelError;
pub use redact::{personal_data, redact, redact_document};
pub use story::STORY_RADIUS;
pub use subject::{Context, Subject, SubjectKind, Term};

/// From what the shipped models were made, on which terms, how, and how good they are: JSON, as hark-train writes it.
pub const MANIFEST: &str = include_str!("../models/manifest.json");
