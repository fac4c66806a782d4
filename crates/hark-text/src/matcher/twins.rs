//! Words that another word differs from by its diacritics only.

use std::{collections::HashMap, sync::LazyLock};

use crate::{
    forms::{self, Manner},
    languages::Languages,
};

static TWINS: LazyLock<HashMap<String, Languages>> = LazyLock::new(|| {
    let mut twins: HashMap<String, Languages> = HashMap::new();
    let mut language = Languages::NONE;
    for line in include_str!("../../lexicon/twins.txt").lines().filter(|line| !line.starts_with("#:")) {
        if let Some(heading) = line.strip_prefix("# ") {
            language = Languages::of(&[heading.to_owned()]);
            continue;
        }
        for word in line.split_whitespace() {
            let forms = match word.strip_prefix('=') {
                Some(form) => vec![form.to_owned()],
                None => {
                    let name = word.starts_with(char::is_uppercase);
                    forms::of(word, Manner { name, ..Manner::default() }, language).into_keys().collect()
                }
            };
            for form in forms {
                let known = twins.entry(form).or_default();
                *known = known.with(language);
            }
        }
    }
    twins
});

/// The languages in which a word, lower-case with its diacritics, is another one than those that it looks like.
pub(super) fn languages_of(word: &str) -> Languages {
    TWINS.get(word).copied().unwrap_or_default()
}
