//! Changes of state that ride in the metadata of a committed offset until they are written to their topics (ADR 12).
//!
//! A quiet worker changes an entry or two of a partition at a time. As records of their own they would double the requests of a
//! transaction; in the metadata, which is sent anyway, they cost nothing, and are as committed as the offset is.

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use prost::Message;
use tracing::warn;

use crate::{
    Counts,
    state::{StateChange, id_of, key_of},
};

/// Committed changes of one partition that are not on their topics, one a key, with the index of their table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Journal(Vec<(usize, StateChange)>);

/// Beside the fields of [`Counts`], whose numbers are 1 and 2.
#[derive(Clone, PartialEq, Message)]
struct Wire {
    #[prost(message, repeated, tag = "3")]
    changes: Vec<WireChange>,
}

#[derive(Clone, PartialEq, Message)]
struct WireChange {
    #[prost(uint32, tag = "1")]
    table: u32,
    /// One of the two: a key as it is, or 16 bytes for one of 32 hexadecimal digits.
    #[prost(bytes = "vec", optional, tag = "2")]
    key: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "3")]
    id: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "4")]
    value: Option<Vec<u8>>,
    #[prost(int64, tag = "5")]
    timestamp_ms: i64,
}

impl WireChange {
    fn into_state(self, tables: usize) -> Option<(usize, StateChange)> {
        let table = usize::try_from(self.table).ok().filter(|&table| table < tables)?;
        let key = match (self.key, self.id) {
            (Some(key), None) => key.into(),
            (None, Some(id)) => key_of(id.try_into().ok()?),
            _ => return None,
        };
        Some((table, StateChange { key, value: self.value, timestamp_ms: self.timestamp_ms }))
    }
}

impl Journal {
    /// What rode with the committed offset of a partition with so many tables; anything else than what [`Self::ride`] wrote is none.
    pub fn from_metadata(metadata: &str, tables: usize) -> Self {
        let bytes = STANDARD_NO_PAD.decode(metadata).unwrap_or_default();
        let wire = Wire::decode(&*bytes).unwrap_or_default();
        let riding = wire.changes.len();
        let journal: Vec<_> =
            wire.changes.into_iter().filter_map(|change| change.into_state(tables)).collect();
        if journal.len() < riding {
            warn!(
                unreadable = riding - journal.len(),
                "changes of state beside the committed offset are forgotten"
            );
        }
        Self(journal)
    }

    /// These changes as a journal, with the metadata in which it rides beside the counts; `None` if there is no room.
    pub fn ride<'a>(
        changes: impl Iterator<Item = (usize, &'a StateChange)>,
        counts: &Counts,
    ) -> Option<(Self, String)> {
        let (mut journal, mut fields) = (Self::default(), Vec::new());
        for (table, change) in changes {
            let id = id_of(&change.key);
            let wire = WireChange {
                table: u32::try_from(table).ok()?,
                key: id.is_none().then(|| change.key.to_vec()),
                id: id.map(Vec::from),
                value: change.value.clone(),
                timestamp_ms: change.timestamp_ms,
            };
            // One at a time, so that a large batch is not encoded in vain.
            Wire { changes: vec![wire] }.encode(&mut fields).ok()?;
            if fields.len() > Counts::METADATA_LIMIT_BYTES {
                return None;
            }
            journal.0.push((table, change.clone()));
        }
        Some((journal, counts.to_metadata_with(&fields)?))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (usize, &StateChange)> + Clone {
        self.0.iter().map(|(table, change)| (*table, change))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Outcome;

    fn change(key: &str, value: Option<&[u8]>) -> StateChange {
        StateChange {
            key: key.as_bytes().into(),
            value: value.map(<[u8]>::to_vec),
            timestamp_ms: 1_780_000_000_000,
        }
    }

    fn counts() -> Counts {
        let mut counts = Counts::default();
        counts.newest_timestamp_ms = 1_780_000_000_001;
        counts.add(&Outcome::Emitted);
        counts
    }

    #[test]
    fn changes_and_counts_come_back_from_the_metadata_side_by_side() {
        let changes = [
            (0, change("00112233445566778899aabbccddeeff", Some(b"value"))),
            (1, change("an author", Some(b""))),
            (1, change("", None)),
            (0, change("00112233445566778899AABBCCDDEEFF", None)),
        ];
        let riding = changes.iter().map(|(table, change)| (*table, change));
        let (journal, metadata) = Journal::ride(riding, &counts()).unwrap();
        assert_eq!(Journal::from_metadata(&metadata, 2), journal);
        assert_eq!(journal.0, changes);
        assert_eq!(Counts::from_metadata(&metadata), counts());
        assert_eq!(
            Journal::from_metadata(&metadata, 1).0.len(),
            2,
            "a table that is not there has no changes"
        );
    }

    #[test]
    fn what_has_no_room_does_not_ride() {
        let many: Vec<StateChange> = (0..100).map(|n| change(&format!("{n:032x}"), Some(b"value"))).collect();
        let most = (0..=many.len())
            .take_while(|&n| Journal::ride(many[..n].iter().map(|change| (0, change)), &counts()).is_some())
            .last();
        let (_, metadata) =
            Journal::ride(many[..most.unwrap()].iter().map(|change| (0, change)), &counts()).unwrap();
        assert!(metadata.len() <= Counts::METADATA_LIMIT_BYTES, "{} bytes", metadata.len());
        assert!((10..40).contains(&most.unwrap()), "{most:?} changes");
        let large = change("key", Some(&[0; 2_000]));
        assert_eq!(Journal::ride([(0, &large)].into_iter(), &counts()), None);
    }

    #[test]
    fn foreign_metadata_is_no_journal() {
        for metadata in ["", "set by hand", "////", &counts().to_metadata()] {
            assert!(Journal::from_metadata(metadata, 1).is_empty(), "{metadata}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_beside_an_offset_lead_to_a_table_that_is_not_there(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for bytes in [[&[0x1a, bytes.len() as u8][..], &bytes].concat(), bytes] {
                let journal = Journal::from_metadata(&STANDARD_NO_PAD.encode(bytes), 2);
                prop_assert!(journal.iter().all(|(table, _)| table < 2));
            }
        }
    }
}
