//! `hark dead-letters` shows what could not be worked on; `hark redrive` sends it back to be tried again.

mod letter;
pub mod redrive;
mod select;
mod show;
mod superseded;

use std::{
    collections::{BTreeMap, BTreeSet},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Subcommand;
use hark_log::{Log, LogError};

use self::{
    letter::{Letter, Obstacle, Place, State, obstacle},
    select::Selection,
    superseded::Watched,
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
    match args.action {
        Action::List { selection, limit, format } => {
            let now_ms = now_ms();
            let reader = Reader::of(&*log, topics, |letter| selection.has(letter, now_ms))
                .context("cannot read which letters can go back")?;
            list(&*log, &reader, |letter| selection.has(letter, now_ms), limit as usize, format)?;
        }
        Action::Show { place, raw, format } => {
            let letter = find(&*log, &topics, place)?;
            if raw {
                use std::io::Write as _;
                let value = letter.says.value.as_deref().unwrap_or_default();
                failure::written(std::io::stdout().lock().write_all(value))?;
            } else {
                let reader = Reader::of(&*log, topics, |letter| letter.place == place)
                    .context("cannot read whether it can go back")?;
                let state = reader.state(&letter);
                failure::print(&match format {
                    Format::Text => show::whole(&letter, &state),
                    Format::Json => show::json(&letter, &state),
                })?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What is known of letters beside what they say themselves.
struct Reader {
    topics: Topics,
    gone: BTreeSet<Place>,
    superseded: BTreeSet<Place>,
}

impl Reader {
    /// Of the letters that are meant. The partitions that those came from which could go back are read for it, as `hark redrive` does.
    fn of(log: &dyn Log, topics: Topics, meant: impl Fn(&Letter) -> bool) -> Result<Self, LogError> {
        let gone = letter::redriven(log, &topics)?;
        let mut watched = Watched::default();
        letter::each(log, &topics, |letter| {
            let could_go = !gone.contains(&letter.place) && obstacle(&letter.says, &topics).is_none();
            if could_go && meant(&letter) {
                watched.add(&letter, &topics);
            }
        })?;
        Ok(Self { superseded: watched.superseded(log)?, topics, gone })
    }

    fn state(&self, letter: &Letter) -> State {
        if self.gone.contains(&letter.place) {
            return State::WentBack;
        }
        let superseded = || self.superseded.contains(&letter.place).then_some(Obstacle::Superseded);
        obstacle(&letter.says, &self.topics).or_else(superseded).map_or(State::Waits, State::Stays)
    }
}

fn list(
    log: &dyn Log,
    reader: &Reader,
    meant: impl Fn(&Letter) -> bool,
    limit: usize,
    format: Format,
) -> anyhow::Result<()> {
    // By time and place; only the lines that are shown are held.
    let mut newest: BTreeMap<(i64, Place), String> = BTreeMap::new();
    let mut sums: BTreeMap<(String, String), show::Sum> = BTreeMap::new();
    let mut others = 0;
    letter::each(log, &reader.topics, |letter| {
        if !meant(&letter) {
            others += 1;
            return;
        }
        let place = letter.place;
        let state = reader.state(&letter);
        let sum = sums.entry((letter.says.stage.clone(), letter.says.class.clone())).or_default();
        sum.add(place, &state);
        let is_old = newest.len() >= limit
            && newest.first_key_value().is_some_and(|(first, _)| (letter.written_ms, place) < *first);
        if is_old {
            return;
        }
        let line = match format {
            Format::Text => show::line(&letter, &state),
            Format::Json => show::json(&letter, &state),
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

fn find(log: &dyn Log, topics: &Topics, place: Place) -> anyhow::Result<Letter> {
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
