//! From the configured terms to the automaton.

use std::collections::{HashMap, HashSet};

use super::{Edge, End, Filter, Matcher, MatcherError, NONE, Node, ROOT, Role, Spelling, Written, edge_key};
use crate::{
    Subject,
    fold::{ByHash, Class, Pieces, class, fold, hash_folded},
    forms::{self, Position},
    words,
};

impl Matcher {
    /// Compiles the subjects.
    ///
    /// # Errors
    /// A subject has no terms, or a term or context can never match.
    pub fn new(subjects: &[Subject]) -> Result<Self, MatcherError> {
        let mut build = Build::default();
        build.nodes.push(Node::default());
        for (number, subject) in (0..).zip(subjects) {
            if subject.terms.is_empty() {
                return Err(MatcherError::NoTerms { subject: subject.name.clone() });
            }
            let end = |role, index, kind| End { subject: number, index, role, kind };
            for (index, term) in (0..).zip(&subject.terms) {
                let (text, kind) = sigil(&term.text);
                let inflected = !term.exact && kind == Written::Anywhere;
                let letters = text.chars().filter(|c| c.is_alphabetic()).count();
                if term.misspellings && letters < LEAST_LETTERS_TO_MISSPELL {
                    let (subject, term) = (subject.name.clone(), term.text.clone());
                    return Err(MatcherError::TooShortToMisspell { subject, term });
                }
                let how = How { inflected, misspelt: term.misspellings };
                build.add(subject, &term.text, text, how, end(Role::Term, index, kind))?;
            }
            for (role, contexts) in [(Role::Exclude, &subject.exclude), (Role::Require, &subject.require)] {
                for (index, context) in (0..).zip(contexts) {
                    let (text, kind) = sigil(&context.words);
                    let how = How { inflected: kind == Written::Anywhere, misspelt: false };
                    build.add(subject, &context.words, text, how, end(role, index, kind))?;
                }
            }
        }
        let starts: Vec<u64> = build.starts.into_iter().collect();
        Ok(Self {
            subjects: subjects.to_vec(),
            filter: Filter::of(&starts),
            edges: build.edges,
            targets: build.targets,
            nodes: build.nodes,
        })
    }
}

/// A term written with `@` or `#` is sought as that handle or hashtag only.
fn sigil(text: &str) -> (&str, Written) {
    let text = text.trim();
    match text.chars().next() {
        Some('@') => (&text[1..], Written::Handle),
        Some('#') => (&text[1..], Written::Hashtag),
        _ => (text, Written::Anywhere),
    }
}

#[derive(Default)]
struct Build {
    nodes: Vec<Node>,
    edges: HashMap<u64, u32, ByHash>,
    targets: Vec<Edge>,
    starts: HashSet<u64>,
    /// Node reached from a node by a word: terms that begin alike share their nodes.
    children: HashMap<(u32, Word), u32>,
}

/// A word of a term.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Word {
    written: String,
    /// The symbol before it, if it is not white space or a hyphen.
    joint: Option<char>,
    /// Where it stands and the languages whose inflection applies; `None`: only as written.
    inflected: Option<(Position, Vec<String>)>,
    /// Also with one letter wrong.
    misspelt: bool,
}

/// Which forms of a term count beside the one written.
#[derive(Clone, Copy)]
struct How {
    inflected: bool,
    misspelt: bool,
}

/// Shorter terms with a wrong letter are other words.
const LEAST_LETTERS_TO_MISSPELL: usize = 7;
/// And so are shorter words of a longer term.
const LEAST_LETTERS_OF_WORD: usize = 4;

impl Word {
    /// The base form with two letters swapped, one dropped or one doubled, unless that is a common word.
    fn misspellings(&self) -> Vec<String> {
        let letters: Vec<char> = fold(&self.written).chars().collect();
        if !self.misspelt || letters.len() < LEAST_LETTERS_OF_WORD {
            return Vec::new();
        }
        let mut wrong = Vec::new();
        // The first letter is seldom wrong, and a word without it is often another one.
        for at in 1..letters.len() {
            let mut dropped = letters.clone();
            dropped.remove(at);
            let mut doubled = letters.clone();
            doubled.insert(at, letters[at]);
            wrong.extend([dropped, doubled]);
            if at + 1 < letters.len() {
                let mut swapped = letters.clone();
                swapped.swap(at, at + 1);
                wrong.push(swapped);
            }
        }
        let wrong = wrong.into_iter().map(String::from_iter);
        wrong.filter(|word| !words::is_common(word)).collect()
    }

    /// Lower-case, with diacritics.
    fn forms(&self) -> Vec<String> {
        match &self.inflected {
            Some((position, languages)) => {
                forms::of(&self.written, *position, languages).into_iter().collect()
            }
            None => vec![self.written.to_lowercase()],
        }
    }
}

impl Build {
    fn add(
        &mut self,
        subject: &Subject,
        written: &str,
        text: &str,
        how: How,
        end: End,
    ) -> Result<(), MatcherError> {
        let mut words = words(text);
        let name = || (subject.name.clone(), written.to_owned());
        if words.is_empty() {
            let (subject, term) = name();
            return Err(MatcherError::Empty { subject, term });
        }
        if words.len() > Self::MAX_WORDS {
            let (subject, term) = name();
            return Err(MatcherError::TooLong { subject, term });
        }
        let position = if words.len() == 1 { Position::Alone } else { Position::Phrase };
        for word in &mut words {
            // An ending after a symbol (`AT&T`, `Z.T.M.`) is no ending.
            word.misspelt = how.misspelt;
            word.inflected =
                (how.inflected && word.joint.is_none()).then(|| (position, subject.languages.clone()));
        }
        let node = words.iter().fold(ROOT, |node, word| self.child(node, word));
        self.end(node, end);
        self.run_together(&words, end);
        Ok(())
    }

    /// `#auroramotors`, `icecream`: the words in their base form, the last one in any.
    fn run_together(&mut self, words: &[Word], end: End) {
        let [first @ .., last] = words else { return };
        if first.is_empty() {
            return;
        }
        let symbols = words.iter().any(|word| word.joint.is_some_and(|c| !matches!(c, '\'' | '.' | '_')));
        let kind = if symbols && end.kind == Written::Anywhere { Written::Label } else { end.kind };
        let head: String = first.iter().map(|word| fold(&word.written)).collect();
        let written: String = words.iter().map(|word| word.written.as_str()).collect();
        let node = self.node(Word { written, joint: None, inflected: None, misspelt: false });
        for form in last.forms() {
            self.edge(ROOT, hash_folded(&(head.clone() + &fold(&form))), node);
        }
        self.end(node, End { kind, ..end });
    }

    const MAX_WORDS: usize = Matcher::MAX_WORDS;

    fn end(&mut self, node: u32, end: End) {
        let ends = &mut self.nodes[node as usize].ends;
        if !ends.contains(&end) {
            ends.push(end);
        }
    }

    fn child(&mut self, parent: u32, word: &Word) -> u32 {
        let key = (parent, word.clone());
        if let Some(&node) = self.children.get(&key) {
            return node;
        }
        let node = self.node(word.clone());
        self.children.insert(key, node);
        let forms = word.forms().into_iter().map(|form| fold(&form)).chain(word.misspellings());
        let mut hashes: Vec<u64> = forms.map(|form| hash_folded(&form)).collect();
        hashes.sort_unstable();
        hashes.dedup();
        for hash in hashes {
            self.edge(parent, hash, node);
        }
        node
    }

    fn node(&mut self, word: Word) -> u32 {
        let node = u32::try_from(self.nodes.len()).unwrap_or(NONE - 1);
        let Word { written, joint, inflected, .. } = word;
        self.nodes.push(Node { joint, ends: Vec::new(), spelling: Spelling { written, inflected } });
        node
    }

    fn edge(&mut self, parent: u32, hash: u64, node: u32) {
        if parent == ROOT {
            self.starts.insert(hash);
        }
        let new = u32::try_from(self.targets.len()).unwrap_or(NONE - 1);
        let next = self.edges.insert(edge_key(parent, hash), new).unwrap_or(NONE);
        self.targets.push(Edge { node, next });
    }
}

fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut last = 0;
    for piece in Pieces::new(text) {
        let between = &text[last..piece.start];
        let joint = between
            .chars()
            .find(|c| class(*c) == Class::Separator && !super::place::joins_words(*c))
            .map(|c| if super::place::is_apostrophe(c) { '\'' } else { c })
            .filter(|_| !words.is_empty());
        words.push(Word {
            written: text[piece.start..piece.end].to_owned(),
            joint,
            inflected: None,
            misspelt: false,
        });
        last = piece.end;
    }
    words
}
