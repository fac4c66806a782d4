//! Ranges: `{min: 5000}`, `{min: -1, max: -0.5}`, `{max: 2d}`.

use crate::{
    document::{Node, Value},
    problem::Problem,
    read::{self, Fields},
};

/// From a least to a greatest value, either of which may be open.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    min: f64,
    max: f64,
}

impl Bounds {
    pub const OPEN: Self = Self { min: f64::NEG_INFINITY, max: f64::INFINITY };

    pub fn contain(self, value: f64) -> bool {
        value >= self.min && value <= self.max
    }

    /// Every value that this allows is allowed by the other.
    pub fn within(self, other: Self) -> bool {
        self.min >= other.min && self.max <= other.max
    }

    /// No value is allowed by both.
    pub fn apart(self, other: Self) -> bool {
        self.max < other.min || other.max < self.min
    }

    pub fn is_open(self) -> bool {
        self.min == f64::NEG_INFINITY && self.max == f64::INFINITY
    }

    pub fn words(self) -> String {
        self.words_by(|value| value.to_string())
    }

    /// The range in lengths of time.
    pub fn duration_words(self) -> String {
        self.words_by(read::duration_words)
    }

    fn words_by(self, word: impl Fn(f64) -> String) -> String {
        match (self.min == f64::NEG_INFINITY, self.max == f64::INFINITY) {
            (true, true) => "anything".into(),
            (false, true) => format!("{} or more", word(self.min)),
            (true, false) => format!("{} or less", word(self.max)),
            (false, false) => format!("{} to {}", word(self.min), word(self.max)),
        }
    }

    /// Reads `{min: 1, max: 5}`, both between `least` and `most`.
    pub fn read(node: &Node, what: &str, least: f64, most: f64, problems: &mut Vec<Problem>) -> Option<Self> {
        Self::read_by(node, what, problems, |node, what, problems| {
            read::number(node, what, least, most, problems)
        })
    }

    /// Reads `{min: 5m, max: 2d}` as seconds.
    pub fn read_durations(node: &Node, what: &str, problems: &mut Vec<Problem>) -> Option<Self> {
        Self::read_by(node, what, problems, |node, what, problems| {
            read::duration(node, what, problems).map(|length| length.as_secs_f64())
        })
    }

    fn read_by(
        node: &Node,
        what: &str,
        problems: &mut Vec<Problem>,
        read: impl Fn(&Node, &str, &mut Vec<Problem>) -> Option<f64>,
    ) -> Option<Self> {
        if let Value::Scalar(scalar) = &node.value {
            problems.push(
                Problem::at(node.at, format!("{what} must be a range, not {}", node.describe()))
                    .hint(format!("write {{min: {0}}} or {{max: {0}}}", scalar.text)),
            );
            return None;
        }
        let mut fields = Fields::of(node, what, problems)?;
        let bound = |key: &str, node: Option<&Node>, open: f64, problems: &mut Vec<Problem>| match node {
            Some(node) => read(node, &format!("'{key}' of {what}"), problems),
            None => Some(open),
        };
        let min = bound("min", fields.take("min"), f64::NEG_INFINITY, problems);
        let max = bound("max", fields.take("max"), f64::INFINITY, problems);
        fields.finish(problems);
        let bounds = Self { min: min?, max: max? };
        if bounds.is_open() {
            problems.push(Problem::at(node.at, format!("{what} has neither 'min' nor 'max'")));
            return None;
        }
        if bounds.min > bounds.max {
            problems
                .push(Problem::at(node.at, format!("{what} can never hold: 'min' is greater than 'max'")));
            return None;
        }
        Some(bounds)
    }
}
