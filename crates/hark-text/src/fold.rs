//! Folding: the form in which terms and posts are compared.
//!
//! Folded text is lower-case, compatibility-composed (full-width and mathematical letters become plain ones), without
//! diacritics, zero-width characters and soft hyphens. A *piece* is a run of folded letters and digits; everything
//! else separates pieces. Folding a post and finding its pieces is one pass that allocates nothing: a piece is its
//! hash and its place in the original bytes.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use crate::alphabet::{self, Letter};

/// Folds a text as matching does: letter case, diacritics, compatibility forms and invisible characters go; white
/// space, punctuation and symbols stay as they are. Handles are compared in this form.
///
/// ```
/// assert_eq!(hark_text::fold("Łódź, ＡＢＣ"), "lodz, abc");
/// ```
#[must_use]
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match class(c) {
            Class::Letter if let Some(known) = alphabet::letter(c) => {
                out.push_str(std::str::from_utf8(known.folded()).unwrap_or_default());
            }
            Class::Letter => fold_char(c, &mut |folded| out.push(folded)),
            Class::Invisible | Class::Mark => {}
            Class::Separator => out.push(c),
        }
    }
    out
}

/// One word of a text: a run of letters and digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Of the folded letters; two pieces are the same word when their hashes are equal.
    pub hash: u64,
    /// From the first letter to past the last one with its combining marks.
    pub start: usize,
    pub end: usize,
}

/// The pieces of a text, in order.
pub(crate) struct Pieces<'a> {
    text: &'a str,
    at: usize,
    alphabet: &'static [Letter],
}

impl<'a> Pieces<'a> {
    pub fn new(text: &'a str) -> Self {
        Self::from(text, 0)
    }

    /// The pieces from a byte position on, which must be a character boundary.
    pub fn from(text: &'a str, at: usize) -> Self {
        Self { text, at, alphabet: alphabet::all() }
    }
}

impl Iterator for Pieces<'_> {
    type Item = Piece;

    #[inline]
    fn next(&mut self) -> Option<Piece> {
        let bytes = self.text.as_bytes();
        let mut at = self.at;
        // Separators first: most are single ASCII bytes.
        let mut letters = Letters { hash: HASH_START, length: 0, alphabet: self.alphabet };
        let start = loop {
            let byte = *bytes.get(at)?;
            let folded = ASCII[usize::from(byte)];
            if folded >= FIRST_LETTER {
                letters.step(folded);
                at += 1;
                break at - 1;
            }
            if folded == SEPARATOR {
                at += 1;
                continue;
            }
            let c = self.text[at..].chars().next()?;
            let length = c.len_utf8();
            if self.class(c) == Class::Letter {
                letters.feed(c);
                if stands_alone(c) {
                    self.at = at + length;
                    return Some(Piece { hash: letters.hash(), start: at, end: at + length });
                }
                at += length;
                break at - length;
            }
            at += length;
        };
        let mut end = at;
        while let Some(&byte) = bytes.get(at) {
            let folded = ASCII[usize::from(byte)];
            if folded >= FIRST_LETTER {
                letters.step(folded);
                at += 1;
                end = at;
                continue;
            }
            if folded == SEPARATOR {
                break;
            }
            let Some(c) = self.text[at..].chars().next() else { break };
            match self.class(c) {
                Class::Letter if stands_alone(c) => break,
                Class::Letter => {
                    letters.feed(c);
                    at += c.len_utf8();
                    end = at;
                }
                Class::Mark => {
                    at += c.len_utf8();
                    end = at;
                }
                Class::Invisible => at += c.len_utf8(),
                Class::Separator => break,
            }
        }
        self.at = at;
        Some(Piece { hash: letters.hash(), start, end })
    }
}

impl Pieces<'_> {
    #[inline]
    fn class(&self, c: char) -> Class {
        self.alphabet.get(c as usize).map_or_else(|| class(c), |known| known.class)
    }
}

/// The hash of a word in the making, letter by letter: after each it is the one that [`Pieces`] gives so much of the word.
#[derive(Clone, Copy)]
pub(crate) struct Letters {
    hash: u64,
    length: usize,
    alphabet: &'static [Letter],
}

impl Letters {
    pub fn new() -> Self {
        Self { hash: HASH_START, length: 0, alphabet: alphabet::all() }
    }

    #[inline]
    pub fn feed(&mut self, c: char) {
        match self.alphabet.get(c as usize) {
            Some(known) => known.folded().iter().for_each(|byte| self.step(*byte)),
            None => fold_char(c, &mut |folded| {
                let mut buffer = [0; 4];
                folded.encode_utf8(&mut buffer).bytes().for_each(|byte| self.step(byte));
            }),
        }
    }

    #[inline]
    fn step(&mut self, folded: u8) {
        self.hash = step(self.hash, folded);
        self.length += 1;
    }

    /// Folded bytes fed so far.
    #[inline]
    pub fn len(&self) -> usize {
        self.length
    }

    #[inline]
    pub fn hash(self) -> u64 {
        finish(self.hash)
    }
}

/// The hash that [`Pieces`] gives a word which is already folded.
pub(crate) fn hash_folded(word: &str) -> u64 {
    finish(word.bytes().fold(HASH_START, step))
}

const HASH_START: u64 = 0xcbf2_9ce4_8422_2325;

#[inline]
const fn step(hash: u64, byte: u8) -> u64 {
    (hash ^ byte as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23)
}

#[inline]
const fn finish(hash: u64) -> u64 {
    let mixed = (hash ^ (hash >> 31)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    mixed ^ (mixed >> 32)
}

/// For tables whose keys are hashes already.
pub(crate) type ByHash = std::hash::BuildHasherDefault<AlreadyHashed>;

/// Takes a key for its hash.
#[derive(Debug, Default)]
pub(crate) struct AlreadyHashed(u64);

impl std::hash::Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = step(self.0, byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Letter,
    /// A combining mark: belongs to the letter before it and is folded away.
    Mark,
    /// Zero-width characters, soft hyphen, direction marks: as if they were not there.
    Invisible,
    Separator,
}

/// What a character does to the word it stands in.
#[inline]
pub(crate) fn class(c: char) -> Class {
    if c.is_ascii() {
        return if c.is_ascii_alphanumeric() { Class::Letter } else { Class::Separator };
    }
    match c {
        '\u{ad}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2064}'
        | '\u{2066}'..='\u{2069}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{180e}' => Class::Invisible,
        _ if is_combining_mark(c) => Class::Mark,
        _ if c.is_alphanumeric() => Class::Letter,
        _ => Class::Separator,
    }
}

/// Scripts that write no spaces: each character is a piece, so that a term may begin anywhere.
#[inline]
pub(crate) fn stands_alone(c: char) -> bool {
    matches!(c, '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3fffd}')
}

/// Hands the folded characters of one letter to `out`.
pub(crate) fn fold_char(c: char, out: &mut impl FnMut(char)) {
    if c.is_ascii() {
        out(c.to_ascii_lowercase());
        return;
    }
    for compatible in std::iter::once(c).nfkd() {
        for lower in compatible.to_lowercase() {
            for part in std::iter::once(lower).nfkd().filter(|c| !is_combining_mark(*c)) {
                match part {
                    'ł' => out('l'),
                    'ø' => out('o'),
                    'đ' | 'ð' => out('d'),
                    'ħ' => out('h'),
                    'ı' => out('i'),
                    'ŧ' => out('t'),
                    'ŋ' => out('n'),
                    'ß' => "ss".chars().for_each(&mut *out),
                    'æ' => "ae".chars().for_each(&mut *out),
                    'œ' => "oe".chars().for_each(&mut *out),
                    'þ' => "th".chars().for_each(&mut *out),
                    'ς' => out('σ'),
                    other => out(other),
                }
            }
        }
    }
}

const SEPARATOR: u8 = 0;
const NOT_ASCII: u8 = 1;
/// Every folded ASCII letter and digit is at least this.
const FIRST_LETTER: u8 = b'0';

static ASCII: [u8; 256] = {
    let mut table = [SEPARATOR; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        table[byte] = if b >= 0x80 {
            NOT_ASCII
        } else if b.is_ascii_alphanumeric() {
            b.to_ascii_lowercase()
        } else {
            SEPARATOR
        };
        byte += 1;
    }
    table
};

/// What may stand before the `@` of an e-mail address.
pub(crate) fn in_local_part(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '%')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_that_only_typography_tells_apart_fold_alike() {
        for (left, right) in [
            ("Łódź", "lodz"),
            ("Ło\u{301}dz\u{301}", "lodz"),
            ("Ło\u{200b}dź", "ŁÓDŹ"),
            ("ＡＵＲＯＲＡ", "aurora"),
            ("𝓐𝓾𝓻𝓸𝓻𝓪", "aurora"),
            ("mașină", "maşină"),
            ("STRASSE", "straße"),
            ("auto\u{ad}mobil", "automobil"),
            ("ΛΌΓΟΣ", "λόγος"),
        ] {
            assert_eq!(fold(left), fold(right), "{left} {right}");
            let hashes = |text| Pieces::new(text).map(|piece| piece.hash).collect::<Vec<_>>();
            assert_eq!(hashes(left), hashes(right), "{left} {right}");
        }
    }

    #[test]
    fn a_piece_covers_its_letters_and_no_invisible_edge() {
        let text = "\u{200b}„Łódź\u{200b}”, e\u{301}te\u{301}!";
        let words: Vec<&str> = Pieces::new(text).map(|piece| &text[piece.start..piece.end]).collect();
        assert_eq!(words, ["Łódź", "e\u{301}te\u{301}"]);
    }

    #[test]
    fn the_hash_of_a_piece_is_that_of_its_folded_word() {
        for word in ["Ærøskøbing", "ß", "Straße", "ﬁnał", "日", "Ω"] {
            let piece = Pieces::new(word).next().map(|piece| piece.hash);
            assert_eq!(piece, Some(hash_folded(&fold(word))), "{word}");
        }
    }
}
