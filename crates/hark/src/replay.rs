//! `hark replay`: routes the mentions of the last days once more, in memory, by the configuration in use and by a new
//! one, and tells what would go elsewhere. Reads the log and writes nothing.

mod report;
mod side;
mod tally;

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::PathBuf,
    process::ExitCode,
    str::FromStr,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use hark_log::{From, Record};
use hark_rules::read::parse_duration;
use hark_schema::{Message as _, id::Id, v1::Mention};
use jiff::Timestamp;

use crate::{
    cli::Context,
    config::Config,
    failure::{Failure, print},
    log,
    topics::Topic,
};
use report::Report;
use side::Side;
use tally::Tally;

/// How long one look at the log may take: it bounds how late Ctrl-C is noticed.
const LOOK: Duration = Duration::from_millis(200);
/// How often somebody at a terminal hears how far it is.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// Arguments of `hark replay`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration to try in place of --config
    #[arg(long, value_name = "FILE")]
    new: PathBuf,
    /// How far back: a time ago such as 7d or 12h, or a moment such as 2026-11-18T00:00:00Z
    #[arg(long, value_name = "AGO|TIME", default_value = "7d")]
    since: Since,
    /// Examples of each move that are shown
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(0..=50))]
    examples: u16,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// Where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    Ago(Duration),
    At(Timestamp),
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(ago) = parse_duration(text) {
            return Ok(Self::Ago(ago));
        }
        let moment = text.parse().map(Self::At);
        moment.map_err(|_| {
            format!(
                "'{text}' is neither a time ago such as 7d or 12h nor a moment such as 2026-11-18T00:00:00Z"
            )
        })
    }
}

impl Since {
    fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(moment) => moment,
            Self::Ago(ago) => now.checked_sub(ago).unwrap_or(Timestamp::UNIX_EPOCH),
        }
    }
}

/// Replays and reports.
///
/// # Errors
/// One of the configurations cannot be used, or the log cannot be read.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    let old = Config::load(context.config_path())?;
    let new = Config::load(&args.new)?;
    let began = Instant::now();
    let since = args.since.at(Timestamp::now());
    let Some(tally) = replay(&old, &new, since, usize::from(args.examples), context)? else {
        return Err(Failure::runtime("stopped before the end").into());
    };
    let report = Report { old: &old, new: &new, since, tally: &tally, took: began.elapsed() };
    if args.json {
        print(&format!("{}\n", report.json()))?;
    } else {
        let width = terminal_size::terminal_size().map_or(report::DEFAULT_WIDTH, |(width, _)| width.0.into());
        print(&report.page(width))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Routes everything since then by both; `None` if Ctrl-C came first.
fn replay(
    old: &Config,
    new: &Config,
    since: Timestamp,
    examples: usize,
    context: &Context,
) -> anyhow::Result<Option<Tally>> {
    let mut sides = [Side::of(old)?, Side::trying(new, old)?];
    let mut tally = Tally::new(examples);
    let log = log::open_to_read(old)?;
    let topic = Topic::Mentions.name(&old.topic_prefix);
    let mut reader = log
        .reader(&topic, From::Timestamp(since.as_millisecond()))
        .with_context(|| format!("cannot read {topic}"))?;
    let mut progress = Progress::new();
    loop {
        if context.shutdown.is_cancelled() {
            return Ok(None);
        }
        let at_end = reader
            .read(LOOK, &mut |record| route(record, &mut sides, &mut tally))
            .with_context(|| format!("cannot read on in {topic}"))?;
        if at_end {
            progress.end();
            return Ok(Some(tally));
        }
        progress.tell(tally.records());
    }
}

fn route(record: &Record<'_>, sides: &mut [Side; 2], tally: &mut Tally) {
    let mention = record.value.map(Mention::decode);
    let (Some(Ok(mut mention)), Some(id)) = (mention, record.key.and_then(Id::from_hex)) else {
        // Route would have made a dead letter of it.
        tally.unreadable();
        return;
    };
    let post = mention.post.take().unwrap_or_default();
    let [old, new] = sides;
    let (before, after) = (old.place(&mention, &post), new.place(&mention, &post));
    tally.add(id, &mention, &post, before, after);
}

/// A line that is written over and over, on a terminal only.
struct Progress {
    told: Instant,
    shown: bool,
}

impl Progress {
    fn new() -> Self {
        Self { told: Instant::now(), shown: false }
    }

    fn tell(&mut self, records: u64) {
        if self.told.elapsed() < PROGRESS_EVERY || !io::stderr().is_terminal() {
            return;
        }
        self.told = Instant::now();
        self.shown = true;
        // Where that fails nobody watches.
        write!(io::stderr(), "\r{} mentions read", report::thousands(records)).unwrap_or_default();
    }

    fn end(&self) {
        if self.shown {
            write!(io::stderr(), "\r\x1b[K").unwrap_or_default();
        }
    }
}
