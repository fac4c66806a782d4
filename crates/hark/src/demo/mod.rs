//! `hark up --demo`: an hour of an invented firm's life, played in twenty seconds, told line by line.
//!
//! The pipeline that it shows is the real one on a log that is thrown away: posts go in by [`script`], what the stages
//! commit comes out as [`Event`]s, and [`display`] turns each into a line. Nothing here knows how the stages run.

pub mod display;
mod layout;
mod line;
pub mod script;
mod summary;

use hark_schema::{Message as _, v1};

/// The configuration of the demo.
pub const CONFIG: &str = include_str!("../../demo/hark.yaml");
/// Its posts, one [`script::Cue`] a line.
pub const POSTS: &str = include_str!("../../demo/posts.jsonl");

/// What became of one post, told after the commit.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Route decided: everything that it wrote to queues about one mention in one decision.
    Decided {
        /// At least one; an item that moves comes with the cancel of its old place, copies with their item.
        items: Vec<v1::Item>,
    },
    /// Nobody needs it.
    Dropped {
        /// The post as ingest published it.
        post: Box<v1::RawPost>,
        /// What enrich found, where it came so far.
        mention: Option<Box<v1::Mention>>,
        /// Closed reason of the stage, or the rule's own words.
        reason: String,
    },
    /// It could not be worked on and lies in the dead letters.
    Rejected {
        /// Closed class.
        class: String,
    },
}

impl Event {
    /// Route committed these values to queue topics, all about one mention. `None` where one of them is no item.
    pub fn decided<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Option<Self> {
        let items: Vec<_> = values.into_iter().map(v1::Item::decode).collect::<Result<_, _>>().ok()?;
        (!items.is_empty()).then_some(Self::Decided { items })
    }

    /// Enrich dropped this record of `<prefix>.posts`. `None` where it is no post.
    pub fn dropped_post(value: &[u8], reason: &str) -> Option<Self> {
        let post = Box::new(v1::RawPost::decode(value).ok()?);
        Some(Self::Dropped { post, mention: None, reason: reason.to_owned() })
    }

    /// Route dropped this record of `<prefix>.mentions`; `reason` is what the rule says.
    pub fn dropped_mention(value: &[u8], reason: &str) -> Option<Self> {
        let mut mention = Box::new(v1::Mention::decode(value).ok()?);
        let post = Box::new(mention.post.take().unwrap_or_default());
        Some(Self::Dropped { post, mention: Some(mention), reason: reason.to_owned() })
    }
}
