//! Words and turns of phrase that mean the same in every language: what is learnt about a sense in one language holds in
//! the others.

use std::collections::HashMap;

use crate::{
    filter::Filter,
    fold,
    fold::ByHash,
    tokens::{TokenKind, Tokens, window},
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
    Contact,
    Job,
}

impl Sense {
    /// In their order.
    const ALL: [(&'static str, Self); 21] = [
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
        ("contact", Self::Contact),
        ("job", Self::Job),
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
    /// By their keys, in a table with open addressing and linear probing, so small that a core's cache holds it.
    edges: Vec<Edge>,
    /// The node of `^`, if any entry has it.
    begin: u32,
    /// The keys of the edges: most words lead nowhere.
    keys: Filter,
    /// How long the stems are that begin with some letters after a node, a bit for each length beyond [`SHORTEST_STEM`]: most words
    /// begin like none. By a hash of node and letters.
    lengths: Vec<u32>,
}

/// What is behind a word, or the beginning of one, that stands at a node; all zeros where there is nothing.
#[derive(Clone, Copy, Debug, Default)]
struct Edge {
    /// Half of the edge's key, the lowest bit set.
    tag: u32,
    /// Of the entries that end here, a bit for each of [`Sense::ALL`]; above them the number of the node, where entries go on.
    senses: u32,
}

/// A lexicon that is being read.
#[derive(Default)]
struct Draft {
    edges: HashMap<u64, Edge, ByHash>,
    /// Nodes that entries go on from.
    nodes: u32,
    lengths: Vec<u32>,
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
        let mut draft = Draft { lengths: vec![0; 1 << LENGTHS_BITS], ..Draft::default() };
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
                    draft.add(entry, sense);
                }
            }
        }
        let Draft { edges, lengths, .. } = draft;
        let mut lexicon = Self {
            edges: vec![Edge::default(); (2 * edges.len()).next_power_of_two()],
            begin: edges.get(&key(ROOT, hash(&padded("^"), 0, 1), false)).map_or(0, |edge| edge.node()),
            keys: Filter::of(edges.keys().copied()),
            lengths,
        };
        for (key, edge) in edges {
            let mut at = lexicon.place(key);
            while lexicon.edges[at].tag != 0 {
                debug_assert_ne!(lexicon.edges[at].tag, edge.tag, "one of two edges would be hidden");
                at = (at + 1) & (lexicon.edges.len() - 1);
            }
            lexicon.edges[at] = edge;
        }
        lexicon
    }

    fn place(&self, key: u64) -> usize {
        (key >> 32) as usize & (self.edges.len() - 1)
    }

    /// Hands every entry found to `seen`: its sense and the index of the token it ends with.
    pub fn find(&self, tokens: &Tokens, mut seen: impl FnMut(Sense, usize)) {
        let all = tokens.all();
        let mut found = Vec::with_capacity(all.len());
        for (index, token) in all.iter().enumerate() {
            if matches!(token.kind, TokenKind::Word | TokenKind::Emoji | TokenKind::Mark) {
                self.keys_of(tokens, ROOT, index, |key| found.push((key, index)));
                let begins = index.checked_sub(1).is_none_or(|before| all[before].kind != TokenKind::Word);
                if begins && self.begin != 0 {
                    self.keys_of(tokens, self.begin, index, |key| found.push((key, index)));
                }
            }
        }
        // Memory is asked for all of them before the first is waited for.
        let looked = found.iter().fold(0, |looked, (key, _)| looked ^ self.edges[self.place(*key)].tag);
        std::hint::black_box(looked);
        for (key, index) in found {
            self.reach(tokens, key, index, &mut seen);
        }
    }

    /// Hands the keys of the edges from a node that a word may stand for to `each`.
    #[inline]
    fn keys_of(&self, tokens: &Tokens, node: u32, index: usize, mut each: impl FnMut(u64)) {
        let Some(token) = tokens.all().get(index) else { return };
        let (buffer, from, length) = tokens.place_of(token);
        if length >= SHORTEST_STEM {
            let mut lengths = self.lengths[begin(node, buffer, from)];
            while lengths != 0 {
                let stem = SHORTEST_STEM + lengths.trailing_zeros() as usize;
                if stem > length {
                    break;
                }
                lengths &= lengths - 1;
                let key = key(node, hash(buffer, from, stem), true);
                if self.keys.may_hold(key) {
                    each(key);
                }
            }
        }
        let key = key(node, hash(buffer, from, length), false);
        if self.keys.may_hold(key) {
            each(key);
        }
    }

    /// As deep as the longest entry has words.
    fn reach(&self, tokens: &Tokens, key: u64, index: usize, seen: &mut impl FnMut(Sense, usize)) {
        let mut at = self.place(key);
        while self.edges[at].tag != tag(key) {
            if self.edges[at].tag == 0 {
                return;
            }
            at = (at + 1) & (self.edges.len() - 1);
        }
        let mut senses = self.edges[at].senses & ((1 << Sense::ALL.len()) - 1);
        while senses != 0 {
            seen(Sense::ALL[senses.trailing_zeros() as usize].1, index);
            senses &= senses - 1;
        }
        let node = self.edges[at].node();
        if node != ROOT {
            self.keys_of(tokens, node, index + 1, |key| self.reach(tokens, key, index + 1, seen));
        }
    }
}

impl Edge {
    /// The node that entries go on from; [`ROOT`] where none does.
    fn node(self) -> u32 {
        self.senses >> Sense::ALL.len()
    }
}

impl Draft {
    fn add(&mut self, entry: &str, sense: Sense) {
        let mut last = None;
        // As the tokens are cut: "can't" is one word, "i'm" are two.
        for word in entry.replace("n't", "nt").split([' ', '\'']).filter(|word| !word.is_empty()) {
            let (word, open) = word.strip_suffix('*').map_or((word, false), |word| (word, true));
            let folded = fold(word);
            let bytes = padded(&folded);
            let from = match last.and_then(|key| self.edges.get_mut(&key)) {
                Some(edge) => {
                    if edge.node() == ROOT {
                        self.nodes += 1;
                        debug_assert!(
                            self.nodes < 1 << (32 - Sense::ALL.len()),
                            "{entry}: an edge has no room for more nodes"
                        );
                        edge.senses |= self.nodes << Sense::ALL.len();
                    }
                    edge.node()
                }
                None => ROOT,
            };
            if open {
                let beyond = folded.len().wrapping_sub(SHORTEST_STEM);
                debug_assert!(beyond < 32, "{entry}: a stem has {SHORTEST_STEM} letters at least");
                self.lengths[begin(from, &bytes, 0)] |= 1 << (beyond & 31);
            }
            let key = key(from, hash(&bytes, 0, folded.len()), open);
            self.edges.entry(key).or_insert(Edge { tag: tag(key), senses: 0 });
            last = Some(key);
        }
        if let Some(edge) = last.and_then(|key| self.edges.get_mut(&key)) {
            edge.senses |= 1 << sense as u32;
        }
    }
}

fn tag(key: u64) -> u32 {
    key as u32 | 1
}

/// The node that entries begin at.
const ROOT: u32 = 0;

/// Stems of fewer letters begin too many words.
const SHORTEST_STEM: usize = 3;

/// Some thousand beginnings lie in a place of their own, mostly.
const LENGTHS_BITS: u32 = 13;

/// The place in [`Lexicon::lengths`] of a node and the letters that every stem has.
#[inline]
fn begin(node: u32, buffer: &[u8], at: usize) -> usize {
    let letters = window(buffer, at) & 0xff_ffff;
    ((letters << 32 | u64::from(node)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - LENGTHS_BITS)) as usize
}

/// Of `length` bytes of a buffer that goes on for eight more.
#[inline]
fn hash(buffer: &[u8], from: usize, length: usize) -> u64 {
    let mut state = length as u64;
    let mut at = 0;
    while at + 8 < length {
        state = (state ^ window(buffer, from + at)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        at += 8;
    }
    let rest = u64::MAX.checked_shr(64 - 8 * (length - at) as u32).unwrap_or(0);
    (state ^ (window(buffer, from + at) & rest).wrapping_mul(0x9e37_79b9_7f4a_7c15)).rotate_left(29)
}

/// A word as [`hash`] reads it.
fn padded(word: &str) -> Vec<u8> {
    [word.as_bytes(), &[0; 8]].concat()
}

#[inline]
fn key(node: u32, word: u64, open: bool) -> u64 {
    let salt = (u64::from(node) << 1 | u64::from(open)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (word ^ salt).wrapping_mul(0xd6e8_feb8_6659_fd93);
    // Multiplication carries nothing down, and half of the key is a tag.
    (mixed ^ mixed >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15)
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
    fn every_node_has_a_number_of_its_own() {
        let nodes = Lexicon::shipped().edges.iter().map(|edge| edge.node()).max();
        assert!(nodes < Some(u32::MAX >> Sense::ALL.len()), "{nodes:?}: they do not fit beside the senses");
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
