//! What a bare rdkafka client does on this machine, as the measure for `scripts/bench`: no stage, no state, no decoding.
//!
//! `bare consume SERVERS TOPIC` reads a topic once as a `read_committed` consumer; `bare copy SERVERS TOPIC OUTPUT BYTES` reads it in a
//! transactional loop that writes a record of so many bytes for each. Both print `RECORDS SECONDS`.

#![allow(clippy::print_stdout, missing_docs)]

use std::{
    env,
    error::Error,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    producer::{BaseProducer, BaseRecord, Producer as _},
};

const WAIT: Duration = Duration::from_secs(10);
const BATCH: usize = 10_000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["consume", servers, topic] => consume(servers, topic),
        ["copy", servers, topic, output, bytes] => copy(servers, topic, output, bytes.parse()?),
        _ => Err("bare consume SERVERS TOPIC | bare copy SERVERS TOPIC OUTPUT BYTES".into()),
    }
}

fn consumer(servers: &str, topic: &str) -> Result<(BaseConsumer, i64), Box<dyn Error>> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("group.id", format!("bare-{}", std::process::id()))
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("fetch.wait.max.ms", "10")
        .set("enable.partition.eof", "true")
        .create()?;
    let metadata = consumer.fetch_metadata(Some(topic), WAIT)?;
    let mut list = TopicPartitionList::new();
    let mut end = 0;
    for partition in metadata.topics()[0].partitions() {
        list.add_partition_offset(topic, partition.id(), Offset::Beginning)?;
        end += consumer.fetch_watermarks(topic, partition.id(), WAIT)?.1;
    }
    consumer.assign(&list)?;
    Ok((consumer, end))
}

/// Offsets read so far, control records included.
fn position(consumer: &BaseConsumer) -> Result<i64, Box<dyn Error>> {
    Ok(consumer
        .position()?
        .elements()
        .iter()
        .filter_map(|element| element.offset().to_raw())
        .map(|raw| raw.max(0))
        .sum())
}

fn consume(servers: &str, topic: &str) -> Result<(), Box<dyn Error>> {
    let (consumer, end) = consumer(servers, topic)?;
    let mut records = 0_u64;
    let mut bytes = 0;
    let mut began = None;
    loop {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                began.get_or_insert_with(Instant::now);
                bytes += message.payload().map_or(0, <[u8]>::len);
                records += 1;
            }
            Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) | None => {
                if position(&consumer)? >= end {
                    break;
                }
            }
            Some(Err(error)) => return Err(error.into()),
        }
    }
    let seconds = began.map_or(0.0, |began| began.elapsed().as_secs_f64());
    println!("{records} {seconds:.3} {bytes}");
    Ok(())
}

fn copy(servers: &str, topic: &str, output: &str, bytes: usize) -> Result<(), Box<dyn Error>> {
    let (consumer, end) = consumer(servers, topic)?;
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("transactional.id", format!("bare-{}", std::process::id()))
        .set("linger.ms", "2")
        .set("compression.type", "lz4")
        .set("batch.num.messages", "10000")
        .set("delivery.report.only.error", "true")
        .create()?;
    producer.init_transactions(WAIT)?;
    let value: Vec<u8> = (0..bytes).map(|n| b'a' + u8::try_from(n * 7 % 26).unwrap_or_default()).collect();
    let mut records = 0_u64;
    let mut began = None;
    let mut done = false;
    while !done {
        let mut batch = Vec::with_capacity(BATCH);
        while batch.len() < BATCH {
            match consumer.poll(Duration::from_millis(2)) {
                Some(Ok(message)) => {
                    began.get_or_insert_with(Instant::now);
                    batch.push((message.partition(), message.key().unwrap_or_default().to_vec()));
                }
                Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) | None => {
                    done = position(&consumer)? >= end;
                    break;
                }
                Some(Err(error)) => return Err(error.into()),
            }
        }
        if batch.is_empty() {
            continue;
        }
        records += batch.len() as u64;
        producer.begin_transaction()?;
        for (partition, key) in &batch {
            let mut record = BaseRecord::to(output).partition(*partition).key(key).payload(&value);
            while let Err((_, back)) = producer.send(record) {
                producer.poll(Duration::from_micros(500));
                record = back;
            }
        }
        while producer.in_flight_count() > 0 {
            producer.poll(Duration::from_micros(500));
        }
        producer.commit_transaction(WAIT)?;
    }
    let seconds = began.map_or(0.0, |began| began.elapsed().as_secs_f64());
    println!("{records} {seconds:.3}");
    Ok(())
}
