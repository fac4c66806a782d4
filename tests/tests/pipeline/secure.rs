//! A cluster with TLS, logins and access control, and an HTTP side with a certificate: what `docs/kafka.md` says holds.

use std::path::Path;

use hark_tests::{
    deadline::wait_until,
    kafka::{Kafka, Options, Security},
    program::{self, Ended},
};

use crate::{
    http,
    scene::{DEADLINE, Scene},
};

/// The commands of docs/kafka.md that grant a worker what it needs, as arguments of Kafka's tool.
fn documented_acls() -> Vec<Vec<String>> {
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/kafka.md")).unwrap();
    let commands: Vec<Vec<String>> = page
        .replace("\\\n", " ")
        .lines()
        .filter_map(|line| line.trim().strip_prefix("$ scripts/kafka tool acls "))
        .map(|line| {
            let words = line.split('#').next().unwrap_or_default().split_whitespace();
            ["acls".to_owned()].into_iter().chain(words.map(str::to_owned)).collect()
        })
        .filter(|words: &Vec<String>| words.iter().any(|word| word.starts_with("User:hark-worker")))
        .collect();
    assert!(commands.len() >= 3, "docs/kafka.md lists the rights of a worker: {commands:?}");
    commands
}

struct Cluster {
    scene: Scene,
    kafka: Kafka,
    security: Security,
}

impl Cluster {
    fn start() -> Option<Self> {
        let kafka = Kafka::start(&Options { secure: true, ..Options::default() })?;
        let security = kafka.security().unwrap().clone();
        Some(Self { scene: Scene::embedded(), kafka, security })
    }

    fn log_in(&self, mechanism: &str, username: &str) {
        let (servers, ca) = (self.kafka.bootstrap_servers(), self.security.ca.display());
        self.configure(&format!(
            "bootstrap_servers: \"{servers}\", tls: {{ca: {ca}}}, sasl: {{mechanism: {mechanism}, username: {username}, \
             password: \"${{KAFKA_PASSWORD}}\"}}"
        ));
    }

    fn configure(&self, kafka: &str) {
        self.scene.configure(&format!("kafka: {{{kafka}}}"), &self.scene.rest_of_configuration());
    }

    fn run_with(&self, password: &str, arguments: &[&str]) -> Ended {
        program::run(self.scene.hark(arguments).env("KAFKA_PASSWORD", password), DEADLINE)
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(&self.security.password, arguments)
    }

    /// A stage that may not write says so and ends; it does not try for ever.
    fn without_a_right(&self, worker: &str) {
        let denied = [
            "--deny-principal",
            &format!("User:{worker}"),
            "--operation",
            "Write",
            "--topic",
            "hark.mentions",
        ];
        self.kafka.tool(&[&["acls", "--add"], &denied[..]].concat());
        std::fs::write(
            self.scene.path("posts/denied.jsonl"),
            "{\"id\": \"denied\", \"text\": \"Which garage is it?\"}\n",
        )
        .unwrap();
        let said = self.run(&["up", "--once"]);
        assert_eq!(said.code, Some(1), "{}", said.stderr);
        assert!(said.stderr.contains("not authorised"), "{}", said.stderr);
        self.kafka.tool(&[&["acls", "--remove", "--force"], &denied[..]].concat());
    }

    /// A post goes through all stages, and its item can be read.
    fn works(&self, id: &str) {
        let post = format!("{{\"id\": \"{id}\", \"text\": \"Which garage is open?\"}}\n");
        std::fs::write(self.scene.path(&format!("posts/{id}.jsonl")), post).unwrap();
        self.run(&["up", "--once"]).well();
        let shown = self.run(&["tail", "queue.sales", "--until-end", "--format", "json"]).well().stdout;
        assert!(
            shown.contains(&format!("\"nativeId\":\"{id}\""))
                || shown.contains(&format!("\"native_id\":\"{id}\"")),
            "{shown}"
        );
    }
}

#[test]
fn workers_with_the_least_rights_work_over_every_kind_of_login_and_a_refusal_says_what_it_is() {
    let Some(cluster) = Cluster::start() else { return };
    let (worker, password) = (cluster.security.powerless_username.clone(), cluster.security.password.clone());

    // Nothing is granted yet.
    cluster.log_in("SCRAM-SHA-512", &worker);
    let said = cluster.run(&["topics", "create", "--partitions", "2"]);
    assert_eq!(said.code, Some(1));
    assert!(
        said.stderr.contains("not authorised") && said.stderr.contains("docs/kafka.md"),
        "{}",
        said.stderr
    );

    // The topics are made by somebody who may, and are not to be seen by the worker yet.
    cluster.log_in("SCRAM-SHA-512", "hark");
    cluster.run(&["topics", "create", "--partitions", "2"]).well();
    cluster.log_in("SCRAM-SHA-512", &worker);
    for blind in [&["enrich", "--once"][..], &["tail", "posts"], &["topics", "check"]] {
        let ended = cluster.run(blind);
        let said = ended.stdout + &ended.stderr;
        assert!(said.contains("this login may not see") && said.contains("logins and rights"), "{said}");
    }
    for command in documented_acls() {
        let words: Vec<String> =
            command.iter().map(|word| word.replace("User:hark-worker", &format!("User:{worker}"))).collect();
        cluster.kafka.tool(&words.iter().map(String::as_str).collect::<Vec<_>>());
    }

    for (mechanism, id) in
        [("SCRAM-SHA-512", "scram-512"), ("SCRAM-SHA-256", "scram-256"), ("PLAIN", "plain")]
    {
        cluster.log_in(mechanism, &worker);
        cluster.works(id);
    }
    cluster.without_a_right(&worker);
    let tls = cluster.security.ca.parent().unwrap();
    let mtls = format!(
        "bootstrap_servers: \"{}\", tls: {{ca: {}, certificate: {}, key: {}}}",
        cluster.security.certificate_bootstrap_servers,
        cluster.security.ca.display(),
        tls.join("guest.crt").display(),
        tls.join("guest.key").display(),
    );
    cluster.configure(&mtls);
    cluster.works("certificate");
    // The tools of an operator need nothing more.
    for tool in [&["lag"][..], &["topics", "check"], &["dead-letters", "list"], &["redrive", "--all"]] {
        cluster.run(tool).well();
    }
    // No right to make topics has been granted.
    let said = cluster.run(&["topics", "create", "--partitions", "2"]);
    assert!(said.code == Some(0) || said.stderr.contains("not authorised"), "{}", said.stderr);
    cluster.configure(&format!("{mtls}, properties: {{linger.ms: 5, client.id: hark-test}}"));
    cluster.works("properties");

    cluster.log_in("SCRAM-SHA-512", &worker);
    for command in [&["up", "--once"][..], &["lag"]] {
        let said = cluster.run_with("not-the-password", command);
        assert_eq!(said.code, Some(1));
        assert!(
            said.stderr.contains("refuses the login: check mechanism, username and password"),
            "{}",
            said.stderr
        );
        assert!(!said.stderr.contains("no Kafka broker answers"), "{}", said.stderr);
        assert!(
            !said.stderr.contains("not-the-password") && !said.stderr.contains(&password),
            "{}",
            said.stderr
        );
    }
    let servers = cluster.kafka.bootstrap_servers();
    // Another authority; and no TLS at all, or no login, which looks like a broker that does not answer.
    let other = tls.join("guest.crt");
    for (settings, says) in [
        (
            format!("bootstrap_servers: \"{servers}\", tls: {{ca: {}}}", other.display()),
            "no encrypted connection with the Kafka broker",
        ),
        (format!("bootstrap_servers: \"{servers}\""), "no Kafka broker answers"),
        (
            format!("bootstrap_servers: \"{servers}\", tls: {{ca: {}}}", cluster.security.ca.display()),
            "a login (`log.kafka.tls`, `log.kafka.sasl`)",
        ),
    ] {
        cluster.configure(&settings);
        let said = cluster.run(&["lag"]);
        assert_eq!(said.code, Some(1));
        assert!(said.stderr.contains(says), "{settings}: {}", said.stderr);
    }
    // A property that librdkafka does not know is named, its value is not.
    cluster.configure(&format!(
        "bootstrap_servers: \"{servers}\", properties: {{no.such.thing: \"${{KAFKA_PASSWORD}}\"}}"
    ));
    let said = cluster.run(&["lag"]).stderr;
    assert!(
        said.contains("the Kafka property no.such.thing cannot be used") && !said.contains(&password),
        "{said}"
    );
}

#[test]
fn the_http_side_is_encrypted_with_the_certificate_of_the_configuration() {
    let scene = Scene::embedded();
    let made = std::process::Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ])
        .args([
            "-subj",
            "/CN=hark",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-keyout",
            "k.pem",
            "-out",
            "c.pem",
        ])
        .current_dir(scene.path("."))
        .output();
    if !made.is_ok_and(|made| made.status.success()) {
        eprintln!("skipped: openssl is missing");
        return;
    }
    let rest =
        format!("{}http: {{tls: {{certificate: c.pem, key: k.pem}}}}\n", scene.rest_of_configuration());
    scene.configure("data: hark-data", &rest);
    let up = scene.start(&["up", "--listen", "127.0.0.1:0"]);
    let address = http::address(&up);
    wait_until("it is ready", DEADLINE, || {
        let asked = program::run(&mut scene.hark(&["health", "--listen", &address.to_string()]), DEADLINE);
        asked.code == Some(0) && asked.stdout == "ready\n"
    });
    assert!(http::get(address, "/livez").is_err(), "nothing is said in clear");
    up.stop(DEADLINE).well();

    std::fs::write(scene.path("k.pem"), "no key").unwrap();
    let said = scene.fails(&["up", "--listen", "127.0.0.1:0"], 64);
    assert!(said.contains("the key of `http.tls` cannot be read from") && said.contains("PEM"), "{said}");
}
