//! What is wrong is said in words, with its place and a remedy, and the exit code tells whose fault it is.

use std::io::{Seek as _, Write as _};

use crate::{http, scene::Scene};

/// The configuration or the command line is wrong.
const BAD_CONFIGURATION: i32 = 64;
/// Something failed while running.
const FAILED: i32 = 1;

#[track_caller]
fn says(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in:\n{said}");
    }
}

#[test]
fn an_unknown_key_is_named_with_its_place_and_what_was_meant() {
    let scene = Scene::embedded();
    scene.configure("data: hark-data", &scene.rest_of_configuration().replace("default:", "defualt:"));
    let line = scene.configuration().lines().position(|line| line.starts_with("defualt")).unwrap() + 1;
    let said = scene.fails(&["up", "--once"], BAD_CONFIGURATION);
    says(&said, &["defualt", &format!("hark.yaml:{line}:1"), "did you mean 'default'"]);
}

#[test]
fn a_secret_that_is_not_set_is_asked_for_by_the_stage_that_needs_it_only() {
    let scene = Scene::embedded();
    let mut up = scene.hark(&["up", "--listen", "127.0.0.1:0"]);
    let ended = hark_tests::program::run(up.env_remove("SHOP_TOKEN"), crate::scene::DEADLINE);
    assert_eq!(ended.code, Some(BAD_CONFIGURATION), "{}", ended.stderr);
    says(&ended.stderr, &["SHOP_TOKEN", "source 'shop'", "export SHOP_TOKEN="]);
    let mut enrich = scene.hark(&["enrich", "--once"]);
    hark_tests::program::run(enrich.env_remove("SHOP_TOKEN"), crate::scene::DEADLINE).well();
}

#[test]
fn a_broker_that_does_not_answer_is_named() {
    let scene = Scene::embedded();
    scene.configure("kafka: {bootstrap_servers: \"127.0.0.1:1\"}", &scene.rest_of_configuration());
    for arguments in [&["enrich", "--once"][..], &["topics", "check"], &["tail", "posts"]] {
        says(&scene.fails(arguments, FAILED), &["127.0.0.1:1", "is it running"]);
    }
}

#[test]
fn a_certificate_that_is_not_there_is_named_by_check_and_at_the_start() {
    let scene = Scene::embedded();
    let rest = scene.rest_of_configuration();
    scene.configure("kafka: {bootstrap_servers: \"127.0.0.1:1\", tls: {ca: gone.pem}}", &rest);
    for arguments in [&["check"][..], &["up", "--once"]] {
        let said = scene.fails(arguments, BAD_CONFIGURATION);
        says(&said, &["hark.yaml:3:59: 'ca' of 'log.kafka.tls'", "gone.pem: No such file"]);
    }
    scene.configure(
        "data: hark-data",
        &format!("{rest}http: {{tls: {{certificate: gone.pem, key: gone.pem}}}}\n"),
    );
    for arguments in [&["check"][..], &["up"]] {
        says(&scene.fails(arguments, BAD_CONFIGURATION), &["'key' of 'http.tls'", "gone.pem: No such file"]);
    }
}

#[test]
fn topics_that_are_missing_on_kafka_are_named_with_the_command_that_makes_them() {
    let Some(scene) = Scene::bare_kafka("topics_that_are_missing") else { return };
    for stage in ["ingest", "enrich", "route"] {
        says(&scene.fails(&[stage, "--once"], FAILED), &[&scene.topic(""), "hark topics create"]);
    }
}

#[test]
fn state_with_another_partition_count_than_its_input_is_refused_with_the_way_out() {
    let Some(scene) = Scene::bare_kafka("another_partition_count") else { return };
    let kafka = hark_tests::kafka::Kafka::shared().unwrap();
    let create = ["topics", "--create", "--partitions", "3", "--topic", &scene.topic("seen")];
    kafka.tool(&create);
    let said = scene.fails(&["topics", "create", "--partitions", "2"], FAILED);
    says(&said, &[&scene.topic("seen"), "3 partitions", "2", "topic_prefix"]);
    let said = scene.fails(&["enrich", "--once"], FAILED);
    says(&said, &[&scene.topic("seen"), "3 partitions", "2", "topic_prefix"]);
    // Another count than the topics have makes none, and without one there are as many as there are posts.
    let said = scene.fails(&["topics", "create", "--partitions", "5"], 64);
    says(&said, &[&scene.topic("posts"), "2 partitions", "--partitions"]);
    let checked = hark_tests::program::run(&mut scene.hark(&["topics", "check"]), crate::scene::DEADLINE);
    assert_eq!(checked.code, Some(FAILED));
    says(&checked.stdout, &[&scene.topic("seen"), "partitions"]);
}

#[test]
fn a_topic_that_has_grown_is_refused_by_every_worker() {
    let Some(scene) = Scene::kafka("a_topic_that_has_grown") else { return };
    let kafka = hark_tests::kafka::Kafka::shared().unwrap();
    let grow = |topic: &str| {
        kafka.tool(&["topics", "--alter", "--partitions", "6", "--topic", topic]);
        scene.wait_for_partitions(topic, 6);
    };
    let (queue, posts) = (scene.topic("queue.sales"), scene.topic("posts"));
    grow(&queue);
    for stage in ["route", "up"] {
        let said = scene.fails(&[stage, "--once"], FAILED);
        says(&said, &[&format!("{queue} has 6 partitions and {posts} has 4"), "topic_prefix"]);
    }
    grow(&posts);
    says(&scene.fails(&["ingest", "--once"], FAILED), &[&format!("{posts} has 6")]);
}

#[test]
fn a_second_process_on_the_same_folder_is_refused_and_the_first_goes_on() {
    let scene = Scene::embedded();
    let first = scene.start(&["up", "--listen", "127.0.0.1:0"]);
    let address = http::address(&first);
    for arguments in [&["up", "--once"][..], &["enrich", "--once"], &["topics", "create"]] {
        says(
            &scene.fails(arguments, FAILED),
            &["hark-data", "in use by another hark process", "stop it first"],
        );
    }
    assert_eq!(http::post(address, r#"{"id": "s-1", "text": "Is the garage open?"}"#).unwrap().status, 200);
    scene.wait_for_outcomes("route", 1);
    assert_eq!(scene.tail("queue.sales").len(), 1, "tail reads beside it");
    first.stop(crate::scene::DEADLINE).well();
}

#[test]
fn a_damaged_file_is_told_from_a_newer_one_and_from_somebody_elses() {
    let scene = Scene::embedded();
    scene.run(&["topics", "create"]);
    let path = scene.path("hark-data/hark.db");
    let good = std::fs::read(&path).unwrap();
    // Bytes 60 to 63 of a SQLite file are its user_version, 68 to 71 its application_id, both big-endian.
    let overwrite = |at: u64, bytes: &[u8]| {
        std::fs::write(&path, &good).unwrap();
        let mut file = std::fs::File::options().write(true).open(&path).unwrap();
        file.seek(std::io::SeekFrom::Start(at)).unwrap();
        file.write_all(bytes).unwrap();
    };
    for (at, bytes, parts) in [
        (60, &[0, 0, 0, 99][..], &["format 99", "run the newer hark"][..]),
        (0, b"this is not a database at all", &["is damaged", "move the whole folder away"]),
        (68, &[1, 2, 3, 4], &["not one of Hark's", "move the whole folder away"]),
    ] {
        overwrite(at, bytes);
        for arguments in [&["up", "--once"][..], &["tail", "posts", "--until-end"]] {
            let said = scene.fails(arguments, FAILED);
            says(&said, &["hark.db"]);
            says(&said, parts);
        }
    }
    std::fs::write(&path, &good).unwrap();
    scene.run(&["up", "--once"]);
}
