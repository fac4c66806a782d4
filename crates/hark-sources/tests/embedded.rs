//! Sources on a real log: what is committed is what a restart finds.

#![allow(clippy::unwrap_used)]

use std::{fs, io::Write as _, path::Path, sync::Arc, time::Duration};

use hark_log::{
    Cleanup, Log, TopicSpec,
    embedded::{EmbeddedLog, Options},
};
use hark_schema::{
    Message as _,
    partition::Topic,
    v1::{DeadLetter, RawPost},
};
use hark_sources::{
    IngestTopics, Limits, Publisher, SourceContext,
    file::{self, Cursors, FileSpec},
};
use tokio_util::sync::CancellationToken;

const PARTITIONS: u32 = 12;

fn topic(name: &str) -> Topic {
    Topic { name: name.into(), partitions: PARTITIONS }
}

fn context() -> SourceContext {
    SourceContext {
        tenant: "aurora".into(),
        source: "archive".into(),
        connector: "file",
        version: "0.1.0".into(),
        keep_payload: false,
        backfill: false,
        config_revision: "r1".into(),
        topics: IngestTopics {
            posts: topic("hark.posts"),
            cursors: topic("hark.cursors"),
            dead_letters: topic("hark.dead-letters"),
        },
        counts: Arc::default(),
    }
}

/// One run of a process: opens the log, works off the files, closes it.
fn ingest_once(data: &Path, posts: &Path) {
    let log: Arc<dyn Log> = Arc::new(EmbeddedLog::open(data, Options::default()).unwrap());
    let spec = |name: &str, cleanup| TopicSpec {
        name: name.to_owned(),
        partitions: PARTITIONS,
        replication: None,
        cleanup,
        retention: None,
    };
    log.create_topics(&[
        spec("hark.posts", Cleanup::CompactDelete),
        spec("hark.cursors", Cleanup::Compact),
        spec("hark.dead-letters", Cleanup::Delete),
    ])
    .unwrap();
    let context = context();
    let restore = || Cursors::restore(&*log, &context.topics.cursors);
    let shared = log.clone();
    let factory = Box::new(move || shared.producer("hark-ingest-test"));
    let (publisher, thread) = Publisher::start(factory, Limits::default()).unwrap();
    let files = FileSpec::new(posts, vec!["*.jsonl".to_owned()]);
    file::run(&files, &context, &publisher, &restore, true, &CancellationToken::new()).unwrap();
    thread.stop(Duration::from_secs(10)).unwrap();
}

/// Values of all records of a topic that agree with their key's partition.
fn values(data: &Path, topic: &str) -> Vec<Vec<u8>> {
    let log = EmbeddedLog::open(data, Options::default()).unwrap();
    let mut values = Vec::new();
    let partitions: Vec<u32> = (0..PARTITIONS).collect();
    log.read_to_end(topic, &partitions, &mut |record| {
        assert_eq!(record.partition, hark_schema::partition::of_key(record.key.unwrap(), PARTITIONS));
        values.push(record.value.unwrap().to_vec());
    })
    .unwrap();
    values
}

fn ids(data: &Path) -> Vec<String> {
    let posts = values(data, "hark.posts");
    let mut ids: Vec<String> =
        posts.iter().map(|post| RawPost::decode(&**post).unwrap().r#ref.unwrap().native_id).collect();
    ids.sort();
    ids
}

#[test]
fn a_second_process_reads_only_what_the_first_did_not_commit() {
    let folder = tempfile::tempdir().unwrap();
    let (data, posts) = (folder.path().join("data"), folder.path().join("posts"));
    fs::create_dir(&posts).unwrap();
    let line = |id: &str| format!("{{\"id\":\"{id}\",\"text\":\"Aurora Motors fixed my car\"}}\n");
    fs::write(posts.join("a.jsonl"), line("a1") + &line("a2") + "nonsense\n").unwrap();
    ingest_once(&data, &posts);
    assert_eq!(ids(&data), ["a1", "a2"]);

    // Rotated and grown meanwhile.
    fs::rename(posts.join("a.jsonl"), posts.join("a-old.jsonl")).unwrap();
    let mut file = fs::OpenOptions::new().append(true).open(posts.join("a-old.jsonl")).unwrap();
    file.write_all(line("a3").as_bytes()).unwrap();
    fs::write(posts.join("a.jsonl"), line("b1")).unwrap();
    ingest_once(&data, &posts);
    assert_eq!(ids(&data), ["a1", "a2", "a3", "b1"], "each once");

    let dead: Vec<DeadLetter> =
        values(&data, "hark.dead-letters").iter().map(|dead| DeadLetter::decode(&**dead).unwrap()).collect();
    let file = dead[0].file.clone().unwrap();
    assert_eq!((dead.len(), file.line, file.source.as_str()), (1, 3, "archive"));
    assert_eq!(dead[0].value.as_deref(), Some(&b"nonsense"[..]));
}
