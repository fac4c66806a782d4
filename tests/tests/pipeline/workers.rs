//! Several workers of a stage on Kafka: partitions change hands while posts flow.

use std::collections::BTreeSet;

use hark_tests::{deadline::wait_until, program::Program};

use crate::{
    http,
    scene::{DEADLINE, Scene},
};

/// Posts that flow in while something happens; one in five names no subject.
pub struct Flow<'a> {
    scene: &'a Scene,
    partitions: u32,
    written: usize,
    pub matching: BTreeSet<String>,
}

impl<'a> Flow<'a> {
    pub fn new(scene: &'a Scene) -> Self {
        Self { scene, partitions: scene.partitions("posts"), written: 0, matching: BTreeSet::new() }
    }

    /// Writes so many more, in one transaction: a worker has them all before it at once.
    pub fn write(&mut self, posts: usize) {
        let outputs: Vec<_> = (self.written..self.written + posts).map(|n| self.post(n)).collect();
        self.scene.write(&outputs);
        self.written += posts;
    }

    fn post(&mut self, n: usize) -> hark_log::Output {
        let id = format!("p-{n:05}");
        let text = if n.is_multiple_of(5) {
            format!("Nothing to see at harbour {n}")
        } else {
            self.matching.insert(id.clone());
            format!("Who knows a garage in street {n}?")
        };
        self.scene.post(self.partitions, &id, &text)
    }

    pub fn written(&self) -> u64 {
        self.written as u64
    }
}

/// How often partitions came to a worker. With none of them, it only learnt that it is a member.
fn assignments(worker: &Program) -> usize {
    let all = worker.said("partitions assigned partitions=[");
    all.iter().filter(|line| !line.contains("partitions=[]")).count()
}

fn wait_for_assignment(worker: &Program, n: usize) {
    wait_until("partitions come to the worker", DEADLINE, || assignments(worker) >= n);
}

#[test]
fn partitions_that_change_hands_while_posts_flow_lose_and_repeat_nothing() {
    let Some(scene) = Scene::kafka("partitions_that_change_hands") else { return };
    let mut flow = Flow::new(&scene);
    let route = scene.start(&["route", "--workers", "2", "--instance", "r", "--listen", "127.0.0.1:0"]);
    let first = scene.worker("enrich", "a");
    flow.write(1_000);
    scene.wait_for_outcomes("enrich", 1);

    let second = scene.worker("enrich", "b");
    flow.write(1_000);
    wait_for_assignment(&second, 1);
    flow.write(1_000);
    scene.wait_for_outcomes("enrich", 2_000);

    // Static members keep their place when they stop, so that a restart is no rebalance: after the session timeout the
    // other one takes over.
    first.stop(DEADLINE).well();
    flow.write(1_000);
    scene.wait_for_outcomes("enrich", flow.written());
    scene.wait_until_idle("enrich");
    scene.wait_until_idle("route");
    second.stop(DEADLINE).well();
    route.stop(DEADLINE).well();
    scene.assert_each_post_has_one_outcome(&flow.matching);
}

#[test]
fn a_worker_that_was_frozen_past_its_session_is_fenced_and_joins_again() {
    let Some(scene) = Scene::kafka("a_frozen_worker") else { return };
    let mut flow = Flow::new(&scene);
    let route = scene.worker("route", "r");
    let frozen = scene.worker("enrich", "a");
    let heir = scene.worker("enrich", "b");
    wait_for_assignment(&frozen, 1);
    wait_for_assignment(&heir, 1);
    flow.write(6_000);
    http::wait_until_at_work(&frozen, "enrich");
    // It holds what it has read since, and has not committed it.
    frozen.signal("STOP");
    assert!(scene.counts("enrich").total() < flow.written(), "frozen in the middle of work");
    scene.wait_for_outcomes("enrich", flow.written());

    let known = assignments(&frozen);
    frozen.signal("CONT");
    wait_until("its commit is refused", DEADLINE, || {
        ["transaction aborted", "lost consumer and producer"].iter().any(|said| !frozen.said(said).is_empty())
    });
    wait_for_assignment(&frozen, known + 1);
    flow.write(200);
    scene.wait_for_outcomes("enrich", flow.written());
    scene.wait_until_idle("enrich");
    scene.wait_until_idle("route");
    frozen.stop(DEADLINE).well();
    heir.stop(DEADLINE).well();
    route.stop(DEADLINE).well();
    scene.assert_each_post_has_one_outcome(&flow.matching);
}
