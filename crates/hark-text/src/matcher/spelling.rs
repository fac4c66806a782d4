//! Whether a word of a post, found by its folded form, is the term's word and not another one that folds alike.

use std::{collections::HashMap, ops::Range};

use unicode_normalization::UnicodeNormalization;

use super::{Edge, Node, hints::Hints};
use crate::{
    fold::{Class, class},
    forms,
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

/// What [`Matcher`](super::Matcher) knows of forms with diacritics, by their hash.
type Marked = HashMap<u32, Box<str>>;

/// `word`: where it stands in `text`.
pub(super) fn admits(
    edge: &Edge,
    node: &Node,
    marked: &Marked,
    text: &str,
    word: Range<usize>,
    setting: Setting,
    hints: &Hints<'_>,
) -> bool {
    let written = &text[word.clone()];
    let lone = setting == Setting::First && node.lone;
    if lone && !node.name && is_verb(edge, node, text, word.clone(), hints) {
        return false;
    }
    if edge.ascii && edge.base && written.is_ascii() && !(lone && node.name) {
        return true;
    }
    let lower = plain(written);
    if lone && !node.name && !edge.base && is_homograph(&lower, &text[..word.start]) {
        return false;
    }
    let common = words::common_in(&lower);
    let form = || marked.get(&edge.spelling).map(|form| &**form);
    if !same_diacritics(edge, node, form, &Found { written, lower: &lower, common }, setting, hints) {
        return false;
    }
    if edge.base || edge.misspelt || setting == Setting::Label {
        let another = || hints.language().is_empty() || common.meets(hints.language());
        if !lone || edge.misspelt || !node.name || common.is_empty() || !another() {
            return true;
        }
        // "are" for Åre, in whatever letters the rest is.
        let bare = !edge.ascii && written.is_ascii() && is_small(written);
        return !bare && is_name(edge, node, text, word, hints);
    }
    if lone && node.name && node.noun.meets(edge.languages) && is_described(node, text, word.clone(), hints) {
        // `dwie żabki`
        return false;
    }
    let sure = hints.sure_language();
    if !sure.is_empty() && !edge.languages.meets(sure) {
        // A form in one language is none in another: Polish of Erik, Swedish Erika.
        return false;
    }
    let spoken = hints.language();
    if lone
        && !node.name
        && !node.noun.meets(edge.languages)
        && node.noun.meets(spoken)
        && !spoken.meets(edge.languages)
    {
        // A word of one language has no forms by the rules of another: Italian `pacca` and pacco.
        return false;
    }
    if !lone || common.is_empty() || !sure.is_empty() && !common.meets(sure) {
        return true;
    }
    // And where it is a word, that word: two Swedish `banker`, an English banker.
    let language = hints.language();
    if !node.name {
        return language.meets(edge.languages) || common.meets(edge.languages);
    }
    let here =
        language.meets(edge.languages) || language.is_empty() && common.without(edge.languages).is_empty();
    (here || is_proper(text, word.clone())) && is_name(edge, node, text, word, hints)
}

/// Whether a common noun stands where only a verb can that is written alike: `jag ringer`, `lo porta`, `eu vin`, `want to order`.
fn is_verb(edge: &Edge, node: &Node, text: &str, word: Range<usize>, hints: &Hints<'_>) -> bool {
    let (before, written, after) = (&text[..word.start], &text[word.clone()], &text[word.end..]);
    if node.noun.is_empty() || before.is_empty() {
        return false;
    }
    let last = last_word(before);
    let after_one_of = |words: &[&str]| words.contains(&&*last);
    let swedish = if edge.base {
        // An infinitive.
        written.ends_with('a')
            && after_one_of(&[
                "att", "vill", "ska", "kan", "får", "måste", "kunde", "skulle", "behöver", "man",
            ])
    } else {
        written.ends_with('r') && after_one_of(&["jag", "du", "han", "hon", "vi", "ni", "man", "vad"])
    };
    let article = written.starts_with(['s', 'z', 'g']) || written.starts_with("ps");
    let italian =
        after_one_of(&["mi", "ti", "ci", "vi", "si", "ne", "non", "io"]) || after_one_of(&["lo"]) && !article;
    let romanian = after_one_of(&["eu", "tu", "nu", "să", "se", "mă"]);
    let before = before.trim_end();
    let english = before == "I"
        || before.ends_with(" I")
        || after_one_of(&["we", "they", "you", "can", "could", "will", "would", "should", "must", "cannot"])
        || !edge.base && after_one_of(&["he", "she", "it", "who"])
        // "in order to"
        || after_one_of(&["in"]) && written == "order" && after.starts_with(" to ")
        || after_one_of(&["to"]) && {
            const WISHES: &[&str] = &[
                "want", "wants", "wanted", "need", "needed", "how", "able", "going", "like", "trying",
                "tried", "try", "order", "have", "had", "love", "decided", "where",
            ];
            WISHES.contains(&&*last_word(before.strip_suffix("to").unwrap_or_default()))
        };
    let verbs = [
        (Languages::SV, swedish),
        (Languages::IT, italian),
        (Languages::RO, romanian),
        (Languages::EN, english),
    ];
    // The language of the post is asked for last: it takes a look at all of it.
    verbs.into_iter().any(|(language, verb)| {
        verb && node.noun.meets(language) && (hints.language().is_empty() || hints.language().meets(language))
    })
}

/// Whether an inflected form is another word where it stands: a queue, `fila`, is none of the `filo` but in "le fila".
fn is_homograph(lower: &str, before: &str) -> bool {
    const PLURAL: &[&str] = &["le", "delle", "alle", "dalle", "nelle", "sulle"];
    const QUALIFYING: &[&str] = &[
        "en", "den", "ett", "så", "mer", "mest", "mycket", "lite", "väldigt", "riktigt", "helt", "ganska",
        "är", "var", "blir", "känns", "kändes", "och", "inte", "som",
    ];
    match lower {
        "fila" | "grida" | "urla" => !PLURAL.contains(&&*last_word(before)),
        // The adjective; the mother has no article before her.
        "modern" => QUALIFYING.contains(&&*last_word(before)),
        // How one calls somebody in Romanian.
        "băi" | "bai" => begins_sentence(before),
        _ => false,
    }
}

/// Tells a name from a common noun that is written alike: `Orange` and an orange, `u Marka` and `dobra marka`.
fn is_name(edge: &Edge, node: &Node, text: &str, word: Range<usize>, hints: &Hints<'_>) -> bool {
    let written = &text[word.clone()];
    // A noun with its own declension is another one: `Marek` and `marka`.
    let own = node.noun.meets(edge.languages) && !forms::is_polish_noun(written);
    if edge.base || own {
        return !is_described(node, text, word, hints);
    }
    let capital = !is_small(written);
    let begins = || begins_sentence(&text[..word.start]);
    let genitive = || edge.languages.meets(Languages::PL) && after_genitive(&text[..word.start]);
    capital && !begins() || (capital || !hints.capitals()) && genitive()
}

/// Whether words that a name is made of are no name: the author writes capitals, and here none. But many write firms so: "w biedronce".
pub(super) fn is_described(node: &Node, text: &str, words: Range<usize>, hints: &Hints<'_>) -> bool {
    is_small(&text[words.clone()])
        && hints.capitals()
        && !(node.shop && after_preposition(&text[..words.start]))
}

pub(super) fn is_small(written: &str) -> bool {
    !written.contains(char::is_uppercase)
}

/// Prepositions that stand before a shop without an article.
fn after_preposition(before: &str) -> bool {
    const PREPOSITIONS: &[&str] =
        &["w", "we", "do", "z", "ze", "u", "od", "hos", "från", "da", "dal", "dalla", "la", "at", "from"];
    PREPOSITIONS.contains(&&*last_word(before))
}

/// Whether a word within a sentence has a capital, and only one: Halmstad is no `stad`.
pub(super) fn is_proper(text: &str, word: Range<usize>) -> bool {
    let mut letters = text[word.clone()].chars();
    letters.next().is_some_and(char::is_uppercase)
        && letters.all(|c| !c.is_uppercase())
        && !begins_sentence(&text[..word.start])
}

fn begins_sentence(before: &str) -> bool {
    let before = before
        .trim_end_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '.' | '!' | '?' | '…' | ':' | '\n'));
    before.chars().next_back().is_none_or(|c| !c.is_alphanumeric())
}

/// Prepositions of the genitive: what follows in the form of a man's genitive is a man (`u Marka`), for the noun would
/// have another form (`u marki`).
fn after_genitive(before: &str) -> bool {
    matches!(&*last_word(before), "u" | "od" | "do" | "dla" | "bez" | "pana")
}

fn last_word(before: &str) -> String {
    before.trim_end().rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_lowercase()
}

/// A word of a post.
struct Found<'a> {
    written: &'a str,
    /// See [`plain`].
    lower: &'a str,
    /// The languages in which it is a common word.
    common: Languages,
}

fn same_diacritics<'a>(
    edge: &Edge,
    node: &Node,
    form: impl Fn() -> Option<&'a str>,
    word: &Found<'_>,
    setting: Setting,
    hints: &Hints<'_>,
) -> bool {
    let Found { written, lower, common } = *word;
    if edge.misspelt || words::hash(lower) == edge.spelling {
        return true;
    }
    let twin = || {
        let languages = super::twins::languages_of(lower);
        let spoken = || hints.language().is_empty() || languages.meets(hints.language());
        languages.meets(edge.languages) || !languages.is_empty() && spoken()
    };
    if lower.is_ascii() {
        if setting == Setting::Label || edge.ascii || node.name && !is_small(written) {
            return true;
        }
        if !node.lone {
            // Beside the other words of a name it can hardly be another word, but for another first name: Sofie for Sofia.
            return edge.base || !hints.diacritics() || !words::is_first_name(lower);
        }
        if lower.len() < if edge.base { SHORTEST } else { SHORTEST + 1 } {
            // "an" for ån, where än is written so as well.
            return false;
        }
        if !words::function_in(lower).is_empty() && !hints.lacks_diacritics(edge.languages) {
            // "har" is no hår unless the rest has none either.
            return false;
        }
        // The post lacks some: no match where its author writes them and this is a word without (hår, "har").
        let another = if edge.base { !common.is_empty() } else { common.meets(edge.languages) };
        return !(hints.diacritics() && (another || twin()));
    }
    if edge.ascii {
        // The post has some: "pączka" is no "paczka". But a term may have been typed without.
        let name = || !node.name || !is_small(written) || common.is_empty() && !hints.capitals();
        return !node.lone || node.bare && name();
    }
    common.is_empty() && form().is_none_or(|form| is_form_but_for_some(lower, form, node.bare)) && !twin()
}

/// A shorter word without its diacritics is any other one.
const SHORTEST: usize = 2;

/// Whether a word with diacritics is a form without some of them or with other accents; with more of them where the term
/// was `typed_without`. Another diacritic makes another letter: "län" is no lån.
fn is_form_but_for_some(word: &str, form: &str, typed_without: bool) -> bool {
    /// Accents that are taken for each other, and letters of a neighbour's alphabet.
    const ALIKE: [&str; 8] = ["áà", "éè", "íì", "óò", "úù", "ăã", "öø", "șš"];
    let alike = |one: char, other: char| ALIKE.iter().any(|both| both.contains(one) && both.contains(other));
    let mut letters = word.chars().zip(form.chars());
    // Some letters are folded to two.
    word.chars().count() != form.chars().count()
        || letters
            .all(|(c, own)| c == own || c.is_ascii() || typed_without && own.is_ascii() || alike(c, own))
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

/// Endings that are attached with an apostrophe, a hyphen or a colon, by language.
const ATTACHED: &[(Languages, &[&str])] = &[
    (
        Languages::PL,
        &[
            "a", "u", "owi", "em", "ie", "iem", "om", "ami", "ach", "ów", "y", "i", "e", "ę", "ą", "o",
            "owie", "ze", "cie", "ego", "emu", "m",
        ],
    ),
    (
        Languages::RO,
        &[
            "ul", "ului", "uri", "urile", "urilor", "i", "ii", "ilor", "le", "lor", "ule", "a", "ua", "ei",
            "e", "l", "lui",
        ],
    ),
    (
        Languages::SV,
        &["s", "n", "en", "et", "ar", "er", "ers", "ens", "ets", "arna", "erna", "or", "orna", "t"],
    ),
    (Languages::EN, &["s"]),
];

/// The end of a name with the ending that is attached to it: `iPhone'a`, `IKEA-i`, `IKEA:s`. Not one that the language of
/// the post has not: "Norrsken-a scam".
pub(super) fn ending_after(text: &str, end: usize, hints: &Hints<'_>) -> usize {
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
    let same = |known: &&str| ending == *known || ending.eq_ignore_ascii_case(known);
    let mut having = ATTACHED.iter().filter(|(_, endings)| endings.iter().any(same)).peekable();
    let fits = having.peek().is_some() && {
        let sure = hints.sure_language();
        sure.is_empty() || having.any(|(language, _)| language.meets(sure))
    };
    if fits { end + sign.len_utf8() + length } else { end }
}

const MAX_ENDING_BYTES: usize = 6;
