//! Fills a log with invented mentions, as enrich would have written them over seven days, for `scripts/bench replay`.
//!
//! Usage: `mentions NUMBER PREFIX embedded FOLDER` or `mentions NUMBER PREFIX kafka HOST:PORT`. The topic must be there on
//! Kafka; on the embedded log it is made, with 12 partitions.

use std::{
    error::Error,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use hark_log::{
    Cleanup, Log, Output, TopicSpec,
    embedded::{EmbeddedLog, Options},
    kafka::{KafkaConfig, KafkaLog},
};
use hark_schema::{
    Message as _,
    id::mention_id,
    partition,
    prost_types::Timestamp,
    v1::{
        Author, Intent, Match, Mention, Op, PostRef, Provenance, RawPost, Sentiment, SentimentLabel, Span,
        SubjectKind, Voice,
    },
};

const WORDS: [&str; 24] = [
    "the", "car", "train", "today", "morning", "coffee", "phone", "delay", "city", "weather", "bank",
    "order", "people", "never", "again", "very", "nice", "parcel", "summer", "winter", "road", "meeting",
    "friend", "green",
];
const INTENTS: [&str; 8] =
    ["purchase", "complaint", "question", "praise", "suggestion", "churn", "outrage", ""];
const SUBJECTS: [(&str, SubjectKind); 4] = [
    ("aurora", SubjectKind::Own),
    ("garage", SubjectKind::Topic),
    ("borealis", SubjectKind::Competitor),
    ("breeze", SubjectKind::Product),
];
const SPREAD: Duration = Duration::from_secs(7 * 24 * 3600 - 3600);
const PER_COMMIT: u64 = 5_000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [number, prefix, kind, place] = &*arguments else { return Err("see the top of the source".into()) };
    let number: u64 = number.parse()?;
    let topic = format!("{prefix}.mentions");
    let log: Box<dyn Log> = match kind.as_str() {
        "embedded" => {
            let log = EmbeddedLog::open(Path::new(place), Options::default())?;
            log.create_topics(&[TopicSpec {
                name: topic.clone(),
                partitions: 12,
                replication: None,
                cleanup: Cleanup::CompactDelete,
                retention: Some(Duration::from_secs(30 * 24 * 3600)),
            }])?;
            Box::new(log)
        }
        "kafka" => Box::new(KafkaLog::open(KafkaConfig {
            bootstrap_servers: place.clone(),
            topic_prefix: prefix.clone(),
            properties: Vec::new(),
        })?),
        other => return Err(format!("no log of the kind {other}").into()),
    };
    let partitions =
        log.topics()?.into_iter().find(|found| found.name == topic).ok_or("the topic is missing")?.partitions;
    let now_ms = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let begin_ms = now_ms - u64::try_from(SPREAD.as_millis())?;
    let step_ms = u64::try_from(SPREAD.as_millis())? / number.max(1);
    let mut producer = log.producer(&format!("{prefix}-bench"))?;
    let mut random = Random(7);
    for chunk in 0..number.div_ceil(PER_COMMIT) {
        let numbers = chunk * PER_COMMIT..number.min((chunk + 1) * PER_COMMIT);
        let outputs: Vec<Output> = numbers
            .map(|n| {
                let at_ms = i64::try_from(begin_ms + n * step_ms).unwrap_or_default();
                let mention = mention(n, at_ms, &mut random);
                Output {
                    topic: topic.as_str().into(),
                    partition: partition::of_key(mention.thread_id.as_bytes(), partitions),
                    key: mention.mention_id.clone().into_bytes(),
                    value: Some(mention.encode_to_vec()),
                    headers: Vec::new(),
                    timestamp_ms: Some(at_ms),
                }
            })
            .collect();
        producer.commit(&outputs)?;
    }
    Ok(())
}

/// One in three answers a post that came shortly before.
fn mention(n: u64, at_ms: i64, random: &mut Random) -> Mention {
    let reference = |n: u64| PostRef {
        tenant: "bench".to_owned(),
        source: ["forum", "social", "reviews"][n as usize % 3].to_owned(),
        instance: String::new(),
        native_id: n.to_string(),
    };
    let own = mention_id(&reference(n)).to_string();
    let thread = if n > 100 && random.below(3) == 0 { n - 1 - random.below(100) } else { n };
    let (subject, kind) = SUBJECTS[random.below(4) as usize];
    let mut text = format!("{subject} ");
    for _ in 0..30 {
        text.push_str(WORDS[random.below(24) as usize]);
        text.push(' ');
    }
    let at = Timestamp { seconds: at_ms.div_euclid(1000), nanos: 0 };
    let intent = INTENTS[random.below(8) as usize];
    let confidence = 0.5 + random.below(50) as f32 / 100.0;
    let post = RawPost {
        r#ref: Some(reference(n)),
        op: Op::Create.into(),
        text,
        lang: "en".to_owned(),
        url: format!("https://forum.example/t/{n}"),
        author: Some(Author {
            handle: format!("@user{}", random.below(200_000)),
            followers: Some(random.below(9_000)),
            ..Author::default()
        }),
        place: ["", "Leeds", "Gliwice", "Torino"][random.below(4) as usize].to_owned(),
        observed_at: Some(at),
        provenance: Some(Provenance { connector: "webhook".to_owned(), ..Provenance::default() }),
        ..RawPost::default()
    };
    let label = [SentimentLabel::Negative, SentimentLabel::Neutral, SentimentLabel::Positive]
        [random.below(3) as usize];
    Mention {
        post: Some(post),
        mention_id: own,
        thread_id: mention_id(&reference(thread)).to_string(),
        op: Op::Create.into(),
        matches: vec![Match {
            subject: subject.to_owned(),
            kind: kind.into(),
            span: Some(Span { start: 0, end: u32::try_from(subject.len()).unwrap_or_default() }),
            form: subject.to_owned(),
            term: subject.to_owned(),
            ..Match::default()
        }],
        language: "en".to_owned(),
        language_confidence: 0.99,
        sentiment: Some(Sentiment { label: label.into(), score: 0.1, confidence: 0.9, evidence: Vec::new() }),
        intents: if intent.is_empty() {
            Vec::new()
        } else {
            vec![Intent { name: intent.to_owned(), confidence, evidence: vec![Span { start: 3, end: 9 }] }]
        },
        voice: Voice::Customer.into(),
        story: random.next(),
        model_revision: "bench".to_owned(),
        config_revision: "bench".to_owned(),
        ..Mention::default()
    }
}

/// The same numbers in every run (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}
