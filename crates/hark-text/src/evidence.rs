//! Which words weighed most.

use std::ops::Range;

use crate::{
    FIRM, SentimentLabel, TAGS,
    analyzer::Share,
    features::Table,
    model::Model,
    tokens::{Token, TokenKind, Tokens},
};

/// Spans given for one tag at most.
const MOST_SPANS: usize = 3;
/// Tokens that weigh less than this part of the heaviest are no evidence.
const LEAST_PART: f32 = 1.0 / 3.0;

/// The norm of signs against that of words and letters where an intent is told, in a text of some twenty words.
const SIGN_FACTOR: f32 = 1.6;

/// The words for an attitude rather than the others, among some tokens with their shares, in a text that is so likely about a firm.
pub(crate) fn of_sentiment(
    (tokens, all): (&Tokens, &[Token]),
    shares: &[Share],
    tags: &Model<TAGS>,
    label: SentimentLabel,
    firm: f32,
) -> Vec<Range<usize>> {
    let worth = Table::ALL.map(|table| {
        std::array::from_fn(|output| {
            let part = if output < FIRM { 1.0 - firm } else { firm };
            // After negative, neutral and positive come the same as posts about firms have them.
            let side = if output % FIRM == label as usize { 1.0 } else { -0.5 };
            tags.scale(table as usize, output) * part * side
        })
    });
    let weight = |share: &Share| {
        let of = |(units, worth): (&[i16; TAGS], &[f32; 2 * FIRM])| -> f32 {
            units.iter().zip(worth).map(|(units, worth)| f32::from(*units) * worth).sum()
        };
        share.iter().zip(&worth).map(of).sum()
    };
    spans((tokens, all), &shares.iter().map(weight).collect::<Vec<f32>>())
}

/// The words for an intent.
pub(crate) fn of_intent(
    tokens: &Tokens,
    shares: &[Share],
    tags: &Model<TAGS>,
    at: usize,
) -> Vec<Range<usize>> {
    let worth = Table::ALL.map(|table| {
        let factor = if table == Table::Signs { SIGN_FACTOR } else { 1.0 };
        tags.scale(table as usize, at) * factor
    });
    let weight =
        |share: &Share| share.iter().zip(worth).map(|(units, worth)| f32::from(units[at]) * worth).sum();
    spans((tokens, tokens.all()), &shares.iter().map(weight).collect::<Vec<f32>>())
}

fn spans((tokens, all): (&Tokens, &[Token]), weights: &[f32]) -> Vec<Range<usize>> {
    let heaviest = |kinds: fn(&Tokens, &Token) -> bool| {
        let heavier = |most: f32, (token, weight): (&Token, &f32)| {
            if *weight > most && kinds(tokens, token) { *weight } else { most }
        };
        all.iter().zip(weights).fold(0.0, heavier)
    };
    // A reader learns nothing from a full stop, and from an account's name only where no word says anything.
    let said = heaviest(says);
    let (kinds, most): (fn(&Tokens, &Token) -> bool, f32) =
        if said > 0.0 { (says, said) } else { (points, heaviest(points)) };
    let least = most * LEAST_PART;
    let mut spans: Vec<(f32, Range<usize>)> = Vec::with_capacity(4);
    let mut last = None;
    for (index, (token, weight)) in all.iter().zip(weights).enumerate() {
        if *weight <= 0.0 || *weight < least || token.start == token.end || !kinds(tokens, token) {
            continue;
        }
        match spans.last_mut() {
            Some(span) if last.is_some_and(|last| last + 1 == index) => {
                span.0 += weight;
                span.1.end = token.end;
            }
            _ => spans.push((*weight, token.start..token.end)),
        }
        last = Some(index);
    }
    spans.sort_by(|(one, first), (other, second)| {
        other.total_cmp(one).then_with(|| first.start.cmp(&second.start))
    });
    spans.truncate(MOST_SPANS);
    let spans: Vec<Range<usize>> = spans.into_iter().map(|(_, range)| range).collect();
    if spans.is_empty() { lightest_against((tokens, all), weights) } else { spans }
}

/// The word that speaks least against a tag where none speaks for it, or only one of the title does.
fn lightest_against((tokens, all): (&Tokens, &[Token]), weights: &[f32]) -> Vec<Range<usize>> {
    let words = all.iter().zip(weights).filter(|(token, _)| token.start < token.end);
    let rank = |token: &Token| (says(tokens, token), points(tokens, token));
    let best = words.max_by(|(one, less), (other, more)| {
        rank(one).cmp(&rank(other)).then_with(|| less.total_cmp(more)).then(other.start.cmp(&one.start))
    });
    best.map(|(token, _)| token.start..token.end).into_iter().collect()
}

/// A word, an emoji, `!` or `?`.
fn says(tokens: &Tokens, token: &Token) -> bool {
    match token.kind {
        TokenKind::Word | TokenKind::Emoji => true,
        TokenKind::Mark => !tokens.bytes_of(token).starts_with(b"."),
        TokenKind::Link | TokenKind::Mention => false,
    }
}

/// An address or an account's name.
fn points(_: &Tokens, token: &Token) -> bool {
    matches!(token.kind, TokenKind::Link | TokenKind::Mention)
}

#[cfg(test)]
mod tests {
    use crate::{Analyzer, Input, Scratch};

    /// Spans of sentiment and intents of a text.
    fn evidence(text: &str) -> Vec<Vec<&str>> {
        let analyzer = Analyzer::shipped().unwrap();
        let analysis = analyzer.analyze(&Input { text, ..Input::default() }, &mut Scratch::default());
        let intents = analysis.intents.iter().map(|intent| &intent.evidence);
        let all = std::iter::once(&analysis.sentiment.evidence).chain(intents);
        all.map(|spans| spans.iter().map(|span| &text[span.clone()]).collect()).collect()
    }

    #[test]
    fn no_tag_is_told_by_a_full_stop_and_each_is_told_by_something() {
        for text in [
            "The parcel came late. Nobody answers. I want my money back.",
            "Paczka nie doszła. Trzeci tydzień czekam... Nikt nie odbiera telefonu.",
            "Inget svar. Ingen leverans. @norvahjalp",
            "Rimborso mai arrivato. Che vergogna… https://norva.example/a",
            "Comanda nu a ajuns. Nu răspunde nimeni.",
            "Ok.",
        ] {
            for spans in evidence(text) {
                let said =
                    |span: &&str| span.contains(|c: char| c.is_alphanumeric() || matches!(c, '!' | '?'));
                assert!(!spans.is_empty() && spans.iter().all(said), "{text}: {spans:?}");
                let pointed = |span: &&str| span.starts_with('@') || span.starts_with("http");
                assert!(!spans.iter().any(pointed), "{text}: {spans:?}");
            }
        }
    }

    #[test]
    fn where_there_is_nothing_but_an_account_it_is_shown() {
        assert_eq!(evidence("@norvahjalp .")[0], ["@norvahjalp"]);
        assert!(evidence("")[0].is_empty());
    }
}
