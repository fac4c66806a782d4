//! A webhook in, items out, on a running `hark up`.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use hark_tests::deadline::wait_until;

use crate::{
    http,
    scene::{DEADLINE, Scene},
};

/// What a stop may take.
const STOP: Duration = Duration::from_secs(5);

#[test]
fn a_post_to_the_webhook_becomes_an_item_on_the_embedded_log() {
    a_post_to_the_webhook_becomes_an_item(&Scene::embedded());
}

#[test]
fn a_body_that_is_on_its_way_at_the_stop_is_answered() {
    let scene = Scene::embedded();
    let program = scene.start(&["up", "--listen", "127.0.0.1:0"]);
    let mut stream = TcpStream::connect(http::address(&program)).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let token = http::TOKEN;
    let head = format!(
        "POST /v1/posts/shop HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         content-length: 100\r\nexpect: 100-continue\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    // It is told to go on when its body is waited for.
    let mut told = [0; 25];
    stream.read_exact(&mut told).unwrap();
    assert!(told.starts_with(b"HTTP/1.1 100 "), "{}", String::from_utf8_lossy(&told));
    program.signal("TERM");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let answer = answer.to_lowercase();
    for part in ["http/1.1 503 ", "retry-after: 5", "connection: close", "stopping"] {
        assert!(answer.contains(part), "{part} is not in: {answer}");
    }
    program.wait(DEADLINE).well();
}

#[test]
fn a_post_to_the_webhook_becomes_an_item_on_kafka() {
    let Some(scene) = Scene::kafka("a_post_to_the_webhook_becomes_an_item") else { return };
    a_post_to_the_webhook_becomes_an_item(&scene);
}

fn a_post_to_the_webhook_becomes_an_item(scene: &Scene) {
    let up = || scene.start(&["up", "--instance", "only", "--listen", "127.0.0.1:0"]);
    let program = up();
    let address = http::address(&program);
    wait_until("it is ready", DEADLINE, || http::get(address, "/readyz").unwrap().status == 200);

    let stranger = http::post_as(address, "a-wrong-token", r#"{"id": "s-0", "text": "Let me in"}"#).unwrap();
    assert_eq!(stranger.status, 401, "{}", stranger.body);

    let half_good = r#"[{"id": "s-1", "text": "Any garage near the mill?"}, {"id": "s-2"}]"#;
    let refused = http::post(address, half_good).unwrap();
    assert_eq!(refused.status, 422, "{}", refused.body);
    let errors: serde_json::Value = serde_json::from_str(&refused.body).unwrap();
    assert_eq!(errors["errors"][0]["index"], 1, "{}", refused.body);
    assert!(scene.values("posts").is_empty(), "the whole body or none of it");

    let body = r#"[{"id": "s-1", "text": "Any garage near the mill?"}, {"id": "s-3", "text": "Aurora Motors, well done!"}]"#;
    let taken = http::post(address, body).unwrap();
    assert_eq!(taken.status, 200, "{}", taken.body);
    let counted = http::metric(address, "hark_ingest_records_total", r#"source="shop",outcome="emitted""#);
    assert!((counted - 2.0).abs() < 0.5, "what is answered is counted: {counted}");
    assert_eq!(scene.values("posts").len(), 2, "what is answered with 200 is committed");
    scene.wait_for_outcomes("route", 2);
    assert_eq!((scene.values("queue.sales").len(), scene.values("queue.support").len()), (1, 1));

    assert_eq!(http::post(address, body).unwrap().status, 200, "a sender may repeat itself");
    scene.wait_for_outcomes("enrich", 4);
    // Counters move after the commit that others see at once.
    for (name, label, posts) in [
        ("hark_enrich_records_total", "emitted", 2.0),
        ("hark_enrich_records_total", "repeat", 2.0),
        ("hark_route_records_total", "emitted", 2.0),
        ("hark_ingest_records_total", r#"source="shop",outcome="emitted""#, 4.0),
    ] {
        wait_until(&format!("{name} {label} is {posts}"), DEADLINE, || {
            http::metric(address, name, label) == posts
        });
    }

    let began = Instant::now();
    program.stop(DEADLINE).well();
    assert!(began.elapsed() < STOP, "it took {:?} to stop", began.elapsed());

    let program = up();
    let address = http::address(&program);
    assert_eq!(http::post(address, body).unwrap().status, 200);
    scene.wait_for_outcomes("enrich", 6);
    program.stop(DEADLINE).well();
    assert_eq!(scene.counts("enrich").get("repeat"), 4);
    assert_eq!((scene.values("queue.sales").len(), scene.values("queue.support").len()), (1, 1));
}
