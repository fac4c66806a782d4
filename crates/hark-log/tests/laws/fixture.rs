//! A log of either kind with the topics of one test, and a stage that deduplicates keys.

use std::{
    panic,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    thread::JoinHandle,
    time::Duration,
};

use hark_log::{
    Cleanup, Counts, Effects, From, GroupOffset, Log, Outcome, Output, Record, Rejection, SessionConfig,
    Stage, TableSpec, TopicSpec, Worker,
    embedded::{EmbeddedLog, Options},
    kafka::{KafkaConfig, KafkaLog},
    worker::{WorkerError, WorkerEvent},
};
use hark_tests::{deadline::wait_until, kafka::Kafka};
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier},
    client::DefaultClientContext,
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

pub const PARTITIONS: u32 = 4;
/// Nothing in these tests takes longer unless it hangs.
pub const DEADLINE: Duration = Duration::from_secs(60);

pub struct Fixture {
    prefix: String,
    log: Mutex<Option<Arc<dyn Log>>>,
    folder: Option<TempDir>,
    kafka: Option<KafkaConfig>,
}

/// A record as a test compares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub partition: u32,
    pub offset: i64,
    pub timestamp_ms: i64,
    pub key: String,
    pub value: Option<String>,
    pub headers: Vec<(String, String)>,
}

impl Fixture {
    pub fn embedded() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = open_embedded(folder.path());
        let fixture =
            Self { prefix: "test".to_owned(), log: Mutex::new(Some(log)), folder: Some(folder), kafka: None };
        fixture.log().create_topics(&fixture.specs()).unwrap();
        fixture
    }

    pub fn kafka(test: &str) -> Option<Self> {
        Some(Self::at(Kafka::shared()?.bootstrap_servers(), test))
    }

    /// On the broker at this address.
    pub fn at(bootstrap_servers: &str, test: &str) -> Self {
        let prefix = hark_tests::kafka::unique_prefix(test);
        let config = KafkaConfig {
            bootstrap_servers: bootstrap_servers.to_owned(),
            topic_prefix: prefix.clone(),
            properties: Vec::new(),
        };
        let log: Arc<dyn Log> = Arc::new(KafkaLog::open(config.clone()).unwrap());
        let fixture = Self { prefix, log: Mutex::new(Some(log)), folder: None, kafka: Some(config) };
        fixture.log().create_topics(&fixture.specs()).unwrap();
        fixture
    }

    pub fn kafka_config(&self) -> &KafkaConfig {
        self.kafka.as_ref().unwrap()
    }

    pub fn log(&self) -> Arc<dyn Log> {
        self.log.lock().unwrap().clone().unwrap()
    }

    /// Closes the log and opens it again, as a new process would.
    pub fn restart(&self) {
        let mut log = self.log.lock().unwrap();
        *log = None;
        *log = Some(match (&self.folder, &self.kafka) {
            (Some(folder), _) => open_embedded(folder.path()),
            (_, Some(config)) => Arc::new(KafkaLog::open(config.clone()).unwrap()),
            _ => unreachable!("a fixture is one of the two"),
        });
    }

    pub fn topic(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }

    pub fn name(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    pub fn group(&self) -> String {
        self.name("group")
    }

    pub fn specs(&self) -> Vec<TopicSpec> {
        ["in", "out", "dead", "state", "shared"]
            .map(|name| TopicSpec {
                name: self.topic(name),
                partitions: PARTITIONS,
                replication: None,
                cleanup: if name.starts_with('s') { Cleanup::CompactDelete } else { Cleanup::Delete },
                retention: Some(Duration::from_secs(7 * 86_400)),
            })
            .to_vec()
    }

    pub fn output(&self, topic: &str, key: &str, value: &str) -> Output {
        Output {
            topic: self.topic(topic).into(),
            partition: 0,
            key: key.into(),
            value: Some(value.into()),
            headers: Vec::new(),
            timestamp_ms: None,
        }
    }

    /// Writes keys to `in`, each to a partition of its own by its bytes.
    pub fn feed(&self, keys: impl IntoIterator<Item = String>) {
        let outputs: Vec<Output> = keys
            .into_iter()
            .map(|key| {
                let partition = key.bytes().map(u32::from).sum::<u32>() % PARTITIONS;
                Output { partition, ..self.output("in", &key, "value") }
            })
            .collect();
        self.log().producer(&self.name("feeder")).unwrap().commit(&outputs).unwrap();
    }

    /// All committed records of a topic, by partition and offset.
    pub fn read(&self, topic: &str) -> Vec<Seen> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut seen = Vec::new();
        let partitions: Vec<u32> = (0..PARTITIONS).collect();
        self.log()
            .read_to_end(&self.topic(topic), &partitions, &mut |record| {
                seen.push(Seen {
                    partition: record.partition,
                    offset: record.offset,
                    timestamp_ms: record.timestamp_ms,
                    key: record.key.map(text).unwrap_or_default(),
                    value: record.value.map(text),
                    headers: record
                        .headers
                        .iter()
                        .map(|(name, value)| (name.to_owned(), text(value)))
                        .collect(),
                });
            })
            .unwrap();
        seen.sort_by_key(|seen| (seen.partition, seen.offset));
        seen
    }

    pub fn offsets(&self) -> Vec<GroupOffset> {
        self.log().group_offsets(&self.group(), &self.topic("in")).unwrap()
    }

    /// Outcomes of all partitions, from the committed offsets.
    pub fn totals(&self) -> Counts {
        let mut totals = Counts::default();
        for offset in self.offsets() {
            totals.merge(&Counts::from_metadata(&offset.metadata));
        }
        totals
    }

    pub fn stage(&self) -> Dedupe {
        let (batches, received) = mpsc::channel();
        let (ready, assigned) = mpsc::channel();
        Dedupe {
            out: self.topic("out").into(),
            dead: self.topic("dead").into(),
            spoil_batches: Arc::new(AtomicUsize::new(0)),
            spoilt: false,
            aborted: 0,
            rebuilt: 0,
            restored: 0,
            entries: 0,
            processed: Vec::new(),
            padding_of: None,
            dies_after: None,
            batches,
            received: Some(received),
            ready,
            assigned: Some(assigned),
        }
    }

    pub fn session_config(&self, instance: &str, shutdown: CancellationToken) -> SessionConfig {
        SessionConfig {
            group: self.group(),
            input: self.topic("in").into(),
            tables: vec![self.topic("state").into()],
            transactional_id: self.name(instance),
            instance: Some(self.name(instance)),
            shutdown,
        }
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        let servers = &self.kafka_config().bootstrap_servers;
        ClientConfig::new().set("bootstrap.servers", servers).create().unwrap()
    }

    /// Deletes the records of a partition below an offset, as retention does.
    pub fn delete_records(&self, topic: &str, partition: i32, before: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.topic(topic), partition, Offset::Offset(before)).unwrap();
        // Its thread answers, and ends with it.
        let admin = self.admin();
        let deleted = admin.delete_records(&list, &AdminOptions::new());
        for element in futures_executor::block_on(deleted).unwrap().elements() {
            element.error().unwrap();
        }
    }

    /// Sets a topic's own `max.message.bytes`, below what Hark checks for.
    pub fn limit_record_size(&self, topic: &str, bytes: usize) {
        let admin = self.admin();
        let (topic, bytes) = (self.topic(topic), bytes.to_string());
        let change = AlterConfig::new(ResourceSpecifier::Topic(&topic)).set("max.message.bytes", &bytes);
        for result in
            futures_executor::block_on(admin.alter_configs(&[change], &AdminOptions::new())).unwrap()
        {
            result.unwrap();
        }
    }

    fn tables(&self) -> Vec<TableSpec> {
        let lifetime = Duration::from_secs(35 * 86_400);
        vec![TableSpec { topic: self.topic("state").into(), lifetime: Arc::new(move |_| lifetime) }]
    }

    /// Works off what is there.
    pub fn run_once(&self, stage: &mut Dedupe) {
        let log = self.log();
        let worker = Worker { stage, tables: self.tables(), shared: Vec::new(), once: true, log: &*log };
        worker.run(self.session_config("once", CancellationToken::new())).unwrap();
    }

    /// Runs until stopped, on a thread of its own.
    pub fn start(&self, instance: &str, mut stage: Dedupe) -> Running {
        let shutdown = CancellationToken::new();
        let config = self.session_config(instance, shutdown.clone());
        let (log, tables) = (self.log(), self.tables());
        let (batches, assigned) = (stage.received.take().unwrap(), stage.assigned.take().unwrap());
        let thread = std::thread::spawn(move || {
            let result =
                Worker { stage: &mut stage, tables, shared: Vec::new(), once: false, log: &*log }.run(config);
            (stage, result)
        });
        Running { shutdown, batches, assigned, thread }
    }
}

fn open_embedded(folder: &Path) -> Arc<dyn Log> {
    Arc::new(EmbeddedLog::open(folder, Options::default()).unwrap())
}

pub struct Running {
    shutdown: CancellationToken,
    batches: Receiver<()>,
    assigned: Receiver<()>,
    thread: JoinHandle<(Dedupe, Result<(), WorkerError>)>,
}

impl Running {
    pub fn wait_for_batch(&self) {
        self.batches.recv_timeout(DEADLINE).expect("a batch is committed");
    }

    pub fn wait_for_partitions(&self) {
        self.assigned.recv_timeout(DEADLINE).expect("partitions are assigned and their state restored");
    }

    pub fn stop(self) -> Dedupe {
        self.shutdown.cancel();
        let (stage, result) = self.thread.join().unwrap_or_else(|panic| panic::resume_unwind(panic));
        result.unwrap();
        stage
    }

    pub fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits for the panic of a stage that was told to die.
    pub fn wait_for_death(self) {
        wait_until("the stage dies", DEADLINE, || self.thread.is_finished());
        assert!(self.thread.join().is_err(), "it dies as told");
    }

    /// Waits for an end that nobody asked for.
    pub fn join(self) -> WorkerError {
        let (_, result) = self.thread.join().unwrap_or_else(|panic| panic::resume_unwind(panic));
        result.expect_err("it ends with an error")
    }
}

/// Emits each key once, and says how often it was tried in what it can see: `first`, if the state knows nothing of it.
pub struct Dedupe {
    out: Arc<str>,
    dead: Arc<str>,
    /// So many batches are spoilt by an output that no log takes.
    pub spoil_batches: Arc<AtomicUsize>,
    spoilt: bool,
    pub aborted: usize,
    pub rebuilt: usize,
    pub restored: u64,
    pub entries: usize,
    pub processed: Vec<(u32, i64)>,
    /// The output of this key, or its dead letter where it is `bad`, gets so many bytes that do not compress.
    pub padding_of: Option<(String, usize)>,
    /// Its thread panics when so many more records are committed.
    pub dies_after: Option<u64>,
    batches: Sender<()>,
    received: Option<Receiver<()>>,
    ready: Sender<()>,
    assigned: Option<Receiver<()>>,
}

impl Stage for &mut Dedupe {
    fn process(&mut self, record: &Record<'_>, effects: &mut Effects<'_>) -> Outcome {
        self.processed.push((record.partition, record.offset));
        let key = record.key.unwrap_or_default();
        let mut output = beside(record, &self.out, b"first");
        if !self.spoilt && self.spoil_batches.load(Ordering::Relaxed) > 0 {
            self.spoil_batches.fetch_sub(1, Ordering::Relaxed);
            self.spoilt = true;
            effects.emit(Output { partition: PARTITIONS + 87, ..output.clone() });
        }
        if effects.get(0, key).is_some() {
            return Outcome::Dropped("repeat");
        }
        effects.put(0, key, Some(b"seen".to_vec()));
        match key {
            b"bad" => {
                effects.emit(output);
                return Outcome::Rejected(Rejection { class: "undecodable", error: "it is bad".to_owned() });
            }
            b"panic" => {
                effects.emit(output);
                panic!("as told");
            }
            key if self.padding_of.as_ref().is_some_and(|(padded, _)| padded.as_bytes() == key) => {
                output.value = self.padding_of.as_ref().map(|(_, size)| noise(*size));
            }
            b"huge" => output.value = Some(vec![b'x'; hark_log::MAX_RECORD_BYTES + 1]),
            _ => {}
        }
        effects.emit(output);
        Outcome::Emitted
    }

    fn dead_letter(&mut self, record: &Record<'_>, rejection: &Rejection) -> Output {
        match &self.padding_of {
            Some((key, size)) if key == "bad" => beside(record, &self.dead, &noise(*size)),
            _ => beside(record, &self.dead, rejection.class.as_bytes()),
        }
    }

    fn observe(&mut self, event: WorkerEvent<'_>) {
        match event {
            WorkerEvent::Committed(report) => {
                // Nobody may be listening any more.
                self.batches.send(()).ok();
                if let Some(left) = &mut self.dies_after {
                    *left -= report.counts.iter().map(|(_, counts)| counts.total()).sum::<u64>();
                    assert!(*left > 0, "dies as told");
                }
            }
            WorkerEvent::Aborted { .. } => {
                self.spoilt = false;
                self.aborted += 1;
            }
            WorkerEvent::Restored { records, .. } => self.restored += records,
            WorkerEvent::Lag { entries, .. } => self.entries = entries[0],
            WorkerEvent::Rebuilding => self.rebuilt += 1,
            WorkerEvent::Assignment { owned, restoring } => {
                if owned > 0 && restoring == 0 {
                    self.ready.send(()).ok();
                }
            }
            WorkerEvent::Refused => {}
        }
    }
}

/// What a record brings about on another topic, under its key and partition.
pub fn beside(record: &Record<'_>, topic: &Arc<str>, value: &[u8]) -> Output {
    Output {
        topic: topic.clone(),
        partition: record.partition,
        key: record.key.unwrap_or_default().to_vec(),
        value: Some(value.to_vec()),
        headers: Vec::new(),
        timestamp_ms: None,
    }
}

/// Bytes that no compression makes smaller (xorshift, Marsaglia 2003).
fn noise(size: usize) -> Vec<u8> {
    let mut x = 0x2545_f491_4f6c_dd1d_u64;
    let bytes = std::iter::repeat_with(|| {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        (x >> 56) as u8
    });
    bytes.take(size).collect()
}

/// Reads a topic from its start until `done`, as a reader outside the group.
pub fn read_until(log: &dyn Log, topic: &str, mut done: impl FnMut(&[String]) -> bool) -> Vec<String> {
    let until = std::time::Instant::now() + DEADLINE;
    let mut reader = log.reader(topic, From::Start).unwrap();
    let mut keys = Vec::new();
    while !done(&keys) {
        assert!(std::time::Instant::now() < until, "{topic}: only {} records came", keys.len());
        reader
            .read(Duration::from_millis(100), &mut |record| {
                keys.push(String::from_utf8_lossy(record.key.unwrap_or_default()).into_owned());
            })
            .unwrap();
    }
    keys
}
