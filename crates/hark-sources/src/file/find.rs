//! Which files a path of the configuration means.

use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern, PatternError};
use tracing::warn;

const OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// A path or a pattern such as `posts/*.jsonl`, made absolute by the configuration's folder.
#[derive(Clone, Debug)]
pub(super) struct Finder {
    literal: PathBuf,
    pattern: Option<String>,
}

impl Finder {
    pub(super) fn new(folder: &Path, path: &str) -> Result<Self, PatternError> {
        let literal = folder.join(path);
        let has_wildcards = path.contains(['*', '?', '[']);
        // A file that is really named so is meant before any pattern.
        if !has_wildcards || literal.exists() {
            return Ok(Self { literal, pattern: None });
        }
        let pattern = if Path::new(path).is_absolute() {
            path.to_owned()
        } else {
            Path::new(&Pattern::escape(&folder.to_string_lossy())).join(path).to_string_lossy().into_owned()
        };
        Pattern::new(&pattern)?;
        Ok(Self { literal, pattern: Some(pattern) })
    }

    /// Whether one certain file is meant.
    pub(super) fn is_literal(&self) -> bool {
        self.pattern.is_none()
    }

    /// As the user would recognise it.
    pub(super) fn shown(&self) -> String {
        self.literal.display().to_string()
    }

    /// Existing paths, sorted.
    pub(super) fn find(&self) -> Vec<PathBuf> {
        let Some(pattern) = &self.pattern else {
            return self.literal.exists().then(|| self.literal.clone()).into_iter().collect();
        };
        let Ok(paths) = glob::glob_with(pattern, OPTIONS) else { return Vec::new() };
        let mut found: Vec<PathBuf> = paths
            .filter_map(|path| {
                path.map_err(
                    |error| warn!(path = %error.path().display(), error = %error.error(), "cannot look here"),
                )
                .ok()
            })
            .filter(|path| !path.is_dir())
            .collect();
        found.sort();
        found
    }
}
