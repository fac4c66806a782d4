//! Enrich: from a post to a mention, if it concerns the company.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::Arc,
    time::Duration,
};

use hark_log::{Effects, Outcome, Output, Record, Rejection, Stage, TableSpec, worker::WorkerEvent};
use hark_schema::{
    Message as _,
    id::{Id, thread_id},
    splice::{self, Glance, MENTION_POST, POST_REF},
    v1::{self, DeleteReason, Mention, Op, RawPost, Seen, Span, Voice},
};
use hark_text::{Analysis, Analyzer, Input, Match, Matcher, Scratch};

use super::{
    Feed,
    envelope::{self, DeadLetters},
    now_ms,
    seen::{Said, Step, decide},
    topics::Topic,
};
use crate::{demo::Event, telemetry::worker::WorkerTelemetry};

/// Index of the only table.
const SEEN: usize = 0;
/// Deletions of posts that never were mentions are forgotten after this.
const UNKNOWN_DELETE_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// The stage.
pub struct Enrich {
    pub mentions: Topic,
    pub dead_letters: DeadLetters,
    pub matcher: Arc<Matcher>,
    pub analyzer: Arc<Analyzer>,
    /// Sources whose posts are all kept.
    pub owned: HashSet<String>,
    pub voices: Voices,
    pub ce_source: String,
    pub config_revision: String,
    pub telemetry: Option<WorkerTelemetry>,
    pub feed: Feed,
    pub scratch: Working,
}

/// Space that is used again for each record.
#[derive(Default)]
pub struct Working {
    text: Scratch,
    in_text: Vec<Match>,
    in_title: Vec<Match>,
}

/// Accounts that are no customers, by their folded handle.
#[derive(Clone, Debug, Default)]
pub struct Voices(HashMap<String, Voice>);

impl Voices {
    /// From handles as they are written in the configuration, with or without `@`.
    pub fn new<'a>(handles: impl IntoIterator<Item = (&'a str, Voice)>) -> Self {
        Self(handles.into_iter().map(|(handle, voice)| (fold_handle(handle), voice)).collect())
    }

    fn of(&self, author: Option<&v1::Author>) -> Voice {
        let handle = author.map(|author| fold_handle(&author.handle)).filter(|handle| !handle.is_empty());
        handle.and_then(|handle| self.0.get(&handle).copied()).unwrap_or(Voice::Customer)
    }
}

fn fold_handle(handle: &str) -> String {
    hark_text::fold(handle.trim().trim_start_matches('@'))
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
            WorkerEvent::Aborted
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
                if let Some(seen) = seen {
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
            splice::wrap(&mention, MENTION_POST, value)
        };
        let thread_key = thread_id.to_string();
        effects.emit(Output {
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
        });
        Ok(Outcome::Emitted)
    }

    /// Where subjects stand in title and text; whether the post is kept.
    fn find(&mut self, post: &Glance<'_>) -> bool {
        let Working { text, in_text, in_title } = &mut self.scratch;
        in_text.clear();
        in_title.clear();
        if !post.title.is_empty() {
            self.matcher.find(post.title, text, in_title);
        }
        self.matcher.find(post.text, text, in_text);
        !in_text.is_empty() || !in_title.is_empty() || self.owned.contains(post.source)
    }

    fn analyse(&mut self, mention_id: Id, thread_id: Id, op: Op, post: &RawPost) -> Mention {
        let Working { text: scratch, in_text, in_title } = &mut self.scratch;
        let analysis = self.analyzer.analyze(
            &Input {
                text: &post.text,
                title: &post.title,
                lang_hint: (!post.lang.is_empty()).then_some(&*post.lang),
                rating: post.rating,
                matches: in_text,
            },
            scratch,
        );
        let Analysis { language, language_confidence, sentiment, intents, entities, story, toward } =
            analysis;
        let titled = in_title.iter().map(|found| wire_match(&self.matcher, found, &post.title, None, true));
        let toward = toward.into_iter().chain(std::iter::repeat(None));
        let texted = in_text
            .iter()
            .zip(toward)
            .map(|(found, toward)| wire_match(&self.matcher, found, &post.text, toward, false));
        let author = post.author.as_ref();
        let views = post.engagement.as_ref().and_then(|engagement| engagement.views);
        Mention {
            post: None,
            mention_id: mention_id.to_string(),
            thread_id: thread_id.to_string(),
            op: op.into(),
            delete_reason: DeleteReason::Unspecified.into(),
            matches: titled.chain(texted).collect(),
            language: language.to_owned(),
            language_confidence,
            sentiment: Some(wire_sentiment(sentiment)),
            intents: intents
                .into_iter()
                .map(|intent| v1::Intent {
                    name: intent.name.name().to_owned(),
                    confidence: intent.confidence,
                    evidence: intent.evidence.into_iter().map(span).collect(),
                })
                .collect(),
            entities: entities
                .into_iter()
                .map(|entity| v1::Entity {
                    kind: entity.kind.to_owned(),
                    text: post.text.get(entity.range.clone()).unwrap_or_default().to_owned(),
                    span: Some(span(entity.range)),
                })
                .collect(),
            reach: author.and_then(|author| author.followers).max(views),
            voice: self.voices.of(author).into(),
            story,
            model_revision: self.analyzer.revision().to_owned(),
            config_revision: self.config_revision.clone(),
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

fn span(range: Range<usize>) -> Span {
    // A text has at most 64 KiB.
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span { start: offset(range.start), end: offset(range.end) }
}

fn wire_sentiment(sentiment: hark_text::Sentiment) -> v1::Sentiment {
    let label = match sentiment.label {
        hark_text::SentimentLabel::Negative => v1::SentimentLabel::Negative,
        hark_text::SentimentLabel::Neutral => v1::SentimentLabel::Neutral,
        hark_text::SentimentLabel::Positive => v1::SentimentLabel::Positive,
    };
    v1::Sentiment {
        label: label.into(),
        score: sentiment.score,
        confidence: sentiment.confidence,
        evidence: sentiment.evidence.into_iter().map(span).collect(),
    }
}

fn wire_match(
    matcher: &Matcher,
    found: &Match,
    text: &str,
    toward: Option<hark_text::Sentiment>,
    in_title: bool,
) -> v1::Match {
    let subject = matcher.subject(found.subject);
    let kind = match subject.kind {
        hark_text::SubjectKind::Own => v1::SubjectKind::Own,
        hark_text::SubjectKind::Product => v1::SubjectKind::Product,
        hark_text::SubjectKind::Competitor => v1::SubjectKind::Competitor,
        hark_text::SubjectKind::Person => v1::SubjectKind::Person,
        hark_text::SubjectKind::Place => v1::SubjectKind::Place,
        hark_text::SubjectKind::Topic => v1::SubjectKind::Topic,
    };
    v1::Match {
        subject: subject.name.clone(),
        kind: kind.into(),
        span: Some(span(found.start..found.end)),
        form: text.get(found.start..found.end).unwrap_or_default().to_owned(),
        term: matcher.term(found).text.clone(),
        sentiment: toward.map(wire_sentiment),
        in_title,
    }
}
