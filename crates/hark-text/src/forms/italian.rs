//! Italian: plural, and the gender of adjectives and of words for people.

use super::{Forms, ends, stem};

pub(super) fn inflect(word: &str, phrase: bool, forms: &mut Forms) {
    const IRREGULAR: &[(&str, &str)] = &[
        ("uomo", "uomini"),
        ("uovo", "uova"),
        ("dio", "dei"),
        ("bue", "buoi"),
        ("mano", "mani"),
        ("dito", "dita"),
        ("braccio", "braccia"),
        ("paio", "paia"),
        ("moglie", "mogli"),
        ("tempio", "templi"),
        ("ala", "ali"),
        ("arma", "armi"),
        ("lenzuolo", "lenzuola"),
        ("osso", "ossa"),
        ("ginocchio", "ginocchia"),
        ("labbro", "labbra"),
        ("centinaio", "centinaia"),
        ("migliaio", "migliaia"),
        ("muro", "mura"),
        ("bello", "bel bei begli"),
        ("buono", "buon"),
        ("grande", "gran"),
        ("santo", "san"),
    ];
    if let Some((_, plural)) = IRREGULAR.iter().find(|(singular, _)| *singular == word) {
        forms.all(plural);
    }
    // Adjectives in a phrase agree; words for people have two genders.
    let adjective =
        phrase || ends(word, &["ico", "oso", "ivo", "ario", "tore", "iere", "ano", "ato", "atto", "ologo"]);
    if let Some(stem) = stem(word, "io") {
        forms.add(stem, "i ii");
        if phrase || ends(word, &["ario", "orio"]) {
            forms.add(stem, "ia ie");
        }
    } else if let Some(stem) = stem(word, "o") {
        forms.add(stem, "i");
        if ends(stem, &["c", "g"]) {
            forms.add(stem, "hi");
        }
        if adjective {
            forms.add(stem, if ends(stem, &["c", "g"]) { "a he" } else { "a e" });
        }
        if stem.ends_with("amic") {
            forms.add(stem, "a he");
        }
    } else if let Some(stem) = stem(word, "a") {
        forms.add(stem, "e");
        if ends(stem, &["c", "g"]) {
            forms.add(stem, "he hi");
        }
        if let Some(hard) = stem.strip_suffix('i').filter(|hard| ends(hard, &["c", "g", "sc"])) {
            forms.add(hard, "e");
        }
        if ends(word, &["ista", "ma", "ta", "cida"]) {
            forms.add(stem, "i");
        }
        if phrase {
            forms.add(stem, if ends(stem, &["c", "g"]) { "o i hi" } else { "o i" });
        }
    } else if let Some(stem) = stem(word, "e") {
        forms.add(stem, "i");
        if let Some(agent) = word.strip_suffix("tore") {
            forms.add(agent, "trice trici");
        }
        if let Some(agent) = word.strip_suffix("iere") {
            forms.add(agent, "iera iere");
        }
        if word.ends_with("ione") {
            return;
        }
        if phrase && ends(word, &["ne", "re", "le"]) {
            forms.add(stem, "-");
        }
    }
}
