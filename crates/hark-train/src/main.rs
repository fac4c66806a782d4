//! Trains the models that hark-text ships, and scores them.
//!
//! `cargo run --release -p hark-train -- train --data ../shared/data` reads public data and the corpus of this
//! repository and writes `crates/hark-text/models/`: the same bytes again on the same machine. `evaluate` scores what is
//! there. docs/models.md tells what the data are and what the scores mean.

mod calibrate;
mod clauses;
mod corpus;
mod data;
mod evaluate;
mod languages;
mod linear;
mod manifest;
mod mixed;
mod sets;
mod tags;
mod teacher;

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use hark_text::Analyzer;
use serde_json::json;

use crate::{data::Attitude, teacher::Teacher};

/// Train and score the models that hark-text ships.
#[derive(Parser)]
struct Arguments {
    /// Folder with `train/` and `dev/`
    #[arg(long, default_value = "../shared/data", global = true)]
    data: PathBuf,
    /// Folder with LANG.train.jsonl, LANG.everyday.jsonl and LANG.test.jsonl
    #[arg(long, default_value = "crates/hark-train/corpus", global = true)]
    corpus: PathBuf,
    /// What a larger model said of the texts, made by scripts/teach.py
    #[arg(long, default_value = "crates/hark-train/teacher.bin", global = true)]
    teacher: PathBuf,
    /// Where the models are written, or read for `evaluate`
    #[arg(long, default_value = "crates/hark-text/models", global = true)]
    models: PathBuf,
    /// A firm's own labels: JSON Lines of {"text", "language", "sentiment", "intents"}; they count twice
    #[arg(long, global = true)]
    extra: Vec<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Train both models, write them with their manifest, and print their scores
    Train {
        /// Only this one: `language` or `tags`
        #[arg(long)]
        only: Option<String>,
    },
    /// Print the scores of the models that are there
    Evaluate,
    /// Print the texts that scripts/teach.py asks a larger model about, as JSON Lines
    Texts,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let (language, tags) = (arguments.models.join("language.model"), arguments.models.join("tags.model"));
    if let Command::Train { only } = &arguments.command {
        let wanted = |name| only.as_deref().is_none_or(|only| only == name);
        let corpus = corpus::training(&arguments.corpus, &arguments.extra)?;
        fs::create_dir_all(&arguments.models)?;
        if wanted("language") {
            let examples = data::languages(&arguments.data, &corpus)?;
            fs::write(&language, languages::train(&examples))?;
        }
        if wanted("tags") {
            let mut examples = data::tags(&arguments.data, &corpus)?;
            Teacher::read(&arguments.teacher)?.teach(&mut examples);
            fs::write(&tags, tags::train(&examples, &data::dev(&arguments.data)?))?;
        }
    }
    if matches!(arguments.command, Command::Texts) {
        return texts(&arguments);
    }
    let read = |path: &PathBuf| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let analyzer = Analyzer::with_models(read(&language)?.into(), read(&tags)?.into())?;
    let scores = evaluate::all(&analyzer, &arguments.data, &arguments.corpus)?;
    print!("{}", evaluate::table(&scores));
    if matches!(arguments.command, Command::Train { .. }) {
        manifest::write(
            &arguments.models,
            &arguments.data,
            &arguments.corpus,
            &arguments.teacher,
            &analyzer,
            &scores,
        )?;
    }
    Ok(())
}

/// The examples of the tag model, with what is known of them, and texts to try the teacher on.
fn texts(arguments: &Arguments) -> Result<()> {
    let trial = corpus::read(&arguments.corpus, corpus::Part::Test)?;
    let sets = [
        (false, data::tags(&arguments.data, &corpus::training(&arguments.corpus, &[])?)?),
        (true, data::dev(&arguments.data)?),
        (true, trial.iter().map(data::of_post).collect()),
    ];
    let mut out = io::stdout().lock();
    for (trial, examples) in sets {
        for example in examples {
            let (label, leans) = match example.attitude {
                Attitude::Unknown => (None, false),
                Attitude::Is(label) => (Some(label), false),
                Attitude::Leans(label) => (Some(label), true),
            };
            let line = json!({
                "key": teacher::key(&example.text),
                "fold": example.origin % mixed::FOLDS,
                "set": example.set,
                "language": example.language,
                "text": example.text,
                "trial": trial,
                "label": label,
                "leans": leans,
                "intents": example.intents,
                "weight": example.weight,
                "intent_weight": example.intent_weight,
            });
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}
