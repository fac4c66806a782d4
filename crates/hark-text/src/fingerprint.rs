//! Content fingerprints, by which enrich tells a repeat from an edit.

use unicode_normalization::UnicodeNormalization;

/// A stable fingerprint of a post's content: equal for parts that differ only in white space or Unicode form, and, but
/// for one chance in 2^64, for no others. The same on every machine and in every version: it is stored.
///
/// First 8 bytes, little-endian, of BLAKE3 over the parts in NFC with runs of white space as one space and none at
/// the ends, each part preceded by its length in bytes as an unsigned 32-bit little-endian integer.
#[must_use]
pub fn fingerprint(parts: &[&str]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    let mut normal = String::new();
    for part in parts {
        normal.clear();
        for word in part.split_whitespace() {
            if !normal.is_empty() {
                normal.push(' ');
            }
            if word.is_ascii() {
                normal.push_str(word);
            } else {
                normal.extend(word.nfc());
            }
        }
        hasher.update(&u32::try_from(normal.len()).unwrap_or(u32::MAX).to_le_bytes());
        hasher.update(normal.as_bytes());
    }
    let mut first = [0; 8];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_and_unicode_form_do_not_count() {
        assert_eq!(fingerprint(&["Łódź  to\nja "]), fingerprint(&["Ło\u{301}dz\u{301} to ja"]));
    }

    #[test]
    fn anything_else_counts() {
        let texts: [&[&str]; 6] = [&["a b"], &["ab"], &["A b"], &["a", "b"], &["a b", ""], &["a b!"]];
        for (i, left) in texts.iter().enumerate() {
            for right in &texts[i + 1..] {
                assert_ne!(fingerprint(left), fingerprint(right), "{left:?} {right:?}");
            }
        }
    }

    #[test]
    fn it_is_the_same_in_every_version() {
        assert_eq!(fingerprint(&["Aurora Motors", "", "4.5"]), PINNED);
    }

    const PINNED: u64 = 372_459_322_151_935_842;
}
