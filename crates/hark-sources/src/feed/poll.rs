//! One poll of a feed: ask, compare with what is known, publish what is new, page by page in bounded transactions.

use std::{sync::Arc, time::Duration};

use hark_log::{CommitError, Log, LogError, Output, Producer, pause};
use hark_schema::v1::{FeedCursor, FeedEntry, FileOrigin, Op};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{
    Feed,
    cursor::{self, Novelty, Seen},
    entry::{self, Entries, Read, SharedId},
    fetch::{Answer, Client, FetchError, Validators},
    page::{self, Page},
    whole,
};
use crate::{
    PollResult, PostInput, Reason,
    raw_post::{DeadLine, dead_letter, id_of, to_output_from},
};

/// Entries of one page that are looked at; feeds show ten to a hundred.
const MAX_ENTRIES: usize = 1_000;
/// Entries of one transaction: at 64 KiB each far below what a transaction may take in its time.
const CHUNK: usize = 50;
/// A log that takes nothing for so long fails the poll; the next one tries again.
const COMMIT_PATIENCE: Duration = Duration::from_secs(60);
/// First and longest wait between two tries of a commit.
const COMMIT_WAITS: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(2));
/// A server may not put us off for longer.
const MAX_TTL: Duration = Duration::from_secs(24 * 3600);

/// A feed whose cursor this process owns.
pub(super) struct Poller<'a> {
    feed: &'a Feed,
    client: Client,
    producer: Box<dyn Producer>,
    cursor: FeedCursor,
    seen: Seen,
    cancelled: CancellationToken,
    /// It was told that ids are shared.
    told_of_shared_ids: bool,
}

/// A poll that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum PollError {
    /// No page.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A page that is no feed.
    #[error("the page is no feed: {0}")]
    NoFeed(String),
    /// The feed is to be opened anew from its cursor: another worker may have it now, or its producer broke or had to abort.
    #[error("the feed is to be opened anew: another worker may have it, or its transaction was aborted")]
    Lost(#[source] Box<CommitError>),
    /// The log takes nothing.
    #[error("nothing could be committed for {COMMIT_PATIENCE:?}")]
    NotCommitted(#[source] Box<CommitError>),
    /// The process ends, or the feed has gone to another worker.
    #[error("stopped")]
    Stopped,
}

impl<'a> Poller<'a> {
    /// Fences whoever polled this feed before; what is committed then is all there will be.
    pub(super) fn open(
        feed: &'a Feed,
        log: &dyn Log,
        cancelled: CancellationToken,
    ) -> Result<Self, LogError> {
        let producer = log.producer(&feed.transactional_id)?;
        let mut cursor = cursor::restore(log, &feed.context, &feed.url)?;
        let seen = Seen::new(std::mem::take(&mut cursor.seen));
        let client = Client::new(&feed.url, feed.allow_private);
        Ok(Self { feed, client, producer, cursor, seen, cancelled, told_of_shared_ids: false })
    }

    /// When it may be polled next, milliseconds since 1970; a clock that was set back does not hold it up for ever.
    pub(super) fn due_ms(&self, now_ms: i64) -> i64 {
        let every_ms = i64::try_from(self.feed.every.as_millis()).unwrap_or(i64::MAX);
        let latest_ms = now_ms + every_ms.max(i64::try_from(MAX_TTL.as_millis()).unwrap_or(i64::MAX));
        let regular =
            if self.cursor.polled_ms == 0 { 0 } else { self.cursor.polled_ms.saturating_add(every_ms) };
        regular.max(self.cursor.not_before_ms).min(latest_ms)
    }

    /// Polls once. What is committed of a page stays committed, also when the rest fails.
    pub(super) fn poll(&mut self, now: Timestamp) -> Result<(), PollError> {
        let counts = Arc::clone(&self.feed.context.counts);
        let result = self.poll_uncounted(now);
        match &result {
            Ok(polled) => counts.add_poll(*polled),
            Err(PollError::Lost(_) | PollError::Stopped) => {}
            Err(_) => counts.add_poll(PollResult::Failed),
        }
        result.map(|_| ())
    }

    fn poll_uncounted(&mut self, now: Timestamp) -> Result<PollResult, PollError> {
        let known =
            Validators { etag: self.cursor.etag.clone(), last_modified: self.cursor.last_modified.clone() };
        let answer = self.client.get(&known)?;
        if self.cancelled.is_cancelled() {
            return Err(PollError::Stopped);
        }
        self.cursor.polled_ms = now.as_millisecond();
        match answer {
            Answer::Unchanged => {
                self.cursor.not_before_ms = 0;
                self.save()?;
                Ok(PollResult::Unchanged)
            }
            Answer::Later(wait) => {
                info!(source = &*self.feed.context.source, ?wait, "the feed's server asks for patience");
                self.cursor.not_before_ms = after(now, wait);
                self.save()?;
                Ok(PollResult::Unchanged)
            }
            Answer::Page { page, validators } => self.page(&page, validators, now),
        }
    }

    fn page(&mut self, page: &Page, validators: Validators, now: Timestamp) -> Result<PollResult, PollError> {
        let parsed = page::parse(page, &self.feed.shown).map_err(PollError::NoFeed)?;
        let ttl = parsed.ttl.map(|minutes| Duration::from_secs(u64::from(minutes) * 60).min(MAX_TTL));
        let Entries { reads: entries, told_apart } = entry::read_all(parsed, |mark| self.seen.knows(mark));
        if told_apart > 0 && !std::mem::replace(&mut self.told_of_shared_ids, true) {
            warn!(
                source = &*self.feed.context.source,
                entries = told_apart,
                "the feed gives several entries the same id: they are told apart by their links or titles"
            );
        }
        let entries = self.newest(entries);
        self.look_for_gap(&entries);
        let page = entries.len();
        let mut fresh: Vec<Read> = Vec::new();
        for mut read in entries {
            match self.seen.novelty(read.mark) {
                Novelty::Known => continue,
                Novelty::New => {}
                Novelty::Edited => read.post.op = Op::Edit,
            }
            fresh.push(read);
        }
        self.cursor.not_before_ms = ttl.map_or(0, |ttl| after(now, ttl));
        // Grows with every page that says something new, also where the next owner's clock goes slow.
        let now_ms = u64::try_from(now.as_millisecond()).unwrap_or_default();
        let revision = now_ms.max(self.cursor.revision + 1);
        let posts = fresh.len();
        let mut left = fresh;
        while !left.is_empty() {
            let rest = left.split_off(left.len().min(CHUNK));
            self.publish(left, revision, page, now)?;
            left = rest;
        }
        // The validators only now: a page that was not published to its end must come again.
        self.cursor.etag = validators.etag;
        self.cursor.last_modified = validators.last_modified;
        self.save()?;
        debug!(source = &*self.feed.context.source, page, posts, "polled");
        Ok(if posts == 0 { PollResult::Unchanged } else { PollResult::New })
    }

    /// As many entries as are read of a page: the newest by their dates, if all have one, else those that stand first.
    fn newest(&self, mut entries: Vec<Read>) -> Vec<Read> {
        if entries.len() <= MAX_ENTRIES {
            return entries;
        }
        let are_dated = entries.iter().all(|read| read.newest_ms.is_some());
        let which = if are_dated { "the newest by their dates" } else { "those that stand first" };
        warn!(
            source = &*self.feed.context.source,
            entries = entries.len(),
            "the page has more entries than are read: {which} are, {MAX_ENTRIES} of them"
        );
        // What stands first is the last here.
        let beyond = entries.len() - MAX_ENTRIES;
        if are_dated {
            entries.sort_by_key(|read| read.newest_ms);
        }
        entries.split_off(beyond)
    }

    /// Nothing on the page was there at the last poll: what stood between the two was never seen.
    fn look_for_gap(&self, entries: &[Read]) {
        // Until this page the id may have been trusted, and an entry been known by it alone.
        let was_alone = |shared: SharedId| !self.seen.knows(shared.mark) && self.seen.knows(shared.alone);
        let known =
            entries.iter().any(|entry| self.seen.knows(entry.mark) || entry.shared_id.is_some_and(was_alone));
        // Of another address nothing is known, and an empty page hides nothing.
        let first_look = self.seen.is_empty() || self.cursor.revision == 0;
        if known || first_look || entries.is_empty() {
            return;
        }
        self.feed.context.counts.add_gap();
        warn!(
            source = &*self.feed.context.source,
            entries = entries.len(),
            "every entry of the page is new: some may have come and gone between two polls; poll more often (`every`)"
        );
    }

    /// One transaction: the posts of some entries, and the cursor that covers them.
    fn publish(
        &mut self,
        reads: Vec<Read>,
        revision: u64,
        page: usize,
        now: Timestamp,
    ) -> Result<(), PollError> {
        let mut marks: Vec<FeedEntry> = reads.iter().map(|read| read.mark).collect();
        // Each once, after their entries: they must not be forgotten first.
        for shared in reads.iter().filter_map(|read| read.shared_id) {
            if !marks.contains(&shared.mark) {
                marks.push(shared.mark);
            }
        }
        let mut seen = self.seen.clone();
        seen.remember(&marks, page);
        let cursor = FeedCursor { revision, ..self.cursor.clone() };
        let mut outputs: Vec<Output> = Vec::with_capacity(reads.len() + 1);
        for read in &reads {
            outputs.push(self.output(read, revision, now));
        }
        outputs.push(self.cursor_output(&cursor, &seen));
        match self.commit(&outputs) {
            Ok(()) => {}
            Err(PollError::NotCommitted(error)) if matches!(*error, CommitError::TooLarge { .. }) => {
                return self.publish_singly(reads, revision, page, now, &error);
            }
            Err(error) => return Err(error),
        }
        let counts = &self.feed.context.counts;
        for read in &reads {
            match &read.mistake {
                None => counts.add_accepted(1),
                Some((reason, _)) => counts.add_rejected(*reason, 1),
            }
        }
        (self.cursor, self.seen) = (cursor, seen);
        Ok(())
    }

    /// The broker refuses a record for its size: the others must not suffer for it.
    fn publish_singly(
        &mut self,
        mut reads: Vec<Read>,
        revision: u64,
        page: usize,
        now: Timestamp,
        error: &CommitError,
    ) -> Result<(), PollError> {
        if let [one] = &mut reads[..] {
            if one.mistake.is_some() {
                warn!(%error, "the broker takes not even the dead letter of an entry: raise message.max.bytes to 1048588");
                return Err(PollError::NoFeed("the broker takes no record of that size".to_owned()));
            }
            one.mistake = Some((Reason::TextTooLong, "the broker takes no record of that size".to_owned()));
            return self.publish(reads, revision, page, now);
        }
        reads.into_iter().try_for_each(|one| self.publish(vec![one], revision, page, now))
    }

    fn output(&self, read: &Read, revision: u64, now: Timestamp) -> Output {
        let context = &self.feed.context;
        let Some((reason, error)) = &read.mistake else {
            let mut post = read.post.clone();
            post.revision = Some(revision);
            return to_output_from(post, context, &self.feed.shown, now);
        };
        let PostInput { id, title, url, text, .. } = &read.post;
        warn!(source = &*context.source, id, error, "entry refused: kept as a dead letter");
        // What it is known by goes first: a letter keeps the beginning.
        let text = format!("id: {id}\ntitle: {title}\nurl: {url}\n\n{text}");
        let text = text.as_bytes();
        let named = [id, url, title].into_iter().filter(|name| !name.is_empty()).cloned();
        let line = DeadLine {
            head: text,
            length: text.len() as u64,
            blake3: blake3::hash(text),
            reason: *reason,
            error: format!("{error} (entry {})", named.collect::<Vec<_>>().join(", ")),
            mention_id: Some(id_of(context, "", id)),
            origin: FileOrigin {
                source: context.source.to_string(),
                path: self.feed.shown.clone(),
                ..FileOrigin::default()
            },
        };
        dead_letter(line, context, now)
    }

    fn cursor_output(&self, cursor: &FeedCursor, seen: &Seen) -> Output {
        cursor::output(&self.feed.context, &FeedCursor { seen: seen.entries(), ..cursor.clone() })
    }

    fn save(&mut self) -> Result<(), PollError> {
        let output = self.cursor_output(&self.cursor, &self.seen);
        self.commit(&[output])
    }

    fn commit(&mut self, outputs: &[Output]) -> Result<(), PollError> {
        let mut wait = COMMIT_WAITS.0;
        let mut waited = Duration::ZERO;
        loop {
            if self.cancelled.is_cancelled() {
                return Err(PollError::Stopped);
            }
            match self.producer.commit(outputs) {
                Ok(()) => return Ok(()),
                // Aborted: the producer has begun anew, and another worker may have moved the cursor before it did.
                Err(
                    lost @ (CommitError::Aborted { .. } | CommitError::Lost { .. } | CommitError::Unknown),
                ) => {
                    return Err(PollError::Lost(Box::new(lost)));
                }
                Err(error @ CommitError::TooLarge { .. }) => {
                    return Err(PollError::NotCommitted(Box::new(error)));
                }
                Err(error) if waited >= COMMIT_PATIENCE => {
                    return Err(PollError::NotCommitted(Box::new(error)));
                }
                Err(error) => {
                    warn!(
                        source = &*self.feed.context.source,
                        error = whole(&error),
                        "nothing was written: trying again"
                    );
                }
            }
            pause(&self.cancelled, wait);
            waited += wait;
            wait = (wait * 2).min(COMMIT_WAITS.1);
        }
    }
}

fn after(now: Timestamp, wait: Duration) -> i64 {
    now.as_millisecond().saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX))
}

/// How many entries of a page are read, as a poll reads them; for proofs that no page does harm.
///
/// # Errors
/// The page is no feed.
pub fn posts_of(page: &[u8], url: &str) -> Result<usize, PollError> {
    let page = Page { bytes: page.to_vec(), address: url.to_owned(), charset: None };
    let feed = page::parse(&page, url).map_err(PollError::NoFeed)?;
    Ok(entry::read_all(feed, |_| false).reads.len())
}
