//! Feeds: RSS, Atom and JSON Feed, polled as their servers want it, published with the cursor that covers what was published.
//!
//! An entry is known by its id and a hash of what it says: another hash is an edit. That an entry has gone from the page says
//! nothing, since every page is a window; only a window in which nothing is known any more is told, as a gap.

mod address;
mod cursor;
mod entry;
mod fetch;
mod html;
mod json;
mod owner;
mod page;
mod poll;
#[cfg(test)]
mod tests;

use std::{error::Error, io, iter, time::Duration};

use hark_log::{LogError, SessionError};

pub use fetch::FetchError;
pub use owner::{Feeds, poll_once};
pub use poll::{PollError, posts_of};

use crate::SourceContext;

/// A feed and how it is polled.
#[derive(Clone, Debug)]
pub struct Feed {
    /// What its records have in common.
    pub context: SourceContext,
    /// Where it is fetched; may hold a secret, so it is never shown.
    pub url: String,
    /// The same without what may be secret.
    pub shown: String,
    /// Time from poll to poll, where its server does not ask for more.
    pub every: Duration,
    /// It may lie in one's own network.
    pub allow_private: bool,
    /// Fences whoever polled it before.
    pub transactional_id: String,
}

/// Feeds that cannot be polled.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// No thread.
    #[error("no thread for the feeds")]
    Thread(#[source] io::Error),
    /// The log cannot be used.
    #[error("a feed's cursor cannot be read")]
    Log(#[source] Box<LogError>),
    /// The group that shares the feeds cannot be joined.
    #[error("the group that shares the feeds was lost")]
    Member(#[source] Box<SessionError>),
    /// One poll failed (`--once`).
    #[error("the feed {source_name} could not be polled")]
    Poll {
        /// Name of the source.
        source_name: String,
        /// Why.
        #[source]
        error: Box<PollError>,
    },
    /// The thread panicked.
    #[error("the thread of the feeds panicked")]
    Panicked,
}

/// An error with its causes: the remedy often stands in the last one.
fn whole(error: &(dyn Error + 'static)) -> String {
    let causes = iter::successors(Some(error), |error| (*error).source());
    let mut texts: Vec<String> = causes.map(ToString::to_string).collect();
    // Some libraries repeat their source in their own message.
    texts.dedup();
    texts.join(": ")
}

/// The address of a feed without user, password, query and fragment, or what is wrong with it.
///
/// # Errors
/// In words, to stand behind "the url of source ...".
pub fn shown(url: &str) -> Result<String, &'static str> {
    let rest = ["http://", "https://"].into_iter().find_map(|scheme| {
        let rest = url.get(scheme.len()..)?;
        url[..scheme.len()].eq_ignore_ascii_case(scheme).then_some((scheme, rest))
    });
    let Some((scheme, rest)) = rest else { return Err("does not begin with http:// or https://") };
    if url.contains(|c: char| c.is_whitespace() || c.is_control() || !c.is_ascii()) {
        return Err("holds a character that must be written as %XX");
    }
    let place = rest.split(['?', '#']).next().unwrap_or_default();
    let host = place.split('/').next().unwrap_or_default();
    if host.is_empty() {
        return Err("names no host");
    }
    if host.contains('@') {
        return Err("holds a user or password, which would be sent on to wherever the server redirects");
    }
    Ok(format!("{scheme}{place}"))
}
