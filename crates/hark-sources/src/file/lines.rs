//! Lines of a growing file, counted and bounded: however long a line is, little of it is held.

use std::io::{self, Read};

use hark_schema::dead_letter::VALUE_BYTES;

/// Longest line that is read, without its line end. A text of 64 KiB fits many times over, whatever escapes it is written in.
pub const MAX_LINE_BYTES: usize = 1024 * 1024;

/// Bytes read at once.
const CHUNK: usize = 64 * 1024;

/// Where reading stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    /// Byte offset of the next line's first byte.
    pub offset: u64,
    /// Lines before it.
    pub lines: u64,
}

/// A line without its line end.
#[derive(Debug, PartialEq)]
pub(super) struct Line<'a> {
    /// Counted from 1.
    pub number: u64,
    /// Byte offset of its first byte.
    pub offset: u64,
    pub content: Content<'a>,
}

#[derive(Debug, PartialEq)]
pub(super) enum Content<'a> {
    Whole(&'a [u8]),
    /// Over [`MAX_LINE_BYTES`]: its beginning, its length and its digest are all that is kept.
    TooLong {
        head: Vec<u8>,
        length: u64,
        blake3: blake3::Hash,
    },
}

struct Skipping {
    head: Vec<u8>,
    length: u64,
    hasher: blake3::Hasher,
}

impl Skipping {
    /// Keeps the beginning; nothing is added yet.
    fn headed(bytes: &[u8]) -> Self {
        let head = bytes[..bytes.len().min(VALUE_BYTES)].to_vec();
        Self { head, length: 0, hasher: blake3::Hasher::new() }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        self.hasher.update(bytes);
    }
}

/// Splits what it is fed into lines.
#[derive(Default)]
pub(super) struct Lines {
    buffer: Vec<u8>,
    /// Bytes of the buffer that were handed out.
    consumed: usize,
    /// Bytes of the buffer, handed out or not, known to hold no line end beyond `consumed`.
    searched: usize,
    skipping: Option<Skipping>,
    position: Position,
}

impl Lines {
    pub(super) fn starting_at(position: Position) -> Self {
        Self { position, ..Self::default() }
    }

    /// Behind the last line handed out.
    pub(super) fn position(&self) -> Position {
        self.position
    }

    /// Bytes read from the source so far, counted from its beginning.
    pub(super) fn read_to(&self) -> u64 {
        let skipped = self.skipping.as_ref().map_or(0, |skipping| skipping.length);
        self.position.offset + skipped + (self.buffer.len() - self.consumed) as u64
    }

    /// Whether the beginning of a line is waiting for its end.
    pub(super) fn has_partial(&self) -> bool {
        self.read_to() > self.position.offset
    }

    /// Reads one piece; 0 at the end.
    pub(super) fn fill(&mut self, source: &mut impl Read) -> io::Result<usize> {
        self.make_room();
        let from = self.buffer.len();
        self.buffer.resize(from + CHUNK, 0);
        let read = source.read(&mut self.buffer[from..]);
        self.buffer.truncate(from + *read.as_ref().unwrap_or(&0));
        read
    }

    /// The last bytes that [`Self::fill`] read.
    pub(super) fn last(&self, bytes: usize) -> &[u8] {
        &self.buffer[self.buffer.len() - bytes..]
    }

    /// Takes bytes that somebody else has read.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.make_room();
        self.buffer.extend_from_slice(bytes);
    }

    fn make_room(&mut self) {
        self.buffer.drain(..self.consumed);
        self.searched -= self.consumed;
        self.consumed = 0;
    }

    /// The next complete line, if there is one.
    pub(super) fn next(&mut self) -> Option<Line<'_>> {
        let from = self.searched.max(self.consumed);
        let Some(length) = self.buffer[from..].iter().position(|byte| *byte == b'\n') else {
            self.searched = self.buffer.len();
            self.skip_if_too_long();
            return None;
        };
        Some(self.take(from + length, 1))
    }

    /// What is left without a line end, as a line.
    pub(super) fn rest(&mut self) -> Option<Line<'_>> {
        self.has_partial().then(|| self.take(self.buffer.len(), 0))
    }

    /// The line that ends before `end` in the buffer; `line_end` bytes after it are its line end.
    fn take(&mut self, end: usize, line_end: usize) -> Line<'_> {
        let start = self.consumed;
        self.consumed = end + line_end;
        self.searched = self.consumed;
        if self.skipping.is_none() && end - start > MAX_LINE_BYTES {
            self.skipping = Some(Skipping::headed(&self.buffer[start..]));
        }
        let before = self.position;
        let taken = &self.buffer[start..end];
        let (content, length) = match self.skipping.take() {
            None => (Content::Whole(taken.strip_suffix(b"\r").unwrap_or(taken)), taken.len() as u64),
            Some(mut skipping) => {
                skipping.add(taken);
                let length = skipping.length;
                (Content::TooLong { head: skipping.head, length, blake3: skipping.hasher.finalize() }, length)
            }
        };
        self.position =
            Position { offset: before.offset + length + line_end as u64, lines: before.lines + 1 };
        Line { number: before.lines + 1, offset: before.offset, content }
    }

    fn skip_if_too_long(&mut self) {
        let waiting = &self.buffer[self.consumed..];
        if self.skipping.is_none() && waiting.len() <= MAX_LINE_BYTES {
            return;
        }
        self.skipping.get_or_insert_with(|| Skipping::headed(waiting)).add(waiting);
        self.buffer.clear();
        (self.consumed, self.searched) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    /// Number, offset and text of every line, read in pieces of `piece` bytes.
    fn read(bytes: &[u8], piece: usize, with_rest: bool) -> Vec<(u64, u64, String)> {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        let mut note = |line: Line<'_>| {
            let text = match line.content {
                Content::Whole(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                Content::TooLong { length, .. } => format!("too long: {length}"),
            };
            found.push((line.number, line.offset, text));
        };
        for piece in bytes.chunks(piece) {
            lines.feed(piece);
            while let Some(line) = lines.next() {
                note(line);
            }
        }
        if with_rest && let Some(line) = lines.rest() {
            note(line);
        }
        found
    }

    #[test]
    fn lines_are_numbered_and_know_their_offset() {
        let expected = [(1, 0, "a".to_owned()), (2, 2, String::new()), (3, 3, "bc".to_owned())];
        assert_eq!(read(b"a\n\nbc\r\nd", 1, false), expected);
        assert_eq!(read(b"a\n\nbc\r\nd", 3, true)[3], (4, 7, "d".to_owned()));
    }

    #[test]
    fn a_line_over_the_bound_is_described_but_not_held() {
        let long = vec![b'x'; MAX_LINE_BYTES + 1];
        let mut lines = Lines::default();
        let mut source = Cursor::new([&long[..], &long[..], b"\nshort\n"].concat());
        let (mut held, mut found) = (0, Vec::new());
        while lines.fill(&mut source).unwrap() > 0 {
            held = held.max(lines.buffer.len());
            while let Some(line) = lines.next() {
                found.push(match line.content {
                    Content::Whole(bytes) => (line.number, line.offset, bytes.to_vec()),
                    Content::TooLong { head, length, blake3 } => {
                        assert_eq!(head.len(), VALUE_BYTES);
                        assert_eq!(blake3, blake3::hash(&[&long[..], &long[..]].concat()));
                        (line.number, line.offset, length.to_string().into_bytes())
                    }
                });
            }
        }
        let total = 2 * (MAX_LINE_BYTES as u64 + 1);
        assert_eq!(found, [(1, 0, total.to_string().into_bytes()), (2, total + 1, b"short".to_vec())]);
        assert!(held <= MAX_LINE_BYTES + 2 * CHUNK, "{held}");
    }

    #[test]
    fn a_line_just_over_the_bound_that_ends_in_one_piece_is_too_long_as_well() {
        let mut bytes = vec![b'x'; MAX_LINE_BYTES + 1];
        bytes.push(b'\n');
        assert_eq!(read(&bytes, bytes.len(), false), [(1, 0, format!("too long: {}", MAX_LINE_BYTES + 1))]);
        assert_eq!(read(&bytes[1..], bytes.len(), false)[0].2.len(), MAX_LINE_BYTES);
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(bytes in "[ab\n\r]{0,60}", piece in 1_usize..10) {
            prop_assert_eq!(read(bytes.as_bytes(), piece, true), read(bytes.as_bytes(), 100, true));
        }

        #[test]
        fn offsets_and_ends_add_up(bytes in "[ab\n]{0,60}") {
            let mut lines = Lines::default();
            lines.feed(bytes.as_bytes());
            while let Some(line) = lines.next() {
                let Content::Whole(text) = line.content else { panic!("no line is long") };
                prop_assert!(bytes.as_bytes()[usize::try_from(line.offset).unwrap()..].starts_with(text));
            }
            prop_assert_eq!(lines.read_to(), bytes.len() as u64);
            prop_assert_eq!(lines.position().lines as usize, bytes.matches('\n').count());
        }
    }
}
