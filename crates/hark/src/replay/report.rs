//! What `hark replay` says: for people, and as JSON.

use std::time::Duration;

use anstyle::{AnsiColor, Style};
use hark_schema::id::Id;
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr as _;

use super::{
    side::{Place, listens_alike},
    tally::{ASPECTS, Example, Move, Pair, Tally, name},
};
use crate::{
    config::Config,
    terminal::{Text, cut},
};

const HEAD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const FROM: Style = AnsiColor::Red.on_default();
const TO: Style = AnsiColor::Green.on_default();

/// What a replay found.
pub(super) struct Report<'r> {
    pub old: &'r Config,
    pub new: &'r Config,
    pub since: Timestamp,
    pub tally: &'r Tally,
    pub took: Duration,
}

impl Report<'_> {
    /// For a terminal so many columns wide.
    pub fn page(&self, width: usize) -> String {
        let mut page = String::new();
        let mut line = |text: &str| {
            page.push_str(text.trim_end());
            page.push('\n');
        };
        let zone = TimeZone::system();
        let since = moment(self.since, &zone);
        let standing = self.tally.standing();
        let (records, seconds) = (thousands(self.tally.records()), self.took.as_secs_f64());
        line(&format!(
            "{} mentions since {since} ({records} records in {seconds:.1} s)",
            thousands(standing)
        ));
        line(&format!("  now  {} ({})", self.old.path().display(), self.old.revision));
        line(&format!("  new  {} ({})", self.new.path().display(), self.new.revision));
        for note in self.notes() {
            line(&format!("  {DIM}{note}{DIM:#}"));
        }
        line("");
        let moves = self.tally.moves();
        let moved: u64 = moves.iter().map(|found| found.count).sum();
        if moved == 0 {
            line(&format!("{HEAD}none would move{HEAD:#}"));
        } else {
            let share = percent(moved, standing);
            line(&format!("{HEAD}{} would move{HEAD:#}, {share}", thousands(moved)));
            self.show_moves(&moves, width, &zone, &mut line);
        }
        let differing: Vec<String> = ASPECTS
            .iter()
            .zip(self.tally.differences())
            .filter(|(_, count)| *count > 0)
            .map(|(aspect, count)| format!("{aspect} of {}", thousands(count)))
            .collect();
        if !differing.is_empty() {
            line("");
            line(&format!("of those that stay, these would change: {}", differing.join(", ")));
        }
        let places: Vec<(String, Pair)> =
            self.tally.by_place().into_iter().map(|(place, pair)| (name(place), pair)).collect();
        let rules: Vec<(String, Pair)> =
            self.tally.by_rule().into_iter().map(|(rule, pair)| (rule.to_owned(), pair)).collect();
        for (title, rows) in [("where mentions are", places), ("which rule decides", rules)] {
            let changed: Vec<&(String, Pair)> = rows.iter().filter(|(_, (old, new))| old != new).collect();
            if changed.is_empty() {
                continue;
            }
            line("");
            let widest =
                changed.iter().map(|(name, _)| name.width()).max().unwrap_or_default().max(title.len());
            let widest = widest.min(width.saturating_sub(30).max(20));
            line(&format!("{HEAD}{title:widest$}{HEAD:#}  {:>9}  {:>9}", "now", "new"));
            for (name, (old, new)) in changed {
                let name = Text::new(name, &[]).fitted(widest, Style::new(), Style::new());
                let change = signed(*old, *new);
                line(&format!("{name}  {:>9}  {:>9}  {change:>9}", thousands(*old), thousands(*new)));
            }
        }
        page
    }

    fn show_moves(&self, moves: &[Move<'_>], width: usize, zone: &TimeZone, line: &mut impl FnMut(&str)) {
        let from = moves.iter().map(|found| name(found.from).width()).max().unwrap_or_default();
        let to = moves.iter().map(|found| name(found.to).width()).max().unwrap_or_default();
        for Move { from: old, to: new, count, examples } in moves {
            line("");
            let (old, new) = (name(old), name(new));
            let pad = |word: &str, columns: usize| " ".repeat(columns.saturating_sub(word.width()));
            line(&format!(
                "{FROM}{old}{FROM:#}{} -> {TO}{new}{TO:#}{}  {HEAD}{}{HEAD:#}",
                pad(&old, from),
                pad(&new, to),
                thousands(*count)
            ));
            for example in examples {
                line(&format!("    {}", cut(&example.text, width.saturating_sub(4))));
                let about = about(example, zone);
                let about = Text::new(&about, &[]);
                let room = width.saturating_sub(4).min(about.columns());
                line(&format!("    {}", about.fitted(room, DIM, DIM)));
            }
        }
    }

    /// What a reader of the figures must know.
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if !listens_alike(self.old, self.new) {
            notes.push(
                "the subjects or voices differ: posts that named none of the old subjects are not on the log of mentions"
                    .to_owned(),
            );
        }
        match self.tally.unreadable_records() {
            0 => {}
            1 => notes.push("1 record is no mention and was left out".to_owned()),
            records => {
                notes.push(format!("{} records are no mentions and were left out", thousands(records)))
            }
        }
        notes
    }

    /// One object.
    pub fn json(&self) -> Value {
        let moves = self.tally.moves();
        let pair = |(old, new): Pair| json!({"now": old, "new": new});
        let differing: serde_json::Map<String, Value> = ASPECTS
            .iter()
            .zip(self.tally.differences())
            .map(|(aspect, count)| ((*aspect).to_owned(), count.into()))
            .collect();
        let rules = self.tally.by_rule().into_iter().map(|(rule, counts)| (rule.to_owned(), pair(counts)));
        let places = self.tally.by_place().into_iter();
        let places = places.map(|(place, counts)| {
            let mut row = place_json(place);
            if let (Some(row), (old, new)) = (row.as_object_mut(), counts) {
                row.insert("now".to_owned(), old.into());
                row.insert("new".to_owned(), new.into());
            }
            row
        });
        json!({
            "since": self.since.to_string(),
            "now": {"path": self.old.path(), "revision": self.old.revision},
            "new": {"path": self.new.path(), "revision": self.new.revision},
            "records": self.tally.records(),
            "seconds": self.took.as_secs_f64(),
            "notes": self.notes(),
            "mentions": self.tally.standing(),
            "moved": moves.iter().map(|found| found.count).sum::<u64>(),
            "moves": moves.iter().map(move_json).collect::<Vec<_>>(),
            "staying_but_different": differing,
            "places": places.collect::<Vec<_>>(),
            "rules": rules.collect::<serde_json::Map<_, _>>(),
        })
    }
}

/// When, who and where, the link, and the rules that decided.
fn about(example: &Example, zone: &TimeZone) -> String {
    let mut words: Vec<String> = example.heard.map(|heard| moment(heard, zone)).into_iter().collect();
    let named = [&example.author, &example.source, &example.language, &example.url];
    words.extend(named.into_iter().filter(|word| !word.is_empty()).cloned());
    let (old, new) = &example.rules;
    let shown = |rule: &str| if rule.is_empty() { "no rule".to_owned() } else { format!("\"{rule}\"") };
    words.push(if old == new { shown(old) } else { format!("{} -> {}", shown(old), shown(new)) });
    words.join(", ")
}

fn move_json(found: &Move<'_>) -> Value {
    let examples: Vec<Value> = found
        .examples
        .iter()
        .map(|example| {
            let (old, new) = &example.rules;
            let id: Id = example.id;
            json!({
                "mention_id": id.to_string(),
                "heard": example.heard.map(|heard| heard.to_string()),
                "language": example.language,
                "source": example.source,
                "author": example.author,
                "text": example.text,
                "url": example.url,
                "rules": {"now": old, "new": new},
            })
        })
        .collect();
    json!({
        "from": place_json(found.from), "to": place_json(found.to), "mentions": found.count, "examples": examples,
    })
}

fn place_json(place: &Place) -> Value {
    match place {
        Place::Team(team) => json!({"team": team}),
        Place::Dropped(reason) => json!({"dropped": reason}),
        Place::Gone => json!({"gone": true}),
    }
}

/// `2026-11-18 16:30`, by the clock of this machine.
fn moment(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// `1,234,567`.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn signed(old: u64, new: u64) -> String {
    if new >= old { format!("+{}", thousands(new - old)) } else { format!("-{}", thousands(old - new)) }
}

/// `3.1 %`; a few of many are not called none, and all but a few not all.
fn percent(part: u64, whole: u64) -> String {
    let rounded = part.saturating_mul(1000).saturating_add(whole / 2).checked_div(whole).unwrap_or_default();
    let tenths = if part < whole { rounded.min(999) } else { rounded };
    if tenths == 0 { "less than 0.1 %".to_owned() } else { format!("{}.{} %", tenths / 10, tenths % 10) }
}
