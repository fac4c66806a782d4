//! A disk that runs full under the embedded log: a real file system of a few megabytes, mounted for one process only.

use std::{path::PathBuf, process::Command};

use hark_tests::{deadline::wait_until, program::Program};

use crate::{
    http,
    scene::{DEADLINE, Scene},
};

/// The reserve that ingest leaves free (64 MiB), ballast that somebody removes later, and room for some posts.
const DISK_MIB: usize = 64 + BALLAST_MIB + 16;
const BALLAST_MIB: usize = 24;

#[test]
fn a_full_disk_refuses_posts_with_503_and_loses_none_that_it_took() {
    if !disks_are_to_be_had() {
        return;
    }
    let scene = Scene::embedded();
    std::fs::create_dir(scene.path("hark-data")).unwrap();
    let up = scene.hark(&["up", "--instance", "only", "--listen", "127.0.0.1:0"]);
    let mut command = unshare();
    command
        .arg(format!(
            "mount -t tmpfs -o size={DISK_MIB}m none hark-data && head -c {BALLAST_MIB}M /dev/zero >hark-data/ballast && exec \"$@\""
        ))
        .arg("sh")
        .arg(up.get_program())
        .args(up.get_args())
        .current_dir(scene.path("."))
        .env("SHOP_TOKEN", crate::scene::TOKEN);
    let program = Program::start(&mut command);
    let address = http::address(&program);
    wait_until("it is ready", DEADLINE, || http::get(address, "/readyz").unwrap().status == 200);

    let mut accepted = 0;
    let mut number = 0;
    let refused = loop {
        number += 1;
        let answer = http::post(address, &posts(number)).unwrap();
        if answer.status != 200 {
            break answer;
        }
        accepted += POSTS;
        assert!(accepted < 10_000, "the disk never ran full");
    };
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert!(refused.head.to_lowercase().contains("retry-after:"), "{}", refused.head);
    let worked_off = |stage: &str| http::metric(address, &format!("hark_{stage}_records_total"), "");
    wait_until("what was taken before is worked off from the reserve", DEADLINE, || {
        worked_off("enrich") as usize == accepted && worked_off("route") as usize == accepted
    });

    std::fs::remove_file(inside(&program, &scene).join("ballast")).unwrap();
    wait_until("posts are taken again when there is room", DEADLINE, || {
        http::post(address, &posts(number)).unwrap().status == 200
    });
    accepted += POSTS;
    wait_until("and worked off", DEADLINE, || worked_off("route") as usize == accepted);
    program.stop(DEADLINE).well();
}

#[test]
fn once_on_a_small_disk_works_off_what_it_took_and_ends_with_an_error_until_there_is_room_for_the_rest() {
    if !disks_are_to_be_had() {
        return;
    }
    let scene = Scene::embedded();
    std::fs::create_dir(scene.path("hark-data")).unwrap();
    let lines = (0..ARCHIVE).map(|n| format!("{}\n", post(n)));
    std::fs::write(scene.path("posts/archive.jsonl"), lines.collect::<String>()).unwrap();
    // The first run has little more than the reserve, the second has room for all.
    let script = format!(
        "mount -t tmpfs -o size={}m none hark-data && head -c {BALLAST_MIB}M /dev/zero >hark-data/ballast || exit 2
         for round in 1 2; do
             \"$0\" up --once 2>said-$round; echo $? >code-$round
             \"$0\" lag --format json >lag-$round
             \"$0\" tail queue.sales --until-end --format json >queue-$round
             rm -f hark-data/ballast
         done",
        DISK_MIB - 8
    );
    let hark = scene.hark(&[]);
    let mut command = unshare();
    command.arg(script).arg(hark.get_program()).current_dir(scene.path("."));
    let ended = hark_tests::program::run(command.env("SHOP_TOKEN", crate::scene::TOKEN), DEADLINE).well();
    let read = |name: &str| std::fs::read_to_string(scene.path(name)).unwrap();
    let items = |round: usize| read(&format!("queue-{round}")).lines().count();
    let behind = |round: usize| {
        let lag = read(&format!("lag-{round}"));
        lag.lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["records"].as_i64().unwrap())
            .sum::<i64>()
    };
    let said = read("said-1");
    assert_eq!(read("code-1"), "1\n", "{said}{}", ended.stderr);
    assert!(said.contains("the disk of the log is full") && said.contains("free some space"), "{said}");
    assert_eq!(behind(1), 0, "what was taken is worked off: {said}");
    assert!(items(1) > 0 && items(1) < ARCHIVE, "{} items", items(1));
    assert_eq!(read("code-2"), "0\n", "{}", read("said-2"));
    assert_eq!(items(2), ARCHIVE, "nothing is lost or twice");
}

/// So many posts need 23 MiB in all stages.
const ARCHIVE: usize = 300;

fn unshare() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--map-root-user", "sh", "-c"]);
    command
}

fn disks_are_to_be_had() -> bool {
    let works = unshare().args(["mount -t tmpfs -o size=1m none /mnt"]).output();
    let well = works.as_ref().is_ok_and(|output| output.status.success());
    if !well {
        println!("skipped: a file system of its own: unshare and mount are not to be had here ({works:?})");
    }
    well
}

const POSTS: usize = 10;

/// Large ones, each about the garage and no repeat of another. Most of each is one long word: what fills a disk need not be judged word by word.
fn posts(number: usize) -> String {
    serde_json::Value::from((0..POSTS).map(|n| post(number * POSTS + n)).collect::<Vec<_>>()).to_string()
}

fn post(number: usize) -> serde_json::Value {
    let text = format!("Any garage near mill {number}? {}", "x".repeat(24_000));
    serde_json::json!({"id": format!("s-{number}"), "text": text})
}

/// The data folder as that process sees it.
fn inside(program: &Program, scene: &Scene) -> PathBuf {
    let path = scene.path("hark-data");
    PathBuf::from(format!("/proc/{}/root", program.id())).join(path.strip_prefix("/").unwrap())
}
