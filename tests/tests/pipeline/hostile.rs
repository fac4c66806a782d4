//! Bodies, lines and feeds that mean no good, and clients that mean none: each is answered as it deserves, and harms nobody beside it.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use hark_tests::{
    deadline::{wait_for, wait_until},
    http,
    program::Program,
    web::{Response, WebServer, rss},
};

use crate::{
    hostile_bodies::{self, Hostile},
    scene::{DEADLINE, Scene, TOKEN},
};

/// Clients of each slow kind; with bodies that might be of 1 MiB, these are more than a worker has room for.
const SLOW: usize = 150;
/// So many connect at the same time.
const CROWD: usize = 50;
/// A good post in every so many hostile bodies.
const GOOD_EVERY: usize = 25;

fn up(scene: &Scene) -> (Program, SocketAddr) {
    let program = scene.start(&["up", "--instance", "only", "--listen", "127.0.0.1:0"]);
    let address = http::address(&program);
    (program, address)
}

fn good(n: usize) -> String {
    format!(r#"{{"id": "good-{n}", "text": "Who knows a garage in street {n}?"}}"#)
}

/// What was good is there, each once, and the program still runs as it did.
fn assert_unharmed(scene: &Scene, mut program: Program, good: usize) {
    scene.wait_until_idle("enrich");
    scene.wait_until_idle("route");
    assert!(program.is_alive());
    assert!(program.said("panicked").is_empty(), "{:?}", program.said("panicked"));
    program.stop(DEADLINE).well();
    let items = scene.tail("queue.sales");
    let ids: std::collections::BTreeSet<&str> = items
        .iter()
        .filter_map(|line| line["value"]["mention"]["post"]["ref"]["nativeId"].as_str())
        .filter(|id| id.starts_with("good-"))
        .collect();
    assert_eq!(ids.len(), good, "what was good is there");
}

#[test]
fn a_thousand_hostile_bodies_are_each_answered_and_harm_no_post_beside_them() {
    let scene = Scene::embedded();
    let (program, address) = up(&scene);
    let mut sent_good = 0;
    for (n, Hostile { what, headers, body, statuses }) in hostile_bodies::all(1).into_iter().enumerate() {
        let answer = http::post_bytes(address, TOKEN, &headers, &body)
            .unwrap_or_else(|error| panic!("body {n}, {what}: no answer: {error}"));
        assert!(
            statuses.contains(&answer.status),
            "body {n}, {what}: {} in place of {statuses:?}: {}",
            answer.status,
            answer.body
        );
        if answer.status != 200 {
            let said: serde_json::Value = serde_json::from_str(&answer.body)
                .unwrap_or_else(|_| panic!("body {n}, {what}: {}", answer.body));
            assert!(said["errors"][0]["why"].is_string(), "body {n}, {what}: {}", answer.body);
        }
        if n.is_multiple_of(GOOD_EVERY) {
            assert_eq!(http::post(address, &good(sent_good)).unwrap().status, 200);
            sent_good += 1;
        }
    }
    assert_unharmed(&scene, program, sent_good);
}

#[test]
fn a_thousand_hostile_lines_of_a_file_harm_no_line_beside_them() {
    let scene = Scene::embedded();
    let (mut bytes, mut written_good) = (Vec::new(), 0);
    for (n, Hostile { body, .. }) in hostile_bodies::all(2).into_iter().enumerate() {
        bytes.extend_from_slice(&body);
        bytes.push(b'\n');
        if n.is_multiple_of(GOOD_EVERY) {
            bytes.extend_from_slice(good(written_good).as_bytes());
            bytes.push(b'\n');
            written_good += 1;
        }
    }
    std::fs::write(scene.path("posts/hostile.jsonl"), bytes).unwrap();
    scene.run(&["ingest", "--once"]);
    let (program, _) = up(&scene);
    assert_unharmed(&scene, program, written_good);
    assert!(!scene.values("dead-letters").is_empty(), "what was no post is kept");
}

#[test]
fn hostile_feeds_harm_no_feed_beside_them() {
    let scene = Scene::embedded();
    let pages: Vec<Vec<u8>> = hostile_bodies::feeds();
    let server = WebServer::start(move |request| {
        let number = request.path.strip_prefix("/hostile-").and_then(|n| n.parse::<usize>().ok());
        match number.and_then(|n| pages.get(n)) {
            Some(page) => Response::page(page.clone()).with("content-type", "application/xml"),
            None => {
                let items: Vec<_> = (0..5)
                    .map(|n| {
                        let text = format!("Who knows a garage in street {n}?");
                        (format!("Street {n}"), format!("good-{n}"), text)
                    })
                    .collect();
                Response::page(rss(&items))
            }
        }
    });
    let count = hostile_bodies::feeds().len();
    let mut sources = "sources:\n".to_owned();
    for n in 0..count {
        let url = server.url(&format!("/hostile-{n}"));
        sources.push_str(&format!(
            "  - {{name: hostile-{n}, kind: feed, url: \"{url}\", every: 1h, allow_private: true}}\n"
        ));
    }
    let url = server.url("/good");
    sources.push_str(&format!(
        "  - {{name: good, kind: feed, url: \"{url}\", every: 1h, allow_private: true}}\n"
    ));
    scene.configure("data: hark-data", &scene.rest_of_configuration().replace("sources:\n", &sources));
    let (program, address) = up(&scene);
    let polls = |label: &str| http::metric(address, "hark_ingest_feed_polls_total", label);
    wait_until("every feed has been polled", DEADLINE, || polls("") >= (count + 1) as f64);
    wait_until("the good feed's posts are there", DEADLINE, || scene.values("posts").len() >= 5);
    assert_unharmed(&scene, program, 5);
}

/// Half of a request, the connection kept open.
fn half(address: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    // Whoever is thrown out before it has said anything sees it later.
    stream.write_all(bytes).ok();
    stream
}

#[test]
fn clients_that_are_slow_endless_or_half_open_do_not_stop_the_others() {
    let scene = Scene::embedded();
    let (program, address) = up(&scene);
    let head = format!("POST /v1/posts/shop HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\n");
    let json = "content-type: application/json\r\n";
    let mut held: Vec<TcpStream> = Vec::new();
    for n in 0..SLOW {
        held.push(half(address, b"POST /v1/posts/shop HT"));
        held.push(half(address, head.as_bytes()));
        held.push(half(address, format!("{head}{json}content-length: 1000\r\n\r\n[{{").as_bytes()));
        held.push(half(
            address,
            format!("{head}{json}transfer-encoding: chunked\r\n\r\n5\r\n[    \r\n").as_bytes(),
        ));
        assert_eq!(http::post(address, &good(n)).unwrap().status, 200, "beside {} others", held.len());
    }

    drop(held);
    // A body without an end is cut off at the limit, not held in memory.
    let mut endless = half(address, format!("{head}{json}transfer-encoding: chunked\r\n\r\n").as_bytes());
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    let sent = (0..1_000).take_while(|_| endless.write_all(chunk.as_bytes()).is_ok()).count();
    let mut answer = String::new();
    let answered = endless.read_to_string(&mut answer).is_err() || answer.starts_with("HTTP/1.1 413");
    assert!(sent < 1_000 || answered, "64 MiB were taken: {answer}");

    // So is one that is small only until it is unpacked.
    let bomb = hostile_bodies::gzip_bomb();
    let headers = format!("{json}content-encoding: gzip\r\n");
    let answer = wait_for("there is room for what is packed", DEADLINE, || {
        http::post_bytes(address, TOKEN, &headers, &bomb).ok().filter(|answer| answer.status != 429)
    });
    assert_eq!(answer.status, 413, "{}", answer.body);
    assert_eq!(http::post(address, &good(SLOW)).unwrap().status, 200);
    assert_unharmed(&scene, program, SLOW + 1);
}

#[test]
fn ten_thousand_silent_connections_do_not_stop_the_others() {
    let scene = Scene::embedded();
    let (program, address) = up(&scene);
    // As many as this process, or the system's queue, takes; side by side, since whoever finds the queue full waits.
    let connect = || -> Vec<TcpStream> {
        let connect = |_| TcpStream::connect_timeout(&address, Duration::from_secs(5)).ok();
        (0..10_000 / CROWD).map_while(connect).collect()
    };
    let silent: Vec<TcpStream> = std::thread::scope(|scope| {
        let crowd: Vec<_> = (0..CROWD).map(|_| scope.spawn(connect)).collect();
        crowd.into_iter().flat_map(|part| part.join().unwrap()).collect()
    });
    assert!(silent.len() >= 1_200, "more than there are places: {}", silent.len());
    let answer = wait_for("somebody else is answered", DEADLINE, || http::post(address, &good(0)).ok());
    assert_eq!(answer.status, 200, "beside {} others: {}", silent.len(), answer.body);
    drop(silent);
    assert_unharmed(&scene, program, 1);
}
