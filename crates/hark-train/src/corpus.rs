//! The corpus written for Hark, and a firm's own labels in the same form.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use hark_text::{IntentName, SentimentLabel};
use serde::Deserialize;

/// Languages that the corpus is written in.
pub const LANGUAGES: [&str; 5] = ["pl", "sv", "it", "ro", "en"];

/// What a post is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Train,
    /// Of everyday life, not about firms.
    Everyday,
    /// Written by other hands; never trained on.
    Test,
    /// A firm's own: counts more.
    Extra,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Everyday => "everyday",
            Self::Test => "test",
            Self::Extra => "extra",
        }
    }
}

/// A labelled post.
#[derive(Clone, Debug)]
pub struct Post {
    pub text: String,
    pub language: String,
    pub sentiment: SentimentLabel,
    pub intents: Vec<IntentName>,
    pub part: Part,
}

#[derive(Deserialize)]
struct Line {
    text: String,
    language: String,
    sentiment: String,
    intents: Vec<String>,
}

/// What models are trained on: the corpus, then a firm's own.
pub fn training(folder: &Path, extra: &[PathBuf]) -> Result<Vec<Post>> {
    let mut posts = read(folder, Part::Train)?;
    posts.extend(read(folder, Part::Everyday)?);
    for path in extra {
        posts.extend(read_file(path, Part::Extra)?);
    }
    Ok(posts)
}

/// Reads the files of all languages that are there.
pub fn read(folder: &Path, part: Part) -> Result<Vec<Post>> {
    let mut posts = Vec::new();
    for language in LANGUAGES {
        let path = folder.join(format!("{language}.{}.jsonl", part.name()));
        if path.exists() {
            posts.extend(read_file(&path, part)?);
        } else {
            eprintln!("no {}", path.display());
        }
    }
    Ok(posts)
}

fn read_file(path: &Path, part: Part) -> Result<Vec<Post>> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut posts = Vec::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let place = || format!("{}:{number}", path.display());
        let line: Line = serde_json::from_str(line).with_context(place)?;
        let sentiment = line.sentiment.parse().with_context(place)?;
        let intents =
            line.intents.iter().map(|name| name.parse()).collect::<Result<_, _>>().with_context(place)?;
        posts.push(Post { text: line.text, language: line.language, sentiment, intents, part });
    }
    if posts.is_empty() {
        bail!("{} has no posts", path.display());
    }
    Ok(posts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_firms_own_labels_come_after_the_corpus_and_count_more() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let line = |text: &str| {
            format!(
                r#"{{"text": "{text}", "language": "en", "sentiment": "negative", "intents": ["complaint"]}}"#
            )
        };
        write("en.train.jsonl", &line("the corpus"));
        write("en.everyday.jsonl", &line("rain"));
        let own = write("own.jsonl", &line("our own"));
        let posts = training(folder.path(), &[own]).unwrap();
        let told: Vec<_> = posts.iter().map(|post| (&*post.text, post.part)).collect();
        assert_eq!(told, [("the corpus", Part::Train), ("rain", Part::Everyday), ("our own", Part::Extra)]);

        let bad =
            write("bad.jsonl", &format!("{}\n{}", line("good"), line("bad").replace("complaint", "rage")));
        let error = format!("{:#}", training(folder.path(), std::slice::from_ref(&bad)).unwrap_err());
        assert!(error.starts_with(&format!("{}:2: `rage` is none of", bad.display())), "{error}");
    }
}
