//! `hark completions` and `hark man`: the command line as a shell and as `man` want to read it.

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::{
    cli::{Cli, Context},
    failure,
};

/// Arguments of `hark completions`.
#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// For which shell
    shell: Shell,
}

/// Arguments of `hark man`.
#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// Write a page for each command into this folder, instead of the first page to stdout
    #[arg(value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

/// Prints a shell's completions.
pub fn completions(args: &CompletionsArgs, _: &Context) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "hark", &mut script);
    failure::print(&String::from_utf8(script).context("completions are text")?)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the manual pages.
pub fn man(args: &ManArgs, _: &Context) -> anyhow::Result<ExitCode> {
    let Some(folder) = &args.folder else {
        failure::print(&page(Cli::command())?)?;
        return Ok(ExitCode::SUCCESS);
    };
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for (name, page) in pages()? {
        let path = folder.join(format!("{name}.1"));
        fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))?;
        failure::print(&format!("{}\n", path.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Name and text of each page: `hark`, `hark-up`, `hark-topics-create`, ...
fn pages() -> anyhow::Result<Vec<(String, String)>> {
    let mut whole = Cli::command();
    // Passes the flags of every command on to the commands.
    whole.build();
    let mut pages = Vec::new();
    let mut left = vec![whole.display_name("hark")];
    while let Some(command) = left.pop() {
        let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
        let below = command.get_subcommands().filter(|below| below.get_name() != "help");
        left.extend(below.map(|below| {
            let name = format!("{name}-{}", below.get_name());
            below.clone().display_name(name)
        }));
        pages.push((name, page(command)?));
    }
    Ok(pages)
}

fn page(command: clap::Command) -> anyhow::Result<String> {
    let mut page = Vec::new();
    Man::new(command).render(&mut page).context("cannot write a manual page")?;
    String::from_utf8(page).context("a manual page is text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_manual_page_that_names_it() {
        let pages = pages().unwrap();
        let page = |name: &str| {
            let found = pages.iter().find(|(found, _)| found == name);
            found.unwrap_or_else(|| panic!("no page of {name}")).1.clone()
        };
        assert!(page("hark").contains(".TH hark 1"));
        assert!(page("hark-redrive").contains("hark\\-redrive"));
        assert!(page("hark-topics-create").contains("partitions"));
        let commands = Cli::command().get_subcommands().count();
        assert!(pages.len() > commands, "{} pages", pages.len());
    }

    #[test]
    fn every_shell_gets_completions_that_know_the_commands() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell, Shell::Elvish] {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "hark", &mut script);
            let script = String::from_utf8(script).unwrap();
            for word in ["ingest", "dead-letters", "redrive", "dry-run"] {
                assert!(script.contains(word), "{shell}: {word}");
            }
        }
    }
}
