//! `hark dead-letters` shows what could not be worked on; `hark redrive` sends it back to be tried again.

mod letter;
pub mod redrive;
mod select;
mod show;

use std::{
    collections::{BTreeMap, BTreeSet},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Subcommand;

use self::{
    letter::{Letter, Place},
    select::Selection,
};
use crate::{
    cli::Context,
    config::Config,
    failure::{self, Failure},
    log,
    stages::{now_ms, topics::Topics},
    tail::Format,
};

/// Arguments of `hark dead-letters`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List them, the newest last
    #[command(after_help = "Examples:\n  hark dead-letters list --since 2h\n  \
                            hark dead-letters list --class undecodable --format json | jq .letter.error")]
    List {
        #[command(flatten)]
        selection: Selection,
        /// Show so many of the newest
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        limit: u32,
        /// How each is written
        #[arg(long, default_value = "text")]
        format: Format,
    },
    /// Show one with all that is known of it, and its bytes
    #[command(
        after_help = "Examples:\n  hark dead-letters show 3/17\n  hark dead-letters show 3/17 --raw > record.bin"
    )]
    Show {
        /// Where it lies, as the list shows it
        #[arg(value_name = "PARTITION/OFFSET")]
        place: Place,
        /// Write the bytes of its value and nothing else
        #[arg(long, conflicts_with = "format")]
        raw: bool,
        /// How it is written
        #[arg(long, default_value = "text")]
        format: Format,
    },
}

/// Lists or shows dead letters.
pub fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    let config = Config::load(context.config_path())?;
    let log = log::open_to_read(&config, &context.shutdown)?;
    let topics = Topics::read(&*log, &config.topic_prefix)?;
    let gone = letter::redriven(&*log, &topics).context("cannot read which letters went back")?;
    let reader = Reader { topics, gone };
    match args.action {
        Action::List { selection, limit, format } => {
            list(&*log, &reader, &selection, limit as usize, format)?;
        }
        Action::Show { place, raw, format } => {
            let letter = find(&*log, &reader.topics, place)?;
            if raw {
                use std::io::Write as _;
                let value = letter.says.value.as_deref().unwrap_or_default();
                failure::written(std::io::stdout().lock().write_all(value))?;
            } else {
                failure::print(&match format {
                    Format::Text => show::whole(&letter, &reader.topics, reader.gone.contains(&place)),
                    Format::Json => show::json(&letter, &reader.topics, reader.gone.contains(&place)),
                })?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What is known before the letters are read.
struct Reader {
    topics: Topics,
    gone: BTreeSet<Place>,
}

fn list(
    log: &dyn hark_log::Log,
    Reader { topics, gone }: &Reader,
    selection: &Selection,
    limit: usize,
    format: Format,
) -> anyhow::Result<()> {
    let now_ms = now_ms();
    // By time and place; only the lines that are shown are held.
    let mut newest: BTreeMap<(i64, Place), String> = BTreeMap::new();
    let mut sums: BTreeMap<(String, String), show::Sum> = BTreeMap::new();
    let mut others = 0;
    letter::each(log, topics, |letter| {
        if !selection.has(&letter, now_ms) {
            others += 1;
            return;
        }
        let place = letter.place;
        let went = gone.contains(&place);
        let sum = sums.entry((letter.says.stage.clone(), letter.says.class.clone())).or_default();
        sum.add(&letter, topics, went);
        let is_old = newest.len() >= limit
            && newest.first_key_value().is_some_and(|(first, _)| (letter.written_ms, place) < *first);
        if is_old {
            return;
        }
        let line = match format {
            Format::Text => show::line(&letter, topics, went),
            Format::Json => show::json(&letter, topics, went),
        };
        newest.insert((letter.written_ms, place), line);
        if newest.len() > limit {
            newest.pop_first();
        }
    })
    .context("cannot read the dead letters")?;
    let shown = newest.len() as u64;
    for line in newest.into_values() {
        failure::print(&line)?;
    }
    if matches!(format, Format::Text) {
        failure::print(&show::sums(&sums, shown, others))?;
    }
    Ok(())
}

fn find(log: &dyn hark_log::Log, topics: &Topics, place: Place) -> anyhow::Result<Letter> {
    let mut found = None;
    letter::each(log, topics, |letter| {
        if letter.place == place {
            found = Some(letter);
        }
    })
    .context("cannot read the dead letters")?;
    Ok(found.ok_or_else(|| no_letter(place))?)
}

/// Retention has taken it, or it never was.
fn no_letter(place: Place) -> Failure {
    Failure::bad_input(format!("there is no dead letter {place}"))
        .next("hark dead-letters list shows those that are there")
}
