//! Scores of the models on data that they were not trained on.

use std::{collections::BTreeMap, path::Path};

use anyhow::Result;
use hark_text::{Analyzer, Input, IntentName, Scratch, SentimentLabel};
use serde::Serialize;

use crate::{
    corpus::{self, Part},
    data,
};

/// One figure.
#[derive(Serialize)]
pub struct Score {
    /// What was measured, on which texts.
    pub set: String,
    pub language: String,
    pub measure: &'static str,
    pub value: f32,
    pub texts: usize,
}

/// All scores, on `dev/` and on the test part of the corpus.
pub fn all(analyzer: &Analyzer, data: &Path, corpus_folder: &Path) -> Result<Vec<Score>> {
    let mut scores = Vec::new();
    let mut judge = Judge { analyzer, scratch: Scratch::default() };
    judge.dev_sentiment(data, &mut scores)?;
    judge.dev_intents(data, &mut scores)?;
    judge.corpus(corpus_folder, &mut scores)?;
    Ok(scores)
}

/// The scores as a Markdown table.
pub fn table(scores: &[Score]) -> String {
    let mut table = String::from("| set | language | measure | value | texts |\n|---|---|---|---|---|\n");
    for Score { set, language, measure, value, texts } in scores {
        table.push_str(&format!("| {set} | {language} | {measure} | {value:.3} | {texts} |\n"));
    }
    table
}

/// A set with fewer texts says little.
pub const LEAST_TEXTS: usize = 100;

struct Judge<'a> {
    analyzer: &'a Analyzer,
    scratch: Scratch,
}

impl Judge<'_> {
    fn analyze(&mut self, text: &str) -> hark_text::Analysis {
        self.analyzer.analyze(&Input { text, ..Input::default() }, &mut self.scratch)
    }

    fn dev_sentiment(&mut self, data: &Path, scores: &mut Vec<Score>) -> Result<()> {
        let mut pairs: BTreeMap<(String, String), Vec<(usize, usize)>> = BTreeMap::new();
        let mut alarms: BTreeMap<(String, String), [f32; 8]> = BTreeMap::new();
        let mut right_languages: BTreeMap<(String, String), f32> = BTreeMap::new();
        for line in data::read(&data.join("dev/sentiment.tsv.gz"), 4)? {
            let Some(truth) = ["neg", "neu", "pos"].iter().position(|label| *label == line.label) else {
                continue;
            };
            let analysis = self.analyze(&line.text);
            let two = matches!(line.dataset.as_str(), "sv_reviews_small" | "laroseda" | "rosent");
            let said = match analysis.sentiment.label {
                SentimentLabel::Neutral if two => 2 * usize::from(analysis.sentiment.score > 0.0),
                label => label as usize,
            };
            let right_language = f32::from(u8::from(analysis.language == line.language));
            let key = (line.dataset, line.language);
            *right_languages.entry(key.clone()).or_default() += right_language;
            for intent in &analysis.intents {
                alarms.entry(key.clone()).or_default()[intent.name as usize] += 1.0;
            }
            pairs.entry(key).or_default().push((truth, said));
        }
        for ((dataset, language), counts) in
            alarms.iter().filter(|((set, _), _)| data::EVERYDAY_SETS.contains(&set.as_str()))
        {
            let texts = pairs.get(&(dataset.clone(), language.clone())).map_or(0, Vec::len);
            if texts < LEAST_TEXTS || !corpus::LANGUAGES.contains(&language.as_str()) {
                continue;
            }
            for intent in [IntentName::Purchase, IntentName::Churn, IntentName::Outrage] {
                let value = counts[intent as usize] * 1000.0 / texts.max(1) as f32;
                let set = format!("everyday {dataset}: {intent}");
                scores.push(Score {
                    set,
                    language: language.clone(),
                    measure: "in 1,000 posts",
                    value,
                    texts,
                });
            }
        }
        pairs.retain(|_, pairs| pairs.len() >= LEAST_TEXTS);
        for ((dataset, language), pairs) in pairs {
            let texts = pairs.len();
            let set = format!("sentiment {dataset}");
            let (value, recall) = macro_f1(&pairs);
            if corpus::LANGUAGES.contains(&language.as_str()) {
                let right =
                    right_languages.get(&(dataset.clone(), language.clone())).copied().unwrap_or_default();
                let (set, language, value) =
                    (format!("language {dataset}"), language.clone(), right / texts as f32);
                scores.push(Score { set, language, measure: "accuracy", value, texts });
            }
            scores.push(Score {
                set: set.clone(),
                language: language.clone(),
                measure: "macro-F1",
                value,
                texts,
            });
            if dataset == "semeval" {
                scores.push(Score { set, language, measure: "macro-recall", value: recall, texts });
            }
        }
        Ok(())
    }

    fn dev_intents(&mut self, data: &Path, scores: &mut Vec<Score>) -> Result<()> {
        let mut counts: BTreeMap<String, Counts> = BTreeMap::new();
        for line in data::read(&data.join("dev/intents.tsv.gz"), 4)? {
            let (intent, name) = data::dev_intent(&line.dataset);
            let said = self.analyze(&line.text).intents.iter().any(|found| found.name == intent);
            counts.entry(line.dataset).or_default().add(line.label == name, said);
        }
        for (set, counts) in counts {
            counts.report(&format!("intent {set}"), "en", scores);
        }
        Ok(())
    }

    fn corpus(&mut self, folder: &Path, scores: &mut Vec<Score>) -> Result<()> {
        let posts = corpus::read(folder, Part::Test)?;
        for language in corpus::LANGUAGES {
            let posts: Vec<_> = posts.iter().filter(|post| post.language == language).collect();
            if posts.is_empty() {
                continue;
            }
            let mut pairs = Vec::new();
            let mut counts: [Counts; 8] = Default::default();
            let mut right_language = 0;
            for post in &posts {
                let analysis = self.analyze(&post.text);
                right_language += usize::from(analysis.language == language);
                pairs.push((post.sentiment as usize, analysis.sentiment.label as usize));
                for (intent, counts) in IntentName::ALL.iter().zip(&mut counts) {
                    let said = analysis.intents.iter().any(|found| found.name == *intent);
                    counts.add(post.intents.contains(intent), said);
                }
            }
            let texts = posts.len();
            let mut push = |set: String, measure, value| {
                scores.push(Score { set, language: language.into(), measure, value, texts });
            };
            push("corpus language".into(), "accuracy", right_language as f32 / texts as f32);
            push("corpus sentiment".into(), "macro-F1", macro_f1(&pairs).0);
            let mean = counts.iter().map(Counts::f1).sum::<f32>() / 8.0;
            push("corpus intents".into(), "macro-F1", mean);
            push(
                "corpus intents".into(),
                "mean precision",
                counts.iter().map(Counts::precision).sum::<f32>() / 8.0,
            );
            for (intent, counts) in IntentName::ALL.iter().zip(&counts) {
                counts.report(&format!("corpus {intent}"), language, scores);
            }
        }
        Ok(())
    }
}

#[derive(Default)]
struct Counts {
    right: u32,
    wrong: u32,
    missed: u32,
    texts: usize,
}

impl Counts {
    fn add(&mut self, truth: bool, said: bool) {
        self.texts += 1;
        match (truth, said) {
            (true, true) => self.right += 1,
            (false, true) => self.wrong += 1,
            (true, false) => self.missed += 1,
            (false, false) => {}
        }
    }

    fn precision(&self) -> f32 {
        self.right as f32 / (self.right + self.wrong).max(1) as f32
    }

    fn f1(&self) -> f32 {
        2.0 * self.right as f32 / (2 * self.right + self.wrong + self.missed).max(1) as f32
    }

    fn report(&self, set: &str, language: &str, scores: &mut Vec<Score>) {
        let mut push = |measure, value| {
            let (set, language) = (set.to_owned(), language.to_owned());
            scores.push(Score { set, language, measure, value, texts: self.texts });
        };
        push("F1", self.f1());
        push("precision", self.precision());
    }
}

/// Macro-F1 and macro-recall over the labels that occur.
pub fn macro_f1(pairs: &[(usize, usize)]) -> (f32, f32) {
    let labels: Vec<usize> = (0..3).filter(|label| pairs.iter().any(|(truth, _)| truth == label)).collect();
    let (mut f1, mut recall) = (0.0, 0.0);
    for label in &labels {
        let mut counts = Counts::default();
        for (truth, said) in pairs {
            counts.add(truth == label, said == label);
        }
        f1 += counts.f1();
        recall += counts.right as f32 / (counts.right + counts.missed).max(1) as f32;
    }
    (f1 / labels.len() as f32, recall / labels.len() as f32)
}
