//! Words and turns of phrase that mean the same in every language: what is learnt about a sense in one language holds in
//! the others.

use std::collections::HashMap;

use crate::{
    features::{HASH_START, finish, hash, step},
    filter::Filter,
    fold,
    fold::ByHash,
    tokens::{TokenKind, Tokens},
};

/// What a word or phrase of the lexicon stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it; the files in lexicon/ show it")]
pub enum Sense {
    Good,
    Bad,
    Stronger,
    Purchase,
    Complaint,
    Question,
    Praise,
    Suggestion,
    Churn,
    Outrage,
    Spam,
    Great,
    Awful,
    Me,
    You,
    Firm,
    Time,
    Wish,
    Proposal,
}

impl Sense {
    /// In their order.
    const ALL: [(&'static str, Self); 19] = [
        ("good", Self::Good),
        ("bad", Self::Bad),
        ("stronger", Self::Stronger),
        ("purchase", Self::Purchase),
        ("complaint", Self::Complaint),
        ("question", Self::Question),
        ("praise", Self::Praise),
        ("suggestion", Self::Suggestion),
        ("churn", Self::Churn),
        ("outrage", Self::Outrage),
        ("spam", Self::Spam),
        ("great", Self::Great),
        ("awful", Self::Awful),
        ("me", Self::Me),
        ("you", Self::You),
        ("firm", Self::Firm),
        ("time", Self::Time),
        ("wish", Self::Wish),
        ("proposal", Self::Proposal),
    ];

    pub(crate) fn code(self, negated: bool) -> u64 {
        (self as u64) << 1 | u64::from(negated)
    }
}

/// All entries of the five languages in one table.
///
/// A line of a file in `lexicon/` is a sense, a colon, and entries separated by commas: words or phrases, folded or not,
/// where `*` ends a word that may go on, and `^` before an entry says that it begins a sentence. A line that begins with a space continues the one before.
#[derive(Debug)]
pub struct Lexicon {
    /// By the key of a node and a word, or of a node and the beginning of a word.
    edges: HashMap<u64, Node, ByHash>,
    /// The node of `^`, if any entry has it.
    begin: u32,
    /// The keys of the edges: most words lead nowhere.
    leads: Filter,
    /// Nodes with the first letters of a word that may go on: most words begin none.
    begins: Filter,
}

/// Where an edge leads: all that is asked about it lies in one place.
#[derive(Clone, Copy, Debug)]
struct Node {
    number: u32,
    /// Of the entries that end here, a bit for each of [`Sense::ALL`].
    senses: u32,
    goes_on: bool,
}

const FILES: [&str; 6] = [
    include_str!("../lexicon/pl.txt"),
    include_str!("../lexicon/sv.txt"),
    include_str!("../lexicon/it.txt"),
    include_str!("../lexicon/ro.txt"),
    include_str!("../lexicon/en.txt"),
    include_str!("../lexicon/emoji.txt"),
];

impl Lexicon {
    /// The shipped lexicon.
    #[must_use]
    pub fn shipped() -> Self {
        let mut lexicon =
            Self { edges: HashMap::default(), begin: 0, leads: Filter::default(), begins: Filter::default() };
        let mut begins = Vec::new();
        for file in FILES {
            let mut sense = None;
            for line in file.lines().filter(|line| !line.trim_start().starts_with("//")) {
                let entries = match line.split_once(':') {
                    Some((name, entries)) if !line.starts_with(' ') => {
                        sense = Sense::ALL.iter().find(|(known, _)| *known == name).map(|(_, sense)| *sense);
                        debug_assert!(sense.is_some(), "{line}");
                        entries
                    }
                    _ => line,
                };
                let Some(sense) = sense else { continue };
                for entry in entries.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
                    lexicon.add(entry, sense, &mut begins);
                }
            }
        }
        lexicon.begin = lexicon.edges.get(&key(0, hash(b"^"), false)).map_or(0, |node| node.number);
        lexicon.leads = Filter::of(&lexicon.edges.keys().copied().collect::<Vec<_>>());
        lexicon.begins = Filter::of(&begins);
        lexicon
    }

    /// Adds an entry, and to `begins` what stems of it begin with.
    fn add(&mut self, entry: &str, sense: Sense, begins: &mut Vec<u64>) {
        let mut last = None;
        // As the tokens are cut: "can't" is one word, "i'm" are two.
        for word in entry.replace("n't", "nt").split([' ', '\'']).filter(|word| !word.is_empty()) {
            let (word, open) = word.strip_suffix('*').map_or((word, false), |word| (word, true));
            let folded = fold(word);
            let begin = folded.as_bytes();
            let from = match last.and_then(|key| self.edges.get_mut(&key)) {
                Some(node) => {
                    node.goes_on = true;
                    node.number
                }
                None => 0,
            };
            if open {
                begins.push(begin_key(from, begin));
            }
            let key = key(from, hash(begin), open);
            let number = u32::try_from(self.edges.len() + 1).unwrap_or(u32::MAX);
            self.edges.entry(key).or_insert(Node { number, senses: 0, goes_on: false });
            last = Some(key);
        }
        if let Some(node) = last.and_then(|key| self.edges.get_mut(&key)) {
            node.senses |= 1 << sense as u32;
        }
    }

    /// Hands every entry found to `seen`: its sense and the index of the token it ends with.
    pub fn find(&self, tokens: &Tokens, mut seen: impl FnMut(Sense, usize)) {
        let all = tokens.all();
        for (index, token) in all.iter().enumerate() {
            if matches!(token.kind, TokenKind::Word | TokenKind::Emoji | TokenKind::Mark) {
                self.walk(tokens, 0, index, &mut seen);
                let begins = index.checked_sub(1).is_none_or(|before| all[before].kind != TokenKind::Word);
                if begins && self.begin != 0 {
                    self.walk(tokens, self.begin, index, &mut seen);
                }
            }
        }
    }

    /// As deep as the longest entry has words.
    fn walk(&self, tokens: &Tokens, node: u32, index: usize, seen: &mut impl FnMut(Sense, usize)) {
        let Some(token) = tokens.all().get(index) else { return };
        let bytes = tokens.bytes_of(token);
        if bytes.len() >= SHORTEST_STEM && self.begins.may_hold(begin_key(node, bytes)) {
            let mut state = HASH_START;
            for (length, &byte) in (1..).zip(bytes) {
                state = step(state, byte);
                let key = key(node, finish(state), true);
                if length >= SHORTEST_STEM && self.leads.may_hold(key) {
                    self.reach(tokens, key, index, seen);
                }
            }
        }
        let key = key(node, hash(bytes), false);
        if self.leads.may_hold(key) {
            self.reach(tokens, key, index, seen);
        }
    }

    fn reach(&self, tokens: &Tokens, key: u64, index: usize, seen: &mut impl FnMut(Sense, usize)) {
        let Some(node) = self.edges.get(&key) else { return };
        for (at, (_, sense)) in Sense::ALL.iter().enumerate() {
            if node.senses >> at & 1 == 1 {
                seen(*sense, index);
            }
        }
        if node.goes_on {
            self.walk(tokens, node.number, index + 1, seen);
        }
    }
}

/// Stems of fewer letters begin too many words.
const SHORTEST_STEM: usize = 3;

/// Of the letters that every stem has.
#[inline]
fn begin_key(node: u32, word: &[u8]) -> u64 {
    let begin = word.iter().take(SHORTEST_STEM).fold(0, |letters, byte| letters << 8 | u64::from(*byte));
    key(node, begin, true)
}

#[inline]
fn key(node: u32, word: u64, open: bool) -> u64 {
    let salt = (u64::from(node) << 1 | u64::from(open)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (word ^ salt).wrapping_mul(0xd6e8_feb8_6659_fd93)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn senses(text: &str) -> Vec<(Sense, usize)> {
        let mut tokens = Tokens::default();
        tokens.read("", text);
        let mut found = Vec::new();
        Lexicon::shipped().find(&tokens, |sense, index| found.push((sense, index)));
        found
    }

    #[test]
    fn words_stems_and_phrases_are_found_in_every_language() {
        for (text, sense, at) in [
            ("Szukam mechanika", Sense::Purchase, 0),
            ("obsługa była rewelacyjna", Sense::Good, 2),
            ("jag sager upp mitt avtal", Sense::Churn, 2),
            ("che vergogna", Sense::Outrage, 1),
            ("nu mi a răspuns nimeni", Sense::Complaint, 3),
            ("I can't log in", Sense::Complaint, 3),
            ("👍", Sense::Good, 0),
        ] {
            assert!(senses(text).contains(&(sense, at)), "{text}: {:?}", senses(text));
        }
    }
}
