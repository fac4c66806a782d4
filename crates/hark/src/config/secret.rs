//! Secrets: named in the configuration as `${VARIABLE}`, looked up only by the stage that needs them, never printed.

use std::{env, fmt};

use hark_rules::{
    Location, Problem,
    document::{Node, ScalarKind, Value},
};

/// A secret that has not been looked up: the name of an environment variable.
#[derive(Clone)]
pub struct Secret {
    variable: String,
    /// What needs it, for messages: `'secret' of source 'forum'`.
    what: String,
    at: Location,
}

/// Wherever in the file it stands: a line more above it makes no other secret.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.variable == other.variable && self.what == other.what
    }
}

impl Eq for Secret {}

/// The value of a secret. Prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Revealed(String);

impl Secret {
    /// Reads `${VARIABLE}`. Anything else is refused: a configuration is shown to reviewers and kept in a repository.
    pub fn read(node: &Node, what: &str, problems: &mut Vec<Problem>) -> Option<Self> {
        let hint = "write it as \"${NAME}\" and set the environment variable NAME";
        let text = match &node.value {
            Value::Scalar(scalar) if scalar.kind == ScalarKind::Text => scalar.text.trim(),
            // The value is not repeated: it may be the secret itself.
            _ => {
                problems
                    .push(Problem::at(node.at, format!("{what} is not the name of a variable")).hint(hint));
                return None;
            }
        };
        let Some(variable) = variable(text) else {
            problems.push(Problem::at(node.at, format!("{what} must not stand in the file")).hint(hint));
            return None;
        };
        Some(Self { variable: variable.to_owned(), what: what.to_owned(), at: node.at })
    }

    /// The variable's name.
    pub fn variable(&self) -> &str {
        &self.variable
    }

    /// Whether this process could look it up.
    pub fn is_set(&self) -> bool {
        self.reveal().is_ok()
    }

    /// Looks the variable up in this process's environment.
    ///
    /// # Errors
    /// It is not set, or empty, or not UTF-8.
    pub fn reveal(&self) -> Result<Revealed, Problem> {
        self.reveal_from(|name| env::var(name).ok())
    }

    fn reveal_from(&self, look_up: impl Fn(&str) -> Option<String>) -> Result<Revealed, Problem> {
        match look_up(&self.variable) {
            Some(value) if !value.trim().is_empty() => Ok(Revealed(value)),
            _ => {
                let message = format!(
                    "{} needs the environment variable {}, which is not set",
                    self.what, self.variable
                );
                Err(Problem::at(self.at, message).hint(format!("set it: export {}=...", self.variable)))
            }
        }
    }
}

impl Revealed {
    /// The value, to hand it to what checks or sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// The name in `${NAME}`.
fn variable(text: &str) -> Option<&str> {
    let name = text.strip_prefix("${")?.strip_suffix('}')?;
    let good = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    good.then_some(name)
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret(${{{}}})", self.variable)
    }
}

impl fmt::Debug for Revealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Revealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Text that may stand in the file or in a variable, such as a user name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// As written.
    Plain(String),
    /// From a variable.
    Variable(Secret),
}

impl Setting {
    /// Reads text or `${VARIABLE}`.
    pub fn read(node: &Node, what: &str, problems: &mut Vec<Problem>) -> Option<Self> {
        let text = hark_rules::read::text(node, what, problems)?;
        if text.contains("${") {
            return Secret::read(node, what, problems).map(Self::Variable);
        }
        Some(Self::Plain(text.to_owned()))
    }

    /// The text.
    ///
    /// # Errors
    /// As [`Secret::reveal`].
    pub fn resolve(&self) -> Result<String, Problem> {
        match self {
            Self::Plain(text) => Ok(text.clone()),
            Self::Variable(secret) => secret.reveal().map(|value| value.expose().to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(yaml: &str) -> Result<Secret, String> {
        let mut problems = Vec::new();
        let secret = Secret::read(&Node::parse(yaml).unwrap(), "'secret' of source 'forum'", &mut problems);
        secret.ok_or_else(|| problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_secret_is_named_and_never_written_down() {
        assert_eq!(format!("{:?}", read("\"${FORUM_SECRET}\"").unwrap()), "Secret(${FORUM_SECRET})");
        for written in ["whsec_abc", "\"${}\"", "\"${A-B}\"", "\"x${A}\"", "12345", "[a]", "\"${1A}\""] {
            let problem = read(written).unwrap_err();
            assert!(problem.contains("write it as \"${NAME}\""), "{written}: {problem}");
            assert!(!problem.contains("whsec_abc") && !problem.contains("12345"), "{problem}");
        }
    }

    #[test]
    fn a_missing_variable_is_named_with_the_key_and_the_line() {
        let secret = read("\n\"${FORUM_SECRET}\"").unwrap();
        for value in [None, Some(" ".to_owned())] {
            assert_eq!(
                secret.reveal_from(|_| value.clone()).unwrap_err().to_string(),
                "2:1: 'secret' of source 'forum' needs the environment variable FORUM_SECRET, which is not set; \
                 set it: export FORUM_SECRET=..."
            );
        }
    }

    #[test]
    fn a_secret_that_was_looked_up_prints_as_stars() {
        let value =
            read("\"${A}\"").unwrap().reveal_from(|name| (name == "A").then(|| "s3cret".into())).unwrap();
        assert_eq!((format!("{value:?} {value}"), value.expose()), ("*** ***".to_owned(), "s3cret"));
    }
}
