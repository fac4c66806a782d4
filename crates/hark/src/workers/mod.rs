//! The threads of a running `hark`: which stages, how many of each, and how they end together.

pub mod ingest;
mod reach;
mod reload;
pub mod stage;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    sync::{
        Arc,
        mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender},
    },
    thread::JoinHandle,
    time::Duration,
};

use anyhow::Context as _;
use hark_log::Log;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::{
    check::{ended_holidays, this_year},
    cli::{Context, WorkerArgs},
    config::{Config, LogConfig},
    demo::Event,
    health::Health,
    http::{Listen, Metrics, Server},
    log,
    stages::{in_force::Announcements, topics::Topics},
    telemetry::{
        self,
        record::{self, Stage},
    },
    topics,
};
use ingest::Ingest;
use reload::Reload;

/// How often the main thread looks at what has no thread of its own: signals, counters of the sources.
const TICK: Duration = Duration::from_millis(100);

/// What a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    pub ingest: bool,
    pub enrich: bool,
    pub route: bool,
}

impl Parts {
    /// All in one process.
    pub const ALL: Self = Self { ingest: true, enrich: true, route: true };
}

/// What all parts share.
pub struct Shared {
    /// As it was at the start; the stages hear of a later one by `announcements`.
    pub config: Arc<Config>,
    pub announcements: Announcements,
    pub log: Arc<dyn Log>,
    pub topics: Topics,
    pub args: WorkerArgs,
    pub health: Health,
    /// Cancelled by a signal, or when a part fails.
    pub shutdown: CancellationToken,
    /// Who wants to hear what became of each post.
    pub listener: Option<SyncSender<Event>>,
}

impl Shared {
    /// Opens the log and looks at its topics. The embedded log gets what is missing; on Kafka somebody decides about
    /// partitions and replication first.
    pub fn open(config: Config, args: WorkerArgs, shutdown: &CancellationToken) -> anyhow::Result<Self> {
        let log = log::open(&config, shutdown)?;
        if let LogConfig::Embedded { .. } = config.log {
            log.create_topics(&topics::specs(&config)?).context("cannot create the topics")?;
        }
        let found = log.topics()?;
        topics::check_partitions(&found, &config.topic_prefix)?;
        topics::check_lifetimes(&found, &config.topic_prefix)?;
        let topics = Topics::of(found, &config.topic_prefix);
        for spec in topics::specs(&config)? {
            let name =
                spec.name.strip_prefix(&format!("{}.", config.topic_prefix)).unwrap_or_default().to_owned();
            topics.get(&name)?;
        }
        record::config(&config.revision);
        Ok(Self {
            config: Arc::new(config),
            announcements: Announcements::default(),
            log,
            topics,
            args,
            health: Health::default(),
            // A part that fails ends this process, not the command that tests it.
            shutdown: shutdown.child_token(),
            listener: None,
        })
    }
}

/// Arguments of `hark ingest`.
#[derive(Debug, clap::Args)]
pub struct IngestArgs {
    /// Run this source only
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    #[command(flatten)]
    workers: WorkerArgs,
}

/// `hark ingest`.
pub fn ingest(args: IngestArgs, context: &Context) -> anyhow::Result<ExitCode> {
    let parts = Parts { ingest: true, enrich: false, route: false };
    run(parts, args.source.as_deref(), args.workers, context)
}

/// `hark enrich` and `hark route`.
pub fn stage(which: Stage, args: WorkerArgs, context: &Context) -> anyhow::Result<ExitCode> {
    let enrich = which == Stage::Enrich;
    run(Parts { ingest: false, enrich, route: !enrich }, None, args, context)
}

/// Runs parts until shutdown, or until the work is done with `--once`.
pub fn run(
    parts: Parts,
    source: Option<&str>,
    args: WorkerArgs,
    context: &Context,
) -> anyhow::Result<ExitCode> {
    let config = Config::load(context.config_path())?;
    if parts.route {
        // No reason to stop: a deadline on a holiday is better than none.
        for problem in ended_holidays(&config, this_year()) {
            error!("{}:{problem}", config.path().display());
        }
    }
    let shared = match Shared::open(config, args, &context.shutdown) {
        Err(error) if context.shutdown.is_cancelled() => {
            info!(%error, "stopped before it had begun");
            return Ok(ExitCode::SUCCESS);
        }
        opened => opened?,
    };
    let mut running = Running::new(shared, &context.telemetry);
    if running.shared.args.once {
        running.once(parts, source)?;
    } else {
        running.start(parts, source)?;
        running.follow_configuration(parts)?;
        running.until_shutdown()?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Threads of this process.
pub struct Running {
    pub shared: Arc<Shared>,
    telemetry: telemetry::Telemetry,
    server: Option<Server>,
    ingest: Option<Ingest>,
    reload: Option<Reload>,
    threads: Vec<JoinHandle<()>>,
    ended: Receiver<anyhow::Result<()>>,
    ends: Sender<anyhow::Result<()>>,
}

impl Running {
    /// Nothing runs yet.
    pub fn new(shared: Shared, telemetry: &telemetry::Telemetry) -> Self {
        let (ends, ended) = mpsc::channel();
        Self {
            shared: Arc::new(shared),
            telemetry: telemetry.clone(),
            server: None,
            ingest: None,
            reload: None,
            threads: Vec::new(),
            ended,
            ends,
        }
    }

    /// Starts parts, the last stage first, so that nothing piles up.
    pub fn start(&mut self, parts: Parts, source: Option<&str>) -> anyhow::Result<()> {
        let ingest = if parts.ingest { Some(Ingest::open(&self.shared)?) } else { None };
        let webhooks = ingest.as_ref().map(|ingest| ingest.webhooks(source)).transpose()?;
        let counters = ingest.as_ref().map(Ingest::counters);
        let listen = self.listen();
        self.shared.config.look_for_files("http")?;
        let tls = self.shared.config.http.tls.clone();
        let metrics = Metrics { telemetry: self.telemetry.clone(), counters };
        let server = Server::start(listen, tls, metrics, self.shared.health.clone(), webhooks)?;
        info!(address = %server.address(), "listening for webhooks, /metrics, /livez and /readyz");
        self.server = Some(server);
        if let LogConfig::Kafka(_) = self.shared.config.log {
            let (log, shutdown) = (self.shared.log.clone(), self.shared.shutdown.clone());
            self.threads.push(reach::watch(log, self.shared.health.part("log"), shutdown)?);
        }
        if parts.route {
            self.start_stage(Stage::Route)?;
        }
        if parts.enrich {
            self.start_stage(Stage::Enrich)?;
        }
        if let Some(mut ingest) = ingest {
            ingest.start_files(source, false)?;
            ingest.start_feeds(source)?;
            self.ingest = Some(ingest);
        }
        Ok(())
    }

    /// From here on a changed configuration is taken over, at SIGHUP and when its file changes.
    pub fn follow_configuration(&mut self, parts: Parts) -> anyhow::Result<()> {
        self.reload = Some(Reload::start(&self.shared, parts)?);
        Ok(())
    }

    /// Works off what is there, stage after stage, so that each finds all that the one before it wrote. Where the disk does not take all that the
    /// sources have, the stages make room in between; where that is not enough, what was taken is worked off, and then it is an error.
    pub fn once(&mut self, parts: Parts, source: Option<&str>) -> anyhow::Result<()> {
        let mut ingested = Ok(());
        if parts.ingest {
            let mut ingest = Ingest::open(&self.shared)?;
            ingest.start_files(source, true)?;
            let polled = ingest.poll_feeds(source);
            ingested = match ingest.read_on(|| self.work_off(parts)) {
                Ok(true) => ingest.wait().and(polled),
                Ok(false) => Err(ingest.give_up().into()),
                Err(error) => {
                    ingest.give_up();
                    return Err(error);
                }
            };
        }
        let worked_off = self.work_off(parts);
        ingested.and(worked_off)
    }

    fn work_off(&mut self, parts: Parts) -> anyhow::Result<()> {
        for (wanted, which) in [(parts.enrich, Stage::Enrich), (parts.route, Stage::Route)] {
            if wanted && !self.shared.shutdown.is_cancelled() {
                self.start_stage(which)?;
                self.join()?;
            }
        }
        Ok(())
    }

    /// Threads of a stage.
    pub fn start_stage(&mut self, which: Stage) -> anyhow::Result<()> {
        let embedded = matches!(self.shared.config.log, LogConfig::Embedded { .. });
        let workers = match self.shared.args.workers {
            more if more > 1 && embedded => {
                warn!("the embedded log has one worker a stage: --workers {more} is for Kafka");
                1
            }
            workers => workers,
        };
        let names = stage::Names::new(&self.shared, which);
        for number in 0..workers {
            let worker = stage::Prepared::new(&self.shared, which, &names, number)?;
            let (ends, shutdown) = (self.ends.clone(), self.shared.shutdown.clone());
            let log = self.shared.log.clone();
            let thread = std::thread::Builder::new()
                .name(format!("{}-{number}", which.name()))
                .spawn(move || {
                    let result = catch_unwind(AssertUnwindSafe(|| worker.run(&*log)))
                        .unwrap_or_else(|_| Err(anyhow::anyhow!("its thread panicked")));
                    if result.is_err() {
                        // The others end too: a process that does half its work would look healthy.
                        shutdown.cancel();
                    }
                    // The main thread listens until all threads have ended.
                    ends.send(result.with_context(|| format!("{} failed", which.name()))).ok();
                })
                .context("cannot start a thread")?;
            self.threads.push(thread);
        }
        Ok(())
    }

    /// Until a signal or a failure, then until everything has ended.
    pub fn until_shutdown(mut self) -> anyhow::Result<()> {
        while !self.shared.shutdown.is_cancelled() {
            self.tick();
        }
        self.stop()
    }

    /// A moment of waiting, and the counters of the sources.
    pub fn tick(&mut self) {
        match self.ended.recv_timeout(TICK) {
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            // Kept for `stop`, which reports it.
            Ok(result) => {
                self.ends.send(result).ok();
            }
        }
        if let Some(ingest) = &mut self.ingest {
            ingest.tell();
            if ingest.has_ended() {
                self.shared.shutdown.cancel();
            }
        }
    }

    /// Ends everything in order: sources first, then what they publish, then the stages; the HTTP server last, so that
    /// `/readyz` tells that the process drains.
    pub fn stop(mut self) -> anyhow::Result<()> {
        self.shared.shutdown.cancel();
        self.shared.health.drain();
        info!("draining");
        if let Some(reload) = self.reload.take() {
            reload.stop();
        }
        let ingested = match self.ingest.take() {
            Some(ingest) => ingest.stop(),
            None => Ok(()),
        };
        let joined = self.join();
        if let Some(server) = self.server.take() {
            server.stop();
        }
        joined.and(ingested)
    }

    /// Waits for the stages' threads; the first error, if any.
    fn join(&mut self) -> anyhow::Result<()> {
        let mut first = Ok(());
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                first = first.and(Err(anyhow::anyhow!("a worker thread panicked")));
            }
        }
        while let Ok(result) = self.ended.try_recv() {
            first = first.and(result);
        }
        first
    }

    fn listen(&self) -> Listen {
        let http = &self.shared.config.http;
        match self.shared.args.listen {
            Some(address) => Listen::At(address),
            None if http.set => Listen::At(http.listen),
            None => Listen::Default,
        }
    }
}
