//! From public data and the corpus to training examples.

use std::{
    collections::HashMap,
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

use anyhow::{Context, Result, bail};
use flate2::read::GzDecoder;
use hark_text::IntentName;

use crate::{
    clauses::{CLAUSE, clauses},
    corpus::{LANGUAGES, Part, Post},
    mixed::{MIXED, mixed},
    sets, teacher,
};

/// A line of a data file.
pub struct Line {
    pub dataset: String,
    pub language: String,
    pub label: String,
    pub text: String,
}

/// Reads a gzipped table of `columns` columns: dataset, language, label where there are four, text.
pub fn read(path: &Path, columns: usize) -> Result<Vec<Line>> {
    let file =
        File::open(path).with_context(|| format!("cannot open {}: is --data right?", path.display()))?;
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(BufReader::new(GzDecoder::new(file)).lines()) {
        let line = line.with_context(|| format!("{}:{number}", path.display()))?;
        let fields: Vec<&str> = line.splitn(columns, '\t').collect();
        if fields.len() != columns {
            bail!("{}:{number}: {} columns, {columns} expected", path.display(), fields.len());
        }
        lines.push(Line {
            dataset: fields[0].into(),
            language: fields[1].into(),
            label: if columns == 4 { fields[2].into() } else { String::new() },
            text: fields[columns - 1].into(),
        });
    }
    Ok(lines)
}

/// A text for the language model.
pub struct LanguageExample {
    pub text: String,
    pub language: String,
    pub weight: f32,
}

/// The texts of `train/language.tsv.gz` and of the corpus.
pub fn languages(data: &Path, corpus: &[Post]) -> Result<Vec<LanguageExample>> {
    let mut examples: Vec<_> = read(&data.join("train/language.tsv.gz"), 3)?
        .into_iter()
        .map(|line| LanguageExample { text: line.text, language: line.language, weight: 1.0 })
        .collect();
    examples.extend(corpus.iter().map(|post| LanguageExample {
        text: post.text.clone(),
        language: post.language.clone(),
        weight: 2.0,
    }));
    Ok(examples)
}

/// What is known of a text's attitude.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Attitude {
    Unknown,
    /// Index of the label among the three.
    Is(usize),
    /// As `Is`, where the data set has no neutral class: only told from the opposite.
    Leans(usize),
}

/// A text for the tag model.
#[derive(Clone, Debug)]
pub struct TagExample {
    /// Name of the data set.
    pub set: String,
    pub language: String,
    pub text: String,
    pub attitude: Attitude,
    /// In the order of the intents; `None` where the data set does not say.
    pub intents: [Option<bool>; 8],
    /// Whether it is about a firm, where that is known.
    pub firm: Option<bool>,
    /// How much its attitude counts.
    pub weight: f32,
    /// How much its intents count.
    pub intent_weight: f32,
    /// From the part of the corpus that is about firms, for the most part: calibration is fitted to these.
    pub corpus: bool,
    /// Key of the text that it is, or is a clause of.
    pub origin: u32,
    /// What the teacher says of its attitude.
    pub taught: Option<[f32; 3]>,
    /// And of its intents, where no label does.
    pub taught_intents: Option<[f32; 8]>,
}

impl TagExample {
    /// Whether it was labelled for Hark, as posts about firms are: its label is trusted.
    pub fn is_trusted(&self) -> bool {
        self.corpus || self.set == EXTRA
    }

    /// Whether it is such a post, or made of such: what attitudes are like elsewhere is not learnt from it.
    pub fn of_firms(&self) -> bool {
        self.is_trusted() || self.set == MIXED
    }

    /// Whether all that is known of it is what the teacher says.
    pub fn is_made(&self) -> bool {
        self.set == CLAUSE || self.set == MIXED
    }

    /// A text of which nothing is known.
    pub fn unlabelled(set: &str, language: &str, text: &str) -> Self {
        Self {
            set: set.into(),
            language: language.into(),
            text: text.into(),
            attitude: Attitude::Unknown,
            intents: [None; 8],
            firm: None,
            weight: 0.0,
            intent_weight: ABSENCE_WEIGHT,
            corpus: false,
            origin: teacher::key(text),
            taught: None,
            taught_intents: None,
        }
    }
}

/// Name of the set of posts written for Hark that are about firms, for the most part.
pub const CORPUS: &str = "corpus";
/// Name of the set of those that are not.
pub const EVERYDAY: &str = "everyday";
/// Name of the set of a firm's own.
pub const EXTRA: &str = "extra";

/// How much a post of the corpus counts against one of public data.
const CORPUS_WEIGHT: f32 = 1.5;
/// How much the intents of public data count where they only say that an intent does not hold: they are many, and the
/// corpus has few posts of each.
const ABSENCE_WEIGHT: f32 = 0.3;
/// And one in so many of them is taken.
const ABSENCE_SAMPLE: usize = 16;

/// Texts taken of each language beyond the five: more would crowd these out of the table.
const OTHER_LANGUAGES_TEXTS: u32 = 1000;

/// All training examples of the tag model.
pub fn tags(data: &Path, corpus: &[Post]) -> Result<Vec<TagExample>> {
    let mut examples: Vec<TagExample> = corpus.iter().map(of_post).collect();
    let mut counts: HashMap<String, u32> = HashMap::new();
    for line in read(&data.join("train/sentiment.tsv.gz"), 4)? {
        let count = counts.entry(line.language.clone()).or_default();
        *count += 1;
        if *count <= OTHER_LANGUAGES_TEXTS || LANGUAGES.contains(&line.language.as_str()) {
            examples.push(sets::of_sentiment(&line)?);
        }
    }
    for line in read(&data.join("train/intents.tsv.gz"), 4)? {
        examples.push(sets::of_intents(&line)?);
    }
    for (number, example) in examples.iter_mut().enumerate() {
        if number % ABSENCE_SAMPLE == 0 || example.intent_weight >= 1.0 {
            continue;
        }
        for intent in &mut example.intents {
            if *intent == Some(false) && !matches!(example.set.as_str(), "sms_spam" | "polemo_med") {
                *intent = None;
            }
        }
    }
    balance(&mut examples);
    let mixed = mixed(&examples);
    examples.extend(clauses(&examples));
    examples.extend(mixed);
    Ok(examples)
}

/// Gives the attitudes of each set and language the same weight: what is common in a data set is not what is common in a
/// company's posts.
fn balance(examples: &mut [TagExample]) {
    let mut counts: HashMap<(String, String), [f32; 3]> = HashMap::new();
    let label = |example: &TagExample| match example.attitude {
        Attitude::Is(label) | Attitude::Leans(label) => Some(label),
        Attitude::Unknown => None,
    };
    let key = |example: &TagExample| (example.set.clone(), example.language.clone());
    for example in examples.iter() {
        if let Some(label) = label(example) {
            counts.entry(key(example)).or_default()[label] += 1.0;
        }
    }
    for example in examples {
        let Some(label) = label(example) else { continue };
        let Some(counts) = counts.get(&key(example)) else { continue };
        let kinds = counts.iter().filter(|count| **count > 0.0).count() as f32;
        let share = counts[label] * kinds / counts.iter().sum::<f32>();
        example.weight /= share.clamp(0.4, 2.5);
    }
}

/// The three-class sets of `dev/` and its intents: only calibration is fitted to them.
pub fn dev(data: &Path) -> Result<Vec<TagExample>> {
    let mut examples = Vec::new();
    for line in read(&data.join("dev/intents.tsv.gz"), 4)? {
        let (intent, name) = dev_intent(&line.dataset);
        let holds = line.label == name;
        let mut example = sets::blank(&line, 0.0);
        example.intents[intent as usize] = Some(holds);
        examples.push(example);
    }
    for line in read(&data.join("dev/sentiment.tsv.gz"), 4)? {
        let two_classes = ["sv_reviews_small", "laroseda", "rosent"];
        let label = ["neg", "neu", "pos"].iter().position(|label| *label == line.label);
        if let Some(label) = label.filter(|_| !two_classes.contains(&line.dataset.as_str())) {
            let mut example = sets::blank(&line, 0.0);
            example.attitude = Attitude::Is(label);
            example.firm = ABOUT_FIRMS.contains(&line.dataset.as_str()).then_some(true);
            examples.push(example);
        }
    }
    Ok(examples)
}

/// Sets of `dev/sentiment.tsv.gz` that speak to firms or review them.
const ABOUT_FIRMS: [&str; 2] = ["airline", "sv_trustpilot"];

/// Sets of everyday posts, in which hardly anybody buys, leaves or accuses.
pub const EVERYDAY_SETS: [&str; 5] = ["semeval", "umsab", "sentipolc14", "sv_twitter", "redv2"];

/// Which intent a set of `dev/intents.tsv.gz` is about, and its label.
pub fn dev_intent(set: &str) -> (IntentName, &'static str) {
    match set {
        "complaints" => (IntentName::Complaint, "complaint"),
        _ => (IntentName::Suggestion, "suggestion"),
    }
}

pub fn of_post(post: &Post) -> TagExample {
    let mut intents = [Some(false); 8];
    for intent in &post.intents {
        intents[*intent as usize] = Some(true);
    }
    TagExample {
        set: match post.part {
            Part::Extra => EXTRA,
            Part::Everyday => EVERYDAY,
            Part::Train | Part::Test => CORPUS,
        }
        .into(),
        language: post.language.clone(),
        text: post.text.clone(),
        attitude: Attitude::Is(post.sentiment as usize),
        intents,
        firm: match (post.part, post.intents.is_empty()) {
            (_, false) => Some(true),
            (Part::Everyday, true) => Some(false),
            // May be about a firm, or not.
            (Part::Train | Part::Test | Part::Extra, true) => None,
        },
        weight: CORPUS_WEIGHT,
        intent_weight: 1.0,
        corpus: matches!(post.part, Part::Train | Part::Test),
        origin: teacher::key(&post.text),
        taught: None,
        taught_intents: None,
    }
}

#[cfg(test)]
mod tests {
    use hark_text::SentimentLabel;

    use super::*;

    #[test]
    fn what_a_post_wants_and_its_part_say_whether_it_is_about_a_firm() {
        let firm = |part, intents: &[IntentName]| {
            let (text, language) = ("text".into(), "en".into());
            let post =
                Post { text, language, sentiment: SentimentLabel::Neutral, intents: intents.into(), part };
            let example = of_post(&post);
            (example.firm, example.of_firms())
        };
        let wants = [IntentName::Question];
        assert_eq!(firm(Part::Train, &wants), (Some(true), true));
        assert_eq!(firm(Part::Train, &[]), (None, true));
        assert_eq!(firm(Part::Extra, &[]), (None, true));
        assert_eq!(firm(Part::Everyday, &[]), (Some(false), false));
        assert_eq!(firm(Part::Everyday, &wants), (Some(true), false));
    }
}
