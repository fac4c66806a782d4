//! The words that Swedish compounds are made of.

use std::{collections::HashSet, sync::LazyLock};

use crate::{
    fold::fold,
    forms::{self, Manner},
    languages::Languages,
};

/// Hand-written; the words after the line that begins with `# First parts` stand only at the beginning, and those after the one
/// that begins with `# No compounds` are none.
static LIST: &str = include_str!("../../lexicon/parts.sv.txt");
const FIRST_ONLY: &str = "# First parts";
const WHOLE: &str = "# No compounds";

/// Other words of two letters are more often part of a word than a word.
const SHORT: &[&str] = &["el", "öl", "is", "te", "tv", "ny", "by", "ö", "sj", "kö"];
/// And of those few end a compound: `pastel` is none.
const SHORT_LAST: &[&str] = &["öl", "kö"];

/// No compound has more letters; a bound on taking a word apart.
const MAX_LETTERS: usize = 48;

struct Parts {
    first: HashSet<Box<str>>,
    last: HashSet<Box<str>>,
    /// The same without diacritics, for those who write none.
    bare_first: HashSet<Box<str>>,
    bare_last: HashSet<Box<str>>,
}

static PARTS: LazyLock<Parts> = LazyLock::new(|| {
    let (mut first, mut last) = (HashSet::new(), HashSet::new());
    let mut first_only = false;
    for line in parts_and_whole().0.lines() {
        first_only |= line.starts_with(FIRST_ONLY);
        if line.starts_with('#') {
            continue;
        }
        for word in line.split_whitespace() {
            if !may_be_first(word) {
                continue;
            }
            first.extend(first_forms(word).into_iter().map(Into::into));
            if !first_only && may_be_last(word) {
                let forms = forms::of(word, Manner::default(), Languages::SV);
                last.extend(forms.into_keys().map(String::into_boxed_str));
            }
        }
    }
    let bare = |words: &HashSet<Box<str>>| words.iter().map(|word| fold(word).into()).collect();
    Parts { bare_first: bare(&first), bare_last: bare(&last), first, last }
});

fn parts_and_whole() -> (&'static str, &'static str) {
    LIST.split_once(WHOLE).unwrap_or((LIST, ""))
}

/// Letters that only look like a compound, or like parts of one: för|svar, all|tid.
static UNCUT: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let (_, list) = parts_and_whole();
    list.lines().skip(1).flat_map(str::split_whitespace).collect()
});

/// Whether a word, lower-case, is no compound of what stands before and after byte `bound`.
pub(super) fn is_uncut(word: &str, bound: usize) -> bool {
    let cuts = |letters: &&str| {
        word.match_indices(letters).any(|(at, _)| (at + 1..at + letters.len()).contains(&bound))
    };
    UNCUT.iter().any(cuts)
}

/// Whether a word is long enough to end a compound, or known to do it.
pub(super) fn may_be_last(term: &str) -> bool {
    term.chars().count() > 2 || SHORT_LAST.contains(&term)
}

/// Whether a word is long enough to begin one, or known to do it.
pub(super) fn may_be_first(term: &str) -> bool {
    term.chars().count() > 2 || SHORT.contains(&term)
}

/// First parts that no rule makes.
const LINKED: &[(&str, &str)] = &[
    ("lån", "låne"),
    ("bolån", "bolåne"),
    ("tjänst", "tjänste"),
    ("familj", "familje"),
    ("hyra", "hyres"),
    ("yta", "yt"),
    ("lund", "lunda"),
    ("falun", "falu"),
];

/// What a word is as the first part of a compound: `bil-`, `verkstads-`, `skol-`, `kyrko-`, `gatu-`.
pub(super) fn first_forms(word: &str) -> Vec<String> {
    let mut forms = vec![word.to_owned()];
    if !word.ends_with('s') {
        forms.push(format!("{word}s"));
    }
    if let Some(stem) = word.strip_suffix(['a', 'e']).filter(|stem| stem.chars().count() > 2) {
        forms.extend(["", "s", "o", "e", "u"].map(|link| format!("{stem}{link}")));
    }
    forms.extend(linked(word));
    forms
}

/// What a name is: nothing but itself, for what ends like a short one is another word (`fiskare`, Åre).
pub(super) fn first_forms_of_name(name: &str) -> Vec<String> {
    [name.to_owned(), format!("{name}s")].into_iter().chain(linked(name)).collect()
}

fn linked(word: &str) -> impl Iterator<Item = String> {
    LINKED.iter().filter(move |(base, _)| *base == word).map(|(_, form)| (*form).to_owned())
}

/// Whether letters, lower-case, are parts that may stand before a last one; `bare`: they are written without diacritics.
pub(super) fn may_begin(word: &str, bare: bool) -> bool {
    splits(word, bare, false)
}

/// Whether letters, lower-case, are parts of which the last has its ending.
pub(super) fn may_end(word: &str, bare: bool) -> bool {
    splits(word, bare, true)
}

/// Whether a word is known as it stands.
pub(super) fn is_known(word: &str) -> bool {
    PARTS.last.contains(word)
}

/// Whether a word is known as a first part.
pub(super) fn is_known_first(word: &str) -> bool {
    PARTS.first.contains(word)
}

fn splits(word: &str, bare: bool, ends: bool) -> bool {
    let bounds: Vec<usize> = word.char_indices().map(|(at, _)| at).chain([word.len()]).collect();
    if word.is_empty() || bounds.len() > MAX_LETTERS {
        return false;
    }
    let (first, last) =
        if bare { (&PARTS.bare_first, &PARTS.bare_last) } else { (&PARTS.first, &PARTS.last) };
    // reached[i]: the letters before the i-th boundary are first parts.
    let mut reached = vec![false; bounds.len()];
    reached[0] = true;
    for to in 1..bounds.len() {
        reached[to] = (0..to).any(|from| reached[from] && first.contains(&word[bounds[from]..bounds[to]]));
    }
    if !ends {
        return reached[bounds.len() - 1];
    }
    (0..bounds.len() - 1).any(|from| reached[from] && last.contains(&word[bounds[from]..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_parts_or_not() {
        for word in ["verkstadskedjan", "soffan", "resebyrån", "firmor"] {
            assert!(may_end(word, false), "{word}");
        }
        for word in ["jett", "d", "aga", "jard", "der"] {
            assert!(!may_end(word, false), "{word}");
        }
        assert!(may_begin("polis", false) && may_begin("person", false) && may_begin("el", false));
        assert!(!may_begin("mo", false) && !may_begin("sta", false));
        assert!(may_end("byra", true) && !may_end("byra", false));
    }
}
