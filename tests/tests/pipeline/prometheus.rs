//! A running `hark up`, scraped by a real Prometheus with the rules as they are shipped, until an alert reaches a webhook by way of
//! a real Alertmanager. `.ci/run` fetches both from Debian; where they are not on the PATH the test says so.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex},
};

use hark_tests::{
    deadline::{wait_for, wait_until},
    program::{Program, free_address},
};
use serde_json::Value;

use crate::{
    http,
    rules::{RULES, dashboard_expressions, repository, rule_expressions},
    scene::{DEADLINE, Scene},
};

/// As Debian calls Alertmanager, and as everybody else does.
const ALERTMANAGER: [&str; 2] = ["prometheus-alertmanager", "alertmanager"];

/// Where a program lies, by the PATH.
pub fn find(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<_> = std::env::split_paths(&path).collect();
    folders
        .iter()
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .find(|file| file.is_file())
}

/// Says why a test is left out; `HARK_REQUIRE_PROMETHEUS=1` forbids it.
pub fn skip(why: &str) {
    assert!(
        std::env::var_os("HARK_REQUIRE_PROMETHEUS").is_none_or(|value| value != "1"),
        "HARK_REQUIRE_PROMETHEUS=1 forbids to skip, but: {why}"
    );
    eprintln!("skipped: {why}");
}

/// Takes whatever is sent to it, and answers 200.
struct Webhook {
    address: SocketAddr,
    bodies: Arc<Mutex<Vec<String>>>,
}

impl Webhook {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let bodies: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = bodies.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut length = 0;
                loop {
                    let mut line = String::new();
                    if reader.read_line(&mut line).unwrap() <= 2 {
                        break;
                    }
                    if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                kept.lock().unwrap().push(String::from_utf8(body).unwrap());
                (&stream)
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                    .unwrap();
            }
        });
        Self { address, bodies }
    }

    /// The first alert of that name that came.
    fn alert(&self, name: &str) -> Option<Value> {
        let bodies = self.bodies.lock().unwrap();
        let alerts = bodies.iter().flat_map(|body| {
            let body: Value = serde_json::from_str(body).unwrap();
            body["alerts"].as_array().cloned().unwrap_or_default()
        });
        alerts.into_iter().find(|alert| alert["labels"]["alertname"] == name)
    }
}

/// How many samples Prometheus has for an expression: the whole of them may be more than comes in one piece.
fn ask(prometheus: SocketAddr, expression: &str) -> Option<Value> {
    let encoded: String = format!("count({expression})").bytes().map(|byte| format!("%{byte:02X}")).collect();
    let answer = http::get(prometheus, &format!("/api/v1/query?query={encoded}")).ok()?;
    serde_json::from_str(&answer.body).ok()
}

fn has_samples(answer: Option<Value>) -> bool {
    answer
        .is_some_and(|answer| answer["data"]["result"].as_array().is_some_and(|samples| !samples.is_empty()))
}

#[test]
fn a_dead_letter_becomes_an_alert_that_reaches_a_webhook() {
    let (Some(prometheus), Some(alertmanager)) = (find(&["prometheus"]), find(&ALERTMANAGER)) else {
        skip(
            "prometheus or prometheus-alertmanager is not on the PATH (Debian: apt-get install prometheus prometheus-alertmanager)",
        );
        return;
    };
    let scene = Scene::embedded();
    std::fs::write(scene.path("posts/forum.jsonl"), "{\"id\": \"1\", \"text\": \"Any garage near?\"}\n")
        .unwrap();
    let hark = scene.start(&["up", "--listen", "127.0.0.1:0"]);
    let hark_at = http::address(&hark);
    let webhook = Webhook::start();
    let (prometheus_at, alertmanager_at) = (free_address(), free_address());

    // As shipped, but for where it sends, and without waiting for more alerts to send along.
    let shipped = std::fs::read_to_string(repository().join("deploy/compose/alertmanager.yml")).unwrap();
    let receiver = "# webhook_configs: [{url: \"https://ops.example/alerts\"}]";
    assert!(shipped.contains(receiver) && shipped.contains("group_wait: 10s"), "{shipped}");
    let config = shipped
        .replace(receiver, &format!("webhook_configs: [{{url: \"http://{}/\"}}]", webhook.address))
        .replace("group_wait: 10s", "group_wait: 0s");
    std::fs::write(scene.path("alertmanager.yml"), config).unwrap();
    let rules = repository().join(RULES);
    let config = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
         rule_files: [{rules:?}]\n\
         alerting: {{alertmanagers: [{{static_configs: [{{targets: [\"{alertmanager_at}\"]}}]}}]}}\n\
         scrape_configs:\n\
         - job_name: hark\n  static_configs: [{{targets: [\"{hark_at}\"], labels: {{stage: up}}}}]\n"
    );
    std::fs::write(scene.path("prometheus.yml"), config).unwrap();
    let _alertmanager = Program::start(
        Command::new(alertmanager)
            .arg(format!("--config.file={}", scene.path("alertmanager.yml").display()))
            .arg(format!("--storage.path={}", scene.path("alertmanager").display()))
            .arg(format!("--web.listen-address={alertmanager_at}"))
            .arg("--cluster.listen-address="),
    );
    let _prometheus = Program::start(
        Command::new(prometheus)
            .arg(format!("--config.file={}", scene.path("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", scene.path("prometheus").display()))
            .arg(format!("--web.listen-address={prometheus_at}")),
    );

    // The counter of rejections is there before anything is rejected, so that the first one is an increase.
    let none_yet = "hark_ingest_records_total{reason=\"malformed_json\"} == 0 and on (job) hark_route_latency_seconds_count == 1";
    wait_until("prometheus has scraped hark", DEADLINE, || has_samples(ask(prometheus_at, none_yet)));
    let mut posts = std::fs::OpenOptions::new().append(true).open(scene.path("posts/forum.jsonl")).unwrap();
    posts.write_all(b"this is no post\n{\"id\": \"2\", \"text\": \"Which garage?\"}\n").unwrap();
    let alert = wait_for("the alert of a dead letter reaches the webhook", DEADLINE, || {
        webhook.alert("HarkDeadLetters")
    });
    assert_eq!(alert["status"], "firing");
    assert_eq!(alert["labels"]["stage"], "ingest");
    assert_eq!(alert["labels"]["reason"], "malformed_json");
    assert_eq!(alert["annotations"]["runbook"], "docs/runbook.md#harkdeadletters");

    // What a parser by hand may let pass, Prometheus itself refuses.
    for expression in [rule_expressions(), dashboard_expressions()].concat() {
        let answer = ask(prometheus_at, &expression).unwrap_or_else(|| panic!("no answer to {expression}"));
        assert_eq!(answer["status"], "success", "{expression}: {answer}");
    }
    for shown in [
        "hark:late_items:ratio_rate5m",
        "hark:records:rate5m",
        "hark:lag_seconds:max",
        "hark_log_disk_free_bytes",
    ] {
        wait_until(&format!("{shown} has samples"), DEADLINE, || has_samples(ask(prometheus_at, shown)));
    }
}
