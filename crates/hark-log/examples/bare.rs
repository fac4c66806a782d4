//! What a bare rdkafka client does on this machine, as the measure for `scripts/bench`: no stage, no state, no decoding.
//!
//! Each command prints one line of numbers; see [`USAGE`]. A copy is what exactly-once costs at the least: records, the offsets of its
//! group and nothing else in one transaction, in batches that grow with the backlog.

#![allow(clippy::print_stdout, missing_docs)]

use std::{
    collections::HashMap,
    env,
    error::Error,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
    message::{BorrowedMessage, Header, Headers as _, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer as _},
};

const USAGE: &str = "\
bare consume SERVERS TOPIC                              read once as a read_committed consumer: RECORDS SECONDS BYTES
bare copy SERVERS TOPIC OUTPUT BYTES                    a transactional copy of what is there, BYTES a record: RECORDS SECONDS
bare follow SERVERS TOPIC OUTPUT BYTES                  the same for ever, from the end on
bare arrive SERVERS OUTPUT[,OUTPUT] COUNT SKIPPED       waits until so many committed records are there, and times all but the first
                                                        SKIPPED of them: RECORDS SECONDS; says `ready` when it waits
bare fill SERVERS FROM TO COUNT                         writes the records of FROM to TO, again and again, COUNT in all: RECORDS SECONDS
bare latency SERVERS FROM SKIPPED TO OUTPUT[,OUTPUT] RATE SECONDS   writes records of FROM, but for the first SKIPPED by key, to TO,
                                                        RATE a second, and waits for each on OUTPUT, told apart by the trace that it
                                                        carries: RECORDS LOST P50_MS P99_MS MAX_MS";

type Outcome = Result<(), Box<dyn Error>>;

const WAIT: Duration = Duration::from_secs(10);
/// A chain from which nothing comes for so long has ended.
const STALLED: Duration = Duration::from_secs(60);
/// Records of a transaction at most, as in Hark's stages.
const BATCH: usize = 10_000;
/// How long a batch waits for company, as in Hark's stages.
const LINGER: Duration = Duration::from_millis(2);
/// Posts that are sent before any is measured: stages and broker are to be warm.
const WARM_UP: Duration = Duration::from_secs(2);
const TRACEPARENT: &str = "traceparent";

fn main() -> Outcome {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["consume", servers, topic] => consume(servers, topic),
        ["arrive", servers, outputs, count, skipped] => {
            arrive(servers, outputs, count.parse()?, skipped.parse()?)
        }
        ["copy", servers, topic, output, bytes] => copy(servers, topic, output, bytes.parse()?, false),
        ["follow", servers, topic, output, bytes] => copy(servers, topic, output, bytes.parse()?, true),
        ["fill", servers, from, to, count] => fill(servers, from, to, count.parse()?),
        ["latency", servers, from, skipped, to, outputs, rate, seconds] => {
            let mut templates = templates(servers, from)?;
            templates.sort_unstable_by(|one, other| one.key.cmp(&other.key));
            let fresh = templates.get(skipped.parse()?..).unwrap_or_default();
            latency(servers, fresh, to, outputs, rate.parse()?, Duration::from_secs(seconds.parse()?))
        }
        _ => Err(USAGE.into()),
    }
}

/// A consumer of all partitions of some topics, and their ends together.
fn consumer(servers: &str, topics: &[&str], start: Offset) -> Result<(BaseConsumer, i64), Box<dyn Error>> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("group.id", format!("bare-{}", std::process::id()))
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("fetch.wait.max.ms", "10")
        .set("enable.partition.eof", "true")
        .create()?;
    let mut list = TopicPartitionList::new();
    let mut end = 0;
    for topic in topics {
        let metadata = consumer.fetch_metadata(Some(topic), WAIT)?;
        for partition in metadata.topics()[0].partitions() {
            list.add_partition_offset(topic, partition.id(), start)?;
            end += consumer.fetch_watermarks(topic, partition.id(), WAIT)?.1;
        }
    }
    consumer.assign(&list)?;
    Ok((consumer, end))
}

fn producer(servers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", servers)
        .set("enable.idempotence", "true")
        .set("linger.ms", "2")
        .set("compression.type", "lz4")
        .set("batch.num.messages", "10000")
        .set("delivery.report.only.error", "true");
    config
}

/// Offsets read so far, control records included.
fn position(consumer: &BaseConsumer) -> Result<i64, Box<dyn Error>> {
    let positions = consumer.position()?;
    Ok(positions
        .elements()
        .iter()
        .filter_map(|element| element.offset().to_raw())
        .map(|raw| raw.max(0))
        .sum())
}

/// The next message; `None` when nothing came for `wait` or a partition's end was reached.
fn next(consumer: &BaseConsumer, wait: Duration) -> Result<Option<BorrowedMessage<'_>>, KafkaError> {
    match consumer.poll(wait) {
        Some(Ok(message)) => Ok(Some(message)),
        Some(Err(KafkaError::PartitionEOF(_))) | None => Ok(None),
        Some(Err(error)) => Err(error),
    }
}

fn consume(servers: &str, topic: &str) -> Outcome {
    let (consumer, end) = consumer(servers, &[topic], Offset::Beginning)?;
    let (mut records, mut bytes, mut began) = (0_u64, 0, None);
    loop {
        if let Some(message) = next(&consumer, Duration::from_millis(100))? {
            began.get_or_insert_with(Instant::now);
            bytes += message.payload().map_or(0, <[u8]>::len);
            records += 1;
        } else if position(&consumer)? >= end {
            break;
        }
    }
    println!("{records} {:.3} {bytes}", seconds(began));
    Ok(())
}

fn arrive(servers: &str, outputs: &str, count: u64, skipped: u64) -> Outcome {
    let (consumer, _) = consumer(servers, &outputs.split(',').collect::<Vec<_>>(), Offset::Beginning)?;
    eprintln!("ready");
    let (mut records, mut began, mut last) = (0, None, Instant::now());
    while records < count {
        if next(&consumer, Duration::from_millis(100))?.is_some() {
            last = Instant::now();
            records += 1;
            if records > skipped {
                began.get_or_insert(last);
            }
        } else if last.elapsed() > STALLED {
            return Err(
                format!("{records} of {count} records came to {outputs}, and no more for a minute").into()
            );
        }
    }
    println!("{} {:.3}", records - skipped, seconds(began));
    Ok(())
}

fn seconds(began: Option<Instant>) -> f64 {
    began.map_or(0.0, |began| began.elapsed().as_secs_f64())
}

/// A record of a copied batch: what of it goes on.
struct Copied {
    partition: i32,
    offset: i64,
    key: Vec<u8>,
    trace: Option<Vec<u8>>,
}

fn copy(servers: &str, topic: &str, output: &str, bytes: usize, follow: bool) -> Outcome {
    let start = if follow { Offset::End } else { Offset::Beginning };
    let (consumer, end) = consumer(servers, &[topic], start)?;
    let producer: BaseProducer = producer(servers)
        .set("transactional.id", format!("bare-{}-{output}", std::process::id()))
        .create()?;
    producer.init_transactions(WAIT)?;
    let value: Vec<u8> = (0..bytes).map(|n| b'a' + u8::try_from(n * 7 % 26).unwrap_or_default()).collect();
    let (mut records, mut began) = (0_u64, None);
    let mut done = false;
    while !done || follow {
        let mut batch: Vec<Copied> = Vec::new();
        let mut until = None;
        while batch.len() < BATCH {
            let wait = until.map_or(LINGER, |until: Instant| whole_millis(until - Instant::now()));
            match consumer.poll(wait) {
                Some(Ok(message)) => {
                    began.get_or_insert_with(Instant::now);
                    until.get_or_insert_with(|| Instant::now() + LINGER);
                    batch.push(Copied {
                        partition: message.partition(),
                        offset: message.offset(),
                        key: message.key().unwrap_or_default().to_vec(),
                        trace: trace(&message),
                    });
                }
                // One partition has no more; others may.
                Some(Err(KafkaError::PartitionEOF(_))) => {}
                Some(Err(error)) => return Err(error.into()),
                None => {
                    done = position(&consumer)? >= end;
                    break;
                }
            }
        }
        if batch.is_empty() {
            continue;
        }
        records += batch.len() as u64;
        commit(&consumer, &producer, topic, output, &value, &batch)?;
    }
    println!("{records} {:.3}", seconds(began));
    Ok(())
}

fn commit(
    consumer: &BaseConsumer,
    producer: &BaseProducer,
    topic: &str,
    output: &str,
    value: &[u8],
    batch: &[Copied],
) -> Outcome {
    producer.begin_transaction()?;
    let mut offsets = HashMap::new();
    for copied in batch {
        offsets.insert((topic.to_owned(), copied.partition), Offset::Offset(copied.offset + 1));
        send(producer, output, copied.partition, &copied.key, value, copied.trace.as_deref());
    }
    settle(producer);
    let group = consumer.group_metadata().ok_or("no group")?;
    producer.send_offsets_to_transaction(&TopicPartitionList::from_topic_map(&offsets)?, &group, WAIT)?;
    producer.commit_transaction(WAIT)?;
    Ok(())
}

/// Waits until all is at the broker.
fn settle(producer: &BaseProducer) {
    while producer.in_flight_count() > 0 {
        look(producer);
    }
}

/// A moment's wait; rdkafka's own would spin through the last millisecond.
fn look(producer: &BaseProducer) {
    thread::park_timeout(Duration::from_micros(500));
    producer.poll(Duration::ZERO);
}

/// Rounded up: librdkafka waits for whole milliseconds, and what is left of one would be spent spinning.
fn whole_millis(wait: Duration) -> Duration {
    Duration::from_millis(u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX))
}

fn send(
    producer: &BaseProducer,
    topic: &str,
    partition: i32,
    key: &[u8],
    value: &[u8],
    trace: Option<&[u8]>,
) {
    let mut record = BaseRecord::to(topic).partition(partition).key(key).payload(value);
    if let Some(trace) = trace {
        record = record.headers(OwnedHeaders::new().insert(Header { key: TRACEPARENT, value: Some(trace) }));
    }
    while let Err((_, back)) = producer.send(record) {
        look(producer);
        record = back;
    }
}

fn trace(message: &BorrowedMessage<'_>) -> Option<Vec<u8>> {
    let headers = message.headers()?;
    let header = headers.iter().find(|header| header.key == TRACEPARENT)?;
    header.value.map(<[u8]>::to_vec)
}

/// Records as they lie on a topic.
struct Template {
    partition: i32,
    key: Vec<u8>,
    value: Vec<u8>,
}

fn templates(servers: &str, topic: &str) -> Result<Vec<Template>, Box<dyn Error>> {
    let (consumer, end) = consumer(servers, &[topic], Offset::Beginning)?;
    let mut templates = Vec::new();
    loop {
        if let Some(message) = next(&consumer, Duration::from_millis(100))? {
            templates.push(Template {
                partition: message.partition(),
                key: message.key().unwrap_or_default().to_vec(),
                value: message.payload().unwrap_or_default().to_vec(),
            });
        } else if position(&consumer)? >= end {
            break;
        }
    }
    if templates.is_empty() { Err(format!("{topic} is empty").into()) } else { Ok(templates) }
}

fn fill(servers: &str, from: &str, to: &str, count: usize) -> Outcome {
    let templates = templates(servers, from)?;
    let producer: BaseProducer = producer(servers).create()?;
    let metadata = producer.client().fetch_metadata(Some(to), WAIT)?;
    // Where there are fewer, and their number divides the other, this is where a key belongs.
    let partitions = i32::try_from(metadata.topics()[0].partitions().len())?;
    if partitions == 0 {
        return Err(format!("{to} is no topic").into());
    }
    let began = Instant::now();
    for template in templates.iter().cycle().take(count) {
        send(&producer, to, template.partition % partitions, &template.key, &template.value, None);
    }
    settle(&producer);
    println!("{count} {:.3}", began.elapsed().as_secs_f64());
    Ok(())
}

fn latency(
    servers: &str,
    templates: &[Template],
    to: &str,
    outputs: &str,
    rate: usize,
    lasts: Duration,
) -> Outcome {
    let count = rate * usize::try_from((WARM_UP + lasts).as_secs())?;
    if templates.len() < count {
        return Err(format!("{} records are there, {count} are wanted", templates.len()).into());
    }
    let outputs: Vec<&str> = outputs.split(',').collect();
    let (consumer, _) = consumer(servers, &outputs, Offset::End)?;
    // An assignment from the end is there once every partition has told its end.
    let until = Instant::now() + Duration::from_secs(2);
    while Instant::now() < until {
        next(&consumer, Duration::from_millis(100))?;
    }
    let producer: BaseProducer = producer(servers).create()?;
    let measured_from = micros() + u64::try_from(WARM_UP.as_micros())?;
    let began = Instant::now();
    let pause = Duration::from_secs(1) / u32::try_from(rate)?;
    let (mut sent, mut measured) = (0, 0);
    let mut took = Vec::with_capacity(count);
    let mut last = Instant::now();
    while sent < count || (took.len() < measured && last.elapsed() < WAIT) {
        while sent < count && began.elapsed() >= pause * u32::try_from(sent)? {
            let template = &templates[sent];
            let now = micros();
            let trace = format!("00-{now:032x}-{now:016x}-01");
            send(&producer, to, template.partition, &template.key, &template.value, Some(trace.as_bytes()));
            measured += usize::from(now >= measured_from);
            sent += 1;
            last = Instant::now();
        }
        producer.poll(Duration::ZERO);
        if let Some(message) = next(&consumer, Duration::from_millis(1))? {
            let trace = trace(&message).ok_or("a record without a trace")?;
            let then = u64::from_str_radix(str::from_utf8(trace.get(3..35).ok_or("a short trace")?)?, 16)?;
            if then >= measured_from {
                took.push(micros() - then);
            }
        }
    }
    took.sort_unstable();
    let at = |share: f64| {
        let index = (took.len() as f64 * share) as usize;
        took.get(index.min(took.len().saturating_sub(1))).map_or(f64::NAN, |&micros| micros as f64 / 1e3)
    };
    println!("{} {} {:.1} {:.1} {:.1}", took.len(), measured - took.len(), at(0.5), at(0.99), at(1.0));
    Ok(())
}

/// Since 1970.
fn micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
