//! Last week's mentions, routed once more by rules that are only tried.

use crate::scene::Scene;

const POSTS: &str = r#"{"id": "k-1", "text": "Aurora Motors has lost my keys.", "url": "https://forum.example/k-1"}
{"id": "k-2", "text": "Aurora Motors has found them again."}
{"id": "g-1", "text": "Can anybody recommend a garage in Lund?"}
{"id": "w-1", "text": "What a lovely morning by the harbour."}
"#;

#[test]
fn a_replay_shows_what_would_move_and_writes_nothing_on_the_embedded_log() {
    a_replay_shows_what_would_move_and_writes_nothing(&Scene::embedded());
}

#[test]
fn a_replay_shows_what_would_move_and_writes_nothing_on_kafka() {
    let Some(scene) = Scene::kafka("a_replay_shows") else { return };
    a_replay_shows_what_would_move_and_writes_nothing(&scene);
}

/// Every record of every topic.
fn everything(scene: &Scene) -> Vec<Vec<u8>> {
    let topics = [
        "posts",
        "mentions",
        "items",
        "seen",
        "cursors",
        "queue.sales",
        "queue.support",
        "queue.triage",
        "dead-letters",
    ];
    topics.into_iter().flat_map(|topic| scene.values(topic)).collect()
}

fn a_replay_shows_what_would_move_and_writes_nothing(scene: &Scene) {
    std::fs::write(scene.path("posts/monday.jsonl"), POSTS).unwrap();
    scene.work_off();
    let before = everything(scene);
    let new = scene.configuration().replace("to: support, priority: 2", "to: triage");
    std::fs::write(scene.path("new.yaml"), new).unwrap();

    let replayed = scene.run(&["replay", "--new", "new.yaml", "--since", "1d", "--json"]).stdout;
    let report: serde_json::Value = serde_json::from_str(&replayed).unwrap();
    assert_eq!((&report["mentions"], &report["moved"]), (&3.into(), &2.into()), "{report}");
    let moved = &report["moves"][0];
    assert_eq!((&moved["from"]["team"], &moved["to"]["team"]), (&"support".into(), &"triage".into()));
    let examples = moved["examples"].as_array().unwrap();
    assert!(examples.iter().any(|example| example["url"] == "https://forum.example/k-1"), "{moved}");
    let shown = scene.run(&["replay", "--new", "new.yaml"]).stdout;
    assert!(shown.contains("2 would move, 66.7 %"), "{shown}");

    let nothing = scene.run(&["replay", "--new", "new.yaml", "--since", "2100-01-01T00:00:00Z"]).stdout;
    assert!(nothing.starts_with("0 mentions since 2100"), "{nothing}");
    scene.fails(&["replay", "--new", "nowhere.yaml"], 64);
    assert_eq!(everything(scene), before, "nothing was written");
}
