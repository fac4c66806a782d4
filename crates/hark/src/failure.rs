//! How a failed command tells what went wrong: every cause, then what to do next; and the exit code it ends with.

use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use anyhow::Context as _;

use crate::config::ConfigError;

/// All went well.
const DONE: u8 = 0;
/// Something failed while running.
pub const RUNTIME: u8 = 1;
/// The configuration or the command line is wrong (`EX_USAGE` of sysexits.h).
pub const BAD_INPUT: u8 = 64;

const LABEL: Style = AnsiColor::Red.on_default().bold();
const NEXT: Style = AnsiColor::Cyan.on_default();

/// A failure that knows its remedy or its exit code; put it around another error with `anyhow::Context::context`.
#[derive(Debug)]
pub struct Failure {
    message: String,
    next: Option<String>,
    code: u8,
}

impl Failure {
    /// The world failed: exit code 1.
    pub fn runtime(message: impl Into<String>) -> Self {
        Self { message: message.into(), next: None, code: RUNTIME }
    }

    /// The configuration or the command line is wrong: exit code 64.
    pub fn bad_input(message: impl Into<String>) -> Self {
        Self { message: message.into(), next: None, code: BAD_INPUT }
    }

    /// Whoever read our output has gone, as `head` does: the end of the work, and no failure.
    pub fn nobody_reads() -> Self {
        Self { message: "nobody reads the output any more".to_owned(), next: None, code: DONE }
    }

    /// What the person at the terminal should do next, as a sentence or a command.
    pub fn next(mut self, step: impl Into<String>) -> Self {
        self.next = Some(step.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// Prints to stdout, coloured where that is a terminal. Unlike `println!` it does not panic when nobody reads.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    written(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// The result of writing to stdout as a result of a command.
pub fn written(result: io::Result<()>) -> anyhow::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::nobody_reads().into()),
        result => result.context("cannot write to stdout"),
    }
}

/// Prints the error to stderr and returns the exit code.
pub fn report(error: &anyhow::Error) -> ExitCode {
    let code = code(error);
    if code != DONE {
        complain(&text(error));
    }
    ExitCode::from(code)
}

/// Prints to stderr.
pub fn complain(text: &str) {
    // Where that fails there is no place left to complain at.
    anstream::stderr().write_all(text.as_bytes()).unwrap_or_default();
}

fn code(error: &anyhow::Error) -> u8 {
    if error.downcast_ref::<ConfigError>().is_some() {
        return BAD_INPUT;
    }
    error.downcast_ref::<Failure>().map_or(RUNTIME, |failure| failure.code)
}

/// What to do about an error, where that is known.
pub fn next_step(error: &anyhow::Error) -> Option<&str> {
    error.downcast_ref::<Failure>().and_then(|failure| failure.next.as_deref())
}

/// `hark: what failed`, one line for each cause, and the next step.
fn text(error: &anyhow::Error) -> String {
    let mut causes = error.chain().map(ToString::to_string);
    let mut text = format!("{LABEL}hark:{LABEL:#} {}\n", causes.next().unwrap_or_default());
    let mut last = String::new();
    for cause in causes {
        // Some libraries repeat their source in their own message.
        if cause != last {
            text.push_str(&format!("  because {}\n", cause.replace('\n', "\n    ")));
        }
        last = cause;
    }
    if let Some(next) = next_step(error) {
        text.push_str(&format!("  {NEXT}next:{NEXT:#} {}\n", next.replace('\n', "\n        ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(error: &anyhow::Error) -> String {
        anstream::adapter::strip_str(&text(error)).to_string()
    }

    #[test]
    fn an_error_shows_every_cause_and_what_to_do_next() {
        let error = Err::<(), _>(anyhow::anyhow!("connection refused"))
            .context(Failure::runtime("no Kafka broker answers at k1:9092").next("start the broker"))
            .context("enrich cannot start")
            .unwrap_err();
        assert_eq!(
            plain(&error),
            "hark: enrich cannot start\n  because no Kafka broker answers at k1:9092\n  because connection refused\n  \
             next: start the broker\n"
        );
        assert_eq!(code(&error), RUNTIME);
    }

    #[test]
    fn output_that_nobody_reads_is_no_failure() {
        let gone = written(Err(io::ErrorKind::BrokenPipe.into())).unwrap_err();
        assert_eq!(code(&gone), DONE);
        let full = written(Err(io::ErrorKind::StorageFull.into())).unwrap_err();
        assert_eq!((code(&full), plain(&full).lines().count()), (RUNTIME, 2));
    }

    #[test]
    fn bad_input_ends_with_64_however_deep_it_lies() {
        let error = anyhow::Error::from(Failure::bad_input("rule 3 names no team")).context("hark.yaml");
        assert_eq!(code(&error), BAD_INPUT);
        assert_eq!(code(&anyhow::anyhow!("disk full")), RUNTIME);
    }
}
