//! From a checked post, or from one that was refused, to the record that is written.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use hark_log::{Header, Output};
use hark_schema::{
    Message as _,
    dead_letter::bounded,
    id::{Id, mention_id},
    partition::Topic,
    v1::{DeadLetter, FileOrigin, Op, PostRef, Provenance, RawPost},
};
use jiff::Timestamp;

use crate::{PostInput, Reason};

/// Largest document that is kept beside its post with `keep_payload`; a post without needless white space is far smaller, and the
/// item it may become has to fit into a record.
pub const MAX_PAYLOAD_BYTES: usize = 256 * 1024;

/// The topics that ingest writes to.
#[derive(Clone, Debug)]
pub struct IngestTopics {
    /// `<prefix>.posts`
    pub posts: Topic,
    /// `<prefix>.cursors`
    pub cursors: Topic,
    /// `<prefix>.dead-letters`
    pub dead_letters: Topic,
}

/// What a source's records have in common.
#[derive(Clone, Debug)]
pub struct SourceContext {
    /// The configuration's `tenant`.
    pub tenant: Arc<str>,
    /// Name of the source in the configuration.
    pub source: Arc<str>,
    /// The kind of source: `file`, `webhook`, ...
    pub connector: &'static str,
    /// Version of the hark binary.
    pub version: Arc<str>,
    /// Whether the source's own document is kept in `RawPost.payload`.
    pub keep_payload: bool,
    /// Whether its posts are marked as read from an archive (`Provenance.backfill`).
    pub backfill: bool,
    /// Revision of the configuration, for dead letters.
    pub config_revision: Arc<str>,
    /// Where to write.
    pub topics: IngestTopics,
    /// What this source did; moves after commit.
    pub counts: Arc<SourceCounts>,
}

/// What a source did since the process started; the binary turns it into metrics.
#[derive(Debug, Default)]
pub struct SourceCounts {
    accepted: AtomicU64,
    rejected: [AtomicU64; Reason::ALL.len()],
    restarts: AtomicU64,
    polls: [AtomicU64; PollResult::ALL.len()],
    gaps: AtomicU64,
}

/// How a poll of a feed ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollResult {
    /// There was something new.
    New,
    /// There was nothing new, or the server asked for patience.
    Unchanged,
    /// No page, or one that is no feed.
    Failed,
}

impl PollResult {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::New, Self::Unchanged, Self::Failed];

    /// As it is written in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Unchanged => "unchanged",
            Self::Failed => "failed",
        }
    }
}

impl SourceCounts {
    /// Posts committed.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Posts refused for that reason: dead letters of a file, errors answered by a webhook.
    #[must_use]
    pub fn rejected(&self, reason: Reason) -> u64 {
        self.rejected[reason as usize].load(Ordering::Relaxed)
    }

    /// Times a file was found truncated or rewritten and read anew.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// Polls of a feed that ended so.
    #[must_use]
    pub fn polls(&self, result: PollResult) -> u64 {
        self.polls[result as usize].load(Ordering::Relaxed)
    }

    /// Times that a feed's page held nothing that was known: entries may have come and gone unseen.
    #[must_use]
    pub fn gaps(&self) -> u64 {
        self.gaps.load(Ordering::Relaxed)
    }

    pub(crate) fn add_poll(&self, result: PollResult) {
        self.polls[result as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn add_gap(&self) {
        self.gaps.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn add_accepted(&self, posts: u64) {
        self.accepted.fetch_add(posts, Ordering::Relaxed);
    }

    pub(crate) fn add_rejected(&self, reason: Reason, posts: u64) {
        self.rejected[reason as usize].fetch_add(posts, Ordering::Relaxed);
    }

    pub(crate) fn add_restart(&self) {
        self.restarts.fetch_add(1, Ordering::Relaxed);
    }
}

/// The record of a post for `<prefix>.posts`: key mention_id in hexadecimal, and a `traceparent` whose trace id is the mention_id.
#[must_use]
pub fn to_output(input: PostInput, context: &SourceContext, observed_at: Timestamp) -> Output {
    to_output_from(input, context, "", observed_at)
}

/// As [`to_output`]; `query` is the path or query that found the post.
pub(crate) fn to_output_from(
    input: PostInput,
    context: &SourceContext,
    query: &str,
    observed_at: Timestamp,
) -> Output {
    let raw = to_raw_post(input, context, query, observed_at);
    let id = raw.r#ref.as_ref().map_or_else(|| Id::of(&[]), mention_id);
    let key = id.to_string().into_bytes();
    Output {
        topic: context.topics.posts.name.clone(),
        partition: context.topics.posts.partition_of(&key),
        key,
        value: Some(raw.encode_to_vec()),
        headers: vec![traceparent(id)],
        timestamp_ms: None,
    }
}

fn to_raw_post(input: PostInput, context: &SourceContext, query: &str, observed_at: Timestamp) -> RawPost {
    let reference = post_ref(context, input.instance.clone(), input.id.clone());
    let provenance = Provenance {
        connector: context.connector.to_owned(),
        version: context.version.to_string(),
        query: query.to_owned(),
        backfill: context.backfill,
    };
    raw_post(input, reference, provenance, Some(observed_at))
}

/// The post as it goes on the log.
#[must_use]
pub fn raw_post(
    input: PostInput,
    reference: PostRef,
    provenance: Provenance,
    observed_at: Option<Timestamp>,
) -> RawPost {
    let bare = RawPost {
        r#ref: Some(reference),
        op: input.op.into(),
        revision: input.revision,
        observed_at: observed_at.map(wire_time),
        provenance: Some(provenance),
        ..RawPost::default()
    };
    if input.op == Op::Delete {
        // The content is gone at its source, and must not come back by way of us.
        return bare;
    }
    RawPost {
        text: input.text,
        title: input.title,
        lang: input.lang,
        url: input.url,
        author: input.author,
        thread: input.thread,
        rating: input.rating,
        place: input.place,
        visibility: input.visibility.into(),
        created_at: input.created_at.map(wire_time),
        engagement: input.engagement,
        media_urls: input.media_urls,
        payload: input.payload,
        ..bare
    }
}

fn post_ref(context: &SourceContext, instance: String, native_id: String) -> PostRef {
    PostRef { tenant: context.tenant.to_string(), source: context.source.to_string(), instance, native_id }
}

/// The mention_id that a post of this source has.
pub(crate) fn id_of(context: &SourceContext, instance: &str, native_id: &str) -> Id {
    mention_id(&post_ref(context, instance.to_owned(), native_id.to_owned()))
}

fn wire_time(time: Timestamp) -> prost_types::Timestamp {
    // Before 1970 both parts are negative in jiff, while the wire wants nanoseconds counted upwards; no such time gets here.
    prost_types::Timestamp { seconds: time.as_second(), nanos: time.subsec_nanosecond().max(0) }
}

/// W3C `traceparent`: all that happens to a post is one trace, found from its mention_id alone.
fn traceparent(trace: Id) -> Header {
    let span = Id::of(&[trace.as_bytes(), b"ingest"]).to_string();
    Header::new("traceparent", format!("00-{trace}-{}-01", &span[..16]))
}

/// A line that could not become a post, ready to be kept.
pub(crate) struct DeadLine<'a> {
    /// The line, or its beginning.
    pub head: &'a [u8],
    /// Bytes of the whole line.
    pub length: u64,
    /// Of the whole line.
    pub blake3: blake3::Hash,
    pub reason: Reason,
    /// What is wrong, in words.
    pub error: String,
    /// Where the line's text can be read that far.
    pub mention_id: Option<Id>,
    pub origin: FileOrigin,
}

/// The record of a refused line for `<prefix>.dead-letters`, with the headers of a CloudEvent.
pub(crate) fn dead_letter(line: DeadLine<'_>, context: &SourceContext, rejected_at: Timestamp) -> Output {
    let id = Id::of(&[
        context.tenant.as_bytes(),
        context.source.as_bytes(),
        line.origin.path.as_bytes(),
        &line.origin.offset.to_le_bytes(),
        line.blake3.as_bytes(),
    ]);
    let trace = line.mention_id.unwrap_or(id);
    let key = trace.to_string().into_bytes();
    let letter = bounded(DeadLetter {
        stage: "ingest".to_owned(),
        value: Some(line.head.to_vec()),
        class: line.reason.as_str().to_owned(),
        error: line.error,
        attempts: 1,
        config_revision: context.config_revision.to_string(),
        mention_id: line.mention_id.map(|id| id.to_string()).unwrap_or_default(),
        value_length: line.length,
        value_blake3: line.blake3.as_bytes().to_vec(),
        file: Some(line.origin),
        rejected_at: Some(wire_time(rejected_at)),
        ..DeadLetter::default()
    });
    Output {
        topic: context.topics.dead_letters.name.clone(),
        partition: context.topics.dead_letters.partition_of(&key),
        key,
        value: Some(letter.encode_to_vec()),
        headers: vec![
            Header::new("ce_specversion", "1.0"),
            Header::new("ce_id", id.to_string()),
            Header::new("ce_source", format!("/hark/{}/ingest", context.tenant)),
            Header::new("ce_type", "hark.v1.DeadLetter"),
            Header::new("ce_time", rejected_at.to_string()),
            Header::new("content-type", "application/protobuf"),
            traceparent(trace),
        ],
        timestamp_ms: None,
    }
}
