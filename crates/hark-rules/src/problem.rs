//! What is wrong with a configuration, where, and what would be right.

use std::fmt;

/// A place in a YAML file, both counted from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// One thing that is wrong. `Display` is `14:5: message; hint`, so that a file name and a colon in front make the
/// form that editors jump to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong, naming the key and the rule or team.
    pub message: String,
    /// Where; absent where the whole file lacks something.
    pub location: Option<Location>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Problem {
    /// A problem at a place.
    pub fn at(location: Location, message: impl Into<String>) -> Self {
        Self { message: message.into(), location: Some(location), hint: None }
    }

    /// A problem of the file as a whole.
    pub fn nowhere(message: impl Into<String>) -> Self {
        Self { message: message.into(), location: None, hint: None }
    }

    /// With a remedy.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With `did you mean 'x'?` where one of the known words is near, else with the list of them where it is short.
    #[must_use]
    pub fn suggest<'a>(self, written: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        if let Some(near) = nearest(written, &known) {
            return self.hint(format!("did you mean '{near}'?"));
        }
        if known.is_empty() || known.len() > LISTED_MAX {
            return self;
        }
        self.hint(format!("known are {}", known.join(", ")))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(location) = self.location {
            write!(f, "{location}: ")?;
        }
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

/// More words than this in a hint are read by nobody.
const LISTED_MAX: usize = 16;

/// The known word that `written` was most likely meant to be, if any is near enough.
#[must_use]
pub fn nearest<'a>(written: &str, known: &[&'a str]) -> Option<&'a str> {
    let lower = written.to_lowercase();
    // Two slips in a word of six letters or more, one in a shorter one; letters swapped count as one slip.
    let allowed = if lower.chars().count() >= 6 { 2 } else { 1 };
    known
        .iter()
        .map(|word| (strsim::damerau_levenshtein(&lower, &word.to_lowercase()), *word))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
        .or_else(|| only_longer(&lower, known))
}

/// The one known word that begins with what was written, or has it for a part: `lang` of `language`, `followers` of
/// `author_followers`.
fn only_longer<'a>(written: &str, known: &[&'a str]) -> Option<&'a str> {
    // Less than this begins too much.
    const MIN_CHARS: usize = 3;
    if written.chars().count() < MIN_CHARS {
        return None;
    }
    let has = |word: &str| word.starts_with(written) || word.split('_').any(|part| part == written);
    let mut longer = known.iter().filter(|word| has(&word.to_lowercase()));
    longer.next().filter(|_| longer.next().is_none()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_the_word_and_a_different_word_finds_none() {
        let known = ["subject", "subject_kind", "intent", "to", "any", "all"];
        for (written, expected) in [
            ("subjekt", Some("subject")),
            ("Subject", Some("subject")),
            ("inten", Some("intent")),
            ("subejct", Some("subject")),
            ("ot", Some("to")),
            ("colour", None),
            ("kind", Some("subject_kind")),
            ("inte", Some("intent")),
            // Two of them begin so.
            ("sub", None),
            ("x", None),
        ] {
            assert_eq!(nearest(written, &known), expected, "{written}");
        }
    }

    #[test]
    fn a_problem_prints_place_message_and_remedy() {
        let problem = Problem::at(Location { line: 14, column: 5 }, "unknown key 'subjekt' in rule 'angry'")
            .suggest("subjekt", ["subject", "intent"]);
        assert_eq!(
            problem.to_string(),
            "14:5: unknown key 'subjekt' in rule 'angry'; did you mean 'subject'?"
        );
    }
}
