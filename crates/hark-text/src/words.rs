//! Common words of the five languages: what tells a name from a word that is written alike, and a form of a term from
//! a word of its own.

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

fn languages(hash: u32) -> Languages {
    let Some((count, rest)) = WORDS.split_first_chunk::<4>() else { return Languages::NONE };
    let count = u32::from_le_bytes(*count) as usize;
    let Some((hashes, languages)) = rest.split_at_checked(4 * count) else { return Languages::NONE };
    let at = position(hashes, hash).and_then(|at| languages.get(at));
    at.map_or(Languages::NONE, |bits| Languages::from_bits(*bits))
}

/// Where a hash stands in a table of hashes, 32 bits each, little-endian, ascending.
pub(crate) fn position(hashes: &[u8], hash: u32) -> Option<usize> {
    let (hashes, _) = hashes.as_chunks::<4>();
    hashes.binary_search_by_key(&hash, |bytes| u32::from_le_bytes(*bytes)).ok()
}

/// 32-bit FNV-1a, by which words are kept.
pub(crate) fn hash(word: &str) -> u32 {
    word.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_common_in_its_languages() {
        assert_eq!(common_in("marka"), Languages::PL);
        assert!(common_in("och").meets(Languages::SV));
        assert!(!is_common("kvarnby"));
        assert!(!is_common("masina"), "a word without its diacritics is none");
    }
}
