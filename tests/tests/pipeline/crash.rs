//! kill -9 in the middle of work.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use hark_tests::deadline::{wait_for, wait_until};

use crate::{
    http,
    scene::{DEADLINE, Scene},
    workers::Flow,
};

#[test]
fn workers_killed_in_mid_work_and_restarted_under_their_names_lose_and_repeat_nothing() {
    let Some(scene) = Scene::kafka("workers_killed_in_mid_work") else { return };
    let mut flow = Flow::new(&scene);
    let (mut enrich, mut route) = (scene.worker("enrich", "e"), scene.worker("route", "r"));
    for _ in 0..2 {
        flow.write(4_000);
        http::wait_until_at_work(&enrich, "enrich");
        enrich.kill();
        http::wait_until_at_work(&route, "route");
        route.kill();
        assert!(scene.counts("enrich").total() < flow.written(), "killed in the middle of it");
        enrich = scene.worker("enrich", "e");
        route = scene.worker("route", "r");
    }
    scene.wait_for_outcomes("enrich", flow.written());
    scene.wait_until_idle("enrich");
    scene.wait_until_idle("route");
    enrich.stop(DEADLINE).well();
    route.stop(DEADLINE).well();
    scene.assert_each_post_has_one_outcome(&flow.matching);
}

#[test]
fn what_a_webhook_has_accepted_survives_a_kill_of_the_whole_program() {
    const POSTS: usize = 150;
    const KILLS: usize = 3;
    let scene = Scene::embedded();
    let up = || {
        let program = scene.start(&["up", "--listen", "127.0.0.1:0"]);
        let address = http::address(&program);
        (program, address)
    };
    let (first, address) = up();
    let (address, accepted) = (Mutex::new(address), AtomicUsize::new(0));
    let program = std::thread::scope(|scope| {
        let mut program = first;
        scope.spawn(|| send(POSTS, &address, &accepted));
        for kill in 1..=KILLS {
            wait_until("the sender gets on", DEADLINE, || {
                accepted.load(Ordering::Relaxed) >= kill * POSTS / (KILLS + 1)
            });
            program.kill();
            let (again, new_address) = up();
            program = again;
            *address.lock().unwrap() = new_address;
        }
        program
    });
    scene.wait_until_idle("enrich");
    scene.wait_until_idle("route");
    program.stop(DEADLINE).well();
    let matching: BTreeSet<String> = (0..POSTS).map(|n| format!("w-{n}")).collect();
    scene.assert_each_post_has_one_outcome(&matching);
}

/// A sender that repeats a post until it is accepted, as senders of webhooks do.
fn send(posts: usize, address: &Mutex<SocketAddr>, accepted: &AtomicUsize) {
    for n in 0..posts {
        let body = format!(r#"{{"id": "w-{n}", "text": "Who knows a garage in street {n}?"}}"#);
        wait_for("the post is accepted", DEADLINE, || {
            let address: SocketAddr = *address.lock().unwrap();
            http::post(address, &body).ok().filter(|answer| answer.status == 200)
        });
        accepted.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_file_whose_reader_is_killed_is_published_line_by_line_once_on_the_embedded_log() {
    a_file_whose_reader_is_killed_is_published_line_by_line_once(&Scene::embedded());
}

#[test]
fn a_file_whose_reader_is_killed_is_published_line_by_line_once_on_kafka() {
    let Some(scene) = Scene::kafka("a_file_whose_reader_is_killed") else { return };
    a_file_whose_reader_is_killed_is_published_line_by_line_once(&scene);
}

fn a_file_whose_reader_is_killed_is_published_line_by_line_once(scene: &Scene) {
    const LINES: usize = 20_000;
    const KILLS: usize = 3;
    let lines = (0..LINES).map(|n| format!("{{\"id\": \"l-{n}\", \"text\": \"Line {n} of an archive\"}}\n"));
    std::fs::write(scene.path("posts/archive.jsonl"), lines.collect::<String>()).unwrap();
    for _ in 0..KILLS {
        let ingest = scene.worker("ingest", "i");
        let address = http::address(&ingest);
        wait_until("it has begun", DEADLINE, || {
            http::metric(address, "hark_ingest_records_total", "forum") > 0.0
        });
        ingest.kill();
    }
    let before = scene.values("posts").len();
    scene.run(&["ingest", "--once"]);
    let values = scene.values("posts");
    let ids: BTreeSet<String> = values.iter().map(|value| native_id(value)).collect();
    assert_eq!((ids.len(), values.len()), (LINES, LINES), "each line once; {before} before the last run");
}

fn native_id(post: &[u8]) -> String {
    use hark_schema::Message as _;
    hark_schema::v1::RawPost::decode(post).unwrap().r#ref.unwrap().native_id
}
