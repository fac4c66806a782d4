//! The table of DESIGN, every cell, on both logs: in one batch, where the overlay answers, and with a restart after every post,
//! where restored state does.

use std::{collections::BTreeMap, path::Path, time::Duration};

use hark_log::{
    Effects, Outcome, Output, Record, Rejection, SessionConfig, Stage, Worker, worker::WorkerEvent,
};
use hark_schema::{
    Message as _, id,
    v1::{DeleteReason, Mention, Op, PostRef, RawPost, ThreadRef},
};
use tokio_util::sync::CancellationToken;

use super::bench::{Bench, PARTITIONS, embedded, kafka};
use crate::{
    config::Config,
    judge::Judge,
    stages::{
        Feed,
        enrich::{Enrich, seen_table},
        envelope::DeadLetters,
    },
};

/// What a post does, and what is to become of it.
type StepAndFate = (Op, Option<u64>, &'static str, &'static str);

/// Words that match, and words that do not.
const HIT: &str = "Aurora Motors rocks";
const HIT_2: &str = "Aurora Motors rocks, still";
const HIT_3: &str = "Aurora Motors, third wording";
const HIT_4: &str = "Aurora Motors, fourth wording";
const HIT_5: &str = "Aurora Motors, fifth wording";
const MISS: &str = "nothing to see";
const MISS_2: &str = "nothing to see here either";

/// A history for each cell: operation, revision, text, outcome. Outcomes are `create`, `edit`, `delete` (as its author wished),
/// `withdraw` (as it no longer matches), or the reason of a drop.
fn histories() -> Vec<(&'static str, Vec<StepAndFate>)> {
    use Op::{Create, Delete, Edit, Restore};
    let live = (Create, None, HIT, "create");
    let withdrawn = [live, (Edit, None, MISS, "withdraw")];
    let deleted = [live, (Delete, None, "", "delete")];
    vec![
        ("absent, create that matches", vec![live]),
        ("absent, create that does not", vec![(Create, None, MISS, "no_match"), live]),
        ("absent, edit that matches", vec![(Edit, None, HIT, "create")]),
        ("absent, edit that does not", vec![(Edit, None, MISS, "no_match")]),
        ("absent, delete", vec![(Delete, None, "", "unknown"), (Create, None, HIT, "deleted")]),
        ("absent, restore", vec![(Restore, None, HIT, "create"), (Edit, None, HIT_2, "edit")]),
        ("absent, restore that does not match", vec![(Restore, None, MISS, "no_match"), live]),
        ("live, the same again", vec![live, (Create, None, HIT, "repeat"), (Edit, None, HIT, "repeat")]),
        ("live, edit", vec![live, (Edit, None, HIT_2, "edit"), (Create, None, HIT_3, "edit")]),
        ("live, edit away", withdrawn.to_vec()),
        ("live, delete", deleted.to_vec()),
        (
            "live, restore is an edit",
            vec![live, (Restore, None, HIT, "repeat"), (Restore, None, HIT_2, "edit")],
        ),
        (
            "live, older revision",
            vec![
                (Create, Some(5), HIT, "create"),
                (Edit, Some(4), HIT_2, "stale"),
                (Edit, Some(6), HIT_2, "edit"),
            ],
        ),
        (
            "live, newer revision with an earlier wording is news",
            vec![
                (Create, Some(1), HIT, "create"),
                (Edit, Some(2), HIT_2, "edit"),
                (Edit, Some(3), HIT, "edit"),
            ],
        ),
        (
            "live, newer revision of the same wording",
            vec![
                (Create, Some(5), HIT, "create"),
                (Edit, Some(7), HIT, "repeat"),
                (Edit, Some(6), HIT_2, "stale"),
                (Edit, Some(8), HIT_2, "edit"),
            ],
        ),
        (
            "live, without revisions a retry of the last four wordings is a repeat",
            vec![
                live,
                (Edit, None, HIT_2, "edit"),
                (Edit, None, HIT_3, "edit"),
                (Edit, None, HIT_4, "edit"),
                (Edit, None, HIT, "repeat"),
                (Edit, None, HIT_5, "edit"),
                (Edit, None, HIT, "edit"),
            ],
        ),
        ("withdrawn, edit back", [&withdrawn[..], &[(Edit, None, HIT_2, "create")]].concat()),
        ("withdrawn, edit to another miss", [&withdrawn[..], &[(Edit, None, MISS_2, "no_match")]].concat()),
        ("withdrawn, the same again", [&withdrawn[..], &[(Edit, None, MISS, "repeat")]].concat()),
        (
            "withdrawn, a stale retry of what was live",
            [&withdrawn[..], &[(Create, None, HIT, "repeat")]].concat(),
        ),
        (
            "withdrawn, older revision",
            vec![
                (Create, Some(5), HIT, "create"),
                (Edit, Some(6), MISS, "withdraw"),
                (Edit, Some(4), HIT_2, "stale"),
                (Edit, Some(7), HIT_2, "create"),
            ],
        ),
        (
            "withdrawn, newer revision of another miss",
            vec![
                (Create, Some(5), HIT, "create"),
                (Edit, Some(6), MISS, "withdraw"),
                (Edit, Some(8), MISS_2, "no_match"),
                (Edit, Some(7), HIT_2, "stale"),
                (Edit, Some(9), HIT_2, "create"),
            ],
        ),
        (
            "withdrawn, delete",
            [&withdrawn[..], &[(Delete, None, "", "withdrawn"), (Create, None, HIT_2, "deleted")]].concat(),
        ),
        ("withdrawn, restore", [&withdrawn[..], &[(Restore, None, HIT, "create")]].concat()),
        ("withdrawn, restore that misses", [&withdrawn[..], &[(Restore, None, MISS, "no_match")]].concat()),
        ("deleted, create", [&deleted[..], &[(Create, None, HIT_2, "deleted")]].concat()),
        ("deleted, edit", [&deleted[..], &[(Edit, None, HIT_2, "deleted")]].concat()),
        ("deleted, delete", [&deleted[..], &[(Delete, None, "", "repeat")]].concat()),
        (
            "deleted, restore",
            [&deleted[..], &[(Restore, None, HIT, "create"), (Edit, None, HIT_2, "edit")]].concat(),
        ),
        (
            "deleted, restore that misses",
            [&deleted[..], &[(Restore, None, MISS, "no_match"), (Edit, None, HIT_2, "create")]].concat(),
        ),
    ]
}

/// Notes what became of each record, by key.
struct Spy {
    stage: Enrich,
    fates: BTreeMap<Vec<u8>, Vec<String>>,
}

impl Stage for &mut Spy {
    fn process(&mut self, record: &Record<'_>, effects: &mut Effects<'_>) -> Outcome {
        let outcome = self.stage.process(record, effects);
        let fate = match &outcome {
            Outcome::Emitted => "emitted".to_owned(),
            Outcome::Dropped(reason) => (*reason).to_owned(),
            Outcome::Rejected(rejection) => format!("{}: {}", rejection.class, rejection.error),
        };
        self.fates.entry(record.key.unwrap_or_default().to_vec()).or_default().push(fate);
        outcome
    }

    fn dead_letter(&mut self, record: &Record<'_>, rejection: &Rejection) -> Output {
        self.stage.dead_letter(record, rejection)
    }

    fn observe(&mut self, event: WorkerEvent<'_>) {
        self.stage.observe(event);
    }
}

impl Bench {
    fn feed(&self, posts: &[RawPost]) {
        let topic = self.topics().get("posts").unwrap();
        let outputs: Vec<Output> = posts
            .iter()
            .map(|post| {
                let key = id::mention_id(post.r#ref.as_ref().unwrap()).to_string().into_bytes();
                Output {
                    topic: topic.name.clone(),
                    partition: topic.partition_of(&key),
                    key,
                    value: Some(post.encode_to_vec()),
                    headers: Vec::new(),
                    timestamp_ms: None,
                }
            })
            .collect();
        self.log.producer(&format!("{}-feeder", self.prefix)).unwrap().commit(&outputs).unwrap();
    }

    fn enrich(&self) -> BTreeMap<Vec<u8>, Vec<String>> {
        let topics = self.topics();
        let seen = topics.get("seen").unwrap().name;
        let input = topics.get("posts").unwrap().name;
        let config = "subjects: [{name: aurora, kind: own, terms: [Aurora Motors]}]";
        let config = Config::from_yaml(Path::new("test.yaml"), config).unwrap();
        let stage = Enrich {
            mentions: topics.get("mentions").unwrap(),
            dead_letters: DeadLetters {
                topic: topics.get("dead-letters").unwrap(),
                stage: "enrich",
                origin: input.to_string(),
                source: "/hark/test/enrich".to_owned(),
                config_revision: "test".to_owned(),
            },
            judge: Judge::new(&config).unwrap(),
            owned: ["inbox".to_owned()].into(),
            ce_source: "/hark/test/enrich".to_owned(),
            config_revision: "test".to_owned(),
            changes: Default::default(),
            telemetry: None,
            feed: Feed::default(),
            scratch: Default::default(),
        };
        let mut spy = Spy { stage, fates: BTreeMap::new() };
        let worker = Worker {
            stage: &mut spy,
            tables: vec![seen_table(seen.clone(), Duration::from_secs(86_400))],
            shared: Vec::new(),
            once: true,
            log: &*self.log,
        };
        worker
            .run(SessionConfig {
                group: format!("{}-enrich", self.prefix),
                input,
                tables: vec![seen],
                transactional_id: format!("{}-enrich-0", self.prefix),
                instance: Some(format!("{}-enrich-0", self.prefix)),
                shutdown: CancellationToken::new(),
            })
            .unwrap();
        spy.fates
    }

    /// Mentions by key, as a reader of the topic sees them.
    fn mentions(&self) -> BTreeMap<Vec<u8>, Vec<Mention>> {
        let topic = self.topics().get("mentions").unwrap();
        let mut mentions: BTreeMap<Vec<u8>, Vec<Mention>> = BTreeMap::new();
        let partitions: Vec<u32> = (0..PARTITIONS).collect();
        self.log
            .read_to_end(&topic.name, &partitions, &mut |record| {
                let mention = Mention::decode(record.value.unwrap()).unwrap();
                mentions.entry(record.key.unwrap().to_vec()).or_default().push(mention);
            })
            .unwrap();
        mentions
    }
}

fn post(native_id: &str, (op, revision, text, _): StepAndFate) -> RawPost {
    RawPost {
        r#ref: Some(PostRef {
            tenant: "test".to_owned(),
            source: "forum".to_owned(),
            instance: String::new(),
            native_id: native_id.to_owned(),
        }),
        op: op.into(),
        revision,
        text: text.to_owned(),
        ..RawPost::default()
    }
}

fn check_every_cell(bench: &Bench, restarts: bool) {
    let histories = histories();
    let mut fates: BTreeMap<Vec<u8>, Vec<String>> = BTreeMap::new();
    let longest = histories.iter().map(|(_, steps)| steps.len()).max().unwrap_or_default();
    let mut feed = |posts: &[RawPost]| {
        bench.feed(posts);
        for (key, found) in bench.enrich() {
            fates.entry(key).or_default().extend(found);
        }
    };
    if restarts {
        for step in 0..longest {
            let posts: Vec<RawPost> =
                histories.iter().filter_map(|(name, steps)| Some(post(name, *steps.get(step)?))).collect();
            feed(&posts);
        }
    } else {
        let posts: Vec<RawPost> =
            histories.iter().flat_map(|(name, steps)| steps.iter().map(|step| post(name, *step))).collect();
        feed(&posts);
    }
    let mentions = bench.mentions();
    for (name, steps) in &histories {
        let key = id::mention_id(post(name, steps[0]).r#ref.as_ref().unwrap()).to_string().into_bytes();
        let is_drop = |fate: &str| !matches!(fate, "create" | "edit" | "delete" | "withdraw");
        let expected: Vec<&str> =
            steps.iter().map(|(.., fate)| if is_drop(fate) { fate } else { "emitted" }).collect();
        assert_eq!(fates[&key], expected, "{name}");
        let emitted: Vec<&str> = mentions.get(&key).into_iter().flatten().map(word).collect();
        let expected: Vec<&str> =
            steps.iter().map(|(.., fate)| *fate).filter(|fate| !is_drop(fate)).collect();
        assert_eq!(emitted, expected, "{name}");
    }
}

fn word(mention: &Mention) -> &'static str {
    match (mention.op(), mention.delete_reason()) {
        (Op::Create, DeleteReason::Unspecified) => "create",
        (Op::Edit, DeleteReason::Unspecified) => "edit",
        (Op::Delete, DeleteReason::Deleted) => "delete",
        (Op::Delete, DeleteReason::NoLongerMatches) => {
            let post = mention.post.as_ref().unwrap();
            assert_eq!(
                (post.text.as_str(), post.r#ref.is_some()),
                ("", true),
                "a withdrawn post shows no content"
            );
            "withdraw"
        }
        _ => "something else",
    }
}

#[test]
fn a_post_that_was_restored_out_of_sight_stays_in_its_thread() {
    let (_folder, bench) = embedded();
    let thread = ThreadRef { root: "root".to_owned(), ..ThreadRef::default() };
    let restored = RawPost { thread: Some(thread), ..post("answer", (Op::Restore, None, MISS, "")) };
    bench.feed(&[
        post("answer", (Op::Delete, None, "", "")),
        restored,
        post("answer", (Op::Edit, None, HIT, "")),
    ]);
    bench.enrich();
    let root = id::mention_id(post("root", (Op::Create, None, HIT, "")).r#ref.as_ref().unwrap());
    let mentions: Vec<Mention> = bench.mentions().into_values().flatten().collect();
    assert_eq!(mentions.len(), 1);
    assert_eq!(mentions[0].thread_id, root.to_string());
}

#[test]
fn every_cell_of_the_table_holds_within_a_batch_on_the_embedded_log() {
    check_every_cell(&embedded().1, false);
}

#[test]
fn every_cell_of_the_table_holds_across_restarts_on_the_embedded_log() {
    check_every_cell(&embedded().1, true);
}

#[test]
fn every_cell_of_the_table_holds_within_a_batch_on_kafka() {
    if let Some(bench) = kafka("cells_batch") {
        check_every_cell(&bench, false);
    }
}

#[test]
fn every_cell_of_the_table_holds_across_restarts_on_kafka() {
    if let Some(bench) = kafka("cells_restarts") {
        check_every_cell(&bench, true);
    }
}

#[test]
fn a_post_of_an_owned_source_is_kept_though_it_names_no_subject() {
    let (_folder, bench) = embedded();
    let mut inbox = post("1", (Op::Create, None, MISS, ""));
    inbox.r#ref.as_mut().unwrap().source = "inbox".to_owned();
    bench.feed(&[inbox, post("2", (Op::Create, None, MISS, ""))]);
    bench.enrich();
    let mentions: Vec<Mention> = bench.mentions().into_values().flatten().collect();
    assert_eq!(mentions.len(), 1);
    assert!(mentions[0].matches.is_empty());
}

#[test]
fn a_post_keeps_the_thread_that_was_first_stored_for_it() {
    let (_folder, bench) = embedded();
    let thread =
        |root: &str| Some(hark_schema::v1::ThreadRef { root: root.to_owned(), parent: String::new() });
    let first = RawPost { thread: thread("root"), ..post("1", (Op::Create, None, HIT, "")) };
    let moved = RawPost { thread: thread("elsewhere"), ..post("1", (Op::Edit, None, HIT_2, "")) };
    bench.feed(&[first, moved, post("1", (Op::Delete, None, "", ""))]);
    bench.enrich();
    let threads: Vec<String> =
        bench.mentions().into_values().flatten().map(|mention| mention.thread_id).collect();
    let root = id::mention_id(post("root", (Op::Create, None, "", "")).r#ref.as_ref().unwrap()).to_string();
    assert_eq!(threads, [root.clone(), root.clone(), root]);
}

#[test]
fn what_is_no_post_becomes_a_dead_letter_with_its_bytes() {
    let (_folder, bench) = embedded();
    let topic = bench.topics().get("posts").unwrap();
    let broken = Output {
        topic: topic.name,
        partition: 1,
        key: b"00000000000000000000000000000001".to_vec(),
        value: Some(b"\xffnot a post".to_vec()),
        headers: vec![hark_log::Header::new(
            "traceparent",
            "00-11111111111111111111111111111111-2222222222222222-01",
        )],
        timestamp_ms: None,
    };
    bench.log.producer("feeder").unwrap().commit(&[broken]).unwrap();
    bench.feed(&[post("1", (Op::Create, None, HIT, ""))]);
    bench.enrich();
    assert_eq!(bench.mentions().len(), 1, "the stage goes on");
    let mut letters = Vec::new();
    let dead = bench.topics().get("dead-letters").unwrap();
    bench
        .log
        .read_to_end(&dead.name, &[0, 1, 2], &mut |record| {
            letters.push(hark_schema::v1::DeadLetter::decode(record.value.unwrap()).unwrap());
            assert_eq!(record.headers.get("ce_type"), Some(&b"hark.v1.DeadLetter"[..]));
            assert_eq!(record.partition, 1, "beside its origin");
        })
        .unwrap();
    let [letter] = &letters[..] else { panic!("{letters:?}") };
    assert_eq!((letter.class.as_str(), letter.stage.as_str()), ("undecodable", "enrich"));
    assert_eq!((letter.topic.as_str(), letter.partition, letter.offset), ("test.posts", 1, 0));
    assert_eq!(letter.value.as_deref(), Some(&b"\xffnot a post"[..]));
    assert_eq!(letter.headers[0].key, "traceparent");
}
