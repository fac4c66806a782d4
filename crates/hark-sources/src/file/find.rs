//! Which files a path of the configuration means.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use glob::{MatchOptions, Pattern, PatternError};

const OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };
const WILDCARDS: [char; 3] = ['*', '?', '['];

/// A path or a pattern such as `posts/*.jsonl`, made absolute by the configuration's folder.
#[derive(Clone, Debug)]
pub(super) struct Finder {
    literal: PathBuf,
    pattern: Option<Wild>,
}

#[derive(Clone, Debug)]
struct Wild {
    pattern: String,
    /// What stands before the first wildcard.
    folder: PathBuf,
}

/// What a path means at this moment.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Existing paths, sorted.
    pub paths: Vec<PathBuf>,
    /// Where it could not be told what there is, and what to do about it.
    pub unreadable: Vec<(PathBuf, String)>,
}

impl Finder {
    pub(super) fn new(folder: &Path, path: &str) -> Result<Self, PatternError> {
        let literal = folder.join(path);
        // A file that is really named so is meant before any pattern.
        if !path.contains(WILDCARDS) || literal.exists() {
            return Ok(Self { literal, pattern: None });
        }
        let pattern = if Path::new(path).is_absolute() {
            path.to_owned()
        } else {
            Path::new(&Pattern::escape(&folder.to_string_lossy())).join(path).to_string_lossy().into_owned()
        };
        Pattern::new(&pattern)?;
        let fixed =
            Path::new(path).iter().take_while(|part| !part.to_string_lossy().contains(WILDCARDS)).collect();
        let folder = folder.join::<PathBuf>(fixed);
        Ok(Self { literal, pattern: Some(Wild { pattern, folder }) })
    }

    /// Whether one certain file is meant.
    pub(super) fn is_literal(&self) -> bool {
        self.pattern.is_none()
    }

    /// As the user would recognise it.
    pub(super) fn shown(&self) -> String {
        self.literal.display().to_string()
    }

    pub(super) fn find(&self) -> Found {
        let mut found = Found::default();
        let Some(Wild { pattern, folder }) = &self.pattern else {
            match fs::metadata(&self.literal) {
                Ok(_) => found.paths.push(self.literal.clone()),
                Err(error) => found.fail(&self.literal, &error),
            }
            return found;
        };
        // Where it cannot see the folder, the pattern finds nothing and says nothing.
        match fs::metadata(folder) {
            Ok(metadata) if !metadata.is_dir() => {
                found.fail(folder, &io::ErrorKind::NotADirectory.into());
            }
            Ok(_) => {}
            Err(error) => found.fail(folder, &error),
        }
        let Ok(paths) = glob::glob_with(pattern, OPTIONS) else { return found };
        for path in paths {
            match path {
                Ok(path) if path.is_dir() => {}
                Ok(path) => found.paths.push(path),
                Err(error) => found.fail(error.path(), error.error()),
            }
        }
        found.paths.sort();
        found
    }
}

impl Found {
    fn fail(&mut self, path: &Path, error: &io::Error) {
        // What is not there is not there yet.
        if error.kind() != io::ErrorKind::NotFound {
            self.unreadable.push((path.to_owned(), remedy(error)));
        }
    }
}

/// What is wrong with a place, and what to do about it.
pub(super) fn remedy(error: &io::Error) -> String {
    let remedy = match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "let the user that runs Hark read it (a folder needs the rights r and x), or take it out of `path`"
        }
        _ => "mend it, or take it out of `path`",
    };
    format!("{error}: {remedy}")
}
