//! Files of JSON Lines, one post a line: read where they were left, followed as they grow, and standard input.
//!
//! A file is known by its inode and first line, so a rename or a rotation loses nothing and repeats nothing; its cursor is
//! committed in one transaction with the posts that it covers. Nothing but polling is used to notice growth: notifications miss network
//! mounts, and a look at a hundred files costs less than a millisecond.

mod batch;
mod closed;
mod cursor;
mod find;
mod follow;
mod lines;
mod outbox;
mod run;
mod stdin;
#[cfg(test)]
mod tests;

use std::{io, path::PathBuf, time::Duration};

use glob::PatternError;
use hark_log::LogError;
use tokio_util::sync::CancellationToken;
use tracing::warn;

pub(crate) use batch::payload_too_long;
pub use cursor::Cursors;
pub use lines::MAX_LINE_BYTES;

use crate::{NotCommitted, Publisher, SourceContext, SubmitError};

/// Which files, and how they are watched.
#[derive(Clone, Debug)]
pub struct FileSpec {
    /// Relative paths start here.
    pub folder: PathBuf,
    /// Paths, and patterns such as `posts/*.jsonl`; a file that several of them mean is read once.
    pub paths: Vec<String>,
    /// How often a file is looked at when nothing comes.
    pub poll_every: Duration,
    /// How long a file whose path leads elsewhere now is still read: its writer may not have noticed yet.
    pub rotated_grace: Duration,
    /// Files held open at a time; others take turns with them.
    pub max_open: usize,
}

/// Far below the usual limit of 1,024 descriptors, since there may be several sources.
const MAX_OPEN: usize = 128;

impl FileSpec {
    /// With the usual bounds: five looks a second, 5 s for a rotated file, 128 files.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, paths: Vec<String>) -> Self {
        Self {
            folder: folder.into(),
            paths,
            poll_every: Duration::from_millis(200),
            rotated_grace: Duration::from_secs(5),
            max_open: MAX_OPEN,
        }
    }
}

/// Why a file source ended.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The pattern cannot be understood.
    #[error("{pattern:?} is no pattern for files: {source}")]
    Pattern {
        /// As configured.
        pattern: String,
        /// What is wrong with it.
        source: PatternError,
    },
    /// Under `--once`: the rest was read, these could not be.
    #[error("could not read {}", list.join("; "))]
    Unreadable {
        /// A path and a reason each.
        list: Vec<String>,
    },
    /// How far the files have been read is not known.
    #[error("cannot read the cursors")]
    Cursors(#[source] LogError),
    /// Standard input failed.
    #[error("cannot read standard input")]
    Stdin(#[source] io::Error),
    /// The publisher does not take records.
    #[error("cannot hand over the posts of a file")]
    Submit(#[from] SubmitError),
    /// The publisher took records and could not commit them.
    #[error("the posts of a file were not committed; they will be read again")]
    NotCommitted(#[from] NotCommitted),
}

/// Reads the files of `spec` and publishes their posts; lines that are none become dead letters. Blocks, on a plain thread.
///
/// With `once` it works off what is there, waits for the commits and returns, and takes a last line without line end for complete; otherwise
/// it follows the files until `shutdown` is cancelled. `restore` reads the cursors: once, and whenever the producer began anew.
///
/// # Errors
/// When files cannot be read (only with `once`; else they are tried again), the cursors cannot, or the publisher ended.
pub fn run(
    spec: &FileSpec,
    context: &SourceContext,
    publisher: &Publisher,
    restore: &dyn Fn() -> Result<Cursors, LogError>,
    once: bool,
    shutdown: &CancellationToken,
) -> Result<(), FileError> {
    match run::Poller::new(spec, context, publisher, restore, once, shutdown) {
        Err(FileError::Cursors(_)) if shutdown.is_cancelled() => Ok(()),
        poller => poller?.run(),
    }
}

/// Reads posts from standard input to its end, or until `shutdown` is cancelled. Blocks, on a plain thread.
///
/// # Errors
/// When it cannot be read, or the publisher ended.
pub fn run_stdin(
    context: &SourceContext,
    publisher: &Publisher,
    shutdown: &CancellationToken,
) -> Result<(), FileError> {
    let bytes = stdin::run(io::stdin(), context, publisher, shutdown)?;
    if bytes > 0 {
        warn!(
            source = &*context.source,
            bytes,
            "stopped before all that was read from standard input was published: pipe the rest in again"
        );
    }
    Ok(())
}
