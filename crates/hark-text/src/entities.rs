//! Things named in a text: people who are spoken of by name, order numbers, money, and personal data: phone numbers,
//! e-mail addresses, bank accounts and cards.

use std::ops::Range;

use crate::{Entity, Match, fold, tokens::Tokens};

/// Kinds that are personal data, which `redact: true` masks.
pub const PERSONAL: [&str; 4] = ["phone", "email", "iban", "card"];

/// The entities of a text, by position; names that are configured subjects are no people. `tokens` are those of the text, at least.
pub(crate) fn find(text: &str, tokens: &Tokens, matches: &[Match]) -> Vec<Entity> {
    // Most posts name nothing: before a person stands a word that says so.
    if !has_digit_or_at(text) && !tokens.all().iter().any(|token| is_cue(tokens.bytes_of(token))) {
        return Vec::new();
    }
    let mut found = all(text);
    let named =
        |range: &Range<usize>| matches.iter().any(|hit| hit.start < range.end && range.start < hit.end);
    found.retain(|entity| entity.kind != "person" || !named(&entity.range));
    found
}

/// The entities of a text if it has a number or an address, without which it names at most people.
pub(crate) fn numbers_and_addresses(text: &str) -> Vec<Entity> {
    if has_digit_or_at(text) { all(text) } else { Vec::new() }
}

/// Whether there is a digit or an `@`.
fn has_digit_or_at(text: &str) -> bool {
    text.bytes().fold(false, |found, byte| found | byte.is_ascii_digit() | (byte == b'@'))
}

fn all(text: &str) -> Vec<Entity> {
    let words = words(text);
    let mut found: Vec<Entity> = Vec::new();
    let mut at = 0;
    while at < words.len() {
        // Nothing begins with most words.
        if words[at].plain && !words[at + 1..].iter().take(MOST_WORDS_AHEAD).any(Word::is_notable) {
            at += 1;
            continue;
        }
        at = match longest(text, &words, at) {
            Some((kind, taken, range)) => {
                found.push(Entity { kind, range });
                at + taken
            }
            None => at + 1,
        };
    }
    found
}

/// A run of characters between white space, without brackets and marks at its edges.
#[derive(Clone, Debug)]
struct Word<'a> {
    text: &'a str,
    start: usize,
    end: usize,
    /// A mark stands between it and the next word.
    last: bool,
    /// A capital, then small letters: `Ania`, `Jean-Luc`.
    name: bool,
    /// Three digits or more.
    coded: bool,
    /// It begins with a letter and is no address, nor the begin of an account number: only what comes after it makes it the begin of
    /// something.
    plain: bool,
}

impl Word<'_> {
    /// Whether a word before it may begin what is looked for.
    fn is_notable(&self) -> bool {
        self.name || self.coded || self.text.starts_with(|c: char| c.is_ascii_digit())
    }
}

fn words(text: &str) -> Vec<Word<'_>> {
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
            words.push(Word { text, start: at, end, last: false, name: false, coded: false, plain: true });
        } else {
            words.extend(word(&text[at..end], at));
        }
        at = end + text[end..].chars().next().map_or(1, char::len_utf8);
    }
    words
}

fn word(part: &str, at: usize) -> Option<Word<'_>> {
    let edge = |c: char| !c.is_alphanumeric() && !matches!(c, '+' | '€' | '$' | '£' | '#' | '@');
    let bytes = part.as_bytes();
    let plain = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let (mut text, mut start) = (part, at);
    if !plain(bytes.first()) {
        text = part.trim_start_matches(edge);
        start += part.len() - text.len();
    }
    if !plain(bytes.last()) {
        text = text.trim_end_matches(edge);
    }
    let first = text.chars().next()?;
    let name = first.is_uppercase() && is_name(text);
    Some(Word {
        text,
        start,
        end: start + text.len(),
        last: matches!(bytes.last(), Some(b'.' | b'!' | b'?' | b';' | b',' | b')' | b':')),
        name,
        coded: bytes.iter().filter(|byte| byte.is_ascii_digit()).count() >= 3,
        plain: first.is_alphabetic() && (name || !first.is_ascii_uppercase()) && !bytes.contains(&b'@'),
    })
}

/// The entity that begins at a word, with the number of words it takes.
fn longest(text: &str, words: &[Word<'_>], at: usize) -> Option<(&'static str, usize, Range<usize>)> {
    let word = &words[at];
    if word.text.contains('@') && is_email(word.text) {
        return Some(("email", 1, word.start..word.end));
    }
    let first = word.text.chars().next()?;
    if first.is_ascii_digit() || first == '+' || matches!(first, '€' | '$' | '£' | '#') {
        if let Some(found) = money(text, words, at) {
            return Some(found);
        }
        if let Some(found) = number(text, words, at) {
            return Some(found);
        }
    }
    if first.is_ascii_uppercase()
        && let Some(found) = iban(words, at)
    {
        return Some(found);
    }
    if let Some(found) = currency_first(words, at) {
        return Some(found);
    }
    if let Some(found) = order_number(words, at) {
        return Some(found);
    }
    person(words, at)
}

fn is_email(word: &str) -> bool {
    let Some((local, host)) = word.split_once('@') else { return false };
    let part = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '%');
    !local.is_empty()
        && local.chars().all(part)
        && host.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-'))
        && host.rsplit_once('.').is_some_and(|(name, top)| !name.is_empty() && top.chars().count() >= 2)
}

/// Currencies, folded, as they stand after or before an amount.
const CURRENCIES: &[&str] = &[
    "zl", "zlotych", "zlote", "zloty", "pln", "kr", "kronor", "sek", "eur", "euro", "euros", "lei", "leu",
    "ron", "usd", "dollars", "dollar", "gbp", "pounds", "pound", "quid", "bucks", "dkk", "nok", "czk", "huf",
    "chf",
];

fn money(text: &str, words: &[Word<'_>], at: usize) -> Option<(&'static str, usize, Range<usize>)> {
    let word = &words[at];
    let sign = |c: char| matches!(c, '€' | '$' | '£');
    let bare = word.text.trim_matches(sign);
    let (number, unit) = bare.split_at(bare.find(|c: char| c.is_alphabetic()).unwrap_or(bare.len()));
    let amount = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_digit())
            && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | ':' | '-'))
    };
    if !amount(number) {
        return None;
    }
    if bare.len() < word.text.len() && unit.is_empty() || CURRENCIES.contains(&fold(unit).as_str()) {
        return Some(("money", 1, word.start..word.end));
    }
    // "1 200 zł": thousands in groups, then the currency.
    let mut taken = 1;
    while !words[at + taken - 1].last
        && unit.is_empty()
        && words.get(at + taken).is_some_and(|next| next.text.len() == 3 && amount(next.text))
    {
        taken += 1;
    }
    if unit.is_empty() && text[words[at + taken - 1].end..].starts_with(":-") {
        return Some(("money", taken, word.start..words[at + taken - 1].end));
    }
    let mut next = words.get(at + taken).filter(|_| unit.is_empty() && !words[at + taken - 1].last)?;
    // "20 de lei"
    if fold(next.text) == "de" {
        taken += 1;
        next = words.get(at + taken)?;
    }
    let folded = fold(next.text);
    let after = CURRENCIES.contains(&folded.as_str()) || next.text.len() <= 4 && next.text.chars().all(sign);
    after.then_some(("money", taken + 1, word.start..next.end))
}

/// `EUR 20`
fn currency_first(words: &[Word<'_>], at: usize) -> Option<(&'static str, usize, Range<usize>)> {
    let [code, amount] = words.get(at..at + 2)? else { return None };
    let digits = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',');
    let fits = amount.text.starts_with(|c: char| c.is_ascii_digit())
        && !code.last
        && (code.text.bytes().all(|byte| byte.is_ascii_uppercase()) || code.text == "kr")
        && CURRENCIES.contains(&fold(code.text).as_str())
        && amount.text.chars().all(digits);
    fits.then_some(("money", 2, code.start..amount.end))
}

/// A phone or card number: digits in groups.
fn number(text: &str, words: &[Word<'_>], at: usize) -> Option<(&'static str, usize, Range<usize>)> {
    let grouped = |word: &str| {
        word.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | '/' | '(' | ')'))
    };
    // In the middle of a longer number, such as an account's with a wrong digit, no other one begins.
    if at.checked_sub(1).is_some_and(|before| !words[before].last && grouped(words[before].text)) {
        return None;
    }
    let start = words[at].start;
    let mut best = None;
    for taken in 1..=MOST_GROUPS {
        let Some(word) = words.get(at + taken - 1).filter(|word| grouped(word.text)) else { break };
        let range = start..word.end;
        let digits: Vec<u8> =
            text[range.clone()].bytes().filter(u8::is_ascii_digit).map(|d| d - b'0').collect();
        let groups: Vec<&str> = text[range.clone()]
            .split(|c: char| !c.is_ascii_digit())
            .filter(|group| !group.is_empty())
            .collect();
        if (13..=19).contains(&digits.len()) && (3..=6).contains(&digits[0]) && luhn(&digits) {
            best = Some(("card", taken, range));
        } else if is_phone(&text[range.clone()], &groups, digits.len())
            || (after_phone_word(words, at) && (7..=15).contains(&digits.len()))
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
    if written.starts_with('+') || written.starts_with("00") {
        return (9..=15).contains(&digits);
    }
    // 601 234 567; 0700-12 34 56; a date or a price has other groups.
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    let threes = matches!(*lengths, [3, 3, 3] | [3, 3, 4]);
    let italian =
        digits == 10 && written.starts_with('3') && matches!(*lengths, [10] | [3, 7] | [3, 6 | 3, ..]);
    let trunk = written.starts_with('0') && (9..=11).contains(&digits) && !written.contains('.');
    threes || italian || trunk
}

fn after_phone_word(words: &[Word<'_>], at: usize) -> bool {
    at.checked_sub(1).and_then(|before| words.get(before)).is_some_and(|word| {
        matches!(
            fold(word.text).as_str(),
            "tel"
                | "telefon"
                | "telefonu"
                | "telefonul"
                | "telefono"
                | "phone"
                | "mobile"
                | "call"
                | "ring"
                | "mobil"
                | "cell"
                | "cellulare"
                | "zadzwon"
                | "dzwon"
                | "sunati"
                | "whatsapp"
                | "numer"
                | "numarul"
        )
    })
}

fn iban(words: &[Word<'_>], at: usize) -> Option<(&'static str, usize, Range<usize>)> {
    let mut written = String::new();
    let mut best = None;
    for taken in 1..=9 {
        let Some(word) = words.get(at + taken - 1) else { break };
        if !word.text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()) {
            break;
        }
        written.push_str(word.text);
        if is_iban(&written) {
            best = Some(("iban", taken, words[at].start..word.end));
        }
        if word.last || written.len() > 34 {
            break;
        }
    }
    best
}

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

/// Beginnings, folded, of words after which a number of an order, a parcel, a ticket or an invoice comes.
const ORDERS: &[&str] = &[
    "order",
    "zamowieni",
    "przesylk",
    "paczk",
    "zgloszeni",
    "reklamacj",
    "faktur",
    "bilet",
    "ordernummer",
    "bestallning",
    "arende",
    "kolli",
    "paket",
    "ordin",
    "pratica",
    "spedizion",
    "ticket",
    "fattur",
    "comand",
    "comenz",
    "awb",
    "colet",
    "factur",
    "bilet",
    "tracking",
    "case",
    "booking",
    "reservation",
    "invoice",
    "bokning",
    "prenotazion",
    "rezervar",
];

/// A number stands at most so many words behind what it is the number of: "comanda mea cu numărul 4711234".
const MOST_WORDS_AHEAD: usize = 4;

fn order_number(words: &[Word<'_>], at: usize) -> Option<(&'static str, usize, Range<usize>)> {
    // Most words have no code after them, and folding is dear.
    if !words.iter().skip(at + 1).take(MOST_WORDS_AHEAD).any(|word| word.coded) {
        return None;
    }
    let word = fold(words[at].text);
    let word = word.trim_start_matches('#');
    if !ORDERS.iter().any(|begin| word.starts_with(begin))
        || words[at].last && !words[at].text.ends_with(':') && words.len() == at + 1
    {
        return None;
    }
    // "order no. 12-345", "zamówienie nr: AB12345"
    for ahead in 1..=MOST_WORDS_AHEAD {
        let next = words.get(at + ahead)?;
        let code = next.text.trim_start_matches('#');
        let digits = code.bytes().filter(u8::is_ascii_digit).count();
        let plain = code.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '/' | '_' | '.'));
        let small = code.bytes().any(|byte| byte.is_ascii_lowercase());
        if plain && code.len() >= 4 && digits >= 3 && !small {
            return Some(("order_number", ahead + 1, next.end - code.len()..next.end));
        }
        if !matches!(
            fold(next.text).as_str(),
            "nr" | "no"
                | "numer"
                | "number"
                | "numero"
                | "num"
                | "n"
                | "numarul"
                | "id"
                | "nummer"
                | "o"
                | "numerze"
                | "numeru"
                | "cu"
                | "my"
                | "mea"
                | "mia"
                | "mio"
                | "mitt"
                | "min"
                | "moja"
                | "moje"
                | "mojego"
                | "is"
                | "e"
                | "ar"
                | "este"
                | "jest"
                | "med"
                | "with"
                | "di"
                | "med-nummer"
                | "zamowienia"
                | "bestallning"
        ) {
            return None;
        }
    }
    None
}

/// Whether a folded word is a title before a name.
fn is_title(word: &[u8]) -> bool {
    matches!(
        word,
        b"pani"
            | b"pan"
            | b"pana"
            | b"panu"
            | b"pania"
            | b"panem"
            | b"domnul"
            | b"doamna"
            | b"domnului"
            | b"doamnei"
            | b"dl"
            | b"dna"
            | b"domnisoara"
            | b"signor"
            | b"signora"
            | b"signorina"
            | b"sig"
            | b"dottoressa"
            | b"dottor"
            | b"herr"
            | b"fru"
            | b"mr"
            | b"mrs"
            | b"ms"
            | b"miss"
    )
}

/// What comes between a folded word of thanks and the name of the person who is thanked: a word, or nothing where it is empty.
fn thanked(word: &[u8]) -> &'static [&'static str] {
    match word {
        b"thanks" | b"kudos" | b"out" | b"shoutout" => &["to"],
        b"thank" => &["you"],
        b"served" | b"helped" => &["by"],
        b"eloge" | b"cred" => &["till"],
        b"complimenti" => &["a"],
        b"brawa" | b"podziekowania" => &["dla"],
        b"multumim" => &["lui"],
        b"tack" => &["till", ""],
        b"grazie" => &["a", ""],
        b"multumesc" => &["lui", ""],
        b"bravo" | b"brava" | b"brawo" | b"dziekuje" | b"dzieki" | b"felicitari" => &[""],
        _ => &[],
    }
}

/// Whether a person may be named after a folded word.
fn is_cue(word: &[u8]) -> bool {
    is_title(word) || !thanked(word).is_empty()
}

fn person(words: &[Word<'_>], at: usize) -> Option<(&'static str, usize, Range<usize>)> {
    // As long as the longest turn is; most words have no name after them, and folding is dear.
    if !words.iter().skip(at + 1).take(2).any(|word| word.name) {
        return None;
    }
    let cue = fold(words[at].text);
    let title = is_title(cue.as_bytes());
    let follows = |between: &&&str| {
        between.is_empty()
            || !words[at].last && words.get(at + 1).is_some_and(|next| fold(next.text) == **between)
    };
    let cue_words = if title {
        1
    } else {
        let between = thanked(cue.as_bytes()).iter().find(follows)?;
        1 + usize::from(!between.is_empty())
    };
    if words[at + cue_words - 1].last && !title {
        return None;
    }
    let first = words.get(at + cue_words).filter(|word| word.name)?;
    let mut taken = cue_words + 1;
    let mut end = first;
    if !first.last
        && let Some(second) = words.get(at + taken).filter(|word| word.name)
    {
        end = second;
        taken += 1;
    }
    Some(("person", taken, first.start..end.end))
}

/// A capital, then small letters: `Ania`, `Jean-Luc`.
fn is_name(word: &str) -> bool {
    let mut letters = word.chars();
    letters.next().is_some_and(char::is_uppercase)
        && word.chars().count() >= 3
        && letters.clone().all(|c| c.is_alphabetic() || c == '-')
        && letters.next().is_some_and(char::is_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let mut tokens = Tokens::default();
        tokens.read("", text);
        let found = find(text, &tokens, &[]);
        let found: Vec<(&str, &str)> =
            found.iter().map(|entity| (entity.kind, &text[entity.range.clone()])).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn personal_data_are_found_in_the_forms_people_write() {
        check(
            "dzwoń: 601 234 567 albo +48 601-234-567",
            &[("phone", "601 234 567"), ("phone", "+48 601-234-567")],
        );
        check("ring 0700-12 34 56!", &[("phone", "0700-12 34 56")]);
        check("pisz na jan.k@aurora.example.", &[("email", "jan.k@aurora.example")]);
        check("konto PL61 1090 1014 0000 0712 1981 2874", &[("iban", "PL61 1090 1014 0000 0712 1981 2874")]);
        check("my card 4111 1111 1111 1111 was charged", &[("card", "4111 1111 1111 1111")]);
        check(
            "chiama 333 1234567, sunați la 0722 123 456, 555-123-4567",
            &[("phone", "333 1234567"), ("phone", "0722 123 456"), ("phone", "555-123-4567")],
        );
        check(
            "IT60X0542811101000000123456 e RO49AAAA1B31007593840000",
            &[("iban", "IT60X0542811101000000123456"), ("iban", "RO49AAAA1B31007593840000")],
        );
        check("PL61 1090 1014 0000 0712 1981 2875 has a wrong digit", &[]);
        check("4111 1111 1111 1112 is none, 12.05.2024 neither", &[]);
    }

    #[test]
    fn money_and_order_numbers_are_found() {
        check("zapłaciłem 1 200 zł i 49,99zł", &[("money", "1 200 zł"), ("money", "49,99zł")]);
        check("costs €20 or 300 kr, 15 EUR", &[("money", "€20"), ("money", "300 kr"), ("money", "15 EUR")]);
        check("where is my order no. AB-12345?", &[("order_number", "AB-12345")]);
        check(
            "zamówienie nr 4711234, order #99812",
            &[("order_number", "4711234"), ("order_number", "99812")],
        );
        check("I will order 2 pizzas", &[]);
        check("comanda mea cu numărul 4711234 nu a ajuns", &[("order_number", "4711234")]);
        check("zgłoszenie o numerze INC-2024-001", &[("order_number", "INC-2024-001")]);
        check("min beställning 883456 har inte kommit", &[("order_number", "883456")]);
        check(
            "ordine n. 55512 in ritardo, ticket #99812",
            &[("order_number", "55512"), ("order_number", "99812")],
        );
        check(
            "bara 499:- hos dem, 20 de lei, EUR 20",
            &[("money", "499"), ("money", "20 de lei"), ("money", "EUR 20")],
        );
    }

    #[test]
    fn the_person_who_is_thanked_is_found() {
        check("Dziękuję, pani Ania z Gdańska jest super", &[("person", "Ania")]);
        check("tack till Erik Berg i kassan", &[("person", "Erik Berg")]);
        check("Grazie a Giulia al banco", &[("person", "Giulia")]);
        check("Mulțumesc domnului Popescu!", &[("person", "Popescu")]);
        check("thanks to everyone", &[]);
    }
}
