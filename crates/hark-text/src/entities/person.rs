//! People who are thanked, or named with a title, with what they do or where they work, or by a common first name.

use std::{collections::HashMap, ops::Range, sync::LazyLock};

use super::word::{Word, is_and};
use crate::{
    filter::Filter,
    fold::{ByHash, fold},
    tokens::{TokenKind, Tokens},
    words,
};

/// Hand-written; what each part is for stands in its heading.
static LIST: &str = include_str!("../../lexicon/people.txt");

const FIRST_NAME: u8 = 1;
const ROLE: u8 = 2;
const DOCTOR: u8 = 4;
const PLACE: u8 = 8;
const PREPOSITION: u8 = 16;
const KIN: u8 = 32;
/// A first name that is a word more often.
const WORD_TOO: u8 = 64;
/// What may begin a person.
const BEGINS: u8 = FIRST_NAME | ROLE | DOCTOR | WORD_TOO;

/// What is known of words, by the hash of their folded form.
struct People {
    known: HashMap<u64, u8, ByHash>,
    begins: Filter,
}

static PEOPLE: LazyLock<People> = LazyLock::new(|| {
    let mut known: HashMap<u64, u8, ByHash> = HashMap::default();
    let mut part = 0;
    for line in LIST.lines() {
        if let Some(heading) = line.strip_prefix("# ") {
            part = match heading.split(':').next() {
                Some("Roles") => ROLE,
                Some("Places") => PLACE,
                Some("Doctors") => DOCTOR,
                Some("Prepositions") => PREPOSITION,
                Some("Kin") => KIN,
                Some("Names") => WORD_TOO,
                _ => 0,
            };
            continue;
        }
        for word in line.split_whitespace() {
            *known.entry(hash(fold(word))).or_default() |= part;
        }
    }
    for name in words::first_names() {
        *known.entry(spread(name)).or_default() |= FIRST_NAME;
    }
    let begins = known.iter().filter(|(_, what)| **what & BEGINS != 0);
    let begins = Filter::of(begins.map(|(hash, _)| *hash));
    People { known, begins }
});

fn hash(folded: impl AsRef<[u8]>) -> u64 {
    spread(words::hash(folded))
}

/// A filter and a table go by all bits.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// What is known of a folded word.
fn known(folded: impl AsRef<[u8]>) -> u8 {
    PEOPLE.known.get(&hash(folded)).copied().unwrap_or(0)
}

/// The same, but nothing of one that begins no person.
fn beginning(folded: impl AsRef<[u8]>) -> u8 {
    let hash = hash(folded);
    let what = if PEOPLE.begins.may_hold(hash) { PEOPLE.known.get(&hash) } else { None };
    what.copied().unwrap_or(0)
}

/// Whether the text may name people.
pub(super) fn may_name(text: &str, tokens: &Tokens) -> bool {
    let bytes = text.as_bytes();
    let small = !bytes.iter().any(u8::is_ascii_uppercase);
    let mut last: Option<&[u8]> = None;
    // "dott. Bianchi": a mark parts no role from its name.
    for token in tokens.all().iter().filter(|token| token.kind != TokenKind::Mark) {
        let word = tokens.bytes_of(token);
        if is_title(word) || !thanked(word).is_empty() {
            return true;
        }
        // Hashing each word would cost more than all else here. (The words of a post's title have other places.)
        let first = bytes.get(token.start).copied().unwrap_or(b' ');
        let capital = first.is_ascii_uppercase() || !first.is_ascii();
        if capital && beginning(word) & FIRST_NAME != 0 {
            return true;
        }
        let before = last.replace(word).filter(|_| capital || small && word.len() <= LONGEST_PREPOSITION);
        if let Some(before) = before {
            let what = beginning(before);
            let works = capital && what & (ROLE | DOCTOR) != 0;
            if works || small && what & FIRST_NAME != 0 && known(word) & PREPOSITION != 0 {
                return true;
            }
        }
    }
    false
}

const LONGEST_PREPOSITION: usize = 8;

/// Whether a small word is a name and what comes next may say where somebody works.
pub(super) fn may_be_small_name(words: &[Word<'_>], at: usize) -> bool {
    // Asked for most words: without a hash where that will do.
    let preposition = |next: &Word<'_>| {
        matches!(
            next.text,
            "z" | "ze"
                | "w"
                | "we"
                | "na"
                | "przy"
                | "od"
                | "på"
                | "pa"
                | "i"
                | "från"
                | "fran"
                | "hos"
                | "vid"
                | "al"
                | "allo"
                | "alla"
                | "alle"
                | "del"
                | "dello"
                | "della"
                | "nel"
                | "di"
                | "de"
                | "din"
                | "la"
                | "at"
                | "in"
                | "on"
                | "from"
                | "behind"
        ) || next.text.contains(['\'', '’'])
    };
    words.get(at + 1).is_some_and(preposition) && beginning(words[at].text) & FIRST_NAME != 0
}

/// Whether a folded word is a title before a name.
pub(super) fn is_title(word: &[u8]) -> bool {
    matches!(
        word,
        b"pani"
            | b"pan"
            | b"pana"
            | b"panu"
            | b"pania"
            | b"panem"
            | b"panie"
            | b"domnul"
            | b"domnule"
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
            | b"dott.ssa"
            | b"prof.ssa"
            | b"sig.ra"
            | b"sig.na"
            | b"ssa"
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
        b"kudos" | b"out" | b"shoutout" => &["to"],
        b"thanks" => &["to", ""],
        b"thank" => &[YOU],
        b"served" | b"helped" => &["by"],
        b"eloge" | b"cred" => &["till"],
        b"complimenti" => &["a"],
        b"brawa" | b"podziekowania" => &["dla"],
        b"multumim" | b"multumiri" => &["lui"],
        b"tack" => &["till", ""],
        b"grazie" => &["a", ""],
        b"multumesc" => &["lui", ""],
        b"bravo" | b"brava" | b"brawo" | b"dziekuje" | b"dzieki" | b"felicitari" => &[""],
        _ => &[],
    }
}

const YOU: &str = "you";

/// How much somebody thanks, folded: `thank you so much`, `tack så mycket`, `grazie mille`.
const HOW_MUCH: &[&str] = &[
    "so",
    "very",
    "much",
    "a",
    "lot",
    "again",
    "bardzo",
    "serdecznie",
    "slicznie",
    "jeszcze",
    "raz",
    "sa",
    "mycket",
    "jatte",
    "stort",
    "hjartligt",
    "mille",
    "tante",
    "infinite",
    "ancora",
    "mult",
    "foarte",
    "frumos",
    "inca",
    "o",
    "data",
];

/// Folded words after a title that belong to it: `Pani Doktor Kowalska`.
const RANKS: &[&str] = &[
    "doktor",
    "dr",
    "doctor",
    "profesor",
    "professor",
    "prof",
    "mecenas",
    "kierownik",
    "dyrektor",
    "doctorul",
];

/// Folded words that stand, with a capital, where a name would: whoever is meant, God, and how the next sentence begins.
const NO_NAMES: &[&str] = &[
    "you",
    "all",
    "everyone",
    "everybody",
    "guys",
    "team",
    "god",
    "goodness",
    "for",
    "my",
    "it",
    "us",
    "me",
    "the",
    "this",
    "that",
    "and",
    "but",
    "we",
    "they",
    "he",
    "she",
    "your",
    "our",
    "great",
    "highly",
    "best",
    "good",
    "will",
    "very",
    "regards",
    "cheers",
    "panstwu",
    "panstwo",
    "panom",
    "paniom",
    "wam",
    "ci",
    "tobie",
    "wszystkim",
    "bogu",
    "bog",
    "za",
    "ze",
    "to",
    "jest",
    "polecam",
    "pozdrawiam",
    "super",
    "obsluga",
    "na",
    "nie",
    "firmie",
    "alla",
    "alle",
    "gud",
    "er",
    "dig",
    "ni",
    "jag",
    "det",
    "vi",
    "mvh",
    "hej",
    "rekommenderar",
    "rekommenderas",
    "allihop",
    "dio",
    "cielo",
    "tutti",
    "tutte",
    "voi",
    "te",
    "lei",
    "per",
    "di",
    "saluti",
    "consiglio",
    "consigliato",
    "consigliatissimo",
    "ottimo",
    "tuturor",
    "dumnezeu",
    "va",
    "pentru",
    "recomand",
    "cu",
    "echipei",
    "staff",
    "support",
];

/// What stands between two words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gap {
    Space,
    Comma,
    /// As after a short form: `Mr. Brown`.
    Dot,
    /// A line break, a dash, an emoji, another mark: what comes after it is something else.
    End,
}

fn gap(text: &str, words: &[Word<'_>], before: usize) -> Gap {
    let Some([one, two]) = words.get(before..before + 2) else { return Gap::End };
    let between = &text[one.end..two.start];
    let spaces = between.trim_start_matches([',', '.']);
    if !spaces.chars().all(|c| c.is_whitespace() && !matches!(c, '\n' | '\r')) {
        return Gap::End;
    }
    match &between[..between.len() - spaces.len()] {
        "" => Gap::Space,
        "," => Gap::Comma,
        "." => Gap::Dot,
        _ => Gap::End,
    }
}

/// The person whose name, or what announces it, begins at a word; `previous`: the person before it ends there; `small`: the text has no
/// capitals.
pub(super) fn person(
    text: &str,
    words: &[Word<'_>],
    at: usize,
    previous: Option<usize>,
    small: bool,
) -> Option<(&'static str, usize, Range<usize>)> {
    let first =
        announced(text, words, at, small).or_else(|| called(text, words, at, previous).then_some(at))?;
    let mut last = first;
    if gap(text, words, first) == Gap::Space
        && words[first + 1].name
        && may_be_name(&fold(words[first + 1].text))
    {
        last += 1;
    }
    Some(("person", last + 1 - at, words[first].start..words[last].end))
}

/// The name that a title, a word of thanks or what somebody does announces.
fn announced(text: &str, words: &[Word<'_>], at: usize, small: bool) -> Option<usize> {
    // As long as the longest turn is; most words have no name after them, and folding is dear.
    if !small && !words.iter().skip(at + 1).take(LONGEST_TURN).any(|word| word.name) {
        return None;
    }
    let cue = fold(words[at].text);
    if is_title(cue.as_bytes()) {
        return after_title(text, words, at, &cue, small);
    }
    let thanked = after_thanks(text, words, at, thanked(cue.as_bytes()));
    thanked.or_else(|| after_role(text, words, at, &cue))
}

/// `chauffören Hassan`, `dr Wysocka`
fn after_role(text: &str, words: &[Word<'_>], at: usize, role: &str) -> Option<usize> {
    // `l'avvocato`
    let role = role.rsplit(['\'', '’']).next().unwrap_or(role);
    let what = beginning(role);
    let doctor = what & DOCTOR != 0;
    if what & (DOCTOR | ROLE) == 0 {
        return None;
    }
    let next = words.get(at + 1).filter(|next| next.name)?;
    let gap = gap(text, words, at);
    let near = match gap {
        Gap::Space => true,
        Gap::Dot => matches!(role, "dr" | "prof" | "dott" | "doc" | "avv"),
        // "The driver, Dave, was lovely"
        Gap::Comma => text[next.end..].starts_with(','),
        Gap::End => false,
    };
    let folded = fold(next.text);
    let fits =
        if doctor && gap != Gap::Comma { may_be_name(&folded) } else { beginning(&folded) & FIRST_NAME != 0 };
    (near && fits).then_some(at + 1)
}

/// Whether a word is a first name that calls somebody.
fn called(text: &str, words: &[Word<'_>], at: usize, previous: Option<usize>) -> bool {
    let word = &words[at];
    // Most small words are no names as they stand.
    if !word.name && word.text.is_ascii() && beginning(word.text) & FIRST_NAME == 0 {
        return false;
    }
    let folded = fold(word.text);
    // `Lars-Erik`
    let what = match folded.split_once('-') {
        Some((one, other)) => beginning(one) & beginning(other),
        None => beginning(&folded),
    };
    if what & (FIRST_NAME | WORD_TOO) == 0 {
        return false;
    }
    let before = at.checked_sub(1).filter(|before| gap(text, words, *before) == Gap::Space);
    // `Chiara e Matteo`
    let beside = || {
        before.is_some_and(|and| {
            (is_and(words[and].text) || words[and].text == "ed") && previous == and.checked_sub(1)
        })
    };
    // Beside a person `Per` is one.
    if (what & FIRST_NAME == 0 || !may_be_name(&folded)) && !(word.name && beside()) {
        return false;
    }
    let common = || words::is_common(&word.text.to_lowercase());
    // Short ones are words more often: `ani` are years.
    let short = word.text.chars().count() <= LETTERS_OF_A_WORD;
    if at_a_place(text, words, at) && (word.name || !(short && common())) {
        return true;
    }
    if !word.name {
        return false;
    }
    if let Some(before) = before {
        let folded = fold(words[before].text);
        // The first word of a sentence has a capital whatever it is.
        let begins = before == 0 || gap(text, words, before - 1) != Gap::Space;
        let another = words[before].name && !(begins && is_ordinary(words[before].text));
        // `Radio Maria`, `via Giulia`, `min son Erik`, "biljetter till Veronica"
        if another && !beside() || known(&folded) & KIN != 0 || DIRECTIONS.contains(&&*folded) {
            return false;
        }
    } else if common() {
        return false;
    }
    let last = if words.get(at + 1).is_some_and(|next| next.name) { at + 1 } else { at };
    // "Thanks, Anna" at the end is signed by her.
    let after = text[words[last].end..].trim_end();
    if at > 0 && before.is_none() && matches!(after, "" | ".") {
        return false;
    }
    // A street: `Kazimierza Wielkiego 3`
    !words
        .get(last + 1)
        .is_some_and(|next| gap(text, words, last) == Gap::Space && is_house_number(next.text))
}

/// Prepositions before concerts, streets and stations named after somebody.
const DIRECTIONS: &[&str] = &["pa", "till", "na", "przy", "pe", "to"];

fn is_ordinary(word: &str) -> bool {
    let lower = word.to_lowercase();
    words::is_common(&lower) || known(fold(&lower)) & ROLE != 0
}

fn is_house_number(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit()) || matches!(word, "nr" | "II" | "III" | "IV")
}

/// `Pelle i er kundtjänst`, `francesca al banco`
fn at_a_place(text: &str, words: &[Word<'_>], at: usize) -> bool {
    let mut after = at + 1;
    // A surname.
    if words.get(after).is_some_and(|word| word.name) {
        after += 1;
    }
    let mut between = 0;
    while between < MOST_PREPOSITIONS && gap(text, words, after - 1) == Gap::Space {
        let folded = fold(words[after].text);
        // `dell'officina`
        let (article, noun) = folded.split_once(['\'', '’']).unwrap_or(("", &folded));
        if (between > 0 || !article.is_empty()) && (known(noun) | known(&folded)) & PLACE != 0 {
            return true;
        }
        if known(&folded) & PREPOSITION == 0 {
            return false;
        }
        between += 1;
        after += 1;
    }
    false
}

/// `Tunde, best personal trainer`
fn is_somebody(text: &str, words: &[Word<'_>], at: usize) -> bool {
    let ahead = (at..at + WORDS_TO_A_ROLE).take_while(|before| match gap(text, words, *before) {
        Gap::Space => true,
        Gap::Comma => *before == at,
        Gap::Dot | Gap::End => false,
    });
    ahead.skip(1).any(|before| known(fold(words[before + 1].text)) & ROLE != 0)
}

/// Between a name and what somebody does.
const WORDS_TO_A_ROLE: usize = 5;

const MOST_PREPOSITIONS: usize = 3;
const LETTERS_OF_A_WORD: usize = 4;

/// `thank you so much Sarah`
const LONGEST_TURN: usize = 4;

fn may_be_name(folded: &str) -> bool {
    !NO_NAMES.contains(&folded) && !HOW_MUCH.contains(&folded) && !is_title(folded.as_bytes())
}

/// The name after a title.
fn after_title(text: &str, words: &[Word<'_>], at: usize, title: &str, small: bool) -> Option<usize> {
    let written = words[at].text;
    let mut short = matches!(title, "dl" | "dna" | "sig" | "mr" | "mrs" | "ms");
    // A short one in capitals is the short form of something else: `MS Teams`, `DNA`.
    if (short || written.len() == 2) && written.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    // A rank at the most.
    for before in at..at + 2 {
        match gap(text, words, before) {
            Gap::Space => {}
            Gap::Dot if short => {}
            _ => return None,
        }
        let folded = fold(words[before + 1].text);
        if !RANKS.contains(&folded.as_str()) {
            let fits =
                words[before + 1].name || small && title != "miss" && is_small_name(words, at, &folded);
            return (fits && may_be_name(&folded)).then_some(before + 1);
        }
        short = matches!(folded.as_str(), "dr" | "prof");
    }
    None
}

/// Whether a small word after the title at `at` is a first name: `ani` only where she is thanked, for "pani ani razu" is no Ania.
fn is_small_name(words: &[Word<'_>], at: usize, folded: &str) -> bool {
    let thanked = || {
        at.checked_sub(1).map(|before| fold(words[before].text)).is_some_and(|before| {
            !thanked(before.as_bytes()).is_empty() || matches!(before.as_str(), "dla" | "bardzo")
        })
    };
    let short = folded.len() <= LETTERS_OF_A_WORD;
    beginning(folded) & FIRST_NAME != 0 && (!(short && words::is_common(folded)) || thanked())
}

/// The name after a word of thanks.
fn after_thanks(text: &str, words: &[Word<'_>], at: usize, links: &[&str]) -> Option<usize> {
    if links.is_empty() {
        return None;
    }
    let mut linked = "";
    let mut before = at;
    for _ in 0..LONGEST_TURN {
        let gap = gap(text, words, before);
        let next = words.get(before + 1)?;
        let folded = fold(next.text);
        let link = links.iter().find(|link| **link == folded);
        if gap == Gap::Space && (link.is_some() || HOW_MUCH.contains(&folded.as_str())) {
            linked = link.unwrap_or(&linked);
            before += 1;
            continue;
        }
        let near = match gap {
            Gap::Space => true,
            // "Thanks, Anna" at the end is signed by her.
            Gap::Comma => {
                (linked == YOU || links.contains(&"to")) && text[next.end..].starts_with(['!', ','])
            }
            Gap::Dot | Gap::End => false,
        };
        // Two letters begin a sentence more often than they are a name, unless the name is announced.
        let announced = !linked.is_empty() && linked != YOU;
        let word_too = announced && beginning(&folded) & WORD_TOO != 0;
        let fits = near
            && next.name
            && (links.contains(&"") || !linked.is_empty())
            && (announced || next.text.chars().count() > 2)
            && (may_be_name(&folded) || word_too)
            // Firms and countries are thanked as people are.
            && (beginning(folded.split('-').next().unwrap_or(&folded)) & FIRST_NAME != 0
                || word_too
                || at_a_place(text, words, before + 1)
                || is_somebody(text, words, before + 1));
        return fits.then_some(before + 1);
    }
    None
}
