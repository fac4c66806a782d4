//! Latin with diacritics, Greek and Cyrillic by table: what folding and lower-casing do to a letter, computed once.

use std::sync::LazyLock;

use crate::fold::{Class, class, fold_char};

/// Code points below this stand in the table.
const LETTERS: u32 = 0x530;

/// One code point.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Letter {
    /// What it does to the word it stands in.
    pub class: Class,
    /// A capital.
    pub upper: bool,
    /// A digit or a fraction, whatever its class.
    pub numeric: bool,
    folded: Utf8,
    lower: Utf8,
}

impl Letter {
    /// Folded, in UTF-8.
    #[inline]
    pub fn folded(&self) -> &[u8] {
        self.folded.bytes()
    }

    /// In small letters with its diacritics, in UTF-8.
    #[inline]
    pub fn lower(&self) -> &[u8] {
        self.lower.bytes()
    }
}

/// As many bytes as any letter of the table becomes, and more: `¼` becomes `1⁄4`.
#[derive(Clone, Copy, Debug, Default)]
struct Utf8 {
    bytes: [u8; 7],
    length: u8,
}

impl Utf8 {
    #[inline]
    fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    fn push(&mut self, c: char) {
        let mut buffer = [0; 4];
        for &byte in c.encode_utf8(&mut buffer).as_bytes() {
            if let Some(slot) = self.bytes.get_mut(usize::from(self.length)) {
                *slot = byte;
                self.length += 1;
            }
        }
    }
}

/// The entry of a character, if it is one of these alphabets.
#[inline]
pub(crate) fn letter(c: char) -> Option<&'static Letter> {
    TABLE.get(c as usize)
}

/// The entries of all of them, by code point.
pub(crate) fn all() -> &'static [Letter] {
    &TABLE
}

static TABLE: LazyLock<Vec<Letter>> =
    LazyLock::new(|| (0..LETTERS).map(|code| entry(char::from_u32(code).unwrap_or(' '))).collect());

fn entry(c: char) -> Letter {
    let (mut folded, mut lower) = (Utf8::default(), Utf8::default());
    fold_char(c, &mut |c| folded.push(c));
    c.to_lowercase().for_each(|c| lower.push(c));
    Letter { class: class(c), upper: c.is_uppercase(), numeric: c.is_numeric(), folded, lower }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_what_folding_and_lower_casing_say() {
        for code in 0..LETTERS {
            let c = char::from_u32(code).unwrap();
            let entry = letter(c).unwrap();
            if entry.class != Class::Letter {
                continue;
            }
            let mut folded = String::new();
            fold_char(c, &mut |c| folded.push(c));
            assert_eq!(entry.folded(), folded.as_bytes(), "{c}");
            assert_eq!(crate::fold(&format!("{c}É")), format!("{folded}e"), "{c}");
            assert_eq!(entry.lower(), c.to_lowercase().collect::<String>().as_bytes(), "{c}");
        }
    }
}
