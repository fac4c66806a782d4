//! What the tag models count: for each token its word, its neighbours, pieces of it, and what the lexicon knows.

use crate::{
    lexicon::{Lexicon, Sense},
    tokens::{TokenKind, Tokens},
};

/// How much a feature weighs before training: words tell more than the letters they consist of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// A word, a pair of words, an emoji.
    Word,
    /// Three or four letters.
    Letters,
    /// A word of the lexicon, or a property of the whole text.
    Sense,
}

impl Weight {
    /// The factor.
    #[must_use]
    pub fn factor(self) -> f32 {
        match self {
            Self::Word => 1.0,
            Self::Letters => 0.5,
            Self::Sense => 1.5,
        }
    }
}

/// Version of the features: a model trained for another one is of no use.
pub const FEATURES_VERSION: u32 = 2;

/// Hands every feature of a text to `emit`: its hash, its weight, and the index of the token it is seen at.
pub fn features(tokens: &Tokens, lexicon: &Lexicon, mut emit: impl FnMut(u64, Weight, usize)) {
    let all = tokens.all();
    let mut before = START;
    let mut before_that = START;
    let mut negated = 0;
    let mut shouted = 0;
    let mut balance = Balance::default();
    let mut seen = 0_u32;
    for (index, token) in all.iter().enumerate() {
        let bytes = tokens.bytes_of(token);
        let word = hash(bytes);
        emit(word, Weight::Word, index);
        emit(pair(before, word), Weight::Word, index);
        if token.kind == TokenKind::Word {
            emit(pair(pair(before_that, GAP), word), Weight::Word, index);
            letters(tokens, index, &mut emit);
            if negated > 0 {
                emit(pair(NEGATED, word), Weight::Word, index);
            }
            shouted += usize::from(token.shouted);
        }
        negated = match token.kind {
            TokenKind::Word if is_negation(bytes) => NEGATION_REACH,
            TokenKind::Mark => 0,
            _ => negated.saturating_sub(usize::from(token.kind == TokenKind::Word)),
        };
        before_that = before;
        before = word;
    }
    emit(pair(before, END), Weight::Word, all.len().saturating_sub(1));
    lexicon.find(tokens, |sense, index| {
        let negated = is_negated(tokens, index);
        emit(pair(SENSE, sense.code(negated)), Weight::Sense, index);
        balance.add(sense, negated);
        seen |= 1 << (sense.code(false) >> 1);
    });
    for token in all {
        match token.kind {
            TokenKind::Mention => seen |= HAS_MENTION,
            TokenKind::Link => seen |= HAS_LINK,
            _ => {}
        }
    }
    if !all.is_empty() {
        pairs_of_senses(seen, &mut emit);
    }
    balance.emit(&mut emit, all.len());
    if shouted > 0 && !all.is_empty() {
        let share = (shouted * 4 / all.len()) as u64;
        emit(pair(SHOUTED, share), Weight::Sense, 0);
    }
}

const START: u64 = 0x51;
const END: u64 = 0x52;
const GAP: u64 = 0x53;
const NEGATED: u64 = 0x54;
const SENSE: u64 = 0x55;
const BALANCE: u64 = 0x56;
const SHOUTED: u64 = 0x57;
const SENSES: u64 = 0x59;
const NEGATION_REACH: usize = 3;
/// Beyond the senses: the post addresses an account, or gives a link.
const HAS_MENTION: u32 = 1 << 15;
const HAS_LINK: u32 = 1 << 16;

/// Senses that stand in one text: a search and a question mark are more than the sum of both.
fn pairs_of_senses(seen: u32, emit: &mut impl FnMut(u64, Weight, usize)) {
    let mut first = seen;
    while first != 0 {
        let one = first.trailing_zeros();
        first &= first - 1;
        let mut second = first;
        while second != 0 {
            let other = second.trailing_zeros();
            second &= second - 1;
            emit(pair(SENSES, u64::from(one << 8 | other)), Weight::Sense, 0);
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

    fn emit(&self, emit: &mut impl FnMut(u64, Weight, usize), tokens: usize) {
        if tokens == 0 {
            return;
        }
        let (good, bad) = (self.good.min(3), self.bad.min(3));
        emit(pair(BALANCE, good << 4 | bad), Weight::Sense, 0);
        let leaning = self.good.cmp(&self.bad) as i8;
        emit(
            pair(BALANCE + 1, u64::from(leaning.unsigned_abs()) << 1 | u64::from(leaning < 0)),
            Weight::Sense,
            0,
        );
    }
}

/// Groups of three and four bytes of a word with its edges.
#[inline]
fn letters(tokens: &Tokens, index: usize, emit: &mut impl FnMut(u64, Weight, usize)) {
    let (from, to) = Tokens::padded(&tokens.all()[index]);
    for at in from..to.saturating_sub(2) {
        let window = tokens.window(at);
        emit(spread(window & 0xff_ffff), Weight::Letters, index);
        if at + 4 <= to {
            emit(spread(window & 0xffff_ffff), Weight::Letters, index);
        }
    }
}

#[inline]
fn spread(window: u64) -> u64 {
    let mixed = (window ^ (window >> 29)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93)
}

#[inline]
fn pair(left: u64, right: u64) -> u64 {
    (left.rotate_left(21) ^ right)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .rotate_left(31)
        .wrapping_mul(0xd6e8_feb8_6659_fd93)
}

#[inline]
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    finish(bytes.iter().fold(HASH_START, |state, byte| step(state, *byte)))
}

pub(crate) const HASH_START: u64 = 0x2545_f491_4f6c_dd1d;

/// A hash taken one byte further; [`finish`] makes it the hash of the bytes so far.
#[inline]
pub(crate) fn step(state: u64, byte: u8) -> u64 {
    (state ^ u64::from(byte)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23)
}

#[inline]
pub(crate) fn finish(state: u64) -> u64 {
    state ^ (state >> 29)
}

fn is_negated(tokens: &Tokens, index: usize) -> bool {
    let from = index.saturating_sub(NEGATION_REACH);
    tokens.all()[from..index]
        .iter()
        .rev()
        .take_while(|token| token.kind == TokenKind::Word)
        .any(|token| is_negation(tokens.bytes_of(token)))
}

/// Words that turn the next ones round, in the five languages, folded.
pub(crate) fn is_negation(word: &[u8]) -> bool {
    matches!(
        word,
        b"nie"
            | b"ani"
            | b"nigdy"
            | b"bez"
            | b"zaden"
            | b"zadna"
            | b"zadnego"
            | b"zadnej"
            | b"wcale"
            | b"inte"
            | b"ej"
            | b"icke"
            | b"aldrig"
            | b"ingen"
            | b"inget"
            | b"inga"
            | b"utan"
            | b"knappast"
            | b"non"
            | b"mai"
            | b"senza"
            | b"nessun"
            | b"nessuna"
            | b"nessuno"
            | b"niente"
            | b"neanche"
            | b"mica"
            | b"nu"
            | b"niciodata"
            | b"fara"
            | b"nici"
            | b"niciun"
            | b"nicio"
            | b"n"
            | b"not"
            | b"no"
            | b"never"
            | b"without"
            | b"cannot"
            | b"cant"
            | b"dont"
            | b"doesnt"
            | b"didnt"
            | b"isnt"
            | b"wasnt"
            | b"wont"
            | b"wouldnt"
            | b"aint"
            | b"arent"
            | b"couldnt"
            | b"havent"
            | b"hasnt"
            | b"shouldnt"
            | b"hardly"
            | b"nor"
            | b"nicht"
            | b"kein"
            | b"keine"
            | b"pas"
            | b"jamais"
            | b"nao"
            | b"nunca"
            | b"niet"
            | b"geen"
            | b"ikke"
            | b"ei"
    )
}
