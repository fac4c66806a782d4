//! Proofs that Hark loses and doubles nothing, run by `scripts/prove`, whose help says what there is.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a proof that cannot go on fails, as a test does")]

mod cast;
mod crash;
mod figures;
mod fuzz;
mod life;
mod overload;
mod plan;
mod recovery;
mod report;
mod senders;
mod tap;
mod verdict;
mod watch;
mod world;

use std::{collections::HashMap, process::ExitCode, sync::mpsc, time::Duration};

use crash::Wanted;
use figures::Figures;
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
    let is_long = options.contains_key("long");
    let Some(seed) = options.get("seed").map_or(Some(1), |seed| seed.parse().ok()) else {
        return misused("--seed takes a number");
    };
    match command {
        "crash" => crash(&options, seed),
        "recovery" => {
            let repeats = if is_long { 10 } else { 3 };
            figures("recovery", &options, recovery::prove(repeats, seed))
        }
        "fuzz" => {
            let each = Duration::from_secs(if is_long { 60 } else { 5 });
            figures("fuzz", &options, Some(fuzz::prove(each, seed)))
        }
        "overload" => {
            let lasts = Duration::from_secs(if is_long { 60 } else { 15 });
            figures("overload", &options, overload::prove(lasts))
        }
        other => misused(other),
    }
}

fn crash(options: &HashMap<&str, &str>, seed: u64) -> ExitCode {
    let number =
        |name: &str, default: u64| options.get(name).map_or(Some(default), |value| value.parse().ok());
    let (Some(kills), Some(nodes)) = (number("kills", 10), number("nodes", 1)) else {
        return misused("a number was expected");
    };
    let wanted = Wanted {
        embedded: options.get("log") == Some(&"embedded"),
        nodes: u32::try_from(nodes).unwrap_or(1),
        kills: usize::try_from(kills).unwrap_or_default(),
        seed,
        broken: options.get("break").map(|&law| law.to_owned()),
        keep: options.get("keep") == Some(&"yes"),
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

/// Ends a proof that consists of figures.
fn figures(what: &str, options: &HashMap<&str, &str>, figures: Option<Figures>) -> ExitCode {
    let Some(figures) = figures else { return ExitCode::from(SKIPPED) };
    if let Some(path) = options.get("json") {
        std::fs::write(path, format!("{:#}\n", figures.json())).unwrap();
    }
    println!("{}", figures.summary(what));
    if figures.missed() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn misused(what: &str) -> ExitCode {
    eprintln!("prove: {what}: see scripts/prove --help");
    ExitCode::from(MISUSED)
}
