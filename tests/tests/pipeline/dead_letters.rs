//! Records that nobody can work on: kept as they came, and in nobody's way.

use hark_log::{Header, Output};
use hark_schema::{
    Message as _,
    v1::{DeadLetter, DeadLetterHeader},
};

use crate::scene::Scene;

#[test]
fn a_record_that_cannot_be_decoded_is_kept_and_the_next_ones_go_on_on_the_embedded_log() {
    a_record_that_cannot_be_decoded_is_kept_and_the_next_ones_go_on(&Scene::embedded());
}

#[test]
fn a_record_that_cannot_be_decoded_is_kept_and_the_next_ones_go_on_on_kafka() {
    let Some(scene) = Scene::kafka("a_record_that_cannot_be_decoded") else { return };
    a_record_that_cannot_be_decoded_is_kept_and_the_next_ones_go_on(&scene);
}

fn a_record_that_cannot_be_decoded_is_kept_and_the_next_ones_go_on(scene: &Scene) {
    if !scene.is_on_kafka() {
        scene.run(&["topics", "create"]);
    }
    let good = scene.post(scene.partitions("posts"), "d-1", "Which garage is open?");
    let bad = |topic: &str, key: &[u8], value: &[u8]| Output {
        topic: scene.topic(topic).into(),
        partition: good.partition,
        key: key.to_vec(),
        value: Some(value.to_vec()),
        headers: vec![Header::new("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")],
        timestamp_ms: None,
    };
    // Broken in their value, in their key, and on the topic behind.
    let broken = [
        ("enrich", bad("posts", &good.key, b"\xff\xff no message")),
        ("enrich", bad("posts", b"no id", good.value.as_ref().unwrap())),
        ("route", bad("mentions", &good.key, b"\x0a\x7f cut short")),
    ];
    let mut records: Vec<Output> = broken.iter().map(|(_, record)| record.clone()).collect();
    records.push(good.clone());
    scene.write(&records);
    scene.work_off();

    assert_eq!(scene.values("queue.sales").len(), 1, "what stood behind them goes on");
    let letters: Vec<DeadLetter> =
        scene.values("dead-letters").iter().map(|value| DeadLetter::decode(&**value).unwrap()).collect();
    assert_eq!(letters.len(), broken.len());
    for (stage, record) in &broken {
        let letter =
            letters.iter().find(|letter| letter.value == record.value && letter.stage == *stage).unwrap();
        assert_eq!((&*letter.class, &*letter.topic), ("undecodable", &*record.topic));
        assert_eq!(letter.partition.cast_unsigned(), record.partition);
        assert_eq!(letter.key.as_ref(), Some(&record.key));
        let Header { name, value } = &record.headers[0];
        assert_eq!(letter.headers, [DeadLetterHeader { key: name.to_string(), value: value.clone() }]);
        assert!(!letter.error.is_empty() && letter.attempts == 1, "{letter:?}");
    }
    assert_eq!(scene.counts("enrich").get("rejected_undecodable"), 2);
    assert_eq!(scene.counts("route").get("rejected_undecodable"), 1);
}
