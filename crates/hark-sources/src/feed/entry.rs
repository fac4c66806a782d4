//! From an entry of a feed to a post.

use std::collections::{HashMap, HashSet};

use feed_rs::model::{Entry, Feed, FeedType, Link, Text};
use hark_schema::v1::{Author, FeedEntry, Op};
use jiff::Timestamp;

use super::html;
use crate::{MAX_TEXT_BYTES, PostInput, Reason};

/// Bounds of the smaller fields, as for every post (see `post/mod.rs`); what is longer is left out, ids are hashed.
const ID_BYTES: usize = 1024;
const NAME_BYTES: usize = 1024;
const TITLE_BYTES: usize = 8 * 1024;
const ADDRESS_BYTES: usize = 4 * 1024;
const LANGUAGE_BYTES: usize = 35;
const MEDIA_URLS: usize = 16;
/// 1970 to 2100, as for every post.
const YEARS_MS: std::ops::Range<i64> = 0..4_102_444_800_000;

/// An entry that was read.
pub(super) struct Read {
    /// The post; its `op` and `revision` are not known yet.
    pub post: PostInput,
    /// What it is known by, and what it says.
    pub mark: FeedEntry,
    /// Where its id is given to several posts.
    pub shared_id: Option<SharedId>,
    /// When it was published or updated, the later of the two, in milliseconds since 1970.
    pub newest_ms: Option<i64>,
    /// Why it is no post.
    pub mistake: Option<(Reason, String)>,
}

/// An id that is given to several posts.
#[derive(Clone, Copy)]
pub(super) struct SharedId {
    /// What is remembered of that.
    pub mark: FeedEntry,
    /// What an entry was known by as long as it had the id alone.
    pub alone: FeedEntry,
}

/// The entries of a page.
pub(super) struct Entries {
    /// Oldest first, each id once.
    pub reads: Vec<Read>,
    /// How many of them share their id with another and are told apart by their links or titles.
    pub told_apart: usize,
}

/// All entries of a page. `knows` says whether a mark is remembered from earlier pages: an id that was given to several posts once is never trusted
/// again, or a post would be known by one id in the company of others and by another alone.
///
/// Of entries with the same id the newest counts: they are versions of one (RFC 4287, 4.1.1), unless their links say otherwise.
pub(super) fn read_all(feed: Feed, knows: impl Fn(FeedEntry) -> bool) -> Entries {
    let (kind, language) = (feed.feed_type, feed.language.unwrap_or_default());
    let reads: Vec<Read> = feed.entries.iter().map(|entry| read(entry, &kind, &language)).collect();
    let mut by_id: HashMap<u64, Vec<&Read>> = HashMap::new();
    for read in &reads {
        by_id.entry(read.mark.id).or_default().push(read);
    }
    let is_shared =
        |group: &[&Read]| group.first().is_some_and(|read| knows(shared(read))) || differ(group, &kind);
    let shared_ids: HashSet<u64> =
        by_id.iter().filter(|(_, group)| is_shared(group)).map(|(id, _)| *id).collect();
    let reads = reads
        .into_iter()
        .map(|read| if shared_ids.contains(&read.mark.id) { read.told_apart() } else { read });
    // The newest stands first by custom, and counts where no date says otherwise.
    let mut kept: Vec<Read> = Vec::new();
    let mut places: HashMap<u64, usize> = HashMap::new();
    for read in reads {
        match places.get(&read.mark.id) {
            None => {
                places.insert(read.mark.id, kept.len());
                kept.push(read);
            }
            Some(&place) if read.newest_ms > kept[place].newest_ms => kept[place] = read,
            Some(_) => {}
        }
    }
    let is_oldest_first = match (kept.first(), kept.last()) {
        (Some(first), Some(last)) => {
            kept.iter().all(|read| read.newest_ms.is_some()) && first.newest_ms < last.newest_ms
        }
        _ => false,
    };
    if !is_oldest_first {
        kept.reverse();
    }
    let told_apart = kept.iter().filter(|read| read.shared_id.is_some()).count();
    Entries { reads: kept, told_apart }
}

/// Whether entries with the same id are different posts, and no versions of one.
fn differ(group: &[&Read], kind: &FeedType) -> bool {
    let updates: HashSet<Option<i64>> = group.iter().map(|read| read.newest_ms).collect();
    if *kind == FeedType::Atom && updates.len() == group.len() && !updates.contains(&None) {
        return false;
    }
    let all_alike =
        |of: fn(&Read) -> &str| group.iter().map(|read| of(read)).collect::<HashSet<_>>().len() < 2;
    if !all_alike(|read| &read.post.url) {
        return true;
    }
    // A headline is edited more often than a link, so it tells them apart only where nothing else tells anything.
    let are_bare = group.iter().all(|read| read.post.url.is_empty() && read.newest_ms.is_none());
    are_bare && !all_alike(headline)
}

fn headline(read: &Read) -> &str {
    if read.post.title.is_empty() { &read.post.text } else { &read.post.title }
}

/// What is remembered of an id that was given to several posts.
fn shared(read: &Read) -> FeedEntry {
    let name = format!("shared by several entries\n{}", read.post.id);
    FeedEntry { id: first_bits(&blake3::hash(name.as_bytes())), content: 0 }
}

impl Read {
    /// The same under an id of its own.
    fn told_apart(mut self) -> Self {
        self.shared_id = Some(SharedId { mark: shared(&self), alone: self.mark });
        let post = &mut self.post;
        let by = [&post.url, &post.title, &post.text].into_iter().find(|text| !text.is_empty());
        post.id = bounded_id(&format!("{} {}", post.id, by.map_or("", String::as_str)));
        self.mark.id = first_bits(&blake3::hash(post.id.as_bytes()));
        self
    }
}

fn bounded_id(id: &str) -> String {
    if id.len() > ID_BYTES { blake3::hash(id.as_bytes()).to_hex().to_string() } else { id.to_owned() }
}

fn read(entry: &Entry, kind: &FeedType, language: &str) -> Read {
    let plain = |text: &Text| shown(&text.content, text.content_type.subty().as_str(), kind);
    let title = entry.title.as_ref().map(plain).unwrap_or_default();
    let body = entry.content.as_ref().and_then(|content| {
        let body = content.body.as_deref()?;
        Some(shown(body, content.content_type.subty().as_str(), kind))
    });
    let summary = || entry.summary.as_ref().map(plain);
    let body = body.filter(|body| !body.is_empty()).or_else(summary).unwrap_or_default();
    // An entry that is only a headline says that.
    let (title, text) = if body.is_empty() { (String::new(), title) } else { (title, body) };
    let title = fitting(title, TITLE_BYTES);

    let content = blake3::hash(format!("{}\n{title}\n{text}", title.len()).as_bytes());
    let id = match entry.id.trim() {
        // All that there is of an entry without id, link and title is what it says.
        "" => content.to_hex().to_string(),
        id => bounded_id(id),
    };
    let mark = FeedEntry { id: first_bits(&blake3::hash(id.as_bytes())), content: first_bits(&content) };
    let mistake = if text.is_empty() {
        Some((Reason::InvalidPost, "an entry without a word in its title, content or summary".to_owned()))
    } else if text.len() > MAX_TEXT_BYTES {
        let why = format!("a text of {} bytes; at most {MAX_TEXT_BYTES} are taken", text.len());
        Some((Reason::TextTooLong, why))
    } else {
        None
    };
    let post = PostInput {
        id,
        text,
        title,
        op: Op::Create,
        url: address(entry),
        author: author(entry),
        lang: entry.language.as_deref().map_or_else(|| tag(language), tag),
        created_at: entry.published.or(entry.updated).and_then(|time| moment(time.timestamp_millis())),
        media_urls: media(entry),
        ..PostInput::default()
    };
    let newest_ms = entry.published.max(entry.updated).map(|time| time.timestamp_millis());
    Read { post, mark, shared_id: None, newest_ms, mistake }
}

/// RSS does not say what its texts are: HTML, whatever is declared. Atom and JSON Feed do.
fn shown(text: &str, subtype: &str, kind: &FeedType) -> String {
    let is_declared = matches!(kind, FeedType::Atom | FeedType::JSON);
    if is_declared && subtype == "plain" { html::plain(text) } else { html::to_text(text) }
}

fn first_bits(hash: &blake3::Hash) -> u64 {
    hash.as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// Nothing where it is too long: half a name is a wrong one.
fn fitting(text: String, max_bytes: usize) -> String {
    if text.len() > max_bytes { String::new() } else { text }
}

fn is_address(address: &str) -> bool {
    let scheme = address.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    address.len() <= ADDRESS_BYTES
        && matches!(scheme.as_deref(), Some("http" | "https"))
        && !address.contains(|c: char| c.is_whitespace() || c.is_control())
}

fn address(entry: &Entry) -> String {
    let links = || entry.links.iter().filter(|link| is_address(&link.href) && is_the_post(link));
    let alternate = links().find(|link| link.rel.as_deref().is_none_or(|rel| rel == "alternate"));
    alternate.or_else(|| links().next()).map(|link| link.href.clone()).unwrap_or_default()
}

/// Not what is said about it, nor what is attached.
fn is_the_post(link: &Link) -> bool {
    link.target.is_none() && !is_attached(link)
}

/// The parser gives an attachment of JSON Feed no relation, and no other link of one a type.
fn is_attached(link: &Link) -> bool {
    match link.rel.as_deref() {
        Some(rel) => rel == "enclosure",
        None => link.media_type.is_some(),
    }
}

fn author(entry: &Entry) -> Option<Author> {
    let name = name(&html::unescape(entry.authors.first()?.name.as_deref()?));
    let name = fitting(name, NAME_BYTES);
    (!name.is_empty()).then(|| Author { name, ..Author::default() })
}

/// A name without the e-mail address that often stands beside or instead of it, as in `jan@x.example (Jan Kowalski)`.
fn name(written: &str) -> String {
    let is_mail = |word: &&str| {
        let word = word.trim_matches(['(', ')', '<', '>', '[', ']', ',', ';']);
        let word = word.strip_prefix("mailto:").unwrap_or(word);
        word.split_once('@')
            .is_some_and(|(user, host)| !user.is_empty() && !host.contains('@') && host.contains('.'))
    };
    let words: Vec<&str> = written.split_whitespace().filter(|word| !is_mail(word)).collect();
    let name = words.join(" ");
    let inner = [('(', ')'), ('<', '>'), ('[', ']'), ('"', '"')]
        .into_iter()
        .find_map(|(open, close)| name.strip_prefix(open)?.strip_suffix(close));
    inner.unwrap_or(&name).trim().trim_end_matches([',', ';']).to_owned()
}

/// A BCP 47 tag, or nothing.
fn tag(language: &str) -> String {
    let language = language.trim().replace('_', "-");
    let good = (2..=LANGUAGE_BYTES).contains(&language.len())
        && language.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if good { language } else { String::new() }
}

fn moment(ms: i64) -> Option<Timestamp> {
    YEARS_MS.contains(&ms).then(|| Timestamp::from_millisecond(ms).ok()).flatten()
}

fn media(entry: &Entry) -> Vec<String> {
    let enclosed = entry.links.iter().filter(|link| is_attached(link));
    let mut urls: Vec<String> = enclosed.map(|link| link.href.clone()).collect();
    let contents = entry.media.iter().flat_map(|media| &media.content);
    urls.extend(contents.filter_map(|content| content.url.as_ref()).map(ToString::to_string));
    urls.retain(|url| is_address(url));
    let mut known = HashSet::new();
    urls.retain(|url| known.insert(url.clone()));
    urls.truncate(MEDIA_URLS);
    urls
}
