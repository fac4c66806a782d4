//! From an entry of a feed to a post.

use feed_rs::model::{Entry, Feed, FeedType, Text};
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
    /// Why it is no post.
    pub mistake: Option<(Reason, String)>,
}

/// All entries of a page, oldest first, each id once.
pub(super) fn read_all(feed: Feed) -> Vec<Read> {
    let (kind, language) = (feed.feed_type, feed.language.unwrap_or_default());
    let mut entries: Vec<Read> = feed.entries.iter().map(|entry| read(entry, &kind, &language)).collect();
    // The newest stands first by custom. Of an id that comes twice the first one counts.
    let mut known = std::collections::HashSet::new();
    entries.retain(|entry| known.insert(entry.mark.id));
    entries.reverse();
    entries
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
        id if id.len() > ID_BYTES => blake3::hash(id.as_bytes()).to_hex().to_string(),
        id => id.to_owned(),
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
    Read { post, mark, mistake }
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
    let links = || entry.links.iter().filter(|link| is_address(&link.href));
    let alternate = links().find(|link| link.rel.as_deref().is_none_or(|rel| rel == "alternate"));
    alternate.or_else(|| links().next()).map(|link| link.href.clone()).unwrap_or_default()
}

fn author(entry: &Entry) -> Option<Author> {
    let name = entry.authors.first()?.name.as_deref().map(html::unescape)?;
    let name = fitting(name, NAME_BYTES);
    (!name.is_empty()).then(|| Author { name, ..Author::default() })
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
    let enclosed = entry.links.iter().filter(|link| link.rel.as_deref() == Some("enclosure"));
    let mut urls: Vec<String> = enclosed.map(|link| link.href.clone()).collect();
    let contents = entry.media.iter().flat_map(|media| &media.content);
    urls.extend(contents.filter_map(|content| content.url.as_ref()).map(ToString::to_string));
    urls.retain(|url| is_address(url));
    let mut known = std::collections::HashSet::new();
    urls.retain(|url| known.insert(url.clone()));
    urls.truncate(MEDIA_URLS);
    urls
}
