//! `hark redrive`: dead letters go back to the partition that they came from, each at most once.
//!
//! A letter and the mark that it has gone back are one transaction, and whoever begins to redrive fences whoever did before.
//! So the marks that are read after that are all there will ever be, and a letter without one has not gone back.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::ExitCode,
};

use anyhow::Context as _;
use hark_log::{CommitError, Header, Log, Output, Producer};
use hark_schema::{
    Message as _,
    v1::{DeadLetter, Redriven},
};

use super::{
    letter::{self, Letter, Obstacle, Place, obstacle, origin},
    no_letter,
    select::Selection,
    superseded::Watched,
};
use crate::{
    cli::Context,
    config::{Config, LogConfig},
    failure::{self, Failure},
    log,
    stages::{
        envelope::{ATTEMPTS, timestamp},
        now_ms,
        topics::{Topic, Topics},
    },
    topics,
};

/// Letters of one transaction, and their bytes: few enough that it ends long before its timeout of 10 s.
const BATCH_LETTERS: usize = 500;
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// Arguments of `hark redrive`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The letters, as the list shows them
    #[arg(value_name = "PARTITION/OFFSET")]
    places: Vec<Place>,
    #[command(flatten)]
    selection: Selection,
    /// All that can go back
    #[arg(long)]
    all: bool,
    /// Only say what would go back
    #[arg(long)]
    dry_run: bool,
}

/// What becomes of the letters that were meant.
#[derive(Default)]
struct Plan {
    back: BTreeSet<Place>,
    refused: BTreeMap<Place, Obstacle>,
    gone: usize,
    /// Letters that were named and are not there.
    missing: BTreeSet<Place>,
}

/// Sends letters back.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    if args.places.is_empty() && args.selection.is_all() && !args.all {
        return Err(Failure::bad_input("which dead letters are to go back?")
            .next("name them (3/17), choose them (--class undecodable --since 2h), or say --all")
            .into());
    }
    let config = Config::load(context.config_path())?;
    if !args.dry_run && matches!(config.log, LogConfig::Embedded { .. }) {
        // Opening it to write would begin a log where there is none.
        log::open_to_read(&config, &context.shutdown)?;
    }
    let log = if args.dry_run {
        log::open_to_read(&config, &context.shutdown)?
    } else {
        log::open(&config, &context.shutdown)?
    };
    let topics = prepare(&config, &*log, args.dry_run)?;
    // First: whoever redrove before can commit nothing more, so that the marks are all there.
    let producer = match args.dry_run {
        true => None,
        false => Some(
            log.producer(&format!("{}-redrive", config.topic_prefix)).context("cannot begin to redrive")?,
        ),
    };
    let plan = plan(&*log, &topics, args).context("cannot read the dead letters")?;
    if let Some(&place) = plan.missing.first() {
        return Err(no_letter(place).into());
    }
    for (place, why) in &plan.refused {
        failure::print(&format!("stays     {place:<9}  {why}\n"))?;
    }
    let sent = match producer {
        Some(producer) => send(&*log, &topics, &plan, producer)?,
        None => {
            for place in &plan.back {
                failure::print(&format!("would go  {place}\n"))?;
            }
            0
        }
    };
    let (refused, gone) = (plan.refused.len(), plan.gone);
    failure::print(&match args.dry_run {
        true => format!("{} would go back, {refused} stay, {gone} had gone before\n", plan.back.len()),
        false => format!("{sent} went back, {refused} stay, {gone} had gone before\n"),
    })?;
    // Whoever names a letter wants to hear that it stays; whoever chooses many knows that some do.
    let failed = !args.places.is_empty() && refused > 0;
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The topics, and that the marks live as long as the letters.
fn prepare(config: &Config, log: &dyn Log, dry_run: bool) -> anyhow::Result<Topics> {
    let prefix = &config.topic_prefix;
    let mut topics = Topics::read(log, prefix)?;
    if dry_run {
        return Ok(topics);
    }
    if matches!(config.log, LogConfig::Embedded { .. }) {
        let partitions = topics.get("dead-letters")?.partitions;
        log.create_topics(&[topics::Topic::Redriven.spec(prefix, partitions, None)])?;
        topics = Topics::read(log, prefix)?;
    }
    topics.get("redriven")?;
    topics::check_lifetimes(&log.topics()?, prefix)?;
    Ok(topics)
}

fn plan(log: &dyn Log, topics: &Topics, args: &Args) -> Result<Plan, hark_log::LogError> {
    let now_ms = now_ms();
    let gone = letter::redriven(log, topics)?;
    let named: BTreeSet<Place> = args.places.iter().copied().collect();
    let mut plan = Plan { missing: named.clone(), ..Plan::default() };
    let mut watched = Watched::default();
    letter::each(log, topics, |letter| {
        plan.missing.remove(&letter.place);
        let meant =
            (named.is_empty() || named.contains(&letter.place)) && args.selection.has(&letter, now_ms);
        if !meant {
            return;
        }
        if gone.contains(&letter.place) {
            plan.gone += 1;
        } else if let Some(why) = obstacle(&letter.says, topics) {
            plan.refused.insert(letter.place, why);
        } else {
            watched.add(&letter, topics);
            plan.back.insert(letter.place);
        }
    })?;
    for place in watched.superseded(log)? {
        plan.back.remove(&place);
        plan.refused.insert(place, Obstacle::Superseded);
    }
    Ok(plan)
}

/// Sends the letters of the plan, in their order; how many went.
fn send(log: &dyn Log, topics: &Topics, plan: &Plan, producer: Box<dyn Producer>) -> anyhow::Result<usize> {
    let mut sender =
        Sender { producer, marks: topics.get("redriven")?, batch: Vec::new(), bytes: 0, sent: 0 };
    let mut result = Ok(());
    if !plan.back.is_empty() {
        letter::each(log, topics, |letter| {
            if result.is_ok() && plan.back.contains(&letter.place) {
                result = sender.add(&letter, topics);
            }
        })
        .context("cannot read the dead letters")?;
    }
    result?;
    sender.flush()?;
    Ok(sender.sent)
}

struct Sender {
    producer: Box<dyn Producer>,
    marks: Topic,
    batch: Vec<(Place, [Output; 2])>,
    bytes: usize,
    sent: usize,
}

impl Sender {
    fn add(&mut self, letter: &Letter, topics: &Topics) -> anyhow::Result<()> {
        let (topic, partition) = origin(&letter.says, topics).context("its topic has gone meanwhile")?;
        let outputs = [record(&letter.says, &topic, partition), mark(letter, &self.marks)];
        self.bytes += outputs.iter().map(Output::size_bytes).sum::<usize>();
        self.batch.push((letter.place, outputs));
        if self.batch.len() >= BATCH_LETTERS || self.bytes >= BATCH_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.batch);
        self.bytes = 0;
        let (places, outputs): (Vec<Place>, Vec<[Output; 2]>) = batch.into_iter().unzip();
        let outputs: Vec<Output> = outputs.into_iter().flatten().collect();
        self.producer.commit(&outputs).map_err(|error| interrupted(error, self.sent))?;
        self.sent += places.len();
        for place in places {
            failure::print(&format!("went back {place}\n"))?;
        }
        Ok(())
    }
}

fn interrupted(error: CommitError, sent: usize) -> anyhow::Error {
    anyhow::Error::from(error).context(
        Failure::runtime(format!("{sent} went back, then the log took no more"))
            .next("run the same again: what has gone back is marked and does not go twice"),
    )
}

/// The record as it was, and how often it has been tried.
fn record(says: &DeadLetter, topic: &Topic, partition: u32) -> Output {
    let headers = says.headers.iter().filter(|header| header.key != ATTEMPTS);
    let mut headers: Vec<Header> =
        headers.map(|header| Header::new(header.key.clone(), header.value.clone())).collect();
    headers.push(Header::new(ATTEMPTS, says.attempts.to_string()));
    Output {
        topic: topic.name.clone(),
        partition,
        key: says.key.clone().unwrap_or_default(),
        value: says.value.clone(),
        headers,
        timestamp_ms: None,
    }
}

fn mark(letter: &Letter, marks: &Topic) -> Output {
    let mark = Redriven {
        topic: letter.says.topic.clone(),
        partition: letter.says.partition,
        redriven_at: Some(timestamp(now_ms())),
    };
    Output {
        topic: marks.name.clone(),
        partition: marks.beside(letter.place.partition),
        key: letter.place.to_string().into_bytes(),
        value: Some(mark.encode_to_vec()),
        headers: Vec::new(),
        timestamp_ms: None,
    }
}
