//! Which words weighed most.

use std::{cmp::Reverse, ops::Range};

use crate::{SentimentLabel, analyzer::Shares, model::Output, tokens::Tokens};

/// Spans given for one tag at most.
const MOST_SPANS: usize = 3;
/// Tokens that weigh less than this part of the heaviest are no evidence.
const LEAST_PART: i32 = 3;

/// The words for an attitude rather than the others.
pub(crate) fn of_sentiment(
    tokens: &Tokens,
    shares: &[Shares],
    outputs: &[Output],
    label: SentimentLabel,
) -> Vec<Range<usize>> {
    let at = label as usize;
    let (one, other) = ((at + 1) % 3, (at + 2) % 3);
    let scaled = |share: &Shares, at: usize| share[at] as f32 * outputs[at].scale / outputs[0].scale;
    spans(tokens, |index| {
        let share = &shares[index];
        (scaled(share, at) - (scaled(share, one) + scaled(share, other)) / 2.0) as i32
    })
}

/// The words for an intent.
pub(crate) fn of_intent(tokens: &Tokens, shares: &[Shares], at: usize) -> Vec<Range<usize>> {
    spans(tokens, |index| shares[index][at])
}

fn spans(tokens: &Tokens, weight: impl Fn(usize) -> i32) -> Vec<Range<usize>> {
    let all = tokens.all();
    let heaviest = (0..all.len()).map(&weight).max().unwrap_or(0);
    if heaviest <= 0 {
        return Vec::new();
    }
    let mut spans: Vec<(i32, Range<usize>)> = Vec::with_capacity(4);
    let mut last = None;
    for (index, token) in all.iter().enumerate() {
        let weight = weight(index);
        if weight.saturating_mul(LEAST_PART) < heaviest || token.start == token.end {
            continue;
        }
        match spans.last_mut() {
            Some(span) if last.is_some_and(|last| last + 1 == index) => {
                span.0 = span.0.saturating_add(weight);
                span.1.end = token.end;
            }
            _ => spans.push((weight, token.start..token.end)),
        }
        last = Some(index);
    }
    spans.sort_by_key(|(weight, range)| (Reverse(*weight), range.start));
    spans.truncate(MOST_SPANS);
    spans.into_iter().map(|(_, range)| range).collect()
}
