//! What a larger model, fine-tuned on the same texts, says of their attitude: softer than a label, and of clauses and mixed posts, which
//! have none, what they want as well. `scripts/teach.py` makes the file; training needs no more than it.

use std::{collections::HashMap, fs, path::Path};

use anyhow::{Context, Result};

use crate::data::TagExample;

/// First bytes of the file: name and version of its format.
const MAGIC: &[u8; 8] = b"hkteach2";

/// What is said of a text: how likely it is negative, neutral, positive, and each of the intents.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Said {
    attitude: [f32; 3],
    intents: [f32; 8],
}

/// What is said, by the key of a text.
pub struct Teacher(HashMap<u32, Said>);

/// By which a text is found: few enough texts share one.
pub fn key(text: &str) -> u32 {
    let hash = blake3::hash(text.as_bytes());
    let [a, b, c, d, ..] = *hash.as_bytes();
    u32::from_le_bytes([a, b, c, d])
}

impl Teacher {
    /// Reads the file: the magic, the number of texts as `u32`, their keys, ascending, as `u32`, and for each the probabilities of
    /// negative and positive in 255ths, which intents have some, a bit for each from the lowest, and theirs; all little-endian.
    pub fn read(path: &Path) -> Result<Self> {
        let missing =
            || format!("cannot read {}: --teacher names what scripts/teach.py made", path.display());
        let bytes = fs::read(path).with_context(missing)?;
        Self::parse(&bytes)
            .with_context(|| format!("{} is damaged: make it again with scripts/teach.py", path.display()))
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (count, rest) = bytes.strip_prefix(MAGIC)?.split_first_chunk::<4>()?;
        let (keys, rest) = rest.split_at_checked(4 * u32::from_le_bytes(*count) as usize)?;
        let mut parts = rest.iter().map(|part| f32::from(*part) / 255.0);
        let mut all = HashMap::new();
        for key in keys.as_chunks::<4>().0 {
            let (negative, positive) = (parts.next()?, parts.next()?);
            let has = (parts.next()? * 255.0) as u8;
            let mut intents = [0.0; 8];
            for (_, intent) in intents.iter_mut().enumerate().filter(|(at, _)| has >> at & 1 == 1) {
                *intent = parts.next()?;
            }
            let attitude = [negative, (1.0 - negative - positive).max(0.0), positive];
            all.insert(u32::from_le_bytes(*key), Said { attitude, intents });
        }
        parts.next().is_none().then_some(Self(all))
    }

    /// Tells each example what it says of it, but for posts of the corpus and a firm's own, whose labels are trusted; clauses and mixed
    /// posts of which it says nothing are left out.
    pub fn teach(&self, examples: &mut Vec<TagExample>) {
        for example in examples.iter_mut().filter(|example| !example.is_trusted()) {
            let said = self.0.get(&key(&example.text));
            example.taught = said.map(|said| said.attitude);
            example.taught_intents = said.filter(|_| example.is_made()).map(|said| said.intents);
        }
        let all = examples.len();
        examples.retain(|example| !example.is_made() || example.taught.is_some());
        let taught = examples.iter().filter(|example| example.taught.is_some()).count();
        eprintln!(
            "teacher: speaks of {taught} of {} texts, not of {} clauses and mixed posts more",
            examples.len(),
            all - examples.len()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clauses::CLAUSE,
        data::{CORPUS, EXTRA},
        mixed::MIXED,
    };

    #[test]
    fn what_the_teacher_says_is_found_by_the_text_and_a_damaged_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("teacher.bin");
        let mut bytes = [MAGIC.as_slice(), &2_u32.to_le_bytes()].concat();
        bytes.extend(["dreadful", "where?"].into_iter().flat_map(|text| key(text).to_le_bytes()));
        bytes.extend([204, 51, 0b10, 255, 0, 0, 0b1000_0100, 102, 51]);
        fs::write(&path, &bytes).unwrap();
        let teacher = Teacher::read(&path).unwrap();
        let said = |text: &str| teacher.0.get(&key(text)).map(|said| (said.attitude, said.intents));
        let (complaint, question) =
            ([0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.4, 0.0, 0.0, 0.0, 0.0, 0.2]);
        assert_eq!(said("dreadful"), Some(([0.8, 0.0, 0.2], complaint)));
        assert_eq!(said("where?"), Some(([0.0, 1.0, 0.0], question)));
        assert_eq!(said("lovely"), None);

        let longer = [bytes.clone(), vec![0]].concat();
        for damaged in [&bytes[..bytes.len() - 1], &bytes[..16], &bytes[..3], &longer] {
            fs::write(&path, damaged).unwrap();
            let error = Teacher::read(&path).err().unwrap().to_string();
            assert!(
                error.ends_with("teacher.bin is damaged: make it again with scripts/teach.py"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_label_that_is_trusted_stays_and_a_clause_that_was_never_asked_about_goes() {
        let example = |set: &str, text: &str| TagExample::unlabelled(set, "en", text);
        let said = Said { attitude: [1.0, 0.0, 0.0], intents: [0.5; 8] };
        let teacher = Teacher(["fine", "ok", "so so"].map(|text| (key(text), said)).into());
        let mut examples = vec![
            TagExample { corpus: true, ..example(CORPUS, "fine") },
            example(EXTRA, "fine"),
            example("redv1", "fine"),
            example(CLAUSE, "ok"),
            example(CLAUSE, "never asked"),
            example(MIXED, "so so"),
            example(MIXED, "never asked either"),
        ];
        teacher.teach(&mut examples);
        let taught: Vec<_> = examples
            .iter()
            .map(|example| (example.taught.is_some(), example.taught_intents.is_some()))
            .collect();
        let (trusted, public, made) = ((false, false), (true, false), (true, true));
        assert_eq!(taught, [trusted, trusted, public, made, made]);
    }
}
