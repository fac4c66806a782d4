//! Common words of the five languages: what tells a name from a word that is written alike.

/// Hashes (32 bits, little-endian, ascending) of lower-case words, made by hark-train from its texts.
static WORDS: &[u8] = include_bytes!("../models/words.bin");

/// Whether a word, lower-case with its diacritics, is common in one of the five languages.
pub(crate) fn is_common(word: &str) -> bool {
    let hash = word_hash(word);
    let at = |index: usize| -> u32 {
        WORDS
            .get(index * 4..)
            .and_then(|bytes| bytes.first_chunk())
            .map_or(u32::MAX, |bytes| u32::from_le_bytes(*bytes))
    };
    let (mut low, mut high) = (0, WORDS.len() / 4);
    while low < high {
        let middle = low.midpoint(high);
        match at(middle).cmp(&hash) {
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Greater => high = middle,
        }
    }
    false
}

/// The hash under which a word is kept.
#[must_use]
pub fn word_hash(word: &str) -> u32 {
    u32::try_from(crate::features::hash(word.as_bytes()) >> 32).unwrap_or(0)
}
