//! The words that entities are looked for in: runs of characters between white space, cut where people leave out the space.

use super::has_digit_or_at;
use crate::fold::{Class, class};

/// A run of characters between white space, without brackets and marks at its edges.
#[derive(Clone, Debug)]
pub(super) struct Word<'a> {
    pub text: &'a str,
    pub start: usize,
    pub end: usize,
    /// A mark stands between it and the next word.
    pub last: bool,
    /// A capital, then small letters: `Ania`, `Jean-Luc`.
    pub name: bool,
    /// How many digits it has.
    pub digits: usize,
    /// It begins with a letter and is no address, nor the begin of an account number: only what comes after it makes it the begin of
    /// something.
    pub plain: bool,
}

/// Whether a word joins two of a kind.
pub(super) fn is_and(word: &str) -> bool {
    matches!(word, "och" | "and" | "&" | "e" | "i" | "oraz" | "și" | "si")
}

/// Digits of a word that is notable for them.
const FEWEST_OF_A_NUMBER: usize = 2;

impl Word<'_> {
    /// Whether a word before it may begin what is looked for.
    pub(super) fn is_notable(&self) -> bool {
        self.name || self.digits >= FEWEST_OF_A_NUMBER || self.text.starts_with(|c: char| c.is_ascii_digit())
    }
}

pub(super) fn words(text: &str) -> Vec<Word<'_>> {
    let bytes = text.as_bytes();
    let mut words = Vec::with_capacity(text.len() / 5);
    let mut at = 0;
    while at < bytes.len() {
        let small = bytes[at..].iter().take_while(|byte| byte.is_ascii_lowercase()).count();
        let from = at + small;
        let length = bytes[from..].iter().position(|byte| !byte.is_ascii() || byte.is_ascii_whitespace());
        let mut end = length.map_or(bytes.len(), |length| from + length);
        if bytes.get(end).is_some_and(|byte| !byte.is_ascii()) {
            end = text[at..].find(char::is_whitespace).map_or(bytes.len(), |length| at + length);
        }
        if end == from && small > 0 {
            let text = &text[at..end];
            words.push(Word { text, start: at, end, last: false, name: false, digits: 0, plain: true });
        } else if has_digit_or_at(&text[at..end]) {
            cut(&text[at..end], at, &mut words);
        } else {
            words.extend(word(&text[at..end], at));
        }
        at = end + text[end..].chars().next().map_or(1, char::len_utf8);
    }
    words
}

/// The words of a run with a digit or an `@`: `tel.601`, `mail:jan@x.pl`. A mark stays with the word before it.
fn cut<'a>(part: &'a str, at: usize, words: &mut Vec<Word<'a>>) {
    let bytes = part.as_bytes();
    let last_at = bytes.iter().rposition(|&byte| byte == b'@');
    let address = last_at.is_some();
    let link = address && part.contains("//");
    let mut from = 0;
    for (place, &byte) in bytes.iter().enumerate() {
        let (Some(before), Some(&after)) =
            (place.checked_sub(1).map(|before| bytes[before]), bytes.get(place + 1))
        else {
            continue;
        };
        let ends = match byte {
            b':' | b',' | b';' => {
                let between_digits = before.is_ascii_digit() && after.is_ascii_digit();
                if between_digits {
                    is_between_numbers(part, place)
                } else {
                    after.is_ascii_alphanumeric() || matches!(after, b'+' | b'(' | b'#')
                }
            }
            b'.' => {
                last_at.is_none_or(|at| at < place)
                    && matches!(after, b'0'..=b'9' | b'+' | b'(')
                    && is_abbreviation(&part[from..place])
            }
            b'/' => address && !link || is_between_numbers(part, place),
            b'<' | b'>' | b'(' | b')' | b'[' | b']' | b'=' | b'?' | b'|' | b'"' => address,
            _ => false,
        };
        if ends {
            words.extend(word(&part[from..=place], at + from));
            from = place + 1;
        }
    }
    words.extend(word(&part[from..], at + from));
}

/// Whether the mark parts two numbers, of accounts, cards or phones, and is none of a number itself: as many digits stand on both sides as no
/// amount, date or time has between its marks.
fn is_between_numbers(part: &str, place: usize) -> bool {
    let bytes = part.as_bytes();
    let is_of_number = |byte: &&u8| byte.is_ascii_digit() || **byte == b'-' || **byte == b'+';
    let digits = |byte: &&u8| byte.is_ascii_digit();
    let before = bytes[..place].iter().rev().take_while(is_of_number).filter(digits).count();
    let after = bytes[place + 1..].iter().take_while(is_of_number).filter(digits).count();
    // In a group of a card or an account, four stand beside the mark: a comma between so many is none of an amount's.
    let fewest = if bytes[place] == b'/' { FEWEST_OF_A_PHONE } else { DIGITS_OF_A_GROUP };
    before >= fewest && after >= fewest
}

const DIGITS_OF_A_GROUP: usize = 4;
const FEWEST_OF_A_PHONE: usize = 9;

/// `tel`, `nr`; letters of a code, `AB.1234`, are none.
fn is_abbreviation(word: &str) -> bool {
    word.chars().all(char::is_alphabetic)
        && (word.ends_with(char::is_lowercase) || word.eq_ignore_ascii_case("tel"))
}

fn word(part: &str, at: usize) -> Option<Word<'_>> {
    let edge = |c: char| {
        !c.is_alphanumeric() && class(c) != Class::Mark && !matches!(c, '+' | '€' | '$' | '£' | '#' | '@')
    };
    let bytes = part.as_bytes();
    let plain = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let (mut text, mut start) = (part, at);
    let prefix = area_code(bytes);
    if prefix == 0 && !plain(bytes.first()) {
        text = part.trim_start_matches(edge);
        start += part.len() - text.len();
    }
    if !plain(bytes.last()) {
        let end = text.trim_end_matches(edge).len().max(prefix);
        text = &text[..end];
    }
    let first = text.chars().next()?;
    let name = first.is_uppercase() && is_name(text);
    let marked = matches!(bytes.last(), Some(b'.' | b'!' | b'?' | b';' | b',' | b')' | b':'));
    Some(Word {
        text,
        start,
        end: start + text.len(),
        last: marked && (prefix == 0 || prefix < part.len()),
        name,
        digits: bytes.iter().filter(|byte| byte.is_ascii_digit()).count(),
        plain: first.is_alphabetic()
            && (name || !first.is_ascii_uppercase())
            && !begins_account(bytes)
            && !bytes.contains(&b'@'),
    })
}

/// Whether two check digits come after two bytes: `PL61`.
pub(super) fn begins_account(bytes: &[u8]) -> bool {
    bytes.get(2..4).is_some_and(|check| check.iter().all(u8::is_ascii_digit))
}

/// How many bytes at the begin are an area code in brackets: `(22)`, `(555)`, `(0161)`, `(0)`.
fn area_code(bytes: &[u8]) -> usize {
    if bytes.first() != Some(&b'(') {
        return 0;
    }
    let digits = bytes[1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let fits = match digits {
        2 | 3 => true,
        1 | 4 => bytes[1] == b'0',
        _ => false,
    };
    if fits && bytes.get(digits + 1) == Some(&b')') { digits + 2 } else { 0 }
}

/// A capital, then small letters: `Ania`, `Jean-Luc`, `Bo`, `O'Brien`.
fn is_name(word: &str) -> bool {
    // Some programs write a letter and its mark apart.
    let mut letters = word.chars().filter(|c| class(*c) != Class::Mark);
    let first = letters.next();
    let mut rest = letters.clone();
    // An article has an apostrophe too: `L'Aquila`.
    if matches!(rest.next(), Some('\'' | '’')) && first != Some('L') {
        return rest.next().is_some_and(char::is_uppercase)
            && rest.clone().count() >= 2
            && rest.all(char::is_lowercase);
    }
    first.is_some_and(char::is_uppercase)
        && letters.clone().all(|c| c.is_alphabetic() || c == '-')
        && letters.next().is_some_and(char::is_lowercase)
}
