//! The words of a term, and what leads to each.

use std::collections::HashSet;

use super::{Edge, NONE, place};
use crate::{
    fold::{Class, Pieces, class, fold, hash_folded},
    forms::{self, Manner},
    languages::Languages,
    words,
};

/// A word of a term.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Word {
    pub written: String,
    /// The symbol before it, if it is not white space or a hyphen.
    pub joint: Option<char>,
    /// A hyphen stands before it.
    pub hyphen: bool,
    /// White space stands before it.
    pub apart: bool,
    /// Nothing else may stand before it.
    pub strict: bool,
    pub manner: Manner,
    /// Those whose inflection applies; none: only as written.
    pub languages: Languages,
    /// Also with one letter wrong.
    pub misspelt: bool,
    pub which: Which,
    pub shop: bool,
    /// Behind a first name.
    pub surname: bool,
}

/// One form of a word, and the edge that it is.
pub(super) struct Way {
    /// Of the folded form.
    pub hash: u64,
    /// Lower-case with its diacritics.
    pub form: String,
    pub edge: Edge,
}

/// Which of a word's forms lead on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Which {
    #[default]
    All,
    /// All but those in -a that are no base form.
    NotInA,
    /// Those alone.
    InA,
    /// All but the base form, unless it is the only one: see [`Node::inflected`](super::Node::inflected).
    Inflected,
}

impl Word {
    /// The base form with two letters swapped, one dropped, doubled or replaced, unless that is a common word. Folded.
    fn misspellings(&self) -> Vec<String> {
        let letters: Vec<char> = fold(&self.written).chars().collect();
        if !self.misspelt || letters.len() < LEAST_LETTERS_OF_WORD {
            return Vec::new();
        }
        let mut wrong = Vec::new();
        // The first letter is seldom wrong, and a word without it is often another one.
        for at in 1..letters.len() {
            let mut dropped = letters.clone();
            dropped.remove(at);
            let mut doubled = letters.clone();
            doubled.insert(at, letters[at]);
            wrong.extend([dropped, doubled]);
            if at + 1 < letters.len() {
                let mut swapped = letters.clone();
                swapped.swap(at, at + 1);
                wrong.push(swapped);
            }
            for letter in 'a'..='z' {
                let mut replaced = letters.clone();
                replaced[at] = letter;
                wrong.push(replaced);
            }
        }
        let wrong = wrong.into_iter().map(String::from_iter);
        wrong.filter(|word| !words::is_common(word)).collect()
    }

    /// What leads to the word: its forms, and its misspellings.
    pub fn ways(&self) -> Vec<Way> {
        let lower = self.written.to_lowercase();
        let forms = forms::of(&self.written, self.manner, self.languages);
        let base = fold(&self.written);
        let way = |form: &str, languages, misspelt| Way {
            hash: hash_folded(&fold(form)),
            form: form.to_owned(),
            edge: Edge {
                node: 0,
                next: NONE,
                spelling: words::hash(form),
                languages,
                base: form == lower,
                ascii: form.is_ascii(),
                misspelt,
            },
        };
        // Paola is no form of Paolo where Italians are named.
        let his = self.manner.person && lower.ends_with(['o', 'e']);
        let hers = |form: &str| his && form != lower && fold(form).ends_with('a');
        let kept = |form: &str| match self.which {
            _ if hers(form) => false,
            // Also what is read as such without its diacritics.
            Which::NotInA => form == lower || !form.ends_with(['a', 'ą']),
            Which::InA => form != lower && form.ends_with(['a', 'ą']),
            Which::All => true,
            // The base form with an ending attached, `Moore'a`, is inflected too.
            Which::Inflected => form == lower || fold(form) != base,
        };
        let kept = forms.iter().filter(|(form, _)| kept(form));
        let mut ways: Vec<Way> = kept.map(|(form, languages)| way(form, *languages, false)).collect();
        let taken: HashSet<u64> = ways.iter().map(|way| way.hash).collect();
        let wrong: HashSet<String> = self.misspellings().into_iter().collect();
        let wrong = wrong.iter().map(|form| way(form, Languages::NONE, true));
        ways.extend(wrong.filter(|way| !taken.contains(&way.hash)));
        ways
    }
}

/// And so are shorter words of a longer term.
const LEAST_LETTERS_OF_WORD: usize = 4;

pub(super) fn words(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut last = 0;
    for piece in Pieces::new(text) {
        let (between, written) = (&text[last..piece.start], &text[piece.start..piece.end]);
        let apart = !words.is_empty() && between.contains(char::is_whitespace);
        let joint = match words.as_slice() {
            [] => between.chars().next_back().filter(|c| NUMBERING.contains(c) && is_number(written)),
            before => between
                .chars()
                .find(|c| class(*c) == Class::Separator && !place::joins_words(*c))
                .map(|c| if place::is_apostrophe(c) { '\'' } else { c })
                // `St Ives`, which others write with a dot.
                .or_else(|| (apart && is_abbreviated(before)).then_some('.')),
        };
        let hyphen = !words.is_empty() && between.contains('-');
        words.push(Word { hyphen, apart, ..word(written, joint) });
        last = piece.end;
    }
    words
}

/// What makes a name of a number: `№5` is no 5.
const NUMBERING: [char; 5] = ['№', '§', '$', '€', '£'];

fn is_number(word: &str) -> bool {
    word.chars().all(char::is_numeric)
}

/// Whether the last of a term's words is a title that is written with or without a dot, or an initial.
pub(super) fn is_abbreviated(words: &[Word]) -> bool {
    const TITLES: &[&str] = &[
        "al", "avv", "dl", "dna", "dott", "dr", "ft", "gen", "ing", "inż", "jr", "ks", "mgr", "mr", "mrs",
        "ms", "mt", "os", "pl", "płk", "prof", "sf", "sig", "sr", "st", "ste", "św", "ul",
    ];
    let initial = |word: &Word| {
        let mut letters = word.written.chars();
        letters.next().is_some_and(char::is_uppercase) && letters.next().is_none()
    };
    words.last().is_some_and(|last| TITLES.contains(&&*last.written.to_lowercase()))
        || words.iter().all(initial)
}

pub(super) fn word(written: &str, joint: Option<char>) -> Word {
    let written = written.to_owned();
    let (manner, languages) = (Manner::default(), Languages::NONE);
    Word {
        written,
        joint,
        hyphen: false,
        apart: false,
        strict: false,
        manner,
        languages,
        misspelt: false,
        which: Which::All,
        shop: false,
        surname: false,
    }
}
