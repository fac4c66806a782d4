//! The command line: what can be asked of `hark`, and the flags that mean the same everywhere.
//!
//! Each command lives in a module of its own that offers `Args` and `run(args, &Context) -> anyhow::Result<ExitCode>`;
//! here they get their names and the examples of their help.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use tokio_util::sync::CancellationToken;

use crate::telemetry::Telemetry;
use crate::telemetry::record::Stage;

/// Where a configuration is looked for when none is named.
const DEFAULT_CONFIG: &str = "hark.yaml";

/// More threads than this in one process is a slip of the finger: a topic has 12 partitions unless told otherwise.
const MAX_WORKERS: i64 = 64;

/// Hark hears what people say about a company wherever they say it, and puts each remark that needs somebody on the
/// right team's queue: once, in order, within a second.
#[derive(Debug, Parser)]
#[command(name = "hark", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "New here? See it work, without any file:\n  hark up --demo")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Flags of every command.
    #[command(flatten)]
    pub shared: Shared,
}

/// Flags that every command takes.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Shared {
    /// The configuration [default: ./hark.yaml; none for `label`]
    #[arg(long, short, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How log lines are written to stderr; RUST_LOG or HARK_LOG chooses which
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// Flags of the commands that work off a log: `up`, `ingest`, `enrich`, `route`.
#[derive(Debug, Clone, clap::Args)]
pub struct WorkerArgs {
    /// Work off what is there, commit it and exit
    #[arg(long)]
    pub once: bool,
    /// Threads of each stage in this process; more than the topic has partitions are idle
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u16).range(1..=MAX_WORKERS))]
    pub workers: u16,
    /// A name that no other worker of this stage has: restarted under it, a worker goes on within seconds
    #[arg(long, value_name = "NAME", env = "HARK_INSTANCE", value_parser = instance_name)]
    pub instance: Option<String>,
    /// Address of webhooks, /metrics, /livez and /readyz, in place of the configuration's `http.listen`
    #[arg(long, value_name = "ADDR:PORT", env = "HARK_LISTEN")]
    pub listen: Option<SocketAddr>,
}

/// What a command is given besides its own arguments.
pub struct Context {
    /// The configuration that was named, if any; see [`Context::config_path`].
    pub config: Option<PathBuf>,
    /// Metrics of this process.
    pub telemetry: Telemetry,
    /// Cancelled by SIGTERM or Ctrl-C; everything that waits or loops ends by it. See [`Command::ends_in_order`].
    pub shutdown: CancellationToken,
}

impl Context {
    /// The configuration's path: the one named, else `./hark.yaml`.
    pub fn config_path(&self) -> &Path {
        self.config.as_deref().unwrap_or(Path::new(DEFAULT_CONFIG))
    }
}

/// An instance name becomes part of a transactional id and of a group's member id.
fn instance_name(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if text.is_empty() || text.len() > 64 || !text.chars().all(fits) {
        return Err("1 to 64 of the letters a-z, A-Z, digits, '-', '_' and '.'".to_owned());
    }
    Ok(text.to_owned())
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run everything in this process: hear posts, enrich them, route them to team queues
    #[command(after_help = "Examples:\n  hark up --demo\n  hark up --config hark.yaml\n  hark up --once")]
    Up(crate::up::Args),
    /// Hear posts: run the sources of the configuration
    #[command(
        after_help = "Examples:\n  hark ingest --instance ingest-0\n  hark ingest --source archive --once"
    )]
    Ingest(crate::workers::IngestArgs),
    /// Find out what posts mean: work off the topic of posts
    #[command(after_help = "Example:\n  hark enrich --instance enrich-0 --workers 2")]
    Enrich(WorkerArgs),
    /// Put mentions on team queues: work off the topic of mentions
    #[command(after_help = "Example:\n  hark route --instance route-0")]
    Route(WorkerArgs),
    /// Write a configuration to start from, and sample posts
    #[command(after_help = "Example:\n  hark init my-company")]
    Init(crate::init::Args),
    /// Check the configuration and say what it amounts to
    #[command(after_help = "Example:\n  hark check --config hark.yaml")]
    Check(crate::check::Args),
    /// Run the tests of the configuration
    #[command(after_help = "Example:\n  hark test --config hark.yaml")]
    Test(crate::test::Args),
    /// Show what Hark finds in a text, which rule decides and why the others do not
    #[command(
        after_help = "Examples:\n  hark explain \"Aurora Motors lost my keys again\" --author-followers 9000\n  hark explain \"Szukam warsztatu\" --lang pl --json"
    )]
    Explain(crate::explain::Args),
    /// Route the mentions of the last days by another configuration, in memory, and show what would go elsewhere
    #[command(
        after_help = "Examples:\n  hark replay --new new.yaml\n  hark replay --config hark.yaml --new new.yaml --since 12h --json"
    )]
    Replay(crate::replay::Args),
    /// Show the records of a topic, as they are or as they come
    #[command(
        after_help = "Examples:\n  hark tail queue.sales\n  hark tail queue.sales --from 2026-05-04T09:30:00Z\n  hark tail posts --from 2h --until-end --format json | jq .value.text"
    )]
    Tail(crate::tail::Args),
    /// Create the topics of the configuration, or check them
    #[command(
        after_help = "Examples:\n  hark topics create --partitions 24 --replication 3\n  hark topics check"
    )]
    Topics(crate::topics::Args),
    /// Show what could not be worked on, and why
    #[command(after_help = "Examples:\n  hark dead-letters list --since 2h\n  hark dead-letters show 3/17")]
    DeadLetters(crate::dead_letters::Args),
    /// Send dead letters back to be tried again, each once; on the embedded log while `hark up` is stopped
    #[command(
        after_help = "Examples:\n  hark redrive 3/17 5/2\n  hark redrive --class undecodable --since 2h --dry-run\n  hark redrive --all"
    )]
    Redrive(crate::dead_letters::redrive::Args),
    /// Tag texts: JSON Lines of {"text", "language", "id"} in, one object of tags a line out, order kept
    #[command(
        after_help = "Examples:\n  hark label --threads 4 --format jsonl < posts.jsonl | jq .sentiment.label\n  hark label --evaluate labelled.jsonl"
    )]
    Label(crate::label::Args),
    /// Show how far each stage is behind, in records and seconds
    #[command(after_help = "Examples:\n  hark lag\n  hark lag --stage route --format json | jq .seconds")]
    Lag(crate::lag::Args),
    /// Ask a running worker whether it is ready: exit code 0 if so, for a container's health check
    #[command(after_help = "Examples:\n  hark health\n  hark health --live --listen 127.0.0.1:8788")]
    Health(crate::probe::Args),
    /// Print the completions of a shell
    #[command(after_help = "Example:\n  hark completions bash > /etc/bash_completion.d/hark")]
    Completions(crate::shell::CompletionsArgs),
    /// Print the manual page, or write those of all commands into a folder
    #[command(after_help = "Examples:\n  hark man | man -l -\n  hark man /usr/local/share/man/man1")]
    Man(crate::shell::ManArgs),
    /// Show whose data and libraries are in this program, and on which terms
    #[command(after_help = "Example:\n  hark licenses | less")]
    Licenses(crate::licenses::Args),
    /// List the metrics that this program exports, with their meaning
    #[command(after_help = "Example:\n  hark metrics > metrics.md")]
    Metrics(crate::telemetry::catalog::Args),
}

impl Command {
    /// What is logged unless RUST_LOG or HARK_LOG says otherwise: a worker tells what it does, a tool only what is wrong.
    pub fn default_log_level(&self) -> &'static str {
        match self {
            Self::Up(args) if args.is_demo() => "warn",
            Self::Up(_) | Self::Ingest(_) | Self::Enrich(_) | Self::Route(_) => "info",
            Self::Replay(_) | Self::Tail(_) | Self::Topics(_) | Self::Metrics(_) => "warn",
            Self::DeadLetters(_) | Self::Redrive(_) | Self::Lag(_) | Self::Health(_) => "warn",
            Self::Completions(_) | Self::Man(_) | Self::Licenses(_) => "warn",
            Self::Label(_) | Self::Init(_) | Self::Check(_) | Self::Test(_) | Self::Explain(_) => "warn",
        }
    }

    /// Whether a signal is to be answered by ending in order. The other commands have nothing to bring to an end: a signal
    /// ends them as the system does, also while they wait for input.
    pub fn ends_in_order(&self) -> bool {
        let works = matches!(self, Self::Up(_) | Self::Ingest(_) | Self::Enrich(_) | Self::Route(_));
        works || matches!(self, Self::Replay(_) | Self::Tail(_))
    }

    /// Does it.
    pub fn run(self, context: &Context) -> anyhow::Result<ExitCode> {
        match self {
            Self::Up(args) => crate::up::run(args, context),
            Self::Ingest(args) => crate::workers::ingest(args, context),
            Self::Enrich(args) => crate::workers::stage(Stage::Enrich, args, context),
            Self::Route(args) => crate::workers::stage(Stage::Route, args, context),
            Self::Replay(args) => crate::replay::run(&args, context),
            Self::Tail(args) => crate::tail::run(&args, context),
            Self::Topics(args) => crate::topics::run(&args, context),
            Self::DeadLetters(args) => crate::dead_letters::run(args, context),
            Self::Redrive(args) => crate::dead_letters::redrive::run(&args, context),
            Self::Lag(args) => crate::lag::run(&args, context),
            Self::Health(args) => crate::probe::run(&args, context),
            Self::Completions(args) => crate::shell::completions(&args, context),
            Self::Man(args) => crate::shell::man(&args, context),
            Self::Init(args) => crate::init::run(args, context),
            Self::Check(args) => crate::check::run(args, context),
            Self::Test(args) => crate::test::run(args, context),
            Self::Explain(args) => crate::explain::run(args, context),
            Self::Label(args) => crate::label::run(&args, context),
            Self::Licenses(args) => crate::licenses::run(args, context),
            Self::Metrics(args) => crate::telemetry::catalog::run(args, context),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_of_each_command_shows_an_example_that_the_command_line_accepts() {
        for command in Cli::command().get_subcommands() {
            let name = command.get_name();
            if name == "help" {
                continue;
            }
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let examples: Vec<_> = help.lines().filter_map(|line| line.strip_prefix("  ")).collect();
            assert!(help.starts_with("Example") && !examples.is_empty(), "{name} shows no example");
            for example in examples {
                let line = example
                    .split(['|', '<', '>', '#'])
                    .find(|part| part.contains("hark "))
                    .unwrap_or_default();
                let words: Vec<_> = line.split_whitespace().skip_while(|word| *word != "hark").collect();
                // Quoted arguments are split here; any word will do for the parser.
                let words = words.iter().map(|word| word.trim_matches('"'));
                let quoted = line.contains('"');
                let parsed = Cli::try_parse_from(words);
                assert!(quoted || parsed.is_ok(), "{name}: {line}: {}", parsed.unwrap_err());
            }
        }
    }

    #[test]
    fn the_commands_of_the_documentation_are_commands() {
        let page = include_str!("../../../docs/rules.md");
        let mut seen = 0;
        for block in page.split("```sh\n").skip(1) {
            let lines = block.split("```").next().unwrap_or_default().lines();
            for line in lines.filter(|line| line.starts_with("hark ")) {
                // A quoted argument is one word.
                let parts = line.split('"').enumerate();
                let words = parts.flat_map(|(index, part)| match index % 2 {
                    0 => part.split_whitespace().collect(),
                    _ => vec![part],
                });
                let parsed = Cli::try_parse_from(words);
                assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
                seen += 1;
            }
        }
        assert!(seen >= 2, "only {seen} commands were found");
    }

    #[test]
    fn an_instance_name_that_would_break_an_id_is_refused() {
        for (name, fits) in
            [("enrich-0", true), ("a.b_c", true), ("", false), ("a b", false), ("zażółć", false)]
        {
            assert_eq!(instance_name(name).is_ok(), fits, "{name:?}");
        }
        assert!(instance_name(&"x".repeat(65)).is_err());
    }
}
