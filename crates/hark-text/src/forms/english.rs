//! English: plurals; the possessive's apostrophe separates, so that `'s` is added where a match ends.

use super::{Forms, is_vowel, stem};

pub(super) fn inflect(word: &str, forms: &mut Forms) -> bool {
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
        ("dormouse", "dormice"),
        ("penny", "pence"),
        ("thief", "thieves"),
        ("sheaf", "sheaves"),
        ("hoof", "hooves"),
        ("elf", "elves"),
        ("criterion", "criteria"),
        ("phenomenon", "phenomena"),
        ("automaton", "automata"),
        ("analysis", "analyses"),
        ("crisis", "crises"),
        ("diagnosis", "diagnoses"),
        ("hypothesis", "hypotheses"),
        ("oasis", "oases"),
        ("synthesis", "syntheses"),
        ("thesis", "theses"),
        ("cactus", "cacti"),
        ("fungus", "fungi"),
        ("nucleus", "nuclei"),
        ("radius", "radii"),
        ("stimulus", "stimuli"),
        ("syllabus", "syllabi"),
        ("datum", "data"),
        ("bacterium", "bacteria"),
        ("curriculum", "curricula"),
        ("medium", "media"),
        ("memorandum", "memoranda"),
        ("millennium", "millennia"),
        ("stratum", "strata"),
        ("appendix", "appendices"),
        ("codex", "codices"),
        ("index", "indices"),
        ("matrix", "matrices"),
        ("vertex", "vertices"),
        ("vortex", "vortices"),
        ("antenna", "antennae"),
        ("formula", "formulae"),
        ("larva", "larvae"),
        ("nebula", "nebulae"),
        ("vertebra", "vertebrae"),
    ];
    let mut irregular = false;
    for (singular, plural) in IRREGULAR {
        if let Some(stem) = word.strip_suffix(singular)
            && (stem.is_empty() || matches!(*singular, "man" | "child" | "person") && stem.len() > 2)
        {
            irregular |= stem.is_empty();
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
    if word.ends_with('z') {
        forms.add(word, "zes");
    }
    irregular
}
