//! A worker thread of enrich or route: its stage, its names on the log, its loop.

use std::sync::Arc;

use anyhow::Context as _;
use hark_log::{Log, LogError, SessionConfig, SharedTableSpec, TableSpec, Worker};
use hark_schema::id::Id;
use tracing::warn;

use super::Shared;
use crate::{
    config::LogConfig,
    judge::Judge,
    stages::{
        Feed,
        enrich::{Enrich, seen_table},
        envelope::DeadLetters,
        in_force::{owned_sources, queues},
        now_ms,
        route::{Route, contacts_table, table},
    },
    telemetry::{record::Stage, worker::WorkerTelemetry},
};

/// The consumer group of a stage.
pub fn group(prefix: &str, stage: Stage) -> String {
    format!("{prefix}-{}", stage.name())
}

/// The topic that a stage reads.
pub fn input(stage: Stage) -> &'static str {
    match stage {
        Stage::Enrich => "posts",
        Stage::Route => "mentions",
    }
}

/// Names of its tables and of the topics that keep them, the shared one last.
fn stores(stage: Stage) -> &'static [&'static str] {
    match stage {
        Stage::Enrich => &["seen"],
        Stage::Route => &["items", "threads", "contacts"],
    }
}

/// What the workers of a stage are called on the log.
pub struct Names {
    group: String,
    /// `<prefix>-<stage>-<instance>`; threads append their number.
    base: String,
    is_static: bool,
}

impl Names {
    /// With an instance name, membership is static and a restarted worker goes on at once; without one the names are
    /// drawn, and the broker has to notice first that the old worker is gone.
    pub fn new(shared: &Shared, which: Stage) -> Self {
        let group = group(&shared.config.topic_prefix, which);
        let instance = shared.args.instance.as_deref();
        if instance.is_none() && matches!(shared.config.log, LogConfig::Kafka(_)) && !shared.args.once {
            warn!("no --instance: a restarted worker has to wait for the broker to notice; name each worker");
        }
        let base = match instance {
            Some(instance) => format!("{group}-{instance}"),
            None => format!("{group}-{}", drawn()),
        };
        Self { group, base, is_static: instance.is_some() }
    }
}

/// A name that no other process draws.
pub fn drawn() -> String {
    let parts = [std::process::id().to_string(), now_ms().to_string()];
    let host = std::fs::read("/proc/sys/kernel/random/uuid").unwrap_or_default();
    Id::of(&[parts[0].as_bytes(), parts[1].as_bytes(), &host]).to_string()[..12].to_owned()
}

enum Kind {
    Enrich(Box<Enrich>),
    Route(Box<Route>),
}

/// A worker that is ready to run.
pub struct Prepared {
    kind: Kind,
    tables: Vec<TableSpec>,
    shared: Vec<SharedTableSpec>,
    session: SessionConfig,
    once: bool,
}

impl Prepared {
    /// A worker of a stage.
    pub fn new(shared: &Shared, which: Stage, names: &Names, number: u16) -> anyhow::Result<Self> {
        let id = format!("{}-{number}", names.base);
        let input = shared.topics.get(input(which))?;
        let stores = stores(which);
        // By the topic's own retention: a restart brings back what is there, so that no more and no less may be remembered till then.
        let stored = |name| {
            let topic = shared.topics.get(name)?;
            let retention = shared.topics.retention(&topic);
            Ok::<_, LogError>((topic, retention))
        };
        let (tables, shared_tables) = match which {
            Stage::Enrich => {
                let (seen, retention) = stored("seen")?;
                (vec![seen_table(seen.name, retention)], Vec::new())
            }
            Stage::Route => {
                let table = |name| stored(name).map(|(topic, retention)| table(topic.name, retention));
                let (contacts, retention) = stored("contacts")?;
                (vec![table("items")?, table("threads")?], vec![contacts_table(contacts, retention)])
            }
        };
        let session = SessionConfig {
            group: names.group.clone(),
            input: input.name.clone(),
            tables: tables.iter().map(|table| table.topic.clone()).collect(),
            instance: names.is_static.then(|| id.clone()),
            transactional_id: id,
            shutdown: shared.shutdown.clone(),
        };
        let part = shared.health.part(format!("{}-{number}", which.name()));
        let telemetry = WorkerTelemetry::new(which, stores, part);
        let kind = match which {
            Stage::Enrich => Kind::Enrich(Box::new(enrich(shared, &input.name, telemetry)?)),
            Stage::Route => Kind::Route(Box::new(route(shared, &input.name, telemetry)?)),
        };
        Ok(Self { kind, tables, shared: shared_tables, session, once: shared.args.once })
    }

    /// Runs until shutdown, or until the work is done with `--once`.
    pub fn run(self, log: &dyn Log) -> anyhow::Result<()> {
        let Self { kind, tables, shared, session, once } = self;
        match kind {
            Kind::Enrich(stage) => Worker { stage: *stage, tables, shared, once, log }.run(session)?,
            Kind::Route(stage) => Worker { stage: *stage, tables, shared, once, log }.run(session)?,
        }
        Ok(())
    }
}

fn feed(shared: &Shared) -> Feed {
    shared.listener.clone().map(Feed::to).unwrap_or_default()
}

fn dead_letters(shared: &Shared, stage: &'static str, origin: &str) -> anyhow::Result<DeadLetters> {
    Ok(DeadLetters {
        topic: shared.topics.get("dead-letters")?,
        stage,
        origin: origin.to_owned(),
        source: ce_source(shared, stage)?,
        config_revision: shared.config.revision.clone(),
    })
}

/// CloudEvents `source`: a URI reference.
fn ce_source(shared: &Shared, stage: &str) -> anyhow::Result<String> {
    Ok(format!("/hark/{}/{stage}", shared.config.tenant()?))
}

fn enrich(shared: &Shared, input: &Arc<str>, telemetry: WorkerTelemetry) -> anyhow::Result<Enrich> {
    let config = &shared.config;
    Ok(Enrich {
        mentions: shared.topics.get("mentions")?,
        dead_letters: dead_letters(shared, "enrich", input)?,
        judge: Judge::new(config).context("cannot judge posts")?,
        owned: owned_sources(config),
        ce_source: ce_source(shared, "enrich")?,
        config_revision: config.revision.clone(),
        changes: shared.announcements.subscribe(),
        telemetry: Some(telemetry),
        feed: feed(shared),
        scratch: Default::default(),
    })
}

fn route(shared: &Shared, input: &Arc<str>, telemetry: WorkerTelemetry) -> anyhow::Result<Route> {
    let router = shared.config.router()?;
    Ok(Route {
        router,
        queues: queues(&shared.topics),
        dead_letters: dead_letters(shared, "route", input)?,
        ce_source: ce_source(shared, "route")?,
        config_revision: shared.config.revision.clone(),
        changes: shared.announcements.subscribe(),
        telemetry: Some(telemetry),
        feed: feed(shared),
        observed: Vec::new(),
        refused: Vec::new(),
    })
}
