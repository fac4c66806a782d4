//! A configuration that changes under a running program.

use std::{collections::BTreeSet, fs::OpenOptions, io::Write as _};

use hark_schema::{Message as _, v1::Item};
use hark_tests::{deadline::wait_until, program::Program};

use crate::{
    http,
    scene::{DEADLINE, Scene},
};

const IN_FORCE: &str = "another configuration is in force";
const REFUSED: &str = "the changed configuration is refused";

/// The rule that sends those who speak of us to `support`, and the same when it sends them to `triage`.
const TO_SUPPORT: &str = "when: {subject: aurora}, to: support";
const TO_TRIAGE: &str = "when: {subject: aurora}, to: triage";

fn up(scene: &Scene) -> Program {
    scene.start(&["up", "--instance", "a", "--listen", "127.0.0.1:0"])
}

/// Saves the configuration as a careful editor does: as a whole.
fn save(scene: &Scene, text: &str) {
    std::fs::write(scene.path("hark.yaml.new"), text).unwrap();
    std::fs::rename(scene.path("hark.yaml.new"), scene.path("hark.yaml")).unwrap();
}

/// The revision of the configuration on the disk.
fn revision(scene: &Scene) -> String {
    let checked = scene.run(&["check"]).stdout;
    let line = checked.lines().find_map(|line| line.trim().strip_prefix("revision")).unwrap();
    line.trim().to_owned()
}

/// Posts that speak of us, appended to the file that is being read.
struct Posts<'a> {
    scene: &'a Scene,
    ids: BTreeSet<String>,
}

impl<'a> Posts<'a> {
    fn new(scene: &'a Scene) -> Self {
        Self { scene, ids: BTreeSet::new() }
    }

    fn write(&mut self, posts: usize) {
        let path = self.scene.path("posts/all.jsonl");
        let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        for _ in 0..posts {
            let id = format!("p-{:05}", self.ids.len());
            writeln!(file, r#"{{"id": "{id}", "text": "Aurora Motors and my car, part {id}"}}"#).unwrap();
            self.ids.insert(id);
        }
    }

    fn wait_until_routed(&self) {
        self.scene.wait_for_outcomes("route", self.ids.len() as u64);
    }
}

/// Revision and offset of each item of a queue, by partition in the order of the log.
fn revisions(scene: &Scene, queue: &str) -> Vec<String> {
    let items = scene.values(queue).into_iter().map(|value| Item::decode(&*value).unwrap());
    items.map(|item| item.config_revision).collect()
}

#[test]
fn a_changed_configuration_is_taken_over_while_posts_flow_on_the_embedded_log() {
    a_changed_configuration_is_taken_over_while_posts_flow(&Scene::embedded());
}

#[test]
fn a_changed_configuration_is_taken_over_while_posts_flow_on_kafka() {
    let Some(scene) = Scene::kafka("a_changed_configuration") else { return };
    a_changed_configuration_is_taken_over_while_posts_flow(&scene);
}

fn a_changed_configuration_is_taken_over_while_posts_flow(scene: &Scene) {
    let (first, mut posts) = (scene.configuration(), Posts::new(scene));
    let old = revision(scene);
    posts.write(2_000);
    let running = up(scene);
    http::address(&running);
    scene.wait_for_outcomes("route", 1);

    // In the middle of its work.
    let second = first.replace(TO_SUPPORT, TO_TRIAGE);
    assert_ne!(first, second);
    save(scene, &second);
    let new = revision(scene);
    let said = running.wait_to_say(IN_FORCE, 1, DEADLINE);
    assert!(said.contains(&old) && said.contains(&new), "{said}");
    posts.write(2_000);
    scene.wait_for_outcomes("route", 2_100);
    running.kill();

    // Whoever comes next begins with what the file says.
    let running = up(scene);
    posts.write(500);
    posts.wait_until_routed();
    scene.wait_until_idle("route");
    running.stop(DEADLINE).well();

    scene.assert_each_post_has_one_outcome(&posts.ids);
    let (support, triage) = (revisions(scene, "queue.support"), revisions(scene, "queue.triage"));
    // Each item was decided by the rules whose revision it carries.
    assert!(!support.is_empty() && support.iter().all(|revision| *revision == old), "{support:?}");
    assert!(triage.len() >= 500 && triage.iter().all(|revision| *revision == new), "{triage:?}");
}

#[test]
fn a_bad_configuration_is_refused_and_the_old_one_stays_on_the_embedded_log() {
    a_bad_configuration_is_refused_and_the_old_one_stays(&Scene::embedded());
}

#[test]
fn a_bad_configuration_is_refused_and_the_old_one_stays_on_kafka() {
    let Some(scene) = Scene::kafka("a_bad_configuration") else { return };
    a_bad_configuration_is_refused_and_the_old_one_stays(&scene);
}

fn a_bad_configuration_is_refused_and_the_old_one_stays(scene: &Scene) {
    let (good, mut posts) = (scene.configuration(), Posts::new(scene));
    let running = up(scene);
    let address = http::address(&running);
    let refused = |times: usize, says: &str| {
        running.wait_to_say(REFUSED, times, DEADLINE);
        running.wait_to_say(says, 1, DEADLINE);
        wait_until("the metrics say so", DEADLINE, || {
            #[allow(clippy::cast_precision_loss)]
            let times = times as f64;
            http::metric(address, "hark_config_reloads_total", "refused") >= times
                && http::metric(address, "hark_config_refused", "") > 0.0
        });
    };

    save(scene, &good.replace("subject: aurora}", "subjekt: aurora}"));
    refused(1, "did you mean 'subject'?");
    save(scene, &format!("{good}tests: [{{name: a wish, say: Aurora Motors, expect: {{team: sales}}}}]\n"));
    refused(2, "the test 'a wish' fails: team: expected sales, got support");
    save(scene, &good.replace("tenant: aurora", "tenant: borealis"));
    refused(3, "'tenant' has changed, which a running process cannot take over; restart it");
    save(scene, &good.replace("  support: {}\n", "").replace("to: support", "to: triage"));
    refused(4, "the team 'support' is gone");

    // The one that was there first goes on.
    posts.write(10);
    posts.wait_until_routed();
    assert_eq!(revisions(scene, "queue.support").len(), 10);

    save(scene, &good);
    running.wait_to_say("the file is again what is in force", 1, DEADLINE);
    assert!(http::metric(address, "hark_config_refused", "") < 1.0);
    assert!(http::metric(address, "hark_config_reloads_total", "taken") < 1.0);
    running.signal("HUP");
    running.wait_to_say("the configuration has not changed", 1, DEADLINE);
    // What it refused is refused as long as it lies there, at a start too.
    save(scene, &good.replace("subject: aurora}", "subjekt: aurora}"));
    refused(5, "did you mean 'subject'?");
    running.kill();
    scene.fails(&["up", "--once"], 64);
    save(scene, &good);
    scene.run(&["up", "--once"]);
}

#[test]
fn a_new_team_gets_its_queue_on_the_embedded_log() {
    let (scene, with_press) = with_press(Scene::embedded());
    let running = up(&scene);
    http::address(&running);
    save(&scene, &with_press);
    running.wait_to_say(IN_FORCE, 1, DEADLINE);
    goes_to_press(&scene);
    running.stop(DEADLINE).well();
}

#[test]
fn a_new_team_without_its_topic_is_refused_with_the_command_to_run_on_kafka() {
    let Some(scene) = Scene::kafka("a_new_team_without_its_topic") else { return };
    let (scene, with_press) = with_press(scene);
    let running = up(&scene);
    http::address(&running);
    save(&scene, &with_press);
    let topic = scene.topic("queue.press");
    running.wait_to_say(
        &format!("the topic {topic} is missing; run: hark topics create --config hark.yaml"),
        1,
        DEADLINE,
    );
    scene.run(&["topics", "create", "--partitions", "4"]);
    // It would look again by itself; asked, it does so at once.
    running.signal("HUP");
    running.wait_to_say(IN_FORCE, 1, DEADLINE);
    goes_to_press(&scene);
    running.stop(DEADLINE).well();
}

/// The scene, and its configuration with one team more, which gets what `support` got.
fn with_press(scene: Scene) -> (Scene, String) {
    let text = scene.configuration();
    let with_press =
        text.replace("  support: {}\n", "  support: {}\n  press: {}\n").replace("to: support", "to: press");
    assert_ne!(text, with_press);
    (scene, with_press)
}

fn goes_to_press(scene: &Scene) {
    let mut posts = Posts::new(scene);
    posts.write(5);
    posts.wait_until_routed();
    assert_eq!(revisions(scene, "queue.press").len(), 5);
}

#[test]
fn workers_with_different_revisions_are_seen_in_their_metrics() {
    let Some(scene) = Scene::kafka("workers_with_different_revisions") else { return };
    let first = scene.worker("route", "a");
    let address = http::address(&first);
    let (old, text) = (revision(&scene), scene.configuration());
    std::fs::write(scene.path("other.yaml"), text.replace(TO_SUPPORT, TO_TRIAGE)).unwrap();
    let second =
        scene.start(&["route", "--instance", "b", "--listen", "127.0.0.1:0", "--config", "other.yaml"]);
    let other = http::address(&second);
    let one = |address, revision: &str| http::metric(address, "hark_config_info", revision) > 0.0;
    let shown = scene.run(&["check", "--config", "other.yaml"]).stdout;
    let new = shown.lines().find_map(|line| line.trim().strip_prefix("revision")).unwrap().trim().to_owned();
    assert!(one(address, &old) && !one(address, &new), "the first runs the old one");
    assert!(one(other, &new) && !one(other, &old), "the second runs the new one");

    save(&scene, &text.replace(TO_SUPPORT, TO_TRIAGE));
    first.wait_to_say(IN_FORCE, 1, DEADLINE);
    wait_until("both run the new one", DEADLINE, || one(address, &new) && !one(address, &old));
    first.stop(DEADLINE).well();
    second.stop(DEADLINE).well();
}
