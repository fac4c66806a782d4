//! `hark init [DIR]`: a commented configuration that starts without any secret, and posts to try it with.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;

use crate::{
    cli::Context,
    failure::{Failure, print},
};

/// Arguments of `hark init`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder to write to; made if it is not there
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

/// The files, by their path in the folder.
const FILES: [(&str, &str); 2] =
    [("hark.yaml", include_str!("hark.yaml")), ("posts/sample.jsonl", include_str!("sample.jsonl"))];

/// Writes the files.
///
/// # Errors
/// One of them is there already, and then none is written; or the folder cannot be written to.
pub fn run(args: Args, _: &Context) -> anyhow::Result<ExitCode> {
    let Args { dir } = args;
    write(&dir)?;
    let written: Vec<String> = FILES.iter().map(|(name, _)| dir.join(name).display().to_string()).collect();
    print(&format!("written: {}\n", written.join(", ")))?;
    print("\n")?;
    print("next:\n")?;
    if dir != Path::new(".") {
        print(&format!("  cd {}\n", dir.display()))?;
    }
    print("  hark check                          is the configuration in order?\n")?;
    print("  hark test                           do the posts at its end go where they should?\n")?;
    print("  hark up --once                      read the sample posts, judge and route them, and end\n")?;
    print("  hark tail queue.sales --until-end   what the sales team got\n")?;
    print("  hark explain \"Aurora Motors lost my keys again\"\n")?;
    Ok(ExitCode::SUCCESS)
}

fn write(dir: &Path) -> anyhow::Result<()> {
    for (name, _) in FILES {
        let path = dir.join(name);
        if path.try_exists().with_context(|| format!("cannot look at {}", path.display()))? {
            return Err(taken(&path).into());
        }
    }
    for (name, text) in FILES {
        let path = dir.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        }
        // Between the look and the write another program may have been faster.
        let mut file = match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(taken(&path).into()),
            Err(error) => return Err(error).with_context(|| format!("cannot write {}", path.display())),
        };
        file.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn taken(path: &Path) -> Failure {
    Failure::bad_input(format!("{} is there already and is left as it is", path.display()))
        .next("name another folder: hark init DIR")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Config, test};

    #[test]
    fn what_init_writes_loads_without_any_secret_and_passes_its_own_tests() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = folder.path().join("new");
        write(&dir).expect("it is written");
        let config = Config::load(&dir.join("hark.yaml")).expect("it loads");
        assert_eq!(config.secrets().len(), 0);
        for report in test::run_all(&config).expect("the tests run") {
            assert!(report.differences.is_empty(), "{}: {:?}", report.test.name, report.differences);
        }
        assert!(config.router().expect("rules").warnings().is_empty());
    }

    #[test]
    fn nothing_is_overwritten_and_nothing_is_half_written() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("posts")).expect("a folder");
        fs::write(folder.path().join("posts/sample.jsonl"), "mine").expect("a file");
        let error = write(folder.path()).expect_err("it is refused");
        assert!(error.to_string().contains("sample.jsonl is there already and is left as it is"), "{error}");
        assert!(!folder.path().join("hark.yaml").exists());
    }

    #[test]
    fn every_sample_post_is_an_object_with_id_and_text() {
        for line in FILES[1].1.lines() {
            let post: serde_json::Value = serde_json::from_str(line).expect("JSON");
            assert!(post["id"].is_string() && post["text"].is_string(), "{line}");
        }
    }
}
