//! What a complaint is about: a short list of words that is built in, and the words of the configuration.
//!
//! A word with `*` at its end is also meant with other endings. Letter case and diacritics do not matter. Built-in words
//! count in texts of their language, and in all where the language is not one of the five; configured words always do.

use std::collections::HashMap;

use crate::{
    document::Node,
    fold::letters,
    problem::Problem,
    read::{self},
};

/// The languages of the built-in words, in their order.
const LANGUAGES: [&str; 5] = ["pl", "sv", "it", "ro", "en"];

/// Themes and their words by language.
const BUILT_IN: [(&str, [&str; 5]); 9] = [
    (
        "delivery",
        [
            "dostaw*|dostarcz*|kurier*|paczk*|przesyłk*|paczkomat*",
            "leverans*|leverer*|paket*|försändelse*|frakt*",
            "consegn*|spedizion*|corrier*|pacco|pacchi",
            "livrar*|livrat*|curier*|colet*",
            "deliver*|courier*|parcel*|shipment*|shipping",
        ],
    ),
    (
        "price",
        [
            "cen|cena|cenę|ceny|cenie|ceną|cenami|cennik*|drogo|drogi|droga|drogie|drożyzn*|podwyżk*|opłat*|\
             zdzierst*|zdziera|zdzierają|przepłac*",
            "pris|priset|priser*|dyrt|dyr|dyra|svindyr*|jättedyr*|ockerpris*|avgift*|prishöj*",
            "prezzo|prezzi|caro|cara|carissim*|costos*|tariff*|rincar*",
            "preț*|scump*|taxă|taxe|taxa|tarif*|jecmăn*",
            "price*|pricing|expensive|overpriced|overcharg*|fee|fees|rip off|ripoff|pricey|extortionate",
        ],
    ),
    (
        "staff",
        [
            "obsługa|obsługi|obsługę|obsłudze|obsługą|pracowni*|sprzedawc*|konsultant*|kasjer*|personel*|niegrzeczn*|\
             nieuprzejm*|opryskliw*",
            "personal|personalen|personalens|bemötande*|expedit*|otrevlig*|ohövlig*|kundtjänst*",
            "personale|dipendent*|commess*|scortes*|maleducat*",
            "angajaț*|vânzăto*|personal|personalul*|nepoliticos*",
            "staff|employee*|rude|impolite|clerk*|receptionist*",
        ],
    ),
    (
        "quality",
        [
            "jakość|jakości|jakością|bubel|wadliw*|zepsut*|zepsuł*|popsuł*|usterk*|tandet*",
            "kvalitet*|trasig*|defekt*|undermålig*",
            "qualità|difettos*|difetto|difetti|rotto|rotta|scadente",
            "calitat*|calități*|defect*|stricat*",
            "quality|broken|faulty|defect*|shoddy",
        ],
    ),
    (
        "app",
        [
            "aplikacj*|apka|apki|apkę|apce|apką|strona internetowa|strony internetowej|logowani*|zalogowa*",
            "app|appen|appar|webbplats*|hemsida*|inlogg*|logga in",
            "app|applicazion*|sito web|sito internet",
            "aplicați*|site|site ul|aplicatia",
            "app|apps|website|webpage|log in|login",
        ],
    ),
    (
        "opening-hours",
        [
            "godziny otwarcia|godzin otwarcia|godzinach otwarcia|zamknięte|zamknięta|zamknięty|nieczynn*",
            "öppettid*|stängt|var stängd",
            "orari di apertura|orario di apertura|era chiuso|era chiusa|trovato chiuso|trovata chiusa|chiuso anche se|chiusa anche se",
            "program de lucru|programul de lucru|orar|orarul|era închis|era închisă|închis|închisă",
            "opening hours|opening times|was closed|were closed|was shut|were shut|closed early|shut early",
        ],
    ),
    (
        "refund",
        [
            "zwrot|zwrotu|zwroty|zwrócić|zwrotem|reklamacj*|oddać pieniądze|oddajcie pieniądze|oddać kas*|\
             oddają pieniędzy|zwracają pieniędzy|zwrot pieniędzy",
            "återbetal*|pengarna tillbaka|betala tillbaka|betalar tillbaka|reklamation*|reklamera*",
            "rimbors*|reso|restituzion*|restituire i soldi|soldi indietro|ridare i soldi|ridatemi i soldi",
            "ramburs*|returnare*|returna banii|retur|banii înapoi|dea banii",
            "refund*|money back|pay me back|reimburs*",
        ],
    ),
    (
        "waiting",
        [
            "czekam|czekać|czekał*|czekamy|czekani*|poczekalni*|kolejk*|opóźni*|spóźni*|terminy dopiero|termin dopiero",
            "vänta|väntar|väntat|väntade|väntan|väntetid*|väntrum*|köer|i kö|telefonkö*|försen*|lediga tider",
            "attesa|aspett*|ritardo|ritardi|coda",
            "aștept*|întârzi*|coadă|programări abia|programare abia",
            "waiting|waited|waits|queue*|delay*|next appointment|earliest appointment",
        ],
    ),
    (
        "safety",
        [
            "niebezpieczn*|bezpieczeństw*|wypadek|wypadku|wypadkiem|zagroż*|poparz*|oparz*|wylądowałam w szpitalu|\
             wylądowałem w szpitalu|trafiłam do szpitala|trafiłem do szpitala|na sor|karetk*|poraż*|porazi*|kopnął mnie prąd|\
             kopnęła mnie prądem|zatru*|skalecz*",
            "farlig*|livsfarlig*|säkerhet*|olycka*|osäker*|brännskad*|brände mig|blev bränd|akuten|hamnade på sjukhus|\
             ambulans*|skadade mig|skadade sig|matförgift*|strömstöt*",
            "pericolos*|sicurezza|incidente|incidenti|ustion*|mi ha bruciat*|mi hanno bruciat*|pronto soccorso|\
             finita in ospedale|finito in ospedale|ambulanza|ferit*|intossica*|scossa elettrica",
            "periculos*|siguranț*|accident*|m a ars|m au ars|arsură|arsuri|la urgență|la urgențe|ajuns la spital|\
             ambulanț*|rănit*|intoxica*|curentat*|electrocut*",
            "accident*|unsafe|danger*|safety|injur*|hazard*|burned my|burned me|burnt my|burnt me|\
             ended up in hospital|ended up in the hospital|taken to hospital|ambulance*|in a e|food poisoning|electrocut*|electric shock",
        ],
    ),
];

/// Themes by number, with what finds them.
#[derive(Debug, Default)]
pub(crate) struct Themes {
    names: Vec<String>,
    /// By the first word, whole.
    phrases: HashMap<String, Vec<Term>>,
    /// By the beginning of a word.
    stems: HashMap<String, Vec<Term>>,
    /// The shortest and the longest of those beginnings, in bytes.
    stem_bytes: (usize, usize),
}

#[derive(Debug)]
struct Term {
    theme: usize,
    /// Number of the language; `None` for every one.
    language: Option<usize>,
    /// The words behind the first one; the last may be the beginning of one.
    rest: Vec<String>,
    open: bool,
}

/// Words of one theme; a few hundred are a mistake.
const MAX_WORDS: usize = 500;

impl Themes {
    /// The built-in themes, with those of `themes:` added.
    pub fn read(node: Option<&Node>, problems: &mut Vec<Problem>) -> Self {
        let mut themes = Self { stem_bytes: (usize::MAX, 0), ..Self::default() };
        for (name, by_language) in BUILT_IN {
            for (language, words) in by_language.iter().enumerate() {
                words.split('|').for_each(|words| themes.add(name, Some(language), words));
            }
        }
        for entry in node.map_or(&[][..], |node| read::entries(node, "'themes'", problems)) {
            let what = format!("theme '{}'", entry.key);
            read::slug(&entry.key, entry.at, &format!("the name of {what}"), problems);
            let words = read::texts(&entry.value, &what, problems);
            for word in &words {
                if word.chars().filter(|c| c.is_alphanumeric()).count() < 2 {
                    let message = format!("'{word}' of {what} is too short to tell anything");
                    problems.push(Problem::at(entry.value.at, message));
                }
                themes.add(&entry.key, None, word);
            }
            if words.len() > MAX_WORDS {
                problems.push(Problem::at(entry.value.at, format!("{what} has more than {MAX_WORDS} words")));
            }
        }
        themes
    }

    fn add(&mut self, theme: &str, language: Option<usize>, words: &str) {
        let theme = self.names.iter().position(|name| name == theme).unwrap_or_else(|| {
            self.names.push(theme.to_owned());
            self.names.len() - 1
        });
        let open = words.trim().ends_with('*');
        let mut rest = words_of(words);
        if rest.is_empty() {
            return;
        }
        let first = rest.remove(0);
        let is_stem = open && rest.is_empty();
        if is_stem {
            let (shortest, longest) = self.stem_bytes;
            self.stem_bytes = (shortest.min(first.len()), longest.max(first.len()));
        }
        let known = if is_stem { &mut self.stems } else { &mut self.phrases };
        known.entry(first).or_default().push(Term { theme, language, rest, open });
    }

    /// Names of all.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.names.iter().map(String::as_str)
    }

    /// The name of one.
    pub fn name(&self, theme: usize) -> &str {
        &self.names[theme]
    }

    /// The themes that texts in a language speak of, in the order of their numbers.
    pub fn find(&self, language: &str, texts: [&str; 2]) -> Vec<usize> {
        let language = LANGUAGES.iter().position(|known| *known == language);
        let fits = |term: &&Term| language.is_none() || term.language.is_none() || term.language == language;
        let mut found = Vec::new();
        for text in texts {
            let words = words_of(text);
            for (at, word) in words.iter().enumerate() {
                let rest = &words[at + 1..];
                let phrases = self.phrases.get(word).into_iter().flatten();
                found.extend(phrases.filter(fits).filter(|term| term.goes_on(rest)).map(|term| term.theme));
                let (shortest, longest) = self.stem_bytes;
                for length in shortest..=longest.min(word.len()) {
                    let stems =
                        word.get(..length).and_then(|stem| self.stems.get(stem)).into_iter().flatten();
                    found.extend(stems.filter(fits).map(|term| term.theme));
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

impl Term {
    /// Whether what follows the first word is what the term says.
    fn goes_on(&self, words: &[String]) -> bool {
        let last = self.rest.len();
        words.len() >= last
            && self.rest.iter().zip(words).enumerate().all(|(at, (wanted, word))| {
                if self.open && at + 1 == last { word.starts_with(wanted.as_str()) } else { word == wanted }
            })
    }
}

/// The words of a text, in lower case and without diacritics.
fn words_of(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    for letter in letters(text) {
        if letter.is_alphanumeric() {
            word.push(letter);
        } else if !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(themes: &Themes, language: &str, text: &str) -> Vec<String> {
        themes.find(language, ["", text]).into_iter().map(|theme| themes.name(theme).to_owned()).collect()
    }

    #[test]
    fn the_themes_of_complaints_are_found_in_five_languages() {
        let themes = Themes::read(None, &mut Vec::new());
        for (language, text, expected) in [
            ("pl", "Kurier zgubił paczkę", vec!["delivery"]),
            ("pl", "PRZESYLKA nie dotarla", vec!["delivery"]),
            ("pl", "Za drogo, a obsługa niegrzeczna", vec!["price", "staff"]),
            ("pl", "Godziny  otwarcia: zawsze zamknięte", vec!["opening-hours"]),
            ("pl", "Czekam na zwrot, aplikacja się wiesza", vec!["app", "refund", "waiting"]),
            ("pl", "Niebezpieczne hamulce i wadliwe opony", vec!["quality", "safety"]),
            ("sv", "Leveransen är försenad igen", vec!["delivery", "waiting"]),
            ("sv", "Dyrt och trasigt", vec!["price", "quality"]),
            ("sv", "Öppettiderna stämmer inte, personalen otrevlig", vec!["staff", "opening-hours"]),
            ("sv", "Jag vill ha pengarna tillbaka, appen är farlig", vec!["app", "refund", "safety"]),
            ("it", "Sto aspettando il rimborso", vec!["refund", "waiting"]),
            ("it", "Il personale è scortese e il prezzo alto", vec!["price", "staff"]),
            ("it", "Consegna in ritardo, sito web rotto", vec!["delivery", "quality", "app", "waiting"]),
            ("it", "Orari di apertura sbagliati, pericoloso", vec!["opening-hours", "safety"]),
            ("ro", "Aplicația nu merge", vec!["app"]),
            ("ro", "Aplicaţia nu merge, astept de o ora", vec!["app", "waiting"]),
            ("ro", "Prețul e mare și calitatea proastă", vec!["price", "quality"]),
            ("ro", "Curierul nepoliticos, vreau banii înapoi", vec!["delivery", "staff", "refund"]),
            ("ro", "Program de lucru greșit, e periculos", vec!["opening-hours", "safety"]),
            ("en", "The app crashed again", vec!["app"]),
            ("en", "Happy with the snapping sound of my personal phone", vec![]),
            ("en", "I want my  money\n back, rude staff, late delivery", vec!["delivery", "staff", "refund"]),
            (
                "en",
                "Overpriced and broken; was closed; unsafe, waiting",
                vec!["price", "quality", "opening-hours", "waiting", "safety"],
            ),
            ("pl", "Terapeuta mnie poparzył, wylądowałam w szpitalu", vec!["safety"]),
            ("pl", "Nasz szpital kopie nowy prąd", vec![]),
            ("sv", "Han brände mig, hamnade på akuten", vec!["safety"]),
            ("it", "Mi hanno ustionato, sono finita al pronto soccorso", vec!["safety"]),
            ("ro", "M-au ars cu laserul, am ajuns la urgență", vec!["safety"]),
            ("en", "They burned my back, ended up in A&E", vec!["safety"]),
            ("en", "The pizza was burnt, and it's a rip-off", vec!["price"]),
            ("und", "paczka, paket, pacco, colet, parcel", vec!["delivery"]),
            ("und", "nothing of the kind", vec![]),
        ] {
            assert_eq!(found(&themes, language, text), expected, "{text}");
        }
    }

    #[test]
    fn words_of_the_configuration_are_added_to_a_theme_or_make_a_new_one() {
        let node = Node::parse("{delivery: [drone], charging: ['ładowark*', fast charg*]}").unwrap();
        let mut problems = Vec::new();
        let themes = Themes::read(Some(&node), &mut problems);
        assert_eq!(problems, []);
        for (text, expected) in [
            ("the drone fell", vec!["delivery"]),
            ("the drones fell", vec![]),
            ("Zepsuta ładowarka", vec!["charging"]),
            ("no fast charger", vec!["charging"]),
            ("no charger that is fast", vec![]),
        ] {
            assert_eq!(found(&themes, "en", text), expected, "{text}");
        }
        Themes::read(Some(&Node::parse("{x: ['*']}").unwrap()), &mut problems);
        assert_eq!(problems.len(), 1);
    }
}
