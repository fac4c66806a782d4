//! From the configured terms to the automaton.

use std::collections::{HashMap, HashSet};

use super::{Edge, End, Matcher, MatcherError, NONE, Node, ROOT, Role, Written, compound, edge_key};
use crate::{
    Subject, SubjectKind, Term,
    filter::Filter,
    fold::{ByHash, Class, Pieces, class, fold, hash_folded},
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
        let starts: Vec<u64> = build.starts.into_iter().collect();
        Ok(Self {
            subjects: subjects.to_vec(),
            languages: subjects.iter().map(|subject| Languages::of(&subject.languages)).collect(),
            filter: Filter::of(&starts),
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

/// A word of a term.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Word {
    written: String,
    /// The symbol before it, if it is not white space or a hyphen.
    joint: Option<char>,
    /// A hyphen stands before it.
    hyphen: bool,
    /// White space stands before it.
    apart: bool,
    /// Nothing else may stand before it.
    strict: bool,
    manner: Manner,
    /// Those whose inflection applies; none: only as written.
    languages: Languages,
    /// Also with one letter wrong.
    misspelt: bool,
    which: Which,
    shop: bool,
    /// Behind a first name.
    surname: bool,
}

/// One form of a word, and the edge that it is.
struct Way {
    /// Of the folded form.
    hash: u64,
    /// Lower-case with its diacritics.
    form: String,
    edge: Edge,
}

/// Which of a word's forms lead on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Which {
    #[default]
    All,
    /// All but those in -a that are no base form.
    NotInA,
    /// Those alone.
    InA,
    /// All but the base form, unless it is the only one: see [`Node::inflected`].
    Inflected,
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
/// And so are shorter words of a longer term.
const LEAST_LETTERS_OF_WORD: usize = 4;

impl Word {
    /// The base form with two letters swapped, one dropped, doubled or replaced, unless that is a common word. Folded.
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
            for letter in 'a'..='z' {
                let mut replaced = letters.clone();
                replaced[at] = letter;
                wrong.push(replaced);
            }
        }
        let wrong = wrong.into_iter().map(String::from_iter);
        wrong.filter(|word| !words::is_common(word)).collect()
    }

    /// What leads to the word: its forms, and its misspellings.
    fn ways(&self) -> Vec<Way> {
        let lower = self.written.to_lowercase();
        let forms = forms::of(&self.written, self.manner, self.languages);
        let base = fold(&self.written);
        let way = |form: &str, languages, misspelt| Way {
            hash: hash_folded(&fold(form)),
            form: form.to_owned(),
            edge: Edge {
                node: 0,
                next: NONE,
                spelling: words::hash(form),
                languages,
                base: form == lower,
                ascii: form.is_ascii(),
                misspelt,
            },
        };
        // Paola is no form of Paolo where Italians are named.
        let his = self.manner.person && lower.ends_with(['o', 'e']);
        let hers = |form: &str| his && form != lower && fold(form).ends_with('a');
        let kept = |form: &str| match self.which {
            _ if hers(form) => false,
            // Also what is read as such without its diacritics.
            Which::NotInA => form == lower || !form.ends_with(['a', 'ą']),
            Which::InA => form != lower && form.ends_with(['a', 'ą']),
            Which::All => true,
            // The base form with an ending attached, `Moore'a`, is inflected too.
            Which::Inflected => form == lower || fold(form) != base,
        };
        let kept = forms.iter().filter(|(form, _)| kept(form));
        let mut ways: Vec<Way> = kept.map(|(form, languages)| way(form, *languages, false)).collect();
        let taken: HashSet<u64> = ways.iter().map(|way| way.hash).collect();
        let wrong: HashSet<String> = self.misspellings().into_iter().collect();
        let wrong = wrong.iter().map(|form| way(form, Languages::NONE, true));
        ways.extend(wrong.filter(|way| !taken.contains(&way.hash)));
        ways
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
        if words.len() > Matcher::MAX_WORDS {
            let (subject, term) = name();
            return Err(MatcherError::TooLong { subject, term });
        }
        let phrase = words.len() > 1;
        let behind_first_name = how.kind == SubjectKind::Person || is_of_first_name(&words);
        // Behind a title the name goes on, with whatever letter.
        let titled = is_abbreviated(&words[..1]);
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
        let others =
            [spelled_out(&words), contracted(&words), without_s(&words), closed(&words), hyphenated(&words)];
        for other in others.into_iter().flatten() {
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

fn words(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut last = 0;
    for piece in Pieces::new(text) {
        let (between, written) = (&text[last..piece.start], &text[piece.start..piece.end]);
        let apart = !words.is_empty() && between.contains(char::is_whitespace);
        let joint = match words.as_slice() {
            [] => between.chars().next_back().filter(|c| NUMBERING.contains(c) && is_number(written)),
            before => between
                .chars()
                .find(|c| class(*c) == Class::Separator && !super::place::joins_words(*c))
                .map(|c| if super::place::is_apostrophe(c) { '\'' } else { c })
                // `St Ives`, which others write with a dot.
                .or_else(|| (apart && is_abbreviated(before)).then_some('.')),
        };
        let hyphen = !words.is_empty() && between.contains('-');
        words.push(Word { hyphen, apart, ..word(written, joint) });
        last = piece.end;
    }
    words
}

/// What makes a name of a number: `№5` is no 5.
const NUMBERING: [char; 5] = ['№', '§', '$', '€', '£'];

fn is_number(word: &str) -> bool {
    word.chars().all(char::is_numeric)
}

/// Whether the last of a term's words is a title that is written with or without a dot, or an initial.
fn is_abbreviated(words: &[Word]) -> bool {
    const TITLES: &[&str] = &[
        "al", "avv", "dl", "dna", "dott", "dr", "ft", "gen", "ing", "inż", "jr", "ks", "mgr", "mr", "mrs",
        "ms", "mt", "os", "pl", "płk", "prof", "sf", "sig", "sr", "st", "ste", "św", "ul",
    ];
    let initial = |word: &Word| {
        let mut letters = word.written.chars();
        letters.next().is_some_and(char::is_uppercase) && letters.next().is_none()
    };
    words.last().is_some_and(|last| TITLES.contains(&&*last.written.to_lowercase()))
        || words.iter().all(initial)
}

fn word(written: &str, joint: Option<char>) -> Word {
    let written = written.to_owned();
    let (manner, languages) = (Manner::default(), Languages::NONE);
    Word {
        written,
        joint,
        hyphen: false,
        apart: false,
        strict: false,
        manner,
        languages,
        misspelt: false,
        which: Which::All,
        shop: false,
        surname: false,
    }
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

/// Polish inflects `McDonald's` without its s: `w McDonaldzie`.
fn without_s(words: &[Word]) -> Option<Vec<Word>> {
    let [first @ .., name, s] = words else { return None };
    let languages = if name.languages.meets(Languages::PL) { Languages::PL } else { return None };
    let heard = name.written.ends_with(|c: char| !"aeiouy".contains(c.to_ascii_lowercase()));
    if s.joint != Some('\'') || s.written != "s" || !heard {
        return None;
    }
    let manner = Manner { phrase: !first.is_empty(), ..name.manner };
    let inflected = Word { which: Which::Inflected, languages, manner, ..name.clone() };
    Some(first.iter().cloned().chain([inflected]).collect())
}

/// `B.B.C.` for `BBC`.
fn spelled_out(words: &[Word]) -> Option<Vec<Word>> {
    let [one] = words else { return None };
    let letters: Vec<char> = one.written.chars().collect();
    let abbreviation =
        (2..=MOST_INITIALS).contains(&letters.len()) && letters.iter().all(|c| c.is_uppercase());
    abbreviation.then(|| {
        let dotted = letters.iter().enumerate().map(|(index, letter)| Word {
            strict: index > 0,
            manner: Manner { phrase: true, ..Manner::default() },
            ..word(&letter.to_string(), (index > 0).then_some('.'))
        });
        dotted.collect()
    })
}

/// Longer abbreviations are words that somebody shouts.
const MOST_INITIALS: usize = 6;

/// `US Bank` for `U.S. Bank`.
fn contracted(words: &[Word]) -> Option<Vec<Word>> {
    let mut merged: Vec<Word> = Vec::new();
    let initial = |word: &Word| word.written.chars().count() == 1;
    for word in words {
        match merged.last_mut() {
            Some(last) if word.joint == Some('.') && initial(word) => last.written.push_str(&word.written),
            _ => merged.push(word.clone()),
        }
    }
    (merged.len() > 1 && merged.len() < words.len()).then_some(merged)
}

/// `WiFi Hub` for `Wi-Fi Hub`, `ONeill Brothers` for `O'Neill Brothers`. Two surnames are not written so, and `Toms` is no `Tom's`.
fn closed(words: &[Word]) -> Option<Vec<Word>> {
    let mut merged: Vec<Word> = Vec::new();
    for word in words {
        let elided = word.joint == Some('\'') && word.written != "s";
        let hyphen = word.hyphen && word.joint.is_none() && !word.manner.person;
        let within = !word.apart && (elided || hyphen);
        match merged.last_mut() {
            Some(last) if within => {
                last.written.push_str(&word.written);
                last.languages = word.languages.with(last.languages);
            }
            _ => merged.push(word.clone()),
        }
    }
    (merged.len() > 1 && merged.len() < words.len()).then_some(merged)
}

/// `Wi-Fi` for `WiFi`.
fn hyphenated(words: &[Word]) -> Option<Vec<Word>> {
    let parted = words.iter().flat_map(|word| match inner_capital(&word.written) {
        Some(at) if !word.manner.person => {
            let (head, tail) = word.written.split_at(at);
            let manner = Manner { phrase: true, ..word.manner };
            let first = Word { written: head.to_owned(), languages: Languages::NONE, manner, ..word.clone() };
            let second = Word {
                written: tail.to_owned(),
                joint: Some('-'),
                hyphen: true,
                apart: false,
                strict: true,
                manner,
                ..word.clone()
            };
            vec![first, second]
        }
        _ => vec![word.clone()],
    });
    let parted: Vec<Word> = parted.collect();
    (parted.len() > words.len()).then_some(parted)
}

/// Where a capital follows a small letter.
fn inner_capital(word: &str) -> Option<usize> {
    let letters = word.char_indices().zip(word.chars().skip(1));
    let mut bounds = letters.filter(|((_, small), capital)| small.is_lowercase() && capital.is_uppercase());
    bounds.next().map(|((at, small), _)| at + small.len_utf8())
}
