//! Which words weighed most.

use std::ops::Range;

use crate::{FIRM, SentimentLabel, TAGS, analyzer::Share, features::Table, model::Model, tokens::Tokens};

/// Spans given for one tag at most.
const MOST_SPANS: usize = 3;
/// Tokens that weigh less than this part of the heaviest are no evidence.
const LEAST_PART: f32 = 1.0 / 3.0;

/// The norm of signs against that of words and letters where an intent is told, in a text of some twenty words.
const SIGN_FACTOR: f32 = 1.6;

/// The words for an attitude rather than the others, in a text that is so likely about a firm.
pub(crate) fn of_sentiment(
    tokens: &Tokens,
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
    spans(tokens, shares.iter().map(weight).collect())
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
    spans(tokens, shares.iter().map(weight).collect())
}

fn spans(tokens: &Tokens, weights: Vec<f32>) -> Vec<Range<usize>> {
    let heaviest = weights.iter().copied().fold(0.0, f32::max);
    if heaviest <= 0.0 {
        return Vec::new();
    }
    let mut spans: Vec<(f32, Range<usize>)> = Vec::with_capacity(4);
    let mut last = None;
    for (index, (token, weight)) in tokens.all().iter().zip(weights).enumerate() {
        if weight < heaviest * LEAST_PART || token.start == token.end {
            continue;
        }
        match spans.last_mut() {
            Some(span) if last.is_some_and(|last| last + 1 == index) => {
                span.0 += weight;
                span.1.end = token.end;
            }
            _ => spans.push((weight, token.start..token.end)),
        }
        last = Some(index);
    }
    spans.sort_by(|(one, first), (other, second)| {
        other.total_cmp(one).then_with(|| first.start.cmp(&second.start))
    });
    spans.truncate(MOST_SPANS);
    spans.into_iter().map(|(_, range)| range).collect()
}
