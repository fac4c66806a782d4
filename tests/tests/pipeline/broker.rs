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
    // A killed node is let in again after its old session: 9 s by default.
    let settings = vec![("broker.session.timeout.ms", "3000".to_owned())];
    let Some(kafka) = Kafka::start(&Options { settings, ..Options::default() }) else { return };
    let scene = Scene::embedded();
    let log = format!("kafka: {{bootstrap_servers: \"{}\"}}", kafka.bootstrap_servers());
    scene.configure(&log, &scene.rest_of_configuration());
    scene.run(&["topics", "create", "--partitions", "2", "--replication", "1"]);
    let mut up = scene.start(&["up", "--instance", "only", "--listen", "127.0.0.1:0"]);
    let address = http::address(&up);
    let post = |id: &str| {
        http::post(address, &format!(r#"{{"id": "{id}", "text": "Which garage is open?"}}"#)).unwrap()
    };
    assert_eq!(post("b-1").status, 200);

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
