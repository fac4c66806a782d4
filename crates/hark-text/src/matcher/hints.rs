//! How a post is written, looked at only when a word of it is in doubt.

use std::{cell::OnceCell, collections::HashMap, sync::LazyLock};

use crate::{
    filter::Filter,
    fold::{ByHash, Class, Piece, Pieces, class, fold, hash_folded},
    languages::Languages,
};

pub(super) struct Hints<'a> {
    text: &'a str,
    diacritics: OnceCell<bool>,
    capitals: OnceCell<bool>,
    language: OnceCell<Guess>,
}

/// What the little words of a post tell.
#[derive(Clone, Copy)]
struct Guess {
    /// Those with the most votes.
    leading: Languages,
    /// The only one, with a vote to spare; else none.
    sure: Languages,
    /// Those that a little word lacks its diacritics in: "pa".
    bare: Languages,
}

impl<'a> Hints<'a> {
    pub fn of(text: &'a str) -> Self {
        Self { text, diacritics: OnceCell::new(), capitals: OnceCell::new(), language: OnceCell::new() }
    }

    /// The author writes diacritics.
    pub fn diacritics(&self) -> bool {
        *self.diacritics.get_or_init(|| {
            self.text.chars().any(|c| !c.is_ascii() && (class(c) == Class::Mark || c.is_alphabetic()))
        })
    }

    /// The author begins words with capitals; abbreviations tell nothing.
    pub fn capitals(&self) -> bool {
        *self.capitals.get_or_init(|| {
            let begins = |word: &str| {
                let mut letters = word.chars();
                letters.next().is_some_and(char::is_uppercase)
                    && letters.next().is_none_or(|second| second.is_lowercase())
            };
            self.text.split(|c: char| !c.is_alphanumeric()).any(begins)
        })
    }

    /// The language that the little words of the post belong to; none where they do not tell.
    pub fn language(&self) -> Languages {
        self.guess().leading
    }

    /// The language that the post is certainly in; none where there is doubt.
    pub fn sure_language(&self) -> Languages {
        self.guess().sure
    }

    /// The author leaves diacritics out, in one of these languages at least.
    pub fn lacks_diacritics(&self, languages: Languages) -> bool {
        !self.diacritics() && self.guess().bare.meets(languages)
    }

    fn guess(&self) -> Guess {
        *self.language.get_or_init(|| guess(self.text, self.diacritics()))
    }
}

fn guess(text: &str, diacritics: bool) -> Guess {
    let mut votes = [0_u32; 5];
    let mut bare = Languages::NONE;
    for piece in Pieces::new(text).take(MOST_WORDS) {
        let Some(little) = LITTLE.get(&piece.hash) else { continue };
        if is_in_name(text, piece) {
            continue;
        }
        bare = bare.with(little.marked.without(little.ascii));
        let languages = match diacritics {
            true if text[piece.start..piece.end].is_ascii() => little.ascii,
            true => little.marked,
            false => little.ascii.with(little.marked),
        };
        for (vote, (language, _)) in votes.iter_mut().zip(Languages::each()) {
            *vote += u32::from(languages.meets(language));
        }
    }
    let most = votes.iter().copied().max().unwrap_or(0);
    let leads = votes.iter().zip(Languages::each()).filter(|(vote, _)| most > 0 && **vote == most);
    let leading = leads.fold(Languages::NONE, |set, (_, (language, _))| set.with(language));
    let leading = if most == 0 { by_letters(text) } else { leading };
    let close = votes.iter().filter(|vote| **vote + 1 >= most).count();
    let sure = if most > 1 && close == 1 { leading } else { Languages::NONE };
    Guess { leading, sure, bare }
}

/// Whether a word has a capital, and so has the one after it: Swedish Per Sund is no Italian `per`.
fn is_in_name(text: &str, piece: Piece) -> bool {
    let word = &text[piece.start..piece.end];
    let capital = |letters: &str| letters.starts_with(char::is_uppercase);
    capital(word)
        && word.ends_with(char::is_lowercase)
        && text[piece.end..].strip_prefix(' ').is_some_and(|after| {
            let next = &after[..after.find(|c: char| !c.is_alphanumeric()).unwrap_or(after.len())];
            capital(next) && next.ends_with(char::is_lowercase)
        })
}

/// The language that alone has a letter of the text; none where there is no such letter.
fn by_letters(text: &str) -> Languages {
    const OWN: [(Languages, &str); 4] = [
        (Languages::PL, "ąćęłńśźżĄĆĘŁŃŚŹŻ"),
        (Languages::SV, "åÅäÄöÖ"),
        (Languages::IT, "àìòù"),
        (Languages::RO, "ășțşţĂȘȚŞŢ"),
    ];
    let has = OWN.iter().filter(|(_, letters)| text.contains(|c: char| !c.is_ascii() && letters.contains(c)));
    let mut having = has.map(|(language, _)| *language);
    having.next().filter(|_| having.next().is_none()).unwrap_or(Languages::NONE)
}

/// A language shows in the first words.
const MOST_WORDS: usize = 200;

/// Words that are in every other sentence of a language and rare in the rest.
const LITTLE_WORDS: [(Languages, &str); 5] = [
    (
        Languages::PL,
        "nie to się na a jest że do jak co ale tak już tylko mnie czy mam za po od dla przez są był było ten ta te ja ty \
         pan pani bardzo jestem może kiedy gdzie która który z w i u o przed pod też ich jego jej bez nad mi",
    ),
    (
        Languages::SV,
        "och att det är jag inte på en ett som för med av till har de du vi kan så om men var den han hon ska vill min \
         din mig dig sig från när hur vad nu här där bara eller också mycket finns någon alla hos efter i",
    ),
    (
        Languages::IT,
        "che di non il la un una per sono è mi ho con ma lo si le da del della al alla nel gli anche questo questa più \
         come se ha hai cosa perché molto quando sempre ci ti mio mia e a i in dei delle dal",
    ),
    (
        Languages::RO,
        "și nu să de la cu o un am pe ce mai în din este e că a ai au sunt dar pentru care ca fost eu mi lui cum \
         foarte asta acum dacă sau fi va meu mea ei el le al ale când unde prea doar fără lor",
    ),
    (
        Languages::EN,
        "the and to of a i is it you that in for on was with my have this be are not but at they so me just your what \
         get like all from can do if we when has had an or no out about how been by our their were she he",
    ),
];

/// The languages of a little word, by how they write it: English `for` and Swedish `för`.
#[derive(Default)]
struct Little {
    ascii: Languages,
    /// With a diacritic.
    marked: Languages,
}

static LITTLE: LazyLock<HashMap<u64, Little, ByHash>> = LazyLock::new(|| {
    let mut little: HashMap<u64, Little, ByHash> = HashMap::default();
    for (language, words) in LITTLE_WORDS {
        for word in words.split_whitespace() {
            let known = little.entry(hash_folded(&fold(word))).or_default();
            let languages = if word.is_ascii() { &mut known.ascii } else { &mut known.marked };
            *languages = languages.with(language);
        }
    }
    little
});

/// The little words that tell at once whether a post may be Swedish.
pub(super) struct Told {
    /// Those that only Swedish has.
    pub swedish: Filter,
    /// Those that it has not.
    pub foreign: Filter,
}

pub(super) static TOLD: LazyLock<Told> = LazyLock::new(|| {
    let of = |wanted: fn(Languages) -> bool| {
        let wanted = LITTLE.iter().filter(|(_, little)| wanted(little.ascii.with(little.marked)));
        Filter::of(wanted.map(|(hash, _)| *hash))
    };
    Told {
        swedish: of(|languages| languages == Languages::SV),
        foreign: of(|languages| !languages.meets(Languages::SV)),
    }
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_words_tell_the_language() {
        let language = |text| Hints::of(text).language();
        assert_eq!(language("Jag har köpt en ny soffa"), Languages::SV);
        assert_eq!(language("nie wiem, co to jest"), Languages::PL);
        assert_eq!(language("The shelf is not in stock"), Languages::EN);
        assert_eq!(language("Kvarnby!"), Languages::NONE);
        // "för" is no "for".
        assert_eq!(language("Bilverkstäderna längs E4:an tar betalt för ett däckbyte"), Languages::SV);
    }
}
