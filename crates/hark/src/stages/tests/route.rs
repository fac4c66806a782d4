//! What route writes to queues when a mention comes, changes, moves and goes, on both logs.

use std::{sync::Arc, time::Duration};

use hark_log::{Output, SessionConfig, Worker};
use hark_rules::{Known, Router, Routing};
use hark_schema::{
    Message as _, id,
    v1::{Author, Item, ItemOp, ItemState, Mention, Op, PostRef, RawPost, ThreadState},
};
use tokio_util::sync::CancellationToken;

use super::bench::{Bench, PARTITIONS, embedded, intents, kafka};
use crate::stages::{
    Feed,
    envelope::DeadLetters,
    memory::InThread,
    route::{self, Route, contacts_table, table},
};

const ROUTING: &str = "
teams: {sales: {}, support: {}, boss: {}, triage: {}}
rules:
  - {name: many listen, when: {author_followers: {min: 1000}}, continue: true, copy_to: boss, priority: 1}
  - {name: junk, when: {intent: spam}, drop: spam}
  - {name: buys, when: {intent: purchase}, to: sales}
  - {name: angry, when: {intent: complaint}, to: support, tags: [angry]}
default: {to: triage}
";

/// Operation, intent, followers.
type Said = (Op, &'static str, u64);

fn mention((op, intent, followers): Said) -> Mention {
    let post = RawPost {
        r#ref: Some(PostRef { tenant: "test".to_owned(), native_id: "1".to_owned(), ..PostRef::default() }),
        text: "words".to_owned(),
        author: Some(Author { followers: Some(followers), ..Author::default() }),
        ..RawPost::default()
    };
    let mention_id = id::mention_id(post.r#ref.as_ref().unwrap()).to_string();
    Mention {
        thread_id: mention_id.clone(),
        mention_id,
        op: op.into(),
        post: (op != Op::Delete).then_some(post),
        intents: intents(intent),
        ..Mention::default()
    }
}

fn feed(bench: &Bench, history: &[Said]) {
    bench.feed_mentions(history.iter().map(|said| (mention(*said), None)));
}

fn route(bench: &Bench) {
    route_by(bench, ROUTING);
}

/// Works off what is there by a routing.
pub(super) fn route_by(bench: &Bench, routing: &str) {
    let topics = bench.topics();
    let [input, items, threads] = ["mentions", "items", "threads"].map(|name| topics.get(name).unwrap().name);
    let routing = Routing::from_yaml(routing).unwrap();
    let stage = Route {
        router: Arc::new(Router::new(&routing, &Known::default()).unwrap()),
        queues: topics.queues().map(|(team, topic)| (team.to_owned(), topic)).collect(),
        dead_letters: DeadLetters {
            topic: topics.get("dead-letters").unwrap(),
            stage: "route",
            origin: input.to_string(),
            source: "/hark/test/route".to_owned(),
            config_revision: "test".to_owned(),
        },
        ce_source: "/hark/test/route".to_owned(),
        config_revision: "test".to_owned(),
        changes: Default::default(),
        telemetry: None,
        feed: Feed::default(),
        observed: Vec::new(),
        refused: Vec::new(),
    };
    let lifetime = Duration::from_secs(35 * 86_400);
    let tables = vec![table(items.clone(), lifetime), table(threads.clone(), lifetime)];
    let shared = vec![contacts_table(topics.get("contacts").unwrap(), lifetime)];
    let name = format!("{}-route-0", bench.prefix);
    Worker { stage, tables, shared, once: true, log: &*bench.log }
        .run(SessionConfig {
            group: format!("{}-route", bench.prefix),
            input,
            tables: vec![items, threads],
            transactional_id: name.clone(),
            instance: Some(name),
            shutdown: CancellationToken::new(),
        })
        .unwrap();
}

/// What a team sees on its queue: `open v1 p3`, in order.
fn queue(bench: &Bench, team: &str) -> Vec<String> {
    let topic = bench.topics().get(&format!("queue.{team}")).unwrap();
    let mut seen = Vec::new();
    let partitions: Vec<u32> = (0..PARTITIONS).collect();
    bench
        .log
        .read_to_end(&topic.name, &partitions, &mut |record| {
            let item = Item::decode(record.value.unwrap()).unwrap();
            assert_eq!(item.item_id.as_bytes(), record.key.unwrap(), "the key is the item's id");
            let ce_id = format!("{}-{}", item.item_id, item.version);
            assert_eq!(record.headers.get("ce_id"), Some(ce_id.as_bytes()));
            assert_eq!(item.team, team);
            let copy = if item.copy { " copy" } else { "" };
            let word = match item.op() {
                ItemOp::Open => "open",
                ItemOp::Update => "update",
                ItemOp::Cancel => {
                    assert_eq!((item.mention, item.priority), (None, 0), "a cancel carries no content");
                    seen.push(format!("cancel v{}{copy}", item.version));
                    return;
                }
                ItemOp::Unspecified => "nothing",
            };
            seen.push(format!("{word} v{} p{}{copy}", item.version, item.priority));
        })
        .unwrap();
    seen
}

const HISTORY: [Said; 8] = [
    (Op::Create, "purchase", 10),
    (Op::Edit, "purchase", 2_000),
    (Op::Edit, "complaint", 2_000),
    (Op::Edit, "purchase", 10),
    (Op::Delete, "", 0),
    (Op::Create, "", 10),
    (Op::Edit, "spam", 10),
    (Op::Delete, "", 0),
];

fn a_mention_that_moves(bench: &Bench) {
    for said in HISTORY {
        feed(bench, &[said]);
    }
    route(bench);
    check(bench);
}

/// Versions count all decisions about the mention, over all queues; after a cancel only a higher version opens again.
fn check(bench: &Bench) {
    assert_eq!(queue(bench, "sales"), ["open v1 p3", "update v2 p1", "cancel v3", "open v4 p3", "cancel v5"]);
    assert_eq!(queue(bench, "support"), ["open v3 p1", "cancel v4"]);
    assert_eq!(queue(bench, "boss"), ["open v2 p1 copy", "update v3 p1 copy", "cancel v4 copy"]);
    assert_eq!(queue(bench, "triage"), ["open v6 p3", "cancel v7"]);
}

#[test]
fn a_mention_that_moves_and_goes_is_followed_on_the_embedded_log() {
    a_mention_that_moves(&embedded().1);
}

#[test]
fn a_mention_that_moves_and_goes_is_followed_on_kafka() {
    if let Some(bench) = kafka("moves") {
        a_mention_that_moves(&bench);
    }
}

#[test]
fn a_mention_that_moves_and_goes_is_followed_across_restarts() {
    let (_folder, bench) = embedded();
    for said in HISTORY {
        feed(&bench, &[said]);
        route(&bench);
    }
    check(&bench);
}

/// Most posts are alone in their thread, and each partition that a transaction touches costs a request.
#[test]
fn a_post_alone_in_its_thread_is_remembered_by_its_item_alone() {
    let (_folder, bench) = embedded();
    for said in &HISTORY[..4] {
        feed(&bench, &[*said]);
    }
    route(&bench);
    let entries = |topic: &str| {
        let topic = bench.topics().get(topic).unwrap();
        let partitions: Vec<u32> = (0..PARTITIONS).collect();
        let mut entries = 0;
        bench.log.read_to_end(&topic.name, &partitions, &mut |_| entries += 1).unwrap();
        entries
    };
    assert_eq!((entries("items"), entries("threads")), (1, 0), "one batch");
}

#[test]
fn what_is_no_mention_becomes_a_dead_letter_and_the_next_one_is_routed() {
    let (_folder, bench) = embedded();
    let topic = bench.topics().get("mentions").unwrap();
    let broken = Output {
        topic: topic.name,
        partition: 0,
        key: b"no id".to_vec(),
        value: Some(b"junk".to_vec()),
        headers: Vec::new(),
        timestamp_ms: None,
    };
    bench.log.producer("feeder").unwrap().commit(&[broken]).unwrap();
    feed(&bench, &HISTORY[..1]);
    route(&bench);
    assert_eq!(queue(&bench, "sales"), ["open v1 p3"]);
    let mut letters = 0;
    let dead = bench.topics().get("dead-letters").unwrap();
    bench.log.read_to_end(&dead.name, &[0, 1, 2], &mut |_| letters += 1).unwrap();
    assert_eq!(letters, 1);
}

#[test]
fn an_edit_puts_no_deadline_off_while_the_item_stays_with_its_team() {
    let routing = Routing::from_yaml(
        "teams: {support: {}, sales: {}, triage: {}}
rules:
  - {name: angry, when: {intent: complaint}, to: support, respond_within: {time: 60m, clock: wall}}
  - {name: crisis, when: {intent: outrage}, to: support, respond_within: {time: 10m, clock: wall}}
  - {name: buys, when: {intent: purchase}, to: sales, respond_within: {time: 60m, clock: wall}}
  - {name: asks, when: {intent: question}, to: sales}
default: {to: triage}",
    );
    let router = Router::new(&routing.unwrap(), &Known::default()).unwrap();
    let mut item = ItemState::default();
    let mut dues = Vec::new();
    for (minute, intent) in [
        (0, "complaint"),
        (5, "complaint"),
        (6, "outrage"),
        (7, "complaint"),
        (8, "purchase"),
        (9, "question"),
        (10, ""),
    ] {
        let mention = mention((Op::Edit, intent, 1));
        let post = RawPost {
            observed_at: Some(prost_types::Timestamp { seconds: 60 * minute, nanos: 0 }),
            ..mention.post.clone().unwrap()
        };
        let id: id::Id = mention.mention_id.parse().unwrap();
        let in_thread = InThread { mention_id: id, thread_id: id };
        let thread = ThreadState::default();
        let known = route::Known { item: &item, thread: &thread, contact: None, now_ms: 60_000 * minute };
        let step = route::step(&router, in_thread, &mention, &post, &known);
        let said = step.decision.trace.notes.iter().any(|note| note.contains("as before"));
        dues.push((step.item.respond_by_ms / 60_000, said));
        item = step.item;
    }
    // Sooner where it became graver, anew with another team, as before where the rule says nothing, none where none answers.
    assert_eq!(dues, [(60, false), (60, true), (16, false), (16, true), (68, false), (68, true), (0, false)]);
}
