//! A record as a line, for people or as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hark_log::Record;
use hark_schema::v1::{DeadLetter, Item, ItemOp, Mention, Op, RawPost};
use hark_schema::{Message as _, json};
use jiff::Timestamp;
use serde::Serialize;

use super::Format;
use crate::terminal::{columns_of, cut};

/// Writes the records of one topic.
pub struct Printer {
    topic: String,
    /// The message in the topic's values, where it is one of Hark's.
    message: Option<&'static str>,
    format: Format,
    /// Columns of the terminal; `None` where stdout is none, and nothing is cut.
    width: Option<usize>,
}

/// What `--format json` writes.
#[derive(Serialize)]
struct Line<'a> {
    topic: &'a str,
    partition: u32,
    offset: i64,
    /// RFC 3339.
    timestamp: String,
    /// Text where the bytes are UTF-8, else base64 behind `base64:`.
    key: Option<String>,
    headers: BTreeMap<&'a str, String>,
    /// The message that `value` is; absent where it could not be read as one.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// Proto3 JSON; null for a tombstone.
    value: serde_json::Value,
    /// Why `value` is only the bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Printer {
    /// For a topic whose values are such messages.
    pub fn new(topic: String, message: Option<&'static str>, format: Format) -> Self {
        Self { topic, message, format, width: columns_of(io::stdout()) }
    }

    /// The record, with its line end.
    pub fn line(&self, record: &Record<'_>) -> String {
        match self.format {
            Format::Json => self.json(record),
            Format::Text => self.text(record),
        }
    }

    fn json(&self, record: &Record<'_>) -> String {
        let (message, value, error) = match (record.value, self.message) {
            (None, _) => (None, serde_json::Value::Null, None),
            (Some(bytes), None) => (None, text_or_base64(bytes).into(), None),
            (Some(bytes), Some(name)) => match json::to_json(name, bytes) {
                Ok(value) => (Some(format!("hark.v1.{name}")), value, None),
                Err(error) => (None, text_or_base64(bytes).into(), Some(error.to_string())),
            },
        };
        let line = Line {
            topic: &self.topic,
            partition: record.partition,
            offset: record.offset,
            timestamp: time(record.timestamp_ms),
            key: record.key.map(text_or_base64),
            headers: record.headers.iter().map(|(name, value)| (name, text_or_base64(value))).collect(),
            message,
            value,
            error,
        };
        // Keys are strings and nothing in it can fail to be written.
        let mut line = serde_json::to_string(&line).unwrap_or_default();
        line.push('\n');
        line
    }

    fn text(&self, record: &Record<'_>) -> String {
        let what = match record.value {
            None => "(tombstone)".to_owned(),
            Some(bytes) => self.message.and_then(|name| summary(name, bytes)).unwrap_or_else(|| {
                let key = record.key.map(text_or_base64).unwrap_or_default();
                format!("{key} {}", self.value_in_words(bytes))
            }),
        };
        let place = format!("{}/{}", record.partition, record.offset);
        let head = format!("{} {place:>9}  ", time(record.timestamp_ms));
        let room = self.width.map_or(usize::MAX, |width| width.saturating_sub(head.len()));
        format!("{head}{}\n", cut(&what, room))
    }

    fn value_in_words(&self, bytes: &[u8]) -> String {
        let value = self.message.map(|name| json::to_json(name, bytes));
        match value {
            Some(Ok(value)) => value.to_string(),
            Some(Err(error)) => format!("({error}; {} bytes)", bytes.len()),
            None => text_or_base64(bytes),
        }
    }
}

/// What a person wants to know of it; `None` where the JSON says it best.
fn summary(message: &str, bytes: &[u8]) -> Option<String> {
    match message {
        "RawPost" => RawPost::decode(bytes).ok().map(|post| {
            let op = if post.op() == Op::Create {
                String::new()
            } else {
                format!("{} ", word(post.op().as_str_name()))
            };
            format!("{}{op}{}", source(&post), post.text)
        }),
        "Mention" => Mention::decode(bytes).ok().map(|mention| spoken(&mention)),
        "Item" => Item::decode(bytes).ok().map(|item| of_item(&item)),
        "DeadLetter" => DeadLetter::decode(bytes).ok().map(|letter| {
            let origin = match &letter.file {
                Some(file) => format!("{}:{}", file.path, file.line),
                None => format!("{}/{}/{}", letter.topic, letter.partition, letter.offset),
            };
            format!("{} {} at {origin}: {}", letter.stage, letter.class, letter.error)
        }),
        _ => None,
    }
}

fn of_item(item: &Item) -> String {
    // Enough of the id to see which lines speak of the same item.
    let id: String = item.item_id.chars().take(8).collect();
    let op = word(item.op().as_str_name());
    let copy = if item.copy { "copy " } else { "" };
    if item.op() == ItemOp::Cancel {
        return format!("{id} {copy}{op} version {}", item.version);
    }
    let mention = item.mention.as_ref().map(spoken).unwrap_or_default();
    let rule = item.trace.as_ref().map(|trace| format!("[{}] ", trace.rule)).unwrap_or_default();
    let person = if item.person.is_empty() { String::new() } else { format!("to {} ", item.person) };
    let due = item.respond_by.as_ref().map(|by| format!("due {} ", due(by.seconds))).unwrap_or_default();
    format!("{id} {copy}{op} P{} {person}{due}{rule}{mention}", item.priority)
}

/// To the minute, in UTC as all times here.
fn due(seconds: i64) -> String {
    Timestamp::from_second(seconds)
        .map_or_else(|_| seconds.to_string(), |at| at.strftime("%Y-%m-%dT%H:%MZ").to_string())
}

fn spoken(mention: &Mention) -> String {
    let mut out = mention.post.as_ref().map(source).unwrap_or_default();
    let intents: Vec<_> = mention.intents.iter().map(|intent| &*intent.name).collect();
    let op = if mention.op() == Op::Create {
        String::new()
    } else {
        format!("{} ", word(mention.op().as_str_name()))
    };
    let text = mention.post.as_ref().map_or("", |post| &*post.text);
    let tags = if intents.is_empty() { String::new() } else { format!("({}) ", intents.join(" ")) };
    // Writing to a String cannot fail.
    write!(out, "{op}{} {tags}{text}", mention.language).unwrap_or_default();
    out
}

fn source(post: &RawPost) -> String {
    post.r#ref.as_ref().map(|id| format!("{} ", id.source)).unwrap_or_default()
}

/// `ITEM_OP_OPEN` is `open`.
fn word(name: &str) -> String {
    name.rsplit('_').next().unwrap_or_default().to_lowercase()
}

/// RFC 3339, from milliseconds since 1970.
pub fn time(ms: i64) -> String {
    // A record's time is any number; one outside the calendar is shown as the number it is.
    Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |at| format!("{at:.3}"))
}

/// Text where the bytes are UTF-8, else base64 behind `base64:`.
pub fn text_or_base64(bytes: &[u8]) -> String {
    match str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => format!("base64:{}", STANDARD.encode(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use hark_log::{Header, HeadersRef};
    use hark_schema::v1::{Intent, PostRef, Trace};

    use super::*;

    fn item() -> Vec<u8> {
        Item {
            item_id: "0123456789abcdef".to_owned(),
            person: "anna".to_owned(),
            respond_by: Some(hark_schema::prost_types::Timestamp { seconds: 1_790_003_600, nanos: 0 }),
            op: ItemOp::Open.into(),
            priority: 2,
            team: "sales".to_owned(),
            trace: Some(Trace { rule: "looks for a garage".to_owned(), ..Trace::default() }),
            mention: Some(Mention {
                language: "pl".to_owned(),
                op: Op::Create.into(),
                intents: vec![Intent { name: "purchase".to_owned(), ..Intent::default() }],
                post: Some(RawPost {
                    r#ref: Some(PostRef { source: "forum".to_owned(), ..PostRef::default() }),
                    text: "Szukam\nwarsztatu".to_owned(),
                    ..RawPost::default()
                }),
                ..Mention::default()
            }),
            ..Item::default()
        }
        .encode_to_vec()
    }

    fn line(message: Option<&'static str>, format: Format, value: Option<&[u8]>) -> String {
        let printer = Printer { topic: "hark.queue.sales".to_owned(), message, format, width: None };
        let headers = [Header::new("ce_type", "hark.v1.Item")];
        printer.line(&Record {
            partition: 3,
            offset: 42,
            timestamp_ms: 1_790_000_000_123,
            key: Some(b"ab"),
            value,
            headers: HeadersRef::Slice(&headers),
        })
    }

    #[test]
    fn a_record_is_one_json_object_with_its_message_inside() {
        let line = line(Some("Item"), Format::Json, Some(&item()));
        assert_eq!(line.lines().count(), 1);
        let json: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(json["topic"], "hark.queue.sales");
        assert_eq!((json["partition"].as_i64(), json["offset"].as_i64()), (Some(3), Some(42)));
        assert_eq!(json["timestamp"], "2026-09-21T14:13:20.123Z");
        assert_eq!(json["key"], "ab");
        assert_eq!(json["headers"]["ce_type"], "hark.v1.Item");
        assert_eq!(json["type"], "hark.v1.Item");
        assert_eq!(json["value"]["mention"]["post"]["text"], "Szukam\nwarsztatu");
    }

    #[test]
    fn bytes_that_are_no_message_are_shown_as_they_are_with_the_reason() {
        let json: serde_json::Value =
            serde_json::from_str(&line(Some("Item"), Format::Json, Some(b"\xff\xff"))).unwrap();
        assert_eq!(json["value"], "base64://8=");
        assert_eq!(json["error"], "cannot decode hark.v1.Item");
        let json: serde_json::Value = serde_json::from_str(&line(None, Format::Json, None)).unwrap();
        assert!(json["value"].is_null());
    }

    #[test]
    fn an_item_is_one_line_for_people() {
        assert_eq!(
            line(Some("Item"), Format::Text, Some(&item())),
            "2026-09-21T14:13:20.123Z      3/42  01234567 open P2 to anna due 2026-09-21T15:13Z [looks for a garage] forum pl (purchase) Szukam warsztatu\n"
        );
        let cancel = Item {
            item_id: "0123456789abcdef".to_owned(),
            op: ItemOp::Cancel.into(),
            version: 2,
            ..Item::default()
        };
        assert_eq!(
            line(Some("Item"), Format::Text, Some(&cancel.encode_to_vec())),
            "2026-09-21T14:13:20.123Z      3/42  01234567 cancel version 2\n"
        );
        assert_eq!(
            line(Some("Item"), Format::Text, None),
            "2026-09-21T14:13:20.123Z      3/42  (tombstone)\n"
        );
    }

    #[test]
    fn a_post_cannot_steer_the_terminal_that_it_is_shown_on() {
        let post = RawPost { text: "a\u{1b}[2Jb".to_owned(), op: Op::Edit.into(), ..RawPost::default() };
        let line = line(Some("RawPost"), Format::Text, Some(&post.encode_to_vec()));
        assert!(line.ends_with("edit a[2Jb\n") && !line.contains('\u{1b}'), "{line:?}");
    }
}
