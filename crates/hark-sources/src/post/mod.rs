//! The form in which a post is handed to Hark; `docs/posts.md` documents it field by field.

mod date;
mod error;
mod fields;

use hark_schema::v1::{Author, Engagement, Op, ThreadRef, Visibility};
use jiff::Timestamp;

use crate::json::Node;
pub use error::{PostError, Reason, Refused};
use fields::{Mistakes, Object, Shape, TextRule, expected, whole_number};

/// Longest text of a post, in bytes of UTF-8 (DESIGN, law 10).
pub const MAX_TEXT_BYTES: usize = 64 * 1024;

/// Fields of a post.
pub(crate) const POST_FIELDS: [&str; 16] = [
    "id",
    "text",
    "op",
    "revision",
    "instance",
    "title",
    "lang",
    "url",
    "author",
    "thread",
    "rating",
    "place",
    "visibility",
    "created_at",
    "engagement",
    "media_urls",
];
pub(crate) const AUTHOR_FIELDS: [&str; 6] = ["id", "handle", "name", "followers", "verified", "bot"];
pub(crate) const THREAD_FIELDS: [&str; 2] = ["root", "parent"];
pub(crate) const ENGAGEMENT_FIELDS: [&str; 4] = ["likes", "replies", "shares", "views"];

// Bounds of the smaller fields. Together with the text they keep a post, and the item it may become, far below the log's record size.
const ID: TextRule = TextRule { max_bytes: 1024, shape: Shape::Id };
const NAME: TextRule = TextRule { max_bytes: 1024, shape: Shape::Free };
const TITLE: TextRule = TextRule { max_bytes: 8 * 1024, shape: Shape::Free };
const TEXT: TextRule = TextRule { max_bytes: MAX_TEXT_BYTES, shape: Shape::Free };
const ADDRESS: TextRule = TextRule { max_bytes: 4 * 1024, shape: Shape::Address };
const LANGUAGE: TextRule = TextRule { max_bytes: 35, shape: Shape::Language };
const MAX_MEDIA_URLS: usize = 16;

/// A post as its source hands it over, checked. Strings that the source does not give are empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PostInput {
    /// The post's own id at its source; never empty.
    pub id: String,
    /// Never blank, except on a deletion.
    pub text: String,
    /// What happened; a creation where nothing is said.
    pub op: Op,
    /// The source's counter of versions, or the time of the edit in milliseconds since 1970.
    pub revision: Option<u64>,
    /// The server, forum or account inside the source where ids are unique.
    pub instance: String,
    /// Headline or subject.
    pub title: String,
    /// BCP 47 tag, with hyphens.
    pub lang: String,
    /// http or https.
    pub url: String,
    /// Who wrote it.
    pub author: Option<Author>,
    /// What it belongs to.
    pub thread: Option<ThreadRef>,
    /// Stars, 1 to 5.
    pub rating: Option<f64>,
    /// Branch, city or location id.
    pub place: String,
    /// Who could read it; unspecified where nothing is said.
    pub visibility: Visibility,
    /// When it was written, by the source's clock, between 1970 and 2100.
    pub created_at: Option<Timestamp>,
    /// Reactions counted by the source.
    pub engagement: Option<Engagement>,
    /// Pictures and films; http or https.
    pub media_urls: Vec<String>,
    /// The document as it came. Empty here; a source that keeps payloads fills it in.
    pub payload: Vec<u8>,
}

impl PostInput {
    /// Reads one post, `{"id": "...", "text": "...", ...}`, and nothing behind it.
    ///
    /// # Errors
    /// Every mistake of the post where it is JSON at all, the first one otherwise.
    pub fn from_json(json: &[u8]) -> Result<Self, Refused> {
        Self::from_json_at(json, Some(0))
    }

    pub(crate) fn from_json_at(json: &[u8], index: Option<usize>) -> Result<Self, Refused> {
        let refuse = |reason, why| {
            let errors = vec![PostError { index, pointer: String::new(), reason, why }];
            Refused { errors, id: None, instance: String::new() }
        };
        let text = str::from_utf8(json).map_err(|error| {
            let byte = error.valid_up_to();
            refuse(Reason::InvalidUtf8, format!("not UTF-8: byte {byte} is wrong; save or send it as UTF-8"))
        })?;
        let node = Node::read(text).map_err(|error| refuse(Reason::MalformedJson, malformed(&error)))?;
        let Node::Object(members) = node else {
            return Err(refuse(Reason::InvalidPost, expected("a post, {\"id\": ..., \"text\": ...}", &node)));
        };
        let mut mistakes = Mistakes::new(index);
        let post = read(Object::new(String::new(), members, &POST_FIELDS, &mut mistakes), &mut mistakes);
        if mistakes.is_empty() {
            return Ok(post);
        }
        let id = (!post.id.is_empty()).then_some(post.id);
        Err(Refused { errors: mistakes.into_found(), id, instance: post.instance })
    }
}

/// What serde_json says of bytes that are no JSON.
pub(crate) fn malformed(error: &serde_json::Error) -> String {
    format!("not JSON: {}", json_error(error))
}

/// What serde_json says of one line, with the place in the words of an editor.
fn json_error(error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    let said = error.to_string();
    let what = match said.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&said) {
        // What serde_json says of any bare word.
        "expected ident" => "expected a value",
        what => what,
    };
    match line {
        0 | 1 => format!("{what} (column {column})"),
        _ => format!("{what} (line {line}, column {column})"),
    }
}

fn read(mut object: Object<'_>, mistakes: &mut Mistakes) -> PostInput {
    let op = op(&mut object, mistakes);
    let id = required(&mut object, "id", ID, mistakes);
    let text = match op {
        Op::Delete => object.text("text", TEXT, mistakes),
        _ => required(&mut object, "text", TEXT, mistakes),
    };
    PostInput {
        id,
        text,
        op,
        revision: revision(&mut object, mistakes),
        instance: object.text("instance", ID, mistakes),
        title: object.text("title", TITLE, mistakes),
        lang: object.text("lang", LANGUAGE, mistakes).replace('_', "-"),
        url: object.text("url", ADDRESS, mistakes),
        author: object
            .object("author", &AUTHOR_FIELDS, mistakes)
            .and_then(|author| read_author(author, mistakes)),
        thread: object
            .object("thread", &THREAD_FIELDS, mistakes)
            .and_then(|thread| read_thread(thread, mistakes)),
        rating: rating(&mut object, mistakes),
        place: object.text("place", NAME, mistakes),
        visibility: visibility(&mut object, mistakes),
        created_at: object.time("created_at", mistakes),
        engagement: object
            .object("engagement", &ENGAGEMENT_FIELDS, mistakes)
            .and_then(|engagement| read_engagement(engagement, mistakes)),
        media_urls: object.texts("media_urls", MAX_MEDIA_URLS, ADDRESS, mistakes),
        payload: Vec::new(),
    }
}

/// A string that has to be there and to say something. Notes nothing twice.
fn required(object: &mut Object<'_>, name: &str, rule: TextRule, mistakes: &mut Mistakes) -> String {
    let Some(node) = object.take(name) else {
        mistakes.note(object.at(name), Reason::InvalidPost, "is required");
        return String::new();
    };
    if matches!(&node, Node::Text(text) if text.trim().is_empty()) {
        mistakes.note(object.at(name), Reason::InvalidPost, "is blank");
        return String::new();
    }
    fields::text(object.at(name), node, rule, mistakes)
}

fn op(object: &mut Object<'_>, mistakes: &mut Mistakes) -> Op {
    let words =
        [("create", Op::Create), ("edit", Op::Edit), ("delete", Op::Delete), ("restore", Op::Restore)];
    word(object, "op", &words, mistakes).unwrap_or(Op::Create)
}

fn visibility(object: &mut Object<'_>, mistakes: &mut Mistakes) -> Visibility {
    let words = [
        ("public", Visibility::Public),
        ("unlisted", Visibility::Unlisted),
        ("followers", Visibility::Followers),
        ("direct", Visibility::Direct),
    ];
    word(object, "visibility", &words, mistakes).unwrap_or(Visibility::Unspecified)
}

fn word<T: Copy>(
    object: &mut Object<'_>,
    name: &str,
    words: &[(&str, T)],
    mistakes: &mut Mistakes,
) -> Option<T> {
    let node = object.take(name)?;
    let found = words.iter().find(|(word, _)| matches!(&node, Node::Text(text) if text == word));
    if found.is_none() {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let why = expected(&format!("one of {}", known.join(", ")), &node);
        mistakes.note(object.at(name), Reason::InvalidPost, why);
    }
    found.map(|(_, value)| *value)
}

/// A counter, or the time of the edit, which becomes milliseconds.
fn revision(object: &mut Object<'_>, mistakes: &mut Mistakes) -> Option<u64> {
    let node = object.take("revision")?;
    let read = match &node {
        Node::Text(text) => {
            date::read(text).map(|time| u64::try_from(time.as_millisecond()).unwrap_or_default())
        }
        number => whole_number(number).ok_or_else(|| {
            expected("a counter from 0 or the time of the edit such as \"2026-05-04T09:30:00Z\"", number)
        }),
    };
    read.map_err(|why| mistakes.note(object.at("revision"), Reason::InvalidPost, why)).ok()
}

fn rating(object: &mut Object<'_>, mistakes: &mut Mistakes) -> Option<f64> {
    let node = object.take("rating")?;
    let stars = match node {
        #[allow(clippy::cast_precision_loss)]
        Node::Unsigned(value) => value as f64,
        Node::Float(value) => value,
        _ => f64::NAN,
    };
    if (1.0..=5.0).contains(&stars) {
        return Some(stars);
    }
    let why = expected("stars from 1 to 5 (scale other ratings to that)", &node);
    mistakes.note(object.at("rating"), Reason::InvalidPost, why);
    None
}

fn read_author(mut object: Object<'_>, mistakes: &mut Mistakes) -> Option<Author> {
    let author = Author {
        id: object.text("id", ID, mistakes),
        handle: object.text("handle", NAME, mistakes),
        name: object.text("name", NAME, mistakes),
        followers: object.count("followers", mistakes),
        verified: object.flag("verified", mistakes),
        bot: object.flag("bot", mistakes),
    };
    (author != Author::default()).then_some(author)
}

fn read_thread(mut object: Object<'_>, mistakes: &mut Mistakes) -> Option<ThreadRef> {
    let thread =
        ThreadRef { root: object.text("root", ID, mistakes), parent: object.text("parent", ID, mistakes) };
    (thread != ThreadRef::default()).then_some(thread)
}

fn read_engagement(mut object: Object<'_>, mistakes: &mut Mistakes) -> Option<Engagement> {
    let engagement = Engagement {
        likes: object.count("likes", mistakes),
        replies: object.count("replies", mistakes),
        shares: object.count("shares", mistakes),
        views: object.count("views", mistakes),
    };
    (engagement != Engagement::default()).then_some(engagement)
}

#[cfg(test)]
mod tests;
