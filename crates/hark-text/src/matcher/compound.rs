//! Swedish compounds: a term is the first or the last part of a longer word.

use std::collections::{HashMap, HashSet};

use super::{
    End, Match, Matcher, NONE, Role, Scratch,
    find::Seen,
    hints::Hints,
    parts,
    place::{Chunk, Place},
    spelling::{is_proper, plain},
};
use crate::{
    filter::Filter,
    fold::{ByHash, Letters, Piece, fold},
    forms::{self, Manner},
    languages::Languages,
    words,
};

/// Terms by the letters that they begin or end a compound with.
#[derive(Debug, Default)]
pub(super) struct Compounds {
    first: Side,
    last: Side,
}

#[derive(Debug, Default)]
struct Side {
    /// How parts of more than [`GATE`] letters begin, seen from the outer end.
    begins: Filter,
    filter: Filter,
    /// First of the chained parts with the hash of their folded letters, from the outer end of the word inwards.
    chains: HashMap<u64, u32, ByHash>,
    parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug)]
struct Part {
    next: u32,
    /// Hash of the letters with their diacritics.
    spelling: u32,
    ascii: bool,
    /// A name, which a capital begins.
    name: bool,
    /// Long enough that what stands beside it need not be known.
    long: bool,
    end: End,
}

/// After so many letters most words are seen to be no compounds.
const GATE: usize = 4;

#[derive(Default)]
pub(super) struct Build {
    first: Draft,
    last: Draft,
}

/// A side that is being built.
#[derive(Default)]
struct Draft {
    side: Side,
    begins: HashSet<u64, ByHash>,
}

/// Letters of a part beside which any word makes a compound; shorter ones are in many other words.
const LONG: usize = 6;
/// Letters of a term that is a part only if Swedish has it.
const FEW: usize = 4;
/// Shorter words are no compounds with a term.
const SHORTEST_BYTES: usize = 5;
/// Letters of a name that begins a compound without a hyphen (`Årestugan`), and of one that ends it (`drömvolvon`).
const SHORTEST_FIRST_NAME: usize = 3;
const SHORTEST_LAST_NAME: usize = 5;

impl Build {
    pub fn add(&mut self, written: &str, manner: Manner, end: End) {
        let lower = written.to_lowercase();
        let letters = lower.chars().count();
        // `SJ-kortet` has a hyphen.
        let shortest = if manner.name { SHORTEST_FIRST_NAME } else { 2 };
        if letters < shortest || !lower.chars().all(char::is_alphabetic) {
            return;
        }
        // `Erikssons` is not Erik, and a foreign word of a few letters is in many a Swedish one: appen, köpet.
        let foreign = !manner.name
            && letters <= FEW
            && !words::common_in(&lower).meets(Languages::SV)
            && !parts::is_known(&lower)
            && !parts::is_known_first(&lower);
        if manner.person || foreign {
            return;
        }
        let part = |form: &str| Part {
            next: NONE,
            spelling: words::hash(form),
            ascii: form.is_ascii(),
            name: manner.name,
            long: letters >= LONG,
            end,
        };
        let first = if manner.name { parts::first_forms_of_name(&lower) } else { parts::first_forms(&lower) };
        if manner.name || parts::may_be_first(&lower) {
            for form in first {
                self.first.add(&fold(&form), part(&form));
            }
        }
        if manner.name && letters < SHORTEST_LAST_NAME || !parts::may_be_last(&lower) {
            return;
        }
        for form in forms::of(written, manner, Languages::SV).into_keys() {
            let backwards: String = fold(&form).chars().rev().collect();
            self.last.add(&backwards, part(&form));
        }
    }

    pub fn finish(self) -> Compounds {
        Compounds { first: self.first.finish(), last: self.last.finish() }
    }
}

impl Draft {
    /// `letters`: folded, from the outer end inwards.
    fn add(&mut self, letters: &str, part: Part) {
        let mut fed = Letters::new();
        for c in letters.chars() {
            fed.feed(c);
            if fed.len() == GATE {
                self.begins.insert(fed.hash());
            }
        }
        let Side { chains, parts, .. } = &mut self.side;
        let new = u32::try_from(parts.len()).unwrap_or(NONE - 1);
        let next = chains.insert(fed.hash(), new).unwrap_or(NONE);
        parts.push(Part { next, ..part });
    }

    fn finish(self) -> Side {
        let begins = Filter::of(self.begins);
        let filter = Filter::of(self.side.chains.keys().copied());
        Side { begins, filter, ..self.side }
    }
}

impl Side {
    /// Whether no part goes on from these letters.
    #[inline]
    fn ends(&self, letters: Letters) -> bool {
        letters.len() == GATE && !self.begins.may_hold(letters.hash())
    }

    fn of(&self, hash: u64) -> impl Iterator<Item = &Part> {
        let mut next = match self.filter.may_hold(hash) {
            true => self.chains.get(&hash).copied().unwrap_or(NONE),
            false => NONE,
        };
        std::iter::from_fn(move || {
            let part = self.parts.get(next as usize)?;
            next = part.next;
            Some(part)
        })
    }
}

impl Compounds {
    pub fn is_empty(&self) -> bool {
        self.first.parts.is_empty()
    }
}

impl Matcher {
    /// Adds the compounds of terms in a post that may be Swedish.
    pub(super) fn find_compounds(
        &self,
        text: &str,
        pieces: &[Piece],
        hints: &Hints<'_>,
        scratch: &mut Scratch,
        found: &mut Vec<Match>,
    ) {
        let mut chunk = Chunk::default();
        for piece in pieces {
            if piece.end - piece.start < SHORTEST_BYTES || piece.end - piece.start > MAX_BYTES {
                continue;
            }
            let word = &text[piece.start..piece.end];
            let mut take = |part: &Part, at: usize, first: bool| {
                if !is_compound(word, part, at, first, hints) {
                    return;
                }
                chunk.around(text, piece.start);
                if chunk.place(text, piece.start) != Place::Text {
                    return;
                }
                if !part.name && !is_definite(word) && is_proper(text, piece.start..piece.end) {
                    // Halmstad is no `stad`; Parkskolan is a `skola`.
                    return;
                }
                let end = part.end;
                if end.role == Role::Term {
                    let (subject, term) = (end.subject as usize, end.index as usize);
                    found.push(Match { subject, term, start: piece.start, end: piece.end });
                } else {
                    scratch.contexts.push(Seen { end, from: piece.start, to: piece.end });
                }
            };
            let mut letters = Letters::new();
            for (at, c) in word.char_indices() {
                letters.feed(c);
                let at = at + c.len_utf8();
                self.compounds.first.of(letters.hash()).for_each(|part| take(part, at, true));
                if self.compounds.first.ends(letters) {
                    break;
                }
            }
            let mut letters = Letters::new();
            for (at, c) in word.char_indices().rev() {
                letters.feed(c);
                self.compounds.last.of(letters.hash()).for_each(|part| take(part, at, false));
                if self.compounds.last.ends(letters) {
                    break;
                }
            }
        }
    }

    /// A match with what a hyphen joins to it in Swedish: `IKEA-soffan`.
    pub(super) fn hyphenated(
        &self,
        text: &str,
        end: End,
        from: usize,
        to: usize,
        hints: &Hints<'_>,
    ) -> (usize, usize) {
        if !self.languages[end.subject as usize].meets(Languages::SV) {
            return (from, to);
        }
        let swedish = hints.language();
        let fits = |word: &str, known: fn(&str, bool) -> bool| {
            let lower = plain(word);
            let small = word.starts_with(char::is_lowercase) && word.chars().all(char::is_alphabetic);
            let bare = lower.is_ascii() && !hints.diacritics();
            match swedish {
                Languages::SV => small || known(&lower, bare),
                // Few words, which do not tell.
                Languages::NONE => known(&lower, bare),
                _ => false,
            }
        };
        let (mut from, mut to) = (from, to);
        while let Some(after) = text[to..].strip_prefix('-') {
            let length = after.find(|c: char| !c.is_alphanumeric()).unwrap_or(after.len());
            if !fits(&after[..length], parts::may_end) {
                break;
            }
            to += 1 + length;
        }
        while let Some(before) = text[..from].strip_suffix('-') {
            let start = before.char_indices().rev().take_while(|(_, c)| c.is_alphanumeric()).last();
            let Some((start, _)) = start.filter(|(start, _)| fits(&before[*start..], parts::may_begin))
            else {
                break;
            };
            from = start;
        }
        (from, to)
    }
}

/// A longer run of letters is no word; a bound on what one costs.
const MAX_BYTES: usize = 64;

/// Whether `word` is a compound of the part that ends (`first`) or begins at byte `at` and of something else.
fn is_compound(word: &str, part: &Part, at: usize, first: bool, hints: &Hints<'_>) -> bool {
    let (own, other) = if first { word.split_at(at) } else { (&word[at..], &word[..at]) };
    let (own, other) = (plain(own), plain(other));
    let same = words::hash(&own) == part.spelling || own.is_ascii() && !part.ascii && !hints.diacritics();
    if other.is_empty() || !same {
        return false;
    }
    let swedish = hints.language();
    if !swedish.meets(Languages::SV) && !swedish.is_empty() {
        return false;
    }
    let bare = other.is_ascii() && own.is_ascii() && !hints.diacritics();
    let fits = |other: &str| match first {
        true => parts::may_end(other, bare),
        false => {
            parts::may_begin(other, bare)
                || other == "bo" && AFTER_BO.iter().any(|start| own.starts_with(start))
        }
    };
    let known = fits(&other) || shared_letter(&own, &other, first).is_some_and(|other| fits(&other));
    let whole = plain(word);
    if part.name && swedish != Languages::SV && words::common_in(&other).meets(Languages::EN) {
        // `Aurorabrand`
        return false;
    }
    if first && word.starts_with(char::is_uppercase) && ENDS_OF_SURNAMES.contains(&&*other) {
        return false;
    }
    if part.name && (!first && word.contains(char::is_uppercase) || !words::common_in(&whole).is_empty()) {
        // Uppsala is no Sala, and `helvete` none of Hel.
        return false;
    }
    let derived = !first && PARTICLES.contains(&&*other);
    let bound = if first { own.len() } else { other.len() };
    if derived
        || parts::is_uncut(&whole, bound)
        || is_derived(&own, &other, first)
        || belongs_to_other(&own, &other, first)
    {
        return false;
    }
    if known {
        // Without diacritics much looks like a compound: for(-)mat.
        let common = words::common_in(&whole);
        let foreign = swedish != Languages::SV && !common.is_empty() && !common.meets(Languages::SV);
        // Nothing was left out: hyrbil.
        let full = || {
            part.ascii && if first { parts::may_end(&other, false) } else { parts::may_begin(&other, false) }
        };
        return !foreign && (!bare || common.is_empty() || full());
    }
    // A name the list lacks beside a long term; but a known word is no compound, and an ending that makes another word is no part.
    let letters = other.chars().count();
    part.long
        && swedish == Languages::SV
        && letters >= if first { LEAST_UNKNOWN_LAST } else { LEAST_UNKNOWN_FIRST }
        && other.contains(forms::is_vowel)
        && !parts::is_known(&whole)
        && !(first && makes_another_word(&other))
}

const LEAST_UNKNOWN_LAST: usize = 4;
const LEAST_UNKNOWN_FIRST: usize = 3;

/// What `bo`, which ends many another word, begins a compound with.
const AFTER_BO: &[&str] = &["lån", "ränt", "kostnad", "pris"];

/// The other part in full where three equal consonants would meet, of which Swedish writes two: `natt` and `tåg`, `nattåg`.
fn shared_letter(own: &str, other: &str, first: bool) -> Option<String> {
    if first {
        let mut letters = own.chars().rev();
        let last = letters.next()?;
        (letters.next() == Some(last)).then(|| format!("{last}{other}"))
    } else {
        let shared = own.chars().next()?;
        other.ends_with(shared).then(|| format!("{other}{shared}"))
    }
}

/// Whether the term's letters belong to a longer part, so that the word is made otherwise: `trängsel` and `skatten`, no `katten`;
/// `matte` and `tentan`, no `mat`.
fn belongs_to_other(own: &str, other: &str, first: bool) -> bool {
    if !first {
        let before = other.strip_suffix('s').filter(|before| !before.is_empty());
        return before
            .is_some_and(|before| parts::is_known(&format!("s{own}")) && parts::may_begin(before, false));
    }
    let splits = other.char_indices().skip(1).map(|(at, _)| other.split_at(at));
    let mut longer = splits.filter(|(more, _)| parts::is_known_first(&format!("{own}{more}")));
    longer.any(|(more, rest)| {
        let part = more.chars().count() > 2 && parts::is_known(more);
        !part && parts::may_end(rest, false)
    })
}

/// What makes another word of a noun: `avtal`, `uppgift`.
const PARTICLES: &[&str] = &[
    "an", "av", "be", "er", "från", "in", "miss", "mot", "ner", "om", "på", "sam", "till", "under", "upp",
    "ut", "över",
];

/// What makes another name of a name: Lundström, Andersson, Danmark.
const ENDS_OF_SURNAMES: &[&str] = &[
    "berg", "bergh", "blad", "borg", "dahl", "dal", "fors", "gren", "holm", "kvist", "lund", "man", "mark",
    "qvist", "son", "sson", "sten", "strand", "ström",
];

/// Whether the term's letters, or those after it, are an ending: meddel-ande, uppdat-ering, fakture-rade, vän-skap, van-liga.
fn is_derived(own: &str, other: &str, first: bool) -> bool {
    if first {
        return own.ends_with('e') && matches!(other, "rade" | "rad" | "rat" | "ring");
    }
    own.starts_with("ande") && !other.ends_with(forms::is_vowel)
        || own.starts_with("ring") && other.ends_with('e')
        || matches!(own, "rad" | "rade" | "rat") && other.ends_with('e')
        || own.starts_with("kap") && other.ends_with('s')
        || own.starts_with("liga") && !other.ends_with('s')
}

/// Whether a word may have the article: not a town.
fn is_definite(word: &str) -> bool {
    let word = word.trim_end_matches('s');
    word.ends_with(['n', 't']) || word.ends_with("na")
}

/// Inhabitants, agents, adjectives, verbs: derivation, no composition.
fn makes_another_word(ending: &str) -> bool {
    const DERIVED: &[&str] = &[
        "are", "aren", "arna", "arens", "ares", "arnas", "isk", "iska", "iskt", "ska", "ing", "ning",
        "ingar", "het", "lig", "liga", "ligt", "era", "erar", "erad", "erade", "erat", "ering", "eringen",
        "ade", "ande", "ende", "bo", "bor", "borna", "inna", "aktig", "aktiga", "mässig", "mässigt",
        "mässiga", "skap", "ist", "ister", "ism", "ens", "ers", "erska",
    ];
    DERIVED.contains(&ending)
}
