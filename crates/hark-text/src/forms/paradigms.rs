//! Polish nouns whose inflection is known word by word.

use crate::words::{hash, position};

/// Written by scripts/words.py, which says how, from SGJP, the Grammatical Dictionary of Polish: copyright 2007-2026
/// Marcin Woliński, Zbigniew Bronk, Włodzimierz Gruszczyński, Witold Kieraś, Zygmunt Saloni, Danuta Skowrońska, Robert
/// Wołosz; BSD-2-Clause.
static POLISH: &[u8] = include_bytes!("../../models/polish.bin");

/// The lower-case forms of a noun, if it is known; first names and places are known with their capital.
pub(super) fn of(noun: &str) -> Option<impl Iterator<Item = String>> {
    let (length, rest) = POLISH.split_first_chunk::<4>()?;
    let (table, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    let (count, rest) = rest.split_first_chunk::<4>()?;
    let (nouns, lines) = rest.split_at_checked(4 * u32::from_le_bytes(*count) as usize)?;
    let at = position(nouns, hash(noun))?;
    let line = u16::from_le_bytes(*lines.get(2 * at..)?.first_chunk()?);
    let endings = str::from_utf8(table).ok()?.split('\n').nth(usize::from(line))?;
    let base = noun.to_lowercase();
    Some(endings.split(' ').filter_map(move |ending| {
        let cut: usize = ending.get(..1)?.parse().ok()?;
        let stem = base.char_indices().rev().take(cut).last().map_or(base.len(), |(at, _)| at);
        Some(format!("{}{}", &base[..stem], &ending[1..]))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_noun_has_the_forms_of_the_dictionary() {
        let forms = |noun| of(noun).into_iter().flatten().collect::<Vec<String>>();
        assert!(forms("pies").contains(&"psem".to_owned()));
        assert!(forms("Białystok").contains(&"białymstoku".to_owned()));
        assert!(forms("kvarnby").is_empty());
    }
}
