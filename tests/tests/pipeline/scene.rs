//! A folder with a configuration, a log of either kind, and the program that works on them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    process::Command,
    sync::{Arc, OnceLock},
    time::Duration,
};

use hark_log::{
    Counts, Log, Output,
    embedded::{EmbeddedLog, Options},
    kafka::{KafkaConfig, KafkaLog},
};
use hark_schema::{
    Message as _,
    id::mention_id,
    partition,
    v1::{Op, PostRef, RawPost},
};
use hark_tests::{
    deadline::{wait_for, wait_until},
    kafka::{Kafka, unique_prefix},
    program::{self, CONFIGURATION, Ended, Program},
};
use serde_json::Value;
use tempfile::TempDir;

/// Nothing in these tests takes longer unless it hangs; the machine may be a slow one.
pub const DEADLINE: Duration = Duration::from_secs(60);
/// Few, so that each worker has several and a test opens few clients.
const KAFKA_PARTITIONS: &str = "4";

pub use hark_tests::http::TOKEN;

pub struct Scene {
    folder: TempDir,
    prefix: String,
    kafka: Option<&'static Kafka>,
    kafka_log: OnceLock<Arc<dyn Log>>,
}

impl Scene {
    pub fn embedded() -> Self {
        Self::new("hark".to_owned(), None)
    }

    /// On Kafka, topics not yet created; `None` where there is no Kafka to be had.
    pub fn bare_kafka(test: &str) -> Option<Self> {
        Some(Self::new(unique_prefix(test), Some(Kafka::shared()?)))
    }

    /// On Kafka; `None` where there is none to be had.
    pub fn kafka(test: &str) -> Option<Self> {
        let scene = Self::bare_kafka(test)?;
        scene.run(&["topics", "create", "--partitions", KAFKA_PARTITIONS]);
        Some(scene)
    }

    fn new(prefix: String, kafka: Option<&'static Kafka>) -> Self {
        let scene = Self { folder: tempfile::tempdir().unwrap(), prefix, kafka, kafka_log: OnceLock::new() };
        let log = match kafka {
            Some(kafka) => format!("kafka: {{bootstrap_servers: \"{}\"}}", kafka.bootstrap_servers()),
            None => "data: hark-data".to_owned(),
        };
        scene.configure(&log, CONFIGURATION);
        std::fs::create_dir(scene.path("posts")).unwrap();
        scene
    }

    /// Writes `hark.yaml`.
    pub fn configure(&self, log: &str, rest: &str) {
        let text = format!("tenant: aurora\ntopic_prefix: {}\nlog: {{{log}}}\n{rest}", self.prefix);
        std::fs::write(self.path("hark.yaml"), text).unwrap();
    }

    pub fn configuration(&self) -> String {
        std::fs::read_to_string(self.path("hark.yaml")).unwrap()
    }

    /// What stands below the line of the log.
    pub fn rest_of_configuration(&self) -> String {
        self.configuration().lines().skip(3).map(|line| format!("{line}\n")).collect()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn is_on_kafka(&self) -> bool {
        self.kafka.is_some()
    }

    /// The whole name of a topic.
    pub fn topic(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }

    pub fn hark(&self, arguments: &[&str]) -> Command {
        let mut command = program::hark(self.folder.path(), arguments);
        command.env("SHOP_TOKEN", TOKEN);
        command
    }

    /// Runs a command that is to succeed.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        program::run(&mut self.hark(arguments), DEADLINE).well()
    }

    /// Runs a command that is to fail, with this exit code.
    pub fn fails(&self, arguments: &[&str], code: i32) -> String {
        let ended = program::run(&mut self.hark(arguments), DEADLINE);
        assert_eq!(ended.code, Some(code), "{arguments:?}:\n{}", ended.stderr);
        assert!(!ended.stderr.contains("panicked"), "{arguments:?}:\n{}", ended.stderr);
        ended.stderr
    }

    pub fn start(&self, arguments: &[&str]) -> Program {
        Program::start(&mut self.hark(arguments))
    }

    /// A worker of its own name, with its HTTP server out of the way.
    pub fn worker(&self, stage: &str, instance: &str) -> Program {
        self.start(&[stage, "--instance", instance, "--listen", "127.0.0.1:0"])
    }

    /// Works off everything there is: on Kafka by three commands, on the embedded log by one.
    pub fn work_off(&self) {
        if self.is_on_kafka() {
            for stage in ["ingest", "enrich", "route"] {
                self.run(&[stage, "--once"]);
            }
        } else {
            self.run(&["up", "--once"]);
        }
    }

    /// The log beside whoever works on it.
    pub fn log(&self) -> Arc<dyn Log> {
        match self.kafka {
            Some(kafka) => self.kafka_log(kafka),
            None => Arc::new(EmbeddedLog::open_read_only(&self.path("hark-data")).unwrap()),
        }
    }

    fn kafka_log(&self, kafka: &Kafka) -> Arc<dyn Log> {
        let open = || -> Arc<dyn Log> {
            let config = KafkaConfig {
                bootstrap_servers: kafka.bootstrap_servers().to_owned(),
                topic_prefix: self.prefix.clone(),
                properties: Vec::new(),
            };
            Arc::new(KafkaLog::open(config).unwrap())
        };
        self.kafka_log.get_or_init(open).clone()
    }

    /// One transaction of records, as any program may write them. The embedded log must be nobody's at the time.
    pub fn write(&self, outputs: &[Output]) {
        let log = match self.kafka {
            Some(kafka) => self.kafka_log(kafka),
            None => Arc::new(EmbeddedLog::open(&self.path("hark-data"), Options::default()).unwrap()),
        };
        log.producer(&format!("{}-a-test", self.prefix)).unwrap().commit(outputs).unwrap();
    }

    /// Number of partitions of a topic.
    pub fn partitions(&self, topic: &str) -> u32 {
        let name = self.topic(topic);
        self.log().topics().unwrap().into_iter().find(|found| found.name == name).unwrap().partitions
    }

    /// Waits until brokers tell that a topic has so many.
    pub fn wait_for_partitions(&self, topic: &str, partitions: u32) {
        wait_until(&format!("{topic} has {partitions} partitions"), DEADLINE, || {
            let found = self.log().topics().unwrap();
            found.iter().any(|found| found.name == topic && found.partitions == partitions)
        });
    }

    /// The record of a post, as ingest would write it.
    pub fn post(&self, partitions: u32, native_id: &str, text: &str) -> Output {
        let post = RawPost {
            r#ref: Some(PostRef {
                tenant: "aurora".to_owned(),
                source: "forum".to_owned(),
                instance: String::new(),
                native_id: native_id.to_owned(),
            }),
            op: Op::Create.into(),
            text: text.to_owned(),
            ..RawPost::default()
        };
        let key = mention_id(post.r#ref.as_ref().unwrap()).to_string().into_bytes();
        Output {
            topic: self.topic("posts").into(),
            partition: partition::of_key(&key, partitions),
            key,
            value: Some(post.encode_to_vec()),
            headers: Vec::new(),
            timestamp_ms: None,
        }
    }

    /// Values of a topic as `hark tail` shows them, in the order of partition and offset.
    pub fn tail(&self, topic: &str) -> Vec<Value> {
        let shown = self.run(&["tail", topic, "--from", "start", "--until-end", "--format", "json"]).stdout;
        let mut lines: Vec<Value> = shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        lines.sort_by_key(|line| (line["partition"].as_u64(), line["offset"].as_i64()));
        lines
    }

    /// Values of all committed records of a topic, partition by partition: Kafka reads them side by side, in whatever order they come.
    pub fn values(&self, topic: &str) -> Vec<Vec<u8>> {
        let (log, partitions) = (self.log(), (0..self.partitions(topic)).collect::<Vec<_>>());
        let mut values = Vec::new();
        log.read_to_end(&self.topic(topic), &partitions, &mut |record| {
            values.push((record.partition, record.value.unwrap_or_default().to_vec()));
        })
        .unwrap();
        values.sort_by_key(|(partition, _)| *partition);
        values.into_iter().map(|(_, value)| value).collect()
    }

    /// Outcomes of all records that a stage has worked off, as they ride in its committed offsets.
    pub fn counts(&self, stage: &str) -> Counts {
        let mut counts = Counts::default();
        for offset in self.offsets(stage) {
            counts.merge(&Counts::from_metadata(&offset.metadata));
        }
        counts
    }

    fn offsets(&self, stage: &str) -> Vec<hark_log::GroupOffset> {
        let input = if stage == "enrich" { "posts" } else { "mentions" };
        let (group, topic) = (format!("{}-{stage}", self.prefix), self.topic(input));
        // A broker that was killed is not there at once.
        wait_for("the log tells the offsets of a group", DEADLINE, || {
            self.log().group_offsets(&group, &topic).ok()
        })
    }

    /// Waits until a stage has worked off so many records.
    pub fn wait_for_outcomes(&self, stage: &str, records: u64) {
        wait_until(&format!("{stage} has worked off {records} records"), DEADLINE, || {
            self.counts(stage).total() >= records
        });
    }

    /// Waits until a stage has nothing left to do. What its input holds must be complete.
    pub fn wait_until_idle(&self, stage: &str) {
        wait_until(&format!("{stage} has reached the end"), DEADLINE, || {
            self.offsets(stage).iter().all(|offset| offset.committed.unwrap_or(offset.start) >= offset.end)
        });
    }

    /// The law of one outcome a record, over both stages: `matching` posts of those written became one item each, and
    /// the counts in the committed offsets say so.
    pub fn assert_each_post_has_one_outcome(&self, matching: &BTreeSet<String>) {
        let posts = self.values("posts").len() as u64;
        let mentions = self.values("mentions");
        let (enriched, routed) = (self.counts("enrich"), self.counts("route"));
        assert_eq!(enriched.total(), posts, "enrich counts each post once: {enriched:?}");
        assert_eq!(
            enriched.get("emitted"),
            mentions.len() as u64,
            "enrich emitted what it counts: {enriched:?}"
        );
        assert_eq!(routed.total(), mentions.len() as u64, "route counts each mention once: {routed:?}");
        let mut items: BTreeMap<String, usize> = BTreeMap::new();
        for team in ["sales", "support", "triage"] {
            for value in self.values(&format!("queue.{team}")) {
                let item = hark_schema::v1::Item::decode(&*value).unwrap();
                let post = item.mention.and_then(|mention| mention.post).unwrap();
                *items.entry(post.r#ref.unwrap().native_id).or_default() += 1;
            }
        }
        let twice: Vec<_> = items.iter().filter(|(_, count)| **count > 1).collect();
        assert!(twice.is_empty(), "on a queue more than once: {twice:?}");
        let lost: Vec<_> = matching.iter().filter(|id| !items.contains_key(*id)).collect();
        assert!(lost.is_empty(), "{} of {} are on no queue: {lost:?}", lost.len(), matching.len());
        assert_eq!(items.len(), matching.len(), "on a queue without being asked for");
    }
}
