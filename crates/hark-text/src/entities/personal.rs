//! Personal data: e-mail addresses, phone and card numbers, bank accounts.

use std::ops::Range;

use super::{is_numbered, word::Word};
use crate::fold::{fold, in_local_part};

pub(super) fn is_email(word: &str) -> bool {
    let Some((local, host)) = word.split_once('@') else { return false };
    !local.is_empty()
        && local.chars().all(in_local_part)
        && host.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-'))
        && host.rsplit_once('.').is_some_and(|(name, top)| !name.is_empty() && top.chars().count() >= 2)
}

/// A phone or card number, or a Polish account as it is written at home: digits in groups. `behind_number`: one has ended right before it.
pub(super) fn number(
    text: &str,
    words: &[Word<'_>],
    at: usize,
    behind_number: bool,
) -> Option<(&'static str, usize, Range<usize>)> {
    let grouped = |word: &str| {
        word.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | '/' | '(' | ')'))
    };
    // In the middle of a longer number, such as an account's with a wrong digit, no other one begins.
    let goes_on = |before: &Word<'_>| {
        !before.last && grouped(before.text) && !before.text.ends_with(')') && !is_date(before.text)
    };
    if !behind_number && at.checked_sub(1).is_some_and(|before| goes_on(&words[before])) {
        return None;
    }
    let start = words[at].start;
    let mut best = None;
    for taken in 1..=MOST_GROUPS {
        let group = |word: &&Word<'_>| grouped(word.text) && !is_date(word.text);
        let Some(word) = words.get(at + taken - 1).filter(group) else { break };
        let range = start..word.end;
        let digits: Vec<u8> =
            text[range.clone()].bytes().filter(u8::is_ascii_digit).map(|d| d - b'0').collect();
        let groups: Vec<&str> = text[range.clone()]
            .split(|c: char| !c.is_ascii_digit())
            .filter(|group| !group.is_empty())
            .collect();
        if (13..=19).contains(&digits.len()) && (3..=6).contains(&digits[0]) && luhn(&digits) {
            best = Some(("card", taken, range));
        } else if digits.len() == 26 && is_iban(&format!("PL{}", groups.concat())) {
            best = Some(("iban", taken, range));
        } else if (is_phone(&text[range.clone()], &groups, digits.len())
            || after_phone_word(words, at).is_some_and(|least| (least..=15).contains(&digits.len()))
            || is_mobile(word.text) && taken == 1 && (behind_number || is_offered(text, words, at)))
            && !is_official(words, at)
        {
            best = Some(("phone", taken, range));
        }
        if word.last {
            break;
        }
    }
    best
}

const MOST_GROUPS: usize = 8;

/// Folded words before the number of a firm at an authority. Those of people are as private as a phone's, and stay masked as one.
const OFFICIAL: &[&str] = &[
    "iva",
    "p.iva",
    "piva",
    "fiscale",
    "c.f",
    "cf",
    "nip",
    "regon",
    "krs",
    "cui",
    "cif",
    "vat",
    "orgnr",
    "org.nr",
    "organisationsnummer",
];
/// "VAT number is 943 476 591"
const WORDS_OF_AN_OFFICE: usize = 3;

fn is_official(words: &[Word<'_>], at: usize) -> bool {
    let before = words[..at].iter().rev().take(WORDS_OF_AN_OFFICE).take_while(|word| word.digits == 0);
    !words[at].text.starts_with('+') && before.into_iter().any(|word| OFFICIAL.contains(&&*fold(word.text)))
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, &digit)| {
            let value = u32::from(digit) * (1 + u32::from(place % 2 == 1));
            if value > 9 { value - 9 } else { value }
        })
        .sum();
    sum.is_multiple_of(10)
}

fn is_phone(written: &str, groups: &[&str], digits: usize) -> bool {
    if written.starts_with('+') {
        return (9..=15).contains(&digits);
    }
    if written.starts_with("00") {
        // A number of a parcel begins with zeros too; a country does not, and that of one digit has ten digits after it.
        let country = written.trim_start_matches('0');
        return !written.starts_with("000")
            && if country.starts_with('1') { digits == 13 } else { (12..=15).contains(&digits) };
    }
    // (22) 123-45-67, (555) 123-4567
    if written.starts_with('(') {
        return (9..=if written.starts_with("(0") { 11 } else { 10 }).contains(&digits);
    }
    // 601 234 567; 0700-12 34 56; a date or a price has other groups.
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    let threes = matches!(*lengths, [3, 3, 3] | [3, 3, 4]) && !is_amount(written, groups);
    // 22 555 01 47; 0731.440.226
    let polish = matches!(*lengths, [2, 3, 2, 2]) && !written.contains(['.', '/']);
    let romanian = written.starts_with("07") && matches!(*lengths, [4, 3, 3]);
    let italian =
        digits == 10 && written.starts_with('3') && matches!(*lengths, [10] | [3, 7] | [3, 6 | 3, ..]);
    let trunk = written.starts_with('0') && (9..=11).contains(&digits) && !written.contains('.');
    // 021.312.34.56
    let dotted = written.starts_with('0') && matches!(*lengths, [3, 3, 2, 2]);
    threes || polish || romanian || italian || trunk || dotted
}

/// `120.000.000`, `20 000 000`: somebody counts.
fn is_amount(written: &str, groups: &[&str]) -> bool {
    let zeros = groups.iter().rev().take_while(|group| **group == "000").count();
    zeros > 1 || zeros == 1 && written.contains('.')
}

/// A Polish mobile number without spaces: of another country's the digits alone tell, see [`is_phone`].
fn is_mobile(word: &str) -> bool {
    let national = if word.len() == 11 { word.strip_prefix("48").unwrap_or(word) } else { word };
    let begins = ["45", "50", "51", "53", "57", "60", "66", "69", "72", "73", "78", "79", "88"];
    national.len() == 9
        && national.bytes().all(|byte| byte.is_ascii_digit())
        && begins.iter().any(|begin| national.starts_with(begin))
}

/// Whether somebody offers a number that looks like a phone's: "mój nr to 601234567", "oddzwońcie na …", "… proszę o kontakt" at the begin of
/// a sentence.
fn is_offered(text: &str, words: &[Word<'_>], at: usize) -> bool {
    let Some(mut before) = at.checked_sub(1) else { return is_answered(words, at) };
    if text[words[before].end..words[at].start].contains(['.', '!', '?', '\n']) {
        return fold(words[before].text) == "kom" || is_answered(words, at);
    }
    if matches!(fold(words[before].text).as_str(), "to" | "jest") {
        let Some(earlier) = before.checked_sub(1) else { return false };
        before = earlier;
    }
    match fold(words[before].text).as_str() {
        "na" | "pod" | "kom" => true,
        // "zgłoszenie z 5 maja, nr 601234567"
        "nr" => {
            !words[before.saturating_sub(WORDS_OF_AN_ORDER)..before].iter().any(|word| is_numbered(word.text))
        }
        _ => false,
    }
}

const WORDS_OF_AN_ORDER: usize = 5;

/// Whether the next words ask for a call.
fn is_answered(words: &[Word<'_>], at: usize) -> bool {
    let asks = ["kontakt", "telefon", "oddzwon", "zadzwon", "dzwon"];
    words[at + 1..].iter().take(WORDS_TO_A_CALL).any(|word| {
        let folded = fold(word.text);
        asks.iter().any(|begin| folded.starts_with(begin))
    })
}

/// "… bardzo proszę o pilny kontakt"
const WORDS_TO_A_CALL: usize = 5;

/// How many digits a number has at least that comes after a word such as "call": the longer ones after "my number is".
fn after_phone_word(words: &[Word<'_>], at: usize) -> Option<usize> {
    let mut before = at.checked_sub(1)?;
    if is_phone_word(words[before].text) {
        return Some(7);
    }
    for _ in 0..2 {
        if !matches!(
            fold(words[before].text).as_str(),
            "to" | "jest"
                | "is"
                | "e"
                | "este"
                | "ar"
                | "pod"
                | "la"
                | "at"
                | "me"
                | "do"
                | "mnie"
                | "nr"
                | "al"
                | "pa"
        ) {
            return None;
        }
        before = before.checked_sub(1).filter(|&word| !words[word].last)?;
        if is_phone_word(words[before].text) {
            return Some(9);
        }
    }
    None
}

fn is_phone_word(word: &str) -> bool {
    let word = fold(word);
    let calls = ["zadzwon", "oddzwon", "dzwon"];
    calls.iter().any(|begin| word.starts_with(begin))
        || matches!(
            word.as_str(),
            "tel"
                | "telefon"
                | "telefonu"
                | "telefonul"
                | "telefono"
                | "phone"
                | "mobile"
                | "mob"
                | "call"
                | "ring"
                | "mobil"
                | "cell"
                | "cellulare"
                | "sunati"
                | "whatsapp"
                | "kontakt"
                | "kontaktowy"
                | "komorka"
                | "numer"
                | "numeru"
                | "numarul"
        )
}

/// 05/03/2024, 2024-03-05
pub(super) fn is_date(word: &str) -> bool {
    let bytes = word.as_bytes();
    if !(8..=10).contains(&bytes.len()) || !word.is_ascii() {
        return false;
    }
    let Some(mark) = bytes.iter().copied().find(|byte| matches!(byte, b'.' | b'-' | b'/')) else {
        return false;
    };
    let number = |text: &str| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|_| digits)
    };
    let mut parts = word.split(mark as char);
    let (Some(first), Some(month), Some(last), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let (year, day) = if first.len() == 4 { (first, last) } else { (last, first) };
    let fits =
        |text: &str, from: u16, to: u16| number(text).is_some_and(|value| (from..=to).contains(&value));
    let short = |text: &str| text.len() <= 2;
    year.len() == 4
        && fits(year, 1900, 2099)
        && short(month)
        && short(day)
        // In America the month comes first.
        && (fits(month, 1, 12) && fits(day, 1, 31) || fits(month, 1, 31) && fits(day, 1, 12))
}

/// A bank account in groups: `PL61 1090 …`, `PL61-1090-…`, all in capitals or all in small letters.
pub(super) fn iban(words: &[Word<'_>], at: usize) -> Option<(&'static str, usize, Range<usize>)> {
    let small = words[at].text.starts_with(|c: char| c.is_ascii_lowercase());
    let mut written = String::new();
    let mut best = None;
    for taken in 1..=MOST_ACCOUNT_GROUPS {
        let Some(word) = words.get(at + taken - 1) else { break };
        let fits = |byte: u8| {
            byte.is_ascii_digit()
                || byte == b'-'
                || if small { byte.is_ascii_lowercase() } else { byte.is_ascii_uppercase() }
        };
        // A small word after the account is none of its groups.
        let digits = word.text.bytes().any(|byte| byte.is_ascii_digit());
        if !word.text.bytes().all(fits) || small && !digits && word.text.len() != 4 {
            break;
        }
        written.extend(word.text.chars().filter(|&c| c != '-').map(|c| c.to_ascii_uppercase()));
        if is_iban(&written) {
            best = Some(("iban", taken, words[at].start..word.end));
        }
        if word.last || written.len() > 34 {
            break;
        }
    }
    best
}

const MOST_ACCOUNT_GROUPS: usize = 9;

fn is_iban(written: &str) -> bool {
    let bytes = written.as_bytes();
    if !(15..=34).contains(&bytes.len())
        || !bytes[..2].iter().all(u8::is_ascii_uppercase)
        || !bytes[2..4].iter().all(u8::is_ascii_digit)
    {
        return false;
    }
    let remainder = bytes[4..].iter().chain(&bytes[..4]).fold(0_u32, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte - b'A') + 10) % 97,
    });
    remainder == 1
}
