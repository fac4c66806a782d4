//! From the configured terms to the automaton.

use std::collections::{HashMap, HashSet};

use super::{
    Edge, End, Matcher, MatcherError, NONE, Node, ROOT, Role, Written, compound, edge_key,
    word::{self, Way, Which, Word},
    writing,
};
use crate::{
    Subject, SubjectKind, Term,
    filter::Filter,
    fold::{ByHash, fold, hash_folded},
    forms::{self, Manner},
    languages::Languages,
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
            let languages = Languages::of(&subject.languages);
            let end = |role, index, kind| End { subject: number, index, role, kind };
            for (index, term) in (0..).zip(&subject.terms) {
                let (text, kind) = sigil(&term.text);
                check(subject, term, text)?;
                let plain = term.exact || kind != Written::Anywhere;
                let languages = if plain { Languages::NONE } else { languages };
                let how = How { kind: subject.kind, languages, misspelt: term.misspellings };
                build.add(subject, &term.text, text, how, end(Role::Term, index, kind))?;
            }
            for (role, contexts) in [(Role::Exclude, &subject.exclude), (Role::Require, &subject.require)] {
                for (index, context) in (0..).zip(contexts) {
                    let (text, kind) = sigil(&context.words);
                    let languages = if kind == Written::Anywhere { languages } else { Languages::NONE };
                    let how = How { kind: SubjectKind::Topic, languages, misspelt: false };
                    build.add(subject, &context.words, text, how, end(role, index, kind))?;
                }
            }
        }
        Ok(Self {
            subjects: subjects.to_vec(),
            languages: subjects.iter().map(|subject| Languages::of(&subject.languages)).collect(),
            filter: Filter::of(build.starts),
            edges: build.edges,
            targets: build.targets,
            nodes: build.nodes,
            marked: build.marked,
            compounds: build.compounds.finish(),
        })
    }
}

fn check(subject: &Subject, term: &Term, text: &str) -> Result<(), MatcherError> {
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    if term.misspellings && letters < LEAST_LETTERS_TO_MISSPELL {
        let (subject, term) = (subject.name.clone(), term.text.clone());
        return Err(MatcherError::TooShortToMisspell { subject, term });
    }
    Ok(())
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
    starts: HashSet<u64, ByHash>,
    /// Node reached from a node by a word: terms that begin alike share their nodes.
    children: HashMap<(u32, Word), u32>,
    marked: HashMap<u32, Box<str>>,
    compounds: compound::Build,
}

/// Which forms of a term count beside the one written.
#[derive(Clone, Copy)]
struct How {
    kind: SubjectKind,
    languages: Languages,
    misspelt: bool,
}

/// Shorter terms with a wrong letter are other words.
const LEAST_LETTERS_TO_MISSPELL: usize = 7;
impl Build {
    fn add(
        &mut self,
        subject: &Subject,
        written: &str,
        text: &str,
        how: How,
        end: End,
    ) -> Result<(), MatcherError> {
        let mut words = word::words(text);
        let name = || (subject.name.clone(), written.to_owned());
        if words.is_empty() {
            let (subject, term) = name();
            return Err(MatcherError::Empty { subject, term });
        }
        if words.len() > Matcher::MAX_WORDS {
            let (subject, term) = name();
            return Err(MatcherError::TooLong { subject, term });
        }
        let phrase = words.len() > 1;
        let behind_first_name = how.kind == SubjectKind::Person || is_of_first_name(&words);
        // Behind a title the name goes on, with whatever letter.
        let titled = word::is_abbreviated(&words[..1]);
        for (index, word) in words.iter_mut().enumerate() {
            word.surname = behind_first_name && index > usize::from(titled);
            let lower = word.written.to_lowercase();
            // A theme may be written with a capital and is no name for that.
            let theme = how.kind == SubjectKind::Topic && words::is_common(&lower);
            let name = word.written.starts_with(char::is_uppercase) && !theme;
            word.misspelt = how.misspelt;
            word.shop = matches!(how.kind, SubjectKind::Own | SubjectKind::Competitor);
            word.manner = Manner {
                phrase,
                name,
                person: how.kind == SubjectKind::Person,
                product: how.kind == SubjectKind::Product,
            };
            // An ending after a symbol (`AT&T`, `Z.T.M.`) is no ending, but that of another name (`Marks & Spencers`) or word
            // (`Dr. Kowal`) is.
            let bound = word.joint.is_some_and(|joint| match joint {
                '&' => lower.chars().count() < 3,
                _ => !word.apart,
            });
            word.languages = if bound { Languages::NONE } else { how.languages };
        }
        if how.kind == SubjectKind::Person
            && let [first, .., last] = &mut *words
            && is_woman(&first.written)
            && !last.written.to_lowercase().ends_with('a')
        {
            // `Anny Nowak`; `Anna Nowaka` is somebody else.
            last.languages = last.languages.without(Languages::PL);
        }
        match of_a_man(&words, how) {
            Some(ways) => ways.iter().for_each(|words| self.path(words, end)),
            None => self.path(&words, end),
        }
        for other in writing::others(&words) {
            self.path(&other, end);
        }
        self.run_together(&words, end);
        if let [word] = &*words
            && how.languages.meets(Languages::SV)
        {
            self.compounds.add(&word.written, word.manner, end);
        }
        Ok(())
    }

    fn path(&mut self, words: &[Word], end: End) {
        let node = words.iter().fold(ROOT, |node, word| self.child(node, word));
        self.nodes[node as usize].noun = nouns(words);
        self.end(node, end);
    }

    /// `icecream`: the words in their base form, the last one in any. Where a symbol joins the words this is no way to
    /// write them, nor are the two names of a person written so; and tags and domains are taken apart when they are met.
    fn run_together(&mut self, words: &[Word], end: End) {
        let [first @ .., last] = words else { return };
        let symbols = words.iter().any(|word| word.joint.is_some_and(|c| !matches!(c, '\'' | '.' | '_')));
        let names = last.manner.person && words.iter().skip(1).any(|word| word.joint != Some('\''));
        if first.is_empty() || symbols || names || end.kind != Written::Anywhere {
            return;
        }
        let head: String = first.iter().map(|word| fold(&word.written)).collect();
        let written: String = words.iter().map(|word| word.written.to_lowercase()).collect();
        let node = self.node(&Word {
            written,
            joint: None,
            hyphen: false,
            apart: false,
            strict: false,
            ..last.clone()
        });
        let start: String = first.iter().map(|word| word.written.to_lowercase()).collect();
        for (form, languages) in forms::of(&last.written, last.manner, last.languages) {
            let whole = start.clone() + &form;
            let edge = Edge {
                node,
                next: NONE,
                spelling: words::hash(&whole),
                languages,
                base: true,
                ascii: whole.is_ascii(),
                misspelt: false,
            };
            self.edge(ROOT, Way { hash: hash_folded(&(head.clone() + &fold(&form))), form: whole, edge });
        }
        self.end(node, end);
    }

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
        let node = self.node(word);
        self.children.insert(key, node);
        let ways = word.ways();
        self.nodes[node as usize].inflected = word.which == Which::Inflected && ways.len() > 1;
        let lower = word.written.to_lowercase();
        let common = words::common_in(&lower);
        let noun = forms::is_polish_noun(&lower);
        // Typed without diacritics, unless it is a word as it stands.
        let known = !common.is_empty() || noun && !word.manner.name;
        self.nodes[node as usize].bare = word.written.is_ascii() && !known;
        if word.surname {
            let polish = if noun { Languages::PL } else { Languages::NONE };
            self.nodes[node as usize].word = common.with(polish);
        }
        for way in ways {
            self.edge(parent, Way { edge: Edge { node, ..way.edge }, ..way });
        }
        node
    }

    fn node(&mut self, word: &Word) -> u32 {
        let node = u32::try_from(self.nodes.len()).unwrap_or(NONE - 1);
        let Manner { phrase, name, .. } = word.manner;
        // Without a vowel it is read letter by letter, whatever its case.
        let name = name && !phrase && fold(&word.written).contains(['a', 'e', 'i', 'o', 'u', 'y']);
        // `PayPal` is no word whatever its case.
        let name = name && !forms::has_inner_capital(&word.written);
        let Word { joint, strict, shop, .. } = *word;
        self.nodes.push(Node { joint, strict, shop, name, lone: !phrase, ..Node::default() });
        node
    }

    fn edge(&mut self, parent: u32, Way { hash, form, edge }: Way) {
        if !form.is_ascii() {
            self.marked.insert(edge.spelling, form.into_boxed_str());
        }
        if parent == ROOT {
            self.starts.insert(hash);
        }
        let new = u32::try_from(self.targets.len()).unwrap_or(NONE - 1);
        let next = self.edges.insert(edge_key(parent, hash), new).unwrap_or(NONE);
        self.targets.push(Edge { next, ..edge });
    }
}

/// See [`Node::noun`].
fn nouns(words: &[Word]) -> Languages {
    let known = |word: &Word| words::common_in(&word.written.to_lowercase());
    match words {
        // In Polish a form of another word may look like one: Marek.
        [word] if !forms::is_polish_noun(&word.written) => known(word).without(Languages::PL),
        [word] => known(word),
        words if words.iter().all(may_describe) => {
            words.iter().map(known).reduce(Languages::and).unwrap_or_default()
        }
        _ => Languages::NONE,
    }
}

/// Whether a word of a name may be one of a description too: not in `Coca-Cola`, `Marks & Spencer`, `Poczta Polska`.
fn may_describe(word: &Word) -> bool {
    const NATIONS: &[&str] = &["polsk", "italian", "român", "british", "american", "europ"];
    let lower = word.written.to_lowercase();
    let nation = NATIONS.iter().any(|nation| lower.starts_with(nation));
    word.manner.name && !word.hyphen && word.joint.is_none() && !nation
}

/// `Tom's Tyres`
fn is_of_first_name(words: &[Word]) -> bool {
    let [name, s, ..] = words else { return false };
    s.joint == Some('\'') && s.written == "s" && words::is_first_name(&name.written.to_lowercase())
}

/// By a first name; few men's end so.
fn is_woman(first_name: &str) -> bool {
    const MEN: &[&str] = &[
        "kuba", "barnaba", "kosma", "jarema", "luca", "luka", "andrea", "nicola", "mattia", "elia", "sasza",
        "sasha", "ilja", "ilya", "nikita", "joshua", "ezra", "mircea", "horea", "mihnea", "toma",
    ];
    let lower = first_name.to_lowercase();
    lower.ends_with('a') && !MEN.contains(&&*lower)
}

/// A man's first name in -a, a Polish genitive, wants a surname that is inflected too: beside one that is not it is a woman's,
/// as in `pani Stanisława Bąk`.
fn of_a_man(words: &[Word], how: How) -> Option<[Vec<Word>; 2]> {
    let [first, middle @ .., last] = words else { return None };
    let man = !is_woman(&first.written);
    if how.kind != SubjectKind::Person || !how.languages.meets(Languages::PL) || !man {
        return None;
    }
    let way = |a: Which, b: Which| {
        let (first, last) = (Word { which: a, ..first.clone() }, Word { which: b, ..last.clone() });
        [first].into_iter().chain(middle.iter().cloned()).chain([last]).collect()
    };
    Some([way(Which::NotInA, Which::All), way(Which::InA, Which::Inflected)])
}
