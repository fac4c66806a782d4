//! The topics of one prefix as they are on the log: names, how many partitions each has, and how long it keeps records.

use std::{collections::HashMap, sync::Arc, time::Duration};

use hark_log::{Log, LogError, TopicDescription};
pub use hark_schema::partition::Topic;

#[derive(Clone, Copy, Debug)]
struct Settings {
    partitions: u32,
    retention: Option<Duration>,
}

/// All topics of a prefix.
#[derive(Clone, Debug)]
pub struct Topics {
    prefix: String,
    known: HashMap<Arc<str>, Settings>,
}

impl Topics {
    /// Looks them up.
    pub fn read(log: &dyn Log, prefix: &str) -> Result<Self, LogError> {
        Ok(Self::of(log.topics()?, prefix))
    }

    /// From what the log has told already.
    pub fn of(found: Vec<TopicDescription>, prefix: &str) -> Self {
        let settings =
            |topic: &TopicDescription| Settings { partitions: topic.partitions, retention: topic.retention };
        let known = found.into_iter().map(|topic| (topic.name.as_str().into(), settings(&topic))).collect();
        Self { prefix: prefix.to_owned(), known }
    }

    /// The topic `<prefix>.<name>`, which must be there.
    pub fn get(&self, name: &str) -> Result<Topic, LogError> {
        let name = format!("{}.{name}", self.prefix);
        match self.known.get_key_value(name.as_str()) {
            Some((name, known)) => Ok(Topic { name: name.clone(), partitions: known.partitions }),
            None => Err(LogError::MissingTopic { topic: name }),
        }
    }

    /// How long a topic keeps its records, as whoever runs the log has set it.
    pub fn retention(&self, topic: &Topic) -> Duration {
        self.known.get(&topic.name).and_then(|known| known.retention).unwrap_or(Duration::MAX)
    }

    /// Whether there is a topic of this whole name.
    pub fn has(&self, name: &str) -> bool {
        self.known.contains_key(name)
    }

    /// Queues by team, those of teams that the configuration no longer has too.
    pub fn queues(&self) -> impl Iterator<Item = (&str, Topic)> {
        let prefix = format!("{}.queue.", self.prefix);
        self.known.iter().filter_map(move |(name, known)| {
            Some((name.strip_prefix(&prefix)?, Topic { name: name.clone(), partitions: known.partitions }))
        })
    }
}

#[cfg(test)]
mod tests {
    use hark_log::Cleanup;

    use super::*;

    #[test]
    fn state_is_remembered_as_long_as_its_topic_keeps_it_whoever_set_that() {
        let topic = |name: &str, days: Option<u64>| TopicDescription {
            name: format!("hark.{name}"),
            partitions: 3,
            cleanup: Cleanup::CompactDelete,
            retention: days.map(|days| Duration::from_secs(days * 86_400)),
            segment: None,
            compaction_lag: None,
        };
        let topics = Topics::of(vec![topic("items", Some(95)), topic("seen", None)], "hark");
        let kept = |name| topics.retention(&topics.get(name).unwrap());
        assert_eq!(kept("items").as_secs(), 95 * 86_400);
        assert_eq!(kept("seen"), Duration::MAX);
    }
}
