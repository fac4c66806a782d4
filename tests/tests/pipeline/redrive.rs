//! Dead letters go back to be tried again, each exactly once.

use std::collections::BTreeMap;

use hark_log::{Header, Output};
use hark_schema::{
    Message as _,
    v1::{DeadLetter, DeadLetterHeader, Op, RawPost},
};
use hark_tests::deadline::wait_until;
use serde_json::Value;

use crate::scene::{DEADLINE, Scene};

/// The dead letter of a record, as a stage would write it.
fn letter(scene: &Scene, stage: &str, record: &Output, offset: i64) -> Output {
    let value = record.value.clone().unwrap_or_default();
    let letter = DeadLetter {
        stage: stage.to_owned(),
        topic: record.topic.to_string(),
        partition: i32::try_from(record.partition).unwrap(),
        offset,
        key: Some(record.key.clone()),
        headers: vec![DeadLetterHeader { key: "traceparent".to_owned(), value: b"kept".to_vec() }],
        class: "panicked".to_owned(),
        error: "the stage panicked on this record".to_owned(),
        attempts: 1,
        value_length: value.len() as u64,
        value_blake3: blake3::hash(&value).as_bytes().to_vec(),
        value: Some(value),
        ..DeadLetter::default()
    };
    Output {
        topic: scene.topic("dead-letters").into(),
        partition: record.partition,
        key: record.key.clone(),
        value: Some(letter.encode_to_vec()),
        headers: Vec::new(),
        timestamp_ms: None,
    }
}

fn listed(scene: &Scene, arguments: &[&str]) -> Vec<Value> {
    let shown = scene.run(&[&["dead-letters", "list", "--format", "json"], arguments].concat()).stdout;
    shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn on_both(test: &str, check: impl Fn(&Scene)) {
    let embedded = Scene::embedded();
    embedded.run(&["topics", "create"]);
    check(&embedded);
    if let Some(kafka) = Scene::kafka(test) {
        check(&kafka);
    }
}

/// How often each post lies on the topic of posts, by its text.
fn posts(scene: &Scene) -> BTreeMap<String, usize> {
    let mut posts = BTreeMap::new();
    for value in scene.values("posts") {
        *posts.entry(RawPost::decode(&*value).unwrap().text).or_default() += 1;
    }
    posts
}

#[test]
fn a_letter_goes_back_once_with_its_headers_and_is_worked_off() {
    on_both("a_letter_goes_back_once", |scene| {
        let partitions = scene.partitions("posts");
        let good = scene.post(partitions, "r-1", "Which garage is open?");
        scene.write(&[letter(scene, "enrich", &good, 7)]);
        let waiting = listed(scene, &["--class", "panicked"]);
        let place = waiting[0]["place"].as_str().unwrap().to_owned();
        assert_eq!((&waiting[0]["redriven"], &waiting[0]["obstacle"]), (&Value::Bool(false), &Value::Null));

        assert!(scene.run(&["redrive", &place, "--dry-run"]).stdout.contains("1 would go back"));
        assert!(scene.values("posts").is_empty() && scene.values("redriven").is_empty());
        assert!(scene.run(&["redrive", &place]).stdout.ends_with("1 went back, 0 stay, 0 had gone before\n"));
        assert!(
            scene.run(&["redrive", "--all"]).stdout.ends_with("0 went back, 0 stay, 1 had gone before\n")
        );

        let back = &scene.tail("posts")[0];
        assert_eq!(back["partition"], good.partition);
        assert_eq!(back["headers"]["traceparent"], "kept");
        assert_eq!(back["headers"]["hark-attempts"], "1");
        assert_eq!(listed(scene, &[])[0]["redriven"], Value::Bool(true));
        scene.work_off();
        assert_eq!(scene.values("queue.sales").len(), 1);
    });
}

#[test]
fn a_record_that_fails_again_is_a_new_letter_that_counts_its_attempts() {
    on_both("a_record_that_fails_again", |scene| {
        let broken = Output {
            value: Some(b"\xff\xff no message".to_vec()),
            ..scene.post(scene.partitions("posts"), "r-1", "")
        };
        scene.write(&[broken]);
        scene.work_off();
        scene.run(&["redrive", "--class", "undecodable"]);
        scene.work_off();
        let attempts: Vec<Value> =
            listed(scene, &[]).iter().map(|line| line["letter"]["attempts"].clone()).collect();
        assert_eq!(attempts, [1, 2]);
        assert_eq!(listed(scene, &["--reason", "no such words"]).len(), 0);
    });
}

#[test]
fn letters_that_are_not_whole_or_never_were_on_the_log_stay_and_say_why() {
    on_both("letters_that_are_not_whole", |scene| {
        let large =
            Output { value: Some(vec![0xff; 700_000]), ..scene.post(scene.partitions("posts"), "r-1", "") };
        scene.write(&[large]);
        std::fs::write(scene.path("posts/bad.jsonl"), "{\"id\": \"f-1\"\n").unwrap();
        scene.work_off();

        let said = scene.run(&["redrive", "--all"]).stdout;
        assert!(said.contains("its value was cut: 524288 of 700000 bytes were kept"), "{said}");
        assert!(said.contains("it never was on the log"), "{said}");
        assert!(said.ends_with("0 went back, 2 stay, 0 had gone before\n"), "{said}");
        let lines = listed(scene, &["--stage", "enrich"]);
        let place = lines[0]["place"].as_str().unwrap();
        let shown = scene.run(&["dead-letters", "show", place]).stdout;
        assert!(
            shown.contains("524288 of 700000 bytes were kept") && shown.contains("undecodable"),
            "{shown}"
        );
        // Whoever names a letter hears by the exit code that it stays.
        let ended = hark_tests::program::run(&mut scene.hark(&["redrive", place]), DEADLINE);
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert!(scene.fails(&["redrive", "0/4711"], 64).contains("there is no dead letter 0/4711"));
        assert!(scene.fails(&["redrive"], 64).contains("which dead letters"));
    });
}

#[test]
fn what_is_stale_by_its_revision_is_dropped_and_what_has_none_is_not_sent_over_a_newer_record() {
    on_both("what_is_stale", |scene| {
        let partitions = scene.partitions("posts");
        let with = |id: &str, text: &str, revision: Option<u64>| {
            let output = scene.post(partitions, id, text);
            let post = RawPost::decode(&**output.value.as_ref().unwrap()).unwrap();
            Output { value: Some(RawPost { revision, ..post }.encode_to_vec()), ..output }
        };
        let old = with("s-1", "Which garage?", Some(1));
        let older = with("s-2", "Which garage?", None);
        // Enrich takes a deletion whatever its revision.
        let mut gone = with("s-3", "", Some(1));
        let post = RawPost::decode(&**gone.value.as_ref().unwrap()).unwrap();
        gone.value = Some(RawPost { op: Op::Delete.into(), ..post }.encode_to_vec());
        scene.write(&[
            with("s-1", "Which garage was it?", Some(2)),
            with("s-2", "Which garage was it?", None),
            with("s-3", "Which garage was it?", Some(2)),
        ]);
        let letters = [&old, &older, &gone].map(|record| letter(scene, "enrich", record, -1));
        scene.write(&letters);
        scene.work_off();
        let listed = listed(scene, &[]);
        let stays: Vec<_> = listed.iter().filter(|line| !line["obstacle"].is_null()).collect();
        assert_eq!(stays.len(), 2, "the list says what redrive does: {listed:?}");
        let place = stays[0]["place"].as_str().unwrap();
        let shown = scene.run(&["dead-letters", "show", place]).stdout;
        assert!(shown.contains("stays: a newer record of the same key came after it"), "{shown}");
        let said = scene.run(&["redrive", "--all"]).stdout;
        assert!(said.contains("a newer record of the same key came after it"), "{said}");
        assert!(said.ends_with("1 went back, 2 stay, 0 had gone before\n"), "{said}");
        scene.work_off();
        assert_eq!(scene.counts("enrich").get("stale"), 1);
        assert_eq!(scene.values("queue.sales").len(), 3, "none is cancelled");
    });
}

#[test]
fn the_bytes_of_a_letter_can_be_taken_out() {
    on_both("the_bytes_of_a_letter", |scene| {
        let record = Output { value: Some(b"text, not \x1b[2J".to_vec()), ..scene.post(1, "b-1", "") };
        scene.write(&[letter(scene, "enrich", &record, 0)]);
        assert_eq!(
            scene.run(&["dead-letters", "show", "0/0", "--raw"]).stdout.trim_end(),
            "text, not \x1b[2J"
        );
        let shown = scene.run(&["dead-letters", "show", "0/0"]).stdout;
        assert!(shown.contains("74 65 78 74") && !shown.contains('\x1b'), "{shown}");
        let list = scene.run(&["dead-letters", "list"]).stdout;
        assert!(list.contains("waits") && list.contains("enrich panicked: 1"), "{list}");
    });
}

#[test]
fn beside_a_running_up_letters_are_shown_and_do_not_go_back() {
    let scene = Scene::embedded();
    scene.run(&["topics", "create"]);
    let post = scene.post(scene.partitions("posts"), "u-1", "Which garage is open?");
    scene.write(&[letter(&scene, "enrich", &post, 0)]);
    let up = scene.start(&["up", "--listen", "127.0.0.1:0"]);
    up.wait_to_say("listening for webhooks", 1, DEADLINE);
    assert_eq!(listed(&scene, &[]).len(), 1);
    let said = scene.fails(&["redrive", "--all"], 1);
    assert!(said.contains("is in use by another hark process: stop it first"), "{said}");
    up.stop(DEADLINE).well();
    assert!(scene.run(&["redrive", "--all"]).stdout.contains("1 went back"));
}

#[test]
fn killed_and_run_again_and_run_twice_at_once_each_letter_goes_back_once() {
    const LETTERS: usize = 3_000;
    let Some(scene) = Scene::kafka("killed_and_run_again") else { return };
    let partitions = scene.partitions("posts");
    let text = "Which garage is open? ".repeat(50);
    let letters: Vec<Output> = (0..LETTERS)
        .map(|n| {
            let post = scene.post(partitions, &format!("k-{n}"), &format!("{n} {text}"));
            letter(&scene, "enrich", &post, 0)
        })
        .collect();
    scene.write(&letters);

    let first = scene.start(&["redrive", "--all"]);
    wait_until("some have gone back", DEADLINE, || !scene.values("redriven").is_empty());
    first.kill();
    // Whoever comes later fences the other; neither repeats what the other did.
    let two = [scene.start(&["redrive", "--all"]), scene.start(&["redrive", "--all"])];
    let ended = two.map(|program| program.wait(DEADLINE));
    assert!(ended.iter().any(|ended| ended.code == Some(0)), "{ended:?}");
    scene.run(&["redrive", "--all"]);

    let posts = posts(&scene);
    assert_eq!(posts.len(), LETTERS, "each has gone back");
    let twice: Vec<_> = posts.iter().filter(|(_, times)| **times > 1).map(|(text, _)| &text[..8]).collect();
    assert!(twice.is_empty(), "twice: {twice:?}");
    assert_eq!(scene.values("redriven").len(), LETTERS);
}

#[test]
fn a_mark_lives_at_least_as_long_as_its_letter() {
    let Some(scene) = Scene::bare_kafka("a_mark_lives") else { return };
    let Some(kafka) = hark_tests::kafka::Kafka::shared() else { return };
    scene.run(&["topics", "create", "--partitions", "1"]);
    if std::env::var_os("HARK_TEST_KAFKA").is_some() {
        // Its settings are not ours to change.
        return;
    }
    let topic = scene.topic("redriven");
    let alter = ["configs", "--alter", "--entity-type", "topics", "--entity-name", &topic];
    kafka.tool(&[&alter[..], &["--add-config", "retention.ms=1000"]].concat());
    for command in [&["redrive", "--all"][..], &["enrich", "--once"]] {
        let said = scene.fails(command, 1);
        assert!(
            said.contains("keeps its records for a shorter time") && said.contains("hark topics check"),
            "{said}"
        );
    }
}

/// Headers of a record that somebody else wrote go back as they came.
#[test]
fn headers_keep_their_order() {
    let scene = Scene::embedded();
    scene.run(&["topics", "create"]);
    let post = scene.post(scene.partitions("posts"), "h-1", "Which garage is open?");
    let foreign = Output {
        value: Some(b"\xff".to_vec()),
        headers: vec![Header::new("b", "1"), Header::new("a", "2"), Header::new("hark-attempts", "4")],
        ..post
    };
    scene.write(&[foreign]);
    scene.work_off();
    scene.run(&["redrive", "--all"]);
    let headers = scene.tail("posts").last().unwrap()["headers"].clone();
    assert_eq!(headers, serde_json::json!({"b": "1", "a": "2", "hark-attempts": "5"}));
}
