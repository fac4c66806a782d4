//! From the bytes of a page to a feed: in whose encoding, by which form, against which address.

use std::{
    borrow::Cow,
    panic::{AssertUnwindSafe, catch_unwind},
};

use encoding_rs::{Encoding, UTF_8};
use feed_rs::model::Feed;

use super::json;

/// A page as it was fetched.
#[derive(Debug)]
pub(super) struct Page {
    pub bytes: Vec<u8>,
    /// Where it came from after all redirects, without user, query and fragment, which may be secret.
    pub address: String,
    /// The encoding that the server names.
    pub charset: Option<String>,
}

/// Reads a page of the feed whose address is shown as `shown`, or says what is wrong with it.
pub(super) fn parse(page: &Page, shown: &str) -> Result<Feed, String> {
    let shown = shown.to_owned();
    // Without one of ours, an entry that has neither id nor link nor title gets another id at each poll.
    let parser = feed_rs::parser::Builder::new()
        .base_uri(Some(&page.address))
        .id_generator(move |links, title, _| match (links.first(), title) {
            (None, None) => String::new(),
            _ => feed_rs::parser::generate_id(links, title, Some(&shown)),
        })
        .build();
    let bytes = match page.bytes.iter().find(|byte| matches!(byte, b'<' | b'{')) {
        Some(b'{') => Cow::Owned(json::normal(&page.bytes, &page.address)?),
        _ => in_utf8(page)?,
    };
    // A page is somebody else's: where the parser has a flaw it must not take the feed's thread with it.
    let parsed = catch_unwind(AssertUnwindSafe(|| parser.parse(&*bytes)))
        .map_err(|_| "the parser of feeds cannot cope with it".to_owned())?;
    parsed.map_err(|error| wrong_encoding(&bytes).unwrap_or_else(|| error.to_string()))
}

/// The bytes of an XML page as the parser takes them. What the server says of the encoding counts where the page says nothing and is no UTF-8: many
/// servers name one for all of their pages, whatever is in them.
fn in_utf8(page: &Page) -> Result<Cow<'_, [u8]>, String> {
    let bytes = &page.bytes[..];
    let Some(charset) = page.charset.as_deref() else { return Ok(Cow::Borrowed(bytes)) };
    if Encoding::for_bom(bytes).is_some() || declared(bytes).is_some() {
        return Ok(Cow::Borrowed(bytes));
    }
    let encoding = Encoding::for_label(charset.as_bytes());
    let reads_as_utf8 = str::from_utf8(bytes).is_ok();
    match encoding {
        Some(encoding) if encoding.is_ascii_compatible() && reads_as_utf8 => Ok(Cow::Borrowed(bytes)),
        Some(encoding) => match encoding.decode_without_bom_handling_and_without_replacement(bytes) {
            Some(text) => Ok(Cow::Owned(text.into_owned().into_bytes())),
            None => Err(format!("its encoding is not {}, which its server names", encoding.name())),
        },
        None if reads_as_utf8 => Ok(Cow::Borrowed(bytes)),
        None => Err(format!("its server names an encoding that is not known: {charset:?}")),
    }
}

/// The encoding that an XML declaration names.
fn declared(bytes: &[u8]) -> Option<String> {
    /// A declaration has three short parts.
    const LONGEST: usize = 256;
    let head = bytes.trim_ascii_start();
    let head = String::from_utf8_lossy(&head[..head.len().min(LONGEST)]);
    let (declaration, _) = head.strip_prefix("<?xml")?.split_once("?>")?;
    let (_, value) = declaration.split_once("encoding")?;
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    Some(value[1..].split_once(quote)?.0.to_owned())
}

/// What is wrong with the encoding of a page that could not be read, if that is what is wrong.
fn wrong_encoding(bytes: &[u8]) -> Option<String> {
    let named = declared(bytes);
    let encoding = match (Encoding::for_bom(bytes), &named) {
        (Some((encoding, _)), _) => encoding,
        (None, None) => UTF_8,
        (None, Some(label)) => match Encoding::for_label(label.as_bytes()) {
            Some(encoding) => encoding,
            None => return Some(format!("it names an encoding that is not known: {label:?}")),
        },
    };
    let is_right = encoding.decode_without_bom_handling_and_without_replacement(bytes).is_some();
    match named {
        _ if is_right => None,
        Some(label) => Some(format!("its encoding is not {label}, which it names")),
        None => Some(format!(
            "its encoding is not {}, and neither the page nor its server's content-type names another",
            encoding.name()
        )),
    }
}
