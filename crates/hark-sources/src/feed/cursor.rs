//! What is remembered of a feed, as committed on `<prefix>.cursors` together with the posts.

use std::collections::HashMap;

use hark_log::{Log, LogError, Output};
use hark_schema::{
    Message as _,
    v1::{Cursor, FeedCursor, FeedEntry},
};

use crate::SourceContext;

/// Entries that are remembered at least: some feeds show fewer at times, or bring old ones back.
const MIN_SEEN: usize = 500;

/// The key of a feed's cursor.
pub(super) fn key(context: &SourceContext) -> String {
    format!("{}/{}", context.tenant, context.source)
}

/// Reads what is committed, to the true end of its partition. One of another address tells nothing about this one's page.
pub(super) fn restore(log: &dyn Log, context: &SourceContext, url: &str) -> Result<FeedCursor, LogError> {
    let (topic, key) = (&context.topics.cursors, key(context));
    let mut found = FeedCursor::default();
    log.read_to_end(&topic.name, &[topic.partition_of(key.as_bytes())], &mut |record| {
        if record.key == Some(key.as_bytes()) {
            let cursor = record.value.and_then(|value| Cursor::decode(value).ok());
            found = cursor.and_then(|cursor| cursor.feed).unwrap_or_default();
        }
    })?;
    let url_id = id_of(url);
    if found.url == url_id {
        return Ok(found);
    }
    Ok(FeedCursor { url: url_id, seen: found.seen, revision: found.revision, ..FeedCursor::default() })
}

/// An address may hold a secret: only its digest is kept.
pub(super) fn id_of(url: &str) -> u64 {
    blake3::hash(url.as_bytes()).as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// The record of a cursor.
pub(super) fn output(context: &SourceContext, cursor: &FeedCursor) -> Output {
    let (topic, key) = (&context.topics.cursors, key(context));
    Output {
        topic: topic.name.clone(),
        partition: topic.partition_of(key.as_bytes()),
        key: key.into_bytes(),
        value: Some(Cursor { file: None, feed: Some(cursor.clone()) }.encode_to_vec()),
        headers: Vec::new(),
        timestamp_ms: None,
    }
}

/// What an entry is to what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Novelty {
    New,
    Edited,
    Known,
}

/// Entries whose posts are committed.
#[derive(Clone)]
pub(super) struct Seen {
    by_id: HashMap<u64, u64>,
    /// Newest first.
    order: Vec<FeedEntry>,
}

impl Seen {
    pub(super) fn new(order: Vec<FeedEntry>) -> Self {
        Self { by_id: order.iter().map(|entry| (entry.id, entry.content)).collect(), order }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    pub(super) fn novelty(&self, entry: FeedEntry) -> Novelty {
        match self.by_id.get(&entry.id) {
            None => Novelty::New,
            Some(content) if *content == entry.content => Novelty::Known,
            Some(_) => Novelty::Edited,
        }
    }

    pub(super) fn knows(&self, entry: FeedEntry) -> bool {
        self.by_id.contains_key(&entry.id)
    }

    /// Remembers entries, oldest first; those beyond `page` entries and [`MIN_SEEN`] are forgotten.
    pub(super) fn remember(&mut self, entries: &[FeedEntry], page: usize) {
        for entry in entries {
            self.by_id.insert(entry.id, entry.content);
        }
        let fresh: std::collections::HashSet<u64> = entries.iter().map(|entry| entry.id).collect();
        self.order.retain(|entry| !fresh.contains(&entry.id));
        self.order.splice(0..0, entries.iter().rev().copied());
        for forgotten in self.order.drain(self.order.len().min(MIN_SEEN + page)..) {
            self.by_id.remove(&forgotten.id);
        }
    }

    pub(super) fn entries(&self) -> Vec<FeedEntry> {
        self.order.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: u64, content: u64) -> FeedEntry {
        FeedEntry { id, content }
    }

    #[test]
    fn an_entry_is_new_edited_or_known() {
        let mut seen = Seen::new(vec![entry(2, 20), entry(1, 10)]);
        assert_eq!(seen.novelty(entry(1, 10)), Novelty::Known);
        assert_eq!(seen.novelty(entry(1, 11)), Novelty::Edited);
        assert_eq!(seen.novelty(entry(3, 30)), Novelty::New);
        seen.remember(&[entry(1, 11), entry(3, 30)], 2);
        assert_eq!(seen.novelty(entry(1, 11)), Novelty::Known);
        assert_eq!(seen.entries(), [entry(3, 30), entry(1, 11), entry(2, 20)]);
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_oldest_goes_first() {
        let mut seen = Seen::new(Vec::new());
        let entries: Vec<_> = (0..2_000).map(|id| entry(id, 0)).collect();
        seen.remember(&entries, 100);
        assert_eq!(seen.entries().len(), MIN_SEEN + 100);
        assert!(seen.knows(entry(1_999, 0)) && !seen.knows(entry(0, 0)));
    }
}
