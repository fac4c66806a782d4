//! A reader of one topic that tells which posts have come.

use hark_log::{From, Log, Reader};
use hark_schema::{
    Message as _,
    v1::{Item, Mention, RawPost},
};

use crate::world::World;

/// What lies on the topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    Mentions,
    Items,
}

pub struct Tap {
    reader: Box<dyn Reader>,
    of: Of,
}

impl Tap {
    /// From here on.
    pub fn open(world: &World, log: &dyn Log, topic: &str, of: Of) -> Self {
        Self { reader: log.reader(&world.topic(topic), From::End).unwrap(), of }
    }

    /// What has come since: partition, and the post's own id.
    pub fn come(&mut self) -> Vec<(u32, String)> {
        let (mut come, of) = (Vec::new(), self.of);
        self.reader
            .follow(&mut |record| {
                let value = record.value.unwrap_or_default();
                let post = match of {
                    Of::Mentions => Mention::decode(value).unwrap().post,
                    Of::Items => Item::decode(value).unwrap().mention.and_then(|mention| mention.post),
                };
                come.extend(native_id(post).map(|id| (record.partition, id)));
            })
            .unwrap();
        come
    }
}

fn native_id(post: Option<RawPost>) -> Option<String> {
    Some(post?.r#ref?.native_id)
}
