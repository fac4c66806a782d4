//! Romanian: enclitic article, number and case, with the changes of the stem.

use super::{Forms, Manner, ends, is_vowel, stem, with_vowel};

pub(super) fn inflect(word: &str, manner: Manner, forms: &mut Forms) -> bool {
    if manner.person && manner.phrase {
        person(word, forms);
        return false;
    }
    // Names do not agree with anything.
    let phrase = manner.phrase && !manner.name;
    const IRREGULAR: &[(&str, &str)] = &[
        ("om", "omul omului oameni oamenii oamenilor"),
        ("soră", "sora surorii surori surorile surorilor"),
        ("noră", "nora nurorii nurori"),
        ("mână", "mâna mâinii mâini mâinile mâinilor"),
        ("zi", "ziua zilei zile zilele zilelor"),
        ("nou", "nouă noi nouă noile noii noilor noul noului"),
        ("nouă", "noi noua nou noul noile noii noilor"),
        ("ochi", "ochiul ochiului ochii ochilor"),
        ("vechi", "veche vechi vechii vechile vechea vechilor vechiul"),
        ("bun", "bună bune buni bunul buna bunii bunele"),
        ("piele", "pielea pielii piei pieile"),
        ("cap", "capete capetele capetelor"),
        ("ou", "oul oului ouă ouăle ouălor"),
        ("sânge", "sângele sângelui"),
        ("tată", "tata tatăl tatălui"),
        ("frate", "fratele fratelui frați frații fraților"),
        ("fiu", "fiul fiului fiii fiilor"),
    ];
    // English words: the e is not heard.
    if ends(word, &["service", "office", "software", "smartphone", "online"]) {
        forms.add(word, "ul ului uri urile urilor");
        return true;
    }
    let irregular = IRREGULAR.iter().find(|(base, _)| *base == word);
    if let Some((_, all)) = irregular {
        forms.all(all);
    }
    match word.chars().last() {
        Some('ă') => feminine(&word[..word.len() - 'ă'.len_utf8()], forms),
        Some('a') => ending_in_a(word, forms),
        Some('e') => ending_in_e(word, forms),
        Some('u') => ending_in_u(word, forms),
        Some('i' | 'o' | 'y') => {
            forms.add(word, "ul ului uri urile urilor l lui i ii ilor lor");
            if ends(word, &["oi"]) {
                // `război`, `războaie`
                forms.add(&word[..word.len() - "oi".len()], "oaie oaiele oaielor");
            }
            if let Some(stem) = stem(word, "i") {
                // Towns in the plural: Iașul, Iașului.
                forms.add(stem, "ul ului");
            }
            if let Some(stem) = stem(word, "ii") {
                // Codrii, Codrilor
                forms.add(stem, "ilor");
            }
        }
        Some(_) => consonant(word, phrase, forms),
        None => {}
    }
    irregular.is_some()
}

/// First name or surname beside the other: without the plural, which may be another name (`Daniele`).
fn person(word: &str, forms: &mut Forms) {
    match word.chars().last() {
        Some('a' | 'ă') => {
            let stem = word.trim_end_matches(['a', 'ă']);
            // Ioanei, Mariei, Mircei; Ancăi, Olgăi, and in speech Anchii, Olghii. No vocative: Ilario is no Ilaria.
            forms.add(stem, "a ă ei ăi");
            if ends(stem, &["e", "i"]) {
                forms.add(stem, "i");
                forms.add(&stem[..stem.len() - 1], "ei");
            }
            if ends(stem, &["c", "g"]) {
                forms.add(stem, "hii");
            }
        }
        Some('u') => forms.add(word, "l lui le"),
        Some(last) if is_vowel(last) || last == 'y' => forms.add(word, "ul ului"),
        Some(_) => forms.add(word, "ul ului ule e"),
        None => {}
    }
}

/// Stems of feminine nouns with a plural in -uri: mass nouns and few others.
const PLURAL_IN_URI: &[&str] =
    &["marf", "mărf", "treab", "treb", "lips", "ceart", "cert", "iarb", "ierb", "blan", "blăn", "lân"];

/// `fată`, `mașină`, `stradă`: stem without the vowel.
fn feminine(stem: &str, forms: &mut Forms) {
    if let Some(mass) = stem.strip_suffix("eaț") {
        // `gheață`, `ghețuri`
        forms.add(mass, "ețuri ețurile ețurilor");
    }
    for stem in vowels(stem) {
        forms.add(&stem, "ă a ei e ele elor i ii ile ilor");
        if PLURAL_IN_URI.iter().any(|end| stem.ends_with(end)) {
            forms.add(&stem, "uri urile urilor");
        }
        for soft in softened(&stem) {
            forms.add(&soft, "i ii ile ilor");
        }
    }
}

fn ending_in_a(word: &str, forms: &mut Forms) {
    if let Some(stem) = stem(word, "ea") {
        forms.add(stem, "eaua elei ele elele elelor");
        // With the article: marea, mării; Calea, Căii.
        for changed in vowels(stem) {
            for soft in softened(&changed).into_iter().chain([changed]) {
                forms.add(&soft, "ii");
            }
        }
    }
    if let Some(stem) = stem(word, "ia") {
        forms.add(stem, "iei ii iile iilor ie");
        // Baia, Băii
        vowels(stem).iter().for_each(|changed| forms.add(changed, "ii"));
    }
    let stem = &word[..word.len() - 1];
    forms.add(stem, "ei e ele elor ii i ile ilor ă ua");
    for changed in vowels(stem) {
        // Piața, Pieței
        forms.add(&changed, "ei e ele elor");
        for soft in softened(&changed).into_iter().chain([changed]) {
            forms.add(&soft, "i ii ile ilor");
        }
    }
}

fn ending_in_e(word: &str, forms: &mut Forms) {
    if let Some(stem) = word.strip_suffix("aie") {
        // `ploaie`, `ploi`; `baie`, `băi`: the i of the plural is the stem's.
        let vowel = if stem.ends_with('o') { "" } else { "ă" };
        forms.add(&format!("{stem}{vowel}"), "i ii ile ilor");
    }
    if let Some(stem) = stem(word, "ie") {
        // `sanie`, `sănii`
        for stem in vowels(stem) {
            forms.add(&stem, "ii iile iilor");
        }
        // `farmacie`; after a vowel the i of the plural is the stem's: `cheie`, `chei`.
        forms.add(stem, if stem.ends_with(is_vowel) { "ia ii i ile ilor" } else { "ia iei ii iile iilor" });
    }
    if let Some(stem) = stem(word, "le") {
        // Muntele, Muntelui; Florile, Florilor
        forms.add(stem, "lui lor");
    }
    let stem = &word[..word.len() - 1];
    // A foreign e that is not heard takes the article of a consonant: `service-ul`, `serviceul`.
    forms.add(word, "a le lui ul ului");
    for stem in vowels(stem) {
        forms.add(&stem, "i ii ile ilor ea ele elor uri urile urilor");
        for soft in softened(&stem) {
            forms.add(&soft, "i ii ile ilor");
        }
    }
}

fn ending_in_u(word: &str, forms: &mut Forms) {
    forms.add(word, "l lui ri rile rilor");
    let stem = &word[..word.len() - 1];
    forms.add(stem, "i ii ilor e ele elor ile ă a ei");
    for soft in softened(stem) {
        forms.add(&soft, "i ii ilor");
    }
    if let Some(stem) = super::stem(word, "iu") {
        forms.add(stem, "ii iile iilor ie ia iei i");
    }
}

fn consonant(word: &str, phrase: bool, forms: &mut Forms) {
    forms.add(word, "ul ului ule uri urile urilor i ii ilor e ele elor");
    if word.ends_with("ul") {
        // Râul, Râului
        forms.add(word, "ui");
    }
    for stem in vowels(word) {
        forms.add(&stem, "e ele elor i ii ilor");
        for soft in softened(&stem) {
            forms.add(&soft, "i ii ilor");
        }
    }
    let adjective = phrase || ends(word, &["esc", "tor", "os", "ist", "an", "ean"]);
    if !adjective {
        return;
    }
    if phrase {
        for stem in vowels(word) {
            forms.add(&stem, "ă a ei e ele elor");
        }
    }
    if let Some(stem) = stem(word, "esc") {
        forms.add(stem, "ească ești eștii eștilor ească easca eștile");
    }
    if let Some(stem) = stem(word, "tor") {
        forms.add(stem, "toare toarea toarei toarele toarelor tori torii torilor");
    }
    if let Some(stem) = stem(word, "os") {
        forms.add(stem, "oasă oasa oase oasei oasele oși oșii oșilor");
    }
    if let Some(stem) = stem(word, "ean") {
        forms.add(stem, "eană ence eni enii");
    }
}

/// A stem with the vowels that change in the plural: `fat-` and `fet-`, `școal-` and `școl-`, `stradă` and `străz-`.
fn vowels(stem: &str) -> Vec<String> {
    let mut all = vec![stem.to_owned()];
    for (from, to) in [("ea", "e"), ("oa", "o"), ("a", "e"), ("a", "ă"), ("â", "i"), ("ă", "e")] {
        all.extend(with_vowel(stem, from, to));
    }
    if let Some(broken) = with_vowel(stem, "o", "oa") {
        all.push(broken);
    }
    all
}

/// A stem before `i`: `student` and `studenț-`, `brad` and `braz-`, `obraz` and `obraj-`.
fn softened(stem: &str) -> Vec<String> {
    let mut all = Vec::new();
    for (from, to) in [
        ("str", "ștr"),
        ("st", "șt"),
        ("sc", "șt"),
        ("t", "ț"),
        ("d", "z"),
        ("s", "ș"),
        ("z", "j"),
        ("x", "cș"),
    ] {
        if let Some(before) = stem.strip_suffix(from) {
            all.push(format!("{before}{to}"));
        }
    }
    if let Some(before) = stem.strip_suffix('l') {
        all.push(before.to_owned());
    }
    all
}
