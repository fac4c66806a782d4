//! Clauses of the texts, as examples of their own: which words carry attitude is told better of few than of many.

use std::collections::HashSet;

use crate::{corpus::LANGUAGES, data::TagExample};

/// Name of their set.
pub const CLAUSE: &str = "clause";

/// Words of a clause that is worth asking about.
const CLAUSE_WORDS: std::ops::RangeInclusive<usize> = 3..=25;

/// The clauses of texts in the five languages, each once.
pub fn clauses(examples: &[TagExample]) -> Vec<TagExample> {
    let mut seen: HashSet<&str> = examples.iter().map(|example| example.text.as_str()).collect();
    let mut clauses = Vec::new();
    for example in examples.iter().filter(|example| LANGUAGES.contains(&example.language.as_str())) {
        for clause in clauses_of(&example.text) {
            if CLAUSE_WORDS.contains(&clause.split_whitespace().count()) && seen.insert(clause) {
                let clause = TagExample::unlabelled(CLAUSE, &example.language, clause);
                clauses.push(TagExample { origin: example.origin, ..clause });
            }
        }
    }
    clauses
}

/// A text, split after the words that end in a mark.
fn clauses_of(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut marked = false;
        let end = rest.find(|next: char| {
            let ends = marked && next.is_whitespace();
            marked = matches!(next, '.' | '!' | '?' | ';' | ':' | ',' | '…');
            ends
        });
        let clause;
        (clause, rest) = rest.split_at(end.unwrap_or(rest.len()));
        (!clause.is_empty()).then(|| clause.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::teacher::key;

    #[test]
    fn a_text_is_split_after_marks_and_nowhere_else() {
        let told: Vec<_> =
            clauses_of("Costs 2.50, I know… but the U.S. shop was shut!!  Never again").collect();
        assert_eq!(told, ["Costs 2.50,", "I know…", "but the U.S.", "shop was shut!!", "Never again"]);
        assert_eq!(clauses_of("").count(), 0);
    }

    #[test]
    fn clauses_come_once_and_only_where_a_text_has_several() {
        let whole = |text| TagExample::unlabelled("corpus", "en", text);
        let examples = [
            whole("the bread was stale, the staff was kind to us, ok"),
            whole("the staff was kind to us, and so on it went"),
            whole("one clause of five words"),
        ];
        let clauses = clauses(&examples);
        let told: Vec<_> = clauses.iter().map(|clause| &*clause.text).collect();
        assert_eq!(told, ["the bread was stale,", "the staff was kind to us,", "and so on it went"]);
        assert_eq!(clauses[1].origin, key(&examples[0].text));
    }
}
