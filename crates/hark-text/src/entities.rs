//! Things named in a text: people who are spoken of by name, order numbers, money, and personal data: phone numbers,
//! e-mail addresses, bank accounts and cards.

use std::ops::Range;

mod person;
mod personal;
mod word;

use person::{is_title, may_be_small_name, may_name, person};
use personal::{iban, is_date, is_email, number};
use word::{Word, begins_account, is_and, words};

use crate::{Entity, Match, fold, tokens::Tokens};

/// Kinds that are personal data, which `redact: true` masks.
pub const PERSONAL: [&str; 4] = ["phone", "email", "iban", "card"];

/// The entities of a text, by position; names that are configured subjects are no people. `tokens` are those of the text, at least.
pub(crate) fn find(text: &str, tokens: &Tokens, matches: &[Match]) -> Vec<Entity> {
    // Most posts name nothing: before a person stands a word that says so, or the name is a common one.
    let (people, amounts) = (may_name(text, tokens), may_name_amount(tokens));
    if !people && !amounts && !has_digit_or_at(text) {
        return Vec::new();
    }
    let mut found = all(text, people, amounts);
    let named =
        |range: &Range<usize>| matches.iter().any(|hit| hit.start < range.end && range.start < hit.end);
    found.retain(|entity| entity.kind != "person" || !named(&entity.range));
    found
}

/// The entities of a text that are no people.
pub(crate) fn numbers_and_addresses(text: &str) -> Vec<Entity> {
    if has_digit_or_at(text) { all(text, false, false) } else { Vec::new() }
}

/// Whether there is a digit or an `@`.
fn has_digit_or_at(text: &str) -> bool {
    text.bytes().fold(false, |found, byte| found | byte.is_ascii_digit() | (byte == b'@'))
}

/// `people`, `amounts`: these too, the latter in words.
fn all(text: &str, people: bool, amounts: bool) -> Vec<Entity> {
    let words = words(text);
    let mut found: Vec<Entity> = Vec::new();
    let small = people && !text.bytes().any(|byte| byte.is_ascii_uppercase());
    let (mut at, mut person_before, mut number_before) = (0, None, None);
    let mut notable = 0;
    while at < words.len() {
        // Nothing begins with most words.
        let word = &words[at];
        // The first notable word behind this one.
        if notable <= at {
            let behind = words[at + 1..].iter().position(Word::is_notable);
            notable = behind.map_or(words.len() + MOST_WORDS_AHEAD, |behind| at + 1 + behind);
        }
        let alone = notable > at + MOST_WORDS_AHEAD;
        // Many write names small.
        let titled = || small && is_title(fold(word.text).as_bytes());
        let may_be_person = people && (word.name || !alone || may_be_small_name(&words, at) || titled());
        let joined = at
            .checked_sub(1)
            .is_some_and(|before| number_before == Some(before) && joins(words[before].text));
        let behind_number = number_before == Some(at) || joined;
        let amount = if amounts { amount_in_words(&words, at) } else { None };
        if word.plain && alone && !may_be_person && amount.is_none() {
            at += 1;
            continue;
        }
        let person = || if may_be_person { person(text, &words, at, person_before, small) } else { None };
        at = match amount.or_else(|| longest(text, &words, at, behind_number)).or_else(person) {
            Some((kind, taken, range)) => {
                found.push(Entity { kind, range });
                if kind == "person" {
                    person_before = Some(at + taken - 1);
                }
                let next = at + taken;
                number_before = matches!(kind, "phone" | "card" | "iban").then_some(next);
                next + if kind == "order_number" { more_orders(&words, next, &mut found) } else { 0 }
            }
            None => at + 1,
        };
    }
    found
}

/// Whether a word stands between two numbers of a kind.
fn joins(word: &str) -> bool {
    is_and(word) || matches!(word, "lub" | "albo" | "or" | "eller" | "o" | "oppure" | "sau" | "/")
}

/// The entity that begins at a word, with the number of words it takes; no person. `behind_number`: one has ended right before it.
fn longest(
    text: &str,
    words: &[Word<'_>],
    at: usize,
    behind_number: bool,
) -> Option<(&'static str, usize, Range<usize>)> {
    let word = &words[at];
    if word.text.contains('@') && is_email(word.text) {
        return Some(("email", 1, word.start..word.end));
    }
    let first = word.text.chars().next()?;
    if first.is_ascii_digit() || matches!(first, '+' | '(' | '€' | '$' | '£' | '#') {
        if let Some(found) = money(text, words, at) {
            return Some(found);
        }
        if let Some(found) = number(text, words, at, behind_number) {
            return Some(found);
        }
    }
    if (first.is_ascii_uppercase() || first.is_ascii_lowercase() && begins_account(word.text.as_bytes()))
        && let Some(found) = iban(words, at)
    {
        return Some(found);
    }
    if let Some(found) = currency_first(words, at) {
        return Some(found);
    }
    order_number(text, words, at)
}

/// Currencies, folded, as they stand after or before an amount.
const CURRENCIES: &[&str] = &[
    "zl", "zlotych", "zlote", "zloty", "pln", "kr", "kronor", "sek", "eur", "euro", "euros", "lei", "leu",
    "ron", "usd", "dollars", "dollar", "gbp", "pounds", "pound", "quid", "bucks", "dkk", "nok", "czk", "huf",
    "chf", "tkr", "mkr", "bani", "groszy",
];

/// Thousands and millions, folded, between an amount and its currency: "5 tys. zł".
const SCALES: &[&str] = &[
    "tys", "tysiac", "tysiace", "tysiecy", "mln", "mld", "k", "tusen", "miljon", "miljoner", "mila", "mille",
    "milioni", "milione", "mii", "milioane", "thousand", "million", "hundred",
];

fn money(text: &str, words: &[Word<'_>], at: usize) -> Option<(&'static str, usize, Range<usize>)> {
    let word = &words[at];
    let found = |taken: usize, end: usize| Some(("money", taken, word.start..end));
    let unsigned = word.text.trim_start_matches(is_sign);
    let signed = unsigned.len() < word.text.len();
    // "€ 20"
    if unsigned.is_empty() {
        let amount =
            words.get(at + 1).filter(|next| !word.last && word.text.len() <= 4 && is_amount(next.text))?;
        let more =
            words[at + 2..].iter().take(MOST_THOUSANDS).take_while(|next| is_thousands(next.text)).count();
        let more = if amount.text.len() <= 3 && !amount.last { more } else { 0 };
        return found(2 + more, words[at + 1 + more].end);
    }
    let (amount, unit) = unsigned.split_at(amount_length(unsigned));
    if amount.is_empty() {
        return None;
    }
    if signed || !unit.is_empty() {
        let length = if unit.is_empty() { Some(0) } else { currency_length(unit) };
        let length =
            length.or_else(|| if signed { scale_length(unit) } else { pence_length(amount, unit) })?;
        return found(1, word.end - unit.len() + length);
    }
    // "1 200,50 zł": thousands in groups, then the currency.
    let mut taken = 1;
    let grouped = amount.len() <= 3 && amount.bytes().all(|byte| byte.is_ascii_digit());
    while grouped
        && taken <= MOST_THOUSANDS
        && !words[at + taken - 1].last
        && let Some(next) = words.get(at + taken)
        && let (group, unit) = next.text.split_at(amount_length(next.text))
        && is_thousands(group)
        && (unit.is_empty() || currency_length(unit).is_some())
    {
        taken += 1;
        if let Some(length) = currency_length(unit) {
            return found(taken, next.start + group.len() + length);
        }
    }
    let last = &words[at + taken - 1];
    if text[last.end..].starts_with(":-") {
        return found(taken, last.end);
    }
    let mut next = words.get(at + taken).filter(|_| !last.last)?;
    if SCALES.contains(&fold(next.text).as_str()) {
        taken += 1;
        next = words.get(at + taken)?;
    }
    // "20 de lei"
    if fold(next.text) == "de" {
        taken += 1;
        next = words.get(at + taken)?;
    }
    found(taken + 1, next.start + currency_length(next.text)?)
}

/// Groups after the first one, `1 200 000`; without a bound a text of nothing but groups would be read again from each.
const MOST_THOUSANDS: usize = 4;

fn is_sign(c: char) -> bool {
    matches!(c, '€' | '$' | '£')
}

/// How much of the begin is an amount or two: `200,50`, `20–30`.
fn amount_length(text: &str) -> usize {
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return 0;
    }
    let mark = |c: char| matches!(c, '.' | ',' | ':' | '-' | '–');
    let length = text.find(|c: char| !c.is_ascii_digit() && !mark(c)).unwrap_or(text.len());
    text[..length].trim_end_matches(mark).len()
}

fn is_amount(text: &str) -> bool {
    !text.is_empty() && amount_length(text) == text.len()
}

/// `200`, `200,50`
fn is_thousands(group: &str) -> bool {
    let (whole, part) = group.split_once([',', '.']).unwrap_or((group, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    whole.len() == 3 && digits(whole) && part.len() <= 2 && digits(part)
}

/// How much of the begin is a currency: all of `zł`, or `kr` of `kr/mån`.
fn currency_length(text: &str) -> Option<usize> {
    let after_signs = text.trim_start_matches(is_sign);
    let signs = text.len() - after_signs.len();
    if signs > 0 {
        return (signs <= 4 && !after_signs.starts_with(char::is_alphanumeric)).then_some(signs);
    }
    let length = text.find(|c: char| !c.is_alphabetic()).unwrap_or(text.len());
    let after = text[length..].chars().next();
    let ends = after.is_none_or(|c| !c.is_alphanumeric());
    (length > 0 && ends && CURRENCIES.contains(&fold(&text[..length]).as_str())).then_some(length)
}

/// How much of the begin is a scale behind an amount with a sign: `m` of `£5m`; nothing where it has none.
fn scale_length(unit: &str) -> Option<usize> {
    let length = unit.find(|c: char| !c.is_alphabetic()).unwrap_or(unit.len());
    let scale = fold(&unit[..length]);
    (length == 0 || matches!(scale.as_str(), "m" | "bn" | "b") || SCALES.contains(&scale.as_str()))
        .then_some(length)
}

/// `50p`; `720p` are lines of a picture.
fn pence_length(amount: &str, unit: &str) -> Option<usize> {
    (unit == "p" && amount.len() <= 2).then_some(unit.len())
}

/// Amounts that are a word, folded.
const AMOUNTS: &[&str] =
    &["mille", "cento", "milione", "sto", "tysiac", "milion", "tusen", "hundra", "miljon", "mie", "suta"];

/// Whether the text may name an amount by a word.
fn may_name_amount(tokens: &Tokens) -> bool {
    tokens.all().iter().any(|token| AMOUNTS.iter().any(|amount| amount.as_bytes() == tokens.bytes_of(token)))
}

/// `mille euro`, `o mie de lei`
fn amount_in_words(words: &[Word<'_>], at: usize) -> Option<(&'static str, usize, Range<usize>)> {
    let amount = &words[at];
    if amount.last || !AMOUNTS.contains(&fold(amount.text).as_str()) {
        return None;
    }
    let of = words.get(at + 1).is_some_and(|word| !word.last && matches!(word.text, "de" | "di"));
    let taken = 2 + usize::from(of);
    let currency = words.get(at + taken - 1)?;
    Some(("money", taken, amount.start..currency.start + currency_length(currency.text)?))
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
    "tracking",
    "case",
    "booking",
    "reservation",
    "invoice",
    "bokning",
    "prenotazion",
    "rezervar",
    "spraw",
    "tichet",
    "cazul",
    "sesizar",
    "reclam",
    "retur",
    "kundnummer",
    "reference",
    "parcel",
    "pacco",
    "sparningsnum",
    "confirmation",
    "pnr",
    "przewozow",
    "reklamation",
    "bollett",
    "segnalazion",
    "dosar",
];

/// Folded words, after one for "number" or before one, for whose number or of what it is: "numero cliente 40077123", "nr klienta to 40018827".
const WHOSE: &[&str] = &[
    "client", "cliente", "klienta", "klient", "customer", "kund", "abonat", "abonent", "policy", "account",
    "polisa", "polisy",
];

/// Whether a word is of something that has a number.
fn is_numbered(word: &str) -> bool {
    let word = fold(word);
    WHOSE.contains(&&*word) || is_of_order(bare(&word))
}

/// Without its sign and article: `#order`, `d'ordine`, `dell'ordine`.
fn bare(word: &str) -> &str {
    let word = word.trim_start_matches('#');
    word.rsplit(['\'', '’']).next().unwrap_or(word)
}

fn is_of_order(folded: &str) -> bool {
    // "refund" has none.
    folded == "ref" || ORDERS.iter().any(|begin| folded.starts_with(begin))
}

/// A number stands at most so many words behind what it is the number of: "comanda mea cu numărul 4711234".
const MOST_WORDS_AHEAD: usize = 4;

/// Folded words for "number".
const NUMBER: &[&str] = &[
    "cod", "code", "codice", "kod", "nr", "no", "numer", "number", "numero", "num", "n", "numarul", "id",
    "nummer", "numerze", "numeru",
];

/// Other folded words that may stand between what a number is of and the number.
const LINKS: &[&str] = &[
    "o",
    "to",
    "klienta",
    "client",
    "cliente",
    "sprawy",
    "sesizare",
    "cu",
    "my",
    "mea",
    "mele",
    "mia",
    "mio",
    "mitt",
    "min",
    "moja",
    "moje",
    "mojego",
    "is",
    "e",
    "ar",
    "este",
    "jest",
    "med",
    "with",
    "di",
    "med-nummer",
    "zamowienia",
    "bestallning",
];

fn order_number(text: &str, words: &[Word<'_>], at: usize) -> Option<(&'static str, usize, Range<usize>)> {
    // Most words have no code after them, and folding is dear.
    if !words.iter().skip(at + 1).take(MOST_WORDS_AHEAD).any(|word| word.digits > 0) {
        return None;
    }
    let word = fold(words[at].text);
    let word = bare(&word);
    let whose = WHOSE.contains(&word)
        && (at.checked_sub(1).is_some_and(|before| NUMBER.contains(&&*fold(words[before].text)))
            || words.get(at + 1).is_some_and(|next| NUMBER.contains(&&*fold(next.text))));
    if !whose && !is_of_order(word)
        || words[at].last && !words[at].text.ends_with(':') && words.len() == at + 1
    {
        return None;
    }
    // "order no. 12-345", "zamówienie nr: AB12345"
    let mut numbered = false;
    for ahead in 1..=MOST_WORDS_AHEAD {
        let next = words.get(at + ahead)?;
        let code = next.text.trim_start_matches('#');
        let digits = code.bytes().filter(u8::is_ascii_digit).count();
        let plain = code.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '/' | '_' | '.'));
        // "case 500ml": small letters are of a code only where it is announced as one.
        let small = code.bytes().any(|byte| byte.is_ascii_lowercase());
        let announced = numbered || code.len() < next.text.len();
        let fits = !small || announced && code.starts_with(|c: char| c.is_ascii_lowercase());
        // `KZ7T4Q`
        let locator = (5..=8).contains(&code.len())
            && digits > 0
            && code.bytes().any(|byte| byte.is_ascii_uppercase())
            && code.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        if plain && (code.len() >= 4 && digits >= 3 && fits || locator) {
            let other = is_date(code)
                // To Swedes it is the number of a person.
                || word == "pnr" && !locator
                || !numbered && is_span(code)
                || money(text, words, at + ahead).is_some()
                || ahead == 1 && word == "order" && is_verb(words, at)
                || is_account(text, words, at + ahead);
            return (!other).then_some(("order_number", ahead + 1, next.end - code.len()..next.end));
        }
        let link = fold(next.text);
        if NUMBER.contains(&link.as_str()) {
            numbered = true;
        } else if !LINKS.contains(&link.as_str()) {
            return None;
        }
    }
    None
}

/// `30-90` days, `24/48` hours
fn is_span(code: &str) -> bool {
    let Some((from, to)) = code.split_once(['-', '/']) else { return false };
    let number = |text: &str| text.parse::<u16>().ok().filter(|_| text.len() <= 3);
    number(from).zip(number(to)).is_some_and(|(from, to)| from < to)
}

/// Further numbers like the last one that was found: `TKT-4471, TKT-4502 and TKT-4519`; returns how many words they take.
fn more_orders(words: &[Word<'_>], from: usize, found: &mut Vec<Entity>) -> usize {
    let mut at = from;
    while let Some(last) = words[..at].last().map(|word| word.text.as_bytes()) {
        let and = words.get(at).is_some_and(|word| is_and(word.text));
        let Some(next) = words.get(at + usize::from(and)) else { break };
        let code = next.text.as_bytes();
        let like = code.len() == last.len()
            && code.len() >= 4
            && code
                .iter()
                .zip(last)
                .all(|(one, other)| one == other || one.is_ascii_digit() && other.is_ascii_digit());
        if !like {
            break;
        }
        found.push(Entity { kind: "order_number", range: next.start..next.end });
        at += 1 + usize::from(and);
    }
    at - from
}

/// Whether somebody orders: "I order 1500 of them".
fn is_verb(words: &[Word<'_>], at: usize) -> bool {
    at.checked_sub(1).is_some_and(|before| {
        matches!(
            fold(words[before].text).as_str(),
            "i" | "we"
                | "you"
                | "they"
                | "will"
                | "would"
                | "can"
                | "could"
                | "should"
                | "must"
                | "always"
                | "never"
        )
    })
}

/// Whether a bank account or a card begins at a word, which must not pass for a number of an order.
fn is_account(text: &str, words: &[Word<'_>], at: usize) -> bool {
    iban(words, at).is_some()
        || number(text, words, at, false).is_some_and(|(kind, taken, _)| kind == "card" && taken > 1)
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
    fn personal_data_are_found_without_a_space_before_them() {
        check("mail:info@firma.example", &[("email", "info@firma.example")]);
        check("kontakt:jan@x.example", &[("email", "jan@x.example")]);
        check("mailto:jan@firma.example", &[("email", "jan@firma.example")]);
        check("jan@x.example,anna@y.example", &[("email", "jan@x.example"), ("email", "anna@y.example")]);
        check("Jan<jan@x.example>", &[("email", "jan@x.example")]);
        check("tel.601 234 567", &[("phone", "601 234 567")]);
        check("tel:+48601234567", &[("phone", "+48601234567")]);
        check("info@firma.example,tel.601234567", &[("email", "info@firma.example"), ("phone", "601234567")]);
        check("karta:4111111111111111", &[("card", "4111111111111111")]);
        check("IBAN:PL61109010140000071219812874", &[("iban", "PL61109010140000071219812874")]);
        check(
            "wpłata na PL61-1090-1014-0000-0712-1981-2874.",
            &[("iban", "PL61-1090-1014-0000-0712-1981-2874")],
        );
        check(
            "pl61 1090 1014 0000 0712 1981 2874 to konto",
            &[("iban", "pl61 1090 1014 0000 0712 1981 2874")],
        );
        check("reservation PL61109010140000071219812874", &[("iban", "PL61109010140000071219812874")]);
        check("reservation 4111 1111 1111 1111", &[("card", "4111 1111 1111 1111")]);
        check("https://clips.example/@ania/video/6111111111111111116?a=1", &[]);
    }

    #[test]
    fn phones_have_area_codes_and_words_before_them() {
        check("zadzwoń (22) 123-45-67", &[("phone", "(22) 123-45-67")]);
        check("(555) 123-4567", &[("phone", "(555) 123-4567")]);
        check(
            "(555)123-4567 or +1 (555) 123-4567",
            &[("phone", "(555)123-4567"), ("phone", "+1 (555) 123-4567")],
        );
        check("(12) 601 234 567", &[("phone", "601 234 567")]);
        check("mój numer to 601234567, czekam", &[("phone", "601234567")]);
        check("call me at 601234567", &[("phone", "601234567")]);
        check(
            "0048 601 234 567, 0048601234567",
            &[("phone", "0048 601 234 567"), ("phone", "0048601234567")],
        );
    }

    #[test]
    fn a_mobile_number_without_spaces_is_masked_where_somebody_offers_it() {
        for text in [
            "mój nr 601234567",
            "mój nr to 601234567",
            "kontakt: 601234567",
            "Proszę o kontakt 601234567",
            "oddzwońcie na 601234567",
            "proszę dzwonić pod 601234567",
            "mob 601234567",
            "kom. 601234567",
            "601234567 proszę o kontakt",
            "Paczki dalej nie ma. 601234567, bardzo proszę o pilny kontakt",
            "zamówienie nie doszło, oddzwońcie na 601234567",
        ] {
            check(text, &[("phone", "601234567")]);
        }
        check("numărul meu 0722123456", &[("phone", "0722123456")]);
        check("nås på 0701234567", &[("phone", "0701234567")]);
        check("chiamatemi al 3331234567", &[("phone", "3331234567")]);
        for text in ["nr zamówienia 601234567", "numer klienta 601234567", "zgłoszenie nr 601234567"] {
            check(text, &[("order_number", "601234567")]);
        }
        check("zgłoszenie z 5 maja, nr 601234567", &[]);
        check("paketet kom 20240305, konto nr 123456789", &[]);
        check("120.000.000 albo 120 000 000", &[]);
    }

    #[test]
    fn numbers_of_parcels_customers_and_policies_are_found_and_spans_of_days_are_none() {
        for (text, number) in [
            ("spårningsnummer UA123456789SE", "UA123456789SE"),
            ("codice cliente 0099887766", "0099887766"),
            ("numero d'ordine: IT-2024-5512", "IT-2024-5512"),
            ("numero dell'ordine 5512889", "5512889"),
            ("Bolletta n. 4400123456 pagata due volte", "4400123456"),
            ("Segnalazione numero 778812", "778812"),
            ("PNR XK7P2Q", "XK7P2Q"),
            ("Dosar nr. 12345/2024", "12345/2024"),
            ("numărul comenzii mele este 778123", "778123"),
            ("my account number is 99120045", "99120045"),
            ("Confirmation code AB12CD34", "AB12CD34"),
            ("Reklamation R-5512 utan svar", "R-5512"),
            ("my ref is REF-88271", "REF-88271"),
            ("policy number PN1234567", "PN1234567"),
            ("order no. 12-345", "12-345"),
        ] {
            check(text, &[("order_number", number)]);
        }
        check("leverans av paket 30-90 dagar", &[]);
        check("your new policy 2024 is a joke", &[]);
        check("refund 20240 of them, ordine in 24/48 ore", &[]);
    }

    #[test]
    fn numbers_of_firms_at_an_authority_are_no_phones() {
        check("mitt pnr 19850709-9805", &[]);
        check("P.IVA 01234567890 sbagliata in fattura", &[]);
        check("La partita IVA 02345678901", &[]);
        check("NIP 5261040828, tel. 601 234 567", &[("phone", "601 234 567")]);
        check("Call center 021.312.34.56", &[("phone", "021.312.34.56")]);
    }

    #[test]
    fn dates_and_parcels_are_no_phones() {
        check("Wizyta 05/03/2024 20 osób czekało", &[]);
        check("01-02-2024 10 minut", &[]);
        check("nr przesyłki to 00123456789", &[("order_number", "00123456789")]);
        check("ring 2024-03-05", &[]);
        check("05/03/2024 601 234 567", &[("phone", "601 234 567")]);
    }

    #[test]
    fn money_is_found_with_cents_signs_and_units() {
        check("zapłaciłem 1 200,50 zł", &[("money", "1 200,50 zł")]);
        check("kosztuje 12 345,00 zł albo 12 345zł", &[("money", "12 345,00 zł"), ("money", "12 345zł")]);
        check("costa € 20 o £ 15", &[("money", "€ 20"), ("money", "£ 15")]);
        check("costa € 1 200,50", &[("money", "€ 1 200,50")]);
        check("199 kr/mån", &[("money", "199 kr")]);
        check("29,99 zł/mies.", &[("money", "29,99 zł")]);
        check("20€/mese, $20/month", &[("money", "20€"), ("money", "$20")]);
        check("20–30 zł", &[("money", "20–30 zł")]);
        check("5 tys. zł", &[("money", "5 tys. zł")]);
        check("w 2024 200 zł", &[("money", "200 zł")]);
        check("they took £5m and $20k/month", &[("money", "£5m"), ("money", "$20k")]);
        check("kostar 20 tkr, 5 bani", &[("money", "20 tkr"), ("money", "5 bani")]);
        check("paid 50p for a bag, in 720p", &[("money", "50p")]);
        check("mi è costato mille euro", &[("money", "mille euro")]);
        check("kosztowało tysiąc złotych, tysiąc razy", &[("money", "tysiąc złotych")]);
        check("o mie de lei, tusen kronor!", &[("money", "mie de lei"), ("money", "tusen kronor")]);
        check("£5s, mille grazie", &[]);
    }

    #[test]
    fn a_price_a_date_and_a_verb_make_no_order_number() {
        check("faktura 1200 zł za nic", &[("money", "1200 zł")]);
        check("Bilet 1500 zł", &[("money", "1500 zł")]);
        check("I order 1500 of them", &[]);
        check("zamówienie 12.05.2024 nie doszło", &[]);
        check("zamówienie nr ab12345", &[("order_number", "ab12345")]);
        check("order no.12-345 is late", &[("order_number", "12-345")]);
        check("in this case 500ml is too much", &[]);
    }

    #[test]
    fn the_person_who_is_thanked_is_found() {
        check("Dziękuję, pani Ania z Gdańska jest super", &[("person", "Ania")]);
        check("tack till Erik Berg i kassan", &[("person", "Erik Berg")]);
        check("Grazie a Giulia al banco", &[("person", "Giulia")]);
        check("Mulțumesc domnului Popescu!", &[("person", "Popescu")]);
        check("thanks to everyone", &[]);
    }
    #[test]
    fn a_title_and_how_much_one_thanks_stay_outside_the_name() {
        for (text, name) in [
            ("Dziękuję Pani Ani z recepcji", "Ani"),
            ("La dott.ssa Ferrari è stata bravissima", "Ferrari"),
            ("La sig.ra Conti alla cassa", "Conti"),
            ("L'avv. Greco mi ha aiutato", "Greco"),
            ("Vill tacka Lars-Erik som hjälpte mig", "Lars-Erik"),
            ("Special mention for Mary-Jane at the cafe", "Mary-Jane"),
            ("Tack A\u{30a}sa i kassan", "A\u{30a}sa"),
            ("Thanks to Zoe\u{308} at the counter", "Zoe\u{308}"),
            ("Grazie Signora Rossi", "Rossi"),
            ("Grazie Dottor Bianchi", "Bianchi"),
            ("Mulțumesc Domnului Popescu", "Popescu"),
            ("Thank you Miss Brown", "Brown"),
            ("Thanks Anna!", "Anna"),
            ("Thanks, Anna!", "Anna"),
            ("Thanks Anna! Great service", "Anna"),
            ("Thank you, Sarah, you were great", "Sarah"),
            ("Thank you so much Sarah", "Sarah"),
            ("Tack så mycket Elin!", "Elin"),
            ("Grazie mille Giulia", "Giulia"),
            ("Grazie mille a Giulia", "Giulia"),
            ("Dziękuję bardzo Ani z recepcji", "Ani"),
            ("tack till Bo i kassan", "Bo"),
            ("Mr O'Brien was great", "O'Brien"),
            ("Mr. Brown was great", "Brown"),
            ("Pani Doktor Kowalska", "Kowalska"),
        ] {
            check(text, &[("person", name)]);
        }
    }

    #[test]
    fn a_person_is_found_in_small_letters_beside_another_after_an_abbreviation_and_between_commas() {
        check("dziekuje pani ani za pomoc", &[("person", "ani")]);
        check("pozdrawiam pana tomka, świetna robota", &[("person", "tomka")]);
        check("pani ani razu nie odebrala", &[]);
        check("i miss anna", &[]);
        check("Tack till Gunilla och Per", &[("person", "Gunilla"), ("person", "Per")]);
        check("Tack till Per!", &[("person", "Per")]);
        check("Dziękuję Anna i Tomek", &[("person", "Anna"), ("person", "Tomek")]);
        check("Grazie Giulia e Marco", &[("person", "Giulia"), ("person", "Marco")]);
        check("il dott. Bianchi mi ha aiutato", &[("person", "Bianchi")]);
        check("The driver, Dave, was lovely", &[("person", "Dave")]);
    }

    #[test]
    fn a_firm_or_a_country_that_is_thanked_is_no_person() {
        for text in [
            "Thanks Norvane for the quick delivery",
            "Thanks to Norvane my parcel is lost",
            "Brawo Polska!",
            "Tack Veltra för ingenting",
            "Tack till Veltra",
            "Grazie Telvia per il ritardo",
            "Grazie a Telvia",
            "Mulțumesc Dalvia, sunteți grozavi",
            "Dziękuję Norvance, świetna obsługa",
        ] {
            check(text, &[]);
        }
        check("Thanks Zubeida from the counter", &[("person", "Zubeida")]);
        check("Tack Sven-Erik för nyckeln", &[("person", "Sven-Erik")]);
        check("Kudos to Zubeida, your engineer", &[("person", "Zubeida")]);
        check("Thank you Zubeida, best personal trainer", &[("person", "Zubeida")]);
    }

    #[test]
    fn what_follows_thanks_is_not_always_a_name() {
        for text in [
            "Dziękuję Pani za pomoc",
            "Dziękuję Państwu za pomoc",
            "Dziękuję Panu z infolinii",
            "Dziękuję Panu. Polecam",
            "Dziękuję\nPolecam każdemu",
            "Dziękuję 😊 Polecam",
            "Dzięki - Polecam",
            "Grazie\nSaluti",
            "Tack\nMvh Elin",
            "Thank You Very Much",
            "Grazie Mille",
            "Tack Alla",
            "Tack Gud",
            "MS Teams nie działa",
            "MS Excel is slow",
            "dosarul a plecat la DNA. Pe curând",
            "Thanks, Anna",
            "thank you It was great",
        ] {
            check(text, &[]);
        }
    }
}
