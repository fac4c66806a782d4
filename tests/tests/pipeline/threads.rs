//! Threads, the gate and moves between teams, with kill -9 in between: what route remembers is neither lost nor doubled.

use std::collections::BTreeMap;

use hark_log::Output;
use hark_schema::{
    Message as _,
    id::{mention_id, thread_id},
    partition,
    v1::{Author, Intent, Item, ItemOp, Mention, Op, PostRef, RawPost, ThreadRef, Voice},
};
use hark_tests::deadline::wait_until;

use crate::scene::{DEADLINE, Scene};

/// Threads that live the same life, so that a kill finds some before it, some after it and some in the middle.
const THREADS: usize = 1_500;
const KILLS: u64 = 3;

const RULES: &str = "
sources: [{name: forum, kind: file, path: 'posts/*.jsonl'}]
subjects: [{name: aurora, kind: own, terms: [Aurora Motors]}]
teams: {sales: {pitches: true}, support: {}, triage: {}}
rules:
  - {name: buys, when: {intent: purchase}, to: sales}
  - {name: angry, when: {intent: complaint}, to: support}
default: {to: triage}
";

fn mention(op: Op, native_id: &str, root: &str, author: &str, intent: &str) -> Mention {
    let reference = PostRef {
        tenant: "aurora".to_owned(),
        source: "forum".to_owned(),
        native_id: native_id.to_owned(),
        ..PostRef::default()
    };
    let thread = ThreadRef { root: root.to_owned(), ..ThreadRef::default() };
    let intents = match intent {
        "" => Vec::new(),
        name => vec![Intent { name: name.to_owned(), confidence: 0.9, evidence: Vec::new() }],
    };
    let now = std::time::SystemTime::now().into();
    let post = RawPost {
        r#ref: Some(reference.clone()),
        text: "words".to_owned(),
        thread: Some(thread.clone()),
        author: Some(Author { handle: author.to_owned(), ..Author::default() }),
        observed_at: Some(now),
        ..RawPost::default()
    };
    Mention {
        mention_id: mention_id(&reference).to_string(),
        thread_id: thread_id(&reference, Some(&thread)).to_string(),
        op: op.into(),
        voice: Voice::Customer.into(),
        intents,
        post: (op != Op::Delete).then_some(post),
        ..Mention::default()
    }
}

/// The life of thread `n`, and two threads by one author who asks in both.
fn life(n: usize) -> Vec<Mention> {
    let (root, reply) = (format!("p-{n}"), format!("p-{n}-reply"));
    let (asker, other, twice) = (format!("asker-{n}"), format!("other-{n}"), format!("twice-{n}"));
    vec![
        mention(Op::Create, &root, &root, &asker, "purchase"),
        mention(Op::Create, &reply, &root, &other, ""),
        mention(Op::Edit, &root, &root, &asker, "complaint"),
        mention(Op::Edit, &root, &root, &asker, "purchase"),
        mention(Op::Delete, &reply, &root, "", ""),
        mention(Op::Create, &format!("q-{n}"), &format!("q-{n}"), &twice, "purchase"),
        mention(Op::Create, &format!("r-{n}"), &format!("r-{n}"), &twice, "purchase"),
    ]
}

const OF_ROOT: [&str; 5] =
    ["sales open v1", "sales cancel v2", "support open v2", "support cancel v3", "sales open v3"];
const OF_REPLY: [&str; 2] = ["sales open v1", "sales cancel v2"];

fn words((version, item): &(u64, Item)) -> String {
    let op = match item.op() {
        ItemOp::Open => "open",
        ItemOp::Update => "update",
        ItemOp::Cancel => "cancel",
        ItemOp::Unspecified => "unspecified",
    };
    format!("{} {op} v{version}", item.team)
}

fn threads_and_moves_survive_kills(scene: &Scene) {
    let configuration = scene.configuration();
    let log = configuration.lines().find_map(|line| line.strip_prefix("log: {")?.strip_suffix('}')).unwrap();
    scene.configure(log, RULES);
    if !scene.is_on_kafka() {
        scene.run(&["up", "--once"]);
    }
    let partitions = scene.partitions("mentions");
    let mentions: Vec<Mention> = (0..THREADS).flat_map(life).collect();
    let all = mentions.len() as u64;
    let outputs: Vec<Output> = mentions
        .iter()
        .map(|mention| Output {
            topic: scene.topic("mentions").into(),
            partition: partition::of_key(mention.thread_id.as_bytes(), partitions),
            key: mention.mention_id.clone().into_bytes(),
            value: Some(mention.encode_to_vec()),
            headers: Vec::new(),
            timestamp_ms: None,
        })
        .collect();
    let share = outputs.len() / 4;
    let mut rest = &outputs[..];
    for _ in 0..KILLS {
        // A part at a time, so that every worker finds something, whatever the size of its batches.
        let (part, later) = rest.split_at(share);
        rest = later;
        scene.write(part);
        let before = scene.counts("route").total();
        let worker = scene.worker("route", "r");
        wait_until("route gets on", DEADLINE, || scene.counts("route").total() > before);
        worker.kill();
    }
    scene.write(rest);
    scene.run(&["route", "--once", "--instance", "r"]);

    assert_eq!(scene.counts("route").total(), all, "each mention has one outcome");
    let mut found: BTreeMap<String, Vec<(u64, Item)>> = BTreeMap::new();
    for team in ["sales", "support", "triage"] {
        for value in scene.values(&format!("queue.{team}")) {
            let item = Item::decode(&*value).unwrap();
            found.entry(item.mention_id.clone()).or_default().push((item.version, item));
        }
    }
    for items in found.values_mut() {
        items.sort_by_key(|(version, item)| (*version, item.op() != ItemOp::Cancel));
    }
    let of = |mention: &Mention| -> Vec<String> {
        found.get(&mention.mention_id).into_iter().flatten().map(words).collect()
    };
    for n in 0..THREADS {
        let life = life(n);
        assert_eq!(of(&life[0]), OF_ROOT, "thread {n}");
        assert_eq!(of(&life[1]), OF_REPLY, "the reply in thread {n}");
        let mut twice = [of(&life[5]), of(&life[6])].concat();
        twice.sort();
        assert_eq!(twice, ["sales open v1", "triage open v1"], "author {n} is offered something once");
    }
}

#[test]
fn threads_and_moves_survive_kills_on_the_embedded_log() {
    threads_and_moves_survive_kills(&Scene::embedded());
}

#[test]
fn threads_and_moves_survive_kills_on_kafka() {
    if let Some(scene) = Scene::kafka("threads_and_moves") {
        threads_and_moves_survive_kills(&scene);
    }
}

/// On Kafka as well where a batch has both, which the order of its fetches decides.
#[test]
fn an_answer_that_comes_with_what_it_answers_goes_where_that_went() {
    const PAIRS: usize = 100;
    let scene = Scene::embedded();
    scene.configure("data: hark-data", RULES);
    let pair = |n| {
        format!(
            r#"{{"id": "root-{n}", "text": "Aurora Motors has lost my keys."}}
{{"id": "answer-{n}", "text": "Aurora Motors is number {n} by the station", "thread": {{"root": "root-{n}"}}}}
{{"id": "told-{n}", "text": "Aurora Motors is on the {n} bus line", "created_at": "2026-03-02T10:00:00Z"}}
{{"id": "angry-{n}", "text": "Aurora Motors has lost my keys.", "thread": {{"root": "told-{n}"}}, "created_at": "2026-03-02T10:01:00Z"}}
{{"id": "after-{n}", "text": "Aurora Motors is number {n} by the station", "thread": {{"root": "told-{n}"}}, "created_at": "2026-03-02T10:02:00Z"}}
"#
        )
    };
    std::fs::write(scene.path("posts/all.jsonl"), (0..PAIRS).map(pair).collect::<String>()).unwrap();
    scene.work_off();
    assert_eq!(scene.values("queue.triage").len(), PAIRS, "and no answer that nobody has");
    assert_eq!(scene.values("queue.support").len(), 4 * PAIRS, "what was written after the complaint too");
}
