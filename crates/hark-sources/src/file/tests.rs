use std::{
    fs::{self, File, OpenOptions},
    io::{Cursor as Bytes, Write as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use hark_log::{LogError, Output};
use hark_schema::{
    Message as _,
    dead_letter::VALUE_BYTES,
    id::mention_id,
    v1::{Cursor, DeadLetter, PostRef, RawPost},
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::{Cursors, FileError, FileSpec, MAX_LINE_BYTES, run, stdin};
use crate::{
    Limits, PublisherThread, Reason, SourceContext,
    publisher::Publisher,
    testing::{self, FakeLog, Fault, quick},
};

const GRACE: Duration = Duration::from_secs(10);

/// A folder, a log, and cursors as the log has them.
struct Bench {
    folder: TempDir,
    log: FakeLog,
    context: SourceContext,
}

impl Bench {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            log: FakeLog::default(),
            context: testing::context("file"),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    fn append(&self, name: &str, text: &str) {
        append(&self.path(name), text);
    }

    /// `path` may be several, with spaces between.
    fn spec(&self, path: &str) -> FileSpec {
        FileSpec {
            poll_every: Duration::from_millis(2),
            rotated_grace: Duration::from_millis(30),
            ..FileSpec::new(self.folder.path(), path.split(' ').map(str::to_owned).collect())
        }
    }

    /// As after a restart: what is committed and nothing else.
    fn cursors(&self) -> Cursors {
        let mut cursors = Cursors::default();
        for output in self.log.committed("hark.cursors") {
            cursors.note(&output.key, output.value.as_deref());
        }
        cursors
    }

    fn once(&self, path: &str) -> Result<(), FileError> {
        let (publisher, thread) = self.log.publisher(Limits::default());
        let spec = self.spec(path);
        let restore = || Ok(self.cursors());
        let result = run(&spec, &self.context, &publisher, &restore, true, &CancellationToken::new());
        thread.stop(GRACE).unwrap();
        result
    }

    /// Follows in the background while `act` runs.
    fn following(&self, path: &str, act: impl FnOnce()) {
        self.following_as(&self.spec(path), act);
    }

    fn following_as(&self, spec: &FileSpec, act: impl FnOnce()) {
        let (publisher, thread) = self.log.publisher(quick());
        let shutdown = CancellationToken::new();
        let restore = || Ok(self.cursors());
        thread::scope(|scope| {
            let _stop = shutdown.clone().drop_guard();
            let follower = scope.spawn(|| run(spec, &self.context, &publisher, &restore, false, &shutdown));
            act();
            shutdown.cancel();
            follower.join().unwrap().unwrap();
        });
        thread.stop(GRACE).unwrap();
    }

    fn until(&self, ids: &[&str]) {
        self.log.until_records("hark.posts", ids.len());
        assert_eq!(self.ids(), ids);
    }

    fn ids(&self) -> Vec<String> {
        posts(&self.log.committed("hark.posts"))
            .into_iter()
            .map(|post| post.r#ref.unwrap().native_id)
            .collect()
    }

    fn dead(&self) -> Vec<DeadLetter> {
        self.log
            .committed("hark.dead-letters")
            .iter()
            .map(|output| DeadLetter::decode(output.value.as_deref().unwrap()).unwrap())
            .collect()
    }
}

fn append(path: &Path, text: &str) {
    OpenOptions::new().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

fn posts(outputs: &[Output]) -> Vec<RawPost> {
    outputs.iter().map(|output| RawPost::decode(output.value.as_deref().unwrap()).unwrap()).collect()
}

fn post(id: &str) -> String {
    format!("{{\"id\":\"{id}\",\"text\":\"about Aurora Motors\"}}\n")
}

#[test]
fn once_publishes_every_line_in_order_and_returns() {
    let bench = Bench::new();
    bench.write("b.jsonl", post("b1") + "\n  \n" + &post("b2"));
    bench.write("a.jsonl", post("a1") + post("a2").trim_end());
    bench.write("c.txt", post("c1"));
    bench.once("*.jsonl").unwrap();
    assert_eq!(bench.ids(), ["a1", "a2", "b1", "b2"], "a last line without line end counts");
    assert_eq!(bench.context.counts.accepted(), 4);
    assert!(bench.dead().is_empty());
}

#[test]
fn a_file_that_several_paths_of_a_source_mean_is_read_once() {
    let bench = Bench::new();
    bench.write("a.jsonl", post("a1"));
    bench.write("b.jsonl", post("b1"));
    bench.once("*.jsonl a* a.jsonl").unwrap();
    assert_eq!(bench.ids(), ["a1", "b1"]);
}

#[test]
fn each_path_that_means_nothing_is_told_beside_those_that_mean_something() {
    let bench = Bench::new();
    bench.write("a.jsonl", post("a1"));
    let error = bench.once("a.jsonl gone.jsonl lost.jsonl").unwrap_err();
    let FileError::Unreadable { list } = error else { panic!("{error:?}") };
    assert_eq!(list.len(), 2, "{list:?}");
    assert_eq!(bench.ids(), ["a1"]);
}

#[test]
fn a_post_becomes_a_record_that_says_where_it_came_from() {
    let bench = Bench::new();
    bench.write("a.jsonl", post("a1"));
    bench.once("a.jsonl").unwrap();
    let output = &bench.log.committed("hark.posts")[0];
    let raw = posts(std::slice::from_ref(output)).remove(0);
    let post_ref = PostRef {
        tenant: "aurora".into(),
        source: "forum".into(),
        instance: String::new(),
        native_id: "a1".into(),
    };
    let id = mention_id(&post_ref).to_string();
    assert_eq!(output.key, id.as_bytes());
    assert_eq!(output.partition, hark_schema::partition::of_key(id.as_bytes(), 12));
    let trace = String::from_utf8(output.headers[0].value.clone()).unwrap();
    assert!(
        trace.starts_with(&format!("00-{id}-")) && trace.ends_with("-01") && trace.len() == 55,
        "{trace}"
    );
    assert_eq!(raw.r#ref, Some(post_ref));
    let provenance = raw.provenance.unwrap();
    assert_eq!((provenance.connector.as_str(), provenance.version.as_str()), ("file", "0.1.0"));
    assert_eq!(provenance.query, bench.path("a.jsonl").display().to_string());
    assert!(raw.observed_at.is_some() && raw.payload.is_empty());
}

#[test]
fn the_cursor_commits_in_the_transaction_of_its_posts() {
    let bench = Bench::new();
    bench.write("a.jsonl", post("a1") + &post("a2"));
    bench.once("a.jsonl").unwrap();
    let transactions = bench.log.transactions();
    assert_eq!(transactions.len(), 1);
    let topics: Vec<&str> = transactions[0].iter().map(|output| &*output.topic).collect();
    assert_eq!(topics, ["hark.posts", "hark.posts", "hark.cursors"]);
}

#[test]
fn a_restart_goes_on_exactly_where_the_last_commit_was() {
    let bench = Bench::new();
    bench.write("a.jsonl", post("a1"));
    bench.once("a.jsonl").unwrap();
    bench.once("a.jsonl").unwrap();
    assert_eq!(bench.ids(), ["a1"], "nothing new, nothing published");
    bench.append("a.jsonl", &(post("a2") + "nonsense\n"));
    bench.once("a.jsonl").unwrap();
    assert_eq!(bench.ids(), ["a1", "a2"]);
    assert_eq!(bench.dead()[0].file.as_ref().unwrap().line, 3, "lines are counted from the file's start");
}

#[test]
fn a_line_end_that_comes_after_once_took_the_line_is_no_line_of_its_own() {
    for line_end in ["\n", "\r\n"] {
        let bench = Bench::new();
        bench.write("a.jsonl", post("a1") + post("a2").trim_end());
        bench.once("a.jsonl").unwrap();
        bench.append("a.jsonl", &format!("{line_end}{}nonsense\n", post("a3")));
        bench.once("a.jsonl").unwrap();
        assert_eq!(bench.ids(), ["a1", "a2", "a3"]);
        assert_eq!(bench.dead()[0].file.as_ref().unwrap().line, 4);
    }
}

#[test]
fn an_aborted_transaction_neither_loses_nor_repeats_a_line() {
    let bench = Bench::new();
    bench.log.fail(&[Fault::Abort, Fault::Abort]);
    bench.write("a.jsonl", post("a1") + &post("a2"));
    bench.once("a.jsonl").unwrap();
    assert_eq!(bench.ids(), ["a1", "a2"]);
}

#[test]
fn a_transaction_of_unknown_outcome_repeats_no_line() {
    let bench = Bench::new();
    bench.log.fail(&[Fault::LoseAnswer]);
    bench.write("a.jsonl", post("a1") + &post("a2"));
    bench.following("a.jsonl", || {
        bench.until(&["a1", "a2"]);
        bench.append("a.jsonl", &post("a3"));
        bench.until(&["a1", "a2", "a3"]);
    });
}

#[test]
fn the_end_of_a_rotated_file_is_read_again_after_an_abort() {
    let bench = Bench::new();
    bench.log.always(Some(Fault::Abort));
    bench.write("a.jsonl", post("a1"));
    bench.following("a.jsonl", || {
        bench.log.until_attempts(3);
        fs::rename(bench.path("a.jsonl"), bench.path("old")).unwrap();
        bench.write("a.jsonl", post("b1"));
        bench.log.until_attempts(40);
        bench.log.always(None);
        bench.until(&["a1", "b1"]);
    });
}

#[test]
fn a_file_that_was_closed_and_comes_back_is_read_once_after_an_abort() {
    let bench = Bench::new();
    bench.log.always(Some(Fault::Abort));
    bench.write("a.jsonl", post("a1"));
    bench.following("a.jsonl", || {
        for attempts in [10, 20, 30] {
            bench.log.until_attempts(attempts);
            fs::rename(bench.path("a.jsonl"), bench.path("away")).unwrap();
            bench.log.until_attempts(attempts + 5);
            fs::rename(bench.path("away"), bench.path("a.jsonl")).unwrap();
        }
        bench.append("a.jsonl", &post("a2"));
        bench.log.until_attempts(50);
        bench.log.always(None);
        bench.until(&["a1", "a2"]);
        bench.append("a.jsonl", &post("a3"));
        bench.until(&["a1", "a2", "a3"]);
    });
}

#[test]
fn a_bad_line_becomes_a_dead_letter_with_file_and_line_and_the_rest_goes_on() {
    let bench = Bench::new();
    let mut text = b"{\"id\":\"a1\",\"text\":\"x\"}\n".to_vec();
    text.extend_from_slice(b"not json\n");
    text.extend_from_slice(b"{\"id\":\"a2\",\"text\":\"\xff\"}\n");
    text.extend_from_slice(b"{\"id\":\"a3\",\"txt\":\"x\"}\n");
    text.extend_from_slice(format!("{{\"id\":\"a4\",\"text\":\"{}\"}}\n", "x".repeat(70_000)).as_bytes());
    text.extend_from_slice(b"[{\"id\":\"a5\",\"text\":\"x\"}]\n\0\n");
    text.extend_from_slice(b"{\"id\":\"a6\",\"text\":\"x\"}\n");
    bench.write("a.jsonl", &text);
    bench.once("a.jsonl").unwrap();
    assert_eq!(bench.ids(), ["a1", "a6"]);

    let found: Vec<_> =
        bench.dead().into_iter().map(|dead| (dead.file.unwrap().line, dead.class, dead.error)).collect();
    let classes: Vec<_> = found.iter().map(|(line, class, _)| (*line, class.as_str())).collect();
    assert_eq!(
        classes,
        [
            (2, "malformed_json"),
            (3, "invalid_utf8"),
            (4, "invalid_post"),
            (5, "text_too_long"),
            (6, "invalid_post"),
            (7, "malformed_json")
        ]
    );
    assert!(found[2].2.contains("/txt: unknown field; did you mean \"text\"?"), "{}", found[2].2);
    assert_eq!(bench.context.counts.rejected(Reason::MalformedJson), 2);
    assert_eq!(bench.context.counts.rejected(Reason::TextTooLong), 1);
}

#[test]
fn a_dead_letter_keeps_the_bytes_and_knows_the_post_where_it_can() {
    let bench = Bench::new();
    let line = b"{\"id\":\"a1\",\"text\":7}";
    bench.write("a.jsonl", [b"\n", &line[..], b"\r\n"].concat());
    bench.once("a.jsonl").unwrap();
    let dead = bench.dead().remove(0);
    assert_eq!(dead.value.as_deref(), Some(&line[..]));
    assert_eq!((dead.value_length, dead.value_blake3), (20, blake3::hash(line).as_bytes().to_vec()));
    assert_eq!((dead.stage.as_str(), dead.attempts, dead.config_revision.as_str()), ("ingest", 1, "r1"));
    let file = dead.file.unwrap();
    assert_eq!((file.source.as_str(), file.line, file.offset), ("forum", 2, 1));
    assert_eq!(file.path, bench.path("a.jsonl").display().to_string());
    let id = crate::raw_post::id_of(&bench.context, "", "a1").to_string();
    assert_eq!(dead.mention_id, id);
    let output = bench.log.committed("hark.dead-letters").remove(0);
    assert_eq!(output.key, id.as_bytes());
    let names: Vec<&str> = output.headers.iter().map(|header| &*header.name).collect();
    assert_eq!(
        names,
        ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "content-type", "traceparent"]
    );
}

#[test]
fn a_name_that_nobody_would_read_to_its_end_fits_a_dead_letter() {
    let bench = Bench::new();
    bench.write("a.jsonl", format!("{{\"{}\":1}}\n{}\n", "n".repeat(500_000), post("a1")));
    bench.once("a.jsonl").unwrap();
    let dead = bench.dead().remove(0);
    assert!(dead.error.len() < 2_000 && dead.error.contains("nnn…"), "{}", dead.error);
    assert_eq!(bench.ids(), ["a1"], "the lines behind it are read");
}

#[test]
fn a_line_over_the_bound_becomes_a_dead_letter_with_its_beginning_and_whole_length() {
    let bench = Bench::new();
    let long = vec![b'x'; 3 * MAX_LINE_BYTES];
    bench.write("a.jsonl", [&long[..], b"\n", post("a1").as_bytes()].concat());
    bench.once("a.jsonl").unwrap();
    let dead = bench.dead().remove(0);
    assert_eq!((dead.class.as_str(), dead.value_length), ("line_too_long", long.len() as u64));
    assert_eq!(dead.value.unwrap().len(), VALUE_BYTES);
    assert_eq!(dead.value_blake3, blake3::hash(&long).as_bytes());
    assert_eq!(bench.ids(), ["a1"]);
}

#[test]
fn several_files_take_turns() {
    let bench = Bench::new();
    let many = |name: &str| (0..2_500).map(|number| post(&format!("{name}{number}"))).collect::<String>();
    bench.write("a.jsonl", many("a"));
    bench.write("b.jsonl", many("b"));
    bench.once("*.jsonl").unwrap();
    let turns: Vec<String> =
        bench.ids().chunks(500).map(|ids| ids[0].trim_end_matches(char::is_numeric).to_owned()).collect();
    assert_eq!(turns, ["a", "a", "b", "b", "a", "a", "b", "b", "a", "b"]);
}

#[test]
fn more_files_than_may_be_open_are_read_all_the_same() {
    let bench = Bench::new();
    for number in 0..300 {
        bench.write(&format!("{number:03}.jsonl"), post(&format!("p{number:03}")));
    }
    bench.once("*.jsonl").unwrap();
    assert_eq!(bench.ids(), (0..300).map(|number| format!("p{number:03}")).collect::<Vec<_>>());
}

/// Few may be open, and none is silent for long enough to be let go for that.
fn restless(bench: &Bench) -> FileSpec {
    FileSpec { rotated_grace: Duration::from_secs(3_600), max_open: 8, ..bench.spec("*.jsonl") }
}

#[test]
fn more_files_than_may_be_open_are_read_in_turn_while_those_that_are_open_keep_growing() {
    let bench = Bench::new();
    let names: Vec<String> = (0..12).map(|number| format!("{number:02}")).collect();
    for name in &names {
        bench.write(&format!("{name}.jsonl"), post(&format!("{name}-0")));
    }
    bench.following_as(&restless(&bench), || {
        for round in 1..50 {
            bench.log.until_records("hark.posts", 8 * round);
            for name in &names[..8] {
                bench.append(&format!("{name}.jsonl"), &post(&format!("{name}-{round}")));
            }
        }
        bench.log.until_records("hark.posts", 8 * 50 + 4);
    });
    let mut ids = bench.ids();
    let last = ids.iter().position(|id| id == "11-0").unwrap();
    assert!(last < 8 * 25, "it had to wait until {last} posts of the others were read");
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 8 * 50 + 4, "none is read twice");
}

#[test]
fn many_small_files_are_read_at_once_while_files_are_followed() {
    let bench = Bench::new();
    let ids: Vec<String> = (0..100).map(|number| format!("p{number:03}")).collect();
    for id in &ids {
        bench.write(&format!("{id}.jsonl"), post(id));
    }
    bench.following_as(&restless(&bench), || bench.log.until_records("hark.posts", 100));
    assert_eq!(bench.ids(), ids);
}

#[test]
fn a_file_that_is_renamed_between_two_runs_is_read_to_its_end_before_the_one_that_took_its_place() {
    let bench = Bench::new();
    bench.write("a.jsonl", post("a1"));
    bench.write("b.jsonl", post("b1"));
    bench.write("c.jsonl", post("c1"));
    bench.once("*.jsonl").unwrap();
    bench.append("a.jsonl", &post("a2"));
    fs::rename(bench.path("a.jsonl"), bench.path("a.jsonl.1")).unwrap();
    bench.write("a.jsonl", post("a3"));
    fs::rename(bench.path("b.jsonl"), bench.path("b.jsonl.1")).unwrap();
    // Somebody else's file, under an inode that Hark knows.
    bench.write("c.jsonl", post("not ours") + &post("nor this"));
    fs::rename(bench.path("c.jsonl"), bench.path("notes.txt")).unwrap();
    bench.once("*.jsonl").unwrap();
    let mut ids = bench.ids();
    let (first, later) = (ids.iter().position(|id| id == "a2"), ids.iter().position(|id| id == "a3"));
    assert!(first.is_some() && first < later, "{ids:?}");
    ids.sort();
    assert_eq!(ids, ["a1", "a2", "a3", "b1", "c1"]);
    // While it is followed the writer may hold it for a moment.
    bench.following_as(&restless(&bench), || {
        bench.append("b.jsonl.1", &post("b2"));
        bench.log.until_records("hark.posts", 6);
    });
    assert_eq!(bench.ids().last().map(String::as_str), Some("b2"));
}

#[test]
fn a_file_that_is_renamed_while_it_is_not_open_is_read_to_its_end_before_the_one_that_took_its_place() {
    let bench = Bench::new();
    for number in 0..20 {
        bench.write(&format!("{number:02}.jsonl"), post(&format!("p{number:02}")));
    }
    bench.following_as(&restless(&bench), || {
        bench.log.until_records("hark.posts", 20);
        // The writer keeps its handle for a moment after the rename, and the next rename comes soon.
        let mut old = OpenOptions::new().append(true).open(bench.path("00.jsonl")).unwrap();
        old.write_all(post("rest").as_bytes()).unwrap();
        fs::rename(bench.path("00.jsonl"), bench.path("00.jsonl.1")).unwrap();
        fs::rename(bench.path("00.jsonl.1"), bench.path("00.jsonl.2")).unwrap();
        bench.log.until_records("hark.posts", 21);
        old.write_all(post("late").as_bytes()).unwrap();
        bench.log.until_records("hark.posts", 22);
        bench.write("00.jsonl", post("new"));
        bench.log.until_records("hark.posts", 23);
        // One that was read to its end when it was renamed is watched for as long.
        let mut old = OpenOptions::new().append(true).open(bench.path("01.jsonl")).unwrap();
        fs::rename(bench.path("01.jsonl"), bench.path("01.jsonl.1")).unwrap();
        bench.write("zz.jsonl", post("zz"));
        bench.log.until_records("hark.posts", 24);
        old.write_all(post("later").as_bytes()).unwrap();
        bench.log.until_records("hark.posts", 25);
    });
    assert_eq!(bench.ids()[20..], ["rest", "late", "new", "zz", "later"]);
}

#[test]
fn files_with_much_to_read_let_others_have_their_turn() {
    let bench = Bench::new();
    for name in ["a", "b"] {
        let many: String = (0..8_000).map(|line| post(&format!("{name}{line}"))).collect();
        bench.write(&format!("{name}.jsonl"), many);
    }
    bench.write("c.jsonl", post("c"));
    let spec = FileSpec { rotated_grace: Duration::ZERO, max_open: 2, ..bench.spec("*.jsonl") };
    bench.following_as(&spec, || bench.log.until_records("hark.posts", 16_001));
    let mut ids = bench.ids();
    let last = ids.iter().position(|id| id == "c").unwrap();
    assert!(last < 14_000, "it came after {last} others");
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 16_001, "none is read twice");
}

#[test]
fn a_byte_order_mark_at_the_start_is_no_mistake() {
    let bench = Bench::new();
    bench.write("a.jsonl", "\u{feff}".to_owned() + &post("a1"));
    bench.once("a.jsonl").unwrap();
    assert_eq!(bench.ids(), ["a1"]);
}

#[test]
fn a_kept_payload_is_the_line_as_it_stands() {
    let mut bench = Bench::new();
    bench.context.keep_payload = true;
    bench.write("a.jsonl", "{\"id\": \"a1\",  \"text\": \"x\"}\n");
    bench.once("a.jsonl").unwrap();
    assert_eq!(posts(&bench.log.committed("hark.posts"))[0].payload, b"{\"id\": \"a1\",  \"text\": \"x\"}");
}

#[test]
fn once_says_which_files_it_could_not_read_after_reading_the_others() {
    let bench = Bench::new();
    let error = bench.once("missing.jsonl").unwrap_err();
    assert!(error.to_string().contains("missing.jsonl: no such file"), "{error}");

    bench.write("packed.jsonl", [0x1f, 0x8b, 8, 0]);
    bench.write("plain.jsonl", post("a1"));
    let error = bench.once("*.jsonl").unwrap_err();
    assert!(error.to_string().contains("it is compressed"), "{error}");
    assert_eq!(bench.ids(), ["a1"]);

    bench.once("nothing-*.jsonl").expect("a pattern may match nothing");
    assert!(matches!(bench.once("a[.jsonl"), Err(FileError::Pattern { .. })));
}

/// A folder that not even root can list: its path is longer than the system takes.
fn unlistable(bench: &Bench, name: &str) {
    let half = |name: &str| {
        let path = (0..9).fold(bench.path(name), |path, _| path.join("x".repeat(230)));
        fs::create_dir_all(&path).unwrap();
        path
    };
    let (above, below) = (half(name), half("below"));
    fs::rename(bench.path("below"), above.join("below")).unwrap();
    let relative = below.strip_prefix(bench.folder.path()).unwrap();
    assert!(fs::read_dir(above.join(relative)).is_err(), "it can be listed after all");
}

#[test]
fn once_fails_and_names_the_folder_of_a_pattern_that_it_could_not_look_into() {
    let bench = Bench::new();
    unlistable(&bench, "deep");
    bench.write("a.jsonl", post("a1"));
    let error = bench.once("**/*.jsonl").unwrap_err().to_string();
    assert!(error.contains(&*bench.path("deep").to_string_lossy()), "{error}");
    assert!(error.contains("take it out of `path`"), "{error}");
    assert_eq!(bench.ids(), ["a1"], "the rest is worked off");

    std::os::unix::fs::symlink("round", bench.path("round")).unwrap();
    for path in ["round/*.jsonl", "round", "roun[d]"] {
        let FileError::Unreadable { list } = bench.once(path).unwrap_err() else { panic!("{path}") };
        assert_eq!(list.len(), 1, "{list:?}");
        assert!(list[0].contains(&*bench.path("round").to_string_lossy()), "{list:?}");
        assert!(list[0].contains("symbolic links"), "{list:?}");
    }
    let error = bench.once("a.jsonl/*.jsonl").unwrap_err().to_string();
    assert!(error.contains("a.jsonl: not a directory: mend it"), "{error}");
}

#[test]
fn links_that_lead_back_are_followed_once() {
    let bench = Bench::new();
    for folder in ["posts", "posts/a", "posts/a/b", "posts/.hidden"] {
        fs::create_dir(bench.path(folder)).unwrap();
        bench.write(&format!("{folder}/x.jsonl"), post(folder));
        for name in ["up", "back", "again"] {
            std::os::unix::fs::symlink("..", bench.path(folder).join(name)).unwrap();
        }
    }
    fs::create_dir(bench.path("elsewhere")).unwrap();
    bench.write("elsewhere/x.jsonl", post("elsewhere"));
    std::os::unix::fs::symlink("../elsewhere", bench.path("posts/link")).unwrap();
    bench.once("posts/**/*.jsonl").unwrap();
    let mut ids = bench.ids();
    ids.sort();
    assert_eq!(ids, ["elsewhere", "posts", "posts/a", "posts/a/b"]);
    let found = super::find::Finder::new(bench.folder.path(), "posts/**/*.jsonl").unwrap().find();
    assert!(!found.cycles.is_empty() && found.cycles.len() < 20, "{:?}", found.cycles);
}

#[test]
fn a_pattern_means_what_its_parts_mean() {
    let bench = Bench::new();
    for folder in ["a", "a/x", "a/x/y", "b", ".c", "a/.d"] {
        fs::create_dir(bench.path(folder)).unwrap();
        bench.write(&format!("{folder}/1.jsonl"), "");
        bench.write(&format!("{folder}/.2.jsonl"), "");
    }
    let name = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"\xff.txt");
    fs::write(bench.folder.path().join(name), "").unwrap();
    for (pattern, means) in [
        ("*.jsonl", &[][..]),
        ("*", &["\u{fffd}.txt"]),
        ("*/1.jsonl", &["a/1.jsonl", "b/1.jsonl"]),
        ("[ab]/*.jsonl", &["a/1.jsonl", "b/1.jsonl"]),
        ("*/x/?.jsonl", &["a/x/1.jsonl"]),
        ("a/**/*.jsonl", &["a/1.jsonl", "a/x/1.jsonl", "a/x/y/1.jsonl"]),
        ("a/**/x/**/1.jsonl", &["a/x/1.jsonl", "a/x/y/1.jsonl"]),
        ("**/y/../*.jsonl", &["a/x/y/../1.jsonl"]),
        (".c/*", &[".c/1.jsonl"]),
        (".[a-z]/.*.jsonl", &[".c/.2.jsonl"]),
        ("a/**", &[]),
        ("none*/1.jsonl", &[]),
    ] {
        let found = super::find::Finder::new(bench.folder.path(), pattern).unwrap().find();
        let shown =
            |path: &PathBuf| path.strip_prefix(bench.folder.path()).unwrap().to_string_lossy().into_owned();
        assert_eq!(found.paths.iter().map(shown).collect::<Vec<_>>(), means, "{pattern}");
        assert!(found.unreadable.is_empty() && found.cycles.is_empty(), "{pattern}: {found:?}");
    }
}

#[test]
fn a_folder_that_cannot_be_looked_into_is_looked_into_again_while_files_are_followed() {
    let bench = Bench::new();
    bench.write("posts", "no folder yet");
    bench.write("a.jsonl", post("a1"));
    bench.following("posts/*.jsonl a.jsonl", || {
        bench.until(&["a1"]);
        fs::remove_file(bench.path("posts")).unwrap();
        fs::create_dir(bench.path("posts")).unwrap();
        bench.write("posts/b.jsonl", post("b1"));
        bench.until(&["a1", "b1"]);
    });
}

#[test]
fn a_growing_file_is_followed_and_a_partial_line_waits_for_its_end() {
    let bench = Bench::new();
    bench.write("a.jsonl", post("a1"));
    bench.following("*.jsonl", || {
        bench.until(&["a1"]);
        let (begin, end) = (post("a2")[..10].to_owned(), post("a2")[10..].to_owned());
        bench.append("a.jsonl", &begin);
        bench.write("b.jsonl", post("b1"));
        bench.until(&["a1", "b1"]);
        bench.append("a.jsonl", &end);
        bench.until(&["a1", "b1", "a2"]);
    });
    assert!(bench.dead().is_empty());
}

#[test]
fn a_file_without_a_complete_first_line_waits() {
    let bench = Bench::new();
    bench.write("a.jsonl", "");
    bench.write("b.jsonl", &post("b1")[..10]);
    bench.write("c.jsonl", post("c1"));
    bench.following("*.jsonl", || {
        bench.until(&["c1"]);
        bench.append("b.jsonl", &post("b1")[10..]);
        bench.until(&["c1", "b1"]);
        bench.append("a.jsonl", &post("a1"));
        bench.until(&["c1", "b1", "a1"]);
    });
    assert!(bench.dead().is_empty());
}

#[test]
fn a_rotated_file_is_read_to_its_end_before_the_new_one_goes_on() {
    let bench = Bench::new();
    bench.write("a.jsonl", post("a1"));
    bench.following("a.jsonl", || {
        bench.until(&["a1"]);
        // The writer keeps its handle for a moment after the rename.
        let mut old = OpenOptions::new().append(true).open(bench.path("a.jsonl")).unwrap();
        fs::rename(bench.path("a.jsonl"), bench.path("a.jsonl.1")).unwrap();
        old.write_all(post("a2").as_bytes()).unwrap();
        bench.until(&["a1", "a2"]);
        old.write_all(post("a3").trim_end().as_bytes()).unwrap();
        bench.until(&["a1", "a2", "a3"]);
        bench.write("a.jsonl", post("b1"));
        bench.until(&["a1", "a2", "a3", "b1"]);
    });
}

#[test]
fn a_new_file_does_not_overtake_what_is_unread_of_the_rotated_one() {
    let bench = Bench::new();
    bench.write("a.jsonl", post("first"));
    bench.following("a.jsonl", || {
        bench.until(&["first"]);
        // More than several turns of reading.
        let old: Vec<String> = (0..5_000).map(|n| format!("a{n}")).collect();
        let mut handle = OpenOptions::new().append(true).open(bench.path("a.jsonl")).unwrap();
        fs::rename(bench.path("a.jsonl"), bench.path("a.jsonl.1")).unwrap();
        handle.write_all(old.iter().map(|id| post(id)).collect::<String>().as_bytes()).unwrap();
        bench.write("a.jsonl", post("new"));
        bench.log.until_records("hark.posts", 5_002);
        assert_eq!(bench.ids().last().map(String::as_str), Some("new"), "it comes when the old one is read");
    });
}

#[test]
fn a_renamed_file_that_is_still_meant_is_not_read_twice() {
    let bench = Bench::new();
    bench.write("a.jsonl", post("a1"));
    bench.following("*.jsonl", || {
        bench.until(&["a1"]);
        fs::rename(bench.path("a.jsonl"), bench.path("old.jsonl")).unwrap();
        bench.write("a.jsonl", post("b1"));
        bench.until(&["a1", "b1"]);
        bench.append("old.jsonl", &post("a2"));
        bench.until(&["a1", "b1", "a2"]);
    });
    bench.once("*.jsonl").unwrap();
    assert_eq!(bench.ids(), ["a1", "b1", "a2"], "nor after a restart");
}

#[test]
fn a_truncated_file_is_read_again_from_its_start() {
    let bench = Bench::new();
    bench.write("a.jsonl", post("a1") + &post("a2"));
    bench.following("a.jsonl", || {
        bench.until(&["a1", "a2"]);
        File::create(bench.path("a.jsonl")).unwrap();
        bench.append("a.jsonl", &post("b1"));
        bench.until(&["a1", "a2", "b1"]);
        // The same first line as before, too: the file is known again, and yet read anew.
        bench.write("a.jsonl", "");
        testing::until("the truncation is noticed", || bench.context.counts.restarts() == 2);
        bench.append("a.jsonl", &(post("b1") + &post("b2")));
        bench.until(&["a1", "a2", "b1", "b1", "b2"]);
    });
}

#[test]
fn a_file_rewritten_in_place_behind_the_same_first_line_is_read_again_from_its_start() {
    let bench = Bench::new();
    bench.write("a.jsonl", post("a1") + &post("a2"));
    bench.following("a.jsonl", || {
        bench.until(&["a1", "a2"]);
        let mut file = File::options().write(true).open(bench.path("a.jsonl")).unwrap();
        file.write_all((post("a1") + &post("another") + &post("a3")).as_bytes()).unwrap();
        bench.until(&["a1", "a2", "a1", "another", "a3"]);
    });
}

#[test]
fn a_file_rewritten_in_the_same_size_is_read_again_and_one_that_is_only_touched_is_not() {
    let bench = Bench::new();
    bench.write("a.jsonl", post("a1") + &post("a2"));
    let file = File::options().write(true).open(bench.path("a.jsonl")).unwrap();
    let mut modified = file.metadata().unwrap().modified().unwrap();
    // Whatever the resolution of the file system's clock.
    let mut touch = || {
        modified += Duration::from_secs(1);
        file.set_modified(modified).unwrap();
    };
    bench.following("a.jsonl", || {
        bench.until(&["a1", "a2"]);
        touch();
        bench.append("a.jsonl", &post("a3"));
        bench.until(&["a1", "a2", "a3"]);
        touch();
        file.write_all_at((post("a1") + &post("b2") + &post("b3")).as_bytes(), 0).unwrap();
        touch();
        bench.until(&["a1", "a2", "a3", "a1", "b2", "b3"]);
        file.write_all_at(post("c1").as_bytes(), 0).unwrap();
        touch();
        bench.until(&["a1", "a2", "a3", "a1", "b2", "b3", "c1", "b2", "b3"]);
    });
    assert_eq!(bench.context.counts.restarts(), 2);
    let from_the_start = |output: &&Output| {
        let cursor = Cursor::decode(output.value.as_deref().unwrap()).unwrap();
        cursor.file.unwrap().offset == 0
    };
    let noted = bench.log.committed("hark.cursors").iter().filter(from_the_start).count();
    assert_eq!(noted, 2, "whoever stops right after a rewrite was seen reads it again when it starts");
}

#[test]
fn a_file_rewritten_in_the_same_size_is_read_again_also_when_the_producer_begins_anew_meanwhile() {
    let bench = Bench::new();
    bench.write("a.jsonl", post("a1") + &post("a2"));
    bench.following("a.jsonl", || {
        bench.until(&["a1", "a2"]);
        bench.log.always(Some(Fault::Abort));
        bench.write("a.jsonl", post("a1") + &post("b2"));
        bench.log.until_attempts(10);
        bench.write("a.jsonl", post("a1") + &post("c2"));
        bench.log.until_attempts(20);
        bench.log.always(None);
        bench.until(&["a1", "a2", "a1", "c2"]);
    });
}

#[test]
fn a_file_rewritten_while_nobody_looked_is_read_from_its_start() {
    let bench = Bench::new();
    bench.write("a.jsonl", post("a1") + &post("a2"));
    bench.once("a.jsonl").unwrap();
    bench.write("a.jsonl", post("b1") + &post("b2") + &post("b3"));
    bench.once("a.jsonl").unwrap();
    assert_eq!(bench.ids(), ["a1", "a2", "b1", "b2", "b3"], "another first line is another file");
    bench.write("a.jsonl", post("b1"));
    bench.once("a.jsonl").unwrap();
    assert_eq!(bench.ids().last().unwrap(), "b1", "the same first line, but shorter");
}

fn no_cursors() -> Result<Cursors, LogError> {
    Ok(Cursors::default())
}

#[test]
fn a_shutdown_while_the_log_is_away_ends_soon_and_the_lines_are_read_again() {
    let bench = Bench::new();
    bench.write("a.jsonl", post("a1"));
    bench.log.always(Some(Fault::Abort));
    let (publisher, thread): (Publisher, PublisherThread) = bench.log.publisher(quick());
    let (spec, shutdown) = (bench.spec("a.jsonl"), CancellationToken::new());
    thread::scope(|scope| {
        let follower = scope.spawn(|| run(&spec, &bench.context, &publisher, &no_cursors, false, &shutdown));
        bench.log.until_attempts(3);
        shutdown.cancel();
        follower.join().unwrap().unwrap();
    });
    // What is in hand is left, if anything is: an abort gives it back to the file.
    thread.stop(Duration::from_millis(10)).ok();
    assert_eq!(bench.context.counts.accepted(), 0, "only what is committed counts");
    bench.log.always(None);
    bench.once("a.jsonl").unwrap();
    assert_eq!(bench.ids(), ["a1"]);
}

#[test]
fn a_publisher_that_ended_ends_the_source_with_an_error() {
    let bench = Bench::new();
    bench.write("a.jsonl", post("a1"));
    bench.log.always(Some(Fault::Lose));
    let (publisher, thread) = bench.log.publisher(quick());
    let spec = bench.spec("a.jsonl");
    let ended = run(&spec, &bench.context, &publisher, &no_cursors, false, &CancellationToken::new());
    assert!(matches!(ended, Err(FileError::NotCommitted(_) | FileError::Submit(_))), "{ended:?}");
    thread.stop(GRACE).unwrap_err();
}

#[test]
fn standard_input_is_read_to_its_end_without_a_cursor() {
    let bench = Bench::new();
    let (publisher, thread) = bench.log.publisher(Limits::default());
    let text: String = (0..3_000).map(|number| post(&format!("p{number}"))).collect::<String>()
        + "nonsense\n"
        + post("last").trim_end();
    let input = Bytes::new(text.into_bytes());
    let left = stdin::run(input, &bench.context, &publisher, &CancellationToken::new()).unwrap();
    assert_eq!(left, 0);
    thread.stop(GRACE).unwrap();
    let ids = bench.ids();
    assert_eq!((ids.len(), ids[0].as_str(), ids[3_000].as_str()), (3_001, "p0", "last"));
    assert_eq!(bench.dead()[0].file.as_ref().map(|file| (file.path.as_str(), file.line)), Some(("-", 3_001)));
    assert!(bench.log.committed("hark.cursors").is_empty());
}

/// Gives one piece a read, and says so when it is asked for the next: then all before it are handed on.
struct Pieces {
    left: Vec<String>,
    asked: std::sync::mpsc::Sender<()>,
}

impl std::io::Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.asked.send(()).unwrap();
        let piece = self.left.pop().unwrap_or_default();
        buffer[..piece.len()].copy_from_slice(piece.as_bytes());
        Ok(piece.len())
    }
}

#[test]
fn what_was_read_from_standard_input_and_not_published_is_told() {
    let bench = Bench::new();
    bench.log.always(Some(Fault::Abort));
    let (publisher, thread) = bench.log.publisher(Limits { uncommitted_bytes: 1, ..quick() });
    // The first piece is taken by the publisher, which cannot commit it; the second finds no room.
    let (asked, more) = std::sync::mpsc::channel();
    let pieces = Pieces { left: vec![post("second"), post("first")], asked };
    let shutdown = CancellationToken::new();
    let left = thread::scope(|scope| {
        let reading = scope.spawn(|| stdin::run(pieces, &bench.context, &publisher, &shutdown).unwrap());
        for _ in 0..3 {
            more.recv_timeout(testing::DEADLINE).unwrap();
        }
        bench.log.until_attempts(1);
        shutdown.cancel();
        reading.join().unwrap()
    });
    assert_eq!(left, post("second").len() as u64);
    thread.stop(Duration::ZERO).unwrap_err();
}
