//! Which words weighed most.

use std::ops::Range;

use crate::{
    FIRST_INTENT, SentimentLabel, TAGS, analyzer::Share, features::Table, model::Model, tokens::Tokens,
};

/// Spans given for one tag at most.
const MOST_SPANS: usize = 3;
/// Tokens that weigh less than this part of the heaviest are no evidence.
const LEAST_PART: f32 = 1.0 / 3.0;

/// The norm of signs against that of words and letters where an intent is told, in a text of some twenty words.
const SIGN_FACTOR: f32 = 1.6;

/// The words for an attitude rather than the others.
pub(crate) fn of_sentiment(
    tokens: &Tokens,
    shares: &[Share],
    tags: &Model<TAGS>,
    label: SentimentLabel,
) -> Vec<Range<usize>> {
    let at = label as usize;
    let weight = |index: usize| {
        let all = [0, 1, 2].map(|at| value(&shares[index], tags, at));
        all[at] * 1.5 - all.iter().sum::<f32>() * 0.5
    };
    spans(tokens, weight)
}

/// The words for an intent.
pub(crate) fn of_intent(
    tokens: &Tokens,
    shares: &[Share],
    tags: &Model<TAGS>,
    at: usize,
) -> Vec<Range<usize>> {
    spans(tokens, |index| value(&shares[index], tags, at))
}

/// What an output gets from a token.
fn value(share: &Share, tags: &Model<TAGS>, at: usize) -> f32 {
    let of = |table: Table| {
        let factor = if table == Table::Signs && at >= FIRST_INTENT { SIGN_FACTOR } else { 1.0 };
        f32::from(share[table as usize][at]) * tags.scale(table as usize, at) * factor
    };
    Table::ALL.into_iter().map(of).sum()
}

fn spans(tokens: &Tokens, weight: impl Fn(usize) -> f32) -> Vec<Range<usize>> {
    let all = tokens.all();
    let heaviest = (0..all.len()).map(&weight).fold(0.0, f32::max);
    if heaviest <= 0.0 {
        return Vec::new();
    }
    let mut spans: Vec<(f32, Range<usize>)> = Vec::with_capacity(4);
    let mut last = None;
    for (index, token) in all.iter().enumerate() {
        let weight = weight(index);
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
