//! A dead letter for people and as JSON.

use std::{collections::BTreeMap, fmt::Write as _, io};

use hark_schema::{
    Message as _, json as proto,
    v1::{DeadLetter, DeadLetterHeader},
};
use serde::Serialize;
use unicode_width::UnicodeWidthStr as _;

use super::letter::{Letter, Place, State};
use crate::{
    tail::show::{text_or_base64, time},
    terminal::{columns_of, cut},
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
pub fn json(letter: &Letter, state: &State) -> String {
    let line = Line {
        place: letter.place.to_string(),
        written: time(letter.written_ms),
        redriven: matches!(state, State::WentBack),
        obstacle: match state {
            State::Stays(why) => Some(why.to_string()),
            State::WentBack | State::Waits => None,
        },
        letter: proto::to_json("DeadLetter", &letter.says.encode_to_vec()).unwrap_or_default(),
    };
    // Keys are strings and nothing in it can fail to be written.
    format!("{}\n", serde_json::to_string(&line).unwrap_or_default())
}

/// One line of a list, fitted to the terminal.
pub fn line(letter: &Letter, state: &State) -> String {
    line_of(letter, state, columns_of(io::stdout()).unwrap_or(usize::MAX))
}

fn line_of(letter: &Letter, state: &State, width: usize) -> String {
    let says = &letter.says;
    let state = match state {
        State::WentBack => "went back",
        State::Waits => "waits",
        State::Stays(_) => "stays",
    };
    let head = format!(
        "{:>9}  {}  {:6}  {:14}  {state:9}  ",
        letter.place.to_string(),
        time(letter.written_ms),
        plain(&says.stage),
        plain(&says.class),
    );
    let room = width.saturating_sub(head.width());
    let origin = cut(&origin(says), room);
    let error = cut(&says.error, ERROR_COLUMNS.min(room.saturating_sub(origin.width() + GAP)));
    format!("{}\n", format!("{head}{origin}{:GAP$}{error}", "").trim_end())
}

/// Columns between two of a line.
const GAP: usize = 2;

/// What becomes of the letters of a stage and class.
#[derive(Clone, Copy, Default)]
pub struct Sum {
    all: u64,
    went_back: u64,
    /// One of those that can go back.
    waits: Option<Place>,
    /// One of those that cannot.
    stays: Option<Place>,
}

impl Sum {
    pub fn add(&mut self, place: Place, state: &State) {
        self.all += 1;
        match state {
            State::WentBack => self.went_back += 1,
            State::Waits => self.waits = Some(place),
            State::Stays(_) => self.stays = Some(place),
        }
    }
}

/// The sums below a list: of each stage and class all that were meant, those that have gone back, and what can be done about the others; how
/// many `others` there are, where none was meant.
pub fn sums(sums: &BTreeMap<(String, String), Sum>, shown: u64, others: u64) -> String {
    let all: u64 = sums.values().map(|sum| sum.all).sum();
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
    for ((stage, class), sum) in sums {
        let back = if sum.went_back > 0 { format!(", {} went back", sum.went_back) } else { String::new() };
        writeln!(text, "{} {}: {}{back}", plain(stage), plain(class), sum.all).unwrap_or_default();
        if let Some(place) = sum.waits {
            let mend = match &**class {
                "undecodable" => "a newer Hark may know this message",
                "too_large" => "where the broker refused it, raise its message.max.bytes",
                "panicked" => "a fault of Hark: report it, and take one that has it mended",
                _ => "mend what was wrong",
            };
            let class = plain(class);
            writeln!(
                text,
                "  next: hark dead-letters show {place} ({mend}), then hark redrive --class {class}"
            )
            .unwrap_or_default();
        }
        if let Some(place) = sum.stays {
            let why = match &**stage {
                "ingest" => {
                    "names the line or entry: mend it or send the post again, for redrive cannot help"
                }
                _ => "says why it stays: redrive cannot help",
            };
            writeln!(text, "  next: hark dead-letters show {place} {why}").unwrap_or_default();
        }
    }
    text
}

/// All that is known of it.
pub fn whole(letter: &Letter, state: &State) -> String {
    let says = &letter.says;
    let back = match state {
        State::WentBack => "it has gone back".to_owned(),
        State::Waits => format!("waits: hark redrive {}", letter.place),
        State::Stays(why) => format!("stays: {why}"),
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

/// All of a foreign text.
fn plain(text: &str) -> String {
    cut(text, usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::{super::letter::Obstacle, *};

    #[test]
    fn letters_of_a_list_stand_in_columns_and_fit_the_terminal() {
        let says = DeadLetter {
            stage: "route".to_owned(),
            class: "panicked".to_owned(),
            topic: "hark.mentions".to_owned(),
            error: "the stage panicked \u{1b}[2Jon this record".to_owned(),
            ..DeadLetter::default()
        };
        let letter = Letter { place: Place { partition: 0, offset: 7 }, written_ms: 0, says };
        let stays = State::Stays(Obstacle::Superseded);
        let whole = line_of(&letter, &stays, usize::MAX);
        assert_eq!(
            whole,
            "      0/7  1970-01-01T00:00:00.000Z  route   panicked        stays      hark.mentions/0/0  the stage panicked [2Jon this \
             record\n"
        );
        for (width, end) in [(80, "hark.me…\n"), (100, "hark.mentions/0/0  the stag…\n"), (10, "stays\n")]
        {
            let shown = line_of(&letter, &stays, width);
            assert!(shown.ends_with(end), "{width}: {shown}");
        }
    }

    #[test]
    fn what_is_said_to_do_next_is_what_can_help_the_letters_listed() {
        let said = |letters: &[(&str, &str, State)]| {
            let mut all: BTreeMap<_, Sum> = BTreeMap::new();
            for (offset, (stage, class, state)) in (0..).zip(letters) {
                let sum = all.entry(((*stage).to_owned(), (*class).to_owned())).or_default();
                sum.add(Place { partition: 0, offset }, state);
            }
            sums(&all, letters.len() as u64, 4)
        };
        let text = said(&[
            ("enrich", "panicked", State::Waits),
            ("ingest", "invalid_post", State::Stays(Obstacle::NoOrigin)),
        ]);
        assert_eq!(
            text,
            "\nenrich panicked: 1\n  next: hark dead-letters show 0/0 (a fault of Hark: report it, and take one that has it \
             mended), then hark redrive --class panicked\ningest invalid_post: 1\n  next: hark dead-letters show 0/1 names the \
             line or entry: mend it or send the post again, for redrive cannot help\n"
        );
        let gone = said(&[("enrich", "panicked", State::WentBack)]);
        assert_eq!(gone, "\nenrich panicked: 1, 1 went back\n");
        for why in [Obstacle::ForeignTopic("other.mentions/0".to_owned()), Obstacle::Superseded] {
            let text = said(&[("route", "undecodable", State::Stays(why))]);
            assert!(text.contains("show 0/0 says why it stays") && !text.contains("hark redrive"), "{text}");
        }
        assert_eq!(said(&[]), "none of 4 dead letters is so: hark dead-letters list\n");
    }
}
