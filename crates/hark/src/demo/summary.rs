//! What the demo ends with: the tables by team and by outcome, and what to try next.

use super::display::{Tally, heading, remark, wrapped};
use super::line::team_style;
use crate::terminal::{fitted, hanging, push_styled};

/// Longest bar of the tables, in columns.
const LONGEST_BAR: usize = 40;
/// What stands beside a bar: name, numbers and gaps.
const BESIDE_BAR: usize = 36;

/// Three things to do next; the first two work as they stand.
const NEXT: [(&str, &str); 3] = [
    ("hark init my-hark && cd my-hark", "a configuration of your own, with sample posts"),
    ("hark explain \"Aurora Motors lost my keys again\"", "why a post goes where it goes"),
    ("hark up", "listen; and beside it: hark tail queue.sales"),
];

/// Everything below the last post.
pub(super) fn tables(tally: &Tally, width: usize) -> String {
    let mut out = String::from("\n");
    heading(&mut out, &wrapped(&headline(tally), width));
    out.push_str("\n ");
    by_team(&mut out, tally, width);
    out.push_str("\n ");
    by_outcome(&mut out, tally, width);
    out.push_str("\n ");
    heading(&mut out, "Try next");
    out.push('\n');
    for (command, what) in NEXT {
        // Beside the command where there is room, else below it. A shell takes a command that goes on in the next line at `&&` or in quotes.
        let gap = if width >= 110 { " ".repeat(50 - command.len()) } else { "\n".to_owned() };
        let indent = if width >= 110 { "" } else { "     " };
        let command = hanging("   ", 3, command.split(' '), width);
        push_styled(&mut out, &command, anstyle::AnsiColor::Cyan.on_default());
        out.push_str(&gap);
        remark(&mut out, &hanging(indent, indent.len(), what.split(' '), width));
        out.push('\n');
    }
    out
}

fn headline(tally: &Tally) -> String {
    let mut latencies = tally.latencies_ms.clone();
    latencies.sort_unstable();
    let speed = latencies
        .get(latencies.len() / 2)
        .map_or_else(String::new, |ms| format!(" Half of the items were on their queue within {ms} ms."));
    let languages = tally.languages.iter().filter(|language| *language != "und").count();
    format!("{} posts in {languages} languages, each with exactly one outcome.{speed}", tally.posts)
}

fn by_team(out: &mut String, tally: &Tally, width: usize) {
    heading(out, &row("Team", "items", "urgent", "copies"));
    out.push('\n');
    let counts: Vec<_> = tally
        .teams
        .iter()
        .map(|team| {
            let placed = tally.placed.iter().filter(|((_, at), _)| at == team).map(|(_, item)| *item);
            let (copies, items): (Vec<_>, Vec<_>) = placed.partition(|(_, copy)| *copy);
            (team, items.len(), items.iter().filter(|(priority, _)| *priority == 1).count(), copies.len())
        })
        .collect();
    let most = counts.iter().map(|(_, items, _, _)| *items).max().unwrap_or_default();
    for (index, (team, items, urgent, copies)) in counts.into_iter().enumerate() {
        out.push(' ');
        push_styled(out, &fitted(team, 14, team_style(index)), anstyle::Style::new());
        out.push_str(&format!("{items:>6}{:>8}{:>8}  ", or_blank(urgent), or_blank(copies)));
        push_styled(out, &bar(items, most, width), team_style(index));
        out.push('\n');
    }
}

fn by_outcome(out: &mut String, tally: &Tally, width: usize) {
    heading(out, &format!("{:<28}{:>6}", "Outcome", "posts"));
    out.push('\n');
    let mut outcomes: Vec<_> = tally.outcomes.iter().collect();
    outcomes.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let most = outcomes.first().map_or(0, |(_, count)| **count);
    for ((words, reason), count) in outcomes {
        let reason = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
        out.push(' ');
        out.push_str(&fitted(&format!("{words}{reason}"), 28, anstyle::Style::new()));
        out.push_str(&format!("{count:>6}    "));
        remark(out, &bar(*count, most, width));
        out.push('\n');
    }
}

fn row(name: &str, first: &str, second: &str, third: &str) -> String {
    format!("{name:<14}{first:>6}{second:>8}{third:>8}")
}

fn or_blank(count: usize) -> String {
    if count == 0 { String::new() } else { count.to_string() }
}

fn bar(count: usize, most: usize, width: usize) -> String {
    let longest = width.saturating_sub(BESIDE_BAR + 4).min(LONGEST_BAR);
    if most == 0 { String::new() } else { "█".repeat((count * longest).div_ceil(most)) }
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr as _;

    use super::*;

    fn tally() -> Tally {
        let mut tally =
            Tally { teams: vec!["sales".to_owned(), "support".to_owned()], posts: 5, ..Tally::default() };
        for (mention, team, priority, copy) in [
            ("1", "sales", 2, false),
            ("2", "sales", 1, false),
            ("3", "support", 1, false),
            ("3", "sales", 1, true),
        ] {
            tally.placed.insert((mention.to_owned(), team.to_owned()), (priority, copy));
        }
        tally.outcomes.insert(("on a queue", String::new()), 3);
        tally.outcomes.insert(("not about us", "no_match".to_owned()), 2);
        tally.languages.insert("pl".to_owned());
        tally.latencies_ms = vec![4, 7, 30];
        tally
    }

    #[test]
    fn the_tables_add_up_by_team_and_by_outcome() {
        let shown = anstream::adapter::strip_str(&tables(&tally(), 120)).to_string();
        let rows: Vec<_> =
            shown.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        for row in [
            "5 posts in 1 languages, each with exactly one outcome. Half of the items were on their queue within 7 ms.",
            "sales 2 1 1 ████████████████████████████████████████",
            "support 1 1 ████████████████████",
            "on a queue 3 ████████████████████████████████████████",
            "not about us (no_match) 2 ███████████████████████████",
        ] {
            assert!(rows.iter().any(|found| found == row), "{row}\n{shown}");
        }
    }

    #[test]
    fn the_tables_fit_the_terminal() {
        for width in [40, 60, 80, 120, 200] {
            for line in anstream::adapter::strip_str(&tables(&tally(), width)).to_string().lines() {
                assert!(line.width() <= width, "{width}: {line}");
            }
        }
    }
}
