//! `hark up`: all in one process, and `hark up --demo`, the same on invented posts and a log that is thrown away.

use std::{
    path::Path,
    process::ExitCode,
    sync::{
        Arc,
        mpsc::{self, Receiver},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use jiff::{Timestamp, tz::TimeZone};
use tokio_util::sync::CancellationToken;

use crate::{
    cli::{Context, WorkerArgs},
    config::{Config, LogConfig},
    demo::{self, Event, display, script},
    failure,
    stages::now_ms,
    workers::{self, Parts, Running, Shared, ingest::Ingest},
};

/// Events that wait to be shown: more than the demo's posts bring about, so no stage ever waits for the terminal.
const EVENTS: usize = 1024;
/// After its last post the demo waits so long for what is still on its way.
const DEMO_PATIENCE: Duration = Duration::from_secs(10);

/// Arguments of `hark up`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Play about 60 invented posts of an invented firm; needs no file and leaves none
    #[arg(long)]
    demo: bool,
    #[command(flatten)]
    workers: WorkerArgs,
}

impl Args {
    /// The demo speaks for itself; log lines would stand between its own.
    pub fn is_demo(&self) -> bool {
        self.demo
    }
}

/// Runs ingest, enrich and route in this process.
pub fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    if !args.demo {
        return workers::run(Parts::ALL, None, args.workers, context);
    }
    demo(args.workers, context)?;
    Ok(ExitCode::SUCCESS)
}

fn demo(args: WorkerArgs, context: &Context) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder for the demo's log")?;
    let mut config = Config::from_yaml(Path::new("(the demo's configuration)"), demo::CONFIG)?;
    config.log = LogConfig::Embedded { data: folder.path().to_owned() };
    let teams = config.router()?.teams().map(|team| team.name.clone()).collect();
    let cues = script::parse(demo::POSTS)?;
    let paced = !args.once;

    let (listener, events) = mpsc::sync_channel(EVENTS);
    // The stages run on while posts come, also with --once: it plays at full speed and ends by itself.
    let args = WorkerArgs { once: false, ..args };
    let mut shared = Shared::open(config, args, &context.shutdown)?;
    shared.listener = Some(listener);
    let mut running = Running::new(shared, &context.telemetry);
    let ingest = Ingest::open(&running.shared)?;
    running.start(Parts { ingest: false, enrich: true, route: true }, None)?;

    let mut display = display::Display::new(display::terminal_width(), teams, TimeZone::system());
    let opened = failure::print(&display.opening());
    let shown = std::thread::scope(|scope| {
        let shutdown = running.shared.shutdown.clone();
        let player = scope.spawn(|| play(&cues, paced, &ingest, &running.shared));
        let shown =
            opened.and_then(|()| show(&mut display, &events, cues.len(), &shutdown, || player.is_finished()));
        if shown.is_err() {
            // Nobody reads any more: the player need not go on.
            shutdown.cancel();
        }
        let played = player.join().unwrap_or_else(|_| Err(anyhow::anyhow!("the demo's player panicked")));
        shown.and(played)
    });
    // Nobody shows what still comes; a stage must not wait for it.
    drop(events);
    let summed = shown.and_then(|()| failure::print(&display.summary()));
    let stopped = ingest.stop();
    running.stop()?;
    summed.and(stopped)
}

/// Submits the demo's posts as the sources that its configuration names would.
fn play(cues: &[script::Cue], paced: bool, ingest: &Ingest, shared: &Arc<Shared>) -> anyhow::Result<()> {
    script::play(cues, paced, &shared.shutdown, |cue| {
        ingest.submit(&cue.source, cue.post.clone(), Timestamp::now())
    })
}

/// Prints a line for each post until all have come, or none comes any more.
fn show(
    display: &mut display::Display,
    events: &Receiver<Event>,
    posts: usize,
    shutdown: &CancellationToken,
    is_played: impl Fn() -> bool,
) -> anyhow::Result<()> {
    let mut shown = 0;
    let mut since = Instant::now();
    while shown < posts && !shutdown.is_cancelled() {
        if let Ok(event) = events.recv_timeout(Duration::from_millis(100)) {
            failure::print(&display.line(&event, now_ms()))?;
            shown += 1;
            since = Instant::now();
        }
        if !is_played() {
            since = Instant::now();
        } else if since.elapsed() > DEMO_PATIENCE {
            break;
        }
    }
    Ok(())
}
