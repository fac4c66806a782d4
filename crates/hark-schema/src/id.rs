//! Ids derived from what is known, so that a repeat, a replay and another worker arrive at the same one.

use std::{fmt, str::FromStr};

use crate::v1::{PostRef, ThreadRef};

/// 128 bits, written as 32 lower-case hexadecimal digits.
///
/// An id of parts is the first 16 bytes of BLAKE3 over the parts, each preceded by its length in bytes as an unsigned
/// 32-bit little-endian integer. `docs/ids.md` gives vectors.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id([u8; 16]);

impl Id {
    /// The id of a list of parts.
    #[must_use]
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
            hasher.update(&length.to_le_bytes());
            hasher.update(part);
        }
        let mut id = [0; 16];
        id.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Self(id)
    }

    /// The 16 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// From 16 bytes; `None` for any other length.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// From 32 lower-case hexadecimal digits.
    #[must_use]
    pub fn from_hex(hex: &[u8]) -> Option<Self> {
        let digits = <&[u8; 32]>::try_from(hex).ok()?;
        let (mut id, mut wrong) = ([0; 16], 0);
        for (byte, pair) in id.iter_mut().zip(digits.as_chunks::<2>().0) {
            let (high, low) = (VALUES[usize::from(pair[0])], VALUES[usize::from(pair[1])]);
            wrong |= high | low;
            *byte = high << 4 | low & 15;
        }
        (wrong & NO_DIGIT == 0).then_some(Self(id))
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";
const NO_DIGIT: u8 = 0x80;

/// The value of each digit: every record's key is read, so nothing branches.
const VALUES: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        values[DIGITS[value as usize] as usize] = value;
        value += 1;
    }
    values
};

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut hex = [0; 32];
        for (pair, byte) in hex.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        f.write_str(str::from_utf8(&hex).unwrap_or_default())
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no id.
#[derive(Debug, thiserror::Error)]
#[error("an id is 32 lower-case hexadecimal digits")]
pub struct ParseIdError;

impl FromStr for Id {
    type Err = ParseIdError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::from_hex(s.as_bytes()).ok_or(ParseIdError)
    }
}

/// The mention_id of a post: tenant, source, instance, native_id.
#[must_use]
pub fn mention_id(post: &PostRef) -> Id {
    sibling_id(post, &post.native_id)
}

/// The thread_id that a post would have by its own word: the mention_id of its thread's root, else of its parent, else
/// its own. The first one stored for a post is final, which is for the caller to keep.
#[must_use]
pub fn thread_id(post: &PostRef, thread: Option<&ThreadRef>) -> Id {
    let native_id = match thread {
        Some(thread) if !thread.root.is_empty() => &thread.root,
        Some(thread) if !thread.parent.is_empty() => &thread.parent,
        _ => &post.native_id,
    };
    sibling_id(post, native_id)
}

fn sibling_id(post: &PostRef, native_id: &str) -> Id {
    Id::of(&[post.tenant.as_bytes(), post.source.as_bytes(), post.instance.as_bytes(), native_id.as_bytes()])
}

/// The item_id of a mention on a team's queue; `copy` where the team only gets a copy.
#[must_use]
pub fn item_id(mention_id: Id, team: &str, copy: bool) -> Id {
    Id::of(&[mention_id.as_bytes(), team.as_bytes(), &[u8::from(copy)]])
}
