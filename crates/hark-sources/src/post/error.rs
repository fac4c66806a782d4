//! What is wrong with a post, where, and what to do about it.

use serde::{Serialize, Serializer};

/// Why a post or a line cannot be taken: a closed set, used as `class` of dead letters and as a label of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The bytes are not UTF-8.
    InvalidUtf8,
    /// Not JSON at all, or cut short.
    MalformedJson,
    /// JSON, but no post: a field missing, unknown, given twice, of the wrong type or out of range.
    InvalidPost,
    /// The text is longer than [`crate::MAX_TEXT_BYTES`].
    TextTooLong,
    /// A line of a file is longer than [`crate::file::MAX_LINE_BYTES`].
    LineTooLong,
}

impl Reason {
    /// All of them, in the order of their numbers (`reason as usize`).
    pub const ALL: [Self; 5] =
        [Self::InvalidUtf8, Self::MalformedJson, Self::InvalidPost, Self::TextTooLong, Self::LineTooLong];

    /// As it is written in dead letters and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidUtf8 => "invalid_utf8",
            Self::MalformedJson => "malformed_json",
            Self::InvalidPost => "invalid_post",
            Self::TextTooLong => "text_too_long",
            Self::LineTooLong => "line_too_long",
        }
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// One mistake in a post. As JSON `{"index": 0, "pointer": "/author/handle", "reason": "invalid_post", "why": "..."}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PostError {
    /// Which post of a list or of JSON Lines, counted from 0 (blank lines do not count); 0 for a single post. `None` where the body
    /// as a whole is wrong.
    pub index: Option<usize>,
    /// JSON pointer (RFC 6901) into that post; empty for the post as a whole.
    pub pointer: String,
    /// Class of the mistake.
    pub reason: Reason,
    /// What is wrong and how it would be right, in words.
    pub why: String,
}

impl std::fmt::Display for PostError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.pointer.is_empty() {
            return f.write_str(&self.why);
        }
        write!(f, "{}: {}", self.pointer, self.why)
    }
}

/// A post that cannot be taken, with all that is known about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// At least one, at most twenty.
    pub errors: Vec<PostError>,
    /// The post's id, where it could be read.
    pub id: Option<String>,
    /// The post's instance, where it could be read; empty where it has none.
    pub instance: String,
}

/// Mistakes that are listed for one post; a reader fixes the first ones first.
pub const MAX_ERRORS: usize = 20;

impl Refused {
    /// The reason of the first mistake, which stands for the post.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.errors.first().map_or(Reason::InvalidPost, |error| error.reason)
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, error) in self.errors.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Refused {}
