//! What goes around a message on the log: CloudEvents headers, the trace, dead letters.

use hark_log::{Header, HeadersRef, Output, Record, Rejection};
use hark_schema::{
    Message as _,
    dead_letter::bounded,
    id::Id,
    v1::{DeadLetter, DeadLetterHeader},
};
use prost_types::Timestamp;

use super::{now_ms, topics::Topic};

/// Header that carries the trace (W3C Trace Context).
pub const TRACEPARENT: &str = "traceparent";
/// Counts how often a record has been tried; set when a dead letter is driven back.
pub const ATTEMPTS: &str = "hark-attempts";

/// Headers of a message for readers outside: the CloudEvents 1.0 Kafka binding in binary mode, and the trace.
pub fn headers(message: &str, source: &str, id: String, trace: Vec<u8>) -> Vec<Header> {
    vec![
        Header::new("ce_specversion", "1.0"),
        Header::new("ce_type", format!("hark.v1.{message}")),
        Header::new("ce_source", source.to_owned()),
        Header::new("ce_id", id),
        Header::new("content-type", "application/protobuf"),
        Header::new(TRACEPARENT, trace),
    ]
}

/// The trace of what a record brings about: its trace goes on with a span of this stage. Derived, not drawn, so that a
/// batch that comes again yields the same. Where the record has none, the mention_id is the trace.
pub fn trace(record: HeadersRef<'_>, mention_id: Id, stage: &str) -> Vec<u8> {
    let came = record.get(TRACEPARENT).unwrap_or_default();
    let own = mention_id.to_string();
    let trace_id = match str::from_utf8(came).map(|came| came.split('-').collect::<Vec<_>>()) {
        Ok(parts) if parts.len() == 4 && Id::from_hex(parts[1].as_bytes()).is_some() => parts[1].to_owned(),
        _ => own,
    };
    let span = Id::of(&[came, stage.as_bytes(), trace_id.as_bytes()]).to_string();
    format!("00-{trace_id}-{}-01", &span[..16]).into_bytes()
}

/// What makes a stage's dead letters.
#[derive(Clone, Debug)]
pub struct DeadLetters {
    /// Where they go.
    pub topic: Topic,
    /// `enrich` or `route`.
    pub stage: &'static str,
    /// The topic that the stage reads.
    pub origin: String,
    /// CloudEvents source.
    pub source: String,
    /// Revision of the configuration in force.
    pub config_revision: String,
}

impl DeadLetters {
    /// The dead letter of a record.
    pub fn write(&self, record: &Record<'_>, rejection: &Rejection) -> Output {
        let key = record.key.unwrap_or_default();
        let mention_id = Id::from_hex(key);
        let value = record.value.unwrap_or_default();
        let attempts =
            record.headers.get(ATTEMPTS).and_then(|value| str::from_utf8(value).ok()?.parse().ok());
        let letter = bounded(DeadLetter {
            stage: self.stage.to_owned(),
            topic: self.origin.clone(),
            partition: i32::try_from(record.partition).unwrap_or(i32::MAX),
            offset: record.offset,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: record
                .headers
                .iter()
                .map(|(key, value)| DeadLetterHeader { key: key.to_owned(), value: value.to_vec() })
                .collect(),
            class: rejection.class.to_owned(),
            error: rejection.error.clone(),
            attempts: attempts.unwrap_or(0_u32).saturating_add(1),
            config_revision: self.config_revision.clone(),
            mention_id: mention_id.map(|id| id.to_string()).unwrap_or_default(),
            value_length: value.len() as u64,
            value_blake3: blake3::hash(value).as_bytes().to_vec(),
            file: None,
            rejected_at: Some(timestamp(now_ms())),
        });
        let id = format!("{}-{}-{}", self.origin, record.partition, record.offset);
        let trace = trace(record.headers, mention_id.unwrap_or_else(|| Id::of(&[id.as_bytes()])), self.stage);
        Output {
            topic: self.topic.name.clone(),
            partition: self.topic.beside(record.partition),
            key: letter.key.clone().unwrap_or_default(),
            value: Some(letter.encode_to_vec()),
            headers: headers("DeadLetter", &self.source, id, trace),
            timestamp_ms: None,
        }
    }
}

/// From milliseconds since 1970.
pub fn timestamp(ms: i64) -> Timestamp {
    let nanos = i32::try_from(ms.rem_euclid(1000) * 1_000_000).unwrap_or_default();
    Timestamp { seconds: ms.div_euclid(1000), nanos }
}

/// To milliseconds since 1970.
pub fn millis(timestamp: &Timestamp) -> i64 {
    timestamp.seconds.saturating_mul(1000).saturating_add(i64::from(timestamp.nanos) / 1_000_000)
}
