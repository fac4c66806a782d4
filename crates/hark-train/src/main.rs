//! Trains the models that hark-text ships, and scores them.
//!
//! `cargo run --release -p hark-train -- train --data ../shared/data` reads public data and the corpus of this
//! repository and writes `crates/hark-text/models/`: the same bytes again on the same machine. `evaluate` scores what is
//! there. docs/models.md tells what the data are and what the scores mean.

mod calibrate;
mod corpus;
mod data;
mod evaluate;
mod languages;
mod linear;
mod manifest;
mod tags;

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use hark_text::Analyzer;

/// Train and score the models that hark-text ships.
#[derive(Parser)]
struct Arguments {
    /// Folder with `train/` and `dev/`
    #[arg(long, default_value = "../shared/data", global = true)]
    data: PathBuf,
    /// Folder with LANG.train.jsonl and LANG.test.jsonl
    #[arg(long, default_value = "crates/hark-train/corpus", global = true)]
    corpus: PathBuf,
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
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let (language, tags) = (arguments.models.join("language.model"), arguments.models.join("tags.model"));
    if let Command::Train { only } = &arguments.command {
        let wanted = |name| only.as_deref().is_none_or(|only| only == name);
        let corpus = corpus::read(&arguments.corpus, corpus::Part::Train, &arguments.extra)?;
        fs::create_dir_all(&arguments.models)?;
        if wanted("language") {
            let examples = data::languages(&arguments.data, &corpus)?;
            fs::write(&language, languages::train(&examples))?;
        }
        if wanted("tags") {
            let examples = data::tags(&arguments.data, &corpus)?;
            fs::write(&tags, tags::train(&examples, &data::dev(&arguments.data)?))?;
        }
    }
    let read = |path: &PathBuf| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let analyzer = Analyzer::with_models(read(&language)?.into(), read(&tags)?.into())?;
    let scores = evaluate::all(&analyzer, &arguments.data, &arguments.corpus)?;
    print!("{}", evaluate::table(&scores));
    if matches!(arguments.command, Command::Train { .. }) {
        manifest::write(&arguments.models, &arguments.data, &arguments.corpus, &analyzer, &scores)?;
    }
    Ok(())
}
