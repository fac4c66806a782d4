//! `redact: true`: personal data are masked in what is passed on, in place and with the same length.

use std::ops::Range;

use crate::{PERSONAL, entities};

/// Where a text names personal data: phone numbers, e-mail addresses, bank accounts and cards. Byte ranges, by position.
#[must_use]
pub fn personal_data(text: &str) -> Vec<Range<usize>> {
    let found = entities::numbers_and_addresses(text).into_iter();
    found.filter(|entity| PERSONAL.contains(&entity.kind)).map(|entity| entity.range).collect()
}

/// Masks personal data in a text: every character of them but white space becomes as many `*` as it has bytes, so that
/// spans keep their meaning. Bytes that are no UTF-8 stay as they are.
pub fn redact(text: &mut [u8]) {
    let ranges = str::from_utf8(text).map(personal_data).unwrap_or_default();
    for byte in ranges.into_iter().flatten() {
        mask(&mut text[byte]);
    }
}

fn mask(byte: &mut u8) {
    if !byte.is_ascii_whitespace() {
        *byte = b'*';
    }
}

/// The same in a document as it came, JSON or other text. In JSON only what stands in strings is looked at, so that the
/// document stays one.
pub fn redact_document(document: &mut [u8]) {
    let Ok(text) = str::from_utf8(document) else { return };
    if !text.trim_start().starts_with(['{', '[']) {
        return redact(document);
    }
    for string in strings(document) {
        let readable = without_escapes(&document[string.clone()]);
        let ranges = str::from_utf8(&readable).map(personal_data).unwrap_or_default();
        for at in ranges.into_iter().flatten() {
            if !readable[at].is_ascii_whitespace() {
                mask(&mut document[string.start + at]);
            }
        }
    }
}

/// A string of JSON with a space for each byte of an escape.
fn without_escapes(string: &[u8]) -> Vec<u8> {
    let mut readable = string.to_vec();
    let mut at = 0;
    while at < readable.len() {
        let length = match (readable[at], string.get(at + 1)) {
            (b'\\', Some(b'u')) => 6,
            (b'\\', _) => 2,
            _ => {
                at += 1;
                continue;
            }
        };
        let end = (at + length).min(readable.len());
        readable[at..end].fill(b' ');
        at = end;
    }
    readable
}

/// The insides of the strings of a JSON document.
fn strings(document: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let (mut open, mut escaped) = (None, false);
    for (at, byte) in document.iter().enumerate() {
        match (byte, open) {
            _ if escaped => escaped = false,
            (b'\\', Some(_)) => escaped = true,
            (b'"', None) => open = Some(at + 1),
            (b'"', Some(start)) => {
                found.push(start..at);
                open = None;
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        redact(&mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn personal_data_are_masked_in_place() {
        for (text, masked) in [
            ("dzwoń: 601 234 567, Aurora!", "dzwoń: *** *** ***, Aurora!"),
            ("pisz na jan.k@aurora.example.", "pisz na ********************."),
            ("konto PL61 1090 1014 0000 0712 1981 2874", "konto **** **** **** **** **** **** ****"),
            ("my card 4111 1111 1111 1111 was charged", "my card **** **** **** **** was charged"),
            (
                "zażółć pączka za 1 200 zł, zamówienie nr 4711234",
                "zażółć pączka za 1 200 zł, zamówienie nr 4711234",
            ),
        ] {
            assert_eq!(redacted(text), masked);
        }
    }

    #[test]
    fn a_document_stays_a_document() {
        let document =
            r#"{"id":4111111111111111,"text":"tel. 601 234\u00a0567\nok","from":"a\"b jan@aurora.example"}"#;
        let mut bytes = document.as_bytes().to_vec();
        redact_document(&mut bytes);
        let masked =
            r#"{"id":4111111111111111,"text":"tel. *** ***\u00a0***\nok","from":"a\"b ******************"}"#;
        assert_eq!(str::from_utf8(&bytes).unwrap(), masked);
        assert!(serde_json::from_slice::<serde_json::Value>(&bytes).is_ok());
    }

    #[test]
    fn what_is_no_text_stays() {
        let mut bytes = b"\xff 601 234 567".to_vec();
        redact_document(&mut bytes);
        assert_eq!(bytes, b"\xff 601 234 567");
    }
}
