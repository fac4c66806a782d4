//! Feeds on both logs: polled by whoever owns their cursor, handed over in the middle of a page.

use std::{collections::BTreeMap, time::Duration};

use hark_schema::{Message as _, v1::RawPost};
use hark_tests::{
    deadline::wait_until,
    web::{Response, WebServer, rss},
};

use crate::{
    http,
    scene::{DEADLINE, Scene},
};

/// One look at what has been published: far shorter than a page takes.
const LOOK: Duration = Duration::from_millis(5);

fn items(range: std::ops::Range<usize>, padding: usize) -> Vec<(String, String, String)> {
    let text = "Which garage is open? ".repeat(padding);
    range.rev().map(|n| (format!("Title {n}"), format!("e-{n:04}"), format!("{text}{n}"))).collect()
}

/// Adds feeds to the configuration of a scene.
fn with_feeds(scene: &Scene, feeds: &[(&str, String)]) {
    let feeds: String = feeds
        .iter()
        .map(|(name, url)| {
            format!("  - {{name: {name}, kind: feed, url: \"{url}\", every: 10s, allow_private: true}}\n")
        })
        .collect();
    let (first, rest) =
        scene.configuration().split_once("sources:\n").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    std::fs::write(scene.path("hark.yaml"), format!("{first}sources:\n{feeds}{rest}")).unwrap();
}

/// How often each entry lies on the topic of posts.
fn entries(scene: &Scene) -> BTreeMap<String, usize> {
    let mut entries = BTreeMap::new();
    for value in scene.values("posts") {
        let post = RawPost::decode(&*value).unwrap();
        *entries.entry(post.r#ref.unwrap().native_id).or_default() += 1;
    }
    entries
}

fn assert_each_once(scene: &Scene, count: usize) {
    let entries = entries(scene);
    assert_eq!(entries.len(), count);
    let twice: Vec<_> = entries.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "published more than once: {twice:?}");
}

#[test]
fn once_polls_each_feed_whatever_its_interval_says_and_publishes_nothing_twice() {
    let scenes = [Some(Scene::embedded()), Scene::kafka("once_polls_each_feed")];
    for scene in scenes.into_iter().flatten() {
        let page = rss(&items(0..3, 1));
        let server = WebServer::start(move |_| Response::page(page.clone()));
        with_feeds(&scene, &[("news", server.url("/rss"))]);
        scene.work_off();
        scene.run(&["ingest", "--once", "--source", "news"]);
        assert_eq!(server.asked().len(), 2);
        assert_each_once(&scene, 3);
        assert_eq!(scene.values("queue.sales").len(), 3);

        server.answers(|_| Response::empty(500));
        let said = scene.fails(&["ingest", "--once"], 1);
        assert!(
            said.contains("the feed news could not be polled") && said.contains("the server answers 500"),
            "{said}"
        );
    }
}

#[test]
fn an_address_of_ones_own_network_is_refused_unless_the_source_allows_it() {
    let scene = Scene::embedded();
    let server = WebServer::start(|_| Response::page(rss(&items(0..1, 1))));
    with_feeds(&scene, &[("news", server.url("/rss"))]);
    let closed = scene.configuration().replace(", allow_private: true", "");
    std::fs::write(scene.path("hark.yaml"), closed).unwrap();
    let said = scene.fails(&["ingest", "--once"], 1);
    assert!(said.contains("127.0.0.1, an address of a private network: say `allow_private: true`"), "{said}");
    assert!(server.asked().is_empty());
}

#[test]
fn a_running_worker_polls_when_it_is_time_and_tells_polls_and_gaps() {
    let scene = Scene::embedded();
    let page = rss(&items(0..3, 1));
    let server = WebServer::start(move |_| Response::page(page.clone()));
    with_feeds(&scene, &[("news", server.url("/rss"))]);
    let up = scene.start(&["up", "--listen", "127.0.0.1:0"]);
    let address = http::address(&up);
    let polls = || http::metric(address, "hark_ingest_feed_polls_total", "result=\"new\"");
    wait_until("the first page is published", DEADLINE, || polls() >= 1.0);
    // Everything on it is new.
    let page = rss(&items(10..13, 1));
    server.answers(move |_| Response::page(page.clone()));
    wait_until("the next page is published", DEADLINE, || polls() >= 2.0);
    let gaps = || http::metric(address, "hark_ingest_feed_gaps_total", "source=\"news\"");
    wait_until("the gap is told", DEADLINE, || gaps() >= 1.0);
    up.wait_to_say("every entry of the page is new", 1, DEADLINE);
    wait_until("all are on their queue", DEADLINE, || scene.values("queue.sales").len() == 6);
    up.stop(DEADLINE).well();
}

#[test]
fn a_feed_that_is_handed_over_in_the_middle_of_its_page_loses_and_repeats_nothing() {
    const ENTRIES: usize = 1_000;
    let Some(scene) = Scene::kafka("a_feed_that_is_handed_over") else { return };
    // Large enough that it takes a while: twenty transactions.
    let page = rss(&items(0..ENTRIES, 500));
    let server = WebServer::start(move |_| Response::page(page.clone()));
    with_feeds(&scene, &[("news", server.url("/rss"))]);
    let ingest = |name: &str| scene.start(&["ingest", "--instance", name, "--listen", "127.0.0.1:0"]);
    let published = || scene.values("posts").len();
    let mut reader = scene.log().reader(&scene.topic("posts"), hark_log::From::Start).unwrap();
    let first = ingest("a");
    let mut seen = 0;
    wait_until("a part of the page is there", DEADLINE, || {
        reader.read(LOOK, &mut |_| seen += 1).unwrap();
        seen > 0
    });
    first.signal("STOP");
    let before = published();
    assert!(before < ENTRIES, "frozen in the middle of the page: {before}");

    // The group gives the cursor to another worker when the frozen one's session has ended.
    let second = ingest("b");
    wait_until("the other worker publishes the rest", DEADLINE, || published() >= ENTRIES);
    first.signal("CONT");
    // It is fenced: what it had in hand is not published once more. Both go on, each with what is its own.
    wait_until("the page is asked for again", DEADLINE, || server.asked().len() >= 3);
    assert_each_once(&scene, ENTRIES);
    let (mut first, mut second) = (first, second);
    assert!(first.is_alive() && second.is_alive());
    first.stop(DEADLINE).well();
    second.stop(DEADLINE).well();
    assert_each_once(&scene, ENTRIES);
}

#[test]
fn feeds_are_shared_among_the_workers_and_a_worker_that_ends_leaves_them_to_the_others() {
    let Some(scene) = Scene::kafka("feeds_are_shared") else { return };
    let page = rss(&items(0..2, 1));
    let server = WebServer::start(move |_| Response::page(page.clone()));
    let names: Vec<String> = (0..8).map(|n| format!("feed-{n}")).collect();
    let feeds: Vec<(&str, String)> =
        names.iter().map(|name| (name.as_str(), server.url(&format!("/{name}")))).collect();
    with_feeds(&scene, &feeds);
    let ingest = |name: &str| scene.start(&["ingest", "--instance", name, "--listen", "127.0.0.1:0"]);
    let (first, second) = (ingest("a"), ingest("b"));
    let owns = |worker: &hark_tests::program::Program| worker.said("this worker polls the feed").len();
    wait_until("each has some", DEADLINE, || owns(&first) >= 1 && owns(&second) >= 1);
    wait_until("all are polled", DEADLINE, || {
        names.iter().all(|name| server.asked().iter().any(|request| request.path == format!("/{name}")))
    });
    second.stop(DEADLINE).well();
    let asked_before = server.asked().len();
    wait_until("the first polls all of them", DEADLINE, || {
        let since = server.asked().split_off(asked_before);
        names.iter().all(|name| since.iter().any(|request| request.path == format!("/{name}")))
    });
    first.stop(DEADLINE).well();
    // Ids are the source's own: the same guid in eight feeds is sixteen posts.
    assert_eq!(scene.values("posts").len(), 16);
}
