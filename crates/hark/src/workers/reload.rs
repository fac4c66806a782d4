//! A changed configuration is taken over while the process runs: at SIGHUP, and when its file changes.
//!
//! As a whole or not at all. It has to load, to fit what already runs, and to pass its own tests; else the one in force
//! stays and the log says what is wrong. The stages switch between two batches, each when its next one begins, so that
//! every transaction is decided by one configuration, whose revision its items carry.

use std::{
    io::{self, IsTerminal as _},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{JoinHandle, park_timeout},
    time::{Duration, Instant, SystemTime},
};

use anyhow::Context as _;
use hark_rules::Problem;
use signal_hook::consts::SIGHUP;
use tracing::{error, info};

use super::{Parts, Shared};
use crate::{
    check::{ended_holidays, this_year},
    config::{Config, LogConfig},
    failure::next_step,
    judge::Judge,
    stages::{in_force::InForce, topics::Topics},
    telemetry::record,
    test,
    topics::{self, Topic},
};

/// How often the file is looked at. One that changed is read when it is the same at the next look: an editor that is half
/// way through must not be taken at its word.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// What was refused may be right later although the file stays as it is: a topic has been made since.
const RETRY_EVERY: Duration = Duration::from_secs(10);
/// More problems than this are read by nobody in a log.
const MAX_LOGGED: usize = 20;

/// The thread that follows the configuration.
pub(super) struct Reload(JoinHandle<()>);

impl Reload {
    /// Follows the configuration of a process that runs these parts.
    pub fn start(shared: &Arc<Shared>, parts: Parts) -> anyhow::Result<Self> {
        let hangup = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(SIGHUP, Arc::clone(&hangup)).context("cannot listen for SIGHUP")?;
        let follower = Follower {
            in_force: Arc::clone(&shared.config),
            shared: Arc::clone(shared),
            parts,
            refused: None,
        };
        record::config_refused(false);
        let thread = std::thread::Builder::new()
            .name("reload".to_owned())
            .spawn(move || follower.run(&hangup))
            .context("cannot start a thread")?;
        Ok(Self(thread))
    }

    /// After the shutdown was told.
    pub fn stop(self) {
        self.0.thread().unpark();
        if self.0.join().is_err() {
            error!("the thread that follows the configuration panicked");
        }
    }
}

struct Follower {
    shared: Arc<Shared>,
    parts: Parts,
    in_force: Arc<Config>,
    /// What was wrong with the file when it was last read, and when that was.
    refused: Option<(Vec<String>, Instant)>,
}

impl Follower {
    fn run(mut self, hangup: &AtomicBool) {
        let at_terminal = has_terminal();
        // Nothing has been looked at yet, so that a change since the start is not missed.
        let mut watch = Watch::default();
        while !self.shared.shutdown.is_cancelled() {
            let asked = hangup.swap(false, Ordering::Relaxed);
            if asked && at_terminal && !has_terminal() {
                // Not somebody who wants another configuration: the window was closed.
                info!("the terminal has gone: stopping");
                self.shared.shutdown.cancel();
                return;
            }
            let now = look_at(&self.in_force);
            let changed = watch.changed(now.clone());
            if asked {
                // Whoever saves and asks wants one look.
                watch.read = now;
            }
            if asked || changed {
                self.read(asked || changed, asked);
            } else if self.refused.as_ref().is_some_and(|(_, when)| when.elapsed() >= RETRY_EVERY) {
                self.read(false, false);
            }
            park_timeout(LOOK_EVERY);
        }
    }

    /// Reads the file. `counts`: it changed or somebody asked, so that a refusal is told even if it is the same again.
    fn read(&mut self, counts: bool, asked: bool) {
        match self.next() {
            Ok(None) => {
                if self.refused.take().is_some() {
                    info!(revision = self.in_force.revision, "the file is again what is in force");
                } else if asked {
                    info!(revision = self.in_force.revision, "the configuration has not changed");
                }
                record::config_refused(false);
            }
            Ok(Some(next)) => {
                let (before, now) = (&self.in_force.revision, &next.config.revision);
                record::config_taken(before, now);
                info!(before, revision = now, "another configuration is in force");
                self.in_force = Arc::clone(&next.config);
                self.shared.announcements.announce(&Arc::new(next));
                self.refused = None;
            }
            Err(error) => {
                let mut lines: Vec<String> =
                    error.chain().flat_map(|cause| lines(&cause.to_string())).collect();
                lines.extend(next_step(&error).map(|step| format!("next: {step}")));
                let known = self.refused.as_ref().is_some_and(|(known, _)| *known == lines);
                if counts || !known {
                    self.tell(&lines);
                }
                self.refused = Some((lines, Instant::now()));
            }
        }
    }

    fn tell(&self, lines: &[String]) {
        record::config_turned_away();
        error!(
            in_force = self.in_force.revision,
            "the changed configuration is refused, the one in force stays; what is wrong:"
        );
        for line in lines.iter().take(MAX_LOGGED) {
            error!("{line}");
        }
        if lines.len() > MAX_LOGGED {
            error!("and {} more", lines.len() - MAX_LOGGED);
        }
    }

    /// What the file says now, ready to be in force; `None` where it says what is in force already.
    fn next(&self) -> anyhow::Result<Option<InForce>> {
        let config = Config::load(self.in_force.path())?;
        if config.revision == self.in_force.revision {
            return Ok(None);
        }
        let mut problems = ended_holidays(&config, this_year());
        problems.extend(misfits(&self.in_force, &config, self.parts));
        if !problems.is_empty() {
            return Err(config.refuse(problems).into());
        }
        let judge = if self.parts.enrich || !config.tests.is_empty() {
            Some(Judge::new(&config).context("cannot judge posts")?)
        } else {
            None
        };
        if let Some(judge) = judge.as_ref().filter(|_| !config.tests.is_empty()) {
            let problems = failing_tests(&config, judge)?;
            if !problems.is_empty() {
                return Err(config.refuse(problems).into());
            }
        }
        let topics = self.topics(&config)?;
        let judge = judge.filter(|_| self.parts.enrich);
        Ok(Some(InForce { config: Arc::new(config), topics, judge }))
    }

    /// The topics of the log, with those that the configuration needs. As at the start, the embedded log gets what is
    /// missing; on Kafka somebody decides about partitions and replication first.
    fn topics(&self, config: &Config) -> anyhow::Result<Topics> {
        let log = &*self.shared.log;
        let specs = topics::specs(config)?;
        let missing = |found: &Topics| {
            specs.iter().filter(|spec| !found.has(&spec.name)).map(|spec| spec.name.clone()).collect()
        };
        let look = || {
            let found = log.topics().context("cannot look at the log's topics")?;
            topics::check_partitions(&found, &config.topic_prefix)?;
            anyhow::Ok(Topics::of(found, &config.topic_prefix))
        };
        let found = look()?;
        let absent: Vec<String> = missing(&found);
        if absent.is_empty() {
            return Ok(found);
        }
        if let LogConfig::Embedded { .. } = config.log {
            log.create_topics(&specs).context("cannot create the topics")?;
            return look();
        }
        let command = format!("hark topics create --config {}", config.path().display());
        let problem =
            |name| Problem::nowhere(format!("the topic {name} is missing")).hint(format!("run: {command}"));
        Err(config.refuse(absent.iter().map(problem).collect()).into())
    }
}

/// The lines of an error's message; an error of the configuration has one for each problem behind its first.
fn lines(message: &str) -> Vec<String> {
    let mut lines: Vec<String> = message.lines().map(str::to_owned).collect();
    if lines.len() > 1 {
        lines.remove(0);
    }
    lines
}

/// What a process that runs `old` cannot take over from `new`.
fn misfits(old: &Config, new: &Config, parts: Parts) -> Vec<Problem> {
    let sources = old.sources != new.sources;
    let fixed = [
        ("tenant", old.tenant().ok() != new.tenant().ok()),
        ("topic_prefix", old.topic_prefix != new.topic_prefix),
        ("log", old.log != new.log),
        ("sources", parts.ingest && sources),
        ("http", old.http != new.http),
    ];
    let changed = fixed.into_iter().filter(|(_, changed)| *changed);
    let mut problems: Vec<Problem> = changed
        .map(|(key, _)| {
            Problem::nowhere(format!("'{key}' has changed, which a running process cannot take over"))
                .hint("restart it")
        })
        .collect();
    if Topic::Contacts.retention_for(new) > Topic::Contacts.retention_for(old) {
        let message = "'pitch_cooldown' of 'gate' is now longer than a running process remembers";
        problems.push(Problem::nowhere(message).hint("restart it"));
    }
    match (old.router(), new.router()) {
        (Ok(old), Ok(new)) => {
            let known =
                |name: &str| new.teams().any(|team| team.name == name) || new.moved_to(name).is_some();
            problems.extend(old.teams().filter(|team| !known(&team.name)).map(|team| {
                let name = &team.name;
                Problem::nowhere(format!("the team '{name}' is gone, and with it whoever owns its threads"))
                    .hint(format!("say who takes over, under 'teams': {name}: {{moved_to: TEAM}}"))
            }));
        }
        (Ok(_), Err(error)) => problems.extend(error.problems),
        (Err(_), _) => {}
    }
    problems
}

fn failing_tests(config: &Config, judge: &Judge) -> anyhow::Result<Vec<Problem>> {
    let reports = test::run_by(config, judge)?;
    let failed = reports.into_iter().filter(|report| !report.differences.is_empty());
    Ok(failed
        .map(|report| {
            let differences: Vec<String> = report.differences.iter().map(ToString::to_string).collect();
            let message = format!("the test '{}' fails: {}", report.test.name, differences.join("; "));
            Problem::at(report.test.at, message)
        })
        .collect())
}

/// As long as somebody could read or type there.
fn has_terminal() -> bool {
    io::stderr().is_terminal() || io::stdin().is_terminal()
}

/// How the file looks, and then those that it names; `None` while it is not there, as for a moment while an editor
/// replaces it.
fn look_at(config: &Config) -> Option<Vec<Option<Look>>> {
    let file = Look::at(config.path())?;
    Some(std::iter::once(Some(file)).chain(config.files.iter().map(|path| Look::at(path))).collect())
}

/// What the system says of a file without opening it. A link, as a mounted ConfigMap is one, is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    modified: Option<SystemTime>,
    bytes: u64,
    inode: u64,
}

impl Look {
    /// `None` where there is no such file.
    fn at(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;
        let found = std::fs::metadata(path).ok()?;
        Some(Self { modified: found.modified().ok(), bytes: found.len(), inode: found.ino() })
    }
}

/// Tells files that have changed and lie still.
struct Watch<T> {
    last: Option<T>,
    read: Option<T>,
}

impl<T> Default for Watch<T> {
    fn default() -> Self {
        Self { last: None, read: None }
    }
}

impl<T: Clone + PartialEq> Watch<T> {
    /// Whether they are to be read, by how they look now.
    fn changed(&mut self, now: Option<T>) -> bool {
        let still = now.is_some() && now == self.last;
        self.last.clone_from(&now);
        if !still || now == self.read {
            return false;
        }
        self.read = now;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_once_when_it_has_changed_and_lies_still() {
        let mut watch = Watch::default();
        let read: Vec<bool> = [1, 1, 1, 2, 3, 3, 3].map(|bytes| watch.changed(Some(bytes))).into();
        assert_eq!(read, [false, true, false, false, false, true, false]);
        // Replaced by way of a moment without it.
        let read: Vec<bool> =
            [None, Some(3), Some(3), None, Some(4), Some(4)].map(|now| watch.changed(now)).into();
        assert_eq!(read, [false, false, false, false, false, true]);
    }

    fn config(yaml: &str) -> Config {
        Config::from_yaml(Path::new("hark.yaml"), yaml).unwrap()
    }

    const OLD: &str = "
tenant: aurora
sources: [{name: forum, kind: webhook, open: true}]
teams: {sales: {}, support: {}, triage: {}}
default: {to: triage}
";

    #[test]
    fn a_line_more_above_a_secret_changes_no_source() {
        let old = OLD.replace("open: true", "secret: \"${FORUM}\"");
        let new = old.replace("tenant: aurora", "tenant: aurora\n# One line more.");
        assert!(misfits(&config(&old), &config(&new), Parts::ALL).is_empty());
        let other = old.replace("${FORUM}", "${BOARD}");
        assert_eq!(misfits(&config(&old), &config(&other), Parts::ALL).len(), 1);
    }

    #[test]
    fn what_a_running_process_cannot_take_over_is_refused() {
        let all = Parts::ALL;
        let route = Parts { ingest: false, enrich: false, route: true };
        for (parts, from, to, expected) in [
            (all, "support: {}", "support: {label: Help}", vec![]),
            (all, "triage}", "sales}", vec![]),
            (all, "tenant: aurora", "tenant: borealis", vec!["'tenant' has changed"]),
            (all, "name: forum", "name: board", vec!["'sources' has changed"]),
            (route, "name: forum", "name: board", vec![]),
            (
                route,
                "tenant: aurora",
                "tenant: aurora\ntopic_prefix: other",
                vec!["'topic_prefix' has changed"],
            ),
            (route, "tenant: aurora", "tenant: aurora\nlog: {data: elsewhere}", vec!["'log' has changed"]),
            (
                route,
                "tenant: aurora",
                "tenant: aurora\nhttp: {listen: '127.0.0.1:9'}",
                vec!["'http' has changed"],
            ),
            (all, "support: {}, ", "", vec!["the team 'support' is gone"]),
            (all, "support: {}", "support: {moved_to: sales}", vec![]),
            (all, "support: {}", "people: {}", vec!["the team 'support' is gone"]),
            (all, "default:", "gate: {pitch_cooldown: 20d}\ndefault:", vec![]),
            (
                all,
                "default:",
                "gate: {pitch_cooldown: 90d}\ndefault:",
                vec!["'pitch_cooldown' of 'gate' is now longer"],
            ),
            (
                all,
                "teams: {sales: {}, support: {}, triage: {}}\ndefault: {to: triage}",
                "",
                vec!["the key 'teams' is missing"],
            ),
        ] {
            assert!(OLD.contains(from), "{from}");
            let found = misfits(&config(OLD), &config(&OLD.replacen(from, to, 1)), parts);
            assert_eq!(found.len(), expected.len(), "{to}: {found:?}");
            for (found, expected) in found.iter().zip(expected) {
                assert!(found.message.starts_with(expected) && found.hint.is_some(), "{to}: {found}");
            }
        }
    }

    #[test]
    fn tests_that_fail_are_named_with_their_place() {
        let yaml = format!(
            "{OLD}subjects: [{{name: aurora, kind: own, terms: [Aurora Motors]}}]
tests:
  - {{say: Aurora Motors, expect: {{team: triage}}}}
  - {{name: a wish, say: Aurora Motors, expect: {{team: sales}}}}
"
        );
        let config = config(&yaml);
        let found = failing_tests(&config, &Judge::new(&config).unwrap()).unwrap();
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, ["9:5: the test 'a wish' fails: team: expected sales, got triage"]);
    }
}
