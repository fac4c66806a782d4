//! `hark label --evaluate FILE`: how good the tags are on texts that a person has labelled.

use std::{collections::BTreeMap, fs, path::Path, process::ExitCode};

use anyhow::{Context as _, bail};
use hark_text::{Analyzer, Input, IntentName, Scratch, SentimentLabel, UnknownName};
use serde::Deserialize;

use super::line::{self, Kind};
use crate::failure;

/// Mistakes that are shown: as many as a person reads.
const MISTAKES: usize = 20;
/// Characters of a text that are shown.
const EXCERPT_CHARS: usize = 90;

/// A labelled text; what is absent is not scored.
#[derive(Deserialize)]
struct Labelled {
    text: String,
    #[serde(default)]
    language: Option<String>,
    #[serde(default)]
    sentiment: Option<String>,
    #[serde(default)]
    intents: Option<Vec<String>>,
}

const KEYS: &line::Keys = &[
    ("text", Kind::NeededString),
    ("language", Kind::String),
    ("sentiment", Kind::String),
    ("intents", Kind::Strings),
];

/// Scores the tags against a file of `{"text", "language", "sentiment", "intents"}` lines. What cannot be scored is named on stderr; the
/// exit code is then 1.
///
/// # Errors
/// The file cannot be read, or has no line that can be scored.
pub(super) fn run(path: &Path, analyzer: &Analyzer) -> anyhow::Result<ExitCode> {
    let content = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut bad = 0_u64;
    let tally = score(&content, analyzer, |number, why| {
        bad += 1;
        failure::complain(&format!("{}:{number}: {why}\n", path.display()));
    });
    if tally.texts == 0 {
        bail!("{} has no labelled texts", path.display());
    }
    failure::print(&tally.page())?;
    Ok(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Scores each line, or tells its number and what is wrong with it.
fn score(content: &[u8], analyzer: &Analyzer, mut complain: impl FnMut(u64, &str)) -> Tally {
    let mut tally = Tally::default();
    let mut scratch = Scratch::default();
    for (number, line) in (1..).zip(content.split(|byte| *byte == b'\n')) {
        let line = line::without_mark(number, line);
        if line.trim_ascii().is_empty() {
            continue;
        }
        let added = line::read(line, KEYS)
            .and_then(|labelled: Labelled| tally.add(number, &labelled, analyzer, &mut scratch));
        if let Err(why) = added {
            complain(number, &why);
        }
    }
    tally
}

/// Texts that have a label, and texts that were given it.
#[derive(Default, Clone, Copy)]
struct Counts {
    right: usize,
    wrong: usize,
    missed: usize,
}

impl Counts {
    fn add(&mut self, holds: bool, said: bool) {
        self.right += usize::from(holds && said);
        self.wrong += usize::from(!holds && said);
        self.missed += usize::from(holds && !said);
    }

    fn merge(self, other: Self) -> Self {
        Self {
            right: self.right + other.right,
            wrong: self.wrong + other.wrong,
            missed: self.missed + other.missed,
        }
    }

    fn labelled(self) -> usize {
        self.right + self.missed
    }

    fn precision(self) -> f64 {
        self.right as f64 / (self.right + self.wrong).max(1) as f64
    }

    fn recall(self) -> f64 {
        self.right as f64 / self.labelled().max(1) as f64
    }

    fn f1(self) -> f64 {
        2.0 * self.right as f64 / (2 * self.right + self.wrong + self.missed).max(1) as f64
    }
}

/// One language's figures.
#[derive(Default)]
struct Scores {
    /// Those whose language is given.
    texts: usize,
    right_language: usize,
    sentiment: [[usize; 3]; 3],
    intents: [Counts; 8],
}

struct Mistake {
    line: u64,
    /// How sure the wrong answer was.
    confidence: f32,
    what: String,
    text: String,
}

#[derive(Default)]
struct Tally {
    texts: usize,
    languages: BTreeMap<String, Scores>,
    mistakes: Vec<Mistake>,
}

/// Stands for the language of a text that names none.
const UNNAMED: &str = "-";

impl Tally {
    fn add(
        &mut self,
        line: u64,
        labelled: &Labelled,
        analyzer: &Analyzer,
        scratch: &mut Scratch,
    ) -> Result<(), String> {
        let unknown = |error: UnknownName| error.to_string();
        let sentiment: Option<SentimentLabel> =
            labelled.sentiment.as_deref().map(str::parse).transpose().map_err(unknown)?;
        let intents = labelled.intents.as_ref().map(|names| names.iter().map(|name| name.parse()).collect());
        let intents: Option<Vec<IntentName>> = intents.transpose().map_err(unknown)?;
        self.texts += 1;
        // Without the language as a hint: it is one of the answers.
        let analysis = analyzer.analyze(&Input { text: &labelled.text, ..Input::default() }, scratch);
        let language = labelled.language.as_deref().unwrap_or(UNNAMED);
        let scores = self.languages.entry(language.to_owned()).or_default();
        scores.texts += usize::from(labelled.language.is_some());
        scores.right_language += usize::from(analysis.language == language);
        let mut mistake = |confidence: f32, what: String| {
            let text = excerpt(&labelled.text);
            self.mistakes.push(Mistake { line, confidence, what, text });
        };
        if let Some(truth) = sentiment {
            let said = analysis.sentiment.label;
            scores.sentiment[truth as usize][said as usize] += 1;
            if truth != said {
                let (truth, said) = (truth.name(), said.name());
                mistake(analysis.sentiment.confidence, format!("{said}, labelled {truth}"));
            }
        }
        let Some(truths) = intents else { return Ok(()) };
        for (at, intent) in IntentName::ALL.into_iter().enumerate() {
            let found = analysis.intents.iter().find(|found| found.name == intent);
            let holds = truths.contains(&intent);
            scores.intents[at].add(holds, found.is_some());
            match (holds, found) {
                (false, Some(found)) => mistake(found.confidence, format!("{intent}, not labelled so")),
                (true, None) => mistake(0.0, format!("{intent} was missed")),
                _ => {}
            }
        }
        Ok(())
    }

    fn page(mut self) -> String {
        let mut page = format!("{} texts\n", self.texts);
        let mut all = Scores::default();
        for scores in self.languages.values() {
            all.texts += scores.texts;
            all.right_language += scores.right_language;
            for (sum, row) in all.sentiment.as_flattened_mut().iter_mut().zip(scores.sentiment.as_flattened())
            {
                *sum += row;
            }
            for (sum, counts) in all.intents.iter_mut().zip(scores.intents) {
                *sum = sum.merge(counts);
            }
        }
        let mut rows: Vec<(&str, &Scores)> =
            self.languages.iter().map(|(name, scores)| (&**name, scores)).collect();
        rows.push(("all", &all));
        let mut line = |text: String| page.push_str(&(text + "\n"));
        if self.languages.keys().any(|language| language != UNNAMED) {
            line("\nLanguage\nlanguage   texts  accuracy".to_owned());
            for (language, scores) in rows.iter().filter(|(language, _)| *language != UNNAMED) {
                let accuracy = scores.right_language as f64 / scores.texts.max(1) as f64;
                line(format!("{language:<9} {:>6} {accuracy:>9.3}", scores.texts));
            }
        }
        const HEAD: &str = "labelled  precision  recall      F1";
        line(format!("\nSentiment\nlanguage  label       {HEAD}"));
        for (language, scores) in &rows {
            let counts = SentimentLabel::ALL.map(|label| of_sentiment(&scores.sentiment, label as usize));
            for (label, counts) in SentimentLabel::ALL.iter().zip(counts) {
                line(row(language, label.name(), counts));
            }
            mean(language, &counts).into_iter().for_each(&mut line);
        }
        line("\nConfusion of sentiment: a row is what was labelled, a column what was found".to_owned());
        let names = SentimentLabel::ALL.map(SentimentLabel::name);
        line(format!("{:<10}{}", "", names.map(|name| format!("{name:>10}")).concat()));
        for (name, found) in names.iter().zip(&all.sentiment) {
            line(format!("{name:<10}{}", found.map(|count| format!("{count:>10}")).concat()));
        }
        line(format!("\nIntents\nlanguage  intent      {HEAD}"));
        for (language, scores) in &rows {
            for (intent, counts) in IntentName::ALL.iter().zip(scores.intents) {
                line(row(language, intent.name(), counts));
            }
            mean(language, &scores.intents).into_iter().for_each(&mut line);
        }
        self.mistakes.sort_by(|one, other| {
            other.confidence.total_cmp(&one.confidence).then_with(|| one.line.cmp(&other.line))
        });
        line(format!("\nWorst mistakes, of {}", self.mistakes.len()));
        for mistake in self.mistakes.iter().take(MISTAKES) {
            let Mistake { line: number, confidence, what, text } = mistake;
            line(format!("line {number}: {what} ({confidence:.2}): {text}"));
        }
        page
    }
}

fn of_sentiment(confusion: &[[usize; 3]; 3], label: usize) -> Counts {
    let right = confusion[label][label];
    let found: usize = confusion.iter().map(|row| row[label]).sum();
    let labelled: usize = confusion[label].iter().sum();
    Counts { right, wrong: found - right, missed: labelled - right }
}

fn row(language: &str, label: &str, counts: Counts) -> String {
    let (precision, recall, f1) = (counts.precision(), counts.recall(), counts.f1());
    format!("{language:<9} {label:<11} {:>8} {precision:>10.3} {recall:>7.3} {f1:>7.3}", counts.labelled())
}

/// Over the labels that occur; `None` where none does.
fn mean(language: &str, counts: &[Counts]) -> Option<String> {
    let counts: Vec<&Counts> = counts.iter().filter(|counts| counts.labelled() > 0).collect();
    if counts.is_empty() {
        return None;
    }
    let mean = |value: fn(Counts) -> f64| {
        counts.iter().map(|counts| value(**counts)).sum::<f64>() / counts.len() as f64
    };
    let (precision, recall, f1) = (mean(Counts::precision), mean(Counts::recall), mean(Counts::f1));
    Some(format!("{language:<9} {:<11} {:>8} {precision:>10.3} {recall:>7.3} {f1:>7.3}", "(mean)", ""))
}

fn excerpt(text: &str) -> String {
    let mut excerpt = String::new();
    for c in text.chars().take(EXCERPT_CHARS) {
        excerpt.push(if c.is_control() { ' ' } else { c });
    }
    if text.chars().nth(EXCERPT_CHARS).is_some() {
        excerpt.push('…');
    }
    excerpt
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page_of(content: &str) -> (String, Vec<String>) {
        let mut bad = Vec::new();
        let complain = |number, why: &str| bad.push(format!("{number}: {why}"));
        let tally = score(content.as_bytes(), &Analyzer::shipped().unwrap(), complain);
        (tally.page(), bad)
    }

    #[test]
    fn labelled_texts_are_scored_by_language_and_the_mistakes_are_shown() {
        let (page, bad) = page_of(concat!(
            r#"{"text": "Thank you, great service, highly recommend!", "language": "en", "sentiment": "positive", "intents": ["praise"]}"#,
            "\n\n",
            r#"{"text": "Dziękuję, świetna obsługa, gorąco polecam!", "language": "pl", "sentiment": "negative", "intents": []}"#,
            "\n",
        ));
        assert!(page.contains("2 texts") && bad.is_empty(), "{page}");
        assert!(page.contains("en        positive           1      1.000   1.000   1.000"), "{page}");
        assert!(page.contains("line 3: positive, labelled negative"), "{page}");
        assert!(page.contains("line 3: praise, not labelled so"), "{page}");
    }

    #[test]
    fn lines_that_cannot_be_scored_are_named_and_the_others_are_scored() {
        let (page, bad) = page_of(concat!(
            "\u{feff}{\"text\": \"a\", \"sentiment\": \"neutral\"}\n",
            "{\"txt\": 1}\n",
            "{\"text\": \"a\", \"sentiment\": \"angry\"}\r\n",
            "[\"a\"]\n",
            "{\"text\": \"b\", \"intents\": [1]}\n",
            "{\"text\": \"c\", \"sentiment\": \"neutral\"}",
        ));
        assert!(page.contains("2 texts"), "{page}");
        for (bad, expected) in bad.iter().zip([
            "2: \"text\" is missing",
            "3: `angry` is none of negative, neutral, positive",
            "4: a list in place of an object",
            "5: \"intents\" is a list: write a list of strings",
        ]) {
            assert!(bad.starts_with(expected), "{bad}");
        }
        assert_eq!(bad.len(), 4, "{bad:?}");
    }

    #[test]
    fn where_nothing_is_labelled_no_mean_is_shown() {
        let (page, _) = page_of("{\"text\": \"a\", \"language\": \"pl\"}\n");
        assert!(!page.contains("(mean)") && !page.contains("-0.000"), "{page}");
    }
}
