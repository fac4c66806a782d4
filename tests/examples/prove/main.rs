//! Proofs that Hark loses and doubles nothing, run by `scripts/prove`, whose help says what there is.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a proof that cannot go on fails, as a test does")]

mod cast;
mod crash;
mod life;
mod plan;
mod random;
mod report;
mod senders;
mod verdict;
mod watch;
mod world;

use std::{collections::HashMap, process::ExitCode, sync::mpsc, time::Duration};

use crash::Wanted;
use world::Disk;

/// Wrong usage.
const MISUSED: u8 = 64;
/// Cannot run here: the contract of `scripts/kafka`.
const SKIPPED: u8 = 69;

/// Time that belongs to a schedule; conditions are waited for otherwise.
pub fn pause(time: Duration) {
    let (_silent, nothing) = mpsc::channel::<()>();
    assert!(nothing.recv_timeout(time).is_err());
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, options) = match arguments.split_first() {
        Some((command, rest)) if rest.len() % 2 == 0 => (command.as_str(), rest),
        _ => return misused("PROOF [--OPTION VALUE]..."),
    };
    let options: HashMap<&str, &str> =
        options.chunks(2).map(|pair| (pair[0].trim_start_matches("--"), pair[1].as_str())).collect();
    match command {
        "crash" => crash(&options),
        other => misused(other),
    }
}

fn crash(options: &HashMap<&str, &str>) -> ExitCode {
    let number =
        |name: &str, default: u64| options.get(name).map_or(Some(default), |value| value.parse().ok());
    let (Some(kills), Some(nodes), Some(seed)) = (number("kills", 10), number("nodes", 1), number("seed", 1))
    else {
        return misused("a number was expected");
    };
    let wanted = Wanted {
        embedded: options.get("log") == Some(&"embedded"),
        nodes: u32::try_from(nodes).unwrap_or(1),
        kills: usize::try_from(kills).unwrap_or_default(),
        seed,
        broken: options.get("break").map(|&law| law.to_owned()),
    };
    if wanted.embedded
        && let Some(code) = Disk::run_on_one()
    {
        return code;
    }
    let Some(report) = crash::prove(&wanted) else { return ExitCode::from(SKIPPED) };
    report.print();
    if let Some(path) = options.get("json") {
        std::fs::write(path, format!("{:#}\n", report.json())).unwrap();
    }
    println!("{}", report.summary());
    if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn misused(what: &str) -> ExitCode {
    eprintln!("prove: {what}: see scripts/prove --help");
    ExitCode::from(MISUSED)
}
