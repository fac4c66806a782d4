//! Swedish: definite and plural, each with its genitive; compounds are found by the matcher.

use super::{Forms, Manner, ends, is_vowel, stem};
use crate::{languages::Languages, words};

pub(super) fn inflect(word: &str, manner: Manner, forms: &mut Forms) -> bool {
    match manner {
        Manner { person: true, .. } => {}
        // Of a product one may have two: `Skogilar`.
        Manner { name: true, product: true, .. } if word.ends_with(is_vowel) => {
            forms.add(word, "n t r rna er erna");
        }
        Manner { name: true, product: true, .. } => forms.add(word, "en et ar arna er erna"),
        // A brand is definite at most: `Volvon`.
        Manner { name: true, .. } if word.ends_with(is_vowel) => forms.add(word, "n t"),
        Manner { name: true, .. } => forms.add(word, "en et"),
        Manner { phrase, .. } => {
            nouns(word, forms);
            if phrase {
                adjectives(word, forms);
            }
        }
    }
    forms.made.insert(word.to_owned());
    let genitives: Vec<String> =
        forms.made.iter().filter(|form| !ends(form, &["s", "x", "z"])).cloned().collect();
    for form in genitives {
        forms.add(&form, "s");
    }
    CHANGED.iter().any(|(ending, _)| *ending == word)
}

/// The forms of the two nouns that are one letter.
pub(super) fn of_one_letter(word: &str) -> impl Iterator<Item = &'static str> {
    let forms = match word {
        "ö" => "ön öns öar öars öarna öarnas",
        "å" => "ån åns åar åars åarna åarnas",
        _ => "",
    };
    forms.split_whitespace()
}

/// Plurals with another vowel, by the end of the word: they are the last part of compounds.
const CHANGED: &[(&str, &str)] = &[
    ("stad", "städer städerna stan"),
    ("bok", "böcker böckerna"),
    ("hand", "händer händerna"),
    ("natt", "nätter nätterna"),
    ("rot", "rötter rötterna"),
    ("fot", "fötter fötterna"),
    ("strand", "stränder stränderna"),
    ("tand", "tänder tänderna"),
    ("land", "länder länderna"),
    ("rand", "ränder ränderna"),
    ("kraft", "krafter"),
    ("tång", "tänger tängerna"),
    ("son", "söner sönerna"),
    ("man", "män männen mannen"),
    ("gås", "gäss gässen"),
    ("mus", "möss mössen"),
    ("lus", "löss lössen"),
    ("nöt", "nötter nötterna"),
    ("get", "getter getterna"),
    ("hammare", "hamrar hamrarna"),
    ("kammare", "kamrar kamrarna"),
    ("centrum", "centret centra centren"),
    ("bonde", "bönder bönderna"),
    ("hjärta", "hjärtan hjärtana"),
    ("öga", "ögon ögonen ögat"),
    ("öra", "öron öronen örat"),
    ("dotter", "döttrar döttrarna"),
    ("moder", "mödrar mödrarna"),
    ("mor", "modern mödrar mödrarna"),
    ("bror", "brodern bröder bröderna"),
    ("far", "fadern fäder fäderna"),
    ("ledamot", "ledamöter"),
    ("and", "änder"),
    ("tand", "tänder"),
    ("spång", "spänger"),
    ("stång", "stänger stängerna"),
    ("sommar", "somrar somrarna"),
    ("nyckel", "nycklar nycklarna"),
    ("hållplats", "hållplatser"),
    ("kö", "köer köerna"),
    ("gammal", "gamla"),
    ("liten", "litet lilla små"),
];

/// The endings of words that take some only, for others would make a verb of them (`De svarar`, `hon bokar`) or another
/// noun (`bröder`): which plural a noun has its letters do not tell.
const DECLINED: &[Declined] = &[
    // Neuters that are alike in both numbers.
    Declined {
        endings: "et en",
        last: &[
            "svar", "köp", "spel", "lån", "tåg", "hus", "bröd", "bolag", "slag", "samtal", "avtal", "antal",
            "jobb", "skydd", "stopp", "besök", "beslut", "bråk", "larm", "mejl", "mail", "tips", "namn",
            "ljus", "krav", "skott", "skratt",
        ],
        whole: &[
            "tal", "ben", "kort", "bord", "pass", "mål", "spår", "hot", "hopp", "prat", "snack", "stöd",
            "tryck",
        ],
    },
    // Of the law; a team has no plural, and who cooks `lagar`.
    Declined { endings: "et en arna", last: &[], whole: &["lag"] },
    Declined {
        endings: "n t na", last: &["arbete", "möte", "märke", "läge", "byte", "minne"], whole: &[]
    },
    // Plural in -er, not in -ar.
    Declined {
        endings: "en et er erna",
        last: &[
            "pris", "fil", "film", "test", "dans", "fest", "färg", "match", "röst", "text", "bild",
            "kontakt", "plats", "post", "bank", "start",
        ],
        whole: &["form", "kurs", "last", "park", "sport", "klass"],
    },
    // With another vowel in the plural: see above.
    Declined {
        endings: "en et",
        last: &["bok", "hand", "natt", "land", "strand", "tand", "stad"],
        whole: &["fot", "rot", "lus", "get"],
    },
    // Plural in -or, for who dares `vågar` and who praises `rosar`.
    Declined { endings: "en or orna", last: &["våg"], whole: &["ros"] },
    // Without a plural.
    Declined { endings: "en", last: &["hjälp"], whole: &["mat"] },
];

struct Declined {
    endings: &'static str,
    /// Also as the last part of a compound.
    last: &'static [&'static str],
    /// Other words end so: `automat`, `portal`.
    whole: &'static [&'static str],
}

fn nouns(word: &str, forms: &mut Forms) {
    for (ending, plurals) in CHANGED {
        if let Some(before) = word.strip_suffix(ending) {
            for plural in plurals.split(' ') {
                forms.add(before, plural);
            }
        }
    }
    if let Some(known) = DECLINED.iter().find(|known| known.whole.contains(&word) || ends(word, known.last)) {
        forms.add(word, known.endings);
        return;
    }
    if let Some(stem) = stem(word, "a") {
        forms.add(word, "n");
        forms.add(stem, "or orna");
        forms.add(stem, "an");
        // "hjärta": one of few.
        forms.add(word, "t");
        return;
    }
    if let Some(stem) = stem(word, "are") {
        forms.add(stem, "are aren arna");
        return;
    }
    if let Some(stem) = stem(word, "e") {
        forms.add(word, "n t");
        forms.add(stem, "ar arna en ena");
        forms.add(word, "n na r rna");
        return;
    }
    if word.ends_with(is_vowel) {
        forms.add(word, "n t et r rna er erna na en ar arna");
        return;
    }
    if let Some(base) = fleeting(word) {
        forms.add(&base, "en et ar arna en er erna or ena");
        forms.add(word, "n na ar arna");
    }
    if ends(word, &["ar", "er", "or"]) {
        // A plural: `skor`.
        forms.add(word, "na");
    }
    if ends(word, &["or"]) {
        forms.add(word, "n er erna");
    }
    // A short vowel before m or n: rum, rummet.
    let last = word.chars().last().filter(|c| matches!(c, 'm' | 'n'));
    let short = last.filter(|_| word.chars().rev().nth(1).is_some_and(is_vowel));
    let mut stems = vec![word.to_owned()];
    stems.extend(short.map(|last| format!("{word}{last}")));
    // The one that is known with the article: no `vinnet`.
    if stems.iter().any(|stem| is_definite(stem)) {
        stems.retain(|stem| is_definite(stem));
    }
    for stem in stems {
        forms.add(&stem, regular(&stem));
    }
    if let Some(stem) = stem(word, "ium").or_else(|| super::stem(word, "eum")) {
        let vowel = if word.ends_with("ium") { "i" } else { "e" };
        forms.add(&format!("{stem}{vowel}"), "et er erna");
    }
}

/// Whether a stem is known with the article: what a noun's gender is, and whether it doubles its last letter.
fn is_definite(stem: &str) -> bool {
    knows(stem, "en") || knows(stem, "et")
}

fn knows(stem: &str, ending: &str) -> bool {
    words::common_in(&format!("{stem}{ending}")).meets(Languages::SV)
}

/// The endings of a noun: those of all plurals, but where one is known not the others, which may be verbs: `bildar`, `väger`.
fn regular(stem: &str) -> &'static str {
    match (knows(stem, "arna"), knows(stem, "erna")) {
        (true, false) => "en et ar arna",
        (false, true) => "en et er erna",
        (false, false) if knows(stem, "et") && !knows(stem, "er") => "en et er erna",
        _ => "en et ar arna er erna",
    }
}

/// `cykel` and `cykl-`, `fönster` and `fönstr-`, `vatten` and `vattn-`.
fn fleeting(word: &str) -> Option<String> {
    for (ending, consonant) in [("el", "l"), ("er", "r"), ("en", "n")] {
        if let Some(stem) = stem(word, ending) {
            let doubled = stem.len() > 2 && stem.ends_with("mm");
            let stem = if doubled { &stem[..stem.len() - 1] } else { stem };
            return Some(format!("{stem}{consonant}"));
        }
    }
    None
}

fn adjectives(word: &str, forms: &mut Forms) {
    forms.add(word, "a t e");
    if word.ends_with(is_vowel) {
        forms.add(word, "tt");
    }
    if let Some(stem) = stem(word, "ad") {
        forms.add(stem, "at ade");
    }
    if let Some(stem) = stem(word, "d") {
        forms.add(stem, "tt t");
    }
    if let Some(stem) = stem(word, "al") {
        forms.add(stem, "la");
    }
    if let Some(stem) = stem(word, "en") {
        forms.add(stem, "et na");
    }
    if let Some(base) = fleeting(word) {
        forms.add(&base, "a e");
    }
    if let Some(stem) = stem(word, "a") {
        forms.add(stem, "- t e");
    }
    if let Some(stem) = stem(word, "t") {
        // `stort hus`, `nytt kök`, `gott kaffe`
        forms.add(stem, "- a");
        if let Some(stem) = stem.strip_suffix('t') {
            forms.add(stem, "- a d da");
        }
    }
}
