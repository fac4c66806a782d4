//! The topics that Hark works on and how each is to be set; `hark topics create|check`.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Subcommand, value_parser};
use hark_log::{COMPACTION_LAG, Cleanup, TopicDescription, TopicSpec};

use crate::cli::Context;
use crate::config::{Config, LogConfig};
use crate::failure::{Failure, print};
use crate::log;

/// Partitions of a new topic unless told otherwise; never changed later (DESIGN, law 7).
pub const USUAL_PARTITIONS: u32 = 12;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A topic by its part in the pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topic {
    /// What ingest heard.
    Posts,
    /// What enrich found to concern the company.
    Mentions,
    /// A team's work.
    Queue(String),
    /// What enrich remembers of posts.
    Seen,
    /// What route remembers of items.
    Items,
    /// Who owns a thread.
    Threads,
    /// Who was addressed when.
    Contacts,
    /// How far sources have been read.
    Cursors,
    /// What could not be worked on.
    DeadLetters,
    /// Which dead letters have gone back.
    Redriven,
}

impl Topic {
    /// All topics of a configuration whose teams are these.
    pub fn all<'a>(teams: impl IntoIterator<Item = &'a str>) -> Vec<Self> {
        let mut topics = vec![Self::Posts, Self::Mentions];
        topics.extend(teams.into_iter().map(|team| Self::Queue(team.to_owned())));
        topics.extend([
            Self::Seen,
            Self::Items,
            Self::Threads,
            Self::Contacts,
            Self::Cursors,
            Self::DeadLetters,
            Self::Redriven,
        ]);
        topics
    }

    /// The whole name.
    pub fn name(&self, prefix: &str) -> String {
        match self {
            Self::Posts => format!("{prefix}.posts"),
            Self::Mentions => format!("{prefix}.mentions"),
            Self::Queue(team) => format!("{prefix}.queue.{team}"),
            Self::Seen => format!("{prefix}.seen"),
            Self::Items => format!("{prefix}.items"),
            Self::Threads => format!("{prefix}.threads"),
            Self::Contacts => format!("{prefix}.contacts"),
            Self::Cursors => format!("{prefix}.cursors"),
            Self::DeadLetters => format!("{prefix}.dead-letters"),
            Self::Redriven => format!("{prefix}.redriven"),
        }
    }

    /// The topic of that whole name.
    pub fn named(name: &str, prefix: &str) -> Option<Self> {
        let short = name.strip_prefix(prefix)?.strip_prefix('.')?;
        match short.strip_prefix("queue.") {
            Some(team) => Some(Self::Queue(team.to_owned())),
            None => Self::all([]).into_iter().find(|topic| topic.name(prefix) == name),
        }
    }

    /// The message in its values, as named in `proto/hark/v1`; `None` where Hark writes none yet.
    pub fn message(&self) -> Option<&'static str> {
        match self {
            Self::Posts => Some("RawPost"),
            Self::Mentions => Some("Mention"),
            Self::Queue(_) => Some("Item"),
            Self::Seen => Some("Seen"),
            Self::Items => Some("ItemState"),
            Self::Cursors => Some("Cursor"),
            Self::DeadLetters => Some("DeadLetter"),
            Self::Redriven => Some("Redriven"),
            Self::Threads => Some("ThreadState"),
            Self::Contacts => Some("Pitch"),
        }
    }

    /// How old records go, and when. State lives at least as long as what it guards: a post may be repeated as long as
    /// it lies on its topic, an item changed as long as it lies on its queue, a dead letter sent back as long as it is there.
    fn settings(&self) -> (Cleanup, Option<Duration>) {
        match self {
            Self::Posts => (Cleanup::CompactDelete, Some(7 * DAY)),
            Self::Mentions | Self::Queue(_) => (Cleanup::CompactDelete, Some(30 * DAY)),
            Self::Seen | Self::Items | Self::Threads | Self::Contacts | Self::Redriven => {
                (Cleanup::CompactDelete, Some(35 * DAY))
            }
            Self::Cursors => (Cleanup::Compact, None),
            Self::DeadLetters => (Cleanup::Delete, Some(30 * DAY)),
        }
    }

    /// How long records stay under a configuration: whoever was offered something is remembered at least as long as the
    /// gate asks.
    pub fn retention_for(&self, config: &Config) -> Option<Duration> {
        let (_, retention) = self.settings();
        match (self, config.router()) {
            (Self::Contacts, Ok(router)) => retention.max(Some(router.pitch_cooldown())),
            _ => retention,
        }
    }

    /// As it is to be created.
    pub fn spec(&self, prefix: &str, partitions: u32, replication: Option<i32>) -> TopicSpec {
        let (cleanup, retention) = self.settings();
        TopicSpec { name: self.name(prefix), partitions, replication, cleanup, retention }
    }
}

/// All topics of a configuration as they are to be, with the usual number of partitions and the broker's replication.
pub fn specs(config: &Config) -> anyhow::Result<Vec<TopicSpec>> {
    specs_of(config, USUAL_PARTITIONS, None)
}

fn specs_of(config: &Config, partitions: u32, replication: Option<i32>) -> anyhow::Result<Vec<TopicSpec>> {
    let router = config.router()?;
    let topics = Topic::all(router.teams().map(|team| &*team.name));
    let spec = |topic: &Topic| TopicSpec {
        retention: topic.retention_for(config),
        ..topic.spec(&config.topic_prefix, partitions, replication)
    };
    Ok(topics.iter().map(spec).collect())
}

/// Arguments of `hark topics`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Create the topics that are missing; those that exist are left as they are
    #[command(after_help = "Example:\n  hark topics create --partitions 24 --replication 3")]
    Create {
        /// Partitions of each topic; cannot be changed later [default: as many as the topic of posts has, else 12]
        #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=10_000))]
        partitions: Option<u32>,
        /// Copies of each partition [default: the broker's]
        #[arg(long, value_name = "N", value_parser = value_parser!(i32).range(1..=100))]
        replication: Option<i32>,
    },
    /// Compare the topics with what Hark needs; exit code 1 where they differ
    #[command(after_help = "Example:\n  hark topics check")]
    Check {
        /// Partitions that each topic should have [default: as many as the topic of posts has]
        #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=10_000))]
        partitions: Option<u32>,
    },
}

/// Creates or checks the topics of the configuration.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<ExitCode> {
    let config = Config::load(context.config_path())?;
    match &args.action {
        Action::Create { partitions, replication } => create(&config, *partitions, *replication, context),
        Action::Check { partitions } => check(&config, *partitions, context),
    }
}

fn create(
    config: &Config,
    partitions: Option<u32>,
    replication: Option<i32>,
    context: &Context,
) -> anyhow::Result<ExitCode> {
    let log = log::open(config, &context.shutdown)?;
    let before = log.topics()?;
    let there = partitions_of_posts(&before, &config.topic_prefix);
    let partitions = match (partitions, there) {
        (Some(asked), Some(there)) if asked != there => {
            let posts = Topic::Posts.name(&config.topic_prefix);
            return Err(Failure::bad_input(format!(
                "{posts} has {there} partitions, and all topics must have as many: none was made with {asked}"
            ))
            .next("leave out --partitions, or use another `topic_prefix`")
            .into());
        }
        (asked, there) => asked.or(there).unwrap_or(USUAL_PARTITIONS),
    };
    let specs = specs_of(config, partitions, replication)?;
    log.create_topics(&specs).context("cannot create the topics")?;
    for spec in &specs {
        let line = match before.iter().find(|topic| topic.name == spec.name) {
            None => format!("created  {}\n", spec.name),
            Some(topic) if topic.partitions == spec.partitions => format!("exists   {}\n", spec.name),
            Some(topic) => {
                format!("exists   {}  with {} partitions, which stay\n", spec.name, topic.partitions)
            }
        };
        print(&line)?;
    }
    check_count(&before, &config.topic_prefix, partitions)?;
    Ok(ExitCode::SUCCESS)
}

/// The count that all topics have to have, where they are there.
fn partitions_of_posts(found: &[TopicDescription], prefix: &str) -> Option<u32> {
    let posts = Topic::Posts.name(prefix);
    found.iter().find(|topic| topic.name == posts).map(|topic| topic.partitions)
}

/// Whether a topic's records are found by their keys: dead letters and their marks are read whole, whatever their count of partitions.
fn is_keyed(name: &str, prefix: &str) -> bool {
    !matches!(Topic::named(name, prefix), None | Some(Topic::DeadLetters | Topic::Redriven))
}

fn check(config: &Config, partitions: Option<u32>, context: &Context) -> anyhow::Result<ExitCode> {
    let found = log::open_to_read(config, &context.shutdown)?.topics()?;
    let expected =
        partitions.or_else(|| partitions_of_posts(&found, &config.topic_prefix)).unwrap_or(USUAL_PARTITIONS);
    let specs = specs_of(config, expected, None)?;
    let differences = compare(&specs, &found, &config.topic_prefix);
    if differences.is_empty() {
        print(&format!("all {} topics are as they should be ({expected} partitions)\n", specs.len()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let on_kafka = matches!(config.log, LogConfig::Kafka(_));
    print(&table(&differences, on_kafka))?;
    Ok(ExitCode::FAILURE)
}

/// Refuses a log of which a topic has grown, or was made with another count: a key would lie on two partitions, and whoever looks for its
/// state, its cursor or its earlier record would look on the wrong one. Dead letters and their marks are read whole, whatever their count.
pub fn check_partitions(found: &[TopicDescription], prefix: &str) -> anyhow::Result<()> {
    partitions_of_posts(found, prefix).map_or(Ok(()), |count| check_count(found, prefix, count))
}

/// The same where the topic of posts has so many, or will have.
fn check_count(found: &[TopicDescription], prefix: &str, count: u32) -> anyhow::Result<()> {
    let differs = |topic: &&TopicDescription| topic.partitions != count && is_keyed(&topic.name, prefix);
    let Some(other) = found.iter().find(differs) else { return Ok(()) };
    let (name, posts) = (&other.name, Topic::Posts.name(prefix));
    Err(Failure::runtime(format!(
        "{name} has {} partitions and {posts} has {count}: all topics must have as many, else what belongs together lies apart",
        other.partitions
    ))
    .next(format!(
        "the count of a topic never grows in place: use another `topic_prefix`, create its topics, and let the old ones run empty. \
         If {name} is new and empty, delete it and run: hark topics create --partitions {count}"
    ))
    .into())
}

/// Refuses a log whose state is forgotten before what it guards: an edit without its state would look like a new post, and a deletion
/// like one of a post that was never heard.
pub fn check_lifetimes(found: &[TopicDescription], prefix: &str) -> anyhow::Result<()> {
    let Some((state, longest)) = too_short(found, prefix).into_iter().next() else { return Ok(()) };
    Err(Failure::runtime(format!(
        "{} keeps its records for a shorter time than {} (retention.ms {} against {}): what it remembers would be forgotten too \
         early",
        state.name,
        longest.name,
        milliseconds(state.retention),
        milliseconds(longest.retention)
    ))
    .next("hark topics check shows the retention that is needed")
    .into())
}

fn lifetime(topic: &TopicDescription) -> Duration {
    topic.retention.unwrap_or(Duration::MAX)
}

/// The topics of state that keep their records for a shorter time than what they guard, each with the one that keeps them for longest.
fn too_short<'t>(
    found: &'t [TopicDescription],
    prefix: &str,
) -> Vec<(&'t TopicDescription, &'t TopicDescription)> {
    let queues = format!("{prefix}.queue.");
    let guards = [
        (Topic::Seen, Topic::Posts),
        (Topic::Items, Topic::Mentions),
        (Topic::Threads, Topic::Mentions),
        (Topic::Redriven, Topic::DeadLetters),
    ];
    let pairs = guards.into_iter().filter_map(|(state, guarded)| {
        let keeps_items = matches!(state, Topic::Items);
        let (state, guarded) = (state.name(prefix), guarded.name(prefix));
        let state = found.iter().find(|topic| topic.name == state)?;
        let guards = |topic: &&TopicDescription| {
            topic.name == guarded || keeps_items && topic.name.starts_with(&queues)
        };
        let longest = found.iter().filter(guards).max_by_key(|topic| lifetime(topic))?;
        (lifetime(longest) > lifetime(state)).then_some((state, longest))
    });
    pairs.collect()
}

/// One setting of one topic that is not as it should be.
#[derive(Debug, PartialEq, Eq)]
struct Difference {
    topic: String,
    setting: Setting,
    is: String,
    should_be: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Setting {
    Existence,
    Partitions,
    /// A property of the topic that can be altered in place.
    Property(&'static str),
}

/// Every setting that differs, topic by topic.
fn compare(specs: &[TopicSpec], found: &[TopicDescription], prefix: &str) -> Vec<Difference> {
    let short = too_short(found, prefix);
    let mut differences = Vec::new();
    for spec in specs {
        let mut differs = |setting, is: String, should_be: String| {
            differences.push(Difference { topic: spec.name.clone(), setting, is, should_be });
        };
        let Some(topic) = found.iter().find(|topic| topic.name == spec.name) else {
            differs(Setting::Existence, "missing".to_owned(), "there".to_owned());
            continue;
        };
        if topic.partitions != spec.partitions && is_keyed(&topic.name, prefix) {
            differs(Setting::Partitions, topic.partitions.to_string(), spec.partitions.to_string());
        }
        if topic.cleanup != spec.cleanup {
            let (is, should_be) = (topic.cleanup.policy(), spec.cleanup.policy());
            differs(Setting::Property("cleanup.policy"), is.to_owned(), should_be.to_owned());
        }
        // Longer is the operator's choice, as long as what remembers it lives as long; shorter loses what is still needed.
        let guarded =
            short.iter().find(|(state, _)| state.name == spec.name).map(|(_, longest)| lifetime(longest));
        let needed = guarded
            .max(Some(spec.retention.unwrap_or(Duration::MAX)))
            .filter(|needed| *needed != Duration::MAX);
        if lifetime(topic) < needed.unwrap_or(Duration::MAX) {
            differs(Setting::Property("retention.ms"), milliseconds(topic.retention), milliseconds(needed));
        }
        if !spec.cleanup.compacts() {
            continue;
        }
        for (name, value) in [("segment.ms", topic.segment), ("max.compaction.lag.ms", topic.compaction_lag)]
        {
            if value.is_some_and(|value| value > COMPACTION_LAG) {
                differs(Setting::Property(name), milliseconds(value), milliseconds(Some(COMPACTION_LAG)));
            }
        }
    }
    differences
}

/// As Kafka writes it: -1 is for ever.
fn milliseconds(duration: Option<Duration>) -> String {
    duration.map_or_else(|| "-1".to_owned(), |duration| duration.as_millis().to_string())
}

fn table(differences: &[Difference], on_kafka: bool) -> String {
    let mut rows = vec![["topic", "setting", "is", "should be"].map(str::to_owned)];
    rows.extend(differences.iter().map(|difference| {
        let setting = match difference.setting {
            Setting::Existence => "topic",
            Setting::Partitions => "partitions",
            Setting::Property(name) => name,
        };
        [difference.topic.clone(), setting.to_owned(), difference.is.clone(), difference.should_be.clone()]
    }));
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or_default();
    let widths = [width(0), width(1), width(2)];
    let mut table = String::new();
    for [topic, setting, is, should_be] in &rows {
        let [first, second, third] = widths;
        table.push_str(&format!("{topic:first$}  {setting:second$}  {is:third$}  {should_be}\n"));
    }
    table.push('\n');
    for remedy in remedies(differences, on_kafka) {
        table.push_str(&format!("next: {remedy}\n"));
    }
    table
}

fn remedies(differences: &[Difference], on_kafka: bool) -> Vec<String> {
    let mut remedies = Vec::new();
    if differences.iter().any(|difference| difference.setting == Setting::Existence) {
        remedies.push("hark topics create".to_owned());
        if on_kafka {
            // Kafka says the same of both.
            remedies.push(
                "if they are there, this login may not see them: docs/kafka.md, logins and rights".to_owned(),
            );
        }
    }
    if differences.iter().any(|difference| difference.setting == Setting::Partitions) {
        remedies.push(
            "if a topic with another count is new and empty, delete it and run: hark topics create. One that has records \
             cannot be changed without losing the order of its threads: choose another topic_prefix, create its topics \
             with --partitions, and let the old workers finish"
                .to_owned(),
        );
    }
    for difference in differences {
        let Setting::Property(name) = difference.setting else { continue };
        let Difference { topic, should_be, .. } = difference;
        remedies.push(if on_kafka {
            format!(
                "kafka-configs.sh --bootstrap-server ... --alter --entity-type topics --entity-name {topic} \
                 --add-config {name}=[{should_be}]"
            )
        } else {
            format!("hark topics create, with `hark up` stopped: it sets {name} of {topic}")
        });
    }
    remedies
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(spec: &TopicSpec) -> TopicDescription {
        TopicDescription {
            name: spec.name.clone(),
            partitions: spec.partitions,
            cleanup: spec.cleanup,
            retention: spec.retention,
            segment: Some(DAY),
            compaction_lag: Some(DAY),
        }
    }

    fn hark_specs() -> Vec<TopicSpec> {
        Topic::all(["sales"]).iter().map(|topic| topic.spec("hark", 12, None)).collect()
    }

    #[test]
    fn topics_are_set_as_the_design_says() {
        let settings: Vec<_> = hark_specs()
            .into_iter()
            .map(|spec| {
                (spec.name, spec.cleanup.policy(), spec.retention.map(|time| time.as_secs() / 86_400))
            })
            .collect();
        let expected = [
            ("hark.posts", "compact,delete", Some(7)),
            ("hark.mentions", "compact,delete", Some(30)),
            ("hark.queue.sales", "compact,delete", Some(30)),
            ("hark.seen", "compact,delete", Some(35)),
            ("hark.items", "compact,delete", Some(35)),
            ("hark.threads", "compact,delete", Some(35)),
            ("hark.contacts", "compact,delete", Some(35)),
            ("hark.cursors", "compact", None),
            ("hark.dead-letters", "delete", Some(30)),
            ("hark.redriven", "compact,delete", Some(35)),
        ];
        assert_eq!(settings, expected.map(|(name, policy, days)| (name.to_owned(), policy, days)));
    }

    /// The chart makes them as `hark topics create` does, where Strimzi owns the topics.
    #[test]
    fn the_helm_chart_makes_the_same_topics() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/helm/templates/kafkatopics.yaml");
        let template = std::fs::read_to_string(path).unwrap();
        for topic in Topic::all(["%s"]) {
            let (name, (cleanup, retention)) = (topic.name("x"), topic.settings());
            let name = match name.trim_start_matches("x.") {
                "queue.%s" => "(printf \"queue.%s\" .)".to_owned(),
                name => format!("\"{name}\""),
            };
            let days = retention.map_or(0, |retention| retention.as_secs() / DAY.as_secs());
            let line = format!("(dict \"name\" {name} \"policy\" \"{}\" \"days\" {days})", cleanup.policy());
            assert!(template.contains(&line), "{path} has no {line}");
        }
    }

    #[test]
    fn a_topic_is_known_by_its_whole_name() {
        for topic in Topic::all(["sales"]) {
            assert_eq!(Topic::named(&topic.name("my.prefix"), "my.prefix"), Some(topic));
        }
        assert_eq!(Topic::named("orders", "hark"), None);
        assert_eq!(Topic::named("hark.orders", "hark"), None);
    }

    #[test]
    fn topics_made_from_their_specs_have_no_differences() {
        let specs = hark_specs();
        let found: Vec<_> = specs.iter().map(described).collect();
        assert_eq!(compare(&specs, &found, "hark"), []);
    }

    #[test]
    fn a_topic_that_has_grown_is_named_and_dead_letters_may_grow() {
        let grown = |name: &str| {
            let mut found: Vec<_> = hark_specs().iter().map(described).collect();
            found.push(described(&Topic::Queue("former".to_owned()).spec("hark", 12, None)));
            found.iter_mut().find(|topic| topic.name == name).unwrap().partitions = 24;
            check_partitions(&found, "hark").map_err(|error| error.to_string())
        };
        for name in ["hark.queue.sales", "hark.queue.former", "hark.cursors", "hark.contacts"] {
            let said = grown(name).unwrap_err();
            assert!(said.starts_with(&format!("{name} has 24 partitions and hark.posts has 12: ")), "{said}");
        }
        assert!(grown("hark.posts").unwrap_err().contains("hark.posts has 24"));
        for name in ["hark.dead-letters", "hark.redriven"] {
            assert_eq!(grown(name), Ok(()));
        }
    }

    #[test]
    fn each_difference_is_shown_with_its_remedy() {
        let specs = hark_specs();
        let mut found: Vec<_> = specs.iter().map(described).collect();
        found[0].partitions = 6;
        found[1].retention = Some(DAY);
        found[3].compaction_lag = Some(30 * DAY);
        found[4].retention = None;
        found.retain(|topic| topic.name != "hark.dead-letters");
        let shown = table(&compare(&specs, &found, "hark"), true);
        let lines: Vec<_> =
            shown.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        for line in [
            "hark.posts partitions 6 12",
            "hark.mentions retention.ms 86400000 2592000000",
            "hark.seen max.compaction.lag.ms 2592000000 86400000",
            "hark.dead-letters topic missing there",
            "next: hark topics create",
            "next: if they are there, this login may not see them: docs/kafka.md, logins and rights",
        ] {
            assert!(lines.iter().any(|found| found == line), "{line}\n{shown}");
        }
        assert!(
            shown.contains("--entity-name hark.mentions --add-config retention.ms=[2592000000]"),
            "{shown}"
        );
        assert!(!shown.contains("hark.items"), "a longer retention is the operator's choice\n{shown}");
    }

    #[test]
    fn state_has_to_last_as_long_as_a_retention_that_the_operator_made_longer() {
        let specs = hark_specs();
        let mut found: Vec<_> = specs.iter().map(described).collect();
        let queue = found.iter_mut().find(|topic| topic.name == "hark.queue.sales").unwrap();
        queue.retention = Some(60 * DAY);
        let shown = table(&compare(&specs, &found, "hark"), true);
        assert!(shown.contains("--entity-name hark.items --add-config retention.ms=[5184000000]"), "{shown}");
        assert!(check_lifetimes(&found, "hark").is_err(), "and no worker starts before");
    }
}
