//! `hark`: reads the command line, prepares logging, metrics and signals, runs the command and turns its result
//! into an exit code: 0 done, 1 failed while running, 64 bad configuration or usage.

mod check;
mod cli;
mod config;
mod dead_letters;
mod demo;
mod explain;
mod failure;
mod health;
mod http;
mod init;
mod judge;
mod label;
mod lag;
mod licenses;
mod log;
mod probe;
mod replay;
mod shell;
mod shutdown;
mod stages;
mod tail;
mod telemetry;
mod terminal;
mod test;
mod topics;
mod up;
mod workers;

use std::process::ExitCode;

use clap::Parser;
use tokio_util::sync::CancellationToken;

use crate::cli::{Cli, Context};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(answer) => return answer_without_running(&answer),
    };
    match run(cli) {
        Ok(code) => code,
        Err(error) => failure::report(&error),
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    telemetry::log_to_stderr(cli.shared.log_format, cli.command.default_log_level())?;
    let shutdown =
        if cli.command.ends_in_order() { shutdown::on_signals()? } else { CancellationToken::new() };
    let context =
        Context { config: cli.shared.config, telemetry: telemetry::Telemetry::install()?, shutdown };
    cli.command.run(&context)
}

/// Help and version go to stdout and are a success; everything else is a usage error and begins like every error.
fn answer_without_running(answer: &clap::Error) -> ExitCode {
    if answer.use_stderr() {
        failure::complain(&answer.render().ansi().to_string().replacen("error:", "hark:", 1));
        return ExitCode::from(failure::BAD_INPUT);
    }
    // Where nobody is there to read it, nothing is lost.
    answer.print().unwrap_or_default();
    ExitCode::SUCCESS
}
