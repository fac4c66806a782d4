//! The shipped models behind one call.

use std::{borrow::Cow, ops::Range};

use crate::{
    Analysis, Input, Intent, IntentName, ModelError, Scratch, Sentiment, SentimentLabel, entities, evidence,
    features::{FEATURES_VERSION, Norms, Table, features, norms},
    language::{Identifier, Letters},
    lexicon::Lexicon,
    model::{Model, Output},
    story::{self, Grams},
    tokens::Tokens,
    toward::{Told, told},
};

/// Outputs of the tag model: negative, neutral and positive as anybody's posts are; the same as posts about firms are; eight intents;
/// whether a post is about a firm; the rest is padding that makes a row a quarter of a cache line.
pub const TAGS: usize = 16;
/// Negative among the outputs for posts about firms.
pub const FIRM: usize = 3;
/// The first intent among the outputs.
pub const FIRST_INTENT: usize = 6;
/// The output that tells whether a post is about a firm.
pub const ABOUT_FIRM: usize = 14;

/// What each output gets from a token, table by table, in units of their scales.
pub(crate) type Share = [[i16; TAGS]; Table::ALL.len()];

/// Judges posts.
#[derive(Debug)]
pub struct Analyzer {
    revision: String,
    identifier: Identifier,
    tags: Model<TAGS>,
    lexicon: Lexicon,
}

/// At the begin of a cache line, as weights are in their file.
#[repr(align(64))]
struct Aligned<const LENGTH: usize>([u8; LENGTH]);

static LANGUAGE_MODEL: &[u8] = &Aligned(*include_bytes!("../models/language.model")).0;
static TAGS_MODEL: &[u8] = &Aligned(*include_bytes!("../models/tags.model")).0;

/// Memory that the analysis reuses from post to post.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    tokens: Tokens,
    letters: Letters,
    /// Features of each table, with the place in `shares`, table by table, that their weights are added to.
    found: [Vec<(u64, u32)>; Table::ALL.len()],
    /// Their rows of weights with the same places.
    rows: Vec<(u32, u32)>,
    /// Of the tokens, and last of what belongs to none.
    shares: Vec<Share>,
    grams: Grams,
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
        let by = |text, letters: &mut Letters| self.identifier.identify(text, input.lang_hint, letters);
        let mut told = by(input.text, &mut work.letters);
        if work.letters.count() < input.title.len().min(ENOUGH_LETTERS) {
            told = by(input.title, &mut work.letters);
        }
        let (language, language_confidence) = told;
        let shift = self.tags.shift(language);
        let scores = self.weigh(work);
        let outputs = self.tags.outputs();
        let firm = about_firm(outputs, &scores);
        let mut sentiment = attitude(attitude_logits(outputs, &shift, &scores, firm), input.rating);
        let tokens = (&work.tokens, work.tokens.all());
        sentiment.evidence = evidence::of_sentiment(tokens, &work.shares, &self.tags, sentiment.label, firm);
        let mut intents = Vec::new();
        for (name, at) in IntentName::ALL.into_iter().zip(FIRST_INTENT..) {
            let confidence = outputs[at].probability(scores[at], shift[at]);
            if confidence >= outputs[at].threshold && !work.tokens.all().is_empty() {
                let evidence = evidence::of_intent(&work.tokens, &work.shares, &self.tags, at);
                intents.push(Intent { name, confidence, evidence });
            }
        }
        intents.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        spare_buyers(&mut intents);
        let toward = self.toward(input, &work.tokens, &work.shares, &shift, firm, &sentiment);
        Analysis {
            language,
            language_confidence,
            sentiment,
            intents,
            entities: entities::find(input.text, &work.tokens, input.matches),
            story: story::fingerprint(&work.tokens, &mut work.grams),
            toward,
        }
    }

    /// Raw scores of a text, one for each output: what calibration is fitted to.
    #[must_use]
    pub fn scores(&self, title: &str, text: &str, scratch: &mut Scratch) -> [f32; TAGS] {
        let work = &mut scratch.workspace;
        work.tokens.read(title, text);
        self.weigh(work)
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

    /// Scores of the tokens; leaves the share of each in `shares`.
    fn weigh(&self, work: &mut Workspace) -> [f32; TAGS] {
        let Workspace { tokens, found, rows, shares, .. } = work;
        let whole = tokens.all().len();
        found.iter_mut().for_each(Vec::clear);
        features(tokens, &self.lexicon, |table, hash, token| {
            // A text has fewer tokens than 32 bits count.
            found[table as usize].push((hash, (token.min(whole) * Table::ALL.len() + table as usize) as u32));
        });
        rows.clear();
        found.iter().enumerate().for_each(|(table, found)| self.tags.rows(table, found, rows));
        shares.clear();
        shares.resize(whole + 1, Share::default());
        self.tags.add(rows, shares.as_flattened_mut());
        let scores = self.scores_of(shares.iter(), norms(found.each_ref().map(Vec::len)));
        shares.truncate(whole);
        scores
    }

    fn scores_of<'a>(&self, shares: impl Iterator<Item = &'a Share>, norms: (Norms, Norms)) -> [f32; TAGS] {
        let mut units = [[0_i32; TAGS]; Table::ALL.len()];
        for share in shares {
            for (units, share) in units.as_flattened_mut().iter_mut().zip(share.as_flattened()) {
                *units += i32::from(*share);
            }
        }
        let mut scores = [0.0; TAGS];
        for (at, (score, output)) in scores.iter_mut().zip(self.tags.outputs()).enumerate() {
            let norms = if at < FIRST_INTENT { norms.0 } else { norms.1 };
            let value = |table: Table| {
                units[table as usize][at] as f32 * self.tags.scale(table as usize, at) * norms[table.norm()]
            };
            *score = Table::ALL.into_iter().map(value).sum::<f32>() + output.bias;
        }
        scores
    }

    /// The attitude of what speaks of a subject, or of the whole text where there is but one.
    fn toward(
        &self,
        input: &Input<'_>,
        tokens: &Tokens,
        shares: &[Share],
        shift: &[f32; TAGS],
        firm: f32,
        whole: &Sentiment,
    ) -> Vec<Option<Sentiment>> {
        let first = input.matches.first().map(|hit| hit.subject);
        let one_subject = input.matches.iter().all(|hit| Some(hit.subject) == first);
        if one_subject {
            return vec![Some(whole.clone()); input.matches.len()];
        }
        let outputs = self.tags.outputs();
        let firm = firm * CLAUSE_ABOUT_FIRM;
        let logits = |clause: &Range<usize>| {
            let norm = 1.0 / (clause.len() as f32 * CLAUSE_SQUARES_A_WORD).sqrt().max(1.0);
            let scores = self.scores_of(shares[clause.clone()].iter(), ([norm; 2], [norm; 2]));
            attitude_logits(outputs, shift, &scores, firm)
        };
        let words = |clause: Range<usize>, label| {
            let all = (tokens, &tokens.all()[clause.clone()]);
            evidence::of_sentiment(all, &shares[clause], &self.tags, label, firm)
        };
        let judge = |told: Told| match told {
            Told::By(clause) => {
                let said = attitude(logits(&clause), None);
                Sentiment { evidence: words(clause, said.label), ..said }
            }
            Told::Against(clause) => {
                let [negative, neutral, positive] = logits(&clause);
                let meant = attitude([positive, neutral, negative], None);
                Sentiment { evidence: words(clause, meant.label.opposite()), ..meant }
            }
            Told::Compared { better, by } => {
                let sign = if better { 1.0 } else { -1.0 };
                let logits = [-sign * LOGIT_OF_COMPARISON, 0.0, sign * LOGIT_OF_COMPARISON];
                // Words of the title have no place in the text.
                let by = Some(by).filter(|by| !by.is_empty());
                Sentiment { evidence: by.into_iter().collect(), ..attitude(logits, None) }
            }
        };
        told(input.text, tokens, input.matches).into_iter().map(|told| Some(judge(told))).collect()
    }
}

/// Whoever wants to buy and leaves a number sounds like somebody who sells: what is rather a wish to buy is no advertisement. Nobody means both.
fn spare_buyers(intents: &mut Vec<Intent>) {
    let place = |name| intents.iter().position(|intent| intent.name == name);
    if let (Some(purchase), Some(spam)) = (place(IntentName::Purchase), place(IntentName::Spam))
        && purchase < spam
    {
        intents.remove(spam);
    }
}

/// How much of a clause is heard as posts to firms are, of what the whole text is: told by itself a clause is less often a complaint.
const CLAUSE_ABOUT_FIRM: f32 = 0.6;
/// What being better or worse than another is worth.
const LOGIT_OF_COMPARISON: f32 = 1.5;

/// What a word of a clause adds to its size, about; see [`norms`].
const CLAUSE_SQUARES_A_WORD: f32 = 9.0;
/// A text with fewer letters is told by its title.
const ENOUGH_LETTERS: usize = 20;

fn tail(model: &[u8]) -> &[u8] {
    &model[model.len().saturating_sub(16)..]
}

/// How likely a text is about a firm: the output is a probability as it was trained, without slope and offset of its own.
#[must_use]
pub fn about_firm(outputs: &[Output], scores: &[f32; TAGS]) -> f32 {
    outputs[ABOUT_FIRM].probability(scores[ABOUT_FIRM], 0.0)
}

/// What speaks for negative, neutral and positive: as it does in anybody's posts and in those about firms, so far as a text is one. People
/// sound otherwise when they speak to a firm: a dry fact is a complaint there.
#[must_use]
pub fn attitude_logits(outputs: &[Output], shift: &[f32; TAGS], scores: &[f32; TAGS], firm: f32) -> [f32; 3] {
    let logit = |at: usize| outputs[at].logit(scores[at], shift[at]);
    std::array::from_fn(|at| (1.0 - firm) * logit(at) + firm * logit(FIRM + at))
}

fn attitude(mut logits: [f32; 3], rating: Option<f64>) -> Sentiment {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_rather_wants_to_buy_does_not_advertise() {
        let kept = |names: &[IntentName]| -> Vec<IntentName> {
            let intent = |name: &IntentName| Intent { name: *name, confidence: 0.9, evidence: Vec::new() };
            let mut intents: Vec<Intent> = names.iter().map(intent).collect();
            spare_buyers(&mut intents);
            intents.into_iter().map(|intent| intent.name).collect()
        };
        use IntentName::{Purchase, Question, Spam};
        assert_eq!(kept(&[Purchase, Question, Spam]), [Purchase, Question]);
        assert_eq!(kept(&[Spam, Purchase]), [Spam, Purchase]);
        assert_eq!(kept(&[Spam]), [Spam]);
    }

    #[test]
    fn a_sentiment_lies_between_that_of_anybodys_posts_and_that_of_posts_about_firms() {
        let output = Output { name: String::new(), bias: 0.0, slope: 2.0, offset: 0.0, threshold: 0.5 };
        let outputs = vec![output; TAGS];
        let (mut scores, mut shift) = ([0.0; TAGS], [0.0; TAGS]);
        scores[..FIRST_INTENT].copy_from_slice(&[0.0, 1.0, 0.0, 2.0, 0.0, 0.0]);
        shift[FIRM] = 1.0;
        let logits = |firm| attitude_logits(&outputs, &shift, &scores, firm);
        assert_eq!(logits(0.0), [0.0, 2.0, 0.0]);
        assert_eq!(logits(1.0), [5.0, 0.0, 0.0]);
        assert_eq!(logits(0.5), [2.5, 1.0, 0.0]);
        let said = |firm| attitude(logits(firm), None).label;
        assert_eq!((said(0.0), said(1.0)), (SentimentLabel::Neutral, SentimentLabel::Negative));
        scores[ABOUT_FIRM] = 1.0;
        assert!((about_firm(&outputs, &scores) - 0.8808).abs() < 1e-4, "the logistic function of 2");
    }
}
