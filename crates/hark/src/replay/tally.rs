//! What became of each mention by both configurations, and how often which move was seen.

use std::collections::{BTreeMap, HashMap, VecDeque};

use hark_schema::{
    id::Id,
    v1::{Mention, RawPost},
};
use jiff::Timestamp;

use super::side::{Place, Placed};

/// So many candidates are kept for each example that is wanted: an edit may take some of them elsewhere again.
const CANDIDATES: usize = 4;
/// A text is shown on one line; more than this is never looked at.
const EXCERPT_CHARS: usize = 300;

/// Counts by mention, not by record: what counts of an edited post is its last version.
pub(super) struct Tally {
    examples: usize,
    records: u64,
    unreadable: u64,
    places: Numbers<Place>,
    rules: Numbers<String>,
    mentions: HashMap<Id, Fate>,
    moves: HashMap<(u32, u32), VecDeque<Example>>,
}

/// What became of a mention by the old and by the new configuration. Small: there may be millions.
#[derive(Debug, Clone, Copy)]
struct Fate {
    places: (u32, u32),
    rules: (u32, u32),
    differs: u8,
}

/// A mention that would move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Example {
    pub id: Id,
    pub heard: Option<Timestamp>,
    pub language: String,
    pub source: String,
    pub author: String,
    pub text: String,
    pub url: String,
    pub rules: (String, String),
}

/// Mentions that go from one place to another.
pub(super) struct Move<'t> {
    pub from: &'t Place,
    pub to: &'t Place,
    pub count: u64,
    /// The newest first.
    pub examples: Vec<&'t Example>,
}

/// What may differ of an item that stays where it is.
pub(super) const ASPECTS: [&str; 5] = ["priority", "deadline", "tags", "copies", "person"];

/// A count by the old and by the new configuration.
pub(super) type Pair = (u64, u64);

impl Tally {
    pub fn new(examples: usize) -> Self {
        Self {
            examples,
            records: 0,
            unreadable: 0,
            places: Numbers::default(),
            rules: Numbers::default(),
            mentions: HashMap::new(),
            moves: HashMap::new(),
        }
    }

    /// Records read so far.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Records that are no mentions.
    pub fn unreadable_records(&self) -> u64 {
        self.unreadable
    }

    pub fn unreadable(&mut self) {
        self.records += 1;
        self.unreadable += 1;
    }

    /// What became of the next record of a mention.
    pub fn add(&mut self, id: Id, mention: &Mention, post: &RawPost, old: Placed, new: Placed) {
        self.records += 1;
        let differs = differences(&old, &new);
        let moves = old.place != new.place;
        let places = (self.places.of(old.place), self.places.of(new.place));
        if moves && self.examples > 0 {
            let kept = self.moves.entry(places).or_default();
            if kept.len() == self.examples * CANDIDATES {
                kept.pop_front();
            }
            kept.push_back(Example::of(id, mention, post, (old.rule.clone(), new.rule.clone())));
        }
        let rules = (self.rules.of(old.rule), self.rules.of(new.rule));
        self.mentions.insert(id, Fate { places, rules, differs });
    }

    /// Mentions whose post is still there.
    pub fn standing(&self) -> u64 {
        self.fates().count() as u64
    }

    /// Mentions that would be elsewhere, those of the most frequent move first.
    pub fn moves(&self) -> Vec<Move<'_>> {
        let mut counts: HashMap<(u32, u32), u64> = HashMap::new();
        for fate in self.fates().filter(|fate| fate.places.0 != fate.places.1) {
            *counts.entry(fate.places).or_default() += 1;
        }
        let mut moves: Vec<Move<'_>> = counts
            .into_iter()
            .filter_map(|(places, count)| {
                Some(Move {
                    from: self.places.get(places.0)?,
                    to: self.places.get(places.1)?,
                    count,
                    examples: self.examples_of(places),
                })
            })
            .collect();
        moves.sort_by_key(|found| (std::cmp::Reverse(found.count), name(found.from), name(found.to)));
        moves
    }

    fn examples_of(&self, places: (u32, u32)) -> Vec<&Example> {
        let mut found: Vec<&Example> = Vec::new();
        for example in self.moves.get(&places).into_iter().flatten().rev() {
            let still = self.mentions.get(&example.id).is_some_and(|fate| fate.places == places);
            if still && found.len() < self.examples && !found.iter().any(|known| known.id == example.id) {
                found.push(example);
            }
        }
        found
    }

    /// Of the mentions that stay where they are, how many would differ in what; in the order of [`ASPECTS`].
    pub fn differences(&self) -> [u64; ASPECTS.len()] {
        let mut counts = [0; ASPECTS.len()];
        for fate in self.fates().filter(|fate| fate.places.0 == fate.places.1) {
            for (bit, count) in counts.iter_mut().enumerate() {
                *count += u64::from(fate.differs >> bit & 1);
            }
        }
        counts
    }

    /// Mentions by place.
    pub fn by_place(&self) -> Vec<(&Place, Pair)> {
        let counts = count(self.fates().map(|fate| fate.places));
        let named = counts.into_iter().filter_map(|(number, pair)| Some((self.places.get(number)?, pair)));
        let mut named: Vec<_> = named.collect();
        named.sort_by_key(|(place, _)| (!matches!(place, Place::Team(_)), name(place)));
        named
    }

    /// Mentions by the rule that decided.
    pub fn by_rule(&self) -> Vec<(&str, Pair)> {
        let counts = count(self.fates().map(|fate| fate.rules));
        let named = counts
            .into_iter()
            .filter_map(|(number, pair)| Some((self.rules.get(number)?.as_str(), pair)))
            .filter(|(rule, _)| !rule.is_empty());
        let mut named: Vec<_> = named.collect();
        named.sort_unstable();
        named
    }

    fn fates(&self) -> impl Iterator<Item = &Fate> {
        let gone = self.places.known(&Place::Gone);
        // Deleted is deleted, by whichever configuration.
        self.mentions.values().filter(move |fate| Some(fate.places.0) != gone)
    }
}

fn count(pairs: impl Iterator<Item = (u32, u32)>) -> BTreeMap<u32, Pair> {
    let mut counts: BTreeMap<u32, Pair> = BTreeMap::new();
    for (old, new) in pairs {
        counts.entry(old).or_default().0 += 1;
        counts.entry(new).or_default().1 += 1;
    }
    counts
}

/// The place in words, as in the report.
pub(super) fn name(place: &Place) -> String {
    match place {
        Place::Team(team) => team.clone(),
        Place::Dropped(reason) => format!("dropped ({reason})"),
        Place::Gone => "gone".to_owned(),
    }
}

/// One bit for each of [`ASPECTS`].
fn differences(old: &Placed, new: &Placed) -> u8 {
    let differs = [
        old.priority != new.priority,
        old.respond_by_ms != new.respond_by_ms,
        old.tags != new.tags,
        old.copies != new.copies,
        old.person != new.person,
    ];
    differs.iter().rev().fold(0, |bits, differs| bits << 1 | u8::from(*differs))
}

impl Example {
    fn of(id: Id, mention: &Mention, post: &RawPost, rules: (String, String)) -> Self {
        let author = post.author.as_ref();
        let author =
            author.map(|author| if author.handle.is_empty() { &author.name } else { &author.handle });
        let heard = post.observed_at.as_ref().and_then(|at| Timestamp::new(at.seconds, at.nanos).ok());
        Self {
            id,
            heard,
            language: mention.language.clone(),
            source: post.r#ref.as_ref().map(|reference| reference.source.clone()).unwrap_or_default(),
            author: author.cloned().unwrap_or_default(),
            text: post.text.chars().take(EXCERPT_CHARS).collect(),
            url: post.url.clone(),
            rules,
        }
    }
}

/// Gives names numbers.
struct Numbers<T> {
    names: Vec<T>,
    numbers: HashMap<T, u32>,
}

impl<T> Default for Numbers<T> {
    fn default() -> Self {
        Self { names: Vec::new(), numbers: HashMap::new() }
    }
}

impl<T: Clone + Eq + std::hash::Hash> Numbers<T> {
    fn of(&mut self, name: T) -> u32 {
        if let Some(number) = self.numbers.get(&name) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(name.clone());
        self.numbers.insert(name, number);
        number
    }

    fn known(&self, name: &T) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    fn get(&self, number: u32) -> Option<&T> {
        self.names.get(number as usize)
    }
}
