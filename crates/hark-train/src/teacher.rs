//! What a larger model, fine-tuned on the same texts, says of their attitude: softer than a label, and of their clauses, which have
//! none. `scripts/teach.py` makes the file; training needs no more than it.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::Path,
};

use anyhow::{Context, Result, ensure};

use crate::{
    corpus::LANGUAGES,
    data::{CLAUSE, TagExample},
};

/// First bytes of the file: name and version of its format.
const MAGIC: &[u8; 8] = b"hkteach1";

/// Probabilities of negative, neutral and positive by the key of a text.
pub struct Teacher(HashMap<u32, [f32; 3]>);

/// By which a text is found: few enough texts share one.
pub fn key(text: &str) -> u32 {
    let hash = blake3::hash(text.as_bytes());
    let [a, b, c, d, ..] = *hash.as_bytes();
    u32::from_le_bytes([a, b, c, d])
}

impl Teacher {
    /// Reads the file: the magic, the number of texts as `u32`, their keys, ascending, as `u32`, and for each the probabilities of
    /// negative and positive in 255ths; all little-endian.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let damaged = || format!("{} is damaged: make it again with scripts/teach.py", path.display());
        let rest = bytes.strip_prefix(MAGIC).with_context(damaged)?;
        let (count, rest) = rest.split_first_chunk::<4>().with_context(damaged)?;
        let count = u32::from_le_bytes(*count) as usize;
        ensure!(rest.len() == 6 * count, damaged());
        let (keys, said) = rest.split_at(4 * count);
        let keys = keys.as_chunks::<4>().0.iter().map(|key| u32::from_le_bytes(*key));
        let said = said.as_chunks::<2>().0.iter().map(|said| {
            let [negative, positive] = said.map(|part| f32::from(part) / 255.0);
            [negative, (1.0 - negative - positive).max(0.0), positive]
        });
        Ok(Self(keys.zip(said).collect()))
    }

    /// Tells each example what it says of it, but for posts of the corpus, whose labels are trusted; clauses of which it says nothing are
    /// left out.
    pub fn teach(&self, examples: &mut Vec<TagExample>) {
        for example in examples.iter_mut().filter(|example| !example.corpus) {
            example.taught = self.of(&example.text);
        }
        examples.retain(|example| example.set != CLAUSE || example.taught.is_some());
        let taught = examples.iter().filter(|example| example.taught.is_some()).count();
        eprintln!("teacher: speaks of {taught} of {} texts", examples.len());
    }

    /// What it says of a text that it has seen.
    fn of(&self, text: &str) -> Option<[f32; 3]> {
        self.0.get(&key(text)).copied()
    }
}

/// Words of a clause that is worth asking about.
const CLAUSE_WORDS: std::ops::RangeInclusive<usize> = 3..=25;

/// The clauses of texts in the five languages: which words carry attitude is told better of few than of many.
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

    #[test]
    fn what_the_teacher_says_is_found_by_the_text_and_a_damaged_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("teacher.bin");
        let mut bytes = [MAGIC.as_slice(), &1_u32.to_le_bytes(), &key("dreadful").to_le_bytes()].concat();
        bytes.extend([204, 51]);
        fs::write(&path, &bytes).unwrap();
        let teacher = Teacher::read(&path).unwrap();
        assert_eq!(teacher.of("dreadful"), Some([0.8, 0.0, 0.2]));
        assert_eq!(teacher.of("lovely"), None);

        fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        let error = Teacher::read(&path).err().unwrap().to_string();
        assert!(error.ends_with("teacher.bin is damaged: make it again with scripts/teach.py"), "{error}");
    }
}
