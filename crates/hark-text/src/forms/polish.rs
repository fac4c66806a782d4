//! Polish: seven cases in both numbers, with the changes of the stem that they bring.

use super::{Forms, Manner, ends, is_vowel, paradigms, stem, with_vowel};

/// Whether the word is known, so that the forms are sure.
pub(super) fn inflect(written: &str, manner: Manner, forms: &mut Forms) -> bool {
    let word = &*written.to_lowercase();
    // `iPhone` is a name as well.
    forms.name |= super::has_inner_capital(written);
    let sure = known_or_by_rule(word, manner, forms);
    if manner.person && manner.phrase {
        only_one_person(word, forms);
    }
    sure
}

/// First name and surname are those of one: the plural of hers may be his name, `Aleksander` and two `Daniele`.
fn only_one_person(word: &str, forms: &mut Forms) {
    let Some(stem) = word.strip_suffix('a') else { return };
    let plural = if is_velar(stem) {
        format!("{stem}ie")
    } else if is_soft(stem) || stem.ends_with(is_vowel) {
        format!("{stem}e")
    } else {
        String::new()
    };
    forms.made.retain(|form| *form != plural && (form.ends_with(is_vowel) || form.ends_with("ej")));
}

fn known_or_by_rule(word: &str, manner: Manner, forms: &mut Forms) -> bool {
    let capital = capitalised(word);
    if let Some(known) = paradigms::of(if manner.name { &capital } else { word }) {
        forms.made.extend(known);
        if let Some((_, all)) = IRREGULAR.iter().find(|(base, _)| *base == word) {
            forms.all(all);
        }
        if word.ends_with('x') {
            // The dictionary has `Maksa` alone.
            hard_masculine(word, forms);
        }
        if !manner.phrase {
            return true;
        }
    } else if manner.name
        && let Some(known) = paradigms::of(word)
    {
        // Brands that are named by a common noun.
        forms.made.extend(known);
    }
    if !manner.name
        && let Some(known) = of_plural(word)
    {
        forms.made.extend(known);
        if !manner.phrase {
            return true;
        }
    }
    rules(word, manner, forms);
    false
}

/// The forms of a noun that is named by its plural: `meble`, `buty`.
fn of_plural(word: &str) -> Option<Vec<String>> {
    if word == "ludzie" {
        return Some("ludzie ludzi ludziom ludźmi ludziach".split(' ').map(str::to_owned).collect());
    }
    let stem = stem(word, "y").or_else(|| super::stem(word, "i")).or_else(|| super::stem(word, "e"))?;
    let last = stem.chars().last()?;
    let fleeting = format!("{}e{last}", &stem[..stem.len() - last.len_utf8()]);
    let singular = [stem.to_owned(), format!("{stem}a"), fleeting];
    singular.iter().find_map(|singular| {
        let forms: Vec<String> = paradigms::of(singular)?.collect();
        forms.iter().any(|form| form == word).then_some(forms)
    })
}

/// Whether a lower-case word is a first name or a place.
pub(super) fn knows_name(word: &str) -> bool {
    paradigms::of(&capitalised(word)).is_some()
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn rules(word: &str, manner: Manner, forms: &mut Forms) {
    let Manner { phrase, person, .. } = manner;
    if let Some((_, all)) = IRREGULAR.iter().find(|(base, _)| *base == word) {
        forms.all(all);
    }
    match word.chars().last() {
        Some('a') => ending_in_a(word, phrase, forms),
        Some('o') => ending_in_o(word, forms),
        // `Dante`, `Mike`
        Some('e') if phrase && person => forms.add(&word[..word.len() - 1], "ego emu em a u owi ie"),
        Some('e') => ending_in_e(word, phrase, forms),
        Some('y' | 'i') if word[..word.len() - 1].ends_with(is_vowel) => foreign_glide(word, forms),
        Some('y' | 'i') => {
            adjective(word, forms);
            plural(word, forms);
        }
        Some('ę') => ending_in_e_nasal(word, forms),
        Some('u' | 'é' | 'ö') | None => {}
        Some(_) => consonant(word, forms),
    }
    if let Some(stem) = stem(word, "um") {
        forms.add(stem, "a ów om ami ach");
    }
    if let Some(stem) = stem(word, "ów").filter(|_| phrase) {
        // What a number counts: `1001 Smaków`, `w 1001 Smakach`.
        forms.add(stem, "om ami ach");
    }
}

/// `Disney`, `Hyundai`, `eBay`: after a vowel the last letter is heard as j, so that the word is no adjective and no plural.
fn foreign_glide(word: &str, forms: &mut Forms) {
    forms.add(word, "a owi em u e ów om ami ach owie");
}

/// Terms in the plural, and nouns that have no singular: `okulary`, `drzwi`, `Tychy`.
fn plural(word: &str, forms: &mut Forms) {
    let stem = &word[..word.len() - 1];
    forms.add(stem, "ów om ami ach");
    if word.ends_with('i') {
        forms.add(word, "om ami ach");
    }
    bare_plural(stem, forms);
}

/// Common words that no rule covers.
const IRREGULAR: &[(&str, &str)] = &[
    ("człowiek", "ludzie ludzi ludziom ludźmi ludziach"),
    ("dziecko", "dzieci dzieciom dziećmi dzieciach"),
    ("ręka", "ręce rąk rękoma ręku"),
    ("sąsiad", "sąsiedzi sąsiedzie"),
    ("polak", "polacy"),
    ("krakowiak", "krakowiacy"),
    ("poznaniak", "poznaniacy"),
    ("słowak", "słowacy"),
    ("warszawiak", "warszawiacy"),
    ("ślązak", "ślązacy"),
    ("oko", "oczy oczu oczom oczami oczach"),
    ("ucho", "uszy uszu uszom uszami uszach"),
    ("rok", "lata lat latom latami latach"),
    ("brat", "bracia braci braciom braćmi braciach"),
    ("ksiądz", "księdza księdzu księdzem księża księży księżom księżmi księżach"),
    ("dzień", "dnia dniu dniem dni dnie dniom dniami dniach"),
    ("tydzień", "tygodnia tygodniu tygodniem tygodnie tygodni tygodniom tygodniami tygodniach"),
    ("przyjaciel", "przyjaciół przyjaciołom przyjaciółmi przyjaciołach"),
    ("pieniądz", "pieniądze pieniędzy pieniądzom pieniędzmi pieniądzach"),
    ("koń", "koni koniom końmi koniach"),
    ("gość", "gości gościom gośćmi gościach"),
    ("pies", "psa psu psem psie psy psów psom psami psach"),
    ("mąż", "męża mężowi mężem mężu mężowie mężów mężom mężami mężach"),
    ("tesco", "tesco"),
    ("dwa", "dwie dwóch dwom dwóm dwoma dwiema dwu"),
    ("dwie", "dwa dwóch dwom dwóm dwoma dwiema dwu"),
    ("trzy", "trzej trzech trzem trzema"),
    ("cztery", "czterej czterech czterem czterema"),
    ("pięć", "pięciu pięcioma"),
    ("sześć", "sześciu sześcioma"),
    ("siedem", "siedmiu siedmioma"),
    ("osiem", "ośmiu ośmioma"),
    ("dziesięć", "dziesięciu dziesięcioma"),
];

/// How a hard consonant changes before the ending -e of the locative.
const BEFORE_E: &[(&str, &str)] = &[
    ("st", "ści"),
    ("zd", "ździ"),
    ("sł", "śl"),
    ("zł", "źl"),
    ("sn", "śni"),
    ("zn", "źni"),
    ("sm", "śmi"),
    ("ch", "sz"),
    ("k", "c"),
    ("g", "dz"),
    ("h", "sz"),
    ("r", "rz"),
    ("t", "ci"),
    ("d", "dzi"),
    ("ł", "l"),
    ("n", "ni"),
    ("b", "bi"),
    ("p", "pi"),
    ("f", "fi"),
    ("w", "wi"),
    ("m", "mi"),
    ("s", "si"),
    ("z", "zi"),
    ("v", "vi"),
    ("x", "ksi"),
];

/// How it changes before the -i of people in the plural.
const BEFORE_I: &[(&str, &str)] = &[
    ("st", "ści"),
    ("ch", "si"),
    ("k", "cy"),
    ("g", "dzy"),
    ("r", "rzy"),
    ("t", "ci"),
    ("d", "dzi"),
    ("ł", "li"),
    ("n", "ni"),
    ("w", "wi"),
    ("p", "pi"),
    ("b", "bi"),
    ("m", "mi"),
    ("s", "si"),
    ("z", "zi"),
    ("ż", "zi"),
    ("sz", "si"),
];

fn changed(stem: &str, table: &[(&str, &str)]) -> Option<String> {
    let (from, to) = table.iter().find(|(from, _)| stem.ends_with(from))?;
    Some(format!("{}{to}", &stem[..stem.len() - from.len()]))
}

/// The locative before -e, with the vowel that may change with it: `miast-` gives `mieści-` and `miaści-`.
fn locatives(stem: &str, forms: &mut Forms) {
    let Some(soft) = changed(stem, BEFORE_E) else { return };
    forms.add(&soft, "e");
    for (from, to) in [("ia", "ie"), ("io", "ie")] {
        if let Some(other) = with_vowel(soft.trim_end_matches('i'), from, to) {
            let i = if soft.ends_with('i') { "ie" } else { "e" };
            forms.add(&other, i);
        }
    }
}

fn is_velar(stem: &str) -> bool {
    ends(stem, &["k", "g"])
}

fn is_soft(stem: &str) -> bool {
    ends(stem, &["c", "cz", "dz", "dż", "sz", "rz", "ż", "l", "j", "ń", "ś", "ź", "ć", "i"])
}

fn ending_in_a(word: &str, phrase: bool, forms: &mut Forms) {
    let stem = &word[..word.len() - 1];
    // No vocative in -o: it makes a man's name of a foreign woman's (Giulia, Giulio).
    forms.add(stem, "ę ą");
    if let Some(hard) = stem.strip_suffix('i') {
        forms.add(stem, "i u om ami ach e");
        forms.add(hard, "i ie");
        forms.add(hard, "ń");
        if let Some(base) = hard.strip_suffix('n') {
            forms.add(base, "ń eń");
        }
    } else if let Some(before) = stem.strip_suffix('j') {
        forms.add(stem, "i e u om ami ach -");
        forms.add(before, "i");
    } else if stem.ends_with(is_vowel) {
        forms.add(stem, "i y e om ami ach");
    } else if is_velar(stem) {
        forms.add(stem, "i om ami ach");
    } else if stem.ends_with('l') {
        forms.add(stem, "i e u om ami ach");
    } else if is_soft(stem) {
        forms.add(stem, "y i e om ami ach");
    } else {
        forms.add(stem, "y om ami ach");
    }
    if !is_soft(stem) {
        locatives(stem, forms);
    }
    // People: kierowca, kierowców; poeta, poeci.
    if ends(word, &["ta", "ca"]) {
        forms.add(stem, "ów owie");
        forms.made.extend(changed(stem, BEFORE_I));
    }
    bare_plural(stem, forms);
    if phrase && soft_adjective(word) {
        forms.add(stem, if stem.ends_with('i') { "ej ego emu m ch mi e" } else { "ej ego emu ym ych ymi e" });
    }
    let adjectival = ends(word, &["ska", "cka", "dzka", "owa", "na"]);
    if (phrase && !is_soft(stem))
        || (forms.name && ends(word, &["ska", "cka", "dzka", "owa"]))
        || (phrase && adjectival)
    {
        forms.add(
            stem,
            if is_velar(stem) { "iej iego iemu im ich imi ie" } else { "ej ego emu ym ych ymi e" },
        );
    }
}

/// `letnia`, `Górnicza`, `świeża`, `trzecia`, `gorąca`. What the dictionary knows as a noun is none: of `ciemnia` and
/// `cisza` the endings would make adverbs, `ciemniej` and `ciszej`.
fn soft_adjective(word: &str) -> bool {
    const ENDINGS: &[&str] =
        &["nia", "bia", "pia", "wia", "sia", "zia", "cia", "cza", "ża", "sza", "cudza", "obca", "ąca"];
    ends(word, ENDINGS) && paradigms::of(word).is_none()
}

/// The genitive plural without ending: `matka`, `matek`; `szkoła`, `szkół`; `okno`, `okien`.
fn bare_plural(stem: &str, forms: &mut Forms) {
    if stem.ends_with(is_vowel) {
        return;
    }
    forms.add(stem, "-");
    for (from, to) in [("o", "ó"), ("ę", "ą"), ("io", "ió")] {
        forms.made.extend(with_vowel(stem, from, to));
    }
    let mut letters = stem.chars();
    let (Some(last), Some(before)) = (letters.next_back(), letters.next_back()) else { return };
    if is_vowel(before) || !matches!(last, 'k' | 'n' | 'l' | 'ł' | 'w' | 'r' | 'm' | 'c' | 'g') {
        return;
    }
    let head = letters.as_str();
    let (before, joint) = match before {
        'k' | 'g' => (before, "ie"),
        'ń' => ('n', "ie"),
        'ś' => ('s', "ie"),
        'ź' => ('z', "ie"),
        _ => (before, "e"),
    };
    forms.add(&format!("{head}{before}{joint}{last}"), "-");
}

fn ending_in_o(word: &str, forms: &mut Forms) {
    let stem = &word[..word.len() - 1];
    forms.add(stem, if is_velar(stem) { "a u iem om ami ach i" } else { "a u em om ami ach" });
    if !is_soft(stem) && !is_velar(stem) {
        locatives(stem, forms);
    }
    bare_plural(stem, forms);
    if forms.name {
        // Kościuszko, Kościuszki; Iwo, Iwona is another name.
        forms.add(stem, if is_velar(stem) { "i ę ą" } else { "ę ą y" });
        if is_velar(stem) {
            locatives(stem, forms);
        }
        forms.add(stem, "owi owie ów");
    }
}

fn ending_in_e(word: &str, phrase: bool, forms: &mut Forms) {
    let stem = &word[..word.len() - 1];
    forms.add(stem, "a u em om ami ach");
    match stem.strip_suffix('i') {
        Some(hard) => {
            for (from, to) in [("n", "ń"), ("c", "ć"), ("s", "ś"), ("z", "ź")] {
                if let Some(base) = hard.strip_suffix(from) {
                    forms.add(base, to);
                }
            }
        }
        None => bare_plural(stem, forms),
    }
    // Terms in the plural: `aleje`, `alei`; `koleje`, `kolei`.
    if let Some(before) = stem.strip_suffix('j') {
        forms.add(before, "i");
    }
    if phrase || ends(word, &["skie", "ckie", "dzkie"]) {
        match word.strip_suffix("ie") {
            Some(stem) if is_velar(stem) => forms.add(stem, "iego iemu im ich imi i a iej ą"),
            Some(stem) => forms.add(stem, "iego iemu im ich imi i ia iej ią"),
            None => {
                forms.add(stem, "ego emu ym ych ymi y a ej ą");
                if is_soft(stem) {
                    forms.add(stem, "i");
                }
            }
        }
    }
    // Terms in the plural, and nouns that have no singular: `wakacje`, `Kielce`.
    if !forms.name {
        forms.add(stem, "i y -");
    } else if !stem.ends_with(is_vowel) {
        // A foreign name whose e is not heard, without the apostrophe: `iPhona`. Two names in the plural: `Kielc`.
        forms.add(stem, "i y owi ów ie");
        if stem.ends_with('c') {
            forms.add(stem, "-");
        }
    }
}

fn ending_in_e_nasal(word: &str, forms: &mut Forms) {
    let Some(stem) = word.strip_suffix('ę') else { return };
    // imię, imienia; zwierzę, zwierzęcia
    forms.add(stem, "enia eniu eniem ona on onom onami onach ęcia ęciu ęciem ęta ąt ętom ętami ętach");
}

/// `samochodowy`, `polski`, `tani`; foreign names in -y and -i take these endings too.
fn adjective(word: &str, forms: &mut Forms) {
    let last = word.len() - 1;
    let stem = &word[..last];
    if word.ends_with('y') {
        forms.add(stem, "ego emu ym a ej ą e ych ymi o");
        forms.made.extend(changed(stem, BEFORE_I));
        return;
    }
    if is_velar(stem) {
        forms.add(stem, "iego iemu im a iej ą ie ich imi");
        if let Some(base) = stem.strip_suffix('k') {
            forms.add(base, "cy");
        }
        if let Some(base) = stem.strip_suffix('g') {
            forms.add(base, "dzy");
        }
    } else {
        forms.add(stem, "iego iemu im ia iej ią ie ich imi");
    }
}

fn consonant(word: &str, forms: &mut Forms) {
    for stem in stems(word) {
        if is_soft(&stem) || ends(&stem, &["ń", "ś", "ź", "ć", "dź"]) {
            soft_masculine(&stem, forms);
        } else {
            hard_masculine(&stem, forms);
        }
    }
    feminine_in_consonant(word, forms);
}

/// The stem before endings: fleeting e, ó and ą that open, x.
fn stems(word: &str) -> Vec<String> {
    let mut all = vec![word.to_owned()];
    for (from, to) in [
        ("niec", "ńc"),
        ("rzec", "rc"),
        ("zioł", "zł"),
        ("cioł", "cł"),
        ("sioł", "sł"),
        ("nieł", "nł"),
        ("iec", "c"),
        ("ciek", "ciek"),
        ("iek", "k"),
        ("ek", "k"),
        ("ec", "c"),
        ("zień", "dni"),
        ("ień", "ni"),
        ("eń", "ni"),
        ("iel", "l"),
        ("eł", "ł"),
        ("ies", "s"),
        ("ier", "r"),
        ("ew", "w"),
        ("en", "n"),
        ("ocet", "oct"),
        ("el", "l"),
        ("er", "r"),
        ("eg", "g"),
        ("ez", "z"),
        ("ech", "ch"),
    ] {
        if let Some(before) = stem(word, from) {
            all.push(format!("{before}{to}"));
        }
    }
    for (from, to) in [("ó", "o"), ("ą", "ę"), ("ió", "io")] {
        all.extend(with_vowel(word, from, to));
    }
    if let Some(before) = word.strip_suffix('x') {
        all.push(format!("{before}ks"));
    }
    all.into_iter().map(opened).collect()
}

/// A soft consonant before a vowel is written with i.
fn opened(stem: String) -> String {
    for (from, to) in [("dź", "dzi"), ("ń", "ni"), ("ś", "si"), ("ź", "zi"), ("ć", "ci")] {
        if let Some(before) = stem.strip_suffix(from) {
            return format!("{before}{to}");
        }
    }
    stem
}

fn hard_masculine(stem: &str, forms: &mut Forms) {
    if is_velar(stem) {
        forms.add(stem, "a u owi iem i ów om ami ach owie");
    } else {
        forms.add(stem, "a u owi em y ów om ami ach owie");
        if stem.ends_with('x') {
            forms.add(stem, "ie");
        }
        if !ends(stem, &["ch", "h"]) {
            locatives(stem, forms);
        }
        if let Some(before) = with_vowel(stem, "ia", "ie") {
            locatives(&before, forms);
        }
    }
    if forms.name {
        return;
    }
    forms.made.extend(changed(stem, BEFORE_I));
}

fn soft_masculine(stem: &str, forms: &mut Forms) {
    forms.add(stem, "a u owi em e ów om ami ach owie y");
    match stem.strip_suffix('i') {
        Some(base) => forms.add(base, "i"),
        None => forms.add(stem, "i"),
    }
}

/// `Łódź`, `twarz`, `kolej`, `jakość`, `krew`.
fn feminine_in_consonant(word: &str, forms: &mut Forms) {
    let ends_soft =
        ends(word, &["ść", "ć", "ń", "ś", "ź", "dź", "c", "cz", "rz", "sz", "ż", "l", "j", "w", "p"]);
    if !ends_soft {
        return;
    }
    for stem in stems(word) {
        match stem.strip_suffix('i') {
            Some(base) => {
                forms.add(base, "i");
                forms.add(&stem, "ą e om ami ach");
            }
            None => {
                forms.add(&stem, "i y ą e om ami ach");
                if let Some(base) = stem.strip_suffix('j') {
                    forms.add(base, "i");
                }
                if ends(word, &["w", "p"]) {
                    forms.add(&stem, "ią ie iom iami iach");
                }
            }
        }
    }
}
