//! One open file and how far it has been read.

use std::{
    fs::{File, Metadata},
    io::{self, BufRead as _, BufReader, Seek as _, SeekFrom},
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    time::Instant,
};

use hark_schema::v1::FileCursor;
use tracing::{info, warn};

use super::{
    cursor::{self, Cursors},
    lines::{Lines, Position},
};
use crate::SourceContext;

/// Bytes of the first line by which a rewritten file is noticed while it is open.
const HEAD_BYTES: usize = 4096;
/// Bytes before the place read to, for the same.
const TAIL_BYTES: usize = 4096;

fn modified(metadata: &Metadata) -> (i64, i64) {
    (metadata.mtime(), metadata.mtime_nsec())
}

/// Which file a path led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    pub device: u64,
    pub inode: u64,
}

impl Identity {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// A file that is being read.
pub(super) struct Followed {
    pub path: PathBuf,
    /// The path in words, for cursors, dead letters and logs.
    pub shown: String,
    pub identity: Identity,
    pub key: String,
    pub lines: Lines,
    file: File,
    first_line: blake3::Hash,
    head: Vec<u8>,
    /// The last bytes read, or those before the cursor.
    tail: Vec<u8>,
    /// When the file was last written to as of the last look, in seconds and nanoseconds.
    modified: (i64, i64),
    /// Under `--once`, where the file ended when it was opened.
    goal: Option<u64>,
    /// There was nothing to read at the last look.
    pub at_end: bool,
    /// Number of the submission that holds the last lines read.
    pub submission: u64,
    /// Since when its path leads elsewhere, or nowhere.
    pub gone_since: Option<Instant>,
    /// When it was last seen growing.
    pub grew_at: Instant,
    pub opened_at: Instant,
}

/// What became of opening a file.
pub(super) enum Opened {
    Followed(Box<Followed>),
    /// There is no complete first line yet, so nothing to know it by.
    Waiting,
    /// Not a file of lines, with the remedy.
    Refused(&'static str),
}

/// Opens a file where its cursor left off.
pub(super) fn open(
    path: &Path,
    context: &SourceContext,
    cursors: &Cursors,
    once: bool,
) -> io::Result<Opened> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let mut magic = [0; 4];
    let magic_bytes = file.read_at(&mut magic, 0)?;
    if magic[..magic_bytes].starts_with(&[0x1f, 0x8b]) || magic == [0x28, 0xb5, 0x2f, 0xfd] {
        return Ok(Opened::Refused(
            "it is compressed: unpack it, or pipe it in (`zcat FILE | hark ingest ...` with path \"-\")",
        ));
    }
    let Some((first_line, head)) = read_first_line(&file, once)? else { return Ok(Opened::Waiting) };
    let key = cursor::key(context, metadata.ino(), &first_line);
    let mut followed = Followed {
        path: path.to_owned(),
        shown: path.display().to_string(),
        identity: Identity::of(&metadata),
        key,
        lines: Lines::default(),
        file,
        first_line,
        head,
        tail: Vec::new(),
        modified: modified(&metadata),
        goal: once.then_some(metadata.len()),
        at_end: false,
        submission: 0,
        gone_since: None,
        grew_at: Instant::now(),
        opened_at: Instant::now(),
    };
    followed.rewind(cursors)?;
    Ok(Opened::Followed(Box::new(followed)))
}

/// Digest of the first line without its end, and its first bytes. `None` without a complete one, unless `once` takes what is there.
fn read_first_line(file: &File, once: bool) -> io::Result<Option<(blake3::Hash, Vec<u8>)>> {
    let mut reader = BufReader::new(file);
    reader.seek(SeekFrom::Start(0))?;
    let (mut hasher, mut head, mut carriage_return) = (blake3::Hasher::new(), Vec::new(), false);
    loop {
        let bytes = reader.fill_buf()?;
        if bytes.is_empty() {
            if once && !head.is_empty() {
                return Ok(Some((hasher.finalize(), head)));
            }
            return Ok(None);
        }
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let line = &bytes[..end.unwrap_or(bytes.len())];
        let room = HEAD_BYTES - head.len();
        head.extend_from_slice(&bytes[..(line.len() + usize::from(end.is_some())).min(room)]);
        // A carriage return is held back until it is known whether it belongs to the line end.
        if carriage_return && !line.is_empty() {
            hasher.update(b"\r");
            carriage_return = false;
        }
        let kept = line.strip_suffix(b"\r");
        hasher.update(kept.unwrap_or(line));
        carriage_return |= kept.is_some();
        if end.is_some() {
            return Ok(Some((hasher.finalize(), head)));
        }
        let read = bytes.len();
        reader.consume(read);
    }
}

/// Where to go on: at the cursor, if it fits the file.
fn resume(file: &File, size: u64, path: &Path, cursor: Option<&FileCursor>) -> io::Result<Position> {
    let Some(cursor) = cursor else { return Ok(Position::default()) };
    let at = Position { offset: cursor.offset, lines: cursor.lines };
    let anew = |why: &str| {
        warn!(path = %path.display(), offset = cursor.offset, size, "{why}: reading it again from its start");
        Ok(Position::default())
    };
    if at.offset > size {
        return anew("the file is shorter than what was read of it");
    }
    if at.offset == 0 {
        return Ok(at);
    }
    match ended_by(file, at.offset)? {
        Some(line_end) => Ok(Position { offset: at.offset + line_end, ..at }),
        None => anew("the file was rewritten, or its last line went on"),
    }
}

/// Whether a line ends at `offset`, which is past the first: bytes of the line end that a last line has got since, or nothing.
fn ended_by(file: &File, offset: u64) -> io::Result<Option<u64>> {
    let mut around = [0; 3];
    let read = file.read_at(&mut around, offset - 1)?;
    Ok(match &around[..read] {
        [b'\n', ..] | [_] => Some(0),
        [_, b'\n', ..] => Some(1),
        [_, b'\r', b'\n'] => Some(2),
        _ => None,
    })
}

/// How far a file was read.
pub(super) struct Mark {
    pub position: Position,
    read_to: u64,
    tail: Vec<u8>,
}

/// What a look at the file says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    None,
    Truncated,
    Rewritten,
}

impl Followed {
    /// Goes to where the file's cursor left off.
    pub(super) fn rewind(&mut self, cursors: &Cursors) -> io::Result<()> {
        let position = resume(&self.file, self.file.metadata()?.len(), &self.path, cursors.get(&self.key))?;
        self.file.seek(SeekFrom::Start(position.offset))?;
        self.lines = Lines::starting_at(position);
        let tail_bytes = position.offset.min(TAIL_BYTES as u64);
        self.tail = vec![0; usize::try_from(tail_bytes).unwrap_or_default()];
        self.file.read_exact_at(&mut self.tail, position.offset - tail_bytes)?;
        self.at_end = false;
        Ok(())
    }

    /// Says where it is read from.
    pub(super) fn tell(&self) {
        let Position { offset, lines } = self.lines.position();
        info!(path = self.shown, offset, line = lines + 1, "reading");
    }

    /// How far it is read, for [`Self::look`].
    pub(super) fn mark(&self) -> Mark {
        Mark { position: self.lines.position(), read_to: self.lines.read_to(), tail: self.tail.clone() }
    }

    /// Whether what was read before the mark is still there. To be asked after reading on: what is written in between is seen too.
    ///
    /// The first line, the bytes before the mark and the line end there are compared, whenever the file grew or was written to. What was
    /// rewritten between them, in the same size, is not noticed.
    pub(super) fn look(&mut self, mark: &Mark) -> io::Result<Change> {
        let metadata = self.file.metadata()?;
        if metadata.len() < self.lines.read_to() {
            return Ok(Change::Truncated);
        }
        // Before the comparison: what is written from here on has a later time.
        let before = std::mem::replace(&mut self.modified, modified(&metadata));
        if self.lines.read_to() == mark.read_to && self.modified == before {
            return Ok(Change::None);
        }
        let is_there = self.holds(&self.head, 0)?
            && self.holds(&mark.tail, mark.read_to - mark.tail.len() as u64)?
            && (mark.position.offset == 0 || ended_by(&self.file, mark.position.offset)?.is_some());
        Ok(if is_there { Change::None } else { Change::Rewritten })
    }

    fn holds(&self, expected: &[u8], offset: u64) -> io::Result<bool> {
        let mut found = vec![0; expected.len()];
        match self.file.read_exact_at(&mut found, offset) {
            Ok(()) => Ok(found == expected),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Reads one piece; false at the end, or where `--once` stops.
    pub(super) fn fill(&mut self) -> io::Result<bool> {
        let beyond = self.goal.is_some_and(|goal| self.lines.read_to() >= goal);
        if beyond && !self.lines.has_partial() {
            return Ok(false);
        }
        let read = self.lines.fill(&mut self.file)?;
        if read > 0 {
            self.grew_at = Instant::now();
            self.tail.extend_from_slice(self.lines.last(read.min(TAIL_BYTES)));
            self.tail.drain(..self.tail.len().saturating_sub(TAIL_BYTES));
        }
        Ok(read > 0)
    }

    /// The cursor for what has been handed out.
    pub(super) fn cursor(&self) -> FileCursor {
        let Position { offset, lines } = self.lines.position();
        FileCursor {
            path: self.shown.clone(),
            inode: self.identity.inode,
            first_line_blake3: self.first_line.as_bytes().to_vec(),
            offset,
            lines,
        }
    }

    pub(super) fn renamed(&mut self, path: &Path) {
        if self.path != path {
            info!(from = self.shown, to = %path.display(), "the file was renamed");
            self.path = path.to_owned();
            self.shown = path.display().to_string();
        }
        self.gone_since = None;
    }

    /// Every read from here on fails, as on a disk that goes bad: a folder's descriptor can be opened and not read.
    #[cfg(test)]
    pub(super) fn spoil(&mut self, folder: File) {
        self.file = folder;
    }
}
