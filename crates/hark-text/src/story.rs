//! The story fingerprint: copies of a text, lightly edited or shared with a link and a greeting, differ in few bits.

use crate::{
    features::hash,
    tokens::{TokenKind, Tokens},
};

/// Fingerprints of most copies differ in at most so many bits, those of unrelated texts in more; tests/story.rs measures
/// how often.
pub const STORY_RADIUS: u32 = 10;

/// Bytes that are counted together. They stay within a word, so that an edit of it leaves the others alone.
const GRAM: usize = 4;

/// SimHash over the distinct runs of four bytes of the folded words, without links, names and marks; 0 for a text without
/// words.
pub(crate) fn fingerprint(tokens: &Tokens) -> u64 {
    let mut grams: Vec<u64> = Vec::new();
    let mut word = Vec::new();
    for token in tokens.all().iter().filter(|token| token.kind == TokenKind::Word) {
        if tokens.bytes_of(token) == b"rt" {
            continue;
        }
        word.clear();
        word.push(b' ');
        word.extend_from_slice(tokens.bytes_of(token));
        word.push(b' ');
        if word.len() < GRAM {
            grams.push(mix(hash(&word)));
        }
        grams.extend(word.windows(GRAM).map(|gram| mix(hash(gram))));
    }
    grams.sort_unstable();
    grams.dedup();
    majority(&grams)
}

/// Each bit as in most of the hashes.
fn majority(hashes: &[u64]) -> u64 {
    let mut votes = [0_u32; 64];
    // Eight counters of a byte in each word, emptied before one can overflow.
    for few in hashes.chunks(usize::from(u8::MAX)) {
        let mut counters = [0_u64; 8];
        for hash in few {
            for (counter, byte) in counters.iter_mut().zip(hash.to_le_bytes()) {
                *counter += spread(byte);
            }
        }
        for (votes, counter) in votes.as_chunks_mut::<8>().0.iter_mut().zip(counters) {
            for (vote, count) in votes.iter_mut().zip(counter.to_le_bytes()) {
                *vote += u32::from(count);
            }
        }
    }
    let half = hashes.len() / 2;
    votes.iter().enumerate().fold(0, |print, (bit, vote)| print | u64::from(*vote as usize > half) << bit)
}

/// The bits of a byte, each in a byte of its own.
fn spread(byte: u8) -> u64 {
    let one_each = u64::from(byte).wrapping_mul(0x0101_0101_0101_0101) & 0x8040_2010_0804_0201;
    (one_each + 0x7f7f_7f7f_7f7f_7f7f) >> 7 & 0x0101_0101_0101_0101
}

fn mix(hash: u64) -> u64 {
    let mixed = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    mixed ^ (mixed >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bit_is_that_of_most_hashes() {
        assert_eq!(majority(&[0b0110, 0b0011, 0b1010]), 0b0010);
        let many: Vec<u64> = (0..1000).map(|number| if number % 3 == 0 { 0 } else { u64::MAX }).collect();
        assert_eq!(majority(&many), u64::MAX);
    }
}
