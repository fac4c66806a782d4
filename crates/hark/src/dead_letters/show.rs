//! A dead letter for people and as JSON.

use std::{collections::BTreeMap, fmt::Write as _};

use anstyle::Style;
use hark_schema::{
    Message as _, json as proto,
    v1::{DeadLetter, DeadLetterHeader},
};
use serde::Serialize;

use super::letter::{Letter, obstacle};
use crate::{
    stages::topics::Topics,
    tail::show::{text_or_base64, time},
    terminal::Text,
};

/// Columns of the error in a list; `show` has all of it.
const ERROR_COLUMNS: usize = 60;
/// Bytes of a value that are shown; `--raw` has all of it.
const DUMP_BYTES: usize = 512;
const BYTES_A_ROW: usize = 16;

/// What `--format json` writes.
#[derive(Serialize)]
struct Line {
    place: String,
    /// RFC 3339.
    written: String,
    redriven: bool,
    /// Why it cannot go back; null where it can.
    obstacle: Option<String>,
    /// `hark.v1.DeadLetter` as proto3 JSON; bytes are base64.
    letter: serde_json::Value,
}

/// One JSON object, with its line end.
pub fn json(letter: &Letter, topics: &Topics, went_back: bool) -> String {
    let line = Line {
        place: letter.place.to_string(),
        written: time(letter.written_ms),
        redriven: went_back,
        obstacle: obstacle(&letter.says, topics).map(|why| why.to_string()),
        letter: proto::to_json("DeadLetter", &letter.says.encode_to_vec()).unwrap_or_default(),
    };
    // Keys are strings and nothing in it can fail to be written.
    format!("{}\n", serde_json::to_string(&line).unwrap_or_default())
}

/// One line of a list.
pub fn line(letter: &Letter, topics: &Topics, went_back: bool) -> String {
    let says = &letter.says;
    let state = match (went_back, obstacle(says, topics)) {
        (true, _) => "went back",
        (false, None) => "waits",
        (false, Some(_)) => "stays",
    };
    let error = Text::new(&says.error, &[]);
    format!(
        "{:>9}  {}  {:6}  {:14}  {state:9}  {}  {}\n",
        letter.place.to_string(),
        time(letter.written_ms),
        plain(&says.stage),
        plain(&says.class),
        plain(&origin(says)),
        error.fitted(error.columns().min(ERROR_COLUMNS), Style::new(), Style::new()),
    )
}

/// The sums below a list: of each stage and class all that were meant, and those that have gone back; how many `others` there are, where
/// none was meant.
pub fn sums(counts: &BTreeMap<(String, String), (u64, u64)>, shown: u64, others: u64) -> String {
    let all: u64 = counts.values().map(|(all, _)| all).sum();
    match (all, others) {
        (0, 0) => return "no dead letters\n".to_owned(),
        (0, others) => return format!("none of {others} dead letters is so: hark dead-letters list\n"),
        _ => {}
    }
    let mut text = String::from("\n");
    if shown < all {
        // Writing to a String cannot fail.
        writeln!(text, "the newest {shown} of {all}; --limit shows more").unwrap_or_default();
    }
    for ((stage, class), (all, back)) in counts {
        let back = if *back > 0 { format!(", {back} went back") } else { String::new() };
        writeln!(text, "{} {}: {all}{back}", plain(stage), plain(class)).unwrap_or_default();
    }
    text.push_str("next: hark dead-letters show PARTITION/OFFSET, then hark redrive\n");
    text
}

/// All that is known of it.
pub fn whole(letter: &Letter, topics: &Topics, went_back: bool) -> String {
    let says = &letter.says;
    let back = match (went_back, obstacle(says, topics)) {
        (true, _) => "it has gone back".to_owned(),
        (false, None) => format!("waits: hark redrive {}", letter.place),
        (false, Some(why)) => format!("stays: {why}"),
    };
    let mut text = String::new();
    let mut row = |name: &str, value: &str| {
        if !value.is_empty() {
            writeln!(text, "{name:9}  {}", plain(value)).unwrap_or_default();
        }
    };
    row("place", &letter.place.to_string());
    row("written", &time(letter.written_ms));
    row("state", &back);
    row("stage", &says.stage);
    row("class", &says.class);
    row("error", &says.error);
    row("attempts", &says.attempts.to_string());
    row("origin", &origin(says));
    row("mention", &says.mention_id);
    row("revision", &says.config_revision);
    row("key", &says.key.as_deref().map(text_or_base64).unwrap_or_default());
    for DeadLetterHeader { key, value } in &says.headers {
        row("header", &format!("{key}: {}", text_or_base64(value)));
    }
    text.push_str(&value(says));
    text
}

fn origin(says: &DeadLetter) -> String {
    match &says.file {
        Some(file) => format!("{}:{}", file.path, file.line),
        None => format!("{}/{}/{}", says.topic, says.partition, says.offset),
    }
}

fn value(says: &DeadLetter) -> String {
    let Some(value) = says.value.as_deref() else { return "value      none: a tombstone\n".to_owned() };
    let mut text = match value.len() as u64 == says.value_length {
        true => format!("value      {} bytes\n", value.len()),
        false => format!("value      {} of {} bytes were kept\n", value.len(), says.value_length),
    };
    for (row, bytes) in value[..value.len().min(DUMP_BYTES)].chunks(BYTES_A_ROW).enumerate() {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x} ")).collect();
        let shown = |&byte: &u8| if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { '.' };
        let letters: String = bytes.iter().map(shown).collect();
        writeln!(text, "  {:06x}  {hex:48} {letters}", row * BYTES_A_ROW).unwrap_or_default();
    }
    if value.len() > DUMP_BYTES {
        writeln!(text, "  ... --raw writes all {} bytes", value.len()).unwrap_or_default();
    }
    text
}

/// Foreign text on one line, unable to steer the terminal.
fn plain(text: &str) -> String {
    let text = Text::new(text, &[]);
    text.fitted(text.columns(), Style::new(), Style::new())
}
