//! What is listened for, as the configuration's `subjects:` has it.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};

/// Something the company listens for.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// Unique in the configuration; travels in the mention.
    pub name: String,
    /// What it is.
    pub kind: SubjectKind,
    /// Any of these names it.
    pub terms: Vec<Term>,
    /// Where one of these is said, the subject is not meant.
    #[serde(default)]
    pub exclude: Vec<Context>,
    /// Where this is not empty, the subject is meant only if one of these is said.
    #[serde(default)]
    pub require: Vec<Context>,
    /// ISO 639-1 codes of the languages whose inflection applies to the terms; empty: pl sv it ro en.
    #[serde(default)]
    pub languages: Vec<String>,
}

/// What a subject is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SubjectKind {
    /// The company's own brand.
    Own,
    /// A product or service.
    Product,
    /// A competitor or its brand.
    Competitor,
    /// A person the company cares about.
    Person,
    /// A place, such as a branch.
    Place,
    /// A theme without any brand.
    Topic,
}

impl SubjectKind {
    /// As the configuration writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Product => "product",
            Self::Competitor => "competitor",
            Self::Person => "person",
            Self::Place => "place",
            Self::Topic => "topic",
        }
    }
}

impl fmt::Display for SubjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name of a subject: in the configuration a string, or a map with `text` and what deviates from the rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// A word or a phrase in its base form; with a leading `@` that handle only, with `#` that hashtag only.
    pub text: String,
    /// Only as written: no inflected forms.
    pub exact: bool,
    /// Also with one letter wrong; for terms of at least seven letters.
    pub misspellings: bool,
}

impl From<&str> for Term {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), exact: false, misspellings: false }
    }
}

impl<'de> Deserialize<'de> for Term {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Long {
            text: String,
            #[serde(default)]
            exact: bool,
            #[serde(default)]
            misspellings: bool,
        }
        impl From<Long> for Term {
            fn from(long: Long) -> Self {
                Self { text: long.text, exact: long.exact, misspellings: long.misspellings }
            }
        }
        deserializer.deserialize_any(StringOr::<Self, Long> {
            expecting: "a term, or a map with `text` and optionally `exact` or `misspellings`",
            from_str: |text| text.into(),
            marker: std::marker::PhantomData,
        })
    }
}

/// Words that tell whether an ambiguous name is meant: in the configuration a string, or a map with `words` and
/// `near`.
#[derive(Clone, Debug, PartialEq)]
pub struct Context {
    /// A word or a phrase.
    pub words: String,
    /// At most this many words lie between it and the term; `None`: anywhere in the post.
    pub near: Option<u32>,
}

impl From<&str> for Context {
    fn from(words: &str) -> Self {
        Self { words: words.to_owned(), near: None }
    }
}

impl<'de> Deserialize<'de> for Context {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Long {
            words: String,
            #[serde(default)]
            near: Option<u32>,
        }
        impl From<Long> for Context {
            fn from(long: Long) -> Self {
                Self { words: long.words, near: long.near }
            }
        }
        deserializer.deserialize_any(StringOr::<Self, Long> {
            expecting: "words, or a map with `words` and `near` (a number of words)",
            from_str: |words| words.into(),
            marker: std::marker::PhantomData,
        })
    }
}

/// A string or a map: written out, because serde's untagged enums lose the place and the reason of an error.
struct StringOr<T, Long> {
    expecting: &'static str,
    from_str: fn(&str) -> T,
    marker: std::marker::PhantomData<Long>,
}

impl<'de, T: From<Long>, Long: Deserialize<'de>> Visitor<'de> for StringOr<T, Long> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expecting)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        Ok((self.from_str)(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        Long::deserialize(MapAccessDeserializer::new(map)).map(T::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_is_a_string_or_a_map() {
        let subject: Subject = serde_json::from_str(
            r#"{"name": "aurora", "kind": "own", "terms": ["Aurora", {"text": "Zorza", "exact": true}],
                "exclude": ["borealis", {"words": "night sky", "near": 5}]}"#,
        )
        .unwrap();
        assert_eq!(subject.terms[0], Term::from("Aurora"));
        assert!(subject.terms[1].exact);
        assert_eq!(subject.exclude[1].near, Some(5));
    }

    #[test]
    fn an_unknown_key_of_a_term_is_named() {
        let error =
            serde_json::from_str::<Term>(r#"{"text": "Zorza", "exakt": true}"#).unwrap_err().to_string();
        assert!(error.contains("exakt") && error.contains("exact"), "{error}");
    }
}
