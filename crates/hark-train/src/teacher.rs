//! What a larger model, fine-tuned on the same texts, says of their attitude: softer than a label, and of their clauses, which have
//! none. `scripts/teach.py` makes the file; training needs no more than it.

use std::{collections::HashMap, fs, path::Path};

use anyhow::{Context, Result, ensure};

use crate::{clauses::CLAUSE, data::TagExample};

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
        let missing =
            || format!("cannot read {}: --teacher names what scripts/teach.py made", path.display());
        let bytes = fs::read(path).with_context(missing)?;
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

    /// Tells each example what it says of it, but for posts of the corpus and a firm's own, whose labels are trusted; clauses of which it
    /// says nothing are left out.
    pub fn teach(&self, examples: &mut Vec<TagExample>) {
        for example in examples.iter_mut().filter(|example| !example.of_firms()) {
            example.taught = self.of(&example.text);
        }
        let all = examples.len();
        examples.retain(|example| example.set != CLAUSE || example.taught.is_some());
        let taught = examples.iter().filter(|example| example.taught.is_some()).count();
        eprintln!(
            "teacher: speaks of {taught} of {} texts, not of {} clauses more",
            examples.len(),
            all - examples.len()
        );
    }

    /// What it says of a text that it has seen.
    fn of(&self, text: &str) -> Option<[f32; 3]> {
        self.0.get(&key(text)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::EXTRA;

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
    #[test]
    fn a_label_that_is_trusted_stays_and_a_clause_that_was_never_asked_about_goes() {
        let example = |set: &str, text: &str| TagExample::unlabelled(set, "en", text);
        let said = [1.0, 0.0, 0.0];
        let teacher = Teacher([("fine", said), ("ok", said)].map(|(text, said)| (key(text), said)).into());
        let mut examples = vec![
            TagExample { corpus: true, ..example("corpus", "fine") },
            example(EXTRA, "fine"),
            example("redv1", "fine"),
            example(CLAUSE, "ok"),
            example(CLAUSE, "never asked"),
        ];
        teacher.teach(&mut examples);
        let taught: Vec<_> = examples.iter().map(|example| example.taught).collect();
        assert_eq!(taught, [None, None, Some(said), Some(said)]);
    }
}
