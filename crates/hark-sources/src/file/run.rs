//! The loop over all files of a source: find, read a little of each in turn, hand over, wait.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use hark_log::{LogError, pause};
use hark_schema::v1::FileCursor;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    FileError, FileSpec,
    batch::Batch,
    closed::{Closed, Stamp, Waiting},
    cursor::{self, Cursors},
    find::{Finder, remedy},
    follow::{Change, Followed, Identity, Opened, open},
    lines::Position,
    outbox::Outbox,
};
use crate::{NotCommitted, Publisher, SourceContext};

/// Least time between two looks at the folder.
const FIND_EVERY: Duration = Duration::from_secs(1);
/// Between two tries to read the cursors while the brokers are away.
const RESTORE_AGAIN: Duration = Duration::from_secs(1);

/// Reads the cursors.
pub(super) type Restore<'a> = &'a dyn Fn() -> Result<Cursors, LogError>;

pub(super) struct Poller<'a> {
    spec: &'a FileSpec,
    finders: Vec<Finder>,
    context: &'a SourceContext,
    outbox: Outbox<'a>,
    restore: Restore<'a>,
    cursors: Cursors,
    once: bool,
    shutdown: &'a CancellationToken,
    /// Being read, in the order of their paths.
    files: Vec<Followed>,
    /// Closed, but for the commit of their last lines.
    closing: Vec<Followed>,
    closed: Closed,
    /// Cursors at the start of files that were rewritten, by key, with the number of their submission: until they are committed, whoever reads
    /// the cursors anew finds the old ones.
    starts: HashMap<String, (FileCursor, Option<u64>)>,
    /// Paths that were complained about.
    warned: HashSet<PathBuf>,
    unreadable: Vec<String>,
    found_at: Option<Instant>,
    /// The paths that mean nothing were complained about.
    looked: bool,
}

impl<'a> Poller<'a> {
    pub(super) fn new(
        spec: &'a FileSpec,
        context: &'a SourceContext,
        publisher: &'a Publisher,
        restore: Restore<'a>,
        once: bool,
        shutdown: &'a CancellationToken,
    ) -> Result<Self, FileError> {
        let mut outbox = Outbox::new(publisher, shutdown);
        outbox.begin_epoch();
        let cursors = restore().map_err(FileError::Cursors)?;
        let finder = |path: &String| {
            Finder::new(&spec.folder, path)
                .map_err(|source| FileError::Pattern { pattern: path.clone(), source })
        };
        Ok(Self {
            spec,
            finders: spec.paths.iter().map(finder).collect::<Result<_, _>>()?,
            context,
            outbox,
            restore,
            cursors,
            once,
            shutdown,
            files: Vec::new(),
            closing: Vec::new(),
            closed: Closed::default(),
            starts: HashMap::new(),
            warned: HashSet::new(),
            unreadable: Vec::new(),
            found_at: None,
            looked: false,
        })
    }

    pub(super) fn run(mut self) -> Result<(), FileError> {
        loop {
            match self.read() {
                Err(FileError::NotCommitted(NotCommitted::Superseded)) if !self.shutdown.is_cancelled() => {
                    self.begin_anew()?;
                }
                Err(FileError::NotCommitted(NotCommitted::Superseded)) => return Ok(()),
                ended => return ended,
            }
        }
    }

    /// Everything from its cursor, again.
    fn begin_anew(&mut self) -> Result<(), FileError> {
        info!(source = &*self.context.source, "the producer began anew: reading on from what is committed");
        // The one that was not committed has been taken from those under way.
        self.forget_starts_until(self.outbox.committed().saturating_sub(1));
        self.outbox.begin_epoch();
        self.cursors = loop {
            match (self.restore)() {
                Ok(cursors) => break cursors,
                Err(_) if self.shutdown.is_cancelled() => return Ok(()),
                Err(LogError::Unreachable { .. } | LogError::TimedOut { .. }) => {
                    pause(self.shutdown, RESTORE_AGAIN);
                }
                Err(error) => return Err(FileError::Cursors(error)),
            }
        };
        for (key, (start, submission)) in &mut self.starts {
            *submission = None;
            self.cursors.set(key, start.clone());
        }
        // A rotated file goes before the one that took its place. One that grew after it was closed is open again already.
        let open = std::mem::take(&mut self.files);
        for file in std::mem::take(&mut self.closing) {
            self.closed.unpark(&file.path);
            if !open.iter().chain(&self.files).any(|other| other.identity == file.identity) {
                self.files.push(file);
            }
        }
        self.files.extend(open);
        self.found_at = None;
        for index in (0..self.files.len()).rev() {
            let file = &mut self.files[index];
            let mark = file.mark();
            match file.look(&mark).and_then(|change| match change {
                Change::None => file.rewind(&self.cursors).map(|()| change),
                change => Ok(change),
            }) {
                Ok(Change::None) => {}
                Ok(change) => {
                    let file = self.files.remove(index);
                    self.start_over(&file, &change);
                }
                Err(error) => {
                    self.failed(index, &error);
                    self.files.remove(index);
                }
            }
        }
        Ok(())
    }

    fn read(&mut self) -> Result<(), FileError> {
        while !self.shutdown.is_cancelled() {
            if !self.hand_over_starts()? {
                break;
            }
            self.find_when_due();
            self.open_waiting();
            let progress = self.round()?;
            self.outbox.reap()?;
            let committed = self.outbox.committed();
            self.forget_starts_until(committed);
            self.closing.retain(|file| file.submission > committed);
            if progress {
                continue;
            }
            let is_anybody_waiting = self.closed.is_anybody_waiting();
            if self.once && !is_anybody_waiting {
                break;
            }
            if self.once && !self.closing.is_empty() {
                self.outbox.wait_for_first()?;
            } else if !(is_anybody_waiting && (self.has_room() || self.longest_idle().is_some())) {
                pause(self.shutdown, self.spec.poll_every);
            }
        }
        self.outbox.drain()?;
        if self.once && !self.unreadable.is_empty() {
            return Err(FileError::Unreadable { list: std::mem::take(&mut self.unreadable) });
        }
        Ok(())
    }

    /// Finds what is new or has grown.
    fn find_when_due(&mut self) {
        let every = FIND_EVERY.min(self.spec.poll_every * 5);
        if self.found_at.is_some_and(|at| self.once || at.elapsed() < every) {
            return;
        }
        self.found_at = Some(Instant::now());
        let first_time = !std::mem::replace(&mut self.looked, true);
        // What several of the paths mean is there once, or it would be read by each.
        let (mut paths, mut complained) = (BTreeSet::new(), BTreeSet::new());
        for index in 0..self.finders.len() {
            let found = self.finders[index].find();
            if first_time && found.paths.is_empty() && found.unreadable.is_empty() {
                self.complain_of_nothing(index);
            }
            for (path, why) in found.unreadable {
                self.complain(&path, &why);
                complained.insert(path);
            }
            for path in found.cycles {
                if self.warned.insert(path.clone()) {
                    warn!(path = %path.display(), "this leads back to a folder above it: it is not followed any further");
                }
                complained.insert(path);
            }
            paths.extend(found.paths);
        }
        let (mut seen, mut fresh) = (HashSet::new(), Vec::new());
        for path in &paths {
            let metadata = match fs::metadata(path) {
                Ok(metadata) => metadata,
                // Gone meanwhile, or a link that leads nowhere yet.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => {
                    self.complain(path, &remedy(&error));
                    continue;
                }
            };
            if !metadata.is_file() {
                // Opening a named pipe would block.
                self.complain(path, "it is not a regular file; pipe it in with the path \"-\"");
                continue;
            }
            let stamp = Stamp { identity: Identity::of(&metadata), size: metadata.len() };
            if !seen.insert(stamp.identity) {
                continue;
            }
            if let Some(file) = self.files.iter_mut().find(|file| file.identity == stamp.identity) {
                file.renamed(path);
                continue;
            }
            if !self.closed.is_parked(path, stamp) {
                fresh.push((path.clone(), stamp));
            }
        }
        for file in &mut self.files {
            if !seen.contains(&file.identity) && file.gone_since.is_none() {
                info!(
                    path = file.shown,
                    "the path leads to another file now, or to none: reading the old one to its end"
                );
                file.gone_since = Some(Instant::now());
            }
        }
        if first_time {
            self.closed.expect(self.cursors.of(self.context));
        }
        self.closed.look(fresh, &seen, &self.context.source, self.spec.rotated_grace);
        self.warned.retain(|path| paths.contains(path) || complained.contains(path));
    }

    fn complain_of_nothing(&mut self, finder: usize) {
        let finder = &self.finders[finder];
        let path = finder.shown();
        if self.once && finder.is_literal() {
            self.unreadable.push(format!("{path}: no such file"));
        } else if self.once {
            warn!(path, "no file has that name");
        } else {
            warn!(path, "no file has that name yet: waiting for one");
        }
    }

    fn has_room(&self) -> bool {
        self.files.len() + self.closing.len() < self.spec.max_open
    }

    /// Opens those that wait, as far as there is room or others can make it.
    fn open_waiting(&mut self) {
        while self.closed.is_anybody_waiting() && (self.has_room() || self.park_longest_idle()) {
            let Some(next) = self.closed.next() else { break };
            if self.leads_there(&next) {
                self.open(next);
            }
        }
        // A rotated file goes before the one that took its place.
        self.files.sort_by(|a, b| (&a.path, a.gone_since.is_none()).cmp(&(&b.path, b.gone_since.is_none())));
        if !self.once {
            self.closed.tell(&self.context.source, self.spec.max_open);
        }
    }

    /// Whether the path of one that waited still leads to it, and it was not opened meanwhile. Else it is looked for again.
    fn leads_there(&mut self, waiting: &Waiting) -> bool {
        let identity = waiting.stamp.identity;
        let leads_there =
            fs::metadata(&waiting.path).is_ok_and(|metadata| Identity::of(&metadata) == identity);
        if !leads_there {
            self.found_at = None;
        }
        leads_there && !self.files.iter().any(|file| file.identity == identity)
    }

    fn open(&mut self, waiting: Waiting) {
        let Waiting { path, stamp, was, by_cursor, .. } = waiting;
        match open(&path, self.context, &self.cursors, self.once) {
            // Another file under an inode that became free.
            Ok(Opened::Followed(file)) if by_cursor && self.cursors.get(&file.key).is_none() => {}
            Ok(Opened::Followed(mut file)) => {
                // One that is opened again in its turn is no news.
                let was_open = self.closed.unpark(was.as_ref().unwrap_or(&path));
                if !was_open || file.lines.position() == Position::default() {
                    file.tell();
                }
                self.warned.remove(&path);
                if let Some(was) = was {
                    file.path = was;
                    file.gone_since = Some(Instant::now());
                }
                self.files.push(*file);
            }
            Ok(Opened::Waiting) => self.closed.park(path, stamp),
            Ok(Opened::Refused(_)) if by_cursor => {}
            Ok(Opened::Refused(why)) => {
                self.complain(&path, why);
                self.closed.park(path, stamp);
            }
            // Gone between the two calls; whatever is there next time is looked at then.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => self.complain(&path, &remedy(&error)),
        }
    }

    fn complain(&mut self, path: &Path, why: &str) {
        if !self.warned.insert(path.to_owned()) {
            return;
        }
        warn!(path = %path.display(), why, "cannot read this; it is left out");
        // A follower has said it in its log and tries again.
        if self.once {
            self.unreadable.push(format!("{}: {why}", path.display()));
        }
    }

    /// A little of every file in turn. True when anything was read.
    fn round(&mut self) -> Result<bool, FileError> {
        let mut progress = false;
        let mut index = 0;
        while index < self.files.len() && !self.shutdown.is_cancelled() {
            if self.waits_for_the_one_before(index) {
                index += 1;
                continue;
            }
            let turn = match self.turn(index)? {
                Turn::Read => {
                    progress = true;
                    self.files[index].at_end = false;
                    index += 1;
                    continue;
                }
                Turn::Idle if !self.once => {
                    self.files[index].at_end = true;
                    index += 1;
                    continue;
                }
                Turn::Idle => Turn::Finished,
                other => other,
            };
            let mut file = self.files.remove(index);
            progress = true;
            match turn {
                Turn::Anew(change) => self.start_over(&file, &change),
                Turn::Failed => self.let_go(file),
                Turn::Finished | Turn::Read | Turn::Idle => {
                    file.at_end = true;
                    self.close(file);
                }
            }
        }
        Ok(progress)
    }

    /// A file that took the place of a rotated one: an edit in it must not overtake the post that still waits in the old one.
    fn waits_for_the_one_before(&self, index: usize) -> bool {
        let path = &self.files[index].path;
        let mut before = self.files[..index].iter().rev().take_while(|old| old.path == *path);
        before.any(|old| old.gone_since.is_some() && !old.at_end)
    }

    fn turn(&mut self, index: usize) -> Result<Turn, FileError> {
        let file = &mut self.files[index];
        let before = file.mark();
        let shown = file.shown.clone();
        let mut batch = Batch::new(self.context, &shown);
        let mut at_end = false;
        while !batch.is_full() {
            if let Some(line) = file.lines.next() {
                batch.add(&line);
                continue;
            }
            match file.fill() {
                Ok(true) => {}
                Ok(false) => {
                    at_end = true;
                    break;
                }
                Err(error) => return Ok(self.failed(index, &error)),
            }
        }
        match file.look(&before) {
            Ok(Change::None) => {}
            Ok(change) => {
                return Ok(Turn::Anew(change));
            }
            Err(error) => return Ok(self.failed(index, &error)),
        }
        let over =
            self.once || file.gone_since.is_some_and(|since| is_over(since.max(file.grew_at), self.spec));
        if at_end
            && over
            && let Some(line) = file.lines.rest()
        {
            batch.add(&line);
        }
        if file.lines.position() != before.position {
            let cursor = file.cursor();
            let key = file.key.clone();
            if !self.hand_over(batch, &key, cursor)? {
                // Shutdown: what was not handed over is read again after the next start.
                return Ok(Turn::Idle);
            }
            self.files[index].submission = self.outbox.sent();
            return Ok(if at_end && over { Turn::Finished } else { Turn::Read });
        }
        Ok(if at_end && over { Turn::Finished } else { Turn::Idle })
    }

    /// It is opened again, and read from its start also where its first line is the same as before.
    fn start_over(&mut self, file: &Followed, change: &Change) {
        warn!(path = file.shown, ?change, "the file was cut or rewritten: reading it again from its start");
        self.context.counts.add_restart();
        let start = FileCursor { offset: 0, lines: 0, ..file.cursor() };
        self.cursors.set(&file.key, start.clone());
        self.starts.insert(file.key.clone(), (start, None));
        self.closed.unpark(&file.path);
        self.found_at = None;
    }

    /// Hands over the cursors of files that are to be read from their start: before a line of theirs is, and also if the process ends before one is
    /// committed. False when shutdown came first.
    fn hand_over_starts(&mut self) -> Result<bool, FileError> {
        let new = self.starts.iter().filter(|(_, (_, submission))| submission.is_none());
        let new: Vec<_> = new.map(|(key, (start, _))| (key.clone(), start.clone())).collect();
        for (key, start) in new {
            if !self.hand_over(Batch::new(self.context, &start.path), &key, start.clone())? {
                return Ok(false);
            }
            self.starts.insert(key, (start, Some(self.outbox.sent())));
        }
        Ok(true)
    }

    fn forget_starts_until(&mut self, committed: u64) {
        self.starts.retain(|_, (_, submission)| submission.is_none_or(|submission| submission > committed));
    }

    /// Lines with the cursor behind them. False when shutdown came first.
    fn hand_over(&mut self, batch: Batch<'_>, key: &str, cursor: FileCursor) -> Result<bool, FileError> {
        let (mut outputs, tally) = batch.finish();
        outputs.push(cursor::output(self.context, key, &cursor));
        self.cursors.set(key, cursor);
        self.outbox.send(outputs, tally)
    }

    fn failed(&mut self, index: usize, error: &std::io::Error) -> Turn {
        let path = self.files[index].path.clone();
        self.complain(&path, &remedy(error));
        Turn::Failed
    }

    /// The open file that should make room for one that waits: the one that has been silent for longest of those that are at their end, or have been
    /// open for so long that others must have a turn too. One with uncommitted lines would keep its descriptor.
    fn longest_idle(&self) -> Option<usize> {
        let committed = self.outbox.committed();
        let may_go = |file: &Followed| {
            file.gone_since.is_none()
                && file.submission <= committed
                // What has handed over nothing in its turn would get no further in the next.
                && (file.at_end || (file.submission > 0 && is_over(file.opened_at, self.spec)))
        };
        let idle = self.files.iter().enumerate().filter(|(_, file)| !self.once && may_go(file));
        // What was read of a line is read again.
        let idle = idle.min_by_key(|(_, file)| (file.lines.has_partial(), file.grew_at));
        idle.map(|(index, _)| index)
    }

    /// False when none can make room.
    fn park_longest_idle(&mut self) -> bool {
        let Some(index) = self.longest_idle() else { return false };
        let file = self.files.remove(index);
        self.close(file);
        true
    }

    /// Until it looks different, if its path still leads to it; and until it is committed, lest it is to be read again.
    fn close(&mut self, file: Followed) {
        if file.gone_since.is_none() {
            // In its middle it looks different already.
            let size = if file.at_end { file.lines.read_to() } else { file.lines.position().offset };
            self.closed.park(file.path.clone(), Stamp { identity: file.identity, size });
        }
        self.let_go(file);
    }

    /// When it is found again, it is read on from its cursor.
    fn let_go(&mut self, file: Followed) {
        if file.submission > self.outbox.committed() {
            self.closing.push(file);
        }
    }
}

enum Turn {
    /// Something was read; there may be more.
    Read,
    /// Nothing new.
    Idle,
    /// To be closed.
    Finished,
    /// It cannot be read any more; what was not handed over is read again.
    Failed,
    /// To be opened again from its start.
    Anew(Change),
}

fn is_over(since: Instant, spec: &FileSpec) -> bool {
    since.elapsed() >= spec.rotated_grace
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;
    use crate::{
        Limits,
        testing::{self, FakeLog},
    };

    #[test]
    fn a_file_whose_last_read_failed_is_read_on_at_the_next_look_though_it_looks_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let line = "{\"id\": \"a1\", \"text\": \"about Aurora Motors\"}\n";
        fs::write(folder.path().join("a.jsonl"), line).unwrap();
        let (log, context, shutdown) =
            (FakeLog::default(), testing::context("file"), CancellationToken::new());
        let (publisher, thread) = log.publisher(Limits::default());
        let spec = FileSpec::new(folder.path(), vec!["a.jsonl".to_owned()]);
        let restore = || Ok(Cursors::default());
        let mut poller = Poller::new(&spec, &context, &publisher, &restore, false, &shutdown).unwrap();
        poller.find_when_due();
        poller.open_waiting();
        // The first piece holds all of it, and the read behind that fails.
        assert!(poller.files[0].fill().unwrap());
        poller.files[0].spoil(File::open(folder.path()).unwrap());
        poller.round().unwrap();
        assert!(poller.files.is_empty() && log.committed("hark.posts").is_empty());
        assert_eq!(poller.warned.len(), 1, "it is told");

        poller.found_at = None;
        poller.find_when_due();
        poller.open_waiting();
        poller.round().unwrap();
        poller.outbox.drain().unwrap();
        assert_eq!(log.committed("hark.posts").len(), 1);
        drop(poller);
        thread.stop(Duration::from_secs(10)).unwrap();
    }
}
