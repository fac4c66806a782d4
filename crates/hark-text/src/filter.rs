//! A look that costs a bit or two, before a table is asked: most words are in none of them.

/// A set of hashes that may say yes where the truth is no, never the other way round: a Bloom filter whose two bits lie in one word
/// (Putze, Sanders and Singler, "Cache-, Hash- and Space-Efficient Bloom Filters", 2007).
#[derive(Debug, Default)]
pub(crate) struct Filter {
    words: Vec<u64>,
    shift: u32,
}

/// And up to twice as many: at most one hash in sixteen that is not there asks the table for nothing, and those of 300,000 words still fit a
/// core's cache.
const BITS_A_HASH: usize = 8;
const FEWEST_WORDS: usize = 16;

impl Filter {
    pub fn of(hashes: impl IntoIterator<Item = u64>) -> Self {
        let hashes: Vec<u64> = hashes.into_iter().collect();
        let count = (hashes.len() * BITS_A_HASH / 64).max(FEWEST_WORDS).next_power_of_two();
        let mut filter = Self { words: vec![0; count], shift: 64 - count.trailing_zeros() };
        for hash in hashes {
            let at = filter.place(hash);
            filter.words[at] |= bits(hash);
        }
        filter
    }

    #[inline]
    pub fn may_hold(&self, hash: u64) -> bool {
        let bits = bits(hash);
        self.words.get(self.place(hash)).is_some_and(|word| word & bits == bits)
    }

    /// By the highest bits.
    #[inline]
    fn place(&self, hash: u64) -> usize {
        (hash >> self.shift) as usize
    }
}

/// By the lowest bits.
#[inline]
fn bits(hash: u64) -> u64 {
    1 << (hash & 63) | 1 << (hash >> 6 & 63)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_a_set_is_always_found_and_most_else_is_not() {
        let hash = |number: u64| {
            blake3::hash(&number.to_le_bytes()).as_bytes()[..8]
                .iter()
                .fold(0, |hash, byte| hash << 8 | u64::from(*byte))
        };
        for count in [1, 100, 5_000] {
            let filter = Filter::of((0..count).map(hash));
            assert!((0..count).all(|number| filter.may_hold(hash(number))), "{count}");
            let wrong = (count..count + 10_000).filter(|number| filter.may_hold(hash(*number))).count();
            assert!(wrong < 700, "{wrong} of 10,000 beside {count}");
        }
        assert!(!Filter::default().may_hold(7));
    }
}
