//! Other ways to write a term than that of the configuration.

use super::{
    Matcher,
    word::{Which, Word, word},
};
use crate::{forms::Manner, languages::Languages, words};

/// All of them; of a single way there may be none.
pub(super) fn others(words: &[Word]) -> impl Iterator<Item = Vec<Word>> {
    let others = [spelled_out(words), contracted(words), without_s(words), closed(words), hyphenated(words)];
    others.into_iter().flatten()
}

/// Polish inflects `McDonald's` without its s: `w McDonaldzie`.
fn without_s(words: &[Word]) -> Option<Vec<Word>> {
    let [first @ .., name, s] = words else { return None };
    let languages = if name.languages.meets(Languages::PL) { Languages::PL } else { return None };
    let heard = name.written.ends_with(|c: char| !"aeiouy".contains(c.to_ascii_lowercase()));
    if s.joint != Some('\'') || s.written != "s" || !heard {
        return None;
    }
    let manner = Manner { phrase: !first.is_empty(), ..name.manner };
    let inflected = Word { which: Which::Inflected, languages, manner, ..name.clone() };
    Some(first.iter().cloned().chain([inflected]).collect())
}

/// `B.B.C.` for `BBC`.
fn spelled_out(words: &[Word]) -> Option<Vec<Word>> {
    let [one] = words else { return None };
    let letters: Vec<char> = one.written.chars().collect();
    let abbreviation =
        (2..=MOST_INITIALS).contains(&letters.len()) && letters.iter().all(|c| c.is_uppercase());
    abbreviation.then(|| {
        let dotted = letters.iter().enumerate().map(|(index, letter)| Word {
            strict: index > 0,
            manner: Manner { phrase: true, ..Manner::default() },
            ..word(&letter.to_string(), (index > 0).then_some('.'))
        });
        dotted.collect()
    })
}

/// Longer abbreviations are words that somebody shouts.
const MOST_INITIALS: usize = 6;

/// `US Bank` for `U.S. Bank`.
fn contracted(words: &[Word]) -> Option<Vec<Word>> {
    let mut merged: Vec<Word> = Vec::new();
    let initial = |word: &Word| word.written.chars().count() == 1;
    for word in words {
        match merged.last_mut() {
            Some(last) if word.joint == Some('.') && initial(word) => last.written.push_str(&word.written),
            _ => merged.push(word.clone()),
        }
    }
    (merged.len() > 1 && merged.len() < words.len()).then_some(merged)
}

/// `WiFi Hub` for `Wi-Fi Hub`, `ONeill Brothers` for `O'Neill Brothers`. Two surnames are not written so, and `Toms` is no `Tom's`.
fn closed(words: &[Word]) -> Option<Vec<Word>> {
    let mut merged: Vec<Word> = Vec::new();
    for word in words {
        let elided = word.joint == Some('\'') && word.written != "s";
        let hyphen = word.hyphen && word.joint.is_none() && !word.manner.person;
        let within = !word.apart && (elided || hyphen);
        match merged.last_mut() {
            Some(last) if within => {
                last.written.push_str(&word.written);
                last.languages = word.languages.with(last.languages);
            }
            _ => merged.push(word.clone()),
        }
    }
    (merged.len() > 1 && merged.len() < words.len()).then_some(merged)
}

/// `Wi-Fi` for `WiFi`.
fn hyphenated(words: &[Word]) -> Option<Vec<Word>> {
    let parted = words.iter().flat_map(|word| match first_part(&word.written) {
        Some(at) if !word.manner.person => {
            let (head, tail) = word.written.split_at(at);
            let manner = Manner { phrase: true, ..word.manner };
            let first = Word { written: head.to_owned(), languages: Languages::NONE, manner, ..word.clone() };
            let second = Word {
                written: tail.to_owned(),
                joint: Some('-'),
                hyphen: true,
                apart: false,
                strict: true,
                manner,
                ..word.clone()
            };
            vec![first, second]
        }
        _ => vec![word.clone()],
    });
    let parted: Vec<Word> = parted.collect();
    (words.len() + 1..=Matcher::MAX_WORDS).contains(&parted.len()).then_some(parted)
}

/// Where a capital follows a small letter. Not behind a little word or letter (`YouTube`, `iPhone`): posts are full of them, and
/// each would be followed to see whether the name goes on.
fn first_part(word: &str) -> Option<usize> {
    let letters = word.char_indices().zip(word.chars().skip(1));
    let mut bounds = letters.filter(|((_, small), capital)| small.is_lowercase() && capital.is_uppercase());
    let at = bounds.next().map(|((at, small), _)| at + small.len_utf8())?;
    let head = &word[..at];
    (head.chars().count() > 1 && words::function_in(&head.to_lowercase()).is_empty()).then_some(at)
}
