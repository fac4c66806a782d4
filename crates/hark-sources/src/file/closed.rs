//! Files that are not open: those that are read to their end, and those that wait for their turn to be opened.

use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    fs,
    os::unix::fs::DirEntryExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use hark_schema::v1::FileCursor;
use tracing::{debug, info, warn};

use super::{find::here, follow::Identity};

/// Waiting for longer is told: a rename to another folder would lose what nobody has read by then.
const LONG_WAIT: Duration = Duration::from_secs(60);
/// Between two lines about that.
const TELL_EVERY: Duration = Duration::from_secs(600);

/// How a file looked when it was closed; it is opened again when it looks different.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub identity: Identity,
    pub size: u64,
}

/// A file that is to be opened.
pub(super) struct Waiting {
    pub path: PathBuf,
    pub stamp: Stamp,
    /// The path that led to it before it was renamed to one that no pattern means.
    pub was: Option<PathBuf>,
    /// Only a cursor tells of it: it is that file if its first line is the same too.
    pub by_cursor: bool,
    since: Instant,
}

#[derive(Default)]
pub(super) struct Closed {
    parked: HashMap<PathBuf, Stamp>,
    /// No path leads to them any more; their writers may not have noticed yet.
    gone: HashMap<Identity, Gone>,
    /// Whoever has waited longest first, so that none waits for ever.
    waiting: VecDeque<Waiting>,
    /// It was told that there are more files than may be open.
    told_of_turns: bool,
    told_of_wait: Option<Instant>,
}

impl Closed {
    pub(super) fn park(&mut self, path: PathBuf, stamp: Stamp) {
        self.parked.insert(path, stamp);
    }

    pub(super) fn unpark(&mut self, path: &Path) -> bool {
        self.parked.remove(path).is_some()
    }

    /// Whether the file looks as it did when it was closed.
    pub(super) fn is_parked(&self, path: &Path, stamp: Stamp) -> bool {
        self.parked.get(path) == Some(&stamp)
    }

    pub(super) fn is_anybody_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The one whose turn it is.
    pub(super) fn next(&mut self) -> Option<Waiting> {
        self.waiting.pop_front()
    }

    /// Before the first look: files that were read in an earlier run and may have been renamed since to a name that no pattern means.
    pub(super) fn expect<'c>(&mut self, cursors: impl Iterator<Item = &'c FileCursor>) {
        let mut devices: HashMap<PathBuf, Option<u64>> = HashMap::new();
        for cursor in cursors.filter(|cursor| cursor.inode != 0) {
            let was = PathBuf::from(&cursor.path);
            let Some(folder) = was.parent() else { continue };
            let device = *devices.entry(folder.to_owned()).or_insert_with(|| {
                fs::metadata(here(folder)).ok().map(|folder| Identity::of(&folder).device)
            });
            let Some(device) = device else { continue };
            let gone = Gone { was, read_bytes: Some(cursor.offset), by_cursor: true, at: Instant::now() };
            self.gone.insert(Identity { device, inode: cursor.inode }, gone);
        }
    }

    /// Takes note of what a look at the folders found: `found`, the files that are to be opened, in order, and `seen`, those that some path
    /// leads to. Those that no path leads to any more are looked for beside where they were, for what is unread of them or comes within `grace`.
    pub(super) fn look(
        &mut self,
        found: Vec<(PathBuf, Stamp)>,
        seen: &HashSet<Identity>,
        source: &str,
        grace: Duration,
    ) {
        let now = Instant::now();
        let mut since: HashMap<Identity, Instant> = HashMap::new();
        let mut gone = std::mem::take(&mut self.gone);
        for Waiting { path, stamp, was, by_cursor, since: began } in self.waiting.drain(..) {
            since.insert(stamp.identity, began);
            if was.is_some() || !seen.contains(&stamp.identity) {
                let was = was.unwrap_or(path);
                gone.insert(stamp.identity, Gone { was, read_bytes: None, by_cursor, at: now });
            }
        }
        self.parked.retain(|path, stamp| {
            let is_there = seen.contains(&stamp.identity);
            if !is_there {
                let (was, read_bytes) = (path.clone(), Some(stamp.size));
                let new = || Gone { was, read_bytes, by_cursor: false, at: now };
                gone.entry(stamp.identity).or_insert_with(new);
            }
            is_there
        });
        gone.retain(|identity, _| !seen.contains(identity));
        let mut again = VecDeque::new();
        for (path, Stamp { identity, size }) in beside(&gone) {
            let Some(file) = gone.remove(&identity) else { continue };
            if file.read_bytes != Some(size) {
                debug!(from = %file.was.display(), to = %path.display(), "renamed before it was read to its end");
                let since = since.get(&identity).copied().unwrap_or(now);
                let (stamp, was, by_cursor) = (Stamp { identity, size }, Some(file.was), file.by_cursor);
                again.push_back(Waiting { path, stamp, was, by_cursor, since });
            } else if file.at.elapsed() < grace {
                self.gone.insert(identity, file);
            }
        }
        if let Some(one) = gone.values().find(|file| file.read_bytes.is_none()) {
            let files = gone.values().filter(|file| file.read_bytes.is_none()).count();
            warn!(
                source,
                files,
                one = %one.was.display(),
                "files were removed or moved to another folder before their turn: what was not read of them is lost"
            );
        }
        let mut fresh: Vec<Waiting> = found
            .into_iter()
            .map(|(path, stamp)| {
                let since = since.get(&stamp.identity).copied().unwrap_or(now);
                Waiting { path, stamp, was: None, by_cursor: false, since }
            })
            .collect();
        // Stable: those that began to wait together go in the order of their paths.
        fresh.sort_by_key(|waiting| waiting.since);
        // A rotated file goes before the one that took its place.
        again.extend(fresh);
        self.waiting = again;
    }

    /// Says once that files are read in turn, and now and then that some wait for long.
    pub(super) fn tell(&mut self, source: &str, most: usize) {
        let Some(longest) = self.waiting.iter().map(|waiting| waiting.since).min() else { return };
        let files = self.waiting.len();
        if !std::mem::replace(&mut self.told_of_turns, true) {
            info!(
                source,
                waiting = files,
                "more files than the {most} that are held open: they are read in turn"
            );
        }
        if longest.elapsed() >= LONG_WAIT && self.told_of_wait.is_none_or(|at| at.elapsed() >= TELL_EVERY) {
            self.told_of_wait = Some(Instant::now());
            warn!(
                source,
                waiting = files,
                longest = ?longest.elapsed(),
                "files wait for long to be read: there are more than can be kept up with; give some to a source of their own"
            );
        }
    }
}

/// A file that no path leads to any more.
struct Gone {
    was: PathBuf,
    /// How much of it was read, if it was read to its end.
    read_bytes: Option<u64>,
    /// See [`Waiting::by_cursor`].
    by_cursor: bool,
    /// Since when.
    at: Instant,
}

/// Where these files are now, as far as they are in the folders where they were: rotation renames within the folder.
fn beside(gone: &HashMap<Identity, Gone>) -> Vec<(PathBuf, Stamp)> {
    let folders: BTreeSet<&Path> = gone.values().filter_map(|gone| gone.was.parent()).collect();
    let inodes: HashSet<u64> = gone.keys().map(|identity| identity.inode).collect();
    let mut found = Vec::new();
    for folder in folders {
        let Ok(entries) = fs::read_dir(here(folder)) else { continue };
        for entry in entries.flatten().filter(|entry| inodes.contains(&entry.ino())) {
            if let Ok(metadata) = entry.metadata()
                && metadata.is_file()
            {
                let stamp = Stamp { identity: Identity::of(&metadata), size: metadata.len() };
                found.push((folder.join(entry.file_name()), stamp));
            }
        }
    }
    found
}
