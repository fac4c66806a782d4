//! Reads values out of a [`Node`] and collects what is wrong with them.
//!
//! Every function here returns `None` after it has reported a problem, so that the reader of the next value goes on
//! and all mistakes of a file come out at once.

use std::time::Duration;

use crate::{
    document::{Entry, Node, Scalar, ScalarKind, Value},
    problem::{Location, Problem},
};

/// The keys of one map. A key counts as known once it was asked for, so that the list of known keys cannot differ
/// from what is read.
#[derive(Debug)]
pub struct Fields<'n> {
    what: String,
    at: Location,
    entries: &'n [Entry],
    known: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    /// The keys of a map; `what` names it in messages: `rule 'angry'`.
    pub fn of(node: &'n Node, what: impl Into<String>, problems: &mut Vec<Problem>) -> Option<Self> {
        let what = what.into();
        let Value::Map(entries) = &node.value else {
            problems.push(Problem::at(
                node.at,
                format!("{what} must be a map of keys and values, not {}", node.describe()),
            ));
            return None;
        };
        Some(Self { what, at: node.at, entries, known: Vec::new() })
    }

    /// As [`Fields::of`]; nothing written, as in `duty:`, is a map without keys.
    pub fn of_optional(node: &'n Node, what: impl Into<String>, problems: &mut Vec<Problem>) -> Option<Self> {
        if node.value == Value::Null {
            return Some(Self { what: what.into(), at: node.at, entries: &[], known: Vec::new() });
        }
        Self::of(node, what, problems)
    }

    /// Where the map begins.
    #[must_use]
    pub fn at(&self) -> Location {
        self.at
    }

    /// The map's name in messages.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// The value under a key.
    pub fn take(&mut self, key: &'static str) -> Option<&'n Node> {
        self.known.push(key);
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The value under a key that must be there.
    pub fn require(&mut self, key: &'static str, problems: &mut Vec<Problem>) -> Option<&'n Node> {
        let value = self.take(key);
        if value.is_none() {
            problems.push(Problem::at(self.at, format!("{} lacks the key '{key}'", self.what)));
        }
        value
    }

    /// Reports the keys that nobody asked for.
    pub fn finish(self, problems: &mut Vec<Problem>) {
        for entry in self.entries {
            if self.known.contains(&entry.key.as_str()) {
                continue;
            }
            problems.push(
                Problem::at(entry.at, format!("unknown key '{}' in {}", entry.key, self.what))
                    .suggest(&entry.key, self.known.iter().copied()),
            );
        }
    }
}

/// The entries of a map whose keys are names of the user's own.
pub fn entries<'n>(node: &'n Node, what: &str, problems: &mut Vec<Problem>) -> &'n [Entry] {
    match &node.value {
        Value::Map(entries) => entries,
        _ => {
            problems.push(Problem::at(
                node.at,
                format!("{what} must be a map of names, not {}", node.describe()),
            ));
            &[]
        }
    }
}

/// The items of a list.
pub fn list<'n>(node: &'n Node, what: &str, problems: &mut Vec<Problem>) -> &'n [Node] {
    match &node.value {
        Value::List(items) => items,
        _ => {
            problems.push(
                Problem::at(node.at, format!("{what} must be a list, not {}", node.describe()))
                    .hint("begin each item with '- ' on a line of its own"),
            );
            &[]
        }
    }
}

/// One thing, or a list of at least one.
pub fn one_or_list<'n>(node: &'n Node, what: &str, problems: &mut Vec<Problem>) -> &'n [Node] {
    let Value::List(items) = &node.value else { return std::slice::from_ref(node) };
    if items.is_empty() {
        problems.push(
            Problem::at(node.at, format!("{what} is an empty list"))
                .hint("name at least one, or leave the key out"),
        );
    }
    items
}

/// Text; numbers and `true` count as the text they were written as.
pub fn text<'n>(node: &'n Node, what: &str, problems: &mut Vec<Problem>) -> Option<&'n str> {
    let Value::Scalar(Scalar { text, .. }) = &node.value else {
        let problem = Problem::at(node.at, format!("{what} must be text, not {}", node.describe()));
        problems.push(match node.value {
            // `#` begins a comment.
            Value::Null => problem.hint("text that begins with # needs quotes"),
            _ => problem,
        });
        return None;
    };
    if text.trim().is_empty() {
        problems.push(Problem::at(node.at, format!("{what} is empty")));
        return None;
    }
    Some(text)
}

/// One text or a list of them.
pub fn texts(node: &Node, what: &str, problems: &mut Vec<Problem>) -> Vec<String> {
    one_or_list(node, what, problems)
        .iter()
        .filter_map(|item| text(item, what, problems).map(str::to_owned))
        .collect()
}

/// `true` or `false`.
pub fn boolean(node: &Node, what: &str, problems: &mut Vec<Problem>) -> Option<bool> {
    if let Value::Scalar(Scalar { kind: ScalarKind::Bool(value), .. }) = node.value {
        return Some(value);
    }
    problems.push(Problem::at(node.at, format!("{what} must be true or false, not {}", node.describe())));
    None
}

/// A number between two bounds, both allowed.
pub fn number(node: &Node, what: &str, min: f64, max: f64, problems: &mut Vec<Problem>) -> Option<f64> {
    if let Value::Scalar(Scalar { kind: ScalarKind::Number(value), .. }) = node.value
        && value >= min
        && value <= max
    {
        return Some(value);
    }
    let range =
        if max == f64::MAX { format!("of {min} or more") } else { format!("between {min} and {max}") };
    problems.push(Problem::at(node.at, format!("{what} must be a number {range}, not {}", node.describe())));
    None
}

/// A whole number between two bounds, both allowed.
pub fn whole(node: &Node, what: &str, min: u64, max: u64, problems: &mut Vec<Problem>) -> Option<u64> {
    if let Value::Scalar(Scalar { text, kind: ScalarKind::Number(_) }) = &node.value
        && let Ok(value) = text.replace('_', "").parse::<u64>()
        && (min..=max).contains(&value)
    {
        return Some(value);
    }
    let range = if max == u64::MAX { format!("of {min} or more") } else { format!("from {min} to {max}") };
    problems.push(Problem::at(
        node.at,
        format!("{what} must be a whole number {range}, not {}", node.describe()),
    ));
    None
}

/// A length of time: `30s`, `5m`, `2h`, `7d`, or several together as `1h30m`.
pub fn duration(node: &Node, what: &str, problems: &mut Vec<Problem>) -> Option<Duration> {
    let parsed = match &node.value {
        Value::Scalar(Scalar { text, .. }) => parse_duration(text),
        _ => None,
    };
    if parsed.is_none() {
        problems.push(
            Problem::at(node.at, format!("{what} must be a length of time, not {}", node.describe()))
                .hint("write it as 30s, 5m, 2h or 7d"),
        );
    }
    parsed
}

/// `30s`, `5m`, `2h`, `7d`, `1h30m`; `None` for anything else and for zero.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit())?;
        let amount: u64 = rest[..digits].parse().ok()?;
        let after = &rest[digits..];
        let letters = after.find(|character: char| character.is_ascii_digit()).unwrap_or(after.len());
        let seconds = match after[..letters].trim() {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return None,
        };
        total = total.checked_add(Duration::from_secs(amount.checked_mul(seconds)?))?;
        rest = &after[letters..];
    }
    (total > Duration::ZERO).then_some(total)
}

/// Seconds as a length of time in two units at most: `45s`, `1h30m`, `2d`.
#[must_use]
pub fn duration_words(seconds: f64) -> String {
    let mut words = String::new();
    let mut rest = seconds.max(0.0).round();
    let mut units = 0;
    for (unit, length) in [("d", 86_400.0), ("h", 3_600.0), ("m", 60.0), ("s", 1.0)] {
        let count = (rest / length).floor();
        if count > 0.0 && units < 2 {
            words.push_str(&format!("{count}{unit}"));
            rest -= count * length;
            units += 1;
        }
    }
    if words.is_empty() { "0s".into() } else { words }
}

/// Longest name of a rule, tag or reason, in characters: they travel with every item.
const MAX_WORDS: usize = 100;

/// One line of bearable length: it travels with every item.
pub(crate) fn is_words(text: &str) -> bool {
    text.chars().count() <= MAX_WORDS && !text.chars().any(char::is_control) && !text.trim().is_empty()
}

/// One line of bearable length, without the blanks around it.
pub(crate) fn words(node: &Node, what: &str, problems: &mut Vec<Problem>) -> Option<String> {
    let text = text(node, what, problems)?.trim();
    if !is_words(text) {
        problems
            .push(Problem::at(node.at, format!("{what} must be one line of at most {MAX_WORDS} characters")));
        return None;
    }
    Some(text.to_owned())
}

/// A name that becomes part of a topic or an address: lower-case letters, digits and hyphens, at most `MAX_SLUG`.
pub fn slug(name: &str, at: Location, what: &str, problems: &mut Vec<Problem>) -> bool {
    let good = name.len() <= MAX_SLUG
        && name.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !good {
        problems.push(
            Problem::at(
                at,
                format!("{what} must be lower-case letters, digits and hyphens, at most {MAX_SLUG}"),
            )
            .hint("a 'label' may be anything"),
        );
    }
    good
}

/// A topic's name may have 249 characters; prefix and `.queue.` take some.
pub const MAX_SLUG: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read() {
        for (written, seconds) in [
            ("30s", Some(30)),
            ("5m", Some(300)),
            ("2h", Some(7_200)),
            ("7d", Some(604_800)),
            ("1h30m", Some(5_400)),
            (" 1h 30m ", Some(5_400)),
            ("0s", None),
            ("5", None),
            ("m", None),
            ("5 minutes", None),
            ("-5m", None),
            ("99999999999999999999d", None),
            ("9999999999999999999d", None),
        ] {
            assert_eq!(parse_duration(written), seconds.map(Duration::from_secs), "{written}");
        }
    }

    #[test]
    fn lengths_of_time_are_written_as_they_are_read() {
        for (seconds, words) in
            [(0.0, "0s"), (45.0, "45s"), (5_400.0, "1h30m"), (172_800.0, "2d"), (90_061.0, "1d1h")]
        {
            assert_eq!(duration_words(seconds), words);
        }
    }

    #[test]
    fn unknown_keys_get_a_suggestion() {
        let node = Node::parse("subjekt: x\nto: y\n").unwrap();
        let mut problems = Vec::new();
        let mut fields = Fields::of(&node, "rule 'angry'", &mut problems).unwrap();
        for key in ["subject", "to"] {
            fields.take(key);
        }
        fields.finish(&mut problems);
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["1:1: unknown key 'subjekt' in rule 'angry'; did you mean 'subject'?"]);
    }

    #[test]
    fn values_of_the_wrong_kind_say_what_was_found() {
        let node = Node::parse("{a: [1], b: {c: 1}, d: 1.5, e: yes, f: }").unwrap();
        let mut problems = Vec::new();
        text(node.get("a").unwrap(), "a", &mut problems);
        list(node.get("b").unwrap(), "b", &mut problems);
        whole(node.get("d").unwrap(), "d", 1, 5, &mut problems);
        boolean(node.get("e").unwrap(), "e", &mut problems);
        number(node.get("f").unwrap(), "f", 0.0, 1.0, &mut problems);
        let messages: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "a must be text, not a list",
                "b must be a list, not a map",
                "d must be a whole number from 1 to 5, not the number 1.5",
                "e must be true or false, not the text 'yes'",
                "f must be a number between 0 and 1, not nothing",
            ]
        );
    }
}
