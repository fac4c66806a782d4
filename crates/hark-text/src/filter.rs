//! A look that costs a bit or two, before a table is asked: most words are in none of them.

/// A set of hashes that may say yes where the truth is no, never the other way round: a Bloom filter that sets two bits of one word
/// (Putze, Sanders and Singler, "Cache-, Hash- and Space-Efficient Bloom Filters", 2007).
#[derive(Debug, Default)]
pub(crate) struct Filter {
    words: Vec<u64>,
}

/// One hash in some twenty that is not there asks the table for nothing, and those of 300,000 words still fit a core's cache.
const BITS_A_HASH: usize = 8;
/// A small filter says no more often, and is in the cache anyway.
const FEWEST_WORDS: usize = 1 << 10;

impl Filter {
    pub fn of(hashes: &[u64]) -> Self {
        let count = (hashes.len() * BITS_A_HASH).div_ceil(64).max(FEWEST_WORDS.min(hashes.len()));
        let mut filter = Self { words: vec![0; count] };
        for hash in hashes {
            let at = filter.place(*hash);
            filter.words[at] |= bits(*hash);
        }
        filter
    }

    #[inline]
    pub fn may_hold(&self, hash: u64) -> bool {
        let bits = bits(hash);
        self.words.get(self.place(hash)).is_some_and(|word| word & bits == bits)
    }

    /// Every word as likely as the others, by the upper half of the hash.
    #[inline]
    fn place(&self, hash: u64) -> usize {
        (((hash >> 32) * self.words.len() as u64) >> 32) as usize
    }
}

/// By the lower half.
#[inline]
fn bits(hash: u64) -> u64 {
    1 << (hash & 63) | 1 << (hash >> 6 & 63)
}
