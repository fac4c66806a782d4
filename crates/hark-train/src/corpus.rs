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

/// Which half.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Train,
    /// Written by other hands; never trained on.
    Test,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Test => "test",
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
    /// A firm's own: counts more.
    pub extra: bool,
}

#[derive(Deserialize)]
struct Line {
    text: String,
    language: String,
    sentiment: String,
    intents: Vec<String>,
}

/// Reads the files of all languages that are there, then the extra ones.
pub fn read(folder: &Path, part: Part, extra: &[PathBuf]) -> Result<Vec<Post>> {
    let mut posts = Vec::new();
    for language in LANGUAGES {
        let path = folder.join(format!("{language}.{}.jsonl", part.name()));
        if path.exists() {
            posts.extend(read_file(&path, false)?);
        } else {
            eprintln!("no {}", path.display());
        }
    }
    for path in extra {
        posts.extend(read_file(path, true)?);
    }
    Ok(posts)
}

fn read_file(path: &Path, extra: bool) -> Result<Vec<Post>> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut posts = Vec::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let place = || format!("{}:{number}", path.display());
        let line: Line = serde_json::from_str(line).with_context(place)?;
        let sentiment = line.sentiment.parse().with_context(place)?;
        let intents =
            line.intents.iter().map(|name| name.parse()).collect::<Result<_, _>>().with_context(place)?;
        posts.push(Post { text: line.text, language: line.language, sentiment, intents, extra });
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
        let own = write("own.jsonl", &line("our own"));
        let posts = read(folder.path(), Part::Train, &[own]).unwrap();
        let told: Vec<_> = posts.iter().map(|post| (&*post.text, post.extra)).collect();
        assert_eq!(told, [("the corpus", false), ("our own", true)]);

        let bad =
            write("bad.jsonl", &format!("{}\n{}", line("good"), line("bad").replace("complaint", "rage")));
        let error =
            format!("{:#}", read(folder.path(), Part::Train, std::slice::from_ref(&bad)).unwrap_err());
        assert!(error.starts_with(&format!("{}:2: `rage` is none of", bad.display())), "{error}");
    }
}
