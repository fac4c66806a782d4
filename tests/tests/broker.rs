//! What the tests of delivery take for granted about their broker.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use hark_tests::deadline::wait_until;
use hark_tests::kafka::{Kafka, Options, unique_prefix};

/// A broker that lives answers a look at its versions within milliseconds; a loaded machine is slower.
const ANSWER: Duration = Duration::from_secs(20);

/// Asks for the versions the broker speaks (ApiVersions, version 0), the one request that needs no login, and returns its error code.
fn ask_versions(address: &str) -> std::io::Result<i16> {
    const CORRELATION: [u8; 4] = [7, 7, 7, 7];
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(ANSWER))?;
    let mut request = vec![0, 0, 0, 10, 0, 18, 0, 0];
    request.extend(CORRELATION);
    request.extend([0xff, 0xff]);
    stream.write_all(&request)?;
    let mut head = [0; 10];
    stream.read_exact(&mut head)?;
    assert_eq!(head[4..8], CORRELATION, "the answer is to our request");
    Ok(i16::from_be_bytes([head[8], head[9]]))
}

#[test]
fn shared_broker_answers_a_client() {
    let Some(kafka) = Kafka::shared() else { return };
    assert_eq!(ask_versions(kafka.bootstrap_servers()).unwrap(), 0);
}

#[test]
fn killed_node_comes_back_under_its_address_with_its_topics() {
    let settings = vec![("broker.session.timeout.ms", "3000".to_owned())];
    let Some(kafka) = Kafka::start(&Options { settings, ..Options::default() }) else { return };
    let topic = unique_prefix("killed_node");
    kafka.tool(&["topics", "--create", "--topic", &topic, "--partitions", "2"]);

    kafka.kill_node(1);
    assert!(ask_versions(kafka.bootstrap_servers()).is_err(), "a killed node does not answer");

    kafka.start_node(1);
    assert_eq!(ask_versions(kafka.bootstrap_servers()).unwrap(), 0);
    assert_eq!(kafka.tool(&["topics", "--list"]).trim(), topic);
}

#[test]
fn three_secure_nodes_replicate_a_topic_for_who_may_log_in() {
    let Some(kafka) = Kafka::start(&Options { nodes: 3, secure: true, ..Options::default() }) else { return };
    let security = kafka.security().unwrap();
    for file in [&security.ca, &security.certificate, &security.key] {
        assert!(file.is_file(), "{} is there", file.display());
    }
    assert_eq!(security.certificate_bootstrap_servers.split(',').count(), 3);

    let topic = unique_prefix("three_nodes");
    kafka.tool(&["topics", "--create", "--topic", &topic]);
    let described = kafka.tool(&["topics", "--describe", "--topic", &topic]);
    assert!(described.contains("ReplicationFactor: 3"), "{described}");

    let mut plain = TcpStream::connect(kafka.bootstrap_servers().split(',').next().unwrap()).unwrap();
    plain.set_read_timeout(Some(ANSWER)).unwrap();
    plain.write_all(&[0, 0, 0, 10, 0, 18, 0, 0, 7, 7, 7, 7, 0xff, 0xff]).unwrap();
    let mut answer = Vec::new();
    let outcome = plain.read_to_end(&mut answer);
    assert!(outcome.is_err() || !answer.starts_with(&[0, 0]), "a client without TLS is turned away");
}

#[test]
fn broker_of_a_killed_test_run_is_gone() {
    let Some(_kafka) = Kafka::shared() else { return };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/kafka");
    let dir = std::env::temp_dir().join(unique_prefix("hark-kafka-orphan"));
    let mut test_run = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let started = Command::new(script)
        .args(["start", "--heap", "256m", "--with-pid", &test_run.id().to_string(), "--dir"])
        .arg(&dir)
        .output()
        .unwrap();
    assert!(started.status.success(), "{started:?}");
    let printed = String::from_utf8(started.stdout).unwrap();
    let address = printed.trim().strip_prefix("HARK_KAFKA=").unwrap();
    assert_eq!(ask_versions(address).unwrap(), 0);

    test_run.kill().unwrap();
    test_run.wait().unwrap();
    wait_until("the orphan's port is closed and its data are deleted", ANSWER, || {
        TcpStream::connect(address).is_err() && !dir.exists()
    });
}

#[test]
fn prefixes_are_legal_topic_names_and_never_the_same() {
    let prefix = unique_prefix("café: ünïcode / slashes");
    assert!(prefix.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-'), "{prefix}");
    assert!(prefix.len() < 200, "leaves room for the rest of a topic's name: {prefix}");
    assert_ne!(prefix, unique_prefix("café: ünïcode / slashes"));
}
