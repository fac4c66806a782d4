//! Several workers of a stage on Kafka: partitions change hands while posts flow.

use std::collections::BTreeSet;

use crate::scene::{DEADLINE, Scene};

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

/// A worker said that partitions came to it, and which.
fn assigned(worker: &hark_tests::program::Program, n: usize) -> String {
    worker.wait_to_say("partitions assigned partitions=[", n, DEADLINE)
}

#[test]
fn partitions_that_change_hands_while_posts_flow_lose_and_repeat_nothing() {
    let Some(scene) = Scene::kafka("partitions_that_change_hands") else { return };
    let mut flow = Flow::new(&scene);
    let route = scene.worker("route", "r");
    let first = scene.worker("enrich", "a");
    flow.write(1_000);
    scene.wait_for_outcomes("enrich", 1);

    let second = scene.worker("enrich", "b");
    flow.write(1_000);
    assigned(&second, 1);
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
    assigned(&frozen, 1);
    assigned(&heir, 1);
    // Frozen in the middle of work: it holds what it has read and not committed.
    flow.write(4_000);
    scene.wait_for_outcomes("enrich", 1);
    frozen.signal("STOP");
    scene.wait_for_outcomes("enrich", flow.written());

    frozen.signal("CONT");
    flow.write(200);
    let known = frozen.said("partitions assigned partitions=[").len();
    assigned(&frozen, known.max(1));
    scene.wait_for_outcomes("enrich", flow.written());
    scene.wait_until_idle("enrich");
    scene.wait_until_idle("route");
    frozen.stop(DEADLINE).well();
    heir.stop(DEADLINE).well();
    route.stop(DEADLINE).well();
    scene.assert_each_post_has_one_outcome(&flow.matching);
}
