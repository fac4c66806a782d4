//! A Kafka that goes away and comes back.

use hark_tests::{
    deadline::{wait_for, wait_until},
    kafka::{Kafka, Options},
};

use crate::{
    http,
    scene::{DEADLINE, Scene},
};

#[test]
fn a_broker_that_dies_and_comes_back_ends_nobody_and_loses_nothing() {
    let Some((kafka, scene)) = on_a_broker_of_its_own() else { return };
    let mut up = scene.start(&["up", "--instance", "only", "--listen", "127.0.0.1:0"]);
    let address = http::address(&up);
    let post = |id: &str| {
        http::post(address, &format!(r#"{{"id": "{id}", "text": "Which garage is open?"}}"#)).unwrap()
    };
    assert_eq!(post("b-1").status, 200);
    // A worker that finds no broker at its very start ends, and says so.
    wait_until("all have begun", DEADLINE, || http::get(address, "/readyz").unwrap().status == 200);

    kafka.kill_node(1);
    let refused = wait_for("the sender is told to try later", DEADLINE, || {
        let answer = post("b-2");
        (answer.status != 200).then_some(answer)
    });
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert_eq!(http::get(address, "/livez").unwrap().status, 200);
    assert!(up.is_alive(), "the loss of a broker is no end");

    kafka.start_node(1);
    wait_until("the sender is let in again", DEADLINE, || post("b-2").status == 200);
    let shown = wait_for("both items are on the queue", DEADLINE, || {
        let items = scene.tail("queue.sales");
        (items.len() >= 2).then_some(items)
    });
    up.stop(DEADLINE).well();
    assert_eq!(shown.len(), 2, "{shown:?}");
    assert_eq!(scene.tail("queue.sales").len(), 2, "and no more come");
}

#[test]
fn idle_workers_say_that_they_are_not_ready_while_all_brokers_are_away() {
    let Some((kafka, scene)) = on_a_broker_of_its_own() else { return };
    let start = |stage| scene.start(&[stage, "--instance", "only", "--listen", "127.0.0.1:0"]);
    let workers = ["ingest", "enrich", "route"].map(start);
    let ready = |worker| http::get(http::address(worker), "/readyz").unwrap();
    for worker in &workers {
        wait_until("it is ready", DEADLINE, || ready(worker).status == 200);
    }

    kafka.kill_node(1);
    for worker in &workers {
        wait_until("it says why it is not ready", DEADLINE, || {
            let answer = ready(worker);
            answer.status == 503 && answer.body.contains("log: not reachable: no Kafka broker answers")
        });
    }
    kafka.start_node(1);
    for worker in &workers {
        wait_until("it is ready again", DEADLINE, || ready(worker).status == 200);
    }
    for worker in workers {
        worker.stop(DEADLINE).well();
    }
}

#[test]
fn workers_outlive_a_broker_that_stood_still_and_stop_while_it_stands_still_again() {
    let Some((kafka, scene)) = on_a_broker_of_its_own() else { return };
    let workers = ["ingest", "enrich", "route"].map(|stage| scene.worker(stage, "only"));
    let ready = |worker| http::get(http::address(worker), "/readyz").map_or(0, |answer| answer.status);
    let wait_for_all = |status: u16| {
        for worker in &workers {
            wait_until(&format!("/readyz answers {status}"), DEADLINE, || ready(worker) == status);
        }
    };
    wait_for_all(200);
    // A static member is fenced by each of them, and nobody runs under its name.
    for _ in 0..2 {
        kafka.pause_node(1);
        wait_for_all(503);
        kafka.resume_node(1);
        wait_for_all(200);
    }
    // So many that each is in a transaction when the broker stops to answer.
    let posts: String = (0..20_000)
        .map(|number| format!("{{\"id\": \"{number}\", \"text\": \"Which garage is open?\"}}\n"))
        .collect();
    std::fs::write(scene.path("posts/many.jsonl"), posts).unwrap();
    wait_until("items arrive", DEADLINE, || !scene.tail("queue.sales").is_empty());
    kafka.pause_node(1);
    wait_for_all(503);
    for worker in workers {
        worker.stop(DEADLINE).well();
    }
}

#[test]
fn whoever_leaves_its_group_while_a_broker_stands_still_does_not_wait_for_its_word() {
    let Some((kafka, scene)) = on_a_broker_of_its_own() else { return };
    let start = |stage| scene.start(&[stage, "--listen", "127.0.0.1:0"]);
    let members = ["enrich", "route"].map(start);
    for worker in &members {
        let ready = || http::get(http::address(worker), "/readyz").is_ok_and(|answer| answer.status == 200);
        wait_until("it is ready", DEADLINE, ready);
    }
    kafka.pause_node(1);
    // It would say goodbye to its group.
    for worker in members {
        worker.stop(DEADLINE).well();
    }
}

#[test]
fn a_topic_that_is_deleted_under_a_worker_is_named_until_it_is_there_again() {
    let Some(scene) = Scene::kafka("a_topic_that_is_deleted") else { return };
    let up = scene.start(&["up", "--instance", "only", "--listen", "127.0.0.1:0"]);
    let address = http::address(&up);
    wait_until("it is ready", DEADLINE, || http::get(address, "/readyz").unwrap().status == 200);
    let queue = scene.topic("queue.sales");
    Kafka::shared().unwrap().tool(&["topics", "--delete", "--topic", &queue]);
    assert_eq!(http::post(address, r#"{"id": "d-1", "text": "Which garage is open?"}"#).unwrap().status, 200);
    let says = format!("topic {queue} does not exist: run `hark topics create`");
    up.wait_to_say(&says, 1, DEADLINE);
    wait_until("/readyz says so too", DEADLINE, || {
        let answer = http::get(address, "/readyz").unwrap();
        answer.status == 503 && answer.body.contains(&says)
    });
    scene.run(&["topics", "create", "--partitions", "4"]);
    wait_until("it goes on", DEADLINE, || http::get(address, "/readyz").unwrap().status == 200);
    assert_eq!(scene.tail("queue.sales").len(), 1);
    up.stop(DEADLINE).well();
}

/// Topics are there, and the broker may be stopped and started.
fn on_a_broker_of_its_own() -> Option<(Kafka, Scene)> {
    // A killed node is let in again after its old session: 9 s by default.
    let settings = vec![("broker.session.timeout.ms", "3000".to_owned())];
    let kafka = Kafka::start(&Options { settings, ..Options::default() })?;
    let scene = Scene::embedded();
    let log = format!("kafka: {{bootstrap_servers: \"{}\"}}", kafka.bootstrap_servers());
    scene.configure(&log, &scene.rest_of_configuration());
    scene.run(&["topics", "create", "--partitions", "2", "--replication", "1"]);
    Some((kafka, scene))
}
