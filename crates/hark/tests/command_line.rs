//! What a person at the terminal, a script or a supervisor sees of the program, whatever the command.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

fn hark(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hark"));
    command.current_dir(folder).args(arguments);
    for variable in ["HARK_LOG", "RUST_LOG", "HARK_INSTANCE", "HARK_LISTEN", "NO_COLOR", "CLICOLOR_FORCE"] {
        command.env_remove(variable);
    }
    command
}

fn output(folder: &Path, arguments: &[&str]) -> Output {
    hark(folder, arguments).output().unwrap()
}

fn stderr(output: &Output) -> &str {
    str::from_utf8(&output.stderr).unwrap()
}

/// A folder with the configuration that `hark init` writes, and its topics.
fn initialised() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [["init", "."], ["topics", "create"]] {
        let output = output(folder.path(), &arguments);
        assert!(output.status.success(), "{}", stderr(&output));
    }
    folder
}

#[test]
fn wrong_usage_and_a_wrong_configuration_exit_with_64() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bad.yaml"), "tenant: aurora\nsourcez: []\n").unwrap();
    for (arguments, says) in [
        (&["tial"][..], "similar subcommand"),
        (&["tail"], "required"),
        (&["tail", "posts", "--from", "yesterday"], "not start, end, an offset"),
        (&["explain", "--forms", "bil", "--lang", "xx"], "choose one of: pl, sv, it, ro, en"),
        (&["check"], "hark init"),
        (&["--config", "bad.yaml", "check"], "bad.yaml:2:1"),
        (&["--config", "bad.yaml", "topics", "check"], "sources"),
    ] {
        let output = output(folder.path(), arguments);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}: {said}");
        assert!(said.starts_with("hark: ") && said.contains(says), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn labelled_texts_are_scored_although_a_line_is_bad_and_the_exit_code_tells() {
    let folder = tempfile::tempdir().unwrap();
    let lines = "\u{feff}{\"text\": \"thank you\", \"sentiment\": \"positive\"}\n{\"text\": 5}\n";
    std::fs::write(folder.path().join("labelled.jsonl"), lines).unwrap();
    let output = output(folder.path(), &["label", "--evaluate", "labelled.jsonl"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stderr(&output), "labelled.jsonl:2: \"text\" is a number: write a string\n");
    assert!(output.stdout.starts_with(b"1 texts\n"), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn help_and_version_are_answers_and_no_errors() {
    let folder = tempfile::tempdir().unwrap();
    for argument in ["--help", "--version"] {
        let output = output(folder.path(), &[argument]);
        assert!(output.status.success() && output.stderr.is_empty(), "{argument}");
        assert!(String::from_utf8(output.stdout).unwrap().to_lowercase().starts_with("hark"), "{argument}");
    }
}

#[test]
fn a_log_filter_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let output = hark(folder.path(), &["metrics"]).env("HARK_LOG", "loud=very=much").output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(stderr(&output).contains("HARK_LOG=loud=very=much"), "{}", stderr(&output));
}

#[test]
fn nothing_is_coloured_where_output_is_no_terminal() {
    let folder = initialised();
    for arguments in [&["explain", "Aurora Motors lost my keys"][..], &["check"], &["bogus"], &["--help"]] {
        let output = output(folder.path(), arguments);
        let all = [output.stdout, output.stderr].concat();
        assert!(!all.contains(&b'\x1b'), "{arguments:?}: {}", String::from_utf8_lossy(&all));
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let folder = initialised();
    for arguments in [
        &["metrics"][..],
        &["check"],
        &["test"],
        &["topics", "check"],
        &["init", "other"],
        &["explain", "Aurora Motors"],
        &["up", "--demo"],
        &["--help"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = hark(folder.path(), arguments).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn the_topics_of_a_new_log_are_as_they_should_be() {
    let folder = initialised();
    let checked = output(folder.path(), &["topics", "check"]);
    assert!(checked.status.success(), "{}", stderr(&checked));
    let other = output(folder.path(), &["topics", "check", "--partitions", "24"]);
    assert_eq!(other.status.code(), Some(1));
    let table = String::from_utf8(other.stdout).unwrap();
    assert!(table.contains("hark.posts") && table.contains("next: "), "{table}");
}

#[test]
fn an_unknown_topic_is_answered_with_the_one_that_was_meant() {
    let folder = initialised();
    let output = output(folder.path(), &["tail", "queue.slaes"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(stderr(&output).contains("did you mean queue.sales?"), "{}", stderr(&output));
}

#[test]
fn sigterm_and_ctrl_c_end_a_waiting_tail_with_0() {
    let folder = initialised();
    for name in ["-TERM", "-INT"] {
        let mut tail = hark(folder.path(), &["tail", "posts"])
            .env("HARK_LOG", "info")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // From this line on it listens for signals.
        let said = BufReader::new(tail.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut said = said.skip_while(|line| !line.contains("reading"));
        assert!(said.next().is_some(), "it ended by itself");
        signal(&tail, name);
        assert_eq!(tail.wait().unwrap().code(), Some(0), "{name}");
    }
}

/// A tail that hangs in writing, because its reader took one byte and no more; with what it says on stderr.
fn stuck_tail(folder: &Path) -> (Child, impl Iterator<Item = String> + use<>) {
    let text = "Aurora Motors ".repeat(200);
    let posts: String = (0..200).map(|id| format!("{{\"id\":\"{id}\",\"text\":\"{text}\"}}\n")).collect();
    std::fs::write(folder.join("posts/many.jsonl"), posts).unwrap();
    let ingested = output(folder, &["ingest", "--once"]);
    assert!(ingested.status.success(), "{}", stderr(&ingested));

    let mut tail = hark(folder, &["tail", "posts", "--from", "start"]);
    let mut tail =
        tail.env("HARK_LOG", "info").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // The records are many times what a pipe holds.
    tail.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    let said = BufReader::new(tail.stderr.take().unwrap()).lines().map_while(Result::ok);
    (tail, said)
}

fn signal(child: &Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn a_second_signal_ends_at_once() {
    let folder = initialised();
    for (name, code) in [("-TERM", 143), ("-INT", 130)] {
        let (mut tail, mut said) = stuck_tail(folder.path());
        signal(&tail, name);
        assert!(said.any(|line| line.contains("a second signal ends at once")));
        signal(&tail, name);
        assert_eq!(tail.wait().unwrap().code(), Some(code), "{name}");
    }
}

#[test]
fn a_stop_that_hangs_is_ended_after_five_seconds() {
    let folder = initialised();
    let (mut tail, mut said) = stuck_tail(folder.path());
    signal(&tail, "-TERM");
    let begun = Instant::now();
    assert!(said.any(|line| line.contains("the stop took too long")));
    assert_eq!(tail.wait().unwrap().code(), Some(1));
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
}

#[test]
fn the_rules_of_the_demo_do_what_its_tests_say() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo");
    let checked = output(&demo, &["check"]);
    assert!(checked.status.success() && checked.stderr.is_empty(), "{}", stderr(&checked));
    let tested = output(&demo, &["test"]);
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stdout));
}

#[test]
fn the_example_of_a_car_dealer_does_what_its_tests_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/car-dealer");
    let checked = output(&folder, &["check"]);
    let said = String::from_utf8(checked.stdout.clone()).unwrap();
    assert!(checked.status.success() && checked.stderr.is_empty(), "{}", stderr(&checked));
    assert!(!said.contains("warning"), "every rule is reached by a test, every team gets something:\n{said}");
    let tested = output(&folder, &["test"]);
    let said = String::from_utf8(tested.stdout.clone()).unwrap();
    assert!(tested.status.success(), "{said}");
    let passed = said.lines().filter(|line| line.starts_with("ok ")).count();
    assert!(passed >= 30, "only {passed} tests");
}

#[test]
fn the_demo_tells_what_became_of_every_post_and_leaves_no_file_behind() {
    let folder = tempfile::tempdir().unwrap();
    let output = output(folder.path(), &["up", "--demo", "--once"]);
    assert!(output.status.success() && output.stderr.is_empty(), "{}", stderr(&output));
    let shown = String::from_utf8(output.stdout).unwrap();
    let posts = include_str!("../demo/posts.jsonl").lines().count();
    assert!(
        shown.contains(&format!("{posts} posts in 5 languages, each with exactly one outcome")),
        "{shown}"
    );
    for words in
        ["→ sales", "→ support", "· not about us", "· heard before", "· spam", "✗ sales", "✎ ", "hark init"]
    {
        assert!(shown.contains(words), "{words}\n{shown}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// Runs `hark` where the folder of its log is mounted read-only; `None` where such a mount is not to be had.
fn read_only(folder: &Path, arguments: &[&str]) -> Option<Output> {
    let mount = "mount --bind hark-data hark-data && mount -o remount,ro,bind hark-data";
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command.current_dir(folder).args(["--mount", "--map-root-user", "sh", "-c", script]);
        command.arg(env!("CARGO_BIN_EXE_hark")).args(arguments).output().ok()
    };
    let probe = unshare(&format!("{mount} && ! touch hark-data/probe"))?;
    probe.status.success().then_some(())?;
    unshare(&format!("{mount} && exec \"$0\" \"$@\""))
}

#[test]
fn a_log_on_a_read_only_mount_is_read_or_the_error_says_what_to_do() {
    let folder = initialised();
    let once = output(folder.path(), &["up", "--once"]);
    assert!(once.status.success(), "{}", stderr(&once));
    let tail = ["tail", "posts", "--until-end", "--format", "json"];
    let Some(read) = read_only(folder.path(), &tail) else {
        println!("skipped: unshare and a read-only mount are not to be had here");
        return;
    };
    assert!(read.status.success(), "{}", stderr(&read));
    assert_eq!(read.stdout, output(folder.path(), &tail).stdout);
    assert!(!read.stdout.is_empty());

    // As a worker that was killed leaves it, copied without its index: what it wrote last lies in the WAL alone.
    std::fs::write(folder.path().join("hark-data/hark.db-wal"), [0; 64]).unwrap();
    let refused = read_only(folder.path(), &tail).unwrap();
    let said = stderr(&refused);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("hark-data/hark.db cannot be read here"), "{said}");
    assert!(said.contains("copy the whole folder") && !said.contains("Error code"), "{said}");
}
