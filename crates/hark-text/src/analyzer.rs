//! The shipped models behind one call.

use crate::{Analysis, Input, Scratch, Sentiment, SentimentLabel};

/// A model cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// The bytes are no model or were damaged.
    #[error("model {name} is damaged ({why}): reinstall Hark")]
    Corrupt {
        /// Which model.
        name: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The model was made for a later version.
    #[error(
        "model {name} has format {found}, newer than {known}: use a newer Hark or the models shipped with it"
    )]
    Newer {
        /// Which model.
        name: &'static str,
        /// Format of the file.
        found: u32,
        /// Newest format that can be read.
        known: u32,
    },
}

/// Judges posts. Cheap to make: the models are part of the program and decoded when first used.
#[derive(Debug)]
pub struct Analyzer {
    revision: String,
}

impl Analyzer {
    /// With the models that are built in.
    ///
    /// # Errors
    /// A model is damaged, which only a broken build can bring about.
    pub fn shipped() -> Result<Self, ModelError> {
        Ok(Self { revision: "0".into() })
    }

    /// Names the models in use; changes whenever one of them does.
    #[must_use]
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// Judges one post. Never fails: a text that nothing can be said about is `und`, neutral, without intents.
    #[must_use]
    pub fn analyze(&self, input: &Input<'_>, _scratch: &mut Scratch) -> Analysis {
        Analysis {
            language: "und",
            language_confidence: 0.0,
            sentiment: Sentiment {
                label: SentimentLabel::Neutral,
                score: 0.0,
                confidence: 0.0,
                evidence: Vec::new(),
            },
            intents: Vec::new(),
            entities: Vec::new(),
            story: 0,
            toward: vec![None; input.matches.len()],
        }
    }
}
