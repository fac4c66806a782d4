//! A log of either kind with the topics of one test.

use std::{sync::Arc, time::Duration};

use hark_log::{
    Cleanup, Log, Output, TopicSpec,
    embedded::{EmbeddedLog, Options},
    kafka::{KafkaConfig, KafkaLog},
};
use hark_schema::{
    Message as _,
    v1::{Intent, Mention},
};
use hark_tests::kafka::{Kafka, unique_prefix};

use crate::stages::topics::Topics;

pub const PARTITIONS: u32 = 3;

const TOPICS: [&str; 11] = [
    "posts",
    "mentions",
    "seen",
    "items",
    "threads",
    "contacts",
    "dead-letters",
    "queue.sales",
    "queue.support",
    "queue.boss",
    "queue.triage",
];

pub struct Bench {
    pub log: Arc<dyn Log>,
    pub prefix: String,
}

impl Bench {
    pub fn new(log: Arc<dyn Log>, prefix: &str) -> Self {
        let spec = |name: &str| TopicSpec {
            name: format!("{prefix}.{name}"),
            partitions: PARTITIONS,
            replication: None,
            cleanup: Cleanup::CompactDelete,
            retention: Some(Duration::from_secs(35 * 86_400)),
        };
        log.create_topics(&TOPICS.map(spec)).unwrap();
        Self { log, prefix: prefix.to_owned() }
    }

    pub fn topics(&self) -> Topics {
        Topics::read(&*self.log, &self.prefix).unwrap()
    }

    /// Writes mentions in one transaction, as enrich does, each with the timestamp of its record or that of now.
    pub fn feed_mentions(&self, mentions: impl Iterator<Item = (Mention, Option<i64>)>) {
        let topic = self.topics().get("mentions").unwrap();
        let output = |(mention, timestamp_ms): (Mention, Option<i64>)| Output {
            topic: topic.name.clone(),
            partition: topic.partition_of(mention.thread_id.as_bytes()),
            key: mention.mention_id.clone().into_bytes(),
            value: Some(mention.encode_to_vec()),
            headers: Vec::new(),
            timestamp_ms,
        };
        let outputs: Vec<Output> = mentions.map(output).collect();
        self.log.producer(&format!("{}-feeder", self.prefix)).unwrap().commit(&outputs).unwrap();
    }
}

/// One intent, or none where the name is empty.
pub fn intents(name: &str) -> Vec<Intent> {
    let intent = Intent { name: name.to_owned(), confidence: 0.9, evidence: Vec::new() };
    if name.is_empty() { Vec::new() } else { vec![intent] }
}

pub fn embedded() -> (tempfile::TempDir, Bench) {
    let folder = tempfile::tempdir().unwrap();
    let log = Arc::new(EmbeddedLog::open(folder.path(), Options::default()).unwrap());
    (folder, Bench::new(log, "test"))
}

pub fn kafka(test: &str) -> Option<Bench> {
    let prefix = unique_prefix(test);
    let log = KafkaLog::open(KafkaConfig {
        bootstrap_servers: Kafka::shared()?.bootstrap_servers().to_owned(),
        topic_prefix: prefix.clone(),
        properties: Vec::new(),
    });
    Some(Bench::new(Arc::new(log.unwrap()), &prefix))
}
