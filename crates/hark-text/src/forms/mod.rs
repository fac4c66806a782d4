//! Inflected forms of a term's words, generated when the configuration is read.
//!
//! The rules go by the ending of the base form and give the forms of every paradigm that such an ending may belong to:
//! they know no dictionary, so that they serve invented names as well. A form that no speaker would make does no harm; a
//! form that is another word does, so derived words are never made.

mod english;
mod italian;
mod paradigms;
mod polish;
mod romanian;
mod swedish;

use std::collections::{BTreeMap, BTreeSet};

use crate::{languages::Languages, words};

/// How a word stands in its term.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Manner {
    /// One of several words: it may be an adjective that agrees with another.
    pub phrase: bool,
    /// Written with a capital: a name.
    pub name: bool,
    /// The name of a person.
    pub person: bool,
    /// The name of a thing that there are many of.
    pub product: bool,
}

/// The forms under which each word of a term is sought, by language code: what `hark explain --forms` lists. Languages
/// without rules are left out; without languages, the default ones are meant.
#[must_use]
pub fn forms(term: &str, languages: &[String]) -> Vec<(&'static str, Vec<Vec<String>>)> {
    let words: Vec<&str> =
        term.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let wanted = Languages::of(languages);
    Languages::each()
        .filter(|(language, _)| language.meets(wanted))
        .map(|(language, code)| {
            let forms = words.iter().map(|word| {
                let name = word.starts_with(char::is_uppercase);
                let manner = Manner { phrase: words.len() > 1, name, ..Manner::default() };
                of(word, manner, language).into_keys().collect()
            });
            (code, forms.collect())
        })
        .collect()
}

/// All forms of a word, itself included, lower-case and with diacritics, each with the languages that make it.
pub(crate) fn of(word: &str, manner: Manner, languages: Languages) -> BTreeMap<String, Languages> {
    let lower = word.to_lowercase();
    let mut all = BTreeMap::from([(lower.clone(), Languages::NONE)]);
    let letters = lower.chars().filter(|c| c.is_alphabetic()).count();
    let known = words::common_in(&lower);
    let other = word.rfind(|c: char| !c.is_alphabetic());
    let short = letters < if manner.name { SHORTEST } else { 2 };
    let abbreviation = other.is_none() && short && letters > 1;
    let numbered = letters > 0 && word.ends_with(|c: char| c.is_ascii_digit());
    if languages.meets(GENITIVE) && manner.name && (abbreviation || numbered) {
        // `SJs`, `Tele2s`, two `X2s`
        all.insert(format!("{lower}s"), GENITIVE);
    }
    if let Some(at) = other {
        // `24Frakt`
        let (head, tail) = word.split_at(at + word[at..].chars().next().map_or(1, char::len_utf8));
        if tail.chars().count() >= SHORTEST {
            let head = head.to_lowercase();
            let tails = of(tail, manner, languages).into_iter();
            all.extend(
                tails
                    .filter(|(form, _)| *form != tail.to_lowercase())
                    .map(|(form, made_by)| (head.clone() + &form, made_by)),
            );
        }
        return all;
    }
    if short {
        if languages.meets(Languages::SV) {
            all.extend(swedish::of_one_letter(&lower).map(|form| (form.to_owned(), Languages::SV)));
        }
        return all;
    }
    for (language, _) in Languages::each().filter(|(language, _)| language.meets(languages)) {
        let mut forms = Forms { made: BTreeSet::new(), name: manner.name };
        let sure = match language {
            Languages::PL => polish::inflect(word, manner, &mut forms),
            Languages::SV => {
                // People and places that Polish knows are no Swedish brands.
                let person = manner.person || manner.name && polish::knows_name(&lower);
                swedish::inflect(&lower, Manner { person, ..manner }, &mut forms)
            }
            Languages::IT => italian::inflect(&lower, manner, &mut forms),
            Languages::RO => romanian::inflect(&lower, manner, &mut forms),
            _ => english::inflect(&lower, &mut forms),
        };
        let at_home = match language {
            // What is a form of another word there is none of its own: `modo`.
            Languages::PL => is_polish_noun(&lower) || lower.ends_with(['y', 'i']),
            _ => true,
        };
        let home = sure || manner.name || manner.phrase || at_home && known.meets(language);
        for form in forms.made {
            if form != lower && !manner.name && !manner.phrase && words::function_in(&form).meets(language) {
                // `cei` is no form of `cal`.
                continue;
            }
            let common = words::common_in(&form);
            // Where the word is foreign, what looks like a form of it and is a word is another word: Swedish bil and Polish
            // bili. The lists of the other languages lack many a base form.
            let own = common == language && language != Languages::PL;
            if home || common.is_empty() || own {
                let made_by = all.entry(form).or_default();
                *made_by = made_by.with(language);
            }
        }
    }
    all
}

/// Shorter names are abbreviations; their endings come with a hyphen or an apostrophe.
const SHORTEST: usize = 3;

/// Languages whose names take an -s.
const GENITIVE: Languages = Languages::SV.with(Languages::EN);

/// Forms in the making.
struct Forms {
    made: BTreeSet<String>,
    /// The term writes the word with a capital: a name.
    name: bool,
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

pub(crate) fn is_vowel(c: char) -> bool {
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

/// Whether Polish has a common noun of this base form.
pub(crate) fn is_polish_noun(word: &str) -> bool {
    paradigms::of(&word.to_lowercase()).is_some()
}

/// `iPhone`, `PayPal`
pub(crate) fn has_inner_capital(word: &str) -> bool {
    word.chars().any(char::is_lowercase) && word.chars().skip(1).any(char::is_uppercase)
}

#[cfg(test)]
mod tests;
