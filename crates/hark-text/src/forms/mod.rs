//! Inflected forms of a term's words, generated when the configuration is read.
//!
//! The rules go by the ending of the base form and give the forms of every paradigm that such an ending may belong to:
//! they know no dictionary, so that they serve invented names as well. A form that no speaker would make does no harm; a
//! form that is another word does, so derived words are never made.

mod english;
mod italian;
mod polish;
mod romanian;
mod swedish;

use std::collections::BTreeSet;

/// Languages whose inflection is applied where a subject names none.
pub(crate) const DEFAULT_LANGUAGES: [&str; 5] = ["pl", "sv", "it", "ro", "en"];

/// Where a word stands in its term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Position {
    /// The only word.
    Alone,
    /// One of several: it may be an adjective that agrees with another.
    Phrase,
}

/// All forms of a word, itself included, lower-case and with diacritics; `languages` are ISO 639-1 codes, of which those
/// without rules add nothing.
pub(crate) fn of(word: &str, position: Position, languages: &[String]) -> BTreeSet<String> {
    let lower = word.to_lowercase();
    let mut forms =
        Forms { made: BTreeSet::from([lower.clone()]), capital: word.starts_with(char::is_uppercase) };
    let letters = lower.chars().filter(|c| c.is_alphabetic()).count();
    let shortest = if position == Position::Alone { SHORTEST } else { 2 };
    if letters < shortest || lower.chars().any(|c| !c.is_alphabetic()) {
        return forms.made;
    }
    let wanted = |code: &str| {
        if languages.is_empty() {
            DEFAULT_LANGUAGES.contains(&code)
        } else {
            languages.iter().any(|l| l == code)
        }
    };
    let phrase = position == Position::Phrase;
    if wanted("pl") {
        polish::inflect(&lower, phrase, &mut forms);
    }
    if wanted("sv") {
        swedish::inflect(&lower, phrase, &mut forms);
    }
    if wanted("it") {
        italian::inflect(&lower, phrase, &mut forms);
    }
    if wanted("ro") {
        romanian::inflect(&lower, phrase, &mut forms);
    }
    if wanted("en") {
        english::inflect(&lower, &mut forms);
    }
    forms.made
}

/// Shorter words are abbreviations or particles; their endings come with a hyphen or an apostrophe.
const SHORTEST: usize = 3;

/// Forms in the making.
struct Forms {
    made: BTreeSet<String>,
    /// The term writes the word with a capital: a name.
    capital: bool,
}

impl Forms {
    /// A stem with each of the endings, which are separated by spaces; `-` is the empty one.
    fn add(&mut self, stem: &str, endings: &str) {
        for ending in endings.split(' ') {
            let ending = if ending == "-" { "" } else { ending };
            self.made.insert(format!("{stem}{ending}"));
        }
    }

    /// Irregular forms, separated by spaces.
    fn all(&mut self, forms: &str) {
        self.made.extend(forms.split(' ').map(str::to_owned));
    }
}

/// The stem before an ending, if the word ends so and something is left.
fn stem<'a>(word: &'a str, ending: &str) -> Option<&'a str> {
    word.strip_suffix(ending).filter(|stem| stem.chars().count() >= 2)
}

fn ends(word: &str, endings: &[&str]) -> bool {
    endings.iter().any(|ending| word.ends_with(ending))
}

/// A stem whose last occurrence of a vowel is another one: `stół` and `stoł-`.
fn with_vowel(stem: &str, from: &str, to: &str) -> Option<String> {
    let at = stem.rfind(from)?;
    let after = &stem[at + from.len()..];
    let vowels = ['a', 'e', 'i', 'o', 'u', 'y', 'ą', 'ę', 'ó', 'ă', 'â', 'î', 'å', 'ä', 'ö'];
    (!after.contains(vowels)).then(|| format!("{}{to}{after}", &stem[..at]))
}

fn is_vowel(c: char) -> bool {
    matches!(
        c,
        'a' | 'e'
            | 'i'
            | 'o'
            | 'u'
            | 'y'
            | 'ą'
            | 'ę'
            | 'ó'
            | 'ă'
            | 'â'
            | 'î'
            | 'å'
            | 'ä'
            | 'ö'
            | 'é'
            | 'è'
            | 'à'
            | 'ì'
            | 'ò'
            | 'ù'
    )
}

#[cfg(test)]
mod tests;
