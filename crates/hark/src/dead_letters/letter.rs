//! A dead letter as it lies on the log, which of them have gone back, and which can.

use std::{collections::BTreeSet, fmt, str::FromStr};

use hark_log::{Log, LogError};
use hark_schema::{Message as _, dead_letter::HEADER_BYTES, v1::DeadLetter};

use crate::stages::topics::{Topic, Topics};

/// Where a dead letter lies: partition and offset on the topic of dead letters, written `3/17`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Its partition.
    pub partition: u32,
    /// Its offset there.
    pub offset: i64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.partition, self.offset)
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let parts = text.split_once('/').filter(|(partition, offset)| digits(partition) && digits(offset));
        let place = parts.and_then(|(partition, offset)| {
            Some(Self { partition: partition.parse().ok()?, offset: offset.parse().ok()? })
        });
        place.ok_or_else(|| format!("'{text}' is no PARTITION/OFFSET such as 3/17, as the list shows it"))
    }
}

/// A dead letter.
pub struct Letter {
    /// Where it lies.
    pub place: Place,
    /// When it was written, milliseconds since 1970.
    pub written_ms: i64,
    /// What it says.
    pub says: DeadLetter,
}

/// What `hark redrive` would do with a letter.
pub enum State {
    /// Nothing: it has gone back.
    WentBack,
    /// Send it back.
    Waits,
    /// Leave it.
    Stays(Obstacle),
}

/// Why a letter cannot go back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// It never was on the log.
    NoOrigin,
    /// Only the beginning of its value was kept.
    ValueCut {
        /// Bytes of the value as it was.
        length: u64,
        /// Bytes that are there.
        kept: usize,
    },
    /// Its value is not the one that was rejected.
    ValueDiffers,
    /// Only the beginning of its key was kept.
    KeyCut,
    /// It came from a topic that no stage reads, or that is not there.
    ForeignTopic(String),
    /// A newer record of the same key stands behind it on its topic.
    Superseded,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoOrigin => {
                f.write_str("it never was on the log: mend the line in its file, or send the post again")
            }
            Self::ValueCut { length, kept } => {
                write!(f, "its value was cut: {kept} of {length} bytes were kept")
            }
            Self::ValueDiffers => {
                f.write_str("its value does not have the BLAKE3 digest of the one that was rejected")
            }
            Self::KeyCut => f.write_str("its key was cut"),
            Self::ForeignTopic(topic) => {
                write!(f, "it came from {topic}, which no stage of this topic_prefix reads")
            }
            Self::Superseded => {
                f.write_str("a newer record of the same key came after it, and would be undone by it")
            }
        }
    }
}

/// What keeps a letter from going back, as far as it says itself.
pub fn obstacle(says: &DeadLetter, topics: &Topics) -> Option<Obstacle> {
    if says.topic.is_empty() {
        return Some(Obstacle::NoOrigin);
    }
    if origin(says, topics).is_none() {
        return Some(Obstacle::ForeignTopic(format!("{}/{}", says.topic, says.partition)));
    }
    let value = says.value.as_deref().unwrap_or_default();
    if value.len() as u64 != says.value_length {
        return Some(Obstacle::ValueCut { length: says.value_length, kept: value.len() });
    }
    if blake3::hash(value).as_bytes()[..] != says.value_blake3 {
        return Some(Obstacle::ValueDiffers);
    }
    (says.key.as_ref().is_some_and(|key| key.len() >= HEADER_BYTES)).then_some(Obstacle::KeyCut)
}

/// The topic and partition that a letter came from, where a stage reads it.
pub fn origin(says: &DeadLetter, topics: &Topics) -> Option<(Topic, u32)> {
    let topic = ["posts", "mentions"]
        .into_iter()
        .filter_map(|name| topics.get(name).ok())
        .find(|topic| *topic.name == *says.topic)?;
    let partition = u32::try_from(says.partition).ok().filter(|&number| number < topic.partitions)?;
    Some((topic, partition))
}

/// Hands over all dead letters, partition by partition. What is none, a foreign record, is left out.
pub fn each(log: &dyn Log, topics: &Topics, mut then: impl FnMut(Letter)) -> Result<(), LogError> {
    let topic = topics.get("dead-letters")?;
    let partitions: Vec<u32> = (0..topic.partitions).collect();
    log.read_to_end(&topic.name, &partitions, &mut |record| {
        let Ok(says) = DeadLetter::decode(record.value.unwrap_or_default()) else { return };
        let place = Place { partition: record.partition, offset: record.offset };
        then(Letter { place, written_ms: record.timestamp_ms, says });
    })
}

/// The letters that have gone back. None on a log of a version that did not redrive.
pub fn redriven(log: &dyn Log, topics: &Topics) -> Result<BTreeSet<Place>, LogError> {
    let mut places = BTreeSet::new();
    let Ok(topic) = topics.get("redriven") else { return Ok(places) };
    let partitions: Vec<u32> = (0..topic.partitions).collect();
    log.read_to_end(&topic.name, &partitions, &mut |record| {
        let key = record.key.and_then(|key| str::from_utf8(key).ok()).unwrap_or_default();
        places.extend(key.parse::<Place>().ok());
    })?;
    Ok(places)
}

#[cfg(test)]
mod tests {
    use hark_log::{
        TopicSpec,
        embedded::{EmbeddedLog, Options},
    };

    use super::*;
    use crate::topics::Topic as Named;

    fn topics() -> Topics {
        let folder = tempfile::tempdir().unwrap();
        let log = EmbeddedLog::open(folder.path(), Options::default()).unwrap();
        let specs: Vec<TopicSpec> = Named::all([]).iter().map(|topic| topic.spec("hark", 4, None)).collect();
        log.create_topics(&specs).unwrap();
        Topics::read(&log, "hark").unwrap()
    }

    fn letter() -> DeadLetter {
        DeadLetter {
            topic: "hark.posts".to_owned(),
            partition: 3,
            key: Some(b"k".to_vec()),
            value: Some(b"v".to_vec()),
            value_length: 1,
            value_blake3: blake3::hash(b"v").as_bytes().to_vec(),
            ..DeadLetter::default()
        }
    }

    #[test]
    fn a_letter_goes_back_only_whole_and_only_to_where_it_came_from() {
        let topics = topics();
        let with = |change: fn(&mut DeadLetter)| {
            let mut letter = letter();
            change(&mut letter);
            obstacle(&letter, &topics)
        };
        let foreign = |place: &str| Some(Obstacle::ForeignTopic(place.to_owned()));
        assert_eq!(with(|_| {}), None);
        assert_eq!(with(|letter| letter.topic.clear()), Some(Obstacle::NoOrigin));
        assert_eq!(with(|letter| letter.topic = "hark.seen".to_owned()), foreign("hark.seen/3"));
        assert_eq!(with(|letter| letter.topic = "other.posts".to_owned()), foreign("other.posts/3"));
        assert_eq!(with(|letter| letter.partition = 4), foreign("hark.posts/4"));
        assert_eq!(
            with(|letter| letter.value_length = 900_000),
            Some(Obstacle::ValueCut { length: 900_000, kept: 1 })
        );
        assert_eq!(with(|letter| letter.value = Some(b"w".to_vec())), Some(Obstacle::ValueDiffers));
        assert_eq!(with(|letter| letter.key = Some(vec![b'k'; HEADER_BYTES])), Some(Obstacle::KeyCut));
        // A tombstone has no value, and is whole.
        assert_eq!(
            with(|letter| {
                (letter.value, letter.value_length) = (None, 0);
                letter.value_blake3 = blake3::hash(b"").as_bytes().to_vec();
            }),
            None
        );
    }

    #[test]
    fn a_place_is_written_as_it_is_shown() {
        for (text, place) in [
            ("3/17", Some(Place { partition: 3, offset: 17 })),
            ("0/0", Some(Place { partition: 0, offset: 0 })),
            ("3", None),
            ("3/", None),
            ("/3", None),
            ("-1/3", None),
            ("3/+1", None),
            ("3/17/1", None),
            ("99999999999/1", None),
        ] {
            assert_eq!(text.parse::<Place>().ok(), place, "{text}");
            if let Some(place) = place {
                assert_eq!(place.to_string(), text);
            }
        }
    }
}
