//! Which language a post is written in.

use std::borrow::Cow;

use crate::{
    alphabet,
    features::hash,
    fold::{Class, class},
    model::{Model, ModelError},
};

/// Languages told apart, at most; the rest of the outputs is padding.
pub const LANGUAGES: usize = 32;

/// Version of the features: a model trained for another one is of no use.
pub const LANGUAGE_FEATURES_VERSION: u32 = 2;

/// Letters looked at: the language of a longer text is certain by then.
const MAX_BYTES: usize = 400;
/// Fewer letters than this tell nothing.
const LEAST_LETTERS: usize = 2;

/// The letters of a text as language is told by them: lower-case with their diacritics, words separated by spaces;
/// without links, mentions, hashtags, digits and signs.
pub fn letters(text: &str, buffer: &mut Vec<u8>) {
    letters_until(text, MAX_BYTES, buffer);
    space(buffer);
}

/// The first `most` bytes of them, and what of a letter goes beyond.
fn letters_until(text: &str, most: usize, buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.push(b' ');
    let mut skip = false;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        if buffer.len() > most {
            return;
        }
        let starts_word = before.is_whitespace();
        before = c;
        if c.is_whitespace() {
            skip = false;
        } else if matches!(c, '@' | '#') || (starts_word && begins_link(&text[at..])) {
            skip = true;
        }
        if skip {
            space(buffer);
            continue;
        }
        match c {
            'a'..='z' => buffer.push(c as u8),
            'A'..='Z' => buffer.push(c as u8 | 0x20),
            '\'' | '’' => space(buffer),
            _ if c.is_ascii() => space(buffer),
            _ => match alphabet::letter(c).map_or_else(|| class(c), |known| known.class) {
                Class::Letter if alphabet::letter(c).is_some_and(|known| !known.numeric) => {
                    buffer.extend_from_slice(alphabet::letter(c).map_or(&[], |known| known.lower()));
                }
                Class::Letter if !c.is_numeric() => {
                    for lower in c.to_lowercase() {
                        let mut utf8 = [0; 4];
                        buffer.extend_from_slice(lower.encode_utf8(&mut utf8).as_bytes());
                    }
                }
                // One without a letter before it belongs to an emoji.
                Class::Mark if buffer.last() != Some(&b' ') => {
                    let mut utf8 = [0; 4];
                    buffer.extend_from_slice(c.encode_utf8(&mut utf8).as_bytes());
                }
                Class::Invisible => {}
                _ => space(buffer),
            },
        }
    }
    space(buffer);
}

fn begins_link(rest: &str) -> bool {
    rest.starts_with("http://") || rest.starts_with("https://") || rest.starts_with("www.")
}

fn space(buffer: &mut Vec<u8>) {
    if buffer.last() != Some(&b' ') {
        buffer.push(b' ');
    }
}

/// Hands the hash of every feature of such letters to `emit`: each word, and two, three and four bytes in a row of a word and the spaces
/// around it. A group that spans two words says little more than its parts.
pub fn language_features(letters: &[u8], mut emit: impl FnMut(u64)) {
    let mut start = 0;
    while start < letters.len() {
        let length = letters[start..].iter().position(|byte| *byte == b' ').unwrap_or(letters.len() - start);
        let end = start + length;
        if length > 0 {
            emit(hash(&letters[start..end]).wrapping_mul(0xd6e8_feb8_6659_fd93));
            let around = &letters[start.saturating_sub(1)..letters.len().min(end + 1)];
            for two in around[..around.len() - usize::from(end < letters.len())].array_windows::<2>() {
                emit(mix(number(two), 1));
            }
            around.array_windows::<3>().for_each(|three| emit(mix(number(three), 2)));
            around.array_windows::<4>().for_each(|four| emit(mix(number(four), 3)));
        }
        start = end + 1;
    }
}

/// The first byte is the highest.
#[inline]
fn number<const LENGTH: usize>(group: &[u8; LENGTH]) -> u64 {
    group.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[inline]
fn mix(window: u64, length: usize) -> u64 {
    let mixed = (window << 3 | length as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xd6e8_feb8_6659_fd93)
}

/// Memory that [`Identifier::identify`] uses again.
#[derive(Debug, Default)]
pub struct Letters {
    bytes: Vec<u8>,
    found: Found,
}

/// What is found in them.
#[derive(Debug, Default)]
struct Found {
    /// Hashes, each with a place of which there is but one.
    features: Vec<(u64, u32)>,
    rows: Vec<(u32, u32)>,
}

impl Letters {
    /// Letters of the text that was looked at last, as far as they were looked at.
    #[must_use]
    pub fn count(&self) -> usize {
        self.bytes.len()
    }
}

/// Tells languages apart.
#[derive(Debug)]
pub struct Identifier {
    model: Model<LANGUAGES>,
    codes: Vec<&'static str>,
}

/// So many bytes of letters decide most texts; more of them are looked at where they do not.
const BEGINS: [usize; 2] = [32, 128];
/// Probability at which they do.
const DECIDED: f32 = 0.97;

/// Nothing below this is felt in a sum of 32 probabilities.
const LEAST_LOGIT: f32 = -14.0;

/// What source hints are worth, as a factor of the odds.
const HINT_ODDS: f32 = 3.0;

impl Identifier {
    /// From a model file.
    ///
    /// # Errors
    /// As [`Model::parse`].
    pub fn parse(bytes: Cow<'static, [u8]>) -> Result<Self, ModelError> {
        let model = Model::parse("language", LANGUAGE_FEATURES_VERSION, bytes)?;
        let codes = model.outputs().iter().map(|output| code(&output.name)).collect();
        Ok(Self { model, codes })
    }

    /// The language of a text and its probability; `und` when unsure.
    #[must_use]
    pub fn identify(&self, text: &str, hint: Option<&str>, scratch: &mut Letters) -> (&'static str, f32) {
        let Letters { bytes, found } = scratch;
        let hint = hint.map(|hint| code(hint.split(['-', '_']).next().unwrap_or(hint)));
        for most in BEGINS {
            letters_until(text, most, bytes);
            let whole = bytes.len() <= most;
            bytes.truncate(most);
            let (code, probability) = self.judge(bytes, hint, found);
            if whole || probability >= DECIDED {
                return (code, probability);
            }
        }
        letters(text, bytes);
        self.judge(bytes, hint, found)
    }

    fn judge(&self, letters: &[u8], hint: Option<&'static str>, found: &mut Found) -> (&'static str, f32) {
        if let Some(code) = by_script(letters) {
            return (code, 0.99);
        }
        if letters.iter().filter(|byte| **byte != b' ').count() < LEAST_LETTERS {
            return ("und", 0.0);
        }
        if is_international(letters) {
            return hint.map_or(("und", 0.0), |hint| (hint, 0.5));
        }
        let (best, probability) = self.best(letters, hint, found);
        if probability < self.model.outputs()[best].threshold {
            ("und", probability)
        } else {
            (self.codes[best], probability)
        }
    }

    /// The most probable output and its probability.
    fn best(&self, letters: &[u8], hint: Option<&str>, found: &mut Found) -> (usize, f32) {
        let scores = self.scores(letters, found);
        let mut logits = [f32::NEG_INFINITY; LANGUAGES];
        for (index, output) in
            self.model.outputs().iter().enumerate().filter(|(_, output)| !output.name.is_empty())
        {
            logits[index] = output.slope * scores[index];
            if hint == Some(self.codes[index]) {
                logits[index] += HINT_ODDS.ln();
            }
        }
        let best = (0..LANGUAGES).max_by(|a, b| logits[*a].total_cmp(&logits[*b])).unwrap_or(0);
        // The others weigh less than rounding.
        let near = logits.iter().map(|logit| logit - logits[best]).filter(|less| *less > LEAST_LOGIT);
        let total: f32 = near.map(f32::exp).sum();
        (best, 1.0 / total)
    }

    /// Raw scores, one for each output; `found` is memory that is used again.
    fn scores(&self, letters: &[u8], found: &mut Found) -> [f32; LANGUAGES] {
        let Found { features, rows } = found;
        features.clear();
        language_features(letters, |hash| features.push((hash, 0)));
        rows.clear();
        self.model.rows(0, features, rows);
        let sums = self.model.sum(rows);
        let norm = norm(features.len());
        let mut scores = [0.0; LANGUAGES];
        for (at, (score, output)) in scores.iter_mut().zip(self.model.outputs()).enumerate() {
            *score = sums[at] as f32 * self.model.scale(0, at) * norm + output.bias;
        }
        scores
    }

    /// Codes of the languages told apart.
    pub fn codes(&self) -> impl Iterator<Item = &'static str> {
        self.codes.iter().copied().filter(|code| *code != "und")
    }
}

/// Factor of a text's features, so that long texts do not shout.
#[must_use]
pub fn norm(count: usize) -> f32 {
    1.0 / (count.max(1) as f32).sqrt()
}

/// Codes live as long as the program; a model may name only these.
fn code(name: &str) -> &'static str {
    const CODES: [&str; 34] = [
        "ar", "bg", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "he", "hr", "hu", "id", "is", "it",
        "ja", "ko", "nb", "nl", "pl", "pt", "ro", "ru", "sk", "sl", "sr", "sv", "th", "tr", "uk", "vi", "zh",
    ];
    let name = if name.eq_ignore_ascii_case("no") { "nb" } else { name };
    CODES.into_iter().find(|code| code.eq_ignore_ascii_case(name)).unwrap_or("und")
}

/// Nothing but words that people write in any language: laughter, `ok`.
fn is_international(letters: &[u8]) -> bool {
    const WORDS: [&[u8]; 13] = [
        b"ok", b"okay", b"oki", b"lol", b"omg", b"wow", b"wtf", b"xd", b"bravo", b"super", b"top", b"mmm",
        b"hmm",
    ];
    let laughs = |word: &[u8]| {
        let vowel = word.iter().find(|byte| **byte != b'h');
        word.len() >= 4
            && word.contains(&b'h')
            && word.iter().all(|byte| *byte == b'h' || Some(byte) == vowel)
    };
    let mut words = letters.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    // Most texts are longer than these.
    letters.len() <= BEGINS[0] && words.all(|word| WORDS.contains(&word) || laughs(word))
}

/// Scripts that only one language uses, and letters of Ukrainian: `і`, `ї`, `є`, `ґ`, where none of Belarusian and Kazakh stands beside them.
fn by_script(letters: &[u8]) -> Option<&'static str> {
    // Greek is the first of them, and most texts have no byte from there on.
    if letters.iter().all(|byte| *byte < 0xcd) {
        return None;
    }
    let text = std::str::from_utf8(letters).ok()?;
    let mut counts = [("ja", 0), ("ko", 0), ("th", 0), ("he", 0), ("el", 0), ("uk", 0)];
    let (mut all, mut ukrainian, mut foreign) = (0, false, false);
    for c in text.chars().filter(|c| !c.is_ascii()) {
        all += 1;
        match c {
            '\u{3041}'..='\u{30ff}' => counts[0].1 += 3,
            '\u{ac00}'..='\u{d7a3}' => counts[1].1 += 1,
            '\u{e01}'..='\u{e5b}' => counts[2].1 += 1,
            '\u{5d0}'..='\u{5ea}' => counts[3].1 += 1,
            '\u{370}'..='\u{3ff}' => counts[4].1 += 1,
            'і' | 'ї' | 'є' | 'ґ' => (counts[5].1, ukrainian) = (counts[5].1 + 1, true),
            'ы' | 'э' | 'ў' | 'ъ' | 'ё' | 'ј' => foreign = true,
            'а'..='я' => counts[5].1 += 1,
            _ => {}
        }
    }
    if !ukrainian || foreign {
        counts[5].1 = 0;
    }
    let ascii = letters.iter().filter(|byte| byte.is_ascii_lowercase()).count();
    counts.into_iter().find(|(_, count)| *count > 1 && *count * 2 > all && all > ascii).map(|(code, _)| code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyzer::Analyzer;

    #[test]
    fn what_anybody_writes_is_of_no_language_and_ukrainian_is_known_by_its_letters() {
        let analyzer = Analyzer::shipped().unwrap();
        for (text, hint, language) in [
            ("haha ❤️", None, "und"),
            ("❤️❤️", None, "und"),
            ("OK! ahahaha", None, "und"),
            ("OK! ahahaha", Some("it"), "it"),
            ("OK! ahahaha", Some("IT"), "it"),
            ("OK! ahahaha", Some("it-IT"), "it"),
            ("OK! ahahaha", Some("IT_it"), "it"),
            ("OK! ahahaha", Some("NO"), "nb"),
            ("hihi, but why is it closed today?", None, "en"),
            ("Чи відчинено у вас сьогодні ввечері?", None, "uk"),
            ("Ціна за нічліг?", None, "uk"),
            ("Почему у вас сегодня закрыто?", None, "ru"),
        ] {
            let found = analyzer.identifier().identify(text, hint, &mut Letters::default());
            assert_eq!(found.0, language, "{text}: {found:?}");
        }
    }
}
