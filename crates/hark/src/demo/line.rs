//! One post as one line.

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr as _;

use super::layout::{GAP, Layout, MARGIN};
use crate::terminal::{Text, fitted, push_styled};

/// What is shown of one post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// `12:01:07`.
    pub time: String,
    /// ISO 639-1.
    pub language: String,
    /// Name of the source.
    pub source: String,
    /// What was said.
    pub text: Text,
    /// Intents and tags, most important first.
    pub tags: Vec<String>,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It is on a team's queue.
    Queued {
        /// The team.
        team: String,
        /// Index of the team, for its colour.
        colour: usize,
        /// 1 is first.
        priority: u32,
        /// The rule that decided, or who had it before.
        why: String,
        /// What else there is to say, where there is room for it.
        also: String,
    },
    /// It was on a team's queue and is taken from it.
    Withdrawn {
        /// The team.
        team: String,
        /// Why.
        why: String,
    },
    /// Nobody needs it.
    Dropped {
        /// Why, in words.
        why: String,
    },
}

/// For what matters less. Not bright black, which some colour schemes cannot be read in.
pub const DIM: Style = Style::new().dimmed();
const PLAIN: Style = Style::new();
const MARKED: Style = Style::new().bold();
const URGENT: Style = AnsiColor::Red.on_default().bold();

/// Colours of teams, in the order of the configuration.
const TEAM_COLOURS: [AnsiColor; 5] =
    [AnsiColor::Green, AnsiColor::Yellow, AnsiColor::Magenta, AnsiColor::Blue, AnsiColor::Cyan];

/// The colour of a team.
pub fn team_style(index: usize) -> Style {
    TEAM_COLOURS[index % TEAM_COLOURS.len()].on_default().bold()
}

fn tag_style(tag: &str) -> Style {
    match tag {
        "purchase" | "praise" => AnsiColor::Green.on_default(),
        "complaint" | "churn" => AnsiColor::Yellow.on_default(),
        "outrage" => URGENT,
        "question" => AnsiColor::Cyan.on_default(),
        "suggestion" => AnsiColor::Blue.on_default(),
        _ => DIM,
    }
}

/// The line, without its line end, in ANSI colours; what it is printed through takes them off where they are not wanted.
pub fn paint(line: &Line, layout: &Layout) -> String {
    let faded = matches!(line.fate, Fate::Dropped { .. } | Fate::Withdrawn { .. });
    let (text, mark) = if faded { (DIM, DIM) } else { (PLAIN, MARKED) };
    let mut out = " ".repeat(MARGIN);
    column(&mut out, layout.time, || fitted(&line.time, layout.time, DIM));
    column(&mut out, layout.language, || fitted(&line.language, layout.language, DIM));
    column(&mut out, layout.source, || fitted(&line.source, layout.source, DIM));
    column(&mut out, layout.text, || line.text.fitted(layout.text, text, mark));
    match &line.fate {
        Fate::Queued { team, colour, priority, why, also } => {
            column(&mut out, layout.tags, || tags(&line.tags, layout.tags));
            column(&mut out, layout.team, || fitted(&format!("→ {team}"), layout.team, team_style(*colour)));
            let style = if *priority == 1 { URGENT } else { DIM };
            column(&mut out, layout.priority, || fitted(&format!("P{priority}"), layout.priority, style));
            let whole = format!("{why}{also}");
            let shown = if whole.width() <= layout.rule { &whole } else { why };
            column(&mut out, layout.rule, || fitted(shown, layout.rule, DIM));
        }
        Fate::Withdrawn { team, why } => {
            column(&mut out, layout.tags, || fitted("withdrawn", layout.tags, DIM));
            column(&mut out, layout.team, || fitted(&format!("✗ {team}"), layout.team, DIM));
            column(&mut out, layout.priority, || " ".repeat(layout.priority));
            column(&mut out, layout.rule, || fitted(why, layout.rule, DIM));
        }
        Fate::Dropped { why } => out.push_str(&fitted(&format!("· {why}"), layout.after_text(), DIM)),
    }
    out.trim_end().to_owned()
}

/// Names of the columns, in the same widths.
pub fn head(layout: &Layout) -> String {
    let mut out = " ".repeat(MARGIN);
    for (name, width) in [
        ("heard", layout.time),
        ("in", layout.language),
        ("at", layout.source),
        ("what was said", layout.text),
        ("what it is", layout.tags),
        ("→ whose", layout.team),
        ("", layout.priority),
        ("by which rule", layout.rule),
    ] {
        column(&mut out, width, || fitted(name, width, DIM));
    }
    out.trim_end().to_owned()
}

fn column(out: &mut String, width: usize, cell: impl FnOnce() -> String) {
    if width > 0 {
        out.push_str(&cell());
        out.push_str(&" ".repeat(GAP));
    }
}

/// As many tags as fit whole; the first is cut if it must be.
fn tags(tags: &[String], columns: usize) -> String {
    let Some((first, others)) = tags.split_first() else { return " ".repeat(columns) };
    let mut used = first.width().min(columns);
    let mut out = fitted(first, used, tag_style(first));
    for tag in others {
        let width = 1 + tag.width();
        if used + width > columns {
            break;
        }
        out.push(' ');
        push_styled(&mut out, tag, tag_style(tag));
        used += width;
    }
    out.push_str(&" ".repeat(columns - used));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str, tags: &[&str], fate: Fate) -> Line {
        Line {
            time: "12:01:07".to_owned(),
            language: "pl".to_owned(),
            source: "forum".to_owned(),
            text: Text::new(text, &[]),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            fate,
        }
    }

    fn queued(team: &str, priority: u32, why: &str) -> Fate {
        Fate::Queued {
            team: team.to_owned(),
            colour: 0,
            priority,
            why: why.to_owned(),
            also: ", copy to support".to_owned(),
        }
    }

    fn plain(line: &Line, width: usize) -> String {
        anstream::adapter::strip_str(&paint(line, &Layout::new(width, 7))).to_string()
    }

    #[test]
    fn a_line_tells_as_much_as_the_terminal_is_wide() {
        let line = line(
            "Szukam warsztatu, który jeszcze w tym tygodniu zrobi mi przegląd przed wyjazdem",
            &["purchase", "question"],
            queued("sales", 2, "somebody looks for a garage"),
        );
        for (width, shown) in [
            (60, " pl Szukam warsztatu, który jeszcze… purchase   → sales   P2"),
            (80, " 12:01:07 pl forum   Szukam warsztatu, który jeszcze w … purchase   → sales   P2"),
            (
                120,
                " 12:01:07 pl forum    Szukam warsztatu, który jeszcze w tym tyg… purchase question   → sales   P2 somebody looks for a …",
            ),
            (
                200,
                " 12:01:07 pl forum     Szukam warsztatu, który jeszcze w tym tygodniu zrobi mi przegląd przed wyjazdem                      \
                 purchase question            → sales   P2 somebody looks for a garage",
            ),
        ] {
            assert_eq!(plain(&line, width), shown, "{width}");
        }
    }

    #[test]
    fn a_dropped_post_says_why() {
        let line = line(
            "Aurora borealis over Tromsø tonight",
            &[],
            Fate::Dropped { why: "not about us".to_owned() },
        );
        assert_eq!(
            plain(&line, 80),
            " 12:01:07 pl forum   Aurora borealis over Tromsø tonight · not about us"
        );
        assert!(paint(&line, &Layout::new(80, 7)).contains(&DIM.render().to_string()));
    }

    #[test]
    fn a_withdrawn_item_names_the_team_that_had_it() {
        let fate = Fate::Withdrawn { team: "sales".to_owned(), why: "deleted by its author".to_owned() };
        let shown = plain(&line("Looking for a used estate car", &[], fate), 120);
        assert!(shown.contains("withdrawn           ✗ sales      deleted by its author"), "{shown}");
    }

    #[test]
    fn no_line_is_wider_than_its_terminal_whatever_is_said() {
        let long = "日本語の車は本当に素晴らしい 👩🏽‍🔧👩🏽‍🔧👩🏽‍🔧 zażółć gęślą jaźń ".repeat(10);
        for width in [40, 60, 80, 120, 200] {
            for fate in [
                queued("a-team-with-a-very-long-name", 1, &long),
                Fate::Withdrawn { team: "x".repeat(60), why: long.clone() },
                Fate::Dropped { why: long.clone() },
            ] {
                let shown = plain(&line(&long, &["complaint", "churn", "outrage", "question"], fate), width);
                assert!(shown.width() <= width, "{width}: {} {shown}", shown.width());
            }
        }
    }

    #[test]
    fn the_head_stands_over_its_columns() {
        let layout = Layout::new(120, 7);
        let head = anstream::adapter::strip_str(&head(&layout)).to_string();
        let shown = plain(&line("text", &["purchase"], queued("sales", 2, "rule")), 120);
        let at = |line: &str, word: &str| line[..line.find(word).unwrap()].width();
        assert_eq!(at(&head, "what was said"), at(&shown, "text"));
        assert_eq!(at(&head, "→ whose"), at(&shown, "→ sales"));
        assert_eq!(at(&head, "by which rule"), at(&shown, "rule"));
    }
}
