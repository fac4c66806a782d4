//! The shipped models behind one call.

use std::borrow::Cow;

use crate::{
    Analysis, Input, Intent, IntentName, ModelError, Scratch, Sentiment, SentimentLabel, entities, evidence,
    features::{FEATURES_VERSION, Weight, features},
    language::{Identifier, letters},
    lexicon::Lexicon,
    model::{Model, Output},
    story,
    tokens::{TokenKind, Tokens},
};

/// Outputs of the tag model: three of sentiment, eight intents, one of padding.
pub const TAGS: usize = 12;
/// The first intent among the outputs; before it come negative, neutral and positive.
pub const FIRST_INTENT: usize = 3;

/// What each output gets from a token.
pub(crate) type Shares = [i32; TAGS];

/// Judges posts.
#[derive(Debug)]
pub struct Analyzer {
    revision: String,
    identifier: Identifier,
    tags: Model<TAGS>,
    lexicon: Lexicon,
}

static LANGUAGE_MODEL: &[u8] = include_bytes!("../models/language.model");
static TAGS_MODEL: &[u8] = include_bytes!("../models/tags.model");

/// Memory that the analysis reuses from post to post.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    tokens: Tokens,
    letters: Vec<u8>,
    shares: Vec<Shares>,
}

impl Analyzer {
    /// With the models that are built in; takes some milliseconds, so a command that judges nothing need not ask.
    ///
    /// # Errors
    /// A model is damaged, which only a broken build can bring about.
    pub fn shipped() -> Result<Self, ModelError> {
        Self::with_models(Cow::Borrowed(LANGUAGE_MODEL), Cow::Borrowed(TAGS_MODEL))
    }

    /// With models made by hark-train.
    ///
    /// # Errors
    /// A model is damaged or made for another version.
    pub fn with_models(language: Cow<'static, [u8]>, tags: Cow<'static, [u8]>) -> Result<Self, ModelError> {
        let mut hasher = blake3::Hasher::new();
        // A model's last bytes are its checksum, so they stand for all of it.
        hasher.update(tail(&language)).update(tail(&tags));
        let revision = hasher.finalize().to_hex()[..12].to_owned();
        Ok(Self {
            revision,
            identifier: Identifier::parse(language)?,
            tags: Model::parse("tags", FEATURES_VERSION, tags)?,
            lexicon: Lexicon::shipped(),
        })
    }

    /// Names the models in use, 12 hexadecimal digits; changes whenever one of them does.
    #[must_use]
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// Judges one post. Never fails: a text that nothing can be said about is `und`, neutral, without intents.
    #[must_use]
    pub fn analyze(&self, input: &Input<'_>, scratch: &mut Scratch) -> Analysis {
        let work = &mut scratch.workspace;
        work.tokens.read(input.title, input.text);
        letters(input.text, &mut work.letters);
        if work.letters.len() < input.title.len().min(ENOUGH_LETTERS) {
            letters(input.title, &mut work.letters);
        }
        let (language, language_confidence) = self.identifier.identify(&work.letters, input.lang_hint);
        let shift = self.tags.shift(language);
        let whole = self.weigh(&work.tokens, &mut work.shares);
        let outputs = self.tags.outputs();
        let sentiment = Sentiment {
            evidence: Vec::new(),
            ..attitude(outputs, &shift, &whole.scores(outputs), input.rating)
        };
        let sentiment = Sentiment {
            evidence: evidence::of_sentiment(&work.tokens, &work.shares, outputs, sentiment.label),
            ..sentiment
        };
        let mut intents = Vec::new();
        let scores = whole.scores(outputs);
        for (name, at) in IntentName::ALL.into_iter().zip(FIRST_INTENT..) {
            let confidence = outputs[at].probability(scores[at], shift[at]);
            if confidence >= outputs[at].threshold && whole.norm > 0.0 {
                let evidence = evidence::of_intent(&work.tokens, &work.shares, at);
                intents.push(Intent { name, confidence, evidence });
            }
        }
        intents.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        let toward = self.toward(input, &work.tokens, &work.shares, &shift, &sentiment);
        Analysis {
            language,
            language_confidence,
            sentiment,
            intents,
            entities: entities::find(input.text, input.matches),
            story: story::fingerprint(&work.tokens),
            toward,
        }
    }

    /// Raw scores of a text, one for each output: what calibration is fitted to.
    #[must_use]
    pub fn scores(&self, title: &str, text: &str, scratch: &mut Scratch) -> [f32; TAGS] {
        let work = &mut scratch.workspace;
        work.tokens.read(title, text);
        self.weigh(&work.tokens, &mut work.shares).scores(self.tags.outputs())
    }

    /// The lexicon in use.
    #[must_use]
    pub fn lexicon(&self) -> &Lexicon {
        &self.lexicon
    }

    /// Tells languages apart.
    #[must_use]
    pub fn identifier(&self) -> &Identifier {
        &self.identifier
    }

    fn weigh(&self, tokens: &Tokens, shares: &mut Vec<Shares>) -> Sum {
        shares.clear();
        shares.resize(tokens.all().len(), [0; TAGS]);
        let mut squares = 0.0;
        features(tokens, &self.lexicon, |hash, weight, token| {
            squares += weight.square();
            if let Some(share) = shares.get_mut(token) {
                self.tags.add(hash, share);
            }
        });
        Sum::of(shares, squares)
    }

    /// The attitude of the clause in which a subject stands; `None` where the whole text is one clause of one subject.
    fn toward(
        &self,
        input: &Input<'_>,
        tokens: &Tokens,
        shares: &[Shares],
        shift: &[f32; TAGS],
        whole: &Sentiment,
    ) -> Vec<Option<Sentiment>> {
        let first = input.matches.first().map(|hit| hit.subject);
        let one_subject = input.matches.iter().all(|hit| Some(hit.subject) == first);
        let outputs = self.tags.outputs();
        let judge = |hit: &crate::Match| {
            if one_subject {
                return Some(Sentiment { evidence: Vec::new(), ..*whole });
            }
            let clause = clause_around(tokens, hit.start);
            // Letters weigh most of the squares: about this many for each word.
            let squares = clause.len() as f32 * SQUARES_A_WORD;
            let sum = Sum::of(&shares[clause], squares);
            let evidence = Vec::new();
            Some(Sentiment { evidence, ..attitude(outputs, shift, &sum.scores(outputs), None) })
        };
        input.matches.iter().map(judge).collect()
    }
}

const SQUARES_A_WORD: f32 = 6.0;
/// A text with fewer letters is told by its title.
const ENOUGH_LETTERS: usize = 20;

fn tail(model: &[u8]) -> &[u8] {
    &model[model.len().saturating_sub(16)..]
}

/// Weights summed up.
struct Sum {
    units: [i32; TAGS],
    norm: f32,
}

impl Sum {
    fn of(shares: &[Shares], squares: f32) -> Self {
        let mut units = [0_i32; TAGS];
        for share in shares {
            for (unit, share) in units.iter_mut().zip(share) {
                *unit = unit.saturating_add(*share);
            }
        }
        Self { units, norm: if squares > 0.0 { 1.0 / squares.sqrt() } else { 0.0 } }
    }

    fn scores(&self, outputs: &[Output]) -> [f32; TAGS] {
        let mut scores = [0.0; TAGS];
        for ((score, units), output) in scores.iter_mut().zip(self.units).zip(outputs) {
            *score = units as f32 * output.scale * self.norm + output.bias;
        }
        scores
    }
}

impl Weight {
    pub(crate) fn square(self) -> f32 {
        self.factor() * self.factor()
    }
}

fn attitude(outputs: &[Output], shift: &[f32; TAGS], scores: &[f32; TAGS], rating: Option<f64>) -> Sentiment {
    let mut logits = [0.0; FIRST_INTENT];
    for (at, logit) in logits.iter_mut().enumerate() {
        *logit = outputs[at].slope * scores[at] + outputs[at].offset + shift[at];
    }
    if let Some(stars) = rating {
        let lean = (stars.clamp(1.0, 5.0) as f32 - 3.0) * LOGIT_A_STAR;
        logits[0] -= lean;
        logits[2] += lean;
    }
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let odds = logits.map(|logit| (logit - highest).exp());
    let total: f32 = odds.iter().sum();
    let [negative, neutral, positive] = odds.map(|odds| odds / total);
    let (label, confidence) = if neutral >= negative && neutral >= positive {
        (SentimentLabel::Neutral, neutral)
    } else if negative >= positive {
        (SentimentLabel::Negative, negative)
    } else {
        (SentimentLabel::Positive, positive)
    };
    Sentiment { label, score: positive - negative, confidence, evidence: Vec::new() }
}

/// What one star more than three is worth beside the words.
const LOGIT_A_STAR: f32 = 0.8;

/// Tokens of the clause at a byte position: up to a mark, or to a word that turns the sentence round.
fn clause_around(tokens: &Tokens, at: usize) -> std::ops::Range<usize> {
    let all = tokens.all();
    let here = all.iter().position(|token| token.end > at).unwrap_or(0);
    let ends = |index: &usize| {
        let token = &all[*index];
        token.kind == TokenKind::Mark || token.kind == TokenKind::Word && turns(tokens.bytes_of(token))
    };
    let from = (0..here).rev().find(ends).map_or(0, |end| end + 1);
    let to = (here..all.len()).find(ends).map_or(all.len(), |end| end + 1);
    from..to.max(from)
}

fn turns(word: &[u8]) -> bool {
    matches!(
        word,
        b"ale"
            | b"lecz"
            | b"natomiast"
            | b"men"
            | b"medan"
            | b"ma"
            | b"pero"
            | b"mentre"
            | b"invece"
            | b"dar"
            | b"insa"
            | b"iar"
            | b"but"
            | b"while"
            | b"whereas"
            | b"however"
            | b"aber"
            | b"mais"
            | b"unlike"
            | b"za"
    )
}
