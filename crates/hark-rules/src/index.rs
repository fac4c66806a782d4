//! Which rules can hold at all, so that a thousand rules cost little more than ten.
//!
//! A rule that needs one of some subjects, sources or intents is only looked at where the mention has one of them.

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
        let tests = when.necessary();
        // The kind of test that is most particular comes first.
        let subjects = tests.iter().find_map(|test| match test {
            Test::Subject(wanted) => Some(wanted),
            _ => None,
        });
        if let Some(wanted) = subjects {
            for subject in wanted {
                push(self.by_subject.entry(*subject).or_default(), number);
            }
            return;
        }
        let sources = tests.iter().find_map(|test| match test {
            Test::Source(wanted) => Some(wanted),
            _ => None,
        });
        if let Some(wanted) = sources {
            for source in wanted {
                push(self.by_source.entry(source.clone()).or_default(), number);
            }
            return;
        }
        let intents = tests.iter().find_map(|test| match test {
            Test::Intent(wanted) => Some(wanted),
            _ => None,
        });
        match intents {
            Some(wanted) => {
                for test in wanted {
                    push(&mut self.by_intent[test.intent.index()], number);
                }
            }
            None => self.always.push(number),
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

fn push(rules: &mut Vec<u32>, number: u32) {
    if rules.last() != Some(&number) {
        rules.push(number);
    }
}
