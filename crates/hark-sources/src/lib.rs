//! The places that Hark hears posts from, one module each, and the one form in which all of them hand a post over.
//!
//! [`PostInput`] is that form: strict JSON, documented in `docs/posts.md`. A source turns it into a record and gives the
//! records to a publisher, whose thread puts many submissions into one transaction.
//!
//! The one decision a reader may question: sources do not own a producer each. A webhook that answers after the commit
//! would otherwise pay one transaction a request, and a file one a batch; sharing costs a source nothing but the company.

mod json;
mod post;

pub use post::{MAX_TEXT_BYTES, PostError, PostInput, Reason, Refused};
