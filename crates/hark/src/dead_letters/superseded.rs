//! Dead letters that a newer record of the same key has overtaken (ADR 6).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use hark_log::{Log, LogError};
use hark_schema::{
    Message as _,
    v1::{Op, RawPost},
};

use super::letter::{Letter, Place, origin};
use crate::stages::topics::Topics;

/// Letters that only their place on their topic tells the age of: a stage that is given one takes it for the newest.
/// A version of a post with a revision is not among them: enrich knows by it what is stale, but not of deletions and restorations.
#[derive(Default)]
pub struct Watched {
    /// The letters and their offsets on the topic that they came from.
    letters: HashMap<Origin, Vec<(i64, Place)>>,
}

/// Topic, partition and key.
type Origin = (String, u32, Vec<u8>);

impl Watched {
    pub fn add(&mut self, letter: &Letter, topics: &Topics) {
        let says = &letter.says;
        let Some((topic, partition)) = origin(says, topics) else { return };
        let value = says.value.as_deref().unwrap_or_default();
        let is_post = topics.get("posts").is_ok_and(|posts| posts.name == topic.name);
        let is_version =
            |post: RawPost| post.revision.is_some() && !matches!(post.op(), Op::Delete | Op::Restore);
        if is_post && RawPost::decode(value).is_ok_and(is_version) {
            return;
        }
        let key = says.key.clone().unwrap_or_default();
        let entry = self.letters.entry((topic.name.to_string(), partition, key)).or_default();
        entry.push((says.offset, letter.place));
    }

    /// Those behind which a newer record of the same key stands: the partitions that they came from are read once.
    pub fn superseded(self, log: &dyn Log) -> Result<BTreeSet<Place>, LogError> {
        let mut where_they_are: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
        for (topic, partition, _) in self.letters.keys() {
            where_they_are.entry(topic.clone()).or_default().insert(*partition);
        }
        let mut superseded = BTreeSet::new();
        for (topic, partitions) in where_they_are {
            let partitions: Vec<u32> = partitions.into_iter().collect();
            log.read_to_end(&topic, &partitions, &mut |record| {
                let key = record.key.unwrap_or_default().to_vec();
                let letters = self.letters.get(&(topic.clone(), record.partition, key));
                let older = letters.into_iter().flatten().filter(|(offset, _)| *offset < record.offset);
                superseded.extend(older.map(|(_, place)| *place));
            })?;
        }
        Ok(superseded)
    }
}
