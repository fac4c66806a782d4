//! What route does by what it remembers of threads and authors, on both logs: a thread in one batch, where the overlay
//! answers, and everything with a new worker for every post, where restored state does.

use std::collections::BTreeMap;

use hark_schema::{
    Message as _, id,
    v1::{Author, Item, ItemOp, Mention, Op, PostRef, RawPost, ThreadRef, Voice},
};

use super::{
    bench::{Bench, PARTITIONS, embedded, intents, kafka},
    route::route_by,
};

const ROUTING: &str = "
people: {anna: {}, olle: {}}
teams:
  sales: {pitches: true, members: [anna, olle]}
  support: {members: [anna, olle]}
  boss: {pitches: true}
  triage: {}
rules:
  - {name: buys, when: {intent: purchase}, to: sales, assign: members}
  - {name: angry, when: {intent: complaint}, to: support, assign: members}
  - {name: another, when: {intent: churn, thread: {open_item: true}}, to: triage, tags: [another is open]}
  - {name: told, when: {intent: suggestion}, to: triage, copy_to: boss}
default: {to: triage}
";

const DAY_S: i64 = 86_400;

/// The day on which the histories begin, counted from 1970: late enough that no broker's retention takes what they left.
fn first_day() -> i64 {
    crate::stages::now_ms() / 1_000 / DAY_S - 32
}

/// Day of hearing, operation, id, id of the thread's root, author, intent; and what its queues are to get for it.
type Step = ((i64, Op, &'static str, &'static str, &'static str, &'static str), &'static [&'static str]);

fn mention((day, op, native_id, root, author, intent): &(i64, Op, &str, &str, &str, &str)) -> Mention {
    let reference = PostRef {
        tenant: "test".to_owned(),
        source: "forum".to_owned(),
        native_id: (*native_id).to_owned(),
        ..PostRef::default()
    };
    let thread = ThreadRef { root: (*root).to_owned(), ..ThreadRef::default() };
    let author = Author { handle: (*author).to_owned(), ..Author::default() };
    Mention {
        mention_id: id::mention_id(&reference).to_string(),
        thread_id: id::thread_id(&reference, Some(&thread)).to_string(),
        op: (*op).into(),
        voice: Voice::Customer.into(),
        intents: intents(intent),
        post: (*op != Op::Delete).then(|| RawPost {
            r#ref: Some(reference),
            text: "words".to_owned(),
            thread: Some(thread),
            author: (!author.handle.is_empty()).then_some(author),
            observed_at: Some(prost_types::Timestamp { seconds: (first_day() + day) * DAY_S, nanos: 0 }),
            ..RawPost::default()
        }),
        ..Mention::default()
    }
}

/// Histories within one thread each.
fn threads() -> Vec<(&'static str, Vec<Step>)> {
    use Op::{Create, Delete, Edit};
    vec![
        (
            "a thread stays with whoever began it until a rule names another",
            vec![
                ((0, Create, "a1", "a1", "ann", "purchase"), &["sales open"]),
                ((1, Create, "a2", "a1", "bob", ""), &["sales open"]),
                // Asked again in the same thread: it goes on, and nothing may be offered.
                ((2, Create, "a3", "a1", "cid", "purchase"), &["sales open, stays_with_owner"]),
                ((3, Create, "a4", "a1", "ann", "complaint"), &["support open"]),
                ((4, Create, "a5", "a1", "bob", ""), &["support open"]),
            ],
        ),
        (
            "a post is not bound by what it brought about itself",
            vec![
                ((0, Create, "b1", "b1", "dan", "complaint"), &["support open"]),
                ((1, Create, "b2", "b1", "eve", ""), &["support open"]),
                ((2, Edit, "b1", "b1", "dan", ""), &["support cancel", "triage open"]),
                ((3, Create, "b3", "b1", "eve", ""), &["triage open"]),
            ],
        ),
        (
            "an edit of the newest leaves the one before it in force",
            vec![
                ((0, Create, "c1", "c1", "fay", "purchase"), &["sales open"]),
                ((1, Create, "c2", "c1", "gus", "complaint"), &["support open"]),
                ((2, Edit, "c2", "c1", "gus", ""), &["support cancel", "sales open"]),
                ((3, Create, "c3", "c1", "fay", ""), &["sales open"]),
            ],
        ),
        (
            "an edit that moves away and back is not held against itself",
            vec![
                ((0, Create, "d1", "d1", "hal", "purchase"), &["sales open"]),
                ((1, Edit, "d1", "d1", "hal", "purchase"), &["sales update"]),
                ((2, Edit, "d1", "d1", "hal", "complaint"), &["sales cancel", "support open"]),
                ((3, Edit, "d1", "d1", "hal", "purchase"), &["support cancel", "sales open"]),
                ((4, Delete, "d1", "d1", "", ""), &["sales cancel"]),
                // Restored at its source.
                ((5, Create, "d1", "d1", "hal", "purchase"), &["sales open"]),
            ],
        ),
        (
            "rules see whether another post of the thread has an open item",
            vec![
                ((0, Create, "e1", "e1", "ida", "churn"), &["triage open"]),
                ((1, Edit, "e1", "e1", "ida", "churn"), &["triage update"]),
                ((2, Create, "e2", "e1", "jon", "churn"), &["triage open, another is open"]),
                ((3, Delete, "e1", "e1", "", ""), &["triage cancel"]),
                ((4, Edit, "e2", "e1", "jon", "churn"), &["triage update"]),
                ((5, Delete, "e2", "e1", "", ""), &["triage cancel"]),
                ((6, Create, "e3", "e1", "ida", "churn"), &["triage open"]),
            ],
        ),
        (
            "a copy to a team that pitches needs the gate as well",
            vec![((0, Create, "f1", "f1", "kim", "suggestion"), &["triage open"])],
        ),
    ]
}

/// One author in several threads, and posts without an author.
fn authors() -> Vec<Step> {
    use Op::{Create, Edit};
    vec![
        ((0, Create, "m1", "m1", "Łuk", "purchase"), &["sales open"]),
        ((5, Create, "m2", "m2", "@luk", "purchase"), &["triage open"]),
        ((6, Edit, "m1", "m1", "Łuk", "purchase"), &["sales update"]),
        ((29, Create, "m3", "m3", "Łuk", "purchase"), &["triage open"]),
        ((30, Create, "m4", "m4", "Łuk", "purchase"), &["sales open"]),
        // Pitched before the other one was: it stays.
        ((31, Edit, "m1", "m1", "Łuk", "purchase"), &["sales update"]),
        ((31, Edit, "m2", "m2", "Łuk", "purchase"), &["triage update"]),
        ((31, Create, "n1", "n1", "", "purchase"), &["sales open"]),
        ((31, Create, "n2", "n2", "", "purchase"), &["sales open"]),
    ]
}

fn feed(bench: &Bench, steps: &[&Step]) {
    let timestamp_ms = |said: &(i64, _, _, _, _, _)| (first_day() + said.0) * DAY_S * 1_000;
    bench.feed_mentions(steps.iter().map(|(said, _)| (mention(said), Some(timestamp_ms(said)))));
}

/// What the queues hold, by mention and version: `sales open`, with the reason or tag that tells more.
fn queues(bench: &Bench) -> BTreeMap<String, Vec<(u64, Item)>> {
    let mut found: BTreeMap<String, Vec<(u64, Item)>> = BTreeMap::new();
    let partitions: Vec<u32> = (0..PARTITIONS).collect();
    for (_, topic) in bench.topics().queues() {
        let each = &mut |record: &hark_log::Record<'_>| {
            let item = Item::decode(record.value.unwrap()).unwrap();
            found.entry(item.mention_id.clone()).or_default().push((item.version, item));
        };
        bench.log.read_to_end(&topic.name, &partitions, each).unwrap();
    }
    for items in found.values_mut() {
        // A decision cancels before it opens.
        items.sort_by_key(|(version, item)| (*version, item.op() != ItemOp::Cancel));
    }
    found
}

fn words(item: &Item) -> String {
    let op = match item.op() {
        ItemOp::Open => "open",
        ItemOp::Update => "update",
        ItemOp::Cancel => "cancel",
        ItemOp::Unspecified => "unspecified",
    };
    let stays =
        item.gate.iter().flat_map(|gate| &gate.reasons).filter(|reason| *reason == "stays_with_owner");
    let asked = item.trace.as_ref().is_some_and(|trace| trace.rule == "buys");
    let more: Vec<&str> = stays.filter(|_| asked).chain(&item.tags).map(String::as_str).collect();
    let more = if more.is_empty() { String::new() } else { format!(", {}", more.join(", ")) };
    format!("{} {op}{more}", item.team)
}

fn check<'s>(bench: &Bench, what: &str, steps: impl IntoIterator<Item = &'s Step>) {
    let found = queues(bench);
    let mut expected: BTreeMap<String, (&str, Vec<&str>)> = BTreeMap::new();
    for (said, items) in steps {
        expected.entry(mention(said).mention_id).or_insert((said.2, Vec::new())).1.extend(*items);
    }
    for (mention_id, (native_id, expected)) in expected {
        let items = found.get(&mention_id).map(Vec::as_slice).unwrap_or_default();
        let got: Vec<String> = items.iter().map(|(_, item)| words(item)).collect();
        assert_eq!(got, expected, "{what}: {native_id}");
    }
}

fn each_thread_in_a_batch(bench: &Bench) {
    let threads = threads();
    let steps: Vec<&Step> = threads.iter().flat_map(|(_, steps)| steps).collect();
    feed(bench, &steps);
    route_by(bench, ROUTING);
    for (what, steps) in &threads {
        check(bench, what, steps);
    }
    // Whoever of a team took a thread keeps it.
    let mut keepers: BTreeMap<(String, String), String> = BTreeMap::new();
    for (_, item) in queues(bench).into_values().flatten().filter(|(_, item)| !item.person.is_empty()) {
        let keeper = keepers.entry((item.conversation_id, item.team)).or_insert_with(|| item.person.clone());
        assert_eq!(*keeper, item.person);
    }
}

fn each_post_by_a_new_worker(bench: &Bench) {
    let threads = threads();
    let authors = authors();
    let longest =
        threads.iter().map(|(_, steps)| steps.len()).chain([authors.len()]).max().unwrap_or_default();
    // Side by side, so that there are as few workers as steps.
    for step in 0..longest {
        let mut steps: Vec<&Step> = threads.iter().filter_map(|(_, steps)| steps.get(step)).collect();
        steps.extend(authors.get(step));
        feed(bench, &steps);
        route_by(bench, ROUTING);
    }
    for (what, steps) in &threads {
        check(bench, what, steps);
    }
    check(bench, "authors", &authors);
}

fn one_author_asks_in_many_threads_at_once(bench: &Bench) {
    const IDS: [&str; 12] = ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "p10", "p11"];
    let steps: Vec<Step> =
        IDS.iter().map(|id| ((0, Op::Create, *id, *id, "pia", "purchase"), &[][..])).collect();
    feed(bench, &steps.iter().collect::<Vec<_>>());
    route_by(bench, ROUTING);
    let teams: Vec<String> = queues(bench).into_values().flatten().map(|(_, item)| item.team).collect();
    let sales = teams.iter().filter(|team| *team == "sales").count();
    assert_eq!(
        (teams.len(), sales),
        (IDS.len(), 1),
        "the overlay of the batch tells the second one: {teams:?}"
    );
}

#[test]
fn threads_in_one_batch_on_the_embedded_log() {
    each_thread_in_a_batch(&embedded().1);
}

#[test]
fn threads_and_authors_post_by_post_on_the_embedded_log() {
    each_post_by_a_new_worker(&embedded().1);
}

#[test]
fn an_author_in_many_threads_on_the_embedded_log() {
    one_author_asks_in_many_threads_at_once(&embedded().1);
}

#[test]
fn threads_in_one_batch_on_kafka() {
    if let Some(bench) = kafka("threads") {
        each_thread_in_a_batch(&bench);
    }
}

#[test]
fn threads_and_authors_post_by_post_on_kafka() {
    if let Some(bench) = kafka("authors") {
        each_post_by_a_new_worker(&bench);
    }
}

#[test]
fn an_author_in_many_threads_on_kafka() {
    if let Some(bench) = kafka("author") {
        one_author_asks_in_many_threads_at_once(&bench);
    }
}
