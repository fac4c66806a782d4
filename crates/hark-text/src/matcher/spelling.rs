//! Whether a word of a post, found by its folded form, is the term's word and not another one that folds alike.

use std::cell::OnceCell;

use unicode_normalization::UnicodeNormalization;

use super::Spelling;
use crate::{
    fold::{Class, class, fold},
    forms::{self, Position},
    words,
};

/// How a post is written, looked at only when a word of it is in doubt.
pub(super) struct Letters<'a> {
    text: &'a str,
    diacritics: OnceCell<bool>,
    capitals: OnceCell<bool>,
}

impl<'a> Letters<'a> {
    pub fn of(text: &'a str) -> Self {
        Self { text, diacritics: OnceCell::new(), capitals: OnceCell::new() }
    }

    /// The author writes diacritics.
    fn diacritics(&self) -> bool {
        *self.diacritics.get_or_init(|| {
            self.text.chars().any(|c| !c.is_ascii() && (class(c) == Class::Mark || c.is_alphabetic()))
        })
    }

    /// The author writes some words with a capital and a small letter after it.
    fn capitals(&self) -> bool {
        *self.capitals.get_or_init(|| self.text.chars().any(char::is_uppercase))
    }
}

impl Spelling {
    /// `alone`: the word begins a term, in running text.
    pub fn admits(&self, written: &str, alone: bool, letters: &Letters<'_>) -> bool {
        let ascii = written.is_ascii() && self.written.is_ascii();
        let capital = self.written.starts_with(char::is_uppercase);
        let alone = alone && !matches!(self.inflected, Some((Position::Phrase, _)));
        let small = alone && capital && !written.contains(char::is_uppercase);
        if ascii && !small && !letters.diacritics() {
            return true;
        }
        let lower = plain(written);
        if small && self.written.chars().all(char::is_alphanumeric) && words::is_common(&lower) {
            // `marka` is a word of its own, and no form of Marek; `orange` is one where the author writes capitals.
            let base = fold(&self.written) == fold(&lower);
            if !base || letters.capitals() {
                return false;
            }
        }
        self.same_diacritics(&lower, letters)
    }

    /// The term may have been typed without its diacritics: as it stands no form of it is a common word.
    fn bare(&self) -> bool {
        let common = |form: &String| words::is_common(form);
        self.written.is_ascii()
            && match &self.inflected {
                Some((position, languages)) => {
                    !forms::of(&self.written, *position, languages).iter().any(common)
                }
                None => !common(&self.written.to_lowercase()),
            }
    }

    fn same_diacritics(&self, lower: &str, letters: &Letters<'_>) -> bool {
        let Some((position, languages)) = &self.inflected else {
            return agree(lower, &plain(&self.written), self.bare(), letters);
        };
        let folded = fold(lower);
        let forms = forms::of(&self.written, *position, languages);
        let mut alike = forms.iter().filter(|form| fold(form) == folded).peekable();
        // A form run together, or an ending that was added in the post.
        let bare = self.bare();
        alike.peek().is_none() || alike.any(|form| agree(lower, form, bare, letters))
    }
}

/// Lower-case, composed, with one way of writing Romanian's commas below, and without invisible characters.
fn plain(word: &str) -> String {
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

/// Whether a word as written is this form, letting missing diacritics pass where they tell no words apart.
fn agree(lower: &str, form: &str, bare: bool, letters: &Letters<'_>) -> bool {
    if lower == form {
        return true;
    }
    let more_in_post = lower.chars().zip(form.chars()).any(|(here, there)| here != there && !here.is_ascii());
    if more_in_post {
        // "pączka" is no "paczka".
        return bare && !words::is_common(lower);
    }
    // The post lacks some: no match where its author writes them and this is a word without (hår, "har").
    !(lower.is_ascii() && letters.diacritics() && words::is_common(lower))
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
