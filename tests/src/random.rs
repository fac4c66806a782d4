//! The same numbers for the same seed, whatever the machine; and bytes damaged by them, for parsers that eat what strangers send.

/// A generator (SplitMix64).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Generators of one seed that differ in `stream` have nothing to do with each other.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut random = Self(seed ^ stream.wrapping_mul(0xA076_1D64_78BD_642F));
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Below `limit`, which is not 0.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap_or_default()
    }

    /// True in so many of a hundred cases.
    pub fn percent(&mut self, of_hundred: usize) -> bool {
        self.below(100) < of_hundred
    }

    /// One of them.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// Damages bytes in one of seven ways: a bit, a byte, a cut, a hole, a piece elsewhere, a token put in, a piece many times over.
    pub fn damage(&mut self, bytes: &mut Vec<u8>, tokens: &[&str]) {
        if bytes.is_empty() {
            return;
        }
        let at = self.below(bytes.len());
        let until = at + self.below(bytes.len() - at).min(60);
        match self.below(7) {
            0 => bytes[at] ^= 1 << self.below(8),
            1 => bytes[at] = u8::try_from(self.below(256)).unwrap_or_default(),
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..until)),
            4 => {
                let piece = bytes[at..until].to_vec();
                let to = self.below(bytes.len());
                bytes.splice(to..to, piece);
            }
            5 if !tokens.is_empty() => {
                let token = *self.pick(tokens);
                bytes.splice(at..at, token.bytes());
            }
            _ => {
                let piece = bytes[at..until].repeat(1 + self.below(200));
                bytes.splice(at..at, piece);
            }
        }
    }
}
