//! Ingest: the sources of the configuration, and the one publisher that they share.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use axum::Router;
use hark_log::{SessionConfig, pause};
use hark_sources::{
    IngestTopics, Limits, PollResult, PostInput, Publisher, PublisherError, PublisherThread, Reason,
    SourceContext,
    feed::{self, Feed, FeedError, Feeds},
    file::{self, Cursors, FileError, FileSpec},
    to_output,
    webhook::{ANSWERS, Access, Answers, Hook, HookLimits, Key, router},
};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{Shared, stage::drawn};
use crate::{
    config::{FilePattern, Source, SourceKind},
    failure::Failure,
    health::Part,
    telemetry::record,
};

/// How long sources and the publisher may take to end; the whole process has 5 s.
const GRACE: Duration = Duration::from_secs(3);
/// How often it is looked whether files are read, under `--once`.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// The sources of this process.
pub struct Ingest {
    shared: Arc<Shared>,
    publisher: Publisher,
    thread: PublisherThread,
    transactional_id: String,
    sources: Arc<BTreeMap<String, Running>>,
    files: Vec<JoinHandle<()>>,
    feeds: Option<Feeds>,
    /// The first failure of a file; the threads end by themselves.
    failed: Arc<Mutex<Option<anyhow::Error>>>,
    /// Ends the threads of files.
    stop: CancellationToken,
    part: Part,
}

struct Running {
    context: SourceContext,
    answers: Arc<Answers>,
}

impl Ingest {
    /// Begins to publish. Sources are started by [`Ingest::webhooks`] and [`Ingest::start_files`].
    pub fn open(shared: &Arc<Shared>) -> anyhow::Result<Self> {
        let prefix = &shared.config.topic_prefix;
        let name = shared.args.instance.clone().unwrap_or_else(drawn);
        // A dot keeps it apart from the ids of feeds, which are slugs.
        let transactional_id = format!("{prefix}-ingest-{name}.posts");
        let (log, id) = (shared.log.clone(), transactional_id.clone());
        let factory = Box::new(move || log.producer(&id));
        let (publisher, thread) =
            Publisher::start(factory, Limits::default()).context("cannot start publishing")?;
        let topics = IngestTopics {
            posts: shared.topics.get("posts")?,
            cursors: shared.topics.get("cursors")?,
            dead_letters: shared.topics.get("dead-letters")?,
        };
        let tenant: Arc<str> = shared.config.tenant()?.into();
        let config_revision: Arc<str> = shared.config.revision.as_str().into();
        let running = |source: &Source| Running {
            context: SourceContext {
                tenant: tenant.clone(),
                source: source.name.as_str().into(),
                connector: source.kind_name(),
                version: env!("CARGO_PKG_VERSION").into(),
                keep_payload: source.keep_payload,
                backfill: source.backfill,
                config_revision: config_revision.clone(),
                topics: topics.clone(),
                counts: Arc::default(),
            },
            answers: Arc::default(),
        };
        let sources = shared.config.sources.iter().map(|source| (source.name.clone(), running(source)));
        let sources = Arc::new(sources.collect());
        let part = shared.health.part("ingest");
        part.ready();
        Ok(Self {
            shared: shared.clone(),
            publisher,
            thread,
            transactional_id,
            sources,
            files: Vec::new(),
            feeds: None,
            failed: Arc::default(),
            stop: shared.shutdown.child_token(),
            part,
        })
    }

    /// The sources that are wanted: all, or the one that is named.
    fn wanted(&self, only: Option<&str>) -> anyhow::Result<Vec<(&Source, &Running)>> {
        if let Some(name) = only
            && self.shared.config.source(name).is_none()
        {
            let known: Vec<&str> = self.sources.keys().map(String::as_str).collect();
            let problem = hark_rules::Problem::nowhere(format!("there is no source named '{name}'"))
                .hint(format!("the sources are: {}", known.join(", ")));
            return Err(self.shared.config.refuse(vec![problem]).into());
        }
        let wanted =
            self.shared.config.sources.iter().filter(|source| only.is_none_or(|only| source.name == only));
        Ok(wanted.filter_map(|source| Some((source, self.sources.get(&source.name)?))).collect())
    }

    /// The routes of the webhook sources.
    pub fn webhooks(&self, only: Option<&str>) -> anyhow::Result<Router> {
        let mut hooks = Vec::new();
        let mut problems = Vec::new();
        for (source, running) in self.wanted(only)? {
            let SourceKind::Webhook { secrets, token, max_body } = &source.kind else { continue };
            let mut keys = Vec::new();
            for secret in secrets.iter().chain(token) {
                match secret.reveal() {
                    Ok(revealed) => match Key::new(revealed.expose()) {
                        Ok(key) => keys.push(key),
                        Err(error) => problems.push(hark_rules::Problem::nowhere(format!(
                            "the secret of source '{}': {error}",
                            source.name
                        ))),
                    },
                    Err(problem) => problems.push(problem),
                }
            }
            // A secret that is not set is a problem by now: without keys only that one is open that asked for none.
            let access = if keys.is_empty() { Access::Open } else { Access::Keys(keys) };
            if secrets.is_empty() && token.is_none() {
                warn!(
                    source = source.name,
                    "this webhook is open: it takes posts from anybody who can reach it"
                );
            }
            hooks.push(Hook {
                context: running.context.clone(),
                access,
                answers: running.answers.clone(),
                body_bytes: usize::try_from(*max_body).unwrap_or(usize::MAX),
            });
        }
        if !problems.is_empty() {
            return Err(self.shared.config.refuse(problems).into());
        }
        let shutdown = self.shared.shutdown.clone();
        Ok(router(hooks, self.publisher.clone(), HookLimits::default(), shutdown))
    }

    /// Starts a thread for each file source, and one for standard input.
    pub fn start_files(&mut self, only: Option<&str>, once: bool) -> anyhow::Result<()> {
        let (mut files, mut stdin) = (Vec::new(), Vec::new());
        for (source, running) in self.wanted(only)? {
            let SourceKind::File { paths } = &source.kind else { continue };
            let mut patterns = Vec::new();
            for path in paths {
                match path {
                    FilePattern::Stdin => stdin.push(running.context.clone()),
                    FilePattern::Glob(pattern) => patterns.push(pattern.clone()),
                }
            }
            if !patterns.is_empty() {
                files.push((FileSpec::new("", patterns), running.context.clone()));
            }
        }
        for context in stdin {
            let (publisher, shutdown) = (self.publisher.clone(), self.stop.clone());
            self.read("-".to_owned(), context, move |context| {
                file::run_stdin(context, &publisher, &shutdown)
            })?;
        }
        for (spec, context) in files {
            let (publisher, shutdown) = (self.publisher.clone(), self.stop.clone());
            let log = Arc::clone(&self.shared.log);
            self.read(spec.paths.join(", "), context, move |context| {
                let restore = || Cursors::restore(&*log, &context.topics.cursors);
                file::run(&spec, context, &publisher, &restore, once, &shutdown)
            })?;
        }
        Ok(())
    }

    /// Starts a thread that reads files; what it fails of ends the process.
    fn read(
        &mut self,
        paths: String,
        context: SourceContext,
        read: impl FnOnce(&SourceContext) -> Result<(), FileError> + Send + 'static,
    ) -> anyhow::Result<()> {
        info!(source = %context.source, paths, "reading");
        let failed = self.failed.clone();
        let thread = std::thread::Builder::new()
            .name(format!("file-{}", context.source))
            .spawn(move || {
                let error = match catch_unwind(AssertUnwindSafe(|| read(&context))) {
                    Ok(Ok(())) => return,
                    Ok(Err(error)) => error.into(),
                    Err(_) => anyhow::anyhow!("the thread that reads {paths} panicked"),
                };
                failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            })
            .context("cannot start a thread")?;
        self.files.push(thread);
        Ok(())
    }

    /// The feeds that are wanted, secrets looked up.
    fn feeds(&self, only: Option<&str>) -> anyhow::Result<Vec<Feed>> {
        let (config, mut feeds, mut problems) = (&self.shared.config, Vec::new(), Vec::new());
        for (source, running) in self.wanted(only)? {
            let SourceKind::Feed { url, every, allow_private } = &source.kind else { continue };
            let url = match url.resolve() {
                Ok(url) => url,
                Err(problem) => {
                    problems.push(problem);
                    continue;
                }
            };
            match feed::shown(&url) {
                Ok(shown) => feeds.push(Feed {
                    context: running.context.clone(),
                    url,
                    shown,
                    every: *every,
                    allow_private: *allow_private,
                    transactional_id: format!(
                        "{}-ingest-{}-{}",
                        config.topic_prefix, running.context.tenant, source.name
                    ),
                }),
                // It comes from a variable and may be a secret: it is not repeated.
                Err(why) => problems
                    .push(hark_rules::Problem::nowhere(format!("the url of source '{}' {why}", source.name))),
            }
        }
        if problems.is_empty() { Ok(feeds) } else { Err(config.refuse(problems).into()) }
    }

    /// Joins the group that shares the feeds, and polls those that fall to this worker.
    pub fn start_feeds(&mut self, only: Option<&str>) -> anyhow::Result<()> {
        let feeds = self.feeds(only)?;
        if feeds.is_empty() {
            return Ok(());
        }
        // A worker of one source has a group of its own: in the common one it would be given feeds that it does not run.
        let only = only.map(|only| format!(".{only}")).unwrap_or_default();
        let group = format!("{}-ingest{only}", self.shared.config.topic_prefix);
        let instance = self.shared.args.instance.as_deref();
        // A dot keeps it apart from the ids of feeds, which are slugs.
        let name = format!("{group}-{}.feeds", instance.map_or_else(drawn, str::to_owned));
        let member = SessionConfig {
            input: self.shared.topics.get("cursors")?.name,
            tables: Vec::new(),
            instance: instance.map(|_| name.clone()),
            transactional_id: name,
            shutdown: self.shared.shutdown.clone(),
            group,
        };
        self.feeds = Some(Feeds::start(feeds, self.shared.log.clone(), member)?);
        Ok(())
    }

    /// Polls each feed once.
    pub fn poll_feeds(&self, only: Option<&str>) -> anyhow::Result<()> {
        let feeds = self.feeds(only)?;
        Ok(feed::poll_once(&feeds, &*self.shared.log, &self.shared.shutdown)?)
    }

    /// Hands over one post as if `source` had heard it.
    pub fn submit(&self, source: &str, input: PostInput, observed_at: Timestamp) -> anyhow::Result<()> {
        let running = self.sources.get(source).with_context(|| format!("there is no source {source}"))?;
        self.publisher.submit(vec![to_output(input, &running.context, observed_at)])?;
        Ok(())
    }

    /// Whether something failed that the process cannot go on without.
    pub fn has_ended(&self) -> bool {
        self.thread.ended().is_cancelled()
            || self.feeds.as_ref().is_some_and(Feeds::has_ended)
            || self.failed.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Tells metrics and readiness.
    pub fn tell(&self) {
        if !self.publisher.is_available() {
            self.part.waits("the log takes no posts at present");
        } else if self.feeds.as_ref().is_some_and(|feeds| !feeds.is_assigned()) {
            self.part.waits("waiting for the group that shares the feeds");
        } else {
            self.part.ready();
        }
        if let Some(free) = self.shared.log.room_bytes() {
            record::disk_free(free);
        }
        count(&self.publisher, &self.sources);
    }

    /// Tells the counters of now: whoever was answered and then looks at the metrics finds there what was answered.
    pub fn counters(&self) -> Arc<dyn Fn() + Send + Sync> {
        let (publisher, sources) = (self.publisher.clone(), Arc::clone(&self.sources));
        Arc::new(move || count(&publisher, &sources))
    }

    /// Under `--once`: until the files are read, calling `make_room` whenever the disk takes no more. False when that does not help: the rest is
    /// given up then.
    pub fn read_on(&self, mut make_room: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<bool> {
        let is_over =
            || self.shared.shutdown.is_cancelled() || self.files.iter().all(JoinHandle::is_finished);
        while !is_over() {
            if self.publisher.is_full() {
                let committed = self.publisher.stats().committed;
                make_room().inspect_err(|_| self.stop.cancel())?;
                // The try under way may have begun before there was room; the one after it has not.
                let tries = self.publisher.stats().aborted + 2;
                while !is_over() && self.publisher.stats().committed == committed {
                    if self.publisher.stats().aborted >= tries {
                        self.stop.cancel();
                        return Ok(false);
                    }
                    pause(&self.shared.shutdown, LOOK_EVERY);
                }
            }
            pause(&self.shared.shutdown, LOOK_EVERY);
        }
        Ok(true)
    }

    /// Leaves what does not fit on the disk to its sources.
    pub fn give_up(mut self) -> Failure {
        self.join_files();
        if let Err(error) = self.thread.stop(Duration::ZERO) {
            warn!(%error, "stopping");
        }
        Failure::runtime("the disk of the log is full: not all posts could be taken")
            .next("free some space and run it again: it goes on where it stopped (what came on standard input is to be piped in again)")
    }

    /// Waits until the files are worked off and all is committed.
    pub fn wait(mut self) -> anyhow::Result<()> {
        self.join_files();
        self.stop()
    }

    fn join_files(&mut self) {
        for thread in self.files.drain(..) {
            if thread.join().is_err() {
                warn!("the thread of a file panicked");
            }
        }
    }

    /// Ends the sources, which see the shutdown, and commits what they handed over.
    pub fn stop(mut self) -> anyhow::Result<()> {
        self.join_files();
        let until = Instant::now() + GRACE;
        let left = || until.saturating_duration_since(Instant::now());
        let polled: Result<(), FeedError> = self.feeds.take().map_or(Ok(()), |feeds| feeds.join(left()));
        self.tell();
        let published = match self.thread.stop(left()) {
            // The brokers are away or the disk is full, and somebody wants an end: nothing is lost by it.
            Err(error @ PublisherError::Abandoned { .. }) if self.shared.shutdown.is_cancelled() => {
                warn!(%error, "stopping");
                Ok(())
            }
            published => published.with_context(|| format!("publishing as {} failed", self.transactional_id)),
        };
        let published = polled.context("polling feeds failed").and(published);
        match self.failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => published.and(Err(error)),
            None => published,
        }
    }
}

fn count(publisher: &Publisher, sources: &BTreeMap<String, Running>) {
    let stats = publisher.stats();
    record::publisher(stats.committed, stats.aborted, stats.rebuilt, stats.uncommitted_bytes);
    for (name, Running { context, answers }) in sources {
        record::posts(name, "emitted", "", context.counts.accepted());
        // Shown from 0 on: Prometheus sees no increase in a counter whose first value is 1.
        for reason in Reason::ALL {
            record::posts(name, "rejected", reason.as_str(), context.counts.rejected(reason));
        }
        if context.connector == "file" {
            record::file_restarts(name, context.counts.restarts());
        }
        if context.connector == "feed" {
            for result in PollResult::ALL {
                record::feed_polls(name, result.as_str(), context.counts.polls(result));
            }
            record::feed_gaps(name, context.counts.gaps());
        }
        for status in ANSWERS {
            let answers = answers.of(status);
            if answers > 0 {
                record::webhook_responses(name, status, answers);
            }
        }
    }
}
