//! Files in, items out.

use serde_json::Value;

use crate::scene::Scene;

const POSTS: &str = r#"{"id": "g-1", "text": "Can anybody recommend a garage in Lund?", "author": {"handle": "@karin"}}
{"id": "k-1", "text": "Aurora Motors has lost my keys."}
{"id": "w-1", "text": "What a lovely morning by the harbour."}
{"id": "g-1", "text": "Can anybody recommend a garage in Lund?", "author": {"handle": "@karin"}}
{"id": 7, "text": "An id has to be a string."}
{"id": "k-1", "op": "edit", "text": "Keys found. Which garage fits winter tyres today?"}
this is not JSON
{"id": "g-1", "op": "edit", "text": "Can anybody recommend a garage in Malmö instead?"}
{"id": "g-2", "text": "Is the garage by the station any good?"}
{"id": "g-2", "op": "delete"}
"#;

#[test]
fn a_file_of_posts_becomes_items_on_the_embedded_log() {
    a_file_of_posts_becomes_items(&Scene::embedded());
}

#[test]
fn a_file_of_posts_becomes_items_on_kafka() {
    let Some(scene) = Scene::kafka("a_file_of_posts_becomes_items") else { return };
    a_file_of_posts_becomes_items(&scene);
}

/// Post, op and version of each item, those of one post in order.
fn items(scene: &Scene, queue: &str) -> Vec<(String, String, String)> {
    let mut items: Vec<(String, String, String)> = scene
        .tail(queue)
        .iter()
        .map(|line| {
            let item = &line["value"];
            assert_eq!(line["type"], "hark.v1.Item");
            assert_eq!(line["headers"]["ce_type"], "hark.v1.Item");
            assert_eq!(line["key"], item["itemId"]);
            let op = item["op"].as_str().unwrap().trim_start_matches("ITEM_OP_").to_lowercase();
            // A cancelled item has no content: its post is known by its mention_id.
            (native_id(item), op, item["version"].as_str().unwrap().to_owned())
        })
        .collect();
    items.sort();
    items
}

fn native_id(item: &Value) -> String {
    let known = ["g-1", "k-1", "g-2"].into_iter().find(|native_id| {
        let reference = hark_schema::v1::PostRef {
            tenant: "aurora".to_owned(),
            source: "forum".to_owned(),
            instance: String::new(),
            native_id: (*native_id).to_owned(),
        };
        item["mentionId"] == hark_schema::id::mention_id(&reference).to_string()
    });
    known.unwrap_or("?").to_owned()
}

fn item(post: &str, op: &str, version: u32) -> (String, String, String) {
    (post.to_owned(), op.to_owned(), version.to_string())
}

/// Every record that the outside sees, to be compared with a later look.
fn everything(scene: &Scene) -> Vec<(&'static str, Vec<u8>)> {
    ["posts", "mentions", "queue.sales", "queue.support", "queue.triage", "dead-letters"]
        .into_iter()
        .flat_map(|topic| scene.values(topic).into_iter().map(move |value| (topic, value)))
        .collect()
}

fn a_file_of_posts_becomes_items(scene: &Scene) {
    std::fs::write(scene.path("posts/monday.jsonl"), POSTS).unwrap();
    scene.work_off();

    // An edit updates an item or moves it to another team, a deletion cancels it, a repeat is nothing.
    let sales = [
        item("g-1", "open", 1),
        item("g-1", "update", 2),
        item("g-2", "cancel", 2),
        item("g-2", "open", 1),
        item("k-1", "open", 2),
    ];
    assert_eq!(items(scene, "queue.sales"), sales);
    assert_eq!(items(scene, "queue.support"), [item("k-1", "cancel", 2), item("k-1", "open", 1)]);
    assert!(scene.tail("queue.triage").is_empty());
    let enriched = scene.counts("enrich");
    assert_eq!((enriched.total(), enriched.get("emitted")), (8, 6));
    assert_eq!((enriched.get("repeat"), enriched.get("no_match")), (1, 1));
    assert_eq!(scene.counts("route").get("emitted"), 6);

    let opened =
        scene.tail("queue.sales").into_iter().find(|line| native_id(&line["value"]) == "k-1").unwrap();
    let item = &opened["value"];
    assert_eq!(item["trace"]["rule"], "looks for a garage");
    assert_eq!(item["mention"]["post"]["text"], "Keys found. Which garage fits winter tyres today?");
    assert_eq!(item["mention"]["language"], "en");

    // Lines that are no posts are kept, with the place where they stand.
    let mut letters: Vec<(String, String, String)> = scene
        .tail("dead-letters")
        .iter()
        .map(|line| {
            let (letter, file) = (&line["value"], &line["value"]["file"]);
            let name = file["path"].as_str().unwrap().rsplit('/').next().unwrap();
            (
                name.to_owned(),
                file["line"].as_str().unwrap().to_owned(),
                letter["class"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    letters.sort();
    let letter = |line: &str, class: &str| ("monday.jsonl".to_owned(), line.to_owned(), class.to_owned());
    assert_eq!(letters, [letter("5", "invalid_post"), letter("7", "malformed_json")]);

    let before = everything(scene);
    scene.work_off();
    assert_eq!(everything(scene), before, "a second run finds nothing to do");

    // The file grows, and another one comes; a post that is known by now is no news in either.
    let more = "{\"id\": \"g-3\", \"text\": \"Any garage open on Sunday?\"}\n";
    std::fs::write(scene.path("posts/monday.jsonl"), format!("{POSTS}{more}")).unwrap();
    std::fs::write(scene.path("posts/tuesday.jsonl"), POSTS.lines().next().unwrap()).unwrap();
    scene.work_off();
    let after = everything(scene);
    let added = |topic| {
        let on = |records: &[(&str, Vec<u8>)]| records.iter().filter(|record| record.0 == topic).count();
        on(&after) - on(&before)
    };
    assert_eq!((added("posts"), added("mentions"), added("queue.sales")), (2, 1, 1));
    assert_eq!(after.len() - before.len(), 4);
    assert_eq!(scene.counts("enrich").get("repeat"), 2);
}
