//! What an operator asks: how far behind, and is it well.

use serde_json::Value;

use crate::{
    http,
    scene::{DEADLINE, Scene},
};

fn lags(scene: &Scene, stage: &str) -> Vec<Value> {
    let shown = scene.run(&["lag", "--stage", stage, "--format", "json"]).stdout;
    shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn sum(lags: &[Value]) -> i64 {
    lags.iter().map(|lag| lag["records"].as_i64().unwrap()).sum()
}

#[test]
fn lag_tells_records_and_seconds_of_each_partition_on_both_logs() {
    let embedded = Scene::embedded();
    embedded.run(&["topics", "create"]);
    let scenes = [Some(embedded), Scene::kafka("lag_tells_records")];
    for scene in scenes.into_iter().flatten() {
        let partitions = scene.partitions("posts");
        let posts: Vec<_> = (0..20)
            .map(|n| {
                let hour_ago = jiff::Timestamp::now().as_millisecond() - 3_600_000;
                let post = scene.post(partitions, &format!("l-{n}"), "Which garage is open?");
                hark_log::Output { timestamp_ms: Some(hour_ago), ..post }
            })
            .collect();
        scene.write(&posts);
        let before = lags(&scene, "enrich");
        assert_eq!(before.len(), partitions as usize);
        assert!(before.iter().all(|lag| lag["committed"].is_null()));
        // On Kafka the record that ends a transaction has an offset of its own.
        assert!((20..=20 + i64::from(partitions)).contains(&sum(&before)), "{before:?}");
        for lag in before.iter().filter(|lag| lag["records"].as_i64() > Some(0)) {
            let seconds = lag["seconds"].as_f64().unwrap();
            assert!((3_599.0..3_700.0).contains(&seconds), "{lag}");
        }
        let said = scene.run(&["lag"]).stdout;
        assert!(said.contains("route is at the end") && said.contains("s behind"), "{said}");
        scene.work_off();
        assert_eq!((sum(&lags(&scene, "enrich")), sum(&lags(&scene, "route"))), (0, 0));
    }
}

#[test]
fn health_asks_the_worker_where_it_listens() {
    let scene = Scene::embedded();
    let up = scene.start(&["up", "--listen", "127.0.0.1:0"]);
    let address = http::address(&up).to_string();
    hark_tests::deadline::wait_until("it is ready", DEADLINE, || {
        let asked = hark_tests::program::run(&mut scene.hark(&["health", "--listen", &address]), DEADLINE);
        asked.code == Some(0) && asked.stdout == "ready\n"
    });
    let mut by_environment = scene.hark(&["health", "--live"]);
    let live = hark_tests::program::run(by_environment.env("HARK_LISTEN", &address), DEADLINE).well();
    assert_eq!(live.stdout, "alive\n");
    up.stop(DEADLINE).well();
    let said = scene.fails(&["health", "--listen", &address], 1);
    assert!(said.contains(&format!("no worker answers at {address}")), "{said}");
}
