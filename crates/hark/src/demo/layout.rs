//! Which columns a line has, and how wide they are, for a width of the terminal.

/// Narrower than this nothing can be shown; the terminal wraps then.
const NARROWEST: usize = 40;
/// Wider than this a line is no easier to read.
const WIDEST: usize = 200;

/// Widths in columns; 0 for a column that is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// `12:01:07`.
    pub time: usize,
    /// `pl`.
    pub language: usize,
    /// Name of the source.
    pub source: usize,
    /// The post.
    pub text: usize,
    /// Intents and tags.
    pub tags: usize,
    /// The team, arrow included.
    pub team: usize,
    /// `P1`.
    pub priority: usize,
    /// The rule that decided.
    pub rule: usize,
}

/// Between two columns.
pub const GAP: usize = 1;
/// In front of the first one.
pub const MARGIN: usize = 1;

/// `→ ` in front of a team.
const ARROW: usize = 2;

impl Layout {
    /// For a terminal `width` columns wide and teams whose longest name has `team` columns. The text takes what the
    /// others leave.
    pub fn new(width: usize, team: usize) -> Self {
        let width = width.clamp(NARROWEST, WIDEST);
        let (time, source, tags, rule) = match width {
            ..70 => (0, 0, 10, 0),
            70..100 => (8, 7, 10, 0),
            100..140 => (8, 8, 19, 22),
            _ => (8, 9, 28, 34),
        };
        let widest_team = if width < 70 { 9 } else { 14 };
        let team = team.clamp(4, widest_team) + ARROW;
        let mut layout = Self { time, language: 2, source, text: 0, tags, team, priority: 2, rule };
        layout.text = width.saturating_sub(layout.used());
        layout
    }

    /// Columns and gaps so far, the text's gap included.
    fn used(&self) -> usize {
        let columns = [self.time, self.language, self.source, self.tags, self.team, self.priority, self.rule];
        let shown = columns.iter().filter(|width| **width > 0);
        MARGIN + shown.map(|width| width + GAP).sum::<usize>()
    }

    /// Where tags begin, to the end of the line: dropped posts say there why.
    pub fn after_text(&self) -> usize {
        let columns = [self.tags, self.team, self.priority, self.rule];
        let shown = columns.iter().filter(|width| **width > 0);
        shown.map(|width| width + GAP).sum::<usize>().saturating_sub(GAP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_leaves_most_of_the_line_to_the_text() {
        for (width, text) in [(60, 32), (80, 35), (120, 42), (200, 100)] {
            assert_eq!(Layout::new(width, 7).text, text, "{width}");
        }
    }

    #[test]
    fn a_line_is_never_wider_than_the_terminal() {
        for width in NARROWEST..=WIDEST {
            for team in [4, 9, 30] {
                let layout = Layout::new(width, team);
                assert!(layout.used() + layout.text <= width && layout.text >= 8, "{width} {layout:?}");
            }
        }
    }
}
