//! From lines to the records of one submission.

use std::sync::Arc;

use hark_log::Output;
use hark_schema::v1::FileOrigin;
use jiff::Timestamp;
use tracing::warn;

use super::lines::{Content, Line, MAX_LINE_BYTES};
use crate::{
    MAX_PAYLOAD_BYTES, PostInput, Reason, SourceContext,
    publisher::Tally,
    raw_post::{DeadLine, dead_letter, id_of, to_output_from},
};

/// A submission holds this many lines, or this many bytes of them: small enough that several files take turns fairly, large enough
/// that the transaction costs little.
const MAX_LINES: usize = 1_000;
const MAX_BYTES: u64 = 1024 * 1024;

/// Refused lines of a submission that are named in the log; a file of the wrong kind would fill it otherwise.
const WARNED_LINES: u64 = 5;

/// Lines of one file on their way to the log.
pub(super) struct Batch<'a> {
    context: &'a SourceContext,
    path: &'a str,
    now: Timestamp,
    outputs: Vec<Output>,
    bytes: u64,
    accepted: u64,
    rejected: Vec<(Reason, u64)>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(context: &'a SourceContext, path: &'a str) -> Self {
        let now = Timestamp::now();
        Self { context, path, now, outputs: Vec::new(), bytes: 0, accepted: 0, rejected: Vec::new() }
    }

    pub(super) fn is_full(&self) -> bool {
        self.outputs.len() >= MAX_LINES || self.bytes >= MAX_BYTES
    }

    /// A blank line is nothing; every other one becomes a post or a dead letter.
    pub(super) fn add(&mut self, line: &Line<'_>) {
        let output = match &line.content {
            Content::Whole(bytes) => {
                self.bytes += bytes.len() as u64;
                // Editors on Windows begin a file with a byte order mark.
                let text = if line.offset == 0 {
                    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
                } else {
                    bytes
                };
                if text.iter().all(u8::is_ascii_whitespace) {
                    return;
                }
                self.post_or_dead_letter(line, text)
            }
            Content::TooLong { head, length, blake3 } => {
                self.bytes += *length;
                self.dead(DeadLine {
                    head,
                    length: *length,
                    blake3: *blake3,
                    reason: Reason::LineTooLong,
                    error: format!("a line of {length} bytes; at most {MAX_LINE_BYTES} are read"),
                    mention_id: None,
                    origin: self.origin(line),
                })
            }
        };
        self.outputs.push(output);
    }

    fn post_or_dead_letter(&mut self, line: &Line<'_>, text: &[u8]) -> Output {
        let (reason, error, mention_id) = match PostInput::from_json(text) {
            Ok(mut post) => {
                if !self.context.keep_payload || text.len() <= MAX_PAYLOAD_BYTES {
                    if self.context.keep_payload {
                        post.payload = text.to_vec();
                    }
                    self.accepted += 1;
                    return to_output_from(post, self.context, self.path, self.now);
                }
                let error = payload_too_long(text.len());
                (Reason::InvalidPost, error, Some(id_of(self.context, &post.instance, &post.id)))
            }
            Err(refused) => {
                let id = refused.id.as_deref().map(|id| id_of(self.context, &refused.instance, id));
                (refused.reason(), refused.to_string(), id)
            }
        };
        let (length, blake3, origin) = (text.len() as u64, blake3::hash(text), self.origin(line));
        self.dead(DeadLine { head: text, length, blake3, reason, error, mention_id, origin })
    }

    fn origin(&self, line: &Line<'_>) -> FileOrigin {
        FileOrigin {
            source: self.context.source.to_string(),
            path: self.path.to_owned(),
            line: line.number,
            offset: line.offset,
        }
    }

    fn dead(&mut self, line: DeadLine<'_>) -> Output {
        let refused: u64 = self.rejected.iter().map(|(_, count)| count).sum();
        if refused < WARNED_LINES {
            warn!(
                source = &*self.context.source,
                path = self.path,
                line = line.origin.line,
                reason = line.reason.as_str(),
                error = line.error,
                "line refused: kept as a dead letter"
            );
        }
        match self.rejected.iter_mut().find(|(known, _)| *known == line.reason) {
            Some((_, count)) => *count += 1,
            None => self.rejected.push((line.reason, 1)),
        }
        dead_letter(line, self.context, self.now)
    }

    /// The records, and what they count as once committed.
    pub(super) fn finish(self) -> (Vec<Output>, Tally) {
        let refused: u64 = self.rejected.iter().map(|(_, count)| count).sum();
        if refused > WARNED_LINES {
            warn!(path = self.path, refused, "more lines refused: each is kept as a dead letter");
        }
        let counts = Arc::clone(&self.context.counts);
        (self.outputs, Tally { counts, accepted: self.accepted, rejected: self.rejected })
    }
}

pub(crate) fn payload_too_long(bytes: usize) -> String {
    format!(
        "the post as written takes {bytes} bytes; with keep_payload at most {MAX_PAYLOAD_BYTES} are taken"
    )
}
