//! Which rules can hold at all, so that a thousand rules cost little more than ten.
//!
//! A rule that needs one of some subjects, sources or intents is only looked at where the mention has one of them, also where it
//! needs one in each part of an `any`.

use std::collections::HashMap;

use crate::{condition::Condition, facts::View, leaf::Test, routing::Rule, vocabulary::Intent};

#[derive(Debug, Default)]
pub(crate) struct Index {
    rules: usize,
    /// Rules that could hold for any mention.
    always: Vec<u32>,
    by_subject: HashMap<u32, Vec<u32>>,
    by_source: HashMap<String, Vec<u32>>,
    by_intent: [Vec<u32>; Intent::COUNT],
}

/// Up to so many rules are faster looked at one by one.
const INDEXED_FROM: usize = 16;

impl Index {
    pub fn new(rules: &[Rule]) -> Self {
        let mut index = Self { rules: rules.len(), ..Self::default() };
        if rules.len() < INDEXED_FROM {
            return index;
        }
        for (number, rule) in (0..).zip(rules) {
            index.add(number, &rule.when);
        }
        index
    }

    fn add(&mut self, number: u32, when: &Condition) {
        let Some(keys) = keys(when) else {
            self.always.push(number);
            return;
        };
        for key in keys {
            match key {
                Key::Subject(subject) => push(self.by_subject.entry(subject).or_default(), number),
                Key::Source(source) => push(self.by_source.entry(source.to_owned()).or_default(), number),
                Key::Intent(intent) => push(&mut self.by_intent[intent.index()], number),
            }
        }
    }

    /// Numbers of the rules that could hold, in the order of the file.
    pub fn candidates(&self, view: &View<'_>) -> Vec<usize> {
        if self.rules < INDEXED_FROM {
            return (0..self.rules).collect();
        }
        let mut found = self.always.clone();
        for subject in &view.subjects {
            found.extend(self.by_subject.get(subject).into_iter().flatten());
        }
        found.extend(self.by_source.get(view.facts.source()).into_iter().flatten());
        for (rules, confidence) in self.by_intent.iter().zip(&view.intents) {
            if confidence.is_some() {
                found.extend(rules);
            }
        }
        found.sort_unstable();
        found.dedup();
        found.into_iter().filter_map(|number| usize::try_from(number).ok()).collect()
    }
}

/// What a mention may have.
#[derive(Debug, Clone, Copy)]
enum Key<'a> {
    Subject(u32),
    Source(&'a str),
    Intent(Intent),
}

/// A mention for which the condition holds has one of these; `None` where it need have none.
fn keys(when: &Condition) -> Option<Vec<Key<'_>>> {
    match when {
        Condition::Leaf(leaf) => match &leaf.test {
            Test::Subject(wanted) => Some(wanted.iter().map(|subject| Key::Subject(*subject)).collect()),
            Test::Source(wanted) => Some(wanted.iter().map(|source| Key::Source(source)).collect()),
            Test::Intent(wanted) => Some(wanted.iter().map(|test| Key::Intent(test.intent)).collect()),
            _ => None,
        },
        // Any of the parts would do: the one whose least particular key is the most particular, the shorter of two.
        Condition::All(parts) => {
            let rank = |keys: &Vec<Key<'_>>| (keys.iter().map(Key::rank).max(), keys.len());
            parts.iter().filter_map(keys).min_by_key(rank)
        }
        Condition::Any(parts) => parts.iter().map(keys).collect::<Option<Vec<_>>>().map(|keys| keys.concat()),
        Condition::Named(_, part) => keys(&part.condition),
        Condition::Not(_) => None,
    }
}

impl Key<'_> {
    /// The most particular kind comes first.
    fn rank(&self) -> u8 {
        match self {
            Self::Subject(_) => 0,
            Self::Source(_) => 1,
            Self::Intent(_) => 2,
        }
    }
}

fn push(rules: &mut Vec<u32>, number: u32) {
    if rules.last() != Some(&number) {
        rules.push(number);
    }
}
