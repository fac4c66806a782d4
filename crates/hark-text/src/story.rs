//! The story fingerprint: copies of a text, lightly edited or shared with a link and a greeting, differ in few bits.

use crate::{
    features::hash,
    tokens::{TokenKind, Tokens},
};

/// SimHash over the words and the pairs of words of a text without its links, names and marks; 0 for a text without
/// words.
pub(crate) fn fingerprint(tokens: &Tokens) -> u64 {
    let mut votes = [0_i32; 64];
    let mut before = 0_u64;
    let mut words = 0;
    for token in tokens.all().iter().filter(|token| token.kind == TokenKind::Word) {
        let word = hash(tokens.bytes_of(token));
        if word == hash(b"rt") {
            continue;
        }
        words += 1;
        let pair = mix(before.rotate_left(17) ^ word);
        let word_bits = mix(word);
        for (bit, vote) in votes.iter_mut().enumerate() {
            *vote += 2 * (word_bits >> bit & 1) as i32 - 1;
            *vote += 2 * (pair >> bit & 1) as i32 - 1;
        }
        before = word;
    }
    if words == 0 {
        return 0;
    }
    votes.iter().enumerate().fold(0, |print, (bit, vote)| print | u64::from(*vote > 0) << bit)
}

fn mix(hash: u64) -> u64 {
    let mixed = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    mixed ^ (mixed >> 33)
}
