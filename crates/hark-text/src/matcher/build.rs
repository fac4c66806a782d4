//! From the configured terms to the automaton.

use std::collections::{HashMap, HashSet};

use super::{Edge, End, Filter, Matcher, MatcherError, NONE, Node, ROOT, Role, Written, edge_key};
use crate::{
    Subject,
    fold::{Class, Pieces, class, fold, hash_folded},
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
                build.add(subject, &term.text, text, end(Role::Term, index, kind))?;
            }
            for (role, contexts) in [(Role::Exclude, &subject.exclude), (Role::Require, &subject.require)] {
                for (index, context) in (0..).zip(contexts) {
                    let (text, kind) = sigil(&context.words);
                    build.add(subject, &context.words, text, end(role, index, kind))?;
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
    edges: HashMap<u64, u32, super::ByHash>,
    targets: Vec<Edge>,
    starts: HashSet<u64>,
    /// Node reached from a node by a base word: terms that begin alike share their nodes.
    children: HashMap<(u32, String, Option<char>), u32>,
}

/// A word of a term and the symbol before it, if it is not white space or a hyphen.
struct Word {
    folded: String,
    joint: Option<char>,
}

impl Build {
    fn add(&mut self, subject: &Subject, written: &str, text: &str, end: End) -> Result<(), MatcherError> {
        let words = words(text);
        let name = || (subject.name.clone(), written.to_owned());
        if words.is_empty() {
            let (subject, term) = name();
            return Err(MatcherError::Empty { subject, term });
        }
        if words.len() > Self::MAX_WORDS {
            let (subject, term) = name();
            return Err(MatcherError::TooLong { subject, term });
        }
        let mut node = ROOT;
        for word in &words {
            node = self.child(node, word);
        }
        self.end(node, end);
        if words.len() > 1 {
            let symbols = words.iter().any(|word| word.joint.is_some_and(|c| !matches!(c, '\'' | '.' | '_')));
            let kind = if symbols && end.kind == Written::Anywhere { Written::Label } else { end.kind };
            let folded = words.iter().map(|word| word.folded.as_str()).collect();
            let node = self.child(ROOT, &Word { folded, joint: None });
            self.end(node, End { kind, ..end });
        }
        Ok(())
    }

    const MAX_WORDS: usize = Matcher::MAX_WORDS;

    fn end(&mut self, node: u32, end: End) {
        let ends = &mut self.nodes[node as usize].ends;
        if !ends.contains(&end) {
            ends.push(end);
        }
    }

    fn child(&mut self, parent: u32, word: &Word) -> u32 {
        let key = (parent, word.folded.clone(), word.joint);
        if let Some(&node) = self.children.get(&key) {
            return node;
        }
        let node = u32::try_from(self.nodes.len()).unwrap_or(NONE - 1);
        self.nodes.push(Node { joint: word.joint, ends: Vec::new() });
        self.children.insert(key, node);
        self.edge(parent, hash_folded(&word.folded), node);
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
        words.push(Word { folded: fold(&text[piece.start..piece.end]), joint });
        last = piece.end;
    }
    words
}
