//! Italian: plural, and the gender of adjectives and of words for people.

use super::{Forms, Manner, ends, stem};

pub(super) fn inflect(word: &str, manner: Manner, forms: &mut Forms) -> bool {
    // People have no plural: Anne is not Anna, and Mari not Mario.
    if manner.person {
        return false;
    }
    // Names do not agree with anything.
    let phrase = manner.phrase && !manner.name;
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
        ("ciglio", "ciglia"),
        ("corno", "corna"),
        ("filo", "fila"),
        ("fondamento", "fondamenta"),
        ("frutto", "frutta"),
        ("grido", "grida"),
        ("membro", "membra"),
        ("urlo", "urla"),
        ("superficie", "superfici"),
        ("belga", "belgi"),
        ("bello", "bel bei begli"),
        ("buono", "buon"),
        ("grande", "gran"),
        ("santo", "san"),
        ("professore", "professoressa professoresse"),
        ("dottore", "dottoressa dottoresse"),
        ("studente", "studentessa studentesse"),
        ("avvocato", "avvocata avvocate avvocatessa"),
        ("poeta", "poetessa"),
        ("signore", "signora signore"),
    ];
    let irregular = IRREGULAR.iter().find(|(singular, _)| *singular == word);
    if let Some((_, plural)) = irregular {
        forms.all(plural);
    }
    regular(word, phrase, manner.name, forms);
    irregular.is_some() || !manner.name && has_both_genders(word)
}

/// Words for people and animals, and adjectives, that have a feminine; of others what looks like one is another word: banco, banca.
const OF_BOTH_GENDERS: &str = "alunno bambino bello bianco biologo biondo bravo brutto buono caldo caro cattivo cognato \
    commesso compagno cugino cuoco figlio freddo fidanzato gatto grigio infermiero italiano lungo lupo maestro mago ministro nipotino \
    nonno nuovo operaio orso polacco portinaio postino ragazzo rumeno sarto scolaro sindaco sposo \
    straniero suocero tedesco usato vecchio vedovo vicino zio";

fn has_both_genders(word: &str) -> bool {
    OF_BOTH_GENDERS.split_whitespace().any(|known| known == word)
}

fn regular(word: &str, phrase: bool, name: bool, forms: &mut Forms) {
    // Adjectives in a phrase agree; words for people have two genders.
    let of_both = !name && has_both_genders(word);
    let adjective = phrase
        || of_both
        || !name && ends(word, &["ico", "oso", "ivo", "ario", "tore", "iere", "ano", "ato", "atto", "ologo"]);
    if let Some(stem) = stem(word, "io") {
        forms.add(stem, "i ii");
        if phrase || of_both || !name && ends(word, &["ario", "orio"]) {
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
        forms.add(stem, if ends(stem, &["c", "g"]) { "he" } else { "e" });
        if ends(word, &["collega", "stratega", "iarca", "narca", "duca"]) {
            // The masculine ones; `banchi` are none of the `banca`.
            forms.add(stem, "hi");
        }
        if let Some(hard) = stem.strip_suffix('i').filter(|hard| ends(hard, &["c", "g", "sc"])) {
            forms.add(hard, "e");
        }
        if ends(word, &["ista", "ma", "eta", "ota", "auta", "cida", "iatra"]) {
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
