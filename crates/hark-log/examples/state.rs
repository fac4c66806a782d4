//! What state costs: `state embedded ENTRIES` or `state SERVERS ENTRIES` writes so many entries of the size that enrich keeps for a
//! post (or VALUE_BYTES, a third argument), restores them as a worker does, and prints `ENTRIES RESTORE_SECONDS BYTES_AN_ENTRY` (resident growth).

#![allow(clippy::print_stdout, missing_docs)]

use std::{env, error::Error, fs, sync::Arc, time::Duration};

use hark_log::{
    Cleanup, Effects, Log, Outcome, Output, Record, Rejection, SessionConfig, Stage, TableSpec, TopicSpec,
    Worker,
    embedded::{EmbeddedLog, Options},
    kafka::{KafkaConfig, KafkaLog},
    worker::WorkerEvent,
};
use tokio_util::sync::CancellationToken;

const PARTITIONS: u32 = 12;
/// Status, one fingerprint and the id of a thread, as `hark.v1.Seen` holds them; where the command line does not say.
const VALUE_BYTES: usize = 30;
const BATCH: usize = 10_000;
const LIFETIME: Duration = Duration::from_secs(35 * 86_400);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [place, entries, rest @ ..] = &arguments[..] else {
        return Err("state embedded|SERVERS ENTRIES [VALUE_BYTES]".into());
    };
    let entries: usize = entries.parse()?;
    let value_bytes = rest.first().map_or(Ok(VALUE_BYTES), |bytes| bytes.parse())?;
    let folder = tempfile::tempdir()?;
    let prefix = format!("state-{}-{entries}", std::process::id());
    let log: Box<dyn Log> = if place == "embedded" {
        Box::new(EmbeddedLog::open(folder.path(), Options::default())?)
    } else {
        Box::new(KafkaLog::open(KafkaConfig {
            bootstrap_servers: place.clone(),
            topic_prefix: prefix.clone(),
            properties: Vec::new(),
        })?)
    };
    let name = |topic: &str| -> Arc<str> { format!("{prefix}.{topic}").into() };
    let specs = ["posts", "seen"].map(|topic| TopicSpec {
        name: name(topic).to_string(),
        partitions: PARTITIONS,
        replication: None,
        cleanup: Cleanup::Delete,
        retention: None,
    });
    log.create_topics(&specs)?;
    write(&*log, &name("seen"), &prefix, entries, value_bytes)?;

    let mut stage = Idle { before: resident_bytes()?, growth: 0, took: Duration::ZERO, records: 0 };
    let table = TableSpec { topic: name("seen"), lifetime: Arc::new(|_| LIFETIME) };
    let config = SessionConfig {
        group: prefix.clone(),
        input: name("posts"),
        tables: vec![name("seen")],
        transactional_id: prefix.clone(),
        instance: None,
        shutdown: CancellationToken::new(),
    };
    Worker { stage: &mut stage, tables: vec![table], shared: Vec::new(), once: true, log: &*log }
        .run(config)?;
    if stage.records < u64::try_from(entries)? {
        return Err(format!("only {} of {entries} entries were restored", stage.records).into());
    }
    let each = stage.growth as f64 / entries as f64;
    println!("{entries} {:.3} {each:.1}", stage.took.as_secs_f64());
    Ok(())
}

fn write(
    log: &dyn Log,
    topic: &Arc<str>,
    id: &str,
    entries: usize,
    value_bytes: usize,
) -> Result<(), Box<dyn Error>> {
    let mut producer = log.producer(id)?;
    for from in (0..entries).step_by(BATCH) {
        let outputs: Vec<Output> = (from..entries.min(from + BATCH))
            .map(|number| Output {
                topic: topic.clone(),
                partition: u32::try_from(number).unwrap_or_default() % PARTITIONS,
                key: format!(
                    "{:032x}",
                    (number as u128).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
                )
                .into_bytes(),
                value: Some(vec![b'v'; value_bytes]),
                headers: Vec::new(),
                timestamp_ms: None,
            })
            .collect();
        producer.commit(&outputs)?;
    }
    Ok(())
}

/// `VmRSS` of this process.
fn resident_bytes() -> Result<usize, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<usize>()? * 1024)
}

struct Idle {
    before: usize,
    growth: usize,
    took: Duration,
    records: u64,
}

impl Stage for &mut Idle {
    fn process(&mut self, _: &Record<'_>, _: &mut Effects<'_>) -> Outcome {
        Outcome::Dropped("no_match")
    }

    fn dead_letter(&mut self, record: &Record<'_>, _: &Rejection) -> Output {
        unreachable!("nothing is rejected, at {}", record.offset)
    }

    fn observe(&mut self, event: WorkerEvent<'_>) {
        if let WorkerEvent::Restored { took, records } = event {
            (self.took, self.records) = (took, records);
            self.growth = resident_bytes().map_or(0, |now| now.saturating_sub(self.before));
        }
    }
}
