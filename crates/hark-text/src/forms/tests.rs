//! Forms by language, as a native writes them.

use super::*;

fn forms_of(word: &str, phrase: bool, language: &str) -> BTreeMap<String, Languages> {
    let name = word.starts_with(char::is_uppercase);
    of(word, Manner { phrase, name, ..Manner::default() }, Languages::of(&[language.to_owned()]))
}

#[track_caller]
fn check(language: &str, phrase: bool, table: &[(&str, &str)]) {
    for (word, expected) in table {
        let forms = forms_of(word, phrase, language);
        let missing: Vec<&str> = expected.split(' ').filter(|form| !forms.contains_key(*form)).collect();
        assert!(missing.is_empty(), "{word} lacks {missing:?}: {forms:?}");
    }
}

#[track_caller]
fn lacks(language: &str, phrase: bool, table: &[(&str, &str)]) {
    for (word, others) in table {
        let forms = forms_of(word, phrase, language);
        let made: Vec<&str> = others.split(' ').filter(|form| forms.contains_key(*form)).collect();
        assert!(made.is_empty(), "{word} makes {made:?}");
    }
}

#[test]
fn polish_cases_with_their_changes_of_the_stem() {
    check(
        "pl",
        false,
        &[
            ("Aurora", "aurora aurory aurorze aurorę aurorą auror"),
            ("Praga", "pragi pradze pragę pragą"),
            ("Łódź", "łodzi łodzią"),
            ("Ford", "forda fordowi fordem fordzie fordy fordów fordami fordach"),
            ("Netflix", "netflixa netflixem netfliksa netfliksem netfliksie"),
            ("miasto", "miasta miastu miastem mieście miast miastom miastami miastach"),
            ("pies", "psa psu psem psie psy psów psom psami psach"),
            ("okno", "okna oknu oknem oknie okien oknom oknami oknach"),
            ("paczka", "paczki paczce paczkę paczką paczek paczkom paczkami paczkach"),
            ("kolej", "kolei koleją koleje kolejom kolejami kolejach"),
            ("szkoła", "szkoły szkole szkołę szkołą szkół szkołom"),
            ("samochód", "samochodu samochodowi samochodem samochodzie samochody samochodów samochodami"),
            (
                "warsztat",
                "warsztatu warsztatowi warsztatem warsztacie warsztaty warsztatów warsztatami warsztatach",
            ),
            ("Kraków", "krakowa krakowem krakowie"),
            ("Marek", "marka markowi markiem marku"),
            ("Anna", "anny annie annę anną anno"),
            ("Nowak", "nowaka nowakowi nowakiem nowaku nowakowie nowaków nowakom"),
            ("Kowalska", "kowalskiej kowalską"),
            ("Kowalski", "kowalskiego kowalskiemu kowalskim kowalscy kowalskich"),
            ("Gdańsk", "gdańska gdańskiem gdańsku"),
            ("Warszawa", "warszawy warszawie warszawę warszawą"),
            (
                "restauracja",
                "restauracji restaurację restauracją restauracje restauracjom restauracjami restauracjach",
            ),
            ("pralnia", "pralni pralnię pralnią pralnie pralniom pralniami"),
            ("mieszkanie", "mieszkania mieszkaniu mieszkaniem mieszkań mieszkaniom mieszkaniami"),
            ("hotel", "hotelu hotelowi hotelem hotele hoteli hotelom hotelami hotelach"),
            ("Bydgoszcz", "bydgoszczy bydgoszczą"),
            ("muzeum", "muzea muzeów muzeom muzeami muzeach"),
            ("tydzień", "tygodnia tygodniu tygodni"),
            ("IKEA", "ikei ikeę ikeą"),
            ("Polak", "polaka polacy polaków"),
            ("lekarz", "lekarza lekarzowi lekarzem lekarzu lekarze lekarzy lekarzom lekarzami lekarzach"),
            ("Twitter", "twittera twitterem twitterze"),
        ],
    );
    check(
        "pl",
        true,
        &[
            (
                "samochodowy",
                "samochodowego samochodowemu samochodowym samochodowe samochodowych samochodowymi",
            ),
            ("budowlana", "budowlanej budowlaną budowlane budowlanych"),
            ("Morskie", "morskiego morskiemu morskim"),
            ("Językowa", "językowej językową"),
        ],
    );
}

#[test]
fn polish_feminine_adjectives_with_a_soft_stem_agree_in_phrases() {
    check(
        "pl",
        true,
        &[
            ("Jelenia", "jeleniej jelenią"),
            ("Górnicza", "górniczej górniczą"),
            ("letnia", "letniej letnią letnie letnich letnim letnimi"),
            ("tania", "taniej tanią tanie tanich tanim tanimi"),
            ("Tania", "taniej tanią tanich"),
            ("ostatnia", "ostatniej ostatnią ostatnich"),
            ("wyższa", "wyższej wyższą wyższe wyższych wyższym wyższymi"),
            ("świeża", "świeżej świeżą świeże świeżych"),
            ("przednia", "przedniej przednią przednich"),
            ("robocza", "roboczej roboczą robocze roboczych"),
            ("trzecia", "trzeciej trzecią trzecich"),
            ("Babia", "babiej babią"),
            ("gorąca", "gorącej gorącą gorących"),
        ],
    );
    lacks(
        "pl",
        true,
        &[
            ("kawiarnia", "kawiarniej kawiarnich"),
            ("praca", "pracej pracych"),
            ("róża", "różej różych"),
            ("cisza", "ciszej"),
            ("ciemnia", "ciemniej"),
        ],
    );
}

#[test]
fn polish_foreign_names_whose_last_letter_is_heard_as_j() {
    check(
        "pl",
        false,
        &[
            ("Play", "playa playowi playem playu"),
            ("eBay", "ebaya ebayem ebayu"),
            ("Subway", "subwaya subwayem subwayu"),
            ("Disney", "disneya disneyowi disneyem disneyu"),
            ("Harley", "harleya harleyem harleye harleyów harleyami"),
            ("Hyundai", "hyundaia hyundaiem hyundaiu hyundaie hyundaiów"),
            ("Huawei", "huaweia huaweiem huaweiu"),
            ("Max", "maxa maxem maxie maksa maksem maksie maksowi"),
        ],
    );
    lacks("pl", false, &[("Disney", "disnego disnej disne"), ("Hyundai", "hyundaa hyundaego")]);
}

#[test]
fn swedish_definite_plural_and_genitive() {
    check(
        "sv",
        false,
        &[
            ("verkstad", "verkstaden verkstads verkstadens verkstäder verkstäderna verkstädernas"),
            ("bok", "boken böcker böckerna boks"),
            ("cykel", "cykeln cyklar cyklarna cykelns"),
            ("flicka", "flickan flickor flickorna flickas flickornas"),
            ("pojke", "pojken pojkar pojkarna pojkens"),
            ("hus", "huset husen husets"),
            ("rum", "rummet rummen rummets"),
            ("äpple", "äpplet äpplen äpplena"),
            ("fönster", "fönstret fönstren fönsters"),
            ("Aurora", "auroras"),
            ("dator", "datorn datorer datorerna"),
            ("bil", "bilen bilar bilarna bils bilens"),
            ("museum", "museet museer museerna"),
            ("centrum", "centret"),
            ("lus", "löss lössen"),
            ("nöt", "nötter nötterna"),
            ("get", "getter getterna"),
            ("ros", "rosor rosorna"),
            ("våg", "vågor vågorna"),
            ("hammare", "hammaren hamrar hamrarna"),
            ("far", "fadern fäder"),
            ("mor", "modern mödrar mödrarna"),
            ("ö", "ön öns öar öarna"),
            ("å", "ån åns åar åarna"),
        ],
    );
    check("sv", true, &[("begagnad", "begagnade begagnat"), ("ny", "nya nytt"), ("gammal", "gamla gammalt")]);
}

#[test]
fn swedish_nouns_do_not_become_verbs_or_other_nouns() {
    check(
        "sv",
        false,
        &[
            ("svar", "svaret svaren svars svarens"),
            ("pris", "priset priser priserna"),
            ("lag", "laget lagen lagarna lags"),
            ("arbete", "arbetet arbeten arbetena arbetets"),
            ("bok", "boken böcker böckerna"),
            ("fil", "filen filer filerna"),
            ("bilförsäkringsbolag", "bilförsäkringsbolaget bilförsäkringsbolagen"),
            ("automat", "automaten automater"),
            ("portal", "portalen portaler"),
            ("mat", "maten matens"),
            ("sommar", "sommaren somrar somrarna"),
            ("bror", "brodern bröder bröderna"),
        ],
    );
    lacks(
        "sv",
        false,
        &[
            ("svar", "svarar svarer"),
            ("köp", "köper köpar"),
            ("hjälp", "hjälper hjälpar"),
            ("spel", "spelar"),
            ("tal", "talar"),
            ("mat", "matar"),
            ("pris", "prisar"),
            ("lån", "lånar"),
            ("lag", "lagar lager"),
            ("arbete", "arbetar"),
            ("möte", "möter"),
            ("bok", "bokar"),
            ("fil", "filar"),
            ("tåg", "tågar"),
            ("ben", "benar"),
            ("hus", "husar"),
            ("bröd", "bröder"),
            ("våg", "vågar"),
            ("ros", "rosar"),
        ],
    );
}

#[test]
fn italian_plural_and_gender() {
    check(
        "it",
        false,
        &[
            ("officina", "officine"),
            ("amico", "amici amica amiche"),
            ("banco", "banchi"),
            ("farmacia", "farmacie"),
            ("arancia", "arance"),
            ("negozio", "negozi"),
            ("ristorante", "ristoranti"),
            ("dentista", "dentisti dentiste"),
            ("problema", "problemi"),
            ("città", "città"),
            ("uomo", "uomini"),
            ("banca", "banche"),
            ("corno", "corna corni"),
            ("ciglio", "ciglia"),
            ("frutto", "frutta frutti"),
            ("filo", "fila fili"),
            ("superficie", "superfici"),
            ("membro", "membra membri"),
            ("pediatra", "pediatri pediatre"),
            ("biologo", "biologi biologa"),
            ("belga", "belgi belghe"),
            ("grido", "grida gridi"),
            ("buono", "buona buoni buone buon"),
            ("bianco", "bianca bianche bianchi"),
            ("lungo", "lunga lunghe lunghi"),
            ("grigio", "grigia grigie grigi"),
        ],
    );
    check("it", true, &[("elettrica", "elettriche elettrico elettrici"), ("nuovo", "nuova nuovi nuove")]);
}

#[test]
fn italian_names_of_people_have_no_plural() {
    for (word, other) in [
        ("Anna", "anne"),
        ("Anna", "anno"),
        ("Mario", "mari"),
        ("Mario", "maria"),
        ("Paolo", "paola"),
        ("Daniela", "daniele"),
        ("Conte", "conti"),
    ] {
        let manner = Manner { phrase: true, name: true, person: true, product: false };
        let forms = of(word, manner, Languages::IT);
        assert!(!forms.contains_key(other), "{word} makes {other}");
    }
}

#[test]
fn italian_nouns_keep_their_gender() {
    check("it", false, &[("collega", "colleghi colleghe"), ("banca", "banche")]);
    lacks(
        "it",
        false,
        &[
            ("banca", "banchi"),
            ("barca", "barchi"),
            ("pizza", "pizzo"),
            ("tavolo", "tavola"),
            ("punto", "punta"),
        ],
    );
}

#[test]
fn romanian_articles_and_cases() {
    check(
        "ro",
        false,
        &[
            ("mașină", "mașina mașinii mașini mașinile mașinilor"),
            ("fată", "fata fetei fete fetele fetelor"),
            ("carte", "cartea cărții cărți cărțile cărților"),
            ("Ford", "fordul fordului forduri fordurile"),
            ("student", "studentul studentului studenți studenții studenților"),
            ("școală", "școala școlii școli școlile școlilor"),
            ("stradă", "strada străzii străzi străzile"),
            ("farmacie", "farmacia farmaciei farmacii farmaciile farmaciilor"),
            ("serviciu", "serviciul serviciului servicii serviciile serviciilor"),
            ("cal", "calul calului cai caii cailor"),
            ("băiat", "băiatul băieți băieții băieților"),
            ("Dacia", "daciei dacii"),
            ("cafea", "cafeaua cafelei cafele cafelele"),
            ("floare", "floarea florii flori florile"),
            ("magazin", "magazinul magazinului magazine magazinele magazinelor"),
            ("telefon", "telefonul telefonului telefoane telefoanele"),
            ("ploaie", "ploaia ploii ploi ploile"),
            ("oaie", "oaia oii oi"),
            ("baie", "baia băii băi băile"),
            ("foaie", "foaia foii foi"),
            ("odaie", "odaia odăii odăi"),
            ("război", "războiul războaie războaiele"),
            ("gunoi", "gunoiul gunoaie"),
            ("butoi", "butoiul butoaie"),
            ("fiu", "fiul fiii fiilor"),
            ("sanie", "sania sănii săniile"),
            ("gheață", "gheața gheții ghețuri"),
            ("dulceață", "dulceața dulcețuri"),
        ],
    );
}

#[test]
fn english_plurals() {
    check(
        "en",
        false,
        &[
            ("garage", "garages"),
            ("knife", "knives"),
            ("city", "cities"),
            ("box", "boxes"),
            ("bus", "buses"),
            ("woman", "women"),
            ("key", "keys"),
            ("thief", "thieves"),
            ("hoof", "hooves"),
            ("elf", "elves"),
            ("penny", "pence pennies"),
            ("appendix", "appendices appendixes"),
            ("index", "indices indexes"),
            ("formula", "formulae formulas"),
            ("medium", "media"),
            ("bacterium", "bacteria"),
            ("phenomenon", "phenomena"),
            ("matrix", "matrices"),
            ("antenna", "antennae"),
            ("X2", "x2s"),
        ],
    );
}

#[test]
fn derived_words_are_no_forms() {
    for (language, word, other) in [
        ("pl", "kolej", "kolejka"),
        ("pl", "Warszawa", "warszawski"),
        ("sv", "bil", "bild"),
        ("sv", "bil", "biljett"),
        ("it", "casa", "caso"),
        ("it", "libro", "libra"),
        ("ro", "carte", "cartier"),
        ("ro", "baie", "bei"),
    ] {
        let forms = forms_of(word, false, language);
        assert!(!forms.contains_key(other), "{word} makes {other}");
    }
}

#[test]
fn swedish_products_have_a_plural_and_other_brands_have_none() {
    let forms = |product| {
        of("Skogil", Manner { name: true, product, ..Manner::default() }, Languages::SV).into_keys().collect()
    };
    let (product, brand): (Vec<String>, Vec<String>) = (forms(true), forms(false));
    assert!(product.contains(&"skogilar".to_owned()) && product.contains(&"skogilarnas".to_owned()));
    assert!(brand.contains(&"skogilen".to_owned()) && !brand.contains(&"skogilar".to_owned()));
}

#[test]
fn a_polish_genitive_that_a_number_counts_is_inflected() {
    check("pl", true, &[("Smaków", "smakom smakami smakach")]);
}
