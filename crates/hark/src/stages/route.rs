//! Route: from a mention to the queue of the team that can act.

use std::{collections::HashMap, sync::Arc, time::Duration};

use hark_log::{
    Effects, Outcome, Output, Record, Rejection, SharedTableSpec, Stage, TableSpec, worker::WorkerEvent,
};
use hark_rules::{Decision, Facts, Router};
use hark_schema::{
    Message as _,
    id::{Id, item_id},
    splice::{self, ITEM_MENTION},
    v1::{Item, ItemOp, ItemPlace, ItemState, ItemStatus, Mention, Op, Pitch, RawPost, ThreadState},
};
use jiff::Timestamp;

use super::{
    Feed,
    envelope::{self, DeadLetters},
    in_force::Changes,
    memory::{self, InThread, contact_key},
    now_ms,
    topics::Topic,
};
use crate::{
    demo::Event,
    telemetry::{record, worker::WorkerTelemetry},
};

/// Indices of the tables: those of the record's partition, then the shared one.
const ITEMS: usize = 0;
const THREADS: usize = 1;
const CONTACTS: usize = 2;

/// A thread whose state stays the same is written anew after so long, so that it lives as long as its items.
const THREAD_REFRESH_MS: i64 = 24 * 3600 * 1000;

/// The stage.
pub struct Route {
    pub router: Arc<Router>,
    /// By team; those of teams that the configuration no longer has too, as long as their topic is there.
    pub queues: HashMap<String, Topic>,
    pub dead_letters: DeadLetters,
    pub ce_source: String,
    pub config_revision: String,
    pub changes: Changes,
    pub telemetry: Option<WorkerTelemetry>,
    pub feed: Feed,
    /// When the posts of the batch's items were observed, milliseconds since 1970.
    pub observed: Vec<i64>,
    /// Reasons for which the gate refused something to mentions of the batch.
    pub refused: Vec<&'static str>,
}

/// A table of items or threads.
pub fn table(topic: Arc<str>, retention: Duration) -> TableSpec {
    TableSpec { topic, lifetime: Arc::new(move |_| retention) }
}

/// The table of people who were offered something, which every worker of route holds whole.
pub fn contacts_table(topic: Topic, retention: Duration) -> SharedTableSpec {
    let table = table(topic.name.clone(), retention);
    SharedTableSpec { table, partition_of: Arc::new(move |key| topic.partition_of(key)) }
}

/// A mention's place on a queue: the work, or a copy for information.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    team: String,
    copy: bool,
}

impl Stage for Route {
    fn begin(&mut self) {
        let Some(next) = self.changes.newest() else { return };
        let Ok(router) = next.config.router() else { return };
        self.router = router;
        self.queues = next.queues();
        self.config_revision = next.config.revision.clone();
        self.dead_letters.config_revision = next.config.revision.clone();
    }

    fn process(&mut self, record: &Record<'_>, effects: &mut Effects<'_>) -> Outcome {
        match self.route(record, effects) {
            Ok(outcome) => outcome,
            Err(error) => {
                self.feed.push(|| Some(Event::Rejected { class: "undecodable".to_owned() }));
                Outcome::Rejected(Rejection { class: "undecodable", error })
            }
        }
    }

    fn dead_letter(&mut self, record: &Record<'_>, rejection: &Rejection) -> Output {
        self.dead_letters.write(record, rejection)
    }

    fn observe(&mut self, event: WorkerEvent<'_>) {
        match event {
            WorkerEvent::Committed(_) => {
                let now_ms = now_ms();
                for observed_ms in self.observed.drain(..) {
                    record::item_committed(observed_ms, now_ms);
                }
                for reason in self.refused.drain(..) {
                    record::gate_refused(reason);
                }
                self.feed.tell();
            }
            WorkerEvent::Aborted { .. }
            | WorkerEvent::Refused
            | WorkerEvent::Rebuilding
            | WorkerEvent::Assignment { .. } => {
                self.observed.clear();
                self.refused.clear();
                self.feed.forget();
            }
            WorkerEvent::Restored { .. } | WorkerEvent::Lag { .. } => {}
        }
        if let Some(telemetry) = &mut self.telemetry {
            telemetry.observe(&event, now_ms());
        }
    }
}

impl Route {
    fn route(&mut self, record: &Record<'_>, effects: &mut Effects<'_>) -> Result<Outcome, String> {
        let key = record.key.unwrap_or_default();
        let value = record.value.ok_or("a mention without a value")?;
        let mention_id = Id::from_hex(key).ok_or("the key is no mention_id")?;
        let mut mention = Mention::decode(value).map_err(|error| error.to_string())?;
        let thread_id: Id = mention.thread_id.parse().map_err(|error| format!("thread_id: {error}"))?;
        let post = mention.post.take().unwrap_or_default();
        let known = match effects.get(ITEMS, key) {
            Some((value, _)) => {
                ItemState::decode(value).map_err(|error| format!("state of the item: {error}"))?
            }
            None => ItemState::default(),
        };
        let in_thread = InThread { mention_id, thread_id };
        let thread = Thread::read(in_thread, &known, effects)?;
        let open = open_places(&known);
        let work = Work { record, mention_id, thread_id, version: known.version + 1 };

        if mention.op() == Op::Delete {
            if open.is_empty() {
                self.feed.push(|| Event::dropped_mention(value, "no_item"));
                return Ok(Outcome::Dropped("no_item"));
            }
            let outputs =
                open.iter().map(|place| self.cancel(&work, place)).collect::<Result<Vec<_>, _>>()?;
            let (next, followed) = forget(in_thread, &known, &thread.state);
            thread.write(&followed, &next, effects);
            return Ok(self.emit(effects, &work, outputs, &next, &post));
        }

        let router = self.router.clone();
        let contact_key = contact_key(&post);
        let contact = read_contact(contact_key.as_deref(), effects)?;
        let known = Known {
            item: &known,
            thread: &thread.state,
            contact: contact.as_ref(),
            now_ms: effects.now_ms(),
        };
        let Step { decision, places, item: next, thread: followed, pitch } =
            step(&router, in_thread, &mention, &post, &known);
        self.refused.extend(&decision.refused);
        let mut outputs = Vec::with_capacity(open.len() + places.len());
        for place in open.iter().filter(|place| !places.contains(place)) {
            outputs.push(self.cancel(&work, place)?);
        }
        for place in &places {
            let op = if open.contains(place) { ItemOp::Update } else { ItemOp::Open };
            outputs.push(self.item(&work, place, op, &decision, value)?);
        }
        if let Some(reason) = decision.drop_reason {
            self.feed.push(|| Event::dropped_mention(value, reason));
            if !open.is_empty() {
                thread.write(&followed, &next, effects);
                self.emit(effects, &work, outputs, &next, &post);
            }
            return Ok(Outcome::Dropped("dropped_by_rule"));
        }
        thread.write(&followed, &next, effects);
        if let Some((key, pitch)) = contact_key.zip(pitch) {
            effects.put(CONTACTS, key.as_bytes(), Some(pitch.encode_to_vec()));
        }
        Ok(self.emit(effects, &work, outputs, &next, &post))
    }

    fn emit(
        &mut self,
        effects: &mut Effects<'_>,
        work: &Work<'_>,
        outputs: Vec<Output>,
        state: &ItemState,
        post: &RawPost,
    ) -> Outcome {
        self.feed.push(|| Event::decided(outputs.iter().filter_map(|output| output.value.as_deref())));
        for output in outputs {
            effects.emit(output);
        }
        effects.put(ITEMS, work.record.key.unwrap_or_default(), Some(state.encode_to_vec()));
        if !post.provenance.as_ref().is_some_and(|provenance| provenance.backfill) {
            self.observed.extend(post.observed_at.as_ref().map(envelope::millis));
        }
        Outcome::Emitted
    }

    fn cancel(&self, work: &Work<'_>, place: &Place) -> Result<Output, String> {
        let item = Item { op: ItemOp::Cancel.into(), ..self.frame(work, place) };
        self.output(work, place, &item, item.encode_to_vec())
    }

    fn item(
        &self,
        work: &Work<'_>,
        place: &Place,
        op: ItemOp,
        decision: &Decision<'_>,
        mention: &[u8],
    ) -> Result<Output, String> {
        let item = Item {
            op: op.into(),
            person: if place.copy { String::new() } else { decision.person.clone().unwrap_or_default() },
            priority: decision.priority,
            respond_by: decision.respond_by_ms.filter(|_| !place.copy).map(envelope::timestamp),
            tags: decision.tags.clone(),
            gate: Some(decision.gate.clone()),
            trace: Some(decision.trace.clone()),
            ..self.frame(work, place)
        };
        self.output(work, place, &item, splice::wrap(&item, ITEM_MENTION, mention))
    }

    /// What every item has, a cancelled one too.
    fn frame(&self, work: &Work<'_>, place: &Place) -> Item {
        Item {
            item_id: item_id(work.mention_id, &place.team, place.copy).to_string(),
            conversation_id: work.thread_id.to_string(),
            version: work.version,
            team: place.team.clone(),
            copy: place.copy,
            mention_id: work.mention_id.to_string(),
            config_revision: self.config_revision.clone(),
            ..Item::default()
        }
    }

    fn output(&self, work: &Work<'_>, place: &Place, item: &Item, value: Vec<u8>) -> Result<Output, String> {
        let queue = self
            .queues
            .get(&place.team)
            .ok_or_else(|| format!("there is no queue of team {}", place.team))?;
        Ok(Output {
            topic: queue.name.clone(),
            partition: queue.partition_of(item.conversation_id.as_bytes()),
            key: item.item_id.clone().into_bytes(),
            value: Some(value),
            headers: envelope::headers(
                "Item",
                &self.ce_source,
                format!("{}-{}", item.item_id, item.version),
                envelope::trace(work.record.headers, work.mention_id, "route"),
            ),
            timestamp_ms: None,
        })
    }
}

/// What is remembered of a mention, its thread and its author.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    pub item: &'a ItemState,
    pub thread: &'a ThreadState,
    pub contact: Option<&'a Pitch>,
    /// The time to go by where the post does not say when it was heard, in milliseconds since 1970.
    pub now_ms: i64,
}

/// What becomes of a mention that is there, and what is to be remembered of it.
pub struct Step<'r> {
    pub decision: Decision<'r>,
    places: Vec<Place>,
    pub item: ItemState,
    pub thread: ThreadState,
    /// Something is offered that was not before.
    pub pitch: Option<Pitch>,
}

/// Decides by the rules and by what is remembered. Pure: a replay comes to the same.
pub fn step<'r>(
    router: &'r Router,
    in_thread: InThread,
    mention: &Mention,
    post: &RawPost,
    known: &Known<'_>,
) -> Step<'r> {
    let memory = memory::recall(in_thread, known.item, known.thread, known.contact, known.now_ms);
    let mut decision = router.decide(&Facts::new(mention, post).remembering(&memory));
    keep_deadline(known.item, &mut decision);
    let (open, places) = (open_places(known.item), places(&decision));
    let mut item = state(known.item, known.item.version + 1, Some(&decision));
    let opens_pitch = places.iter().any(|place| !open.contains(place) && router.pitches(&place.team));
    let pitch = opens_pitch.then(|| Pitch {
        mention_id: in_thread.mention_id.as_bytes().to_vec(),
        at_ms: post.observed_at.as_ref().map_or(known.now_ms, envelope::millis),
    });
    item.pitched |= opens_pitch;
    let thread = memory::follow(in_thread, known.thread, known.item, &item, Some(&decision), pitch.as_ref());
    Step { decision, places, item, thread, pitch }
}

/// What is remembered of a mention that was deleted, and of its thread.
pub fn forget(in_thread: InThread, item: &ItemState, thread: &ThreadState) -> (ItemState, ThreadState) {
    let next = state(item, item.version + 1, None);
    let followed = memory::follow(in_thread, thread, item, &next, None, None);
    (next, followed)
}

/// Whether a mention is on any queue.
pub fn is_open(known: &ItemState) -> bool {
    !open_places(known).is_empty()
}

/// A thread as it is remembered: where the item of the post that began it says all of it, it has no entry of its own.
struct Thread {
    key: String,
    state: ThreadState,
    /// When its entry was last written, in milliseconds since 1970.
    written_ms: Option<i64>,
    /// The mention began it.
    begun_here: bool,
}

impl Thread {
    /// The thread of a mention, whose own item is `known`.
    fn read(in_thread: InThread, known: &ItemState, effects: &Effects<'_>) -> Result<Self, String> {
        let key = in_thread.thread_id.to_string();
        let begun_here = in_thread.mention_id == in_thread.thread_id;
        let (state, written_ms) = match effects.get(THREADS, key.as_bytes()) {
            Some((value, written_ms)) => {
                let state =
                    ThreadState::decode(value).map_err(|error| format!("state of the thread: {error}"))?;
                (state, Some(written_ms))
            }
            None if begun_here => (memory::begun_by(known), None),
            None => {
                let first = effects.get(ITEMS, key.as_bytes()).map(|(value, _)| ItemState::decode(value));
                let first = first.transpose().map_err(|error| format!("state of the item: {error}"))?;
                (first.as_ref().map(memory::begun_by).unwrap_or_default(), None)
            }
        };
        Ok(Self { key, state, written_ms, begun_here })
    }

    /// What it is after the mention's item became `item`.
    fn write(&self, next: &ThreadState, item: &ItemState, effects: &mut Effects<'_>) {
        let said = match self.written_ms {
            Some(written_ms) => *next == self.state && effects.now_ms() - written_ms < THREAD_REFRESH_MS,
            None if self.begun_here => *next == memory::begun_by(item),
            None => *next == self.state,
        };
        if !said {
            effects.put(THREADS, self.key.as_bytes(), Some(next.encode_to_vec()));
        }
    }
}

fn read_contact(key: Option<&str>, effects: &Effects<'_>) -> Result<Option<Pitch>, String> {
    let Some((value, _)) = key.and_then(|key| effects.get(CONTACTS, key.as_bytes())) else { return Ok(None) };
    Pitch::decode(value).map(Some).map_err(|error| format!("state of the author: {error}"))
}

/// The decision about one mention.
struct Work<'a> {
    record: &'a Record<'a>,
    mention_id: Id,
    thread_id: Id,
    version: u64,
}

/// An edit does not put off when somebody who waits is to be answered, as long as the item stays with its team.
fn keep_deadline(known: &ItemState, decision: &mut Decision<'_>) {
    let waits = known
        .item
        .as_ref()
        .is_some_and(|item| item.status() == ItemStatus::Open && Some(item.team.as_str()) == decision.team);
    let put_off = decision.respond_by_ms.is_none_or(|due| known.respond_by_ms < due);
    if waits && known.respond_by_ms != 0 && put_off {
        decision.respond_by_ms = Some(known.respond_by_ms);
        if let Ok(at) = Timestamp::from_millisecond(known.respond_by_ms) {
            decision.trace.notes.push(format!("due {at:.0} as before: an edit puts nothing off"));
        }
    }
}

fn open_places(known: &ItemState) -> Vec<Place> {
    let place = |place: &ItemPlace, copy| Place { team: place.team.clone(), copy };
    let is_open = |place: &&ItemPlace| place.status() == ItemStatus::Open;
    let work = known.item.iter().filter(is_open).map(|work| place(work, false));
    work.chain(known.copies.iter().filter(is_open).map(|copy| place(copy, true))).collect()
}

fn places(decision: &Decision<'_>) -> Vec<Place> {
    let work = decision.team.map(|team| Place { team: team.to_owned(), copy: false });
    let copies = decision.copies.iter().map(|&team| Place { team: team.to_owned(), copy: true });
    work.into_iter().chain(copies).collect()
}

/// What is remembered after a decision; without one everything is cancelled where it was.
fn state(known: &ItemState, version: u64, decision: Option<&Decision<'_>>) -> ItemState {
    let cancelled = |place: &ItemPlace| ItemPlace { status: ItemStatus::Cancelled.into(), ..place.clone() };
    let Some(decision) = decision.filter(|decision| decision.team.is_some()) else {
        let copies = Vec::new();
        let item = known.item.as_ref().map(cancelled);
        return ItemState { version, item, copies, respond_by_ms: 0, pitched: known.pitched };
    };
    let open = |team: &str, person: String| ItemPlace {
        team: team.to_owned(),
        person,
        status: ItemStatus::Open.into(),
    };
    ItemState {
        version,
        item: decision.team.map(|team| open(team, decision.person.clone().unwrap_or_default())),
        copies: decision.copies.iter().map(|team| open(team, String::new())).collect(),
        respond_by_ms: decision.respond_by_ms.unwrap_or_default(),
        pitched: known.pitched,
    }
}
