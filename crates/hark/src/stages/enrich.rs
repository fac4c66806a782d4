//! Enrich: from a post to a mention, if it concerns the company.

use std::{collections::HashSet, sync::Arc, time::Duration};

use hark_log::{Effects, Outcome, Output, Record, Rejection, Stage, TableSpec, worker::WorkerEvent};
use hark_schema::{
    Message as _,
    id::{Id, thread_id},
    splice::{self, Glance, MENTION_POST, POST_REF},
    v1::{DeleteReason, Mention, Op, RawPost, Seen},
};

use super::{
    Feed,
    envelope::{self, DeadLetters},
    in_force::Changes,
    now_ms,
    seen::{Said, Step, decide},
    topics::Topic,
};
use crate::{
    demo::Event,
    judge::{Judge, Working},
    telemetry::worker::WorkerTelemetry,
};

/// Index of the only table.
const SEEN: usize = 0;
/// Deletions of posts that never were mentions are forgotten after this.
const UNKNOWN_DELETE_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// The stage.
pub struct Enrich {
    pub mentions: Topic,
    pub dead_letters: DeadLetters,
    pub judge: Judge,
    /// Sources whose posts are all kept.
    pub owned: HashSet<String>,
    pub ce_source: String,
    pub config_revision: String,
    pub changes: Changes,
    pub telemetry: Option<WorkerTelemetry>,
    pub feed: Feed,
    pub scratch: Working,
}

/// The table of seen posts.
pub fn seen_table(topic: Arc<str>, retention: Duration) -> TableSpec {
    let lifetime = move |value: &[u8]| {
        let unknown = Seen::decode(value).is_ok_and(|seen| seen.unknown);
        if unknown { UNKNOWN_DELETE_LIFETIME } else { retention }
    };
    TableSpec { topic, lifetime: Arc::new(lifetime) }
}

impl Stage for Enrich {
    fn begin(&mut self) {
        let Some(next) = self.changes.newest() else { return };
        let Some(judge) = &next.judge else { return };
        self.judge = judge.clone();
        self.owned = next.owned_sources();
        self.config_revision = next.config.revision.clone();
        self.dead_letters.config_revision = next.config.revision.clone();
    }

    fn process(&mut self, record: &Record<'_>, effects: &mut Effects<'_>) -> Outcome {
        let outcome = self
            .enrich(record, effects)
            .unwrap_or_else(|error| Outcome::Rejected(Rejection { class: "undecodable", error }));
        let Self { feed, .. } = self;
        match &outcome {
            Outcome::Emitted => {}
            Outcome::Dropped(reason) => feed.push(|| Event::dropped_post(record.value?, reason)),
            Outcome::Rejected(rejection) => {
                feed.push(|| Some(Event::Rejected { class: rejection.class.to_owned() }))
            }
        }
        outcome
    }

    fn dead_letter(&mut self, record: &Record<'_>, rejection: &Rejection) -> Output {
        self.dead_letters.write(record, rejection)
    }

    fn observe(&mut self, event: WorkerEvent<'_>) {
        match event {
            WorkerEvent::Committed(_) => self.feed.tell(),
            WorkerEvent::Aborted { .. }
            | WorkerEvent::Refused
            | WorkerEvent::Rebuilding
            | WorkerEvent::Assignment { .. } => {
                self.feed.forget();
            }
            WorkerEvent::Restored { .. } | WorkerEvent::Lag { .. } => {}
        }
        if let Some(telemetry) = &mut self.telemetry {
            telemetry.observe(&event, now_ms());
        }
    }
}

impl Enrich {
    fn enrich(&mut self, record: &Record<'_>, effects: &mut Effects<'_>) -> Result<Outcome, String> {
        let key = record.key.unwrap_or_default();
        let value = record.value.ok_or("a post without a value")?;
        let mention_id = Id::from_hex(key).ok_or("the key is no mention_id")?;
        let glance = Glance::of(value).map_err(|error| error.to_string())?;
        let op = Op::try_from(glance.op).unwrap_or(Op::Unspecified);
        let known = match effects.get(SEEN, key) {
            Some((value, _)) => {
                Some(Seen::decode(value).map_err(|error| format!("state of the post: {error}"))?)
            }
            None => None,
        };
        let matches = op != Op::Delete && self.find(&glance);
        if known.is_none() && !matches && op != Op::Delete {
            // Most posts end here, looked at and never decoded.
            return Ok(Outcome::Dropped("no_match"));
        }
        let post = RawPost::decode(value).map_err(|error| error.to_string())?;
        let said = Said { op, revision: post.revision, fingerprint: fingerprint(&post), matches };
        let (op, mut seen, withdrawn) = match decide(known.as_ref(), said) {
            Step::Emit(op, seen) => (op, seen, false),
            Step::Withdraw(seen) => (Op::Delete, seen, true),
            Step::Drop(reason, seen) => {
                if let Some(mut seen) = seen {
                    if !seen.unknown {
                        final_thread_id(mention_id, &post, known.as_ref(), &mut seen)?;
                    }
                    effects.put(SEEN, key, Some(seen.encode_to_vec()));
                }
                return Ok(Outcome::Dropped(reason));
            }
        };
        let thread_id = final_thread_id(mention_id, &post, known.as_ref(), &mut seen)?;
        effects.put(SEEN, key, Some(seen.encode_to_vec()));

        let mention = match op {
            Op::Delete => ended(mention_id, thread_id, withdrawn, &self.config_revision),
            _ => self.analyse(mention_id, thread_id, op, &post),
        };
        let mention = if withdrawn {
            // The new text is none of our business: only the reference goes on.
            let reference =
                splice::field(value, POST_REF).map_err(|error| error.to_string())?.unwrap_or_default();
            splice::wrap(&mention, MENTION_POST, &splice::wrap(&RawPost::default(), POST_REF, reference))
        } else {
            let post = self.judge.passed_on(value).map_err(|error| error.to_string())?;
            splice::wrap(&mention, MENTION_POST, &post)
        };
        let thread_key = thread_id.to_string();
        let output = Output {
            topic: self.mentions.name.clone(),
            partition: self.mentions.partition_of(thread_key.as_bytes()),
            key: key.to_vec(),
            value: Some(mention),
            headers: envelope::headers(
                "Mention",
                &self.ce_source,
                format!("{mention_id}-{}", record.offset),
                envelope::trace(record.headers, mention_id, "enrich"),
            ),
            timestamp_ms: None,
        };
        if known.is_none() {
            // What it answers may have come in the same heap and be read after it, from another partition.
            let begins = thread_id == mention_id;
            let written = post.created_at.as_ref().or(post.observed_at.as_ref());
            effects.emit_early(
                output,
                if begins { i64::MIN } else { written.map_or(i64::MAX, envelope::millis) },
            );
        } else {
            effects.emit(output);
        }
        Ok(Outcome::Emitted)
    }

    /// Whether the post is kept: it names a subject, or its source keeps all.
    fn find(&mut self, post: &Glance<'_>) -> bool {
        self.judge.find(post.title, post.text, &mut self.scratch) || self.owned.contains(post.source)
    }

    fn analyse(&mut self, mention_id: Id, thread_id: Id, op: Op, post: &RawPost) -> Mention {
        Mention {
            mention_id: mention_id.to_string(),
            thread_id: thread_id.to_string(),
            op: op.into(),
            ..self.judge.mention(post, &mut self.scratch)
        }
    }
}

/// The thread that a post belongs to for good: the first one stored for it (DESIGN, Identity and state).
fn final_thread_id(
    mention_id: Id,
    post: &RawPost,
    known: Option<&Seen>,
    seen: &mut Seen,
) -> Result<Id, String> {
    let stored = known.filter(|known| !known.unknown);
    let thread_id = match stored {
        Some(known) => Id::from_bytes(&known.thread_id).unwrap_or(mention_id),
        None => {
            let reference = post.r#ref.as_ref().ok_or("a post without a reference")?;
            thread_id(reference, post.thread.as_ref())
        }
    };
    seen.thread_id = if thread_id == mention_id { Vec::new() } else { thread_id.as_bytes().to_vec() };
    Ok(thread_id)
}

fn ended(mention_id: Id, thread_id: Id, withdrawn: bool, config_revision: &str) -> Mention {
    let reason = if withdrawn { DeleteReason::NoLongerMatches } else { DeleteReason::Deleted };
    Mention {
        mention_id: mention_id.to_string(),
        thread_id: thread_id.to_string(),
        op: Op::Delete.into(),
        delete_reason: reason.into(),
        config_revision: config_revision.to_owned(),
        ..Mention::default()
    }
}

/// What makes two versions of a post the same.
fn fingerprint(post: &RawPost) -> u64 {
    let rating = post.rating.map(|rating| rating.to_string()).unwrap_or_default();
    let visibility = post.visibility.to_string();
    hark_text::fingerprint(&[&post.text, &post.title, &rating, &visibility])
}
