//! JSON Feed as its readers are told to take it: leniently, so that one odd field of one item does not cost the whole page.

use serde_json::{Map, Value};
use url::{ParseError, Url};

const ITEM_TEXTS: [&str; 9] = [
    "id",
    "url",
    "external_url",
    "title",
    "content_html",
    "content_text",
    "summary",
    "date_published",
    "date_modified",
];
/// Those of them that are addresses. An id may look like one and is none: it is what the entry is known by.
const ITEM_ADDRESSES: [&str; 2] = ["url", "external_url"];
/// Pictures that stand beside the attachments.
const PICTURES: [&str; 2] = ["image", "banner_image"];

/// The same feed with what the parser insists on: strings where it wants strings, pictures among the attachments; and relative addresses resolved
/// against the one that the page came from, `base`, as the parser does it in XML only.
pub(super) fn normal(page: &[u8], base: &str) -> Result<Vec<u8>, String> {
    let base = Url::parse(base).ok();
    let page = page.strip_prefix(b"\xef\xbb\xbf").unwrap_or(page);
    let text = str::from_utf8(page).map_err(|_| "it is JSON, and yet not UTF-8".to_owned())?;
    let mut feed: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| format!("unable to parse JSON: {error}"))?;
    let mut plain = texts(&mut feed, &["version", "title", "language"]);
    // Without a title it is a feed all the same.
    plain.entry("title").or_insert_with(|| "".into());
    plain.insert("authors".to_owned(), authors(&mut feed));
    let items = list(feed.remove("items")).filter_map(|item| match item {
        Value::Object(item) => Some(normal_item(item, base.as_ref())),
        _ => None,
    });
    plain.insert("items".to_owned(), items.collect());
    serde_json::to_vec(&plain).map_err(|error| error.to_string())
}

fn normal_item(mut item: Map<String, Value>, base: Option<&Url>) -> Value {
    let mut plain = texts(&mut item, &ITEM_TEXTS);
    for name in ITEM_ADDRESSES {
        if let Some(Value::String(address)) = plain.get_mut(name) {
            *address = resolved(address, base);
        }
    }
    plain.insert("authors".to_owned(), authors(&mut item));
    let pictures = PICTURES.into_iter().filter_map(|name| item.get(name)?.as_str().map(str::to_owned));
    let attachments = list(item.get("attachments").cloned())
        .filter_map(|attachment| attachment.get("url")?.as_str().map(str::to_owned));
    // Of what kind they are nobody asks.
    let media = pictures
        .chain(attachments)
        .map(|url| serde_json::json!({"url": resolved(&url, base), "mime_type": ""}));
    plain.insert("attachments".to_owned(), media.collect());
    Value::Object(plain)
}

/// A whole address stays as it is written.
fn resolved(address: &str, base: Option<&Url>) -> String {
    let address = address.trim();
    let whole = match (Url::parse(address), base) {
        // What is empty would become the page itself.
        (Err(ParseError::RelativeUrlWithoutBase), Some(base)) if !address.is_empty() => {
            base.join(address).ok()
        }
        _ => None,
    };
    whole.map_or_else(|| address.to_owned(), Into::into)
}

/// Members that are strings, or numbers where a string was meant, as an id often is.
fn texts(object: &mut Map<String, Value>, names: &[&str]) -> Map<String, Value> {
    let text = |name: &&str| match object.remove(*name)? {
        Value::Number(number) => Some(((*name).to_owned(), number.to_string().into())),
        text @ Value::String(_) => Some(((*name).to_owned(), text)),
        _ => None,
    };
    names.iter().filter_map(text).collect()
}

/// `authors`, or `author` as the first version of JSON Feed has it.
fn authors(object: &mut Map<String, Value>) -> Value {
    let all = list(object.remove("authors")).chain(object.remove("author"));
    let named = all.filter_map(|author| match author {
        Value::Object(mut author) => Some(Value::Object(texts(&mut author, &["name"]))),
        _ => None,
    });
    named.collect()
}

fn list(value: Option<Value>) -> impl Iterator<Item = Value> {
    match value {
        Some(Value::Array(list)) => list,
        _ => Vec::new(),
    }
    .into_iter()
}
