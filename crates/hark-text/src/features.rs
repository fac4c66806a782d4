//! What the tag models count: for each token its word, its neighbours, pieces of it, and what the lexicon knows.

use crate::{
    lexicon::{Lexicon, Sense},
    tokens::{DESK, Token, TokenKind, Tokens},
};

/// Where the weights of a feature stand. Each table has its size and its precision: a sign weighs a hundred times as
/// much as three letters do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Words, stems, pairs of words.
    Words,
    /// Three or four letters.
    Letters,
    /// Marks, emoji, senses of the lexicon and pairs of them, properties of the whole text.
    Signs,
}

impl Table {
    /// All, in the order of the model file.
    pub const ALL: [Self; 3] = [Self::Words, Self::Letters, Self::Signs];

    /// Index of its factor among [`Norms`].
    #[inline]
    #[must_use]
    pub fn norm(self) -> usize {
        usize::from(self == Self::Signs)
    }

    /// How much a feature weighs before training: words tell more than the letters they consist of.
    #[must_use]
    pub fn factor(self) -> f32 {
        match self {
            Self::Words => 1.0,
            Self::Letters => 0.5,
            Self::Signs => 1.5,
        }
    }
}

/// Factors of words and letters and of signs, so that a long text does not shout.
pub type Norms = [f32; 2];

/// The factors for sentiment, and for intents, of a text with so many features in each table. Attitude is in all of the words, so all
/// count together; an intent is mostly in a few signs, which many words must not drown.
#[must_use]
pub fn norms(counts: [usize; Table::ALL.len()]) -> (Norms, Norms) {
    let squares = |table: Table| counts[table as usize] as f32 * table.factor() * table.factor();
    let (words, signs) = (squares(Table::Words) + squares(Table::Letters), squares(Table::Signs));
    let norm = |squares: f32| if squares > 0.0 { 1.0 / squares.sqrt() } else { 0.0 };
    ([norm(words + signs); 2], [norm(words), norm(signs)])
}

/// Version of the features and of what the outputs stand for: a model trained for another one is of no use.
pub const FEATURES_VERSION: u32 = 6;

/// Stands for the index of a token where a feature belongs to the whole text.
pub const WHOLE: usize = usize::MAX;

/// Hands every feature of a text to `emit`: its table, its hash, of which the high bits count, and the index of the token
/// that it is seen at.
pub fn features(tokens: &Tokens, lexicon: &Lexicon, mut emit: impl FnMut(Table, u64, usize)) {
    let all = tokens.all();
    let mut before = START;
    let mut negated = 0;
    for (index, token) in all.iter().enumerate() {
        let bytes = tokens.bytes_of(token);
        let (word, stem) = word_and_stem(bytes);
        emit(Table::Words, pair(before, word), index);
        if token.kind == TokenKind::Word {
            emit(Table::Words, spread(word), index);
            if stem != word {
                emit(Table::Words, pair(STEM, stem), index);
            }
            if negated > 0 {
                emit(Table::Words, pair(NEGATED, stem), index);
            }
        }
        negated = match token.kind {
            TokenKind::Word if token.negation => NEGATION_REACH,
            TokenKind::Mark => 0,
            _ => negated.saturating_sub(usize::from(token.kind == TokenKind::Word)),
        };
        before = word;
    }
    emit(Table::Words, pair(before, END), all.len().saturating_sub(1));
    for (index, token) in all.iter().enumerate() {
        // The word says all that the letters of a short one do.
        if token.kind == TokenKind::Word && tokens.bytes_of(token).len() >= LEAST_LETTERS {
            letters(tokens, token, |hash| emit(Table::Letters, hash, index));
        }
    }
    signs(tokens, lexicon, |hash, index| emit(Table::Signs, hash, index));
}

const START: u64 = 0x51;
const END: u64 = 0x52;
const NEGATED: u64 = 0x54;
const SENSE: u64 = 0x55;
const BALANCE: u64 = 0x56;
const SHOUTED: u64 = 0x57;
const STEM: u64 = 0x58_0000_0000;
const SENSES: u64 = 0x59;
const SIGN: u64 = 0x5a;
const FIRST: u64 = 0x5b;
const NEGATION_REACH: usize = 3;
/// Letters of a word whose groups count.
const LEAST_LETTERS: usize = 4;
/// Letters of a word that its endings leave alone, most times.
const STEM_BYTES: usize = 5;

fn signs(tokens: &Tokens, lexicon: &Lexicon, mut emit: impl FnMut(u64, usize)) {
    let all = tokens.all();
    if all.is_empty() {
        return;
    }
    let mut balance = Balance::default();
    let mut seen = 0_u32;
    let mut shouted = 0;
    let mut mentions = 0;
    for (index, token) in all.iter().enumerate() {
        let flag = match token.kind {
            TokenKind::Word => {
                shouted += usize::from(token.shouted);
                continue;
            }
            TokenKind::Mention => {
                mentions += 1;
                if tokens.bytes_of(token) == DESK { HAS_DESK } else { HAS_MENTION }
            }
            TokenKind::Link => HAS_LINK,
            TokenKind::Mark if tokens.bytes_of(token).contains(&b'?') => HAS_QUESTION,
            TokenKind::Mark | TokenKind::Emoji => 0,
        };
        emit(pair(SIGN, hash(tokens.bytes_of(token))), index);
        if index == 0 && flag & (HAS_MENTION | HAS_DESK) != 0 {
            emit(pair(FIRST, u64::from(flag)), index);
        }
        seen |= flag;
    }
    if mentions > 1 {
        emit(pair(FIRST, MANY_MENTIONS), WHOLE);
    }
    lexicon.find(tokens, |sense, index| {
        let negated = is_negated(tokens, index);
        emit(pair(SENSE, sense.code(negated)), index);
        balance.add(sense, negated);
        seen |= 1 << (sense.code(false) >> 1);
    });
    pairs_of_senses(seen, |hash| emit(hash, WHOLE));
    balance.emit(|hash| emit(hash, WHOLE));
    if shouted > 0 {
        let share = (shouted * 4 / all.len()) as u64;
        emit(pair(SHOUTED, share), WHOLE);
    }
}

/// Beyond the senses: the post addresses an account or a support desk, gives a link, asks.
const HAS_MENTION: u32 = 1 << 28;
const HAS_LINK: u32 = 1 << 29;
const HAS_DESK: u32 = 1 << 30;
const HAS_QUESTION: u32 = 1 << 31;
const MANY_MENTIONS: u64 = 2;

/// Senses that stand in one text: a search and a question mark are more than the sum of both.
fn pairs_of_senses(seen: u32, mut emit: impl FnMut(u64)) {
    let mut first = seen;
    while first != 0 {
        let one = first.trailing_zeros();
        first &= first - 1;
        let mut second = first;
        while second != 0 {
            let other = second.trailing_zeros();
            second &= second - 1;
            emit(pair(SENSES, u64::from(one << 8 | other)));
        }
    }
}

/// Favourable against unfavourable words, negation turned round.
#[derive(Default)]
struct Balance {
    good: u64,
    bad: u64,
}

impl Balance {
    fn add(&mut self, sense: Sense, negated: bool) {
        match (sense, negated) {
            (Sense::Good, false) | (Sense::Bad, true) => self.good += 1,
            (Sense::Bad, false) | (Sense::Good, true) => self.bad += 1,
            _ => {}
        }
    }

    fn emit(&self, mut emit: impl FnMut(u64)) {
        let (good, bad) = (self.good.min(3), self.bad.min(3));
        emit(pair(BALANCE, good << 4 | bad));
        let leaning = self.good.cmp(&self.bad) as i8;
        emit(pair(BALANCE + 1, u64::from(leaning.unsigned_abs()) << 1 | u64::from(leaning < 0)));
    }
}

/// Groups of four bytes of a word with its edges, and the three that it begins and ends with.
#[inline]
fn letters(tokens: &Tokens, token: &Token, mut emit: impl FnMut(u64)) {
    let (from, to) = Tokens::padded(token);
    let three = |at| (tokens.window(at) & 0xff_ffff).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    emit(three(from));
    for at in from..to.saturating_sub(3) {
        emit((tokens.window(at) & 0xffff_ffff).wrapping_mul(0xd6e8_feb8_6659_fd93));
    }
    emit(three(to.saturating_sub(3).max(from)));
}

#[inline]
fn spread(hash: u64) -> u64 {
    hash.wrapping_mul(0xd6e8_feb8_6659_fd93)
}

#[inline]
fn pair(left: u64, right: u64) -> u64 {
    let mixed = (left.rotate_left(21) ^ right).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93)
}

/// Hashes of a word and of its beginning; the same where the word is no longer than that.
#[inline]
fn word_and_stem(bytes: &[u8]) -> (u64, u64) {
    let (begin, rest) = bytes.split_at(bytes.len().min(STEM_BYTES));
    let state = begin.iter().fold(HASH_START, |state, byte| step(state, *byte));
    let word = rest.iter().fold(state, |state, byte| step(state, *byte));
    (finish(word), finish(state))
}

#[inline]
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    finish(bytes.iter().fold(HASH_START, |state, byte| step(state, *byte)))
}

const HASH_START: u64 = 0x2545_f491_4f6c_dd1d;

/// A hash taken one byte further; [`finish`] makes it the hash of the bytes so far.
#[inline]
fn step(state: u64, byte: u8) -> u64 {
    (state ^ u64::from(byte)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23)
}

#[inline]
fn finish(state: u64) -> u64 {
    state ^ (state >> 29)
}

fn is_negated(tokens: &Tokens, index: usize) -> bool {
    let from = index.saturating_sub(NEGATION_REACH);
    let before = tokens.all()[from..index].iter().rev();
    before.take_while(|token| token.kind == TokenKind::Word).any(|token| token.negation)
}
