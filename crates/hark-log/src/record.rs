//! Records as they are read, and outputs as they are to be written.

use std::{
    borrow::Cow,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use rdkafka::message::Headers as _;

/// Largest record Hark writes, key, value and headers together. Kafka's default `message.max.bytes` is 1,048,588 and
/// counts its own framing too; a larger record would abort its batch for ever, so it is refused before it is sent.
pub const MAX_RECORD_BYTES: usize = 1_000_000;

/// A record as it lies on the log, borrowed from the backend while it is processed.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Partition of the topic it was read from.
    pub partition: u32,
    /// Offset in that partition.
    pub offset: i64,
    /// Milliseconds since 1970, as the producer set it.
    pub timestamp_ms: i64,
    /// Absent keys and empty keys differ.
    pub key: Option<&'a [u8]>,
    /// `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// In the order they were written.
    pub headers: HeadersRef<'a>,
}

impl Record<'_> {
    /// Bytes of key and value.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.key.map_or(0, <[u8]>::len) + self.value.map_or(0, <[u8]>::len)
    }
}

/// Headers of a record, wherever they lie.
#[derive(Clone, Copy)]
pub enum HeadersRef<'a> {
    /// None there.
    Empty,
    /// Owned by somebody else.
    Slice(&'a [Header]),
    /// Packed by `pack_headers`.
    Packed(&'a [u8]),
    /// Inside a Kafka message.
    Kafka(&'a rdkafka::message::BorrowedHeaders),
}

impl<'a> HeadersRef<'a> {
    /// Names and values; a header without a value has an empty one.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        let mut packed = if let Self::Packed(packed) = self { packed } else { &[] };
        (0..).map_while(move |index| match self {
            Self::Empty => None,
            Self::Slice(headers) => headers.get(index).map(|header| (&*header.name, &*header.value)),
            Self::Packed(_) => {
                let (name, rest) = unpack(packed)?;
                let (value, rest) = unpack(rest)?;
                packed = rest;
                Some((str::from_utf8(name).ok()?, value))
            }
            Self::Kafka(headers) => {
                // rdkafka panics on a name that is not UTF-8, which any other client may write.
                let header = catch_unwind(AssertUnwindSafe(|| headers.try_get(index)));
                let unreadable = Some(("(a name that is not UTF-8)", &[][..]));
                header.map_or(unreadable, |header| {
                    header.map(|header| (header.key, header.value.unwrap_or_default()))
                })
            }
        })
    }

    /// The value of the first header of that name.
    #[must_use]
    pub fn get(self, name: &str) -> Option<&'a [u8]> {
        self.iter().find_map(|(found, value)| (found == name).then_some(value))
    }
}

/// Headers in one piece, each name and value behind its length as four little-endian bytes.
pub(crate) fn pack_headers(headers: &[Header]) -> Vec<u8> {
    let mut packed = Vec::new();
    for header in headers {
        for part in [header.name.as_bytes(), &header.value] {
            packed.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
            packed.extend_from_slice(part);
        }
    }
    packed
}

fn unpack(packed: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = packed.split_first_chunk()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

impl std::fmt::Debug for HeadersRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|(name, value)| (name, value.escape_ascii().to_string())))
            .finish()
    }
}

/// A header of an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Its value.
    pub value: Vec<u8>,
}

impl Header {
    /// A header.
    pub fn new(name: impl Into<Cow<'static, str>>, value: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

/// A record to be written. The partition is Hark's to compute (law 7), never the client's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Whole name of the topic.
    pub topic: Arc<str>,
    /// Partition on that topic.
    pub partition: u32,
    /// The key; every record of Hark has one.
    pub key: Vec<u8>,
    /// `None` writes a tombstone.
    pub value: Option<Vec<u8>>,
    /// In order.
    pub headers: Vec<Header>,
    /// Milliseconds since 1970; `None` for the time of writing.
    pub timestamp_ms: Option<i64>,
}

impl Output {
    /// Bytes of key, value and headers.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let headers: usize =
            self.headers.iter().map(|header| header.name.len() + header.value.len() + 4).sum();
        self.key.len() + self.value.as_ref().map_or(0, Vec::len) + headers
    }
}

/// Where a reader begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// At the oldest record.
    Start,
    /// Behind the newest one.
    End,
    /// At this offset, in every partition.
    Offset(i64),
    /// At the first record that is not older, in milliseconds since 1970.
    Timestamp(i64),
}
