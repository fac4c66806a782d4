//! The story fingerprint: copies of a text, lightly edited or shared with a link and a greeting, differ in few bits.

use std::hash::{BuildHasher as _, RandomState};

use crate::tokens::{TokenKind, Tokens};

/// Fingerprints of most copies differ in at most so many bits, those of unrelated texts in more; tests/story.rs measures
/// how often.
pub const STORY_RADIUS: u32 = 10;

/// Bytes that are counted together. They stay within a word, so that an edit of it leaves the others alone.
const GRAM: usize = 4;
/// Runs of a word that count: its begin. More of them would give a long word, and what is done to it, more weight than the others.
const WORD_GRAMS: usize = 4;

/// SimHash over the distinct runs of four bytes that the folded words begin with, without links, names and marks; 0 for a text without
/// words or of numbers alone. `grams` is memory that is used again.
pub(crate) fn fingerprint(tokens: &Tokens, grams: &mut Grams) -> u64 {
    let words = || tokens.all().iter().filter(|token| token.kind == TokenKind::Word);
    grams.clear(words().count() * WORD_GRAMS);
    let mut says = false;
    for token in words() {
        let bytes = tokens.bytes_of(token);
        if bytes == b"rt" {
            continue;
        }
        says = says || !bytes.iter().all(u8::is_ascii_digit);
        let (from, to) = Tokens::padded(token);
        // A word of one letter has one run, with the byte that comes after its space cut off.
        let bits = 8 * GRAM.min(to - from);
        let starts = (from..=to.saturating_sub(GRAM).max(from)).take(WORD_GRAMS);
        starts.for_each(|at| grams.add(mix(tokens.window(at) << (64 - bits))));
    }
    // A price or a time alone is like any other.
    if says { majority(&grams.distinct) } else { 0 }
}

/// A set of hashes with open addressing and linear probing: with hashbrown's a post was judged in 1.1 of the time. None of them is 0:
/// mixing makes that of zeros alone, and a run has a letter.
#[derive(Debug)]
pub(crate) struct Grams {
    distinct: Vec<u64>,
    /// Twice as many as hashes, or more.
    places: Vec<u64>,
    /// Chooses the places. Drawn anew for each set, or somebody could write a text whose runs all want the same one.
    multiplier: u64,
}

impl Default for Grams {
    fn default() -> Self {
        Self { distinct: Vec::new(), places: Vec::new(), multiplier: RandomState::new().hash_one(0) | 1 }
    }
}

impl Grams {
    /// Makes room for `most` hashes.
    fn clear(&mut self, most: usize) {
        self.distinct.clear();
        self.places.clear();
        self.places.resize((2 * most).next_power_of_two(), 0);
    }

    fn add(&mut self, hash: u64) {
        let last = self.places.len() - 1;
        let mut at = (hash.wrapping_mul(self.multiplier) >> 32) as usize & last;
        while self.places[at] != 0 {
            if self.places[at] == hash {
                return;
            }
            at = (at + 1) & last;
        }
        self.places[at] = hash;
        self.distinct.push(hash);
    }
}

/// Each bit as in most of the hashes.
fn majority(hashes: &[u64]) -> u64 {
    // The count of each bit, written across: bit by bit of the counts, each plane for all 64 of them. Two hashes at a time are one
    // addition with a carry. Every plane that a count can reach, without stopping where nothing carries: that branch could not be foretold.
    let mut planes = [0_u64; usize::BITS as usize];
    let planes = &mut planes[..(usize::BITS - hashes.len().leading_zeros()) as usize];
    let (pairs, rest) = hashes.as_chunks();
    for [one, other] in pairs.iter().copied().chain(rest.iter().map(|last| [*last, 0])) {
        let Some((lowest, higher)) = planes.split_first_mut() else { break };
        let differ = one ^ other;
        let mut carry = one & other | differ & *lowest;
        *lowest ^= differ;
        for plane in higher {
            (*plane, carry) = (*plane ^ carry, *plane & carry);
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
