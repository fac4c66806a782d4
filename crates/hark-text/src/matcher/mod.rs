//! Which subjects a post names, and where.
//!
//! All terms in all their forms make one automaton over words: a trie whose edges are hashes of folded words. Whether
//! a word of the post begins any term is one bit of a table, so the cost of a post that names nobody does not grow with
//! the number of terms; an automaton over letters would walk memory for every letter of every word instead.

mod build;
mod compound;
mod find;
mod hints;
mod label;
mod parts;
mod place;
mod spelling;
mod twins;
mod word;
mod writing;

use std::collections::HashMap;

use crate::{
    Entity, Subject, SubjectKind,
    filter::Filter,
    fold::{ByHash, Piece},
    languages::Languages,
    subject::Term,
};

/// A subject's name in a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Match {
    /// Index of the subject, as it was handed to [`Matcher::new`].
    pub subject: usize,
    /// Index of the term among the subject's.
    pub term: usize,
    /// Byte offset of the first character; `#` and `@` of a tag or handle belong to it.
    pub start: usize,
    /// Byte offset past the last letter or digit.
    pub end: usize,
}

/// A subject cannot be listened for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MatcherError {
    /// Nothing would ever match.
    #[error("subject `{subject}` has no terms: give it at least one")]
    NoTerms {
        /// Name of the subject.
        subject: String,
    },
    /// Nothing to compare with.
    #[error("subject `{subject}`: `{term}` has no letter or digit, so that it can never match")]
    Empty {
        /// Name of the subject.
        subject: String,
        /// The term or context as configured.
        term: String,
    },
    /// Longer than [`Matcher::MAX_WORDS`].
    #[error("subject `{subject}`: `{term}` has more than {max} words: a name of that length is not found as written", max = Matcher::MAX_WORDS)]
    TooLong {
        /// Name of the subject.
        subject: String,
        /// The term or context as configured.
        term: String,
    },
    /// Too short for misspellings to be told from other words.
    #[error(
        "subject `{subject}`: `misspellings` needs a term of at least 7 letters, `{term}` is shorter: leave it out"
    )]
    TooShortToMisspell {
        /// Name of the subject.
        subject: String,
        /// The term as configured.
        term: String,
    },
}

/// Memory that [`Matcher::find`] and [`crate::Analyzer::analyze`] reuse from post to post; one for each thread.
#[derive(Debug, Default)]
pub struct Scratch {
    pieces: Vec<Piece>,
    contexts: Vec<find::Seen>,
    pub(crate) workspace: crate::analyzer::Workspace,
}

/// Finds subjects in posts.
#[derive(Debug)]
pub struct Matcher {
    subjects: Vec<Subject>,
    /// Of each subject, those whose inflection applies.
    languages: Vec<Languages>,
    filter: Filter,
    edges: HashMap<u64, u32, ByHash>,
    targets: Vec<Edge>,
    nodes: Vec<Node>,
    /// The forms that have diacritics, by their hash: see [`Edge::spelling`].
    marked: HashMap<u32, Box<str>>,
    compounds: compound::Compounds,
}

impl Matcher {
    /// Words in a term at most: a bound on what one word of a post can cost.
    pub const MAX_WORDS: usize = 16;

    /// The subject that a [`Match`] speaks of.
    #[must_use]
    pub fn subject(&self, index: usize) -> &Subject {
        &self.subjects[index]
    }

    /// All subjects, in the order of the configuration.
    #[must_use]
    pub fn subjects(&self) -> &[Subject] {
        &self.subjects
    }

    /// Adds the configured places that a text names to its entities, which stay in order of position.
    pub fn add_places(&self, found: &[Match], entities: &mut Vec<Entity>) {
        let places = found.iter().filter(|hit| self.subjects[hit.subject].kind == SubjectKind::Place);
        entities.extend(places.map(|hit| Entity { kind: "place", range: hit.start..hit.end }));
        entities.sort_by_key(|entity| entity.range.start);
    }

    /// The term that a [`Match`] stands for.
    #[must_use]
    pub fn term(&self, found: &Match) -> &Term {
        &self.subjects[found.subject].terms[found.term]
    }
}

/// One word further in a term: several edges share a word where it is a form of several words.
#[derive(Clone, Copy, Debug)]
struct Edge {
    node: u32,
    /// Next edge of the same folded word, or [`NONE`].
    next: u32,
    /// Hash of the form, lower-case with its diacritics.
    spelling: u32,
    /// Those whose rules make the form.
    languages: Languages,
    /// As the term has it.
    base: bool,
    /// The form has no diacritics.
    ascii: bool,
    misspelt: bool,
}

const NONE: u32 = u32::MAX;
const ROOT: u32 = 0;

#[derive(Debug, Default)]
struct Node {
    /// A character, beside white space and hyphens, that may stand before this word, because the term writes it there.
    joint: Option<char>,
    /// Nothing but [`Node::joint`] may stand before this word.
    strict: bool,
    /// The term is a single word with a capital.
    name: bool,
    /// The name of a firm, where one buys or complains.
    shop: bool,
    /// The term is a single word.
    lone: bool,
    /// The languages in which the word is a common noun, or every word of a name in capitals is a common word.
    noun: Languages,
    /// Where a first name with its capital stands before this word: the languages in which it is a common word as well.
    word: Languages,
    /// The base form counts only with an ending that is attached to it.
    inflected: bool,
    /// The term may have been typed without its diacritics: as it stands no form of it is a common word.
    bare: bool,
    ends: Vec<End>,
}

/// A term or context is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct End {
    subject: u32,
    index: u32,
    role: Role,
    kind: Written,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Term,
    Exclude,
    Require,
}

/// Where a term may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    Anywhere,
    /// Written with `@` in the configuration.
    Handle,
    /// Written with `#` in the configuration.
    Hashtag,
}

#[inline]
fn edge_key(node: u32, hash: u64) -> u64 {
    hash ^ u64::from(node).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
