//! Whether a word of a post, found by its folded form, is the term's word and not another one that folds alike.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;

use super::{Edge, Node, hints::Hints};
use crate::{
    fold::{Class, class},
    languages::Languages,
    words,
};

/// Where the word stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Setting {
    /// First word of a term, in running text.
    First,
    /// A later word.
    Later,
    /// In a tag, a handle or a domain, where capitals and diacritics tell little.
    Label,
}

/// `word`: where it stands in `text`.
pub(super) fn admits(
    edge: &Edge,
    node: &Node,
    text: &str,
    word: Range<usize>,
    setting: Setting,
    hints: &Hints<'_>,
) -> bool {
    let written = &text[word.clone()];
    let lone = setting == Setting::First && node.lone;
    if edge.ascii && edge.base && written.is_ascii() && !(lone && node.name) {
        return true;
    }
    let lower = plain(written);
    let common = words::common_in(&lower);
    if !same_diacritics(edge, node, written, &lower, common, setting, hints) {
        return false;
    }
    if edge.base || edge.misspelt || setting == Setting::Label {
        return !lone || edge.misspelt || !node.name || common.is_empty() || is_name(edge, text, word, hints);
    }
    let sure = hints.sure_language();
    if !sure.is_empty() && !edge.languages.meets(sure) {
        // A form in one language is none in another: Polish of Erik, Swedish Erika.
        return false;
    }
    if !lone || common.is_empty() {
        return true;
    }
    if !common.meets(edge.languages) && !hints.language().meets(edge.languages) {
        // And where it is a word, that word: two Swedish `banker`, an English banker.
        return false;
    }
    !node.name || is_name(edge, text, word, hints)
}

/// Tells a name from a common noun that is written alike: `Orange` and an orange, `u Marka` and `dobra marka`.
fn is_name(edge: &Edge, text: &str, word: Range<usize>, hints: &Hints<'_>) -> bool {
    let capital = text[word.clone()].contains(char::is_uppercase);
    let begins = || begins_sentence(&text[..word.start]);
    if edge.base {
        // Where the author writes capitals the name would have one.
        return capital || !hints.capitals();
    }
    capital && !begins() || edge.languages.meets(Languages::PL) && after_genitive(&text[..word.start])
}

fn begins_sentence(before: &str) -> bool {
    let before = before
        .trim_end_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '.' | '!' | '?' | '…' | ':' | '\n'));
    before.chars().next_back().is_none_or(|c| !c.is_alphanumeric())
}

/// Prepositions of the genitive: what follows in the form of a man's genitive is a man (`u Marka`), for the noun would
/// have another form (`u marki`).
fn after_genitive(before: &str) -> bool {
    let last = before.trim_end().rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    matches!(&*last.to_lowercase(), "u" | "od" | "do" | "dla" | "bez" | "pana")
}

fn same_diacritics(
    edge: &Edge,
    node: &Node,
    written: &str,
    lower: &str,
    common: Languages,
    setting: Setting,
    hints: &Hints<'_>,
) -> bool {
    if edge.misspelt || words::hash(lower) == edge.spelling {
        return true;
    }
    if lower.is_ascii() {
        // The post lacks some: no match where its author writes them and this is a word without (hår, "har").
        let another = if edge.base { !common.is_empty() } else { common.meets(edge.languages) };
        let name = node.name && written.contains(char::is_uppercase);
        return setting == Setting::Label || edge.ascii || name || !(another && hints.diacritics());
    }
    // The post has other ones: "pączka" is no "paczka". A term may have been typed without.
    common.is_empty() && (!edge.ascii || node.bare)
}

/// Lower-case, composed, with one way of writing Romanian's commas below, and without invisible characters.
pub(super) fn plain(word: &str) -> String {
    if word.is_ascii() {
        return word.to_ascii_lowercase();
    }
    word.nfkc()
        .filter(|c| class(*c) != Class::Invisible)
        .flat_map(char::to_lowercase)
        .map(|c| match c {
            'ş' => 'ș',
            'ţ' => 'ț',
            other => other,
        })
        .collect()
}

/// Endings that are attached with an apostrophe, a hyphen or a colon.
const ATTACHED: &[&str] = &[
    // Polish
    "a", "u", "owi", "em", "ie", "iem", "om", "ami", "ach", "ów", "y", "i", "e", "ę", "ą", "o", "owie", "ze",
    "cie", // Romanian
    "ul", "ului", "uri", "urile", "urilor", "ii", "ilor", "le", "lor", "ule", "ua", "ei", "l", "lui",
    // Swedish and English
    "s", "n", "en", "et", "ar", "er", "ers", "ens", "ets", "arna", "erna", "or", "orna", "t",
];

/// The end of a name with the ending that is attached to it: `iPhone'a`, `IKEA-i`, `IKEA:s`.
pub(super) fn ending_after(text: &str, end: usize) -> usize {
    let rest = &text[end..];
    let Some(sign) = rest.chars().next() else { return end };
    let apostrophe = super::place::is_apostrophe(sign);
    if !apostrophe && !matches!(sign, '-' | '\u{2010}' | '\u{2011}' | ':') {
        return end;
    }
    let after = &rest[sign.len_utf8()..];
    let length = after.find(|c: char| !c.is_alphanumeric()).unwrap_or(after.len());
    if length == 0 || length > MAX_ENDING_BYTES {
        return end;
    }
    // A second hyphen: "e-mail-i" is no ending.
    let ending = &after[..length];
    let fits = ATTACHED.iter().any(|known| ending == *known || ending.eq_ignore_ascii_case(known));
    if fits { end + sign.len_utf8() + length } else { end }
}

const MAX_ENDING_BYTES: usize = 6;
