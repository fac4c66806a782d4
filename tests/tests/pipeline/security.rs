//! What docs/security.md promises and a test can see.

use std::path::Path;

use hark_tests::{
    deadline::wait_until,
    program::{self, Program},
    web::{Response, WebServer, rss},
};

use crate::{
    http,
    scene::{DEADLINE, Scene},
};

/// Every secret that a configuration can name, by its variable.
const SECRETS: [(&str, &str); 6] = [
    ("SHOP_TOKEN", "token-4f1c7e-of-the-shop"),
    ("FORUM_SECRET", "whsec_c2VjcmV0LW9mLXRoZS1mb3J1bS00ZjFjN2U="),
    ("KAFKA_PASSWORD", "password-4f1c7e-of-kafka"),
    ("KAFKA_KEY_PASSWORD", "password-4f1c7e-of-the-key"),
    ("KAFKA_PROPERTY", "property-4f1c7e-of-kafka"),
    ("FEED_URL", "set by the test"),
];

struct Ears {
    feed_secret: &'static str,
    feed_url: String,
}

impl Ears {
    fn command(&self, scene: &Scene, arguments: &[&str]) -> std::process::Command {
        let mut command = scene.hark(arguments);
        command.env("HARK_LOG", "trace");
        for (name, value) in SECRETS {
            command.env(name, value);
        }
        command.env("FEED_URL", &self.feed_url);
        command
    }

    fn assert_says_no_secret(&self, what: &str, said: &str) {
        for secret in SECRETS.iter().map(|(_, value)| *value).chain([self.feed_secret]) {
            assert!(!said.contains(secret), "{what} says {secret}");
        }
        // Nor in the form in which some library might print it.
        assert!(!said.contains("4f1c7e"), "{what} says a part of a secret");
    }
}

#[test]
fn no_secret_is_in_a_log_an_error_a_metric_or_what_a_command_prints_however_much_is_logged() {
    let scene = Scene::embedded();
    let server = WebServer::start(|_| Response::page(rss(&[])));
    let ears = Ears {
        feed_secret: "key-4f1c7e-of-the-feed",
        feed_url: server.url("/rss?key=key-4f1c7e-of-the-feed"),
    };
    let rest = scene.rest_of_configuration().replace(
        "sources:\n",
        "sources:\n  - {name: news, kind: feed, url: \"${FEED_URL}\", every: 10s, allow_private: true}\n  \
         - {name: board, kind: webhook, secret: \"${FORUM_SECRET}\"}\n",
    );
    scene.configure("data: hark-data", &rest);

    let up = Program::start(&mut ears.command(&scene, &["up", "--listen", "127.0.0.1:0"]));
    let address = http::address(&up);
    assert_eq!(http::post_as(address, SECRETS[0].1, r#"{"id": "1", "text": "garage"}"#).unwrap().status, 200);
    let wrong = http::post_as(address, "not-the-token", r#"{"id": "2", "text": "garage"}"#).unwrap();
    assert_eq!(wrong.status, 401);
    ears.assert_says_no_secret("an answer", &wrong.body);
    let polls = || http::metric(address, "hark_ingest_feed_polls_total", "");
    wait_until("the feed is polled", DEADLINE, || polls() >= 1.0);
    server.answers(|_| Response::empty(302).with("location", "/rss?key=key-4f1c7e-of-the-feed"));
    wait_until("the feed fails", DEADLINE, || {
        http::metric(address, "hark_ingest_feed_polls_total", "result=\"failed\"") >= 1.0
    });
    ears.assert_says_no_secret("/metrics", &http::get(address, "/metrics").unwrap().body);
    let ended = up.stop(DEADLINE).well();
    ears.assert_says_no_secret("a worker", &format!("{}{}", ended.stdout, ended.stderr));

    let commands: [&[&str]; 8] = [
        &["check"],
        &["test"],
        &["explain", "Aurora Motors"],
        &["lag"],
        &["dead-letters", "list"],
        &["tail", "posts", "--until-end", "--format", "json"],
        &["topics", "check"],
        &["ingest", "--once"],
    ];
    for command in commands {
        let ended = program::run(&mut ears.command(&scene, command), DEADLINE);
        ears.assert_says_no_secret(&format!("{command:?}"), &format!("{}{}", ended.stdout, ended.stderr));
    }

    // A cluster that is not there, with all that it takes to log in; and each thing that can be wrong with that.
    let tls = "tls: {ca: ca.pem, certificate: c.pem, key: k.pem, key_password: \"${KAFKA_KEY_PASSWORD}\"}";
    let sasl = "sasl: {mechanism: PLAIN, username: hark, password: \"${KAFKA_PASSWORD}\"}";
    for settings in [
        format!("kafka: {{bootstrap_servers: \"127.0.0.1:1\", {sasl}}}"),
        format!("kafka: {{bootstrap_servers: \"127.0.0.1:1\", {tls}, {sasl}}}"),
        "kafka: {bootstrap_servers: \"127.0.0.1:1\", properties: {no.such: \"${KAFKA_PROPERTY}\"}}"
            .to_owned(),
        "kafka: {bootstrap_servers: \"127.0.0.1:1\", properties: {socket.timeout.ms: \"${KAFKA_PROPERTY}\"}}"
            .to_owned(),
    ] {
        scene.configure(&settings, &rest);
        for command in [&["check"][..], &["lag"]] {
            let ended = program::run(&mut ears.command(&scene, command), DEADLINE);
            let said = format!("{}{}", ended.stdout, ended.stderr);
            ears.assert_says_no_secret(&format!("{command:?} with {settings}"), &said);
        }
    }
    // Written into the file by mistake, it is not repeated.
    scene.configure("data: hark-data", &rest.replace("${FORUM_SECRET}", SECRETS[1].1));
    ears.assert_says_no_secret("check", &scene.fails(&["check"], 64));
}

#[test]
fn what_a_worker_serves_is_reached_from_this_machine_only_unless_told_otherwise() {
    let scene = Scene::embedded();
    let up = scene.start(&["up"]);
    let address = http::address(&up);
    assert!(address.ip().is_loopback(), "{address}");
    up.stop(DEADLINE).well();
}

#[test]
fn personal_data_reach_no_mention_and_no_item_where_the_configuration_says_so() {
    let scene = Scene::embedded();
    scene.configure("data: hark-data", &format!("redact: true\n{}", scene.rest_of_configuration()));
    scene.run(&["topics", "create"]);
    let told = ["601 234 567", "jan.k@aurora.example", "4111 1111 1111 1111"];
    let post = scene.post(
        scene.partitions("posts"),
        "p-1",
        &format!("Which garage? Call {}, write to {} or charge {}", told[0], told[1], told[2]),
    );
    scene.write(&[post]);
    scene.work_off();
    for topic in ["mentions", "queue.sales"] {
        let values = scene.values(topic);
        assert_eq!(values.len(), 1, "{topic}");
        let bytes = String::from_utf8_lossy(&values[0]).into_owned();
        for told in told {
            assert!(!bytes.contains(told), "{topic} has {told}");
        }
        assert!(bytes.contains("*** *** ***"), "{topic} has stars in the place of the number");
    }
}

#[test]
fn the_bill_of_materials_names_every_package_of_the_program_with_its_licence() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/sbom");
    let made = std::process::Command::new(script).output();
    let Ok(made) = made else {
        eprintln!("skipped: python3 is missing");
        return;
    };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let sbom: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    assert_eq!((sbom["bomFormat"].as_str(), sbom["specVersion"].as_str()), (Some("CycloneDX"), Some("1.5")));
    let components = sbom["components"].as_array().unwrap();
    let find = |name: &str| components.iter().find(|component| component["name"] == name);
    for name in ["rdkafka-sys", "tokio", "hark-log"] {
        let component = find(name).unwrap_or_else(|| panic!("{name} is missing"));
        assert!(
            component["purl"].as_str().unwrap().starts_with(&format!("pkg:cargo/{name}@")),
            "{component}"
        );
        assert!(component["licenses"][0]["expression"].is_string(), "{component}");
    }
    assert!(find("proptest").is_none(), "what only tests use is not shipped");
    assert!(find("tokio").unwrap()["hashes"][0]["content"].as_str().unwrap().len() == 64);
}
