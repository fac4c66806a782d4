//! Taking an object apart field by field, noting every mistake with its place.

use std::{borrow::Cow, mem};

use crate::{
    json::Node,
    post::{
        date,
        error::{MAX_ERRORS, PostError, Reason},
    },
};

/// Mistakes found so far in one post.
pub(super) struct Mistakes {
    index: Option<usize>,
    found: Vec<PostError>,
}

impl Mistakes {
    pub(super) fn new(index: Option<usize>) -> Self {
        Self { index, found: Vec::new() }
    }

    pub(super) fn note(&mut self, pointer: String, reason: Reason, why: impl Into<String>) {
        if self.found.len() < MAX_ERRORS {
            self.found.push(PostError { index: self.index, pointer, reason, why: why.into() });
        }
    }

    pub(super) fn into_found(self) -> Vec<PostError> {
        self.found
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }
}

/// What a string may look like.
#[derive(Clone, Copy)]
pub(super) struct TextRule {
    /// Longest, in bytes of UTF-8.
    pub max_bytes: usize,
    pub shape: Shape,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Shape {
    /// Anything but NUL.
    Free,
    /// No control characters: it becomes part of keys and logs.
    Id,
    /// An http or https address without white space.
    Address,
    /// A BCP 47 tag.
    Language,
}

/// An object whose fields are being taken out.
pub(super) struct Object<'a> {
    pointer: String,
    members: Vec<(Cow<'a, str>, Node<'a>)>,
}

impl<'a> Object<'a> {
    /// Notes names that are not among `known` and names given twice.
    pub(super) fn new(
        pointer: String,
        members: Vec<(Cow<'a, str>, Node<'a>)>,
        known: &[&str],
        mistakes: &mut Mistakes,
    ) -> Self {
        for (at, (name, _)) in members.iter().enumerate() {
            if !known.contains(&&**name) {
                mistakes.note(below(&pointer, name), Reason::InvalidPost, unknown(name, known));
            }
            if members[..at].iter().any(|(earlier, _)| earlier == name) {
                mistakes.note(below(&pointer, name), Reason::InvalidPost, "given twice; keep one of them");
            }
        }
        Self { pointer, members }
    }

    pub(super) fn at(&self, name: &str) -> String {
        below(&self.pointer, name)
    }

    /// The field's value, where it is there and neither null nor an empty string: exporters write either for what they do not know.
    pub(super) fn take(&mut self, name: &str) -> Option<Node<'a>> {
        let found = self.members.iter_mut().rev().find(|(found, _)| found == name)?;
        match mem::replace(&mut found.1, Node::Null) {
            Node::Null => None,
            Node::Text(text) if text.is_empty() => None,
            node => Some(node),
        }
    }

    /// A string; empty where it is absent or wrong.
    pub(super) fn text(&mut self, name: &str, rule: TextRule, mistakes: &mut Mistakes) -> String {
        let Some(node) = self.take(name) else { return String::new() };
        text(self.at(name), node, rule, mistakes)
    }

    pub(super) fn flag(&mut self, name: &str, mistakes: &mut Mistakes) -> Option<bool> {
        match self.take(name)? {
            Node::Bool(value) => Some(value),
            other => {
                mistakes.note(self.at(name), Reason::InvalidPost, expected("true or false", &other));
                None
            }
        }
    }

    pub(super) fn count(&mut self, name: &str, mistakes: &mut Mistakes) -> Option<u64> {
        let node = self.take(name)?;
        let count = whole_number(&node);
        if count.is_none() {
            mistakes.note(self.at(name), Reason::InvalidPost, expected("a whole number from 0", &node));
        }
        count
    }

    /// An RFC 3339 time.
    pub(super) fn time(&mut self, name: &str, mistakes: &mut Mistakes) -> Option<jiff::Timestamp> {
        let node = self.take(name)?;
        let read = match &node {
            Node::Text(text) => date::read(text),
            other => Err(expected("a time such as \"2026-05-04T09:30:00Z\" (RFC 3339)", other)),
        };
        read.map_err(|why| mistakes.note(self.at(name), Reason::InvalidPost, why)).ok()
    }

    /// An object inside; `None` where it is absent or wrong.
    pub(super) fn object(
        &mut self,
        name: &str,
        known: &[&str],
        mistakes: &mut Mistakes,
    ) -> Option<Object<'a>> {
        match self.take(name)? {
            Node::Object(members) => Some(Object::new(self.at(name), members, known, mistakes)),
            other => {
                let want = format!("an object with any of {}", known.join(", "));
                mistakes.note(self.at(name), Reason::InvalidPost, expected(&want, &other));
                None
            }
        }
    }

    /// A list of strings.
    pub(super) fn texts(
        &mut self,
        name: &str,
        max_entries: usize,
        rule: TextRule,
        mistakes: &mut Mistakes,
    ) -> Vec<String> {
        match self.take(name) {
            None => Vec::new(),
            Some(Node::List(list)) if list.len() <= max_entries => list
                .into_iter()
                .enumerate()
                .map(|(index, node)| text(format!("{}/{index}", self.at(name)), node, rule, mistakes))
                .collect(),
            Some(Node::List(list)) => {
                let why = format!("{} entries; at most {max_entries} are taken", list.len());
                mistakes.note(self.at(name), Reason::InvalidPost, why);
                Vec::new()
            }
            Some(other) => {
                mistakes.note(self.at(name), Reason::InvalidPost, expected("a list of strings", &other));
                Vec::new()
            }
        }
    }
}

/// A whole number from 0, also when written as 3.0, which JSON holds to be the same.
pub(super) fn whole_number(node: &Node<'_>) -> Option<u64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match *node {
        Node::Unsigned(value) => Some(value),
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Node::Float(value) if (0.0..=EXACT).contains(&value) && value.fract() == 0.0 => Some(value as u64),
        _ => None,
    }
}

pub(super) fn expected(want: &str, found: &Node<'_>) -> String {
    format!("expected {want}, found {}", found.described())
}

pub(super) fn text(pointer: String, node: Node<'_>, rule: TextRule, mistakes: &mut Mistakes) -> String {
    let Node::Text(text) = node else {
        let quoted = match &node {
            Node::Unsigned(value) => format!("; write \"{value}\" with quotes"),
            _ => String::new(),
        };
        mistakes.note(pointer, Reason::InvalidPost, expected("a string", &node) + &quoted);
        return String::new();
    };
    if text.len() > rule.max_bytes {
        let reason = if pointer == "/text" { Reason::TextTooLong } else { Reason::InvalidPost };
        let why = format!("{} bytes; at most {} are taken", text.len(), rule.max_bytes);
        mistakes.note(pointer, reason, why);
        return String::new();
    }
    if let Some(why) = misshapen(&text, rule.shape) {
        mistakes.note(pointer, Reason::InvalidPost, why);
        return String::new();
    }
    text.into_owned()
}

fn misshapen(text: &str, shape: Shape) -> Option<String> {
    if let Some(at) = text.find('\0') {
        return Some(format!("a NUL character at byte {at}; remove it"));
    }
    if text.is_empty() {
        return None;
    }
    match shape {
        Shape::Free => None,
        Shape::Id => text
            .char_indices()
            .find(|(_, character)| character.is_control())
            .map(|(at, character)| {
                format!("the control character U+{:04X} at byte {at}; ids have none", u32::from(character))
            })
            .or_else(|| text.trim().is_empty().then(|| "only white space".to_owned())),
        Shape::Address => {
            let rest = strip_scheme(text);
            let fine = rest.is_some_and(|rest| {
                !rest.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control())
            });
            (!fine).then(|| "not an address; it begins with https:// or http:// and has no spaces".to_owned())
        }
        Shape::Language => {
            let mut parts = text.split(['-', '_']);
            let first = parts.next().unwrap_or_default();
            let fine = (2..=8).contains(&first.len())
                && first.bytes().all(|byte| byte.is_ascii_alphabetic())
                && parts.all(|part| {
                    (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
                });
            (!fine).then(|| "not a language tag; write \"pl\" or \"pt-BR\" (BCP 47)".to_owned())
        }
    }
}

fn strip_scheme(text: &str) -> Option<&str> {
    ["https://", "http://"].iter().find_map(|scheme| {
        let (start, rest) = text.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    })
}

/// Pointer of a member (RFC 6901: `~` and `/` are escaped). Of a name that nobody would read to its end, the beginning.
fn below(pointer: &str, name: &str) -> String {
    let (name, more) = match name.char_indices().nth(NAME_CHARS) {
        Some((end, _)) => (&name[..end], "…"),
        None => (name, ""),
    };
    format!("{pointer}/{}{more}", name.replace('~', "~0").replace('/', "~1"))
}

/// So much of the name of a member is shown.
const NAME_CHARS: usize = 100;

/// Names that other systems use for what a post calls otherwise; no spelling distance would find them.
const OTHER_NAMES: [(&str, &str); 24] = [
    ("body", "text"),
    ("content", "text"),
    ("message", "text"),
    ("comment", "text"),
    ("native_id", "id"),
    ("post_id", "id"),
    ("uuid", "id"),
    ("user", "author"),
    ("username", "handle"),
    ("screen_name", "handle"),
    ("display_name", "name"),
    ("subject", "title"),
    ("headline", "title"),
    ("language", "lang"),
    ("link", "url"),
    ("permalink", "url"),
    ("date", "created_at"),
    ("timestamp", "created_at"),
    ("published_at", "created_at"),
    ("updated_at", "revision"),
    ("edited_at", "revision"),
    ("stars", "rating"),
    ("media", "media_urls"),
    ("location", "place"),
];

/// Least Jaro-Winkler likeness of a name that is offered instead.
const LIKE_ENOUGH: f64 = 0.8;

fn unknown(name: &str, known: &[&str]) -> String {
    let folded = name.to_ascii_lowercase().replace('-', "_");
    let meant = OTHER_NAMES
        .iter()
        .find_map(|(other, ours)| (*other == folded && known.contains(ours)).then_some(*ours))
        .or_else(|| {
            known
                .iter()
                .map(|known| (*known, strsim::jaro_winkler(&folded, known)))
                .filter(|(_, likeness)| *likeness >= LIKE_ENOUGH)
                .max_by(|a, b| a.1.total_cmp(&b.1))
                .map(|(known, _)| known)
        });
    match meant {
        Some(meant) => format!("unknown field; did you mean {meant:?}?"),
        None => format!("unknown field; known here: {}", known.join(", ")),
    }
}
