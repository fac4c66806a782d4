//! Common words of the five languages: what tells a name from a word that is written alike, and a form of a term from
//! a word of its own.

use std::{collections::HashMap, sync::LazyLock};

use crate::languages::Languages;

/// Written by scripts/words.py, which says how.
static WORDS: &[u8] = include_bytes!("../models/words.bin");

/// Whether a word, lower-case with its diacritics, is common in one of the five languages.
pub(crate) fn is_common(word: &str) -> bool {
    !common_in(word).is_empty()
}

/// The languages in which a word, lower-case with its diacritics, is common.
pub(crate) fn common_in(word: &str) -> Languages {
    languages(hash(word))
}

/// Whether a word, lower-case, is a form of a first name.
pub(crate) fn is_first_name(word: &str) -> bool {
    bits(hash(word)) & FIRST_NAME != 0
}

/// The hashes of all forms of first names.
pub(crate) fn first_names() -> impl Iterator<Item = u32> {
    let (hashes, bits) = tables();
    let (hashes, _) = hashes.as_chunks::<4>();
    let named = hashes.iter().zip(bits).filter(|(_, bits)| *bits & FIRST_NAME != 0);
    named.map(|(hash, _)| u32::from_le_bytes(*hash))
}

/// The languages in which a word, lower-case with its diacritics, is one of grammar or a little adverb: no noun's form there.
pub(crate) fn function_in(word: &str) -> Languages {
    static FUNCTION: LazyLock<HashMap<&str, Languages>> = LazyLock::new(|| {
        let mut function: HashMap<&str, Languages> = HashMap::new();
        let mut language = Languages::NONE;
        for line in include_str!("../lexicon/function.txt").lines() {
            if line.starts_with("#:") {
                continue;
            }
            match line.strip_prefix("# ") {
                Some(heading) => language = Languages::of(&[heading.to_owned()]),
                None => line.split_whitespace().for_each(|word| {
                    let known = function.entry(word).or_default();
                    *known = known.with(language);
                }),
            }
        }
        function
    });
    FUNCTION.get(word).copied().unwrap_or_default()
}

fn languages(hash: u32) -> Languages {
    Languages::from_bits(bits(hash))
}

fn bits(hash: u32) -> u8 {
    let (hashes, bits) = tables();
    position(hashes, hash).and_then(|at| bits.get(at)).copied().unwrap_or(0)
}

/// The hashes and what is known of each: see scripts/words.py.
fn tables() -> (&'static [u8], &'static [u8]) {
    let Some((count, rest)) = WORDS.split_first_chunk::<4>() else { return (&[], &[]) };
    rest.split_at_checked(4 * u32::from_le_bytes(*count) as usize).unwrap_or((&[], &[]))
}

const FIRST_NAME: u8 = 1 << 5;

/// Where a hash stands in a table of hashes, 32 bits each, little-endian, ascending.
pub(crate) fn position(hashes: &[u8], hash: u32) -> Option<usize> {
    let (hashes, _) = hashes.as_chunks::<4>();
    hashes.binary_search_by_key(&hash, |bytes| u32::from_le_bytes(*bytes)).ok()
}

/// 32-bit FNV-1a, by which words are kept.
pub(crate) fn hash(word: impl AsRef<[u8]>) -> u32 {
    word.as_ref().iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_common_in_its_languages() {
        assert_eq!(common_in("marka"), Languages::PL);
        assert!(common_in("och").meets(Languages::SV));
        assert!(!is_common("kvarnby"));
        let first_name = |name: &str| first_names().any(|hashed| hashed == hash(name));
        assert!(first_name("ania") && first_name("agnieszki") && !first_name("kvarnby"));
        assert!(!is_common("masina"), "a word without its diacritics is none");
        assert_eq!(function_in("care"), Languages::RO);
        assert!(function_in("car").is_empty());
    }
}
