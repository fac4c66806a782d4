//! The pages that lead from a first look to production: their command blocks are run as they stand, in a folder that looks like the
//! repository, and what the pages show is what comes.
//!
//! A block of commands is marked by its fence. `sh`: it is run. `sh background`: it is started, and runs until the page ends.
//! `sh cluster`: it needs a cluster or a Docker engine, and is not run. A block of `text` behind a block that was run shows lines of its output;
//! `…` in them stands for anything.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    os::unix::{fs::symlink, process::CommandExt as _},
    path::Path,
    process::Command,
    time::Duration,
};

use hark_tests::{
    kafka::Kafka,
    program::{self, Program, free_address},
};

use crate::{
    prometheus::{find, skip},
    rules::repository,
};

/// A page takes a minute, with a Kafka and on a busy machine some more.
const LIMIT: Duration = Duration::from_secs(240);

#[derive(Debug, PartialEq, Eq)]
enum Block {
    Run(String),
    Background(String),
    Shown(String),
    Other,
}

fn page(path: &str) -> String {
    std::fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The fenced blocks of a page.
fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(mark) = line.strip_prefix("```") else { continue };
        let inside = lines
            .by_ref()
            .take_while(|line| *line != "```")
            .fold(String::new(), |text, line| text + line + "\n");
        blocks.push(match mark {
            "sh" => Block::Run(inside),
            "sh background" => Block::Background(inside),
            "text" if matches!(blocks.last(), Some(Block::Run(_))) => Block::Shown(inside),
            "sh cluster" | "text" | "yaml" | "json" | "python" | "java" | "" => Block::Other,
            _ => panic!("``` {mark}: a block of commands is marked sh, sh background or sh cluster"),
        });
    }
    blocks
}

/// One script of all that is to be run. Whatever it leaves running ends with it.
fn script(blocks: &[Block]) -> String {
    let mut script =
        "exec 2>&1\nset -euo pipefail\ntrap 'code=$?; trap \"\" TERM; kill 0; wait; exit $code' EXIT\n"
            .to_owned();
    // What builds from the sources is on its way here already: the same program is beside this test.
    script.push_str("cargo() { case \"$1\" in run) while [ \"$1\" != -- ]; do shift; done; shift; hark \"$@\" ;; esac; }\n");
    for block in blocks {
        match block {
            Block::Run(commands) => script.push_str(commands),
            Block::Background(commands) => write!(script, "(\n{commands}) &\n").unwrap(),
            Block::Shown(_) | Block::Other => {}
        }
    }
    script
}

/// The same, with a free port in the place of each that stands there: tests run side by side.
fn on_free_ports(script: &str) -> String {
    let mut ports: BTreeMap<&str, u16> = BTreeMap::new();
    let mut parts = script.split("127.0.0.1:");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (port, rest) = part.split_at(digits);
        out.push_str("127.0.0.1:");
        if !port.is_empty() {
            write!(out, "{}", ports.entry(port).or_insert_with(|| free_address().port())).unwrap();
        }
        out.push_str(rest);
    }
    out
}

fn normal(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a line that was printed is the one that a page shows, or contains it.
fn is_shown_by(printed: &str, shown: &str) -> bool {
    let mut rest = printed;
    shown.split('…').map(str::trim).all(|part| match rest.find(part) {
        Some(at) => {
            rest = &rest[at + part.len()..];
            true
        }
        None => false,
    })
}

/// Runs a page in a folder that looks like the repository, and returns what it printed.
fn run_page(path: &str) -> String {
    let text = page(path);
    let blocks = blocks(&text);
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(repository()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if !["target", ".git", ".kafka", "scripts", "hark-data", "hark.yaml"].iter().any(|own| name == *own) {
            symlink(entry.path(), folder.path().join(name)).unwrap();
        }
    }
    // Copied: a script finds its place by its own, and puts `.kafka` beside it.
    std::fs::create_dir(folder.path().join("scripts")).unwrap();
    for entry in std::fs::read_dir(repository().join("scripts")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, folder.path().join("scripts").join(path.file_name().unwrap())).unwrap();
    }
    let script = on_free_ports(&script(&blocks));
    let bin = program::path().parent().unwrap().to_owned();
    let tools = std::env::join_paths(
        [bin].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    );
    let mut bash = Command::new("bash");
    bash.args(["-c", &script])
        .current_dir(folder.path())
        .env("PATH", tools.unwrap())
        .env("NO_COLOR", "1")
        .process_group(0);
    for variable in ["HARK_LOG", "RUST_LOG", "HARK_INSTANCE"] {
        bash.env_remove(variable);
    }
    let ended = Program::start(&mut bash).wait(LIMIT);
    stop_kafka(folder.path());
    assert_eq!(ended.code, Some(0), "{path}:\n{}", ended.stdout);
    ended.stdout
}

/// Each line that a page shows has to be among those that were printed.
fn assert_shows(path: &str, printed: &str) {
    let lines: Vec<_> = printed.lines().map(normal).collect();
    for block in blocks(&page(path)) {
        let Block::Shown(shown) = block else { continue };
        for line in shown.lines().map(normal).filter(|line| !line.is_empty()) {
            assert!(
                lines.iter().any(|printed| is_shown_by(printed, &line)),
                "{path} shows what does not come:\n{line}\n\nprinted was:\n{printed}"
            );
        }
    }
}

/// A page that failed half-way has not stopped its own.
fn stop_kafka(folder: &Path) {
    if folder.join(".kafka").exists() {
        let stop = ["stop", "--kill", "--delete"];
        Command::new(folder.join("scripts/kafka")).args(stop).current_dir(folder).status().unwrap();
    }
}

#[test]
fn the_commands_of_the_readme_do_what_it_says() {
    // What it shows of the demo is an excerpt, with the times of that run.
    let printed = run_page("README.md");
    assert!(printed.contains("each with exactly one outcome"), "{printed}");
}

#[test]
fn the_first_day_goes_as_its_page_says() {
    assert_shows("docs/first-day.md", &run_page("docs/first-day.md"));
}

#[test]
fn what_the_page_on_deploying_runs_on_one_machine_runs() {
    if Kafka::shared().is_none() {
        return;
    }
    if find(&["prometheus"]).is_none() {
        skip("prometheus is not on the PATH (Debian: apt-get install prometheus)");
        return;
    }
    assert_shows("docs/deploy.md", &run_page("docs/deploy.md"));
}

#[test]
fn every_command_of_the_other_pages_is_marked() {
    for path in ["docs/runbook.md", "docs/consumers.md"] {
        let run = blocks(&page(path))
            .into_iter()
            .any(|block| matches!(block, Block::Run(_) | Block::Background(_)));
        assert!(!run, "{path} has commands that look as if they were run, and are not");
    }
}

#[test]
fn links_between_the_pages_lead_somewhere() {
    let pages = std::fs::read_dir(repository().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages = pages.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    for path in pages.chain(["README.md", "ARCHITECTURE.md"].map(|name| repository().join(name))) {
        let text = std::fs::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0)) {
            let file = link.split('#').next().unwrap_or_default();
            let there = file.is_empty() || file.contains("://") || path.parent().unwrap().join(file).exists();
            assert!(there, "{}: {link} leads nowhere", path.display());
        }
    }
}

#[test]
fn a_page_is_taken_apart_as_its_fences_say() {
    let text = "```sh\na 127.0.0.1:8787\n```\nwords\n```text\nout\n```\n```sh background\nb 127.0.0.1:8787 127.0.0.1:1\n```\n```sh cluster\nc\n```\n";
    let taken = blocks(text);
    assert_eq!(
        taken,
        [
            Block::Run("a 127.0.0.1:8787\n".to_owned()),
            Block::Shown("out\n".to_owned()),
            Block::Background("b 127.0.0.1:8787 127.0.0.1:1\n".to_owned()),
            Block::Other
        ]
    );
    let script = on_free_ports(&script(&taken));
    assert!(!script.contains(":8787") && !script.contains("c\n```"), "{script}");
    let a = script.lines().find_map(|line| line.strip_prefix("a ")).unwrap();
    let b = script.lines().find_map(|line| line.strip_prefix("b ")).unwrap();
    assert_eq!(b.split(' ').next(), Some(a), "one port stays one port");
    assert!(is_shown_by("x open P1 y", "open … y") && !is_shown_by("open P1", "open … y"));
}
