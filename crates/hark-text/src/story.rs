//! The story fingerprint: copies of a text, lightly edited or shared with a link and a greeting, differ in few bits.

use crate::{
    features::hash,
    tokens::{TokenKind, Tokens},
};

/// SimHash over the words and the pairs of words of a text without its links, names and marks; 0 for a text without
/// words.
pub(crate) fn fingerprint(tokens: &Tokens) -> u64 {
    let mut votes = Votes::default();
    let mut before = 0_u64;
    let mut words = 0;
    for token in tokens.all().iter().filter(|token| token.kind == TokenKind::Word) {
        let word = hash(tokens.bytes_of(token));
        if word == hash(b"rt") {
            continue;
        }
        words += 1;
        votes.add(mix(before.rotate_left(17) ^ word));
        votes.add(mix(word));
        before = word;
    }
    if words == 0 {
        return 0;
    }
    votes.majority()
}

/// How often each of 64 bits was set, counted for all of them at once: plane `n` holds digit `n` of the 64 counts.
#[derive(Default)]
struct Votes {
    planes: [u64; PLANES],
    added: u64,
}

/// Digits of a count: a text has at most 64 KiB.
const PLANES: usize = 20;

impl Votes {
    fn add(&mut self, bits: u64) {
        self.added += 1;
        let mut carry = bits;
        for plane in &mut self.planes {
            (*plane, carry) = (*plane ^ carry, *plane & carry);
            if carry == 0 {
                break;
            }
        }
    }

    /// The bits that were set more often than not.
    fn majority(&self) -> u64 {
        let half = self.added / 2;
        let (mut more, mut equal) = (0, u64::MAX);
        for (digit, plane) in self.planes.iter().enumerate().rev() {
            if half >> digit & 1 == 0 {
                more |= equal & plane;
                equal &= !plane;
            } else {
                equal &= plane;
            }
        }
        more
    }
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
    fn the_majority_is_what_counting_bit_by_bit_finds() {
        let mut votes = Votes::default();
        let mut counts = [0_i32; 64];
        for number in 0..301_u64 {
            let bits = mix(number);
            votes.add(bits);
            for (bit, count) in counts.iter_mut().enumerate() {
                *count += if bits >> bit & 1 == 1 { 1 } else { -1 };
            }
            let counted =
                counts.iter().enumerate().fold(0, |set, (bit, count)| set | u64::from(*count > 0) << bit);
            assert_eq!(votes.majority(), counted, "after {number}");
        }
    }
}
