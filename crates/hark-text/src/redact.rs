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
    let mut masked = Vec::new();
    for string in strings(document) {
        let (said, written) = unescaped(&text[string.clone()]);
        for range in personal_data(&said) {
            let letters = said[range.clone()].char_indices().filter(|(_, letter)| !letter.is_whitespace());
            masked.extend(letters.map(|(at, _)| {
                let Range { start, end } = written[range.start + at];
                string.start + start..string.start + end
            }));
        }
    }
    for letter in masked {
        document[letter].fill(b'*');
    }
}

/// The inside of a string of JSON as it reads, and for each of its bytes where the letter that it is of stands as written.
fn unescaped(string: &str) -> (String, Vec<Range<usize>>) {
    let (mut said, mut written) = (String::with_capacity(string.len()), Vec::with_capacity(string.len()));
    let mut at = 0;
    while let Some(first) = string[at..].chars().next() {
        let (letter, length) = if first == '\\' { escape(&string[at..]) } else { (first, first.len_utf8()) };
        written.extend(std::iter::repeat_n(at..at + length, letter.len_utf8()));
        said.push(letter);
        at += length;
    }
    (said, written)
}

/// What the escape at the start of `text` stands for, and how many bytes it takes.
fn escape(text: &str) -> (char, usize) {
    let unit = |text: &str| u16::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok();
    match (text.as_bytes().get(1), unit(text)) {
        (_, Some(first)) => {
            let second = text.get(6..).and_then(unit);
            let pair = char::decode_utf16([first].into_iter().chain(second)).next();
            let letter = pair.and_then(Result::ok).unwrap_or(' ');
            (letter, if letter.len_utf16() == 2 { 12 } else { 6 })
        }
        (Some(b'n'), _) => ('\n', 2),
        (Some(&mark @ (b'"' | b'\\' | b'/')), _) => (char::from(mark), 2),
        (Some(letter), _) if letter.is_ascii() => (' ', 2),
        _ => (' ', 1),
    }
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
            ("konto 61 1090 1014 0000 0712 1981 2874", "konto ** **** **** **** **** **** ****"),
            ("my card 4111 1111 1111 1111 was charged", "my card **** **** **** **** was charged"),
            ("4111111111111111 5500000000000004 end", "**************** **************** end"),
            ("card 4111111111111111,5500000000000004", "card ****************,****************"),
            ("4111 1111 1111 1111;5500 0000 0000 0004", "**** **** **** ****;**** **** **** ****"),
            ("61109010140000071219812874/601202303", "**************************/*********"),
            ("tel 601-202-303/604-505-606", "tel ***********/***********"),
            ("call 07700900123/07700900456", "call ***********/***********"),
            ("tel. 601202303, 604505606", "tel. *********, *********"),
            ("tel. 601202303 lub 604505606", "tel. ********* lub *********"),
            (
                "1,234,567 on 30/12/2026 at 12:30, 1000,50 or 24/7",
                "1,234,567 on 30/12/2026 at 12:30, 1000,50 or 24/7",
            ),
            ("4111 1111 1111 1111\n5500 0000 0000 0004", "**** **** **** ****\n**** **** **** ****"),
            ("+48 601 234 567 +48 602 345 678", "*** *** *** *** *** *** *** ***"),
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
    fn what_a_document_writes_with_escapes_is_masked_as_what_it_says() {
        for (document, masked) in [
            (
                r#"{"text":"mail jan\u0040aurora.example ok"}"#,
                r#"{"text":"mail *********************** ok"}"#,
            ),
            (
                r#"{"a":"\u017c\u00f3\u0142w@aurora.example"}"#,
                r#"{"a":"**********************************"}"#,
            ),
            (r#"{"a":"\ud83d\ude97 601 234 567\tx"}"#, r#"{"a":"\ud83d\ude97 *** *** ***\tx"}"#),
            (r#"{"a":"\ud83d 601 234 567 \u12"}"#, r#"{"a":"\ud83d *** *** *** \u12"}"#),
            (r#"{"a":"https:\/\/x.example \\ \""}"#, r#"{"a":"https:\/\/x.example \\ \""}"#),
        ] {
            let mut bytes = document.as_bytes().to_vec();
            redact_document(&mut bytes);
            assert_eq!(str::from_utf8(&bytes).unwrap(), masked);
        }
    }

    #[test]
    fn what_is_no_text_stays() {
        let mut bytes = b"\xff 601 234 567".to_vec();
        redact_document(&mut bytes);
        assert_eq!(bytes, b"\xff 601 234 567");
    }
}
