//! People who are thanked, or named with a title.

use std::ops::Range;

use super::word::Word;
use crate::fold;

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
        b"kudos" | b"out" | b"shoutout" => &["to"],
        b"thanks" => &["to", ""],
        b"thank" => &[YOU],
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

const YOU: &str = "you";

/// Whether a person may be named after a folded word.
pub(super) fn is_cue(word: &[u8]) -> bool {
    is_title(word) || !thanked(word).is_empty()
}

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

pub(super) fn person(
    text: &str,
    words: &[Word<'_>],
    at: usize,
) -> Option<(&'static str, usize, Range<usize>)> {
    // As long as the longest turn is; most words have no name after them, and folding is dear.
    if !words.iter().skip(at + 1).take(LONGEST_TURN).any(|word| word.name) {
        return None;
    }
    let cue = fold(words[at].text);
    let first = if is_title(cue.as_bytes()) {
        after_title(text, words, at, &cue)?
    } else {
        after_thanks(text, words, at, thanked(cue.as_bytes()))?
    };
    let mut last = first;
    if gap(text, words, first) == Gap::Space
        && words[first + 1].name
        && may_be_name(&fold(words[first + 1].text))
    {
        last += 1;
    }
    Some(("person", last + 1 - at, words[first].start..words[last].end))
}

/// `thank you so much Sarah`
const LONGEST_TURN: usize = 4;

fn may_be_name(folded: &str) -> bool {
    !NO_NAMES.contains(&folded) && !HOW_MUCH.contains(&folded) && !is_title(folded.as_bytes())
}

/// The name after a title.
fn after_title(text: &str, words: &[Word<'_>], at: usize, title: &str) -> Option<usize> {
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
            return (words[before + 1].name && may_be_name(&folded)).then_some(before + 1);
        }
        short = matches!(folded.as_str(), "dr" | "prof");
    }
    None
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
        let fits = near
            && next.name
            && (links.contains(&"") || !linked.is_empty())
            && (announced || next.text.chars().count() > 2)
            && may_be_name(&folded);
        return fits.then_some(before + 1);
    }
    None
}
