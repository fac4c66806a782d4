//! `when:` as a tree of conditions.

use std::sync::Arc;

use hark_schema::v1::TraceCondition;

use crate::{
    document::{Node, Value},
    facts::View,
    leaf::{KEYS, Leaf},
    names::Names,
    problem::{Location, Problem},
    read,
};

#[derive(Debug)]
pub(crate) enum Condition {
    Leaf(Leaf),
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    /// A condition of `define:` under its name.
    Named(String, Arc<Definition>),
}

/// A condition of `define:`.
#[derive(Debug)]
pub(crate) struct Definition {
    /// Where its name stands in the file.
    pub at: Location,
    pub condition: Condition,
    /// Conditions that it consists of, those of other definitions counted wherever they are used.
    size: usize,
}

/// Definitions that use each other twice double in size at each step; more conditions than this are a mistake.
const MAX_SIZE: usize = 10_000;

/// The first condition that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// As written: `intent: purchase`.
    pub condition: String,
    /// What the mention had: `complaint 0.81`.
    pub seen: String,
    /// Both in words: `intent was complaint, not purchase`.
    pub sentence: String,
}

/// Deeper nesting than this is a mistake, and would cost stack.
const MAX_DEPTH: usize = 16;

/// Words that combine conditions.
const COMBINE: [&str; 3] = ["any", "all", "not"];

impl Condition {
    /// Reads a `when`; `what` names the rule. Always a whole tree; conditions with problems are left out of it.
    pub fn read(node: &Node, what: &str, names: &Names, problems: &mut Vec<Problem>) -> Self {
        read_at(node, what, names, problems, 0)
    }

    /// Whether it holds. Allocates nothing.
    pub fn holds(&self, view: &View<'_>) -> bool {
        match self {
            Self::Leaf(leaf) => leaf.holds(view),
            Self::All(parts) => parts.iter().all(|part| part.holds(view)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(view)),
            Self::Not(part) => !part.holds(view),
            Self::Named(_, part) => part.condition.holds(view),
        }
    }

    /// Whether it holds, and why: adds what held to `held`, or says what failed first.
    pub fn examine(&self, view: &View<'_>, held: &mut Vec<TraceCondition>) -> Result<(), Failure> {
        match self {
            Self::Leaf(leaf) if leaf.holds(view) => {
                held.push(TraceCondition { condition: leaf.written(), seen: leaf.seen(view) });
                Ok(())
            }
            Self::Leaf(leaf) => Err(Failure {
                condition: leaf.written(),
                seen: leaf.seen(view),
                sentence: leaf.refusal(view),
            }),
            Self::All(parts) => parts.iter().try_for_each(|part| part.examine(view, held)),
            Self::Named(name, part) => part.condition.examine(view, held).map_err(|failure| Failure {
                condition: self.written(),
                sentence: format!("it is not '{name}': {}", failure.sentence),
                seen: failure.seen,
            }),
            Self::Any(parts) => {
                let mut failures = Vec::with_capacity(parts.len());
                for part in parts {
                    let before = held.len();
                    match part.examine(view, held) {
                        Ok(()) => return Ok(()),
                        Err(failure) => failures.push(failure),
                    }
                    held.truncate(before);
                }
                Err(join(self.written(), &failures))
            }
            Self::Not(part) => {
                let mut inner = Vec::new();
                let condition = self.written();
                match part.examine(view, &mut inner) {
                    Err(failure) => {
                        held.push(TraceCondition { condition, seen: failure.seen });
                        Ok(())
                    }
                    Ok(()) => {
                        let seen = inner.iter().map(|held| held.seen.as_str()).collect::<Vec<_>>().join(", ");
                        let sentence = inner
                            .iter()
                            .map(|held| format!("{} holds ({})", held.condition, held.seen))
                            .collect::<Vec<_>>()
                            .join(", ");
                        Err(Failure { condition, seen, sentence: format!("{sentence}, which is excluded") })
                    }
                }
            }
        }
    }

    /// In words, near to how it was written.
    pub fn written(&self) -> String {
        let joined =
            |parts: &[Self], word: &str| parts.iter().map(Self::written).collect::<Vec<_>>().join(word);
        match self {
            Self::Leaf(leaf) => leaf.written(),
            Self::All(parts) => joined(parts, ", "),
            Self::Any(parts) => format!("any of ({})", joined(parts, "; ")),
            Self::Not(part) => format!("not ({})", part.written()),
            Self::Named(name, _) => format!("is: {name}"),
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Leaf(_) => 1,
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().fold(1, |sum, part| sum.saturating_add(part.size()))
            }
            Self::Not(part) => part.size(),
            Self::Named(_, part) => part.size,
        }
    }
}

fn join(condition: String, failures: &[Failure]) -> Failure {
    let mut seen: Vec<&str> = Vec::new();
    for failure in failures {
        if !seen.contains(&failure.seen.as_str()) {
            seen.push(&failure.seen);
        }
    }
    let sentences: Vec<&str> = failures.iter().map(|failure| failure.sentence.as_str()).collect();
    Failure { condition, seen: seen.join(", "), sentence: sentences.join("; ") }
}

fn read_at(node: &Node, what: &str, names: &Names, problems: &mut Vec<Problem>, depth: usize) -> Condition {
    let nothing = Condition::All(Vec::new());
    if depth > MAX_DEPTH {
        problems.push(Problem::at(
            node.at,
            format!("the conditions in {what} are nested more than {MAX_DEPTH} deep"),
        ));
        return nothing;
    }
    let entries = match &node.value {
        Value::Map(entries) if !entries.is_empty() => entries,
        Value::Map(_) | Value::Null => {
            problems.push(Problem::at(node.at, format!("a condition in {what} is empty")));
            return nothing;
        }
        Value::List(_) => {
            let problem = Problem::at(node.at, format!("a condition in {what} must be a map, not a list"));
            problems.push(problem.hint("write 'any:' or 'all:' before the list"));
            return nothing;
        }
        Value::Scalar(_) => {
            problems.push(
                Problem::at(node.at, format!("a condition in {what} must be a map, not {}", node.describe()))
                    .hint("write it as {intent: purchase}"),
            );
            return nothing;
        }
    };
    let mut parts = Vec::with_capacity(entries.len());
    for entry in entries {
        let children = |problems: &mut Vec<Problem>| -> Vec<Condition> {
            let label = format!("'{}' in {what}", entry.key);
            if matches!(entry.value.value, Value::Map(_)) && entry.key != "not" {
                let problem =
                    Problem::at(entry.value.at, format!("{label} must be a list of conditions, not a map"));
                problems.push(problem.hint("begin each condition with '- '"));
                return Vec::new();
            }
            read::one_or_list(&entry.value, &label, problems)
                .iter()
                .map(|child| read_at(child, what, names, problems, depth + 1))
                .collect()
        };
        match entry.key.as_str() {
            "any" => parts.push(Condition::Any(children(problems))),
            "all" => parts.push(Condition::All(children(problems))),
            // A list under `not` excludes each of its conditions.
            "not" => parts.push(Condition::Not(Box::new(single(children(problems), Condition::Any)))),
            "is" => {
                let label = format!("'is' in {what}");
                let named = read::one_or_list(&entry.value, &label, problems)
                    .iter()
                    .filter_map(|item| read_named(item, &label, names, problems))
                    .collect();
                parts.push(single(named, Condition::Any));
            }
            key if KEYS.contains(&key) => {
                parts.extend(Leaf::read(key, &entry.value, what, names, problems).map(Condition::Leaf));
            }
            "thread" => {
                let leaves = Leaf::read_thread(&entry.value, what, names, problems);
                parts.extend(leaves.into_iter().map(Condition::Leaf));
            }
            key => problems.push(
                Problem::at(entry.at, format!("unknown condition '{key}' in {what}"))
                    .suggest(key, KEYS.into_iter().chain(COMBINE).chain(["is", "thread"])),
            ),
        }
    }
    single(parts, Condition::All)
}

fn read_named(node: &Node, what: &str, names: &Names, problems: &mut Vec<Problem>) -> Option<Condition> {
    let name = read::text(node, what, problems)?;
    if let Some(condition) = names.defined(name) {
        return Some(Condition::Named(name.to_owned(), condition));
    }
    let problem =
        Problem::at(node.at, format!("{what} names '{name}', which 'define' does not have above it"));
    problems.push(problem.suggest(name, names.definitions()));
    None
}

/// Reads `define:`. A definition may use those above it, so that none can go round in a circle.
pub(crate) fn read_definitions(node: &Node, names: &mut Names, problems: &mut Vec<Problem>) {
    for entry in read::entries(node, "'define'", problems) {
        let what = format!("the definition '{}'", entry.key);
        let condition = Condition::read(&entry.value, &what, names, problems);
        let size = condition.size();
        if size > MAX_SIZE {
            let message = format!("{what} consists of more than {MAX_SIZE} conditions");
            problems.push(Problem::at(entry.at, message).hint("use fewer definitions within each other"));
            return;
        }
        names.define(entry.key.clone(), Definition { at: entry.at, condition, size });
    }
}

fn single(mut parts: Vec<Condition>, combine: fn(Vec<Condition>) -> Condition) -> Condition {
    if parts.len() == 1
        && let Some(only) = parts.pop()
    {
        return only;
    }
    combine(parts)
}
