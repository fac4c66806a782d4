//! From one version to the next, and back.

use std::path::Path;

use hark_schema::{
    Message as _,
    v1::{Cursor, Item, ItemOp, ItemState, Seen},
};
use hark_tests::program;

use crate::scene::{DEADLINE, Scene};

/// A scene whose embedded log was written by the first version; see the fixture's README.
fn first_version() -> Scene {
    let scene = Scene::embedded();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/first-version/hark.db");
    std::fs::create_dir(scene.path("hark-data")).unwrap();
    std::fs::copy(fixture, scene.path("hark-data/hark.db")).unwrap();
    scene
}

fn items(scene: &Scene, team: &str) -> Vec<Item> {
    let mut items: Vec<Item> =
        scene.values(&format!("queue.{team}")).iter().map(|value| Item::decode(&**value).unwrap()).collect();
    items.sort_by_key(|item| item.version);
    items
}

#[test]
fn the_embedded_file_of_the_first_version_goes_on_with_its_posts_items_and_dead_letters() {
    let scene = first_version();
    let posts = [
        r#"{"id": "v-1", "text": "Which garage is open today?", "revision": 1, "author": {"handle": "@invented"}}"#,
        r#"{"id": "v-1", "text": "Which garage is open tomorrow?", "op": "edit", "revision": 2}"#,
        r#"{"id": "v-2", "op": "delete", "revision": 2}"#,
        r#"{"id": "v-9", "text": "Is there another garage?"}"#,
    ];
    std::fs::write(scene.path("posts/next.jsonl"), posts.join("\n") + "\n").unwrap();
    scene.run(&["up", "--once"]);

    let sales = items(&scene, "sales");
    let told: Vec<(ItemOp, u64)> = sales.iter().map(|item| (item.op(), item.version)).collect();
    assert_eq!(told, [(ItemOp::Open, 1), (ItemOp::Open, 1), (ItemOp::Update, 2)], "{sales:?}");
    assert_eq!(
        sales[2].item_id,
        sales.iter().find(|item| item.mention_id == sales[2].mention_id).unwrap().item_id
    );
    let support: Vec<ItemOp> = items(&scene, "support").iter().map(Item::op).collect();
    assert_eq!(support, [ItemOp::Open, ItemOp::Cancel]);
    // What it had counted goes on being counted.
    let counts = scene.counts("enrich");
    assert_eq!(
        (counts.get("repeat"), counts.get("no_match"), counts.get("emitted")),
        (1, 1, 5),
        "{counts:?}"
    );
    assert_eq!(scene.run(&["dead-letters", "list"]).stdout.matches("ingest malformed_json: 1").count(), 1);
    // A topic that is newer than the file is made.
    scene.run(&["topics", "check"]);
    scene.run(&["redrive", "--all"]);
}

#[test]
fn before_the_file_is_worked_on_by_the_next_version_it_can_be_read() {
    let scene = first_version();
    assert!(
        scene.run(&["tail", "queue.sales", "--until-end"]).stdout.contains("Which garage is open today?")
    );
    assert!(scene.run(&["dead-letters", "list"]).stdout.contains("malformed_json"));
    assert!(scene.run(&["lag"]).stdout.contains("route is at the end"));
}

#[test]
fn state_with_fields_from_the_future_is_read_by_an_older_worker() {
    // Field 1000, text, behind each: what a newer version may have written before it was rolled back.
    let newer = |mut bytes: Vec<u8>| {
        bytes.extend([0xc2, 0x3e, 12]);
        bytes.extend(b"from 2031 on");
        bytes
    };
    let seen = Seen { revision: Some(7), fingerprints: vec![1, 2], ..Seen::default() };
    assert_eq!(Seen::decode(&*newer(seen.encode_to_vec())).unwrap(), seen);
    let state = ItemState { version: 3, ..ItemState::default() };
    assert_eq!(ItemState::decode(&*newer(state.encode_to_vec())).unwrap(), state);
    // A cursor of a kind that this version does not know is left alone.
    assert_eq!(Cursor::decode(&*newer(Vec::new())).unwrap(), Cursor::default());

    for scene in
        [Some(Scene::embedded()), Scene::kafka("state_with_fields_from_the_future")].into_iter().flatten()
    {
        if !scene.is_on_kafka() {
            scene.run(&["topics", "create"]);
        }
        let post = scene.post(scene.partitions("posts"), "n-1", "Which garage is open?");
        scene.write(std::slice::from_ref(&post));
        scene.work_off();
        // The newer version wrote the state once more, with what only it knows.
        for topic in ["seen", "items"] {
            let value = newer(scene.values(topic).pop().unwrap());
            let line = &scene.tail(topic)[0];
            let partition = u32::try_from(line["partition"].as_u64().unwrap()).unwrap();
            let (topic, value) = (scene.topic(topic).into(), Some(value));
            scene.write(&[hark_log::Output { topic, partition, value, ..post.clone() }]);
        }
        scene.write(&[post]);
        scene.work_off();
        assert_eq!(scene.counts("enrich").get("repeat"), 1, "what it knew it still knows");
        assert_eq!(scene.values("queue.sales").len(), 1);
    }
}

#[test]
fn a_file_of_a_later_format_is_refused_and_left_as_it_is() {
    let scene = first_version();
    let path = scene.path("hark-data/hark.db");
    // `user_version` stands at byte 60 of a SQLite file, big-endian.
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[60..64].copy_from_slice(&2_u32.to_be_bytes());
    std::fs::write(&path, &bytes).unwrap();
    for command in [&["up", "--once"][..], &["tail", "posts"]] {
        let said = program::run(&mut scene.hark(command), DEADLINE);
        assert_eq!(said.code, Some(1));
        assert!(
            said.stderr.contains("has format 2, this hark knows 1: run the newer hark"),
            "{}",
            said.stderr
        );
    }
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}
