//! The rules of matching, as tables: which stretches of a post are marked.

#![allow(clippy::unwrap_used, reason = "a test")]

use hark_text::{Context, Matcher, MatcherError, Scratch, Subject, SubjectKind, Term};

fn subject(name: &str, terms: &[&str]) -> Subject {
    Subject {
        name: name.into(),
        kind: SubjectKind::Own,
        terms: terms.iter().map(|term| Term::from(*term)).collect(),
        exclude: vec![],
        require: vec![],
        languages: vec![],
    }
}

fn forms<'a>(subjects: &[Subject], text: &'a str) -> Vec<&'a str> {
    let matcher = Matcher::new(subjects).unwrap();
    let mut found = Vec::new();
    matcher.find(text, &mut Scratch::default(), &mut found);
    found.iter().map(|hit| &text[hit.start..hit.end]).collect()
}

#[track_caller]
fn check(term: &str, text: &str, expected: &[&str]) {
    assert_eq!(forms(&[subject("s", &[term])], text), expected, "term {term:?} in {text:?}");
}

#[test]
fn whole_words_match_in_any_case_and_without_diacritics() {
    check("Aurora", "AURORA rules, aurora, Aurora!", &["AURORA", "aurora", "Aurora"]);
    check("Aurora", "Auroral preaurora Aurorabrand", &[]);
    check("Łódź", "jadę do lodz, ŁÓDŹ", &["lodz", "ŁÓDŹ"]);
    check("mașină", "unde e masina mea", &["masina"]);
    check("mașină", "maşina, mașină", &["maşina", "mașină"]);
}

#[test]
fn typography_does_not_hide_a_name() {
    check(
        "Aurora",
        "Ａｕｒｏｒａ 𝗔𝘂𝗿𝗼𝗿𝗮 Auro\u{200b}ra au\u{ad}rora",
        &["Ａｕｒｏｒａ", "𝗔𝘂𝗿𝗼𝗿𝗮", "Auro\u{200b}ra", "au\u{ad}rora"],
    );
    check("Łódź", "Ło\u{301}dz\u{301}.", &["Ło\u{301}dz\u{301}"]);
    check("Aurora", "„Aurora”, (Aurora) \u{200b}Aurora\u{200b} Aurora™ 🚗Aurora🚗", &["Aurora"; 5]);
}

#[test]
fn the_words_of_a_phrase_stand_in_order_with_space_or_hyphen_between() {
    check(
        "Aurora Motors",
        "aurora motors, Aurora\nMotors Aurora-Motors Aurora\u{a0}Motors",
        &["aurora motors", "Aurora\nMotors", "Aurora-Motors", "Aurora\u{a0}Motors"],
    );
    check("Aurora Motors", "Motors Aurora; Aurora big Motors; Aurora, Motors; Aurora. Motors", &[]);
    check("ice cream", "ice-cream icecream ice cream", &["ice-cream", "icecream", "ice cream"]);
    check("O'Neill", "O’Neill and O'Neill, ONeill", &["O’Neill", "O'Neill", "ONeill"]);
    check("Z.T.M.", "Z.T.M. czyli ZTM", &["Z.T.M", "ZTM"]);
    check("H&M", "at H&M, hm, #hm", &["H&M", "#hm"]);
}

#[test]
fn tags_handles_and_domains_match_as_a_whole() {
    check(
        "Aurora Motors",
        "#auroramotors #Aurora_Motors @aurora.motors @AuroraMotors!",
        &["#auroramotors", "#Aurora_Motors", "@aurora.motors", "@AuroraMotors"],
    );
    check("Aurora Motors", "#auroramotorsfan @auroramotors_pl @auroramotors.pl #aurora_motors_fan", &[]);
    check("Aurora", "@aurora_fan #aurora_fan @my_aurora", &[]);
    check("Aurora Motors", "https://www.auroramotors.pl/serwis?x=auroramotors", &["auroramotors"]);
    check(
        "Aurora Motors",
        "auroramotors.pl/auroramotors i aurora-motors.com.",
        &["auroramotors", "aurora-motors"],
    );
    check("Aurora", "pisz: aurora@firma.pl, biuro@aurora.pl, https://x.pl/aurora", &["aurora"]);
    check("@auroramotors", "auroramotors #auroramotors @AuroraMotors", &["@AuroraMotors"]);
    check("#aurora", "aurora @aurora #Aurora", &["#Aurora"]);
    check("Aurora", "@aurora@mastodon.example, @x@aurora.example", &["@aurora"]);
}

#[test]
fn an_excluded_context_takes_the_subject_away() {
    let mut aurora = subject("aurora", &["Aurora"]);
    aurora.exclude = vec![Context::from("aurora borealis"), Context { words: "night".into(), near: Some(1) }];
    let subjects = [aurora];
    assert_eq!(forms(&subjects, "Aurora sold me a car"), ["Aurora"]);
    assert!(forms(&subjects, "Aurora! And Aurora Borealis too").is_empty());
    assert!(forms(&subjects, "the aurora last night").is_empty());
    assert_eq!(forms(&subjects, "Aurora sold me this car last night"), ["Aurora"]);
}

#[test]
fn a_required_context_must_be_there() {
    let mut mars = subject("mars", &["Mars"]);
    mars.require = vec![Context::from("bar"), Context { words: "chocolate".into(), near: Some(2) }];
    let subjects = [mars];
    assert!(forms(&subjects, "Mars is red").is_empty());
    assert_eq!(forms(&subjects, "a Mars, found on the floor of the bar"), ["Mars"]);
    assert_eq!(forms(&subjects, "chocolate by Mars"), ["Mars"]);
    assert!(forms(&subjects, "chocolate in the shape of Mars").is_empty());
}

#[test]
fn within_a_subject_the_longest_stays_and_subjects_may_overlap() {
    assert_eq!(
        forms(&[subject("s", &["Aurora", "Aurora Motors"])], "Aurora Motors, Aurora"),
        ["Aurora Motors", "Aurora"]
    );
    let two = [subject("a", &["Aurora Motors"]), subject("b", &["Motors"])];
    assert_eq!(forms(&two, "Aurora Motors"), ["Aurora Motors", "Motors"]);
}

#[test]
fn a_term_that_can_never_match_is_refused_by_name() {
    let error = Matcher::new(&[subject("aurora", &["🚗"])]).unwrap_err();
    assert_eq!(error, MatcherError::Empty { subject: "aurora".into(), term: "🚗".into() });
    assert!(matches!(Matcher::new(&[subject("aurora", &[])]), Err(MatcherError::NoTerms { .. })));
}

#[test]
fn polish_names_and_phrases_match_in_every_case() {
    check("Aurora", "Byłem w Aurorze, z Aurorą, do Aurory", &["Aurorze", "Aurorą", "Aurory"]);
    check("warsztat samochodowy", "szukam warsztatu samochodowego w Łodzi", &["warsztatu samochodowego"]);
    check("Łódź", "Mieszkam w Łodzi od lat", &["Łodzi"]);
    check("pies", "nie mam psa", &["psa"]);
    check("Netflix", "oglądam na Netfliksie albo na Netflixie", &["Netfliksie", "Netflixie"]);
    check("iPhone", "szukam iPhone'a, dwóch iPhone’ów", &["iPhone'a", "iPhone’ów"]);
    check("IKEA", "byłam w IKEI, w IKEA-i też", &["IKEI", "IKEA-i"]);
    check("Ford", "kupiłem Forda, jadę Fordem, w Fordzie", &["Forda", "Fordem", "Fordzie"]);
    check("Bryza Bank", "konto w Bryza Banku i w Bryzie Banku", &["Bryza Banku", "Bryzie Banku"]);
    check("Anna Nowak", "dzięki dla Anny Nowak, Hanna Nowak i Anna", &["Anny Nowak"]);
    check("Gdańsk", "z Gdańska, GDANSKIEM", &["Gdańska", "GDANSKIEM"]);
}

#[test]
fn polish_soft_adjectives_match_with_their_noun() {
    check("Jelenia Góra", "w Jeleniej Górze, Jelenią Górę", &["Jeleniej Górze", "Jelenią Górę"]);
    check("Dąbrowa Górnicza", "mieszkam w Dąbrowie Górniczej", &["Dąbrowie Górniczej"]);
    check("opona letnia", "kompletu opon letnich, opony letniej", &["opon letnich", "opony letniej"]);
    check("tania linia", "taniej linii, tanich linii", &["taniej linii", "tanich linii"]);
    check("wyższa szkoła", "uczę się w wyższej szkole", &["wyższej szkole"]);
    check("świeża bułka", "nie ma świeżej bułki", &["świeżej bułki"]);
}

#[test]
fn polish_endings_follow_a_foreign_name_in_a_vowel_and_y_or_i() {
    check("Disney", "jedziemy do Disneya, z Disneyem", &["Disneya", "Disneyem"]);
    check("Play", "zmieniam sieć, w Playu nie ma zasięgu", &["Playu"]);
    check("eBay", "kupione na eBayu", &["eBayu"]);
    check("Harley", "jechał Harleyem", &["Harleyem"]);
    check("Hyundai", "jeżdżę Hyundaiem, serwis Hyundaia", &["Hyundaiem", "Hyundaia"]);
    check("Max", "byłam z Maxem, z Maksem, u Maxa", &["Maxem", "Maksem", "Maxa"]);
}

#[test]
fn swedish_forms_match() {
    check(
        "verkstad",
        "vår verkstad, verkstaden, verkstädernas",
        &["verkstad", "verkstaden", "verkstädernas"],
    );
    check("IKEA", "IKEA:s soffa, IKEAs stol", &["IKEA:s", "IKEAs"]);
    check("cykel", "två cyklar", &["cyklar"]);
}

#[test]
fn a_swedish_verb_is_no_plural_of_a_noun() {
    check("svar", "De svarar aldrig i telefon. Inget svar, inga svaren", &["svar", "svaren"]);
    check("hjälp", "personalen hjälper till, tack för hjälpen", &["hjälpen"]);
    check("bok", "jag bokar bord, två böcker", &["böcker"]);
    check("bröd", "mina bröder bakar brödet", &["brödet"]);
}

#[test]
fn italian_forms_match_without_their_article() {
    check("officina", "l'officina, dell’officina, le officine", &["officina", "officina", "officine"]);
    check("Aurora", "dell'Aurora", &["Aurora"]);
    check("città", "che citta' bella, la CITTA", &["citta", "CITTA"]);
}

#[test]
fn romanian_forms_match_with_their_article() {
    check("mașină", "mașina mea, mașinii, masini, maşinile", &["mașina", "mașinii", "masini", "maşinile"]);
    check("Ford", "al Fordului, Ford-ul, Ford-ului", &["Fordului", "Ford-ul", "Ford-ului"]);
    check("iPhone", "iPhone-ului meu", &["iPhone-ului"]);
    check("carte", "două cărți", &["cărți"]);
}

#[test]
fn english_possessives_and_plurals_match() {
    check("Norrsken", "Norrsken's new shop, Norrsken’s", &["Norrsken's", "Norrsken’s"]);
    check("garage", "two garages, the garage's door", &["garages", "garage's"]);
    check("Kvarnby", "a Kvarnby-sponsored race", &["Kvarnby"]);
}

#[test]
fn another_word_is_no_match() {
    check("paczka", "zjadłam pączka", &[]);
    check("paczka", "gdzie moja paczka, nie ma paczki", &["paczka", "paczki"]);
    check("hår", "vi har öppet", &[]);
    check("hår", "klippa har pa lordag", &["har"]);
    check("Marek", "dobra marka", &[]);
    check("Marek", "u Marka, z Markiem", &["Marka", "Markiem"]);
    check("Lodz", "jadę do Łodzi", &["Łodzi"]);
    check("kolej", "długa kolejka, Koleje, kolejką", &["Koleje"]);
    check("bil", "en bild, biljett, mobil", &[]);
    check("Aurora", "Aurelia, #aurorafan", &[]);
}

#[test]
fn an_exact_term_matches_as_written_only() {
    let mut exact = subject("s", &["Aurora"]);
    exact.terms[0].exact = true;
    assert_eq!(forms(&[exact], "w Aurorze, aurora, AURORA"), ["aurora", "AURORA"]);
}

#[test]
fn only_the_languages_of_the_subject_inflect() {
    let mut english = subject("s", &["Aurora"]);
    english.languages = vec!["en".into()];
    assert_eq!(forms(&[english], "w Aurorze, Auroras, Aurora's"), ["Auroras", "Aurora's"]);
}

#[test]
fn a_misspelt_name_matches_where_the_term_asks_for_it() {
    let mut motors = subject("s", &["Aurora Motors"]);
    assert!(forms(&[motors.clone()], "Auorra Motors").is_empty());
    motors.terms[0].misspellings = true;
    let text = "Auorra Motors, Aurora Motrs, Aurrora Motors";
    assert_eq!(forms(&[motors], text), ["Auorra Motors", "Aurora Motrs", "Aurrora Motors"]);
    let mut short = subject("s", &["Ford"]);
    short.terms[0].misspellings = true;
    assert!(matches!(Matcher::new(&[short]), Err(MatcherError::TooShortToMisspell { .. })));
}

#[test]
fn an_italian_name_is_not_that_of_the_other_sex() {
    for (term, text) in [
        ("Anna Bianchi", "ieri Anne Bianchi ha parlato con noi"),
        ("Mario Bianchi", "ieri Maria Bianchi ha parlato con noi"),
        ("Paolo Rossi", "ho parlato con Paola Rossi della festa"),
    ] {
        let mut person = subject("s", &[term]);
        person.kind = SubjectKind::Person;
        assert!(forms(&[person], text).is_empty(), "term {term:?} in {text:?}");
    }
    check("Mario Bianchi", "ieri Maria Bianchi ha parlato con noi", &[]);
}
