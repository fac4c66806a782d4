//! Which files a path of the configuration means.

use std::{
    borrow::Cow,
    collections::HashSet,
    ffi::{OsStr, OsString},
    fs::{self, DirEntry},
    io,
    path::{Path, PathBuf},
};

use glob::{MatchOptions, Pattern, PatternError};

use super::follow::Identity;

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
    /// What stands before the first wildcard.
    folder: PathBuf,
    parts: Vec<Part>,
}

/// What stands between two separators of a pattern.
#[derive(Clone, Debug)]
enum Part {
    Name(String),
    Pattern(Pattern),
    /// `**`: this folder and all below it, but for hidden ones.
    Folders,
}

/// What a path means at this moment.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Existing paths, sorted.
    pub paths: Vec<PathBuf>,
    /// Where it could not be told what there is, and what to do about it.
    pub unreadable: Vec<(PathBuf, String)>,
    /// Links that lead back to a folder on the way to them.
    pub cycles: Vec<PathBuf>,
}

impl Finder {
    pub(super) fn new(folder: &Path, path: &str) -> Result<Self, PatternError> {
        let literal = folder.join(path);
        // A file that is really named so is meant before any pattern.
        if !path.contains(WILDCARDS) || literal.exists() {
            return Ok(Self { literal, pattern: None });
        }
        // As a whole: parts of a wrong pattern may be right.
        Pattern::new(path)?;
        let parts = Path::new(path).iter().map(OsStr::to_string_lossy);
        let is_fixed = |part: &Cow<'_, str>| !part.contains(WILDCARDS);
        let fixed: PathBuf = parts.clone().take_while(is_fixed).map(|part| part.into_owned()).collect();
        let parts = parts.skip_while(is_fixed).map(|part| {
            Ok(match &*part {
                "**" => Part::Folders,
                name if !name.contains(WILDCARDS) => Part::Name(name.to_owned()),
                pattern => Part::Pattern(Pattern::new(pattern)?),
            })
        });
        let parts = parts.collect::<Result<_, _>>()?;
        Ok(Self { literal, pattern: Some(Wild { folder: folder.join(fixed), parts }) })
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
        let mut walk = Walk::default();
        match &self.pattern {
            Some(Wild { folder, parts }) => walk.enter(folder, parts),
            None => match fs::metadata(&self.literal) {
                Ok(_) => walk.found.paths.push(self.literal.clone()),
                Err(error) => walk.found.fail(&self.literal, &error),
            },
        }
        walk.found.paths.sort();
        walk.found
    }
}

/// A look at the folders that a pattern means. Each is looked into once for each part of the pattern, or links between them would multiply
/// the ways without end.
#[derive(Default)]
struct Walk {
    found: Found,
    /// Folders, and how many parts of the pattern were left there.
    known: HashSet<(Identity, usize)>,
    /// Folders from the first to the one that is looked into.
    way: Vec<Identity>,
}

impl Walk {
    /// Finds what `parts` mean in a folder.
    fn enter(&mut self, folder: &Path, parts: &[Part]) {
        let identity = match fs::metadata(here(folder)) {
            Ok(metadata) if metadata.is_dir() => Identity::of(&metadata),
            Ok(_) => return self.found.fail(folder, &io::ErrorKind::NotADirectory.into()),
            Err(error) => return self.found.fail(folder, &error),
        };
        if !self.known.insert((identity, parts.len())) {
            if self.way.contains(&identity) {
                self.found.cycles.push(folder.to_owned());
            }
            return;
        }
        self.way.push(identity);
        self.look(folder, parts);
        self.way.pop();
    }

    fn look(&mut self, folder: &Path, parts: &[Part]) {
        let Some((part, rest)) = parts.split_first() else { return };
        match part {
            Part::Name(name) => self.take(folder.join(name), rest),
            Part::Pattern(pattern) => {
                for name in self.names(folder, |_| true) {
                    if pattern.matches_with(&name.to_string_lossy(), OPTIONS) {
                        self.take(folder.join(name), rest);
                    }
                }
            }
            Part::Folders => {
                // Before the folders below: what lies here has the shorter path.
                self.look(folder, rest);
                for name in self.names(folder, |entry| is_folder(entry) && !is_hidden(entry)) {
                    self.enter(&folder.join(name), parts);
                }
            }
        }
    }

    /// Sorted, so that of several ways to a folder it is always the same that is taken.
    fn names(&mut self, folder: &Path, of: impl Fn(&DirEntry) -> bool) -> Vec<OsString> {
        let entries = fs::read_dir(here(folder)).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let entries = entries.unwrap_or_else(|error| {
            self.found.fail(folder, &error);
            Vec::new()
        });
        let mut names: Vec<_> = entries.iter().filter(|entry| of(entry)).map(DirEntry::file_name).collect();
        names.sort();
        names
    }

    /// A path that fits so far: what is meant, or a folder on the way there.
    fn take(&mut self, path: PathBuf, rest: &[Part]) {
        if rest.is_empty() {
            // A link that leads nowhere yet is there.
            if !path.is_dir() && fs::symlink_metadata(&path).is_ok() {
                self.found.paths.push(path);
            }
        } else if path.is_dir() {
            self.enter(&path, rest);
        }
    }
}

/// A folder as the system takes it: an empty path means that of the process.
pub(super) fn here(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

/// One that cannot be looked at is no folder of which a pattern knows.
fn is_folder(entry: &DirEntry) -> bool {
    entry.file_type().is_ok_and(|kind| kind.is_dir() || (kind.is_symlink() && entry.path().is_dir()))
}

fn is_hidden(entry: &DirEntry) -> bool {
    entry.file_name().as_encoded_bytes().starts_with(b".")
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
