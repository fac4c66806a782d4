//! English: plurals; the possessive's apostrophe separates, so that `'s` is added where a match ends.

use super::{Forms, is_vowel, stem};

pub(super) fn inflect(word: &str, forms: &mut Forms) {
    const IRREGULAR: &[(&str, &str)] = &[
        ("man", "men"),
        ("woman", "women"),
        ("child", "children"),
        ("person", "people persons"),
        ("foot", "feet"),
        ("tooth", "teeth"),
        ("goose", "geese"),
        ("mouse", "mice"),
        ("louse", "lice"),
        ("ox", "oxen"),
        ("die", "dice"),
        ("criterion", "criteria"),
        ("analysis", "analyses"),
        ("crisis", "crises"),
        ("cactus", "cacti"),
        ("datum", "data"),
    ];
    for (singular, plural) in IRREGULAR {
        if let Some(stem) = word.strip_suffix(singular)
            && (stem.is_empty() || matches!(*singular, "man" | "woman" | "child" | "person"))
        {
            for plural in plural.split(' ') {
                forms.add(stem, plural);
            }
        }
    }
    if let Some(stem) = stem(word, "y")
        && !stem.ends_with(is_vowel)
    {
        forms.add(stem, "ies");
    }
    for (ending, plural) in [("fe", "ves"), ("lf", "lves"), ("af", "aves"), ("arf", "arves")] {
        if let Some(stem) = stem(word, ending) {
            forms.add(stem, plural);
        }
    }
    if super::ends(word, &["s", "x", "z", "ch", "sh", "o"]) {
        forms.add(word, "es");
    }
    if !word.ends_with('s') {
        forms.add(word, "s");
    }
    if super::ends(word, &["z", "is", "us"]) && word.ends_with('z') {
        forms.add(word, "zes");
    }
}
