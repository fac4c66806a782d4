//! Foreign text made fit for one line of a terminal.

use std::{fmt::Write as _, io, os::fd::AsFd};

use anstyle::Style;
use hark_schema::v1::Span;
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

/// Stands for what was cut off.
const ELLIPSIS: &str = "…";

/// Text on one line, with the words marked that Hark listened for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text {
    clusters: Vec<Cluster>,
}

/// What a reader takes for one character.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cluster {
    text: String,
    columns: usize,
    marked: bool,
}

impl Text {
    /// Makes one line of `raw`: white space becomes one space, and what would move the cursor or turn the
    /// direction of writing goes. `spans` are byte offsets into `raw`.
    pub fn new(raw: &str, spans: &[Span]) -> Self {
        let mut clusters: Vec<Cluster> = Vec::new();
        for (at, cluster) in raw.grapheme_indices(true) {
            let marked = spans.iter().any(|span| (span.start as usize..span.end as usize).contains(&at));
            if cluster.chars().all(char::is_whitespace) {
                if clusters.last().is_some_and(|last| last.text != " ") {
                    clusters.push(Cluster { text: " ".to_owned(), columns: 1, marked });
                }
                continue;
            }
            let text: String = cluster.chars().filter(|c| !steers(*c)).collect();
            let columns = text.width();
            if columns > 0 {
                clusters.push(Cluster { text, columns, marked });
            }
        }
        Self { clusters }
    }

    /// The same text behind a few words, such as `edited: `.
    pub fn prefixed(mut self, prefix: &str) -> Self {
        let mut clusters = Self::new(prefix, &[]).clusters;
        clusters.append(&mut self.clusters);
        Self { clusters }
    }

    /// How wide it is, uncut.
    pub fn columns(&self) -> usize {
        self.clusters.iter().map(|cluster| cluster.columns).sum()
    }

    /// Exactly `columns` wide: padded with spaces, or cut with an ellipsis.
    pub fn fitted(&self, columns: usize, plain: Style, mark: Style) -> String {
        let whole = self.columns();
        let room = if whole > columns { columns.saturating_sub(ELLIPSIS.width()) } else { columns };
        let mut out = String::new();
        let mut used = 0;
        for run in self.clusters.chunk_by(|a, b| a.marked == b.marked) {
            let style = if run.first().is_some_and(|cluster| cluster.marked) { mark } else { plain };
            let mut fitting = String::new();
            for cluster in run.iter() {
                if used + cluster.columns > room {
                    // Nothing narrower behind it may slip in.
                    used = room;
                    break;
                }
                used += cluster.columns;
                fitting.push_str(&cluster.text);
            }
            push_styled(&mut out, &fitting, style);
        }
        let width: usize = anstream::adapter::strip_str(&out).to_string().width();
        if whole > columns && columns > 0 {
            push_styled(&mut out, ELLIPSIS, plain);
            out.push_str(&" ".repeat(columns.saturating_sub(width + 1)));
        } else {
            out.push_str(&" ".repeat(columns.saturating_sub(width)));
        }
        out
    }
}

/// Writes `text` in `style`, without escape sequences where there is nothing to style.
pub fn push_styled(out: &mut String, text: &str, style: Style) {
    if text.is_empty() {
        return;
    }
    // Writing to a String cannot fail.
    write!(out, "{style}{text}{style:#}").unwrap_or_default();
}

/// Columns of the terminal; of a page where the output is none.
pub fn width() -> usize {
    const PAGE: usize = 100;
    columns().unwrap_or(PAGE)
}

/// Columns of the terminal that any of the standard streams is.
pub fn columns() -> Option<usize> {
    columns_of(io::stdout()).or_else(|| columns_of(io::stderr())).or_else(|| columns_of(io::stdin()))
}

/// Columns of a terminal. Some tell them and no rows, as those that a program makes for another.
pub fn columns_of(stream: impl AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(stream).ok()?;
    (size.ws_col > 0).then(|| usize::from(size.ws_col))
}

/// Words behind a head, which takes `indent` columns: on as many lines as they need, each begun under the first word. A
/// word that is too long for a line has one of its own.
pub fn hanging<W: AsRef<str>>(
    head: &str,
    indent: usize,
    words: impl IntoIterator<Item = W>,
    width: usize,
) -> String {
    let mut lines = head.to_owned();
    let mut columns = indent;
    for word in words {
        let word = word.as_ref();
        let plain = anstream::adapter::strip_str(word).to_string().width();
        if columns > indent && columns + 1 + plain > width {
            write!(lines, "\n{:indent$}", "").unwrap_or_default();
            columns = indent;
        } else if columns > indent {
            lines.push(' ');
            columns += 1;
        }
        lines.push_str(word);
        columns += plain;
    }
    lines
}

/// Foreign text on one line, unable to steer the terminal, at most `most` columns wide.
pub fn cut(text: &str, most: usize) -> String {
    let text = Text::new(text, &[]);
    text.fitted(text.columns().min(most), Style::new(), Style::new())
}

/// A plain word, exactly `columns` wide.
pub fn fitted(word: &str, columns: usize, style: Style) -> String {
    Text::new(word, &[]).fitted(columns, style, style)
}

/// Control characters (a post must not send escape sequences to the terminal) and marks of writing direction.
fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(raw: &str, columns: usize) -> String {
        Text::new(raw, &[]).fitted(columns, Style::new(), Style::new())
    }

    #[test]
    fn text_is_exactly_as_wide_as_its_column() {
        for (raw, columns, shown) in [
            ("short", 8, "short   "),
            ("exactly8", 8, "exactly8"),
            ("a bit too long", 8, "a bit t…"),
            ("zażółć gęślą", 8, "zażółć …"),
            ("two\n\n lines\there", 16, "two lines here  "),
            ("  leading", 8, "leading "),
            // Wide characters take two columns and are never cut in half.
            ("日本語の車", 10, "日本語の車"),
            ("日本語の車", 8, "日本語… "),
            ("日本語の車", 7, "日本語…"),
            // An emoji of several code points is one character.
            ("ok 👩🏽‍🔧 thanks", 6, "ok 👩🏽‍🔧…"),
            ("ok 👩🏽‍🔧 thanks", 5, "ok … "),
            ("e\u{301}a", 2, "e\u{301}a"),
            ("", 3, "   "),
            ("anything", 0, ""),
            ("anything", 1, "…"),
        ] {
            let fitted = plain(raw, columns);
            assert_eq!(fitted, shown, "{raw:?} in {columns}");
            assert_eq!(fitted.width(), columns, "{raw:?} in {columns}");
        }
    }

    #[test]
    fn a_long_sentence_goes_on_in_the_next_line_under_its_beginning() {
        let hang = |width| hanging("  teams  ", 9, ["sales,", "support,", "triage"], width);
        assert_eq!(hang(100), "  teams  sales, support, triage");
        assert_eq!(hang(24), "  teams  sales, support,\n         triage");
        assert_eq!(hang(1), "  teams  sales,\n         support,\n         triage");
        assert_eq!(
            hanging("- ", 2, "one \u{1b}[1mtwo\u{1b}[0m three".split(' '), 9),
            "- one \u{1b}[1mtwo\u{1b}[0m\n  three"
        );
    }

    #[test]
    fn a_terminal_that_tells_no_rows_is_as_wide_as_it_says() {
        use rustix::{pty, termios};
        let terminal = pty::openpt(pty::OpenptFlags::RDWR | pty::OpenptFlags::NOCTTY).unwrap();
        for (ws_col, columns) in [(40, Some(40)), (0, None)] {
            let size = termios::Winsize { ws_row: 0, ws_col, ws_xpixel: 0, ws_ypixel: 0 };
            termios::tcsetwinsize(&terminal, size).unwrap();
            assert_eq!(columns_of(&terminal), columns);
        }
    }

    #[test]
    fn a_post_cannot_steer_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\u{7}c\u{202e}d\r\ne", 12), "a[2Jbcd e   ");
    }

    #[test]
    fn the_words_listened_for_are_marked() {
        let bold = Style::new().bold();
        let spans = [Span { start: 4, end: 10 }];
        let shown = Text::new("the garage here", &spans).fitted(15, Style::new(), bold);
        assert_eq!(shown, format!("the {bold}garage{bold:#} here"));
    }
}
