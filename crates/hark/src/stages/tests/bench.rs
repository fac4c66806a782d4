//! A log of either kind with the topics of one test.

use std::{sync::Arc, time::Duration};

use hark_log::{
    Cleanup, Log, TopicSpec,
    embedded::{EmbeddedLog, Options},
    kafka::{KafkaConfig, KafkaLog},
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
