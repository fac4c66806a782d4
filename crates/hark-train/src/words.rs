//! The list of common words by which the matcher tells names from words that are written alike.

use std::collections::{BTreeSet, HashMap};

use hark_text::{fold, words::word_hash};

use crate::{corpus, data::LanguageExample};

/// A word is common when it stands in this many texts of one language, in small letters.
const LEAST_TEXTS: u32 = 3;

/// Words that are forms of names, too, and too rare in the texts.
const HOMOGRAPHS: &str = "marka marki markę marką marce marek paczka paczki paczkę paczką pączek pączka róża róży róże \
    jagoda jagody kalina kaliny malina maliny sława bogdan wiktoria wiktorii kaja olej oleje tomek tomka rom roman sol sala \
    lina liny iga hala hali hale mila mili lena pola poli poła gala gali dana dany dane danych bronka kama zorza zorzy \
    orange apple shell visa plus play era mars twix snickers bounty domestos gap boss next target subway";

/// The list, as hark-text reads it.
pub fn list(examples: &[LanguageExample]) -> Vec<u8> {
    let mut counts: HashMap<(&str, String), u32> = HashMap::new();
    for example in examples.iter().filter(|example| corpus::LANGUAGES.contains(&example.language.as_str())) {
        let words: BTreeSet<&str> = example
            .text
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| word.chars().count() > 1 && word.chars().all(char::is_lowercase))
            .collect();
        for word in words {
            *counts.entry((&example.language, word.to_owned())).or_default() += 1;
        }
    }
    // People leave diacritics out: "masina" is no word beside "mașină", while "har" is one beside "hår".
    let mut marked: HashMap<(&str, String), u32> = HashMap::new();
    for ((language, word), count) in counts.iter().filter(|((_, word), _)| !word.is_ascii()) {
        *marked.entry((language, fold(word))).or_default() += count;
    }
    let kept = |language: &str, word: &str, count: u32| {
        let key = (language, word.to_owned());
        count >= LEAST_TEXTS && (!word.is_ascii() || marked.get(&key).is_none_or(|marked| count >= *marked))
    };
    let listed = HOMOGRAPHS.split(' ').map(word_hash);
    let common: BTreeSet<u32> = counts
        .iter()
        .filter(|((language, word), count)| kept(language, word, **count))
        .map(|((_, word), _)| word_hash(word))
        .chain(listed)
        .collect();
    eprintln!("{} common words", common.len());
    common.into_iter().flat_map(u32::to_le_bytes).collect()
}
