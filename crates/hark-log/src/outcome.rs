//! What became of a record, and how many became what.

use std::{borrow::Cow, collections::BTreeMap};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use prost::Message;

/// What a stage made of one record. Every record has exactly one (law 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It went on.
    Emitted,
    /// It needs nobody; the reason comes from a closed list.
    Dropped(&'static str),
    /// It cannot be worked on, and goes to the dead letters.
    Rejected(Rejection),
}

/// Why a record cannot be worked on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// From a closed list.
    pub class: &'static str,
    /// In words, for a person.
    pub error: String,
}

/// Name under which emitted records are counted.
pub const EMITTED: &str = "emitted";
/// What the names of rejections begin with: `rejected_undecodable`.
const REJECTED: &str = "rejected_";

/// Cumulative outcomes of one partition since the group began, as they ride in the committed offset's metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    counts: BTreeMap<Cow<'static, str>, u64>,
    /// Newest record timestamp seen, milliseconds since 1970: the clock by which state expires.
    pub newest_timestamp_ms: i64,
}

/// Field 3 of the same message is the journal's (`worker/journal.rs`).
#[derive(Clone, PartialEq, Message)]
struct Wire {
    #[prost(btree_map = "string, uint64", tag = "1")]
    counts: BTreeMap<String, u64>,
    #[prost(int64, tag = "2")]
    newest_timestamp_ms: i64,
}

impl Counts {
    /// The committed offset's metadata may hold so much (law 1; the broker refuses more than 4 KiB for ever).
    pub const METADATA_LIMIT_BYTES: usize = 1024;
    /// What base64 makes that of: four letters for three bytes.
    const ENCODED_LIMIT_BYTES: usize = Self::METADATA_LIMIT_BYTES / 4 * 3;

    /// Counts one outcome.
    pub fn add(&mut self, outcome: &Outcome) {
        let name = match outcome {
            Outcome::Emitted => Cow::Borrowed(EMITTED),
            Outcome::Dropped(reason) => Cow::Borrowed(*reason),
            Outcome::Rejected(rejection) => Cow::Owned(format!("{REJECTED}{}", rejection.class)),
        };
        self.add_named(name, 1);
    }

    fn add_named(&mut self, name: Cow<'static, str>, n: u64) {
        match self.counts.get_mut(&name) {
            // Metadata that somebody else wrote may hold any number.
            Some(count) => *count = count.saturating_add(n),
            None => {
                self.counts.insert(name, n);
            }
        }
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (name, &n) in &other.counts {
            self.add_named(name.clone(), n);
        }
        self.newest_timestamp_ms = self.newest_timestamp_ms.max(other.newest_timestamp_ms);
    }

    /// Name and count of every outcome seen.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.counts.iter().map(|(name, &count)| (&**name, count))
    }

    /// Count of one outcome.
    #[must_use]
    pub fn get(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or_default()
    }

    /// All records.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.values().fold(0, |total, &count| total.saturating_add(count))
    }

    /// Nothing counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// For the committed offset: base64 of a protobuf message `{map<string, uint64> counts = 1; int64
    /// newest_timestamp_ms = 2;}`. Should the names ever outgrow the limit, the smallest counts are summed as `other`.
    #[must_use]
    pub fn to_metadata(&self) -> String {
        STANDARD_NO_PAD.encode(self.encoded())
    }

    /// As [`Self::to_metadata`], with further fields of the message, encoded, behind these; `None` if there is no room.
    pub(crate) fn to_metadata_with(&self, fields: &[u8]) -> Option<String> {
        let bytes = [&self.encoded(), fields].concat();
        (fields.is_empty() || bytes.len() <= Self::ENCODED_LIMIT_BYTES).then(|| STANDARD_NO_PAD.encode(bytes))
    }

    fn encoded(&self) -> Vec<u8> {
        let mut wire = Wire {
            counts: self.counts.iter().map(|(name, &count)| (name.to_string(), count)).collect(),
            newest_timestamp_ms: self.newest_timestamp_ms,
        };
        while wire.encoded_len() > Self::ENCODED_LIMIT_BYTES {
            let smallest =
                wire.counts.iter().filter(|(name, _)| *name != "other").min_by_key(|(_, count)| **count);
            let Some(name) = smallest.map(|(name, _)| name.clone()) else { break };
            let count = wire.counts.remove(&name).unwrap_or_default();
            let other = wire.counts.entry("other".to_owned()).or_default();
            *other = other.saturating_add(count);
        }
        wire.encode_to_vec()
    }

    /// From the committed offset; anything else than what `to_metadata` wrote, such as an offset committed by hand,
    /// begins from nothing.
    #[must_use]
    pub fn from_metadata(metadata: &str) -> Self {
        let wire = STANDARD_NO_PAD
            .decode(metadata)
            .ok()
            .and_then(|bytes| Wire::decode(&*bytes).ok())
            .unwrap_or_default();
        Self {
            counts: wire.counts.into_iter().map(|(name, count)| (Cow::Owned(name), count)).collect(),
            newest_timestamp_ms: wire.newest_timestamp_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_come_back_from_the_metadata_of_the_committed_offset() {
        let mut counts = Counts { newest_timestamp_ms: 1_780_000_000_000, ..Counts::default() };
        counts.add(&Outcome::Emitted);
        counts.add(&Outcome::Dropped("no_match"));
        counts.add(&Outcome::Dropped("no_match"));
        counts.add(&Outcome::Rejected(Rejection { class: "undecodable", error: String::new() }));
        let back = Counts::from_metadata(&counts.to_metadata());
        assert_eq!(back, counts);
        assert_eq!((back.get("no_match"), back.get("rejected_undecodable"), back.total()), (2, 1, 4));
    }

    #[test]
    fn metadata_stays_under_the_limit_and_loses_no_count() {
        let mut counts = Counts::default();
        for n in 0..200_u64 {
            counts.add_named(Cow::Owned(format!("a_rather_long_reason_{n}")), n + 1);
        }
        let metadata = counts.to_metadata();
        assert!(metadata.len() <= Counts::METADATA_LIMIT_BYTES, "{} bytes", metadata.len());
        assert_eq!(Counts::from_metadata(&metadata).total(), counts.total());
    }

    #[test]
    fn counts_that_nobody_can_have_counted_stop_at_the_largest_number() {
        let mut counts = Counts::default();
        counts.add_named(Cow::Borrowed("repeat"), u64::MAX);
        counts.add(&Outcome::Dropped("repeat"));
        counts.add(&Outcome::Emitted);
        assert_eq!((counts.get("repeat"), counts.total()), (u64::MAX, u64::MAX));
    }

    #[test]
    fn foreign_metadata_counts_as_none() {
        for metadata in ["", "set by hand", "////"] {
            assert!(Counts::from_metadata(metadata).is_empty(), "{metadata}");
        }
    }
}
