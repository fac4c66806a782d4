//! The story fingerprint: copies of a text, lightly edited or shared with a link and a greeting, differ in few bits.

use crate::tokens::{TokenKind, Tokens};

/// Fingerprints of most copies differ in at most so many bits, those of unrelated texts in more; tests/story.rs measures
/// how often.
pub const STORY_RADIUS: u32 = 10;

/// Bytes that are counted together. They stay within a word, so that an edit of it leaves the others alone.
const GRAM: usize = 4;
/// Runs of a word that count: its begin. More of them would give a long word, and what is done to it, more weight than the others.
const WORD_GRAMS: usize = 4;

/// SimHash over the distinct runs of four bytes that the folded words begin with, without links, names and marks; 0 for a text without
/// words. `grams` is memory that is used again.
pub(crate) fn fingerprint(tokens: &Tokens, grams: &mut Vec<u64>) -> u64 {
    grams.clear();
    for token in tokens.all().iter().filter(|token| token.kind == TokenKind::Word) {
        if tokens.bytes_of(token) == b"rt" {
            continue;
        }
        let (from, to) = Tokens::padded(token);
        // A word of one letter has one run, with the byte that comes after its space cut off.
        let bits = 8 * GRAM.min(to - from);
        let starts = (from..=to.saturating_sub(GRAM).max(from)).take(WORD_GRAMS);
        grams.extend(starts.map(|at| mix(tokens.window(at) << (64 - bits))));
    }
    grams.sort_unstable();
    grams.dedup();
    majority(grams)
}

/// Each bit as in most of the hashes.
fn majority(hashes: &[u64]) -> u64 {
    // The count of each bit, written across: bit by bit of the counts, each plane for all 64 of them.
    let mut planes = [0_u64; PLANES];
    for hash in hashes {
        let mut carry = *hash;
        for plane in &mut planes {
            (*plane, carry) = (*plane ^ carry, *plane & carry);
            if carry == 0 {
                break;
            }
        }
    }
    // Compared with half of them from the highest bit on.
    let half = hashes.len() / 2;
    let (mut more, mut equal) = (0, u64::MAX);
    for (bit, plane) in planes.iter().enumerate().rev() {
        let half = if half >> bit & 1 == 1 { u64::MAX } else { 0 };
        more |= equal & plane & !half;
        equal &= !(plane ^ half);
    }
    more
}

/// Counts up to 2^20: a text has at most 64 KiB.
const PLANES: usize = 20;

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
