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
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--map-root-user", "sh", "-c"]);
        command
    };
    let works = unshare().args(["mount -t tmpfs -o size=1m none /mnt"]).output();
    if !works.as_ref().is_ok_and(|output| output.status.success()) {
        println!("skipped: a file system of its own: unshare and mount are not to be had here ({works:?})");
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

const POSTS: usize = 10;

/// Large ones, each about the garage and no repeat of another. Most of each is one long word: what fills a disk need not be judged word by word.
fn posts(number: usize) -> String {
    let post = |n: usize| {
        let text = format!("Any garage near mill {n}? {}", "x".repeat(24_000));
        serde_json::json!({"id": format!("s-{n}"), "text": text})
    };
    serde_json::Value::from((0..POSTS).map(|n| post(number * POSTS + n)).collect::<Vec<_>>()).to_string()
}

/// The data folder as that process sees it.
fn inside(program: &Program, scene: &Scene) -> PathBuf {
    let path = scene.path("hark-data");
    PathBuf::from(format!("/proc/{}/root", program.id())).join(path.strip_prefix("/").unwrap())
}
