//! Which words of a text speak of which of several subjects, and how one is weighed against another.

use std::ops::Range;

use crate::{
    Match,
    tokens::{TokenKind, Tokens},
};

/// What tells the attitude toward a mention.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// These tokens.
    By(Range<usize>),
    /// The opposite of what these tokens say.
    Against(Range<usize>),
    /// How it is set against another subject: it is the better one, or not, by these bytes.
    Compared { better: bool, by: Range<usize> },
}

/// For each match of several subjects what tells the attitude toward it.
pub(crate) fn told(text: &str, tokens: &Tokens, matches: &[Match]) -> Vec<Told> {
    let sentence = Sentence { text, tokens };
    let places = sentence.places(matches);
    let clauses: Vec<Range<usize>> = (0..matches.len())
        .map(|index| {
            let other = |near: usize| {
                matches[near].subject != matches[index].subject
                    && !sentence.beside(places[near.min(index)], places[near.max(index)])
            };
            let near = index.saturating_sub(REACH)..(index + REACH).min(matches.len());
            let before = (near.start..index).rev().find(|near| other(*near)).map(|near| places[near]);
            let after = (index + 1..near.end).find(|near| other(*near)).map(|near| places[near]);
            sentence.clause(places[index], before, after)
        })
        .collect();
    let mut told: Vec<Told> = clauses.iter().cloned().map(Told::By).collect();
    for right in 1..matches.len() {
        let left = right - 1;
        if matches[left].subject == matches[right].subject {
            continue;
        }
        if let Some((one, other, by)) = sentence.contrast(places[left], places[right]) {
            let resolve = |side: Side| match side {
                Side::Better => Told::Compared { better: true, by: by.clone() },
                Side::Worse => Told::Compared { better: false, by: by.clone() },
                Side::AsSaid => Told::By(sentence.whole(places[left])),
                Side::Contrary => Told::Against(sentence.whole(places[left])),
            };
            told[left] = resolve(one);
            told[right] = resolve(other);
        }
    }
    told
}

#[derive(Clone, Copy)]
enum Side {
    Better,
    Worse,
    /// As the sentence says.
    AsSaid,
    /// The contrary of what it says.
    Contrary,
}

struct Sentence<'a> {
    text: &'a str,
    tokens: &'a Tokens,
}

impl Sentence<'_> {
    fn len(&self) -> usize {
        self.tokens.all().len()
    }

    fn word(&self, at: usize) -> &[u8] {
        self.tokens.all().get(at).map_or(b"", |token| self.tokens.bytes_of(token))
    }

    /// The token that each match begins with; matches are in order of position.
    fn places(&self, matches: &[Match]) -> Vec<usize> {
        let all = self.tokens.all();
        let mut at = 0;
        let place = |hit: &Match| {
            at += all[at..].iter().position(|token| token.end > hit.start).unwrap_or(0);
            at
        };
        matches.iter().map(place).collect()
    }

    fn is_mark(&self, at: usize) -> bool {
        self.tokens.all().get(at).is_some_and(|token| token.kind == TokenKind::Mark)
    }

    fn turns(&self, at: usize) -> bool {
        self.tokens.all().get(at).is_some_and(|token| token.kind == TokenKind::Word) && turns(self.word(at))
    }

    /// Whether a comma, a semicolon, a colon or a dash stands before a token.
    fn pause_before(&self, at: usize) -> bool {
        let all = self.tokens.all();
        let (Some(before), Some(here)) = (at.checked_sub(1).map(|before| &all[before]), all.get(at)) else {
            return false;
        };
        let between = self.text.get(before.end..here.start).unwrap_or("");
        between.contains([',', ';', ':', '–', '—']) || between.contains(" - ")
    }

    /// The sentence around a token.
    fn whole(&self, at: usize) -> Range<usize> {
        self.around(at, |index| self.is_mark(index))
    }

    /// The tokens around one, up to those that end a stretch, the last of which belongs to it; `REACH` tokens to each side at most.
    fn around(&self, at: usize, ends: impl Fn(usize) -> bool) -> Range<usize> {
        let (least, most) = (at.saturating_sub(REACH), (at + REACH).min(self.len()));
        let from = (least..at).rev().find(|before| ends(*before)).map_or(least, |end| end + 1);
        let to = (at..most).find(|after| ends(*after)).map_or(most, |end| end + 1);
        from..to.max(from)
    }

    /// The clause around a mention at `at`: up to a mark, to a word that turns the sentence round, or to where what is said of the other
    /// subjects beside it ends and begins.
    fn clause(&self, at: usize, before: Option<usize>, after: Option<usize>) -> Range<usize> {
        let Range { start: mut from, end: mut to } =
            self.around(at, |index| self.is_mark(index) || self.turns(index));
        if let Some(before) = before.filter(|before| *before >= from) {
            from = self.border(before, at);
        }
        if let Some(after) = after.filter(|after| *after < to) {
            to = self.border(at, after);
        }
        from.min(at)..to.max(at)
    }

    /// Where what is said of the subject at `right` begins, `left` being another one: at the last pause between them, at the last word that
    /// joins clauses, or at the name.
    fn border(&self, left: usize, right: usize) -> usize {
        let pause = (left + 1..=right).rev().find(|at| self.pause_before(*at));
        let joint = || (left + 1..right).rev().find(|at| joins(self.word(*at)));
        pause.or_else(joint).unwrap_or(right)
    }

    /// Whether two subjects are named in one breath: "Norvia and Teldra".
    fn beside(&self, left: usize, right: usize) -> bool {
        (left + 1..right).all(|at| {
            matches!(
                self.word(at),
                b"and"
                    | b"or"
                    | b"och"
                    | b"eller"
                    | b"i"
                    | b"oraz"
                    | b"lub"
                    | b"czy"
                    | b"ani"
                    | b"e"
                    | b"ed"
                    | b"o"
                    | b"che"
                    | b"ne"
                    | b"si"
                    | b"sau"
                    | b"nor"
            )
        })
    }

    /// How two subjects in one sentence are set against each other, and the bytes of the word that does it.
    fn contrast(&self, left: usize, right: usize) -> Option<(Side, Side, Range<usize>)> {
        let whole = self.whole(left);
        if right <= left || !whole.contains(&right) {
            return None;
        }
        // "A > B": no word stands between them.
        let gap = self.end(left)..self.start(right);
        if let Some(at) = self.text.get(gap.clone()).and_then(|gap| gap.find(" > ")) {
            let sign = gap.start + at + 1;
            return Some((Side::Better, Side::Worse, sign..sign + 1));
        }
        // Where one of some turns of phrase stands first.
        let said = |mut places: Range<usize>, turns: &[&str]| {
            places.find_map(|at| {
                let turn = turns.iter().find(|turn| self.says(at, turn))?;
                Some(self.start(at)..self.end(at + turn.split(' ').count() - 1))
            })
        };
        let (opening, middle) = (left.saturating_sub(NEAR + 1).max(whole.start)..left, left + 1..right);
        // "unlike A, B answers"; not "unlike A, who lost it, B", where each has words of its own
        if let Some(by) = said(opening, UNLIKE).filter(|_| middle.len() <= NEAR) {
            return Some((Side::Contrary, Side::AsSaid, by));
        }
        if self.beside(left, right) {
            return None;
        }
        let near =
            |at: usize, turns: &[&str]| said(at.saturating_sub(NEAR).max(whole.start)..at, turns).is_some();
        // "A answers, unlike B"
        if let Some(by) = said(middle.clone(), UNLIKE) {
            return Some((Side::AsSaid, Side::Contrary, by));
        }
        // "instead of waiting at A go to B"
        if let Some(by) = said(whole.start..left, INSTEAD) {
            return Some((Side::Worse, Side::Better, by));
        }
        // "rather A than B", "I'd take A over B", "prefer A instead of B"
        let set_against = || said(middle.clone(), PREFERRED_TO).or_else(|| said(middle.clone(), INSTEAD));
        let prefers = said(whole.start..left, PREFERS).filter(|_| set_against().is_some());
        let takes = || said(whole.start..left, TAKES).filter(|_| said(middle.clone(), &["over"]).is_some());
        if let Some(by) = prefers.or_else(takes) {
            return Some((Side::Better, Side::Worse, by));
        }
        // "A puts B to shame", "A is no match for B"
        if let Some(by) = said(right..whole.end, SHAMES).filter(|_| said(middle.clone(), &["put*"]).is_some())
        {
            return Some((Side::Better, Side::Worse, by));
        }
        if let Some(by) = said(middle.clone(), FALLS_SHORT) {
            return Some((Side::Worse, Side::Better, by));
        }
        let negated = self.tokens.all()[middle.clone()].iter().any(|token| token.negation);
        if let Some(by) = said(middle.clone(), BETTER_THAN).filter(|_| !negated) {
            return Some((Side::Better, Side::Worse, by));
        }
        if let Some(by) = said(middle.clone(), WORSE_THAN).filter(|_| !negated) {
            return Some((Side::Worse, Side::Better, by));
        }
        if let Some(by) = said(whole.clone(), SWITCHES) {
            // "switched from A to B"
            if near(left, FROM) && near(right, TO) {
                return Some((Side::Worse, Side::Better, by));
            }
            if near(left, TO) && near(right, FROM) {
                return Some((Side::Better, Side::Worse, by));
            }
        }
        // "left A for B"
        if let Some(by) = said(whole.clone(), LEAVES)
            && said(middle.clone(), FOR).is_some()
            && near(right, FOR)
        {
            return Some((Side::Worse, Side::Better, by));
        }
        // "A beats B"
        if let Some(by) = said(middle.clone(), BEATS) {
            return Some((Side::Better, Side::Worse, by));
        }
        // "A should learn from B", "if A were half as honest as B"
        let learns = said(whole.clone(), LEARNS).filter(|_| near(right, FROM));
        if let Some(by) = learns.or_else(|| said(whole.clone(), HALF)) {
            return Some((Side::Worse, Side::Better, by));
        }
        // "A is better than B"
        said(middle, THAN).map(|by| (Side::AsSaid, Side::Contrary, by))
    }

    /// Whether some words, folded and parted by spaces, stand at a token in a row; one that ends in `*` is a beginning.
    fn says(&self, at: usize, turn: &str) -> bool {
        turn.split(' ').zip(at..).all(|(word, at)| match word.strip_suffix('*') {
            Some(stem) => self.word(at).starts_with(stem.as_bytes()),
            None => self.word(at) == word.as_bytes(),
        })
    }

    fn start(&self, at: usize) -> usize {
        self.tokens.all().get(at).map_or(0, |token| token.start)
    }

    fn end(&self, at: usize) -> usize {
        self.tokens.all().get(at).map_or(0, |token| token.end)
    }
}

/// Nothing farther away is looked at: a bound on what a text that is one sentence of many names can cost.
const REACH: usize = 64;

/// Words between a preposition and a name at most, the preposition included: "from the people at Norrsken".
const NEAR: usize = 3;

/// Beginnings of folded words of changing over.
const SWITCHES: &[&str] = &[
    "switch*",
    "moved*",
    "moving*",
    "changed*",
    "swapp*",
    "went*",
    "przesz*",
    "przesiad*",
    "przenio*",
    "uciek*",
    "uciecz*",
    "zmienil*",
    "wrocil*",
    "bytt*",
    "byta*",
    "gick*",
    "flytta*",
    "passat*",
    "passand*",
    "cambiat*",
    "tornat*",
    "trecut*",
    "mutat*",
    "schimbat*",
    "intors*",
    "fug*",
    "plecat*",
    "odesz*",
    "odszed*",
];

/// Beginnings of folded words of leaving.
const LEAVES: &[&str] = &[
    "left*",
    "leav*",
    "dump*",
    "ditch*",
    "quit*",
    "drop*",
    "porzuci*",
    "rzuci*",
    "zostawi*",
    "zamieni*",
    "lamna*",
    "dumpa*",
    "bytt*",
    "mollat*",
    "lasciat*",
    "lasciare*",
    "mollare*",
    "abbandon*",
    "parasit*",
    "renuntat*",
    "lasat*",
];

const FROM: &[&str] =
    &["from", "off", "z", "ze", "od", "fran", "av", "da", "dal", "dalla", "di", "de", "din", "of"];
const TO: &[&str] = &["to", "do", "na", "till", "a", "ad", "al", "alla", "la"];
const FOR: &[&str] = &["for", "dla", "na", "for", "mot", "per", "pentru"];
const BEATS: &[&str] =
    &["beats", "beat", "bije", "slar", "batte", "bate", "spoglad", "outclasses", "wygrywa", "besegrar"];
/// Before the one that is not like the other.
const UNLIKE: &[&str] = &[
    "unlike",
    "przeciwienstwie do",
    "odroznieniu od",
    "skillnad fran",
    "skillnad mot",
    "differenza di",
    "differenza del*",
    "differenza da*",
    "deosebire de",
];
/// Before the one that is given up.
const INSTEAD: &[&str] = &[
    "instead of",
    "rather than",
    "zamiast",
    "stallet for",
    "istallet for",
    "invece di",
    "invece che",
    "invece del*",
    "anziche",
    "loc de",
    "loc sa",
];
/// Before the one that is preferred.
const PREFERS: &[&str] = &[
    "rather", "prefer*", "wole", "woli", "wolimy", "wolal*", "hellre", "foredra*", "meglio", "preferi*",
    "mai bine",
];
/// Between it and the other.
const PREFERRED_TO: &[&str] =
    &["than", "to", "over", "niz", "od", "an", "framfor", "che", "a", "ad", "rispetto", "decat", "fata de"];
/// Before the one that is chosen "over" the other.
const TAKES: &[&str] = &["take*", "took", "give*", "gave", "pick*", "choos*", "chose*", "recommend*"];
/// After the one that cannot keep up.
const SHAMES: &[&str] = &["to shame"];
/// Between the one that cannot keep up and the other.
const FALLS_SHORT: &[&str] = &[
    "candle to",
    "patch on",
    "match for",
    "nowhere near as",
    "wishes it",
    "wishes they",
    "example from",
    "dorasta",
    "dorastaja",
    "umywa",
    "umywaja",
    "przyklad z",
    "inte upp till",
    "narheten av",
    "ta efter",
    "exempel av",
    "altezza di",
    "altezza del*",
    "sogna",
    "sognano",
    "esempio da*",
    "mult sub",
    "ridica la",
    "exemplu de",
];
const BETTER_THAN: &[&str] = &[
    "migliore di",
    "migliori di",
    "meglio di",
    "meglio del*",
    "lepsz* od",
    "lepiej od",
    "lepiej niz",
    "superior to",
    "superiore a",
];
const WORSE_THAN: &[&str] = &[
    "peggio di",
    "peggio del*",
    "peggiore di",
    "peggiori di",
    "gorsz* od",
    "gorzej od",
    "gorzej niz",
    "inferior to",
];
const LEARNS: &[&str] = &["learn*", "leaf*", "uczy*", "nauczy*", "lara*", "impar*", "inve*"];
const HALF: &[&str] = &["half", "polowie", "polowe", "halften", "halva", "meta", "jumatate"];
const THAN: &[&str] = &["than", "niz", "an", "decat"];

/// Whether a folded word begins another clause.
fn joins(word: &[u8]) -> bool {
    matches!(
        word,
        b"and"
            | b"so"
            | b"when"
            | b"what"
            | b"where"
            | b"which"
            | b"since"
            | b"i"
            | b"a"
            | b"wiec"
            | b"gdy"
            | b"kiedy"
            | b"co"
            | b"odkad"
            | b"skoro"
            | b"jak"
            | b"och"
            | b"nar"
            | b"vad"
            | b"sedan"
            | b"dar"
            | b"e"
            | b"ed"
            | b"quando"
            | b"dove"
            | b"perche"
            | b"si"
            | b"cand"
            | b"unde"
            | b"ce"
            | b"de"
    )
}

/// Whether a folded word turns the sentence round.
fn turns(word: &[u8]) -> bool {
    matches!(
        word,
        b"ale"
            | b"lecz"
            | b"natomiast"
            | b"men"
            | b"medan"
            | b"ma"
            | b"pero"
            | b"mentre"
            | b"invece"
            | b"dar"
            | b"insa"
            | b"iar"
            | b"but"
            | b"while"
            | b"whereas"
            | b"however"
            | b"aber"
            | b"mais"
            | b"unlike"
            | b"za"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What tells of Norvia and of Teldra, in this order: words, or `+` and `-`.
    fn told_of(text: &str) -> (String, String) {
        let mut tokens = Tokens::default();
        tokens.read("", text);
        let mut matches: Vec<Match> = ["Norvi", "Teldr"]
            .iter()
            .enumerate()
            .map(|(subject, name)| {
                let start = text.find(name).unwrap();
                Match { subject, term: 0, start, end: start + name.len() + 1 }
            })
            .collect();
        matches.sort_by_key(|hit| hit.start);
        let words = |clause: &Range<usize>| {
            let all = &tokens.all()[clause.clone()];
            all.first().map_or(String::new(), |first| text[first.start..all[all.len() - 1].end].to_owned())
        };
        let mut told: Vec<(usize, String)> = told(text, &tokens, &matches)
            .iter()
            .zip(&matches)
            .map(|(told, hit)| {
                let told = match told {
                    Told::By(clause) => words(clause),
                    Told::Against(clause) => format!("not: {}", words(clause)),
                    Told::Compared { better, by } => {
                        format!("{} {}", if *better { '+' } else { '-' }, &text[by.clone()])
                    }
                };
                (hit.subject, told)
            })
            .collect();
        told.sort();
        (told[0].1.clone(), told[1].1.clone())
    }

    #[test]
    fn each_subject_is_told_of_by_its_own_words() {
        for (text, norvia, teldra) in [
            ("Norvia is great, but Teldra never again", "Norvia is great, but", "Teldra never again"),
            (
                "Norvia lost my parcel, Teldra brought it in a day",
                "Norvia lost my parcel",
                "Teldra brought it in a day",
            ),
            ("Kocham Norvię. Teldra to dno.", "Kocham Norvię.", "Teldra to dno."),
            ("Teldra sucks and Norvia rocks!", "and Norvia rocks!", "Teldra sucks"),
            (
                "Norvia och Teldra är lika bra",
                "Norvia och Teldra är lika bra",
                "Norvia och Teldra är lika bra",
            ),
        ] {
            assert_eq!(told_of(text), (norvia.to_owned(), teldra.to_owned()), "{text}");
        }
    }

    #[test]
    fn subjects_are_set_against_each_other() {
        for (text, by) in [
            ("Switched from Teldra to Norvia last month", "Switched"),
            ("Przesiadłam się z Teldry na Norvię", "Przesiadłam"),
            ("Bytte från Teldra till Norvia", "Bytte"),
            ("Sono passata da Teldra a Norvia", "passata"),
            ("M-am mutat de la Teldra la Norvia", "mutat"),
            ("Leaving Teldra for Norvia was the best decision", "Leaving"),
            ("Norvia's service beats Teldra's by miles", "beats"),
            ("Teldra should learn from Norvia", "learn"),
            ("If only Teldra were half as honest as Norvia", "half"),
            ("Norvia > Teldra, any day", ">"),
            ("Rather Norvia than Teldra", "Rather"),
            ("Hellre Norvia än Teldra, de svarar i alla fall", "Hellre"),
            ("Mai bine Norvia decât Teldra, măcar răspund", "Mai bine"),
            ("Wolę Norvię od Teldry", "Wolę"),
            ("Preferisco Norvia a Teldra", "Preferisco"),
            ("Jag föredrar Norvia framför Teldra", "föredrar"),
            ("I'd take Norvia over Teldra any day", "take"),
            ("Prefer Norvia în loc de Teldra", "Prefer"),
            ("Zamiast tracić czas w Teldrze jedźcie do Norvii", "Zamiast"),
            ("Norvia puts Teldra to shame", "to shame"),
            ("Teldra nie dorasta Norvii do pięt", "dorasta"),
            ("Teldra can't hold a candle to Norvia", "candle to"),
            ("Teldra non è all'altezza di Norvia", "altezza di"),
            ("Teldra når inte upp till Norvia", "inte upp till"),
            ("Teldra powinna brać przykład z Norvii", "przykład z"),
            ("Teldra wishes it had Norvia's staff", "wishes it"),
            ("Norvia costa meno e funziona meglio di Teldra", "meglio di"),
            ("Teldra è peggio di Norvia", "peggio di"),
            ("Am plecat de la Teldra la Norvia și e o diferență mare", "plecat"),
        ] {
            assert_eq!(told_of(text), (format!("+ {by}"), format!("- {by}")), "{text}");
        }
        for text in [
            "Unlike Teldra, Norvia answers the phone",
            "Norvia answers the phone, unlike Teldra",
            "W przeciwieństwie do Teldry Norvia odbiera telefon",
            "Till skillnad från Teldra svarar Norvia",
            "A differenza di Teldra, Norvia risponde",
            "Spre deosebire de Teldra, Norvia răspunde",
        ] {
            let (norvia, teldra) = told_of(text);
            assert_eq!((&*norvia, teldra), (text, format!("not: {text}")));
        }
        let (norvia, teldra) = told_of("Norvia is so much better than Teldra");
        assert_eq!(teldra, format!("not: {norvia}"));
    }
}
