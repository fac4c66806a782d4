//! A YAML document that remembers where everything stands.
//!
//! One decision a reader may question: the configuration is read from this tree and not straight into derived types.
//! A derived type stops at the first mistake and forgets where each value stood; whoever edits `hark.yaml` wants all
//! mistakes of the file at once, each with line and column, and a name in a rule can only be checked once the teams
//! are known.

use std::{collections::HashMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::Spanned;

use crate::problem::{Location, Problem};

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where the value begins.
    pub at: Location,
    /// What it is.
    pub value: Value,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing was written, or `null`.
    Null,
    /// A word, number or text.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// Keys and values in the order written; no key is there twice.
    Map(Vec<Entry>),
}

/// A single value as it was written, and what YAML takes it for.
#[derive(Debug, Clone, PartialEq)]
pub struct Scalar {
    /// The text without quotes; `007` and `1.10` stay as they are.
    pub text: String,
    /// What YAML takes it for.
    pub kind: ScalarKind,
}

/// What YAML takes a scalar for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ScalarKind {
    /// Text, quoted or not.
    Text,
    /// `true` or `false`.
    Bool(bool),
    /// A number, whole or not.
    Number(f64),
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub at: Location,
    /// Its value.
    pub value: Node,
}

impl Node {
    /// Parses a document.
    ///
    /// # Errors
    /// The syntax error, or every key that is there twice in its map.
    pub fn parse(yaml: &str) -> Result<Self, Vec<Problem>> {
        let options = serde_saphyr::options! {
            with_snippet: false,
            strict_booleans: true,
            duplicate_keys: serde_saphyr::DuplicateKeyPolicy::PassThrough,
        };
        let yaml = yaml.strip_prefix('\u{feff}').unwrap_or(yaml);
        let raw: Spanned<Raw> =
            serde_saphyr::from_str_with_options(yaml, options).map_err(|error| vec![syntax(&error)])?;
        let mut problems = Vec::new();
        let node = place(raw, yaml, &mut problems);
        if problems.is_empty() { Ok(node) } else { Err(problems) }
    }

    /// What was written, in a word, for messages: `a list`, `the number 5`.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.value {
            Value::Null => "nothing".into(),
            Value::List(_) => "a list".into(),
            Value::Map(_) => "a map".into(),
            Value::Scalar(Scalar { text, kind }) => match kind {
                ScalarKind::Text => format!("the text '{text}'"),
                ScalarKind::Bool(_) => format!("'{text}'"),
                ScalarKind::Number(_) => format!("the number {text}"),
            },
        }
    }

    /// The meaning as one line of text: without comments, layout and the order of keys. Equal meanings give equal lines.
    #[must_use]
    pub fn canonical(&self) -> String {
        let mut out = String::new();
        write_canonical(self, &mut out);
        out
    }

    /// The value under a key, if this is a map that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        let Value::Map(entries) = &self.value else { return None };
        entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }
}

fn write_canonical(node: &Node, out: &mut String) {
    match &node.value {
        Value::Null => out.push('~'),
        Value::Scalar(scalar) => match scalar.kind {
            ScalarKind::Text => out.push_str(&format!("{:?}", scalar.text)),
            ScalarKind::Bool(_) | ScalarKind::Number(_) => out.push_str(&scalar.text),
        },
        Value::List(items) => {
            out.push('[');
            for item in items {
                write_canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Value::Map(entries) => {
            let mut sorted: Vec<&Entry> = entries.iter().collect();
            sorted.sort_by(|a, b| a.key.cmp(&b.key));
            out.push('{');
            for entry in sorted {
                out.push_str(&format!("{:?}:", entry.key));
                write_canonical(&entry.value, out);
                out.push(',');
            }
            out.push('}');
        }
    }
}

fn syntax(error: &serde_saphyr::Error) -> Problem {
    let rendered = error.render_with_options(serde_saphyr::render_options! {
        formatter: &serde_saphyr::UserMessageFormatter,
        snippets: serde_saphyr::SnippetMode::Off,
    });
    let location = error.location().map(location_of);
    // The renderer adds the place in words of its own; ours stands in front of the message already.
    let message = rendered.split(" at line ").next().unwrap_or(&rendered).trim();
    let problem = Problem { message: format!("this is not valid YAML: {message}"), location, hint: None };
    // The slip that comes up most often: handles.
    if message.contains("start any token") || message.contains('@') {
        return problem.hint("text that begins with @ needs quotes: \"@name\"");
    }
    if message.contains("tab") {
        return problem.hint("indent with spaces");
    }
    problem
}

fn location_of(location: serde_saphyr::Location) -> Location {
    let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX).max(1);
    Location { line: narrow(location.line()), column: narrow(location.column()) }
}

/// As the parser hands it over: numbers have lost the way they were written.
enum Raw {
    Null,
    Text(String),
    Bool(bool),
    Number(f64),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<Raw>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    #[expect(clippy::cast_precision_loss, reason = "the written text is kept beside the number")]
    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Number(value as f64))
    }

    #[expect(clippy::cast_precision_loss, reason = "the written text is kept beside the number")]
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Number(value as f64))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Number(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}

fn place(raw: Spanned<Raw>, yaml: &str, problems: &mut Vec<Problem>) -> Node {
    let at = location_of(raw.referenced);
    let written = || written(&raw.defined, yaml);
    let scalar = |kind, text: String| Value::Scalar(Scalar { text, kind });
    let value = match raw.value {
        Raw::Null => Value::Null,
        Raw::Text(text) => scalar(ScalarKind::Text, text),
        Raw::Bool(value) => scalar(ScalarKind::Bool(value), written().unwrap_or_else(|| value.to_string())),
        Raw::Number(value) => {
            scalar(ScalarKind::Number(value), written().unwrap_or_else(|| value.to_string()))
        }
        Raw::List(items) => Value::List(items.into_iter().map(|item| place(item, yaml, problems)).collect()),
        Raw::Map(entries) => place_map(entries, yaml, problems),
    };
    Node { at, value }
}

fn place_map(entries: Vec<(Spanned<Raw>, Spanned<Raw>)>, yaml: &str, problems: &mut Vec<Problem>) -> Value {
    let mut placed: Vec<Entry> = Vec::with_capacity(entries.len());
    let mut first: HashMap<String, Location> = HashMap::new();
    for (key, value) in entries {
        let key = place(key, yaml, problems);
        let value = place(value, yaml, problems);
        let text = match key.value {
            Value::Scalar(scalar) => scalar.text,
            Value::Null | Value::List(_) | Value::Map(_) => {
                let problem = Problem::at(key.at, format!("a key must be a word, not {}", key.describe()));
                problems.push(problem.hint("text that begins with { or [ needs quotes"));
                continue;
            }
        };
        if let Some(earlier) = first.get(&text) {
            problems.push(
                Problem::at(key.at, format!("the key '{text}' is there twice"))
                    .hint(format!("it stands on line {} already", earlier.line)),
            );
            continue;
        }
        first.insert(text.clone(), key.at);
        placed.push(Entry { key: text, at: key.at, value });
    }
    Value::Map(placed)
}

/// The characters of a plain scalar.
fn written(location: &serde_saphyr::Location, yaml: &str) -> Option<String> {
    let span = location.span();
    let start = usize::try_from(span.byte_offset()?).ok()?;
    let length = usize::try_from(span.byte_len()?).ok()?;
    let text = yaml.get(start..start.checked_add(length)?)?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(node: Option<&Node>) -> &str {
        match &node.unwrap().value {
            Value::Scalar(scalar) => &scalar.text,
            other => panic!("not a scalar: {other:?}"),
        }
    }

    #[test]
    fn scalars_stay_as_they_were_written() {
        let node = Node::parse(
            "a: 007\nb: 1.10\nc: no\nd: \"16:00\"\ne: 09:00\nf: true\ng: 'it''s'\nh: 1_000\ni: 0x1F\nj: 12345678901234567890\n",
        )
        .unwrap();
        for (key, expected) in [
            ("a", "007"),
            ("b", "1.10"),
            ("c", "no"),
            ("d", "16:00"),
            ("e", "09:00"),
            ("f", "true"),
            ("g", "it's"),
            ("h", "1_000"),
            ("i", "0x1F"),
            ("j", "12345678901234567890"),
        ] {
            assert_eq!(text(node.get(key)), expected, "{key}");
        }
    }

    #[test]
    fn values_and_keys_know_their_line_and_column() {
        let node = Node::parse("teams:\n  sales: {label: Sprzedaż, x: 2}\n  duty:\nrules: []\n").unwrap();
        let Value::Map(entries) = &node.get("teams").unwrap().value else { panic!("no map") };
        assert_eq!(entries[0].at, Location { line: 2, column: 3 });
        let Value::Map(inner) = &entries[0].value.value else { panic!("no map") };
        assert_eq!(inner[1].at, Location { line: 2, column: 28 });
        assert_eq!(inner[1].value.at, Location { line: 2, column: 31 });
        assert_eq!(entries[1].value.value, Value::Null);
    }

    #[test]
    fn every_duplicate_key_is_reported_with_both_places() {
        let problems = Node::parse("a: 1\nb: {c: 1, c: 2}\na: 2\n").unwrap_err();
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "2:11: the key 'c' is there twice; it stands on line 2 already",
                "3:1: the key 'a' is there twice; it stands on line 1 already"
            ]
        );
    }

    #[test]
    fn broken_yaml_says_where() {
        let problems = Node::parse("a: [1, 2\nb: 3\n").unwrap_err();
        assert_eq!(problems.len(), 1);
        assert!(problems[0].location.is_some(), "{problems:?}");
        assert!(problems[0].message.starts_with("this is not valid YAML: "), "{problems:?}");
        assert!(!problems[0].message.contains("serde"), "{problems:?}");
    }

    #[test]
    fn a_handle_without_quotes_is_explained() {
        let problems = Node::parse("own: [@aurora]\n").unwrap_err();
        assert_eq!(problems[0].location, Some(Location { line: 1, column: 7 }));
        assert_eq!(
            problems[0].hint.as_deref(),
            Some("text that begins with @ needs quotes: \"@name\""),
            "{problems:?}"
        );
    }

    #[test]
    fn an_alias_stands_where_it_is_used() {
        let node = Node::parse("a: &x 5\nb: *x\n").unwrap();
        assert_eq!(node.get("b").unwrap().at, Location { line: 2, column: 4 });
        assert_eq!(text(node.get("b")), "5");
    }

    #[test]
    fn layout_comments_and_key_order_do_not_change_the_meaning() {
        let one = Node::parse("a: 1 # one\nb: [x, 'y']\n").unwrap();
        let two = Node::parse("{b: ['x', y], a: 1}\n").unwrap();
        let three = Node::parse("{b: ['y', x], a: 1}\n").unwrap();
        assert_eq!(one.canonical(), two.canonical());
        assert_ne!(one.canonical(), three.canonical());
    }
}
