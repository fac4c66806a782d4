//! How far each file has been read, as committed on `<prefix>.cursors` together with the posts.

use std::collections::HashMap;

use hark_log::{Log, LogError, Output};
use hark_schema::{
    Message as _,
    partition::Topic,
    v1::{Cursor, FileCursor},
};

use crate::SourceContext;

/// Cursors by key, those of all sources of the prefix.
#[derive(Clone, Debug, Default)]
pub struct Cursors(HashMap<String, FileCursor>);

impl Cursors {
    /// Reads what is committed, to the topic's true end.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn restore(log: &dyn Log, topic: &Topic) -> Result<Self, LogError> {
        let mut cursors = Self::default();
        let partitions: Vec<u32> = (0..topic.partitions).collect();
        log.read_to_end(&topic.name, &partitions, &mut |record| {
            if let Some(key) = record.key {
                cursors.note(key, record.value);
            }
        })?;
        Ok(cursors)
    }

    /// Takes in one record of the topic. What is no file's cursor is another source's and left out.
    pub(super) fn note(&mut self, key: &[u8], value: Option<&[u8]>) {
        let Ok(key) = str::from_utf8(key) else { return };
        match value {
            None => drop(self.0.remove(key)),
            Some(value) => {
                if let Ok(Cursor { file: Some(cursor), .. }) = Cursor::decode(value) {
                    self.0.insert(key.to_owned(), cursor);
                }
            }
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&FileCursor> {
        self.0.get(key)
    }

    /// Those of one source.
    pub(super) fn of<'c>(&'c self, context: &SourceContext) -> impl Iterator<Item = &'c FileCursor> {
        let prefix = format!("{}/{}/", context.tenant, context.source);
        self.0.iter().filter(move |(key, _)| key.starts_with(&prefix)).map(|(_, cursor)| cursor)
    }

    pub(super) fn set(&mut self, key: &str, cursor: FileCursor) {
        self.0.insert(key.to_owned(), cursor);
    }
}

/// The key of a file's cursor: it survives a rename, and a new file under an old inode number has another first line.
pub(super) fn key(context: &SourceContext, inode: u64, first_line: &blake3::Hash) -> String {
    format!("{}/{}/{inode}/{}", context.tenant, context.source, first_line.to_hex())
}

/// The record of a cursor.
pub(super) fn output(context: &SourceContext, key: &str, cursor: &FileCursor) -> Output {
    let topic = &context.topics.cursors;
    Output {
        topic: topic.name.clone(),
        partition: topic.partition_of(key.as_bytes()),
        key: key.as_bytes().to_vec(),
        value: Some(Cursor { file: Some(cursor.clone()), feed: None }.encode_to_vec()),
        headers: Vec::new(),
        timestamp_ms: None,
    }
}
