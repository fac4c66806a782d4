//! The partition of a key, as Kafka's Java clients compute it.

use std::sync::Arc;

/// A topic that records are written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Whole name, prefix included.
    pub name: Arc<str>,
    /// Number of partitions, as the log has it.
    pub partitions: u32,
}

impl Topic {
    /// The partition of a key.
    #[must_use]
    pub fn partition_of(&self, key: &[u8]) -> u32 {
        of_key(key, self.partitions)
    }

    /// A partition for what came from partition `origin` of another topic.
    #[must_use]
    pub fn beside(&self, origin: u32) -> u32 {
        origin % self.partitions.max(1)
    }
}

/// The partition of `key` on a topic of `partitions` partitions: murmur2 with Java's seed, made positive, modulo the
/// count. The same as `org.apache.kafka.clients.producer.internals.BuiltInPartitioner.partitionForKey`.
#[must_use]
pub fn of_key(key: &[u8], partitions: u32) -> u32 {
    (murmur2(key) & 0x7fff_ffff) % partitions.max(1)
}

/// 32-bit MurmurHash2 (Austin Appleby, public domain) with the seed of `org.apache.kafka.common.utils.Utils.murmur2`.
#[must_use]
pub fn murmur2(data: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    const R: u32 = 24;

    // Java hashes arrays, whose length is an int; a longer key cannot be on the log.
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let mut hash = SEED ^ length;
    let mut words = data.chunks_exact(4);
    for word in &mut words {
        let mut k = u32::from_le_bytes([word[0], word[1], word[2], word[3]]).wrapping_mul(M);
        k ^= k >> R;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        for (index, &byte) in rest.iter().enumerate() {
            hash ^= u32::from(byte) << (8 * index);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}
