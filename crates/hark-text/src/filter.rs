//! A look that costs a bit, before a table is asked: most words are in none of them.

/// A set of hashes that may say yes where the truth is no, never the other way round.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    bits: Vec<u64>,
    shift: u32,
}

impl Filter {
    pub fn of(hashes: &[u64]) -> Self {
        // 16 bits a word: one word in sixteen asks the table for nothing, and 100,000 words still fit a core's cache.
        let bits = (hashes.len() * 16).next_power_of_two().max(1024);
        let mut filter = Self { bits: vec![0; bits / 64], shift: 64 - bits.trailing_zeros() };
        for hash in hashes {
            let bit = hash >> filter.shift;
            filter.bits[usize::try_from(bit / 64).unwrap_or(0)] |= 1 << (bit % 64);
        }
        filter
    }

    #[inline]
    pub fn may_hold(&self, hash: u64) -> bool {
        let bit = hash >> self.shift;
        self.bits[(bit / 64) as usize] >> (bit % 64) & 1 == 1
    }
}
