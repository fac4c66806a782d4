//! The places that Hark hears posts from, one module each, and the one form in which all of them hand a post over.
//!
//! [`PostInput`] is that form: strict JSON, documented in `docs/posts.md`. A source turns it into a record by [`to_output`] and gives the
//! records to a [`Publisher`], whose thread puts many submissions into one transaction.
//!
//! The one decision a reader may question: sources do not own a producer each. A webhook that answers after the commit
//! would otherwise pay one transaction a request, and a file one a batch; sharing costs a source nothing but the company.

mod body;
pub mod feed;
pub mod file;
mod json;
mod post;
mod publisher;
mod raw_post;
#[cfg(test)]
mod testing;
pub mod webhook;

pub use body::{BodyErrors, Form, MAX_POSTS, parse_body};
pub use post::{MAX_TEXT_BYTES, PostError, PostInput, Reason, Refused};
pub use publisher::{
    Factory, Limits, NotCommitted, Pending, Publisher, PublisherError, PublisherStats, PublisherThread,
    SubmitError,
};
pub use raw_post::{
    IngestTopics, MAX_PAYLOAD_BYTES, PollResult, SourceContext, SourceCounts, raw_post, to_output,
};
