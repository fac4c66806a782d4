//! From events to what is printed: an opening, a line for each post, and the tables at the end.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use hark_rules::DEFAULT;
use hark_schema::v1::{Item, ItemOp, Mention, Op, RawPost, SentimentLabel};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use unicode_width::UnicodeWidthStr as _;

use super::Event;
use super::layout::Layout;
use super::line::{DIM, Fate, Line, head, paint};
use super::summary;
use crate::terminal::{Text, columns, push_styled};

/// Where output is not a terminal, as in a file or a pipe.
const USUAL_WIDTH: usize = 120;

const HEADING: anstyle::Style = anstyle::Style::new().bold();

/// What stdout is wide.
pub fn terminal_width() -> usize {
    columns().unwrap_or(USUAL_WIDTH)
}

/// What a stranger reads first; the tables say the rest.
const OPENING: [&str; 2] = [
    "Hark hears what people say about your company, and puts it on the right team's queue.",
    "Here: Aurora Motors sells and repairs cars; people write about it in five languages, in five places. Each line is \
     one post, read and routed by the real pipeline on this machine.",
];
/// Longer lines than this are hard to read.
const WIDEST_TEXT: usize = 110;

/// Turns events into lines and remembers what the tables need.
pub struct Display {
    width: usize,
    layout: Layout,
    zone: TimeZone,
    pub(super) tally: Tally,
    /// What posts said, for a deletion, which carries only an id.
    said: HashMap<String, (RawPost, String)>,
}

/// What the tables show.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Teams in the order of the configuration.
    pub teams: Vec<String>,
    /// Events, each about one post.
    pub posts: usize,
    pub languages: BTreeSet<String>,
    /// By mention and team: priority of the item, and whether it is a copy.
    pub placed: BTreeMap<(String, String), (u32, bool)>,
    /// Posts by what became of them: words for people, and the reason's own name.
    pub outcomes: BTreeMap<(&'static str, String), usize>,
    /// From heard to on a queue, in milliseconds.
    pub latencies_ms: Vec<u64>,
}

impl Display {
    /// For a terminal of `width` columns, teams in the order of the configuration, times in `zone`.
    pub fn new(width: usize, teams: Vec<String>, zone: TimeZone) -> Self {
        let widest = teams.iter().map(|team| team.width()).max().unwrap_or_default();
        let layout = Layout::new(width, widest);
        let tally = Tally { teams, ..Tally::default() };
        Self { width, layout, zone, tally, said: HashMap::new() }
    }

    /// Printed first.
    pub fn opening(&self) -> String {
        let mut out = String::from("\n");
        for paragraph in OPENING {
            out.push_str(&wrapped(paragraph, self.width));
            out.push('\n');
        }
        out.push_str(&head(&self.layout));
        out.push('\n');
        out
    }

    /// The line of one event, with its line end. `now_ms` is when it was committed, in milliseconds since 1970.
    pub fn line(&mut self, event: &Event, now_ms: i64) -> String {
        self.tally.posts += 1;
        let line = match event {
            Event::Decided { items } => self.decided(items, now_ms),
            Event::Dropped { post, mention, reason } => {
                self.dropped(post, mention.as_deref(), reason, now_ms)
            }
            Event::Rejected { class } => {
                self.count("could not be read", class);
                let fate = Fate::Dropped { why: format!("could not be read: {class}") };
                Line { fate, ..self.about(&RawPost::default(), "", now_ms) }
            }
        };
        format!("{}\n", paint(&line, &self.layout))
    }

    /// Printed last.
    pub fn summary(&self) -> String {
        summary::tables(&self.tally, self.width)
    }

    fn decided(&mut self, items: &[Item], now_ms: i64) -> Line {
        for item in items {
            let place = (item.mention_id.clone(), item.team.clone());
            match item.op() {
                ItemOp::Cancel => self.tally.placed.remove(&place),
                _ => self.tally.placed.insert(place, (item.priority, item.copy)),
            };
        }
        let stays = items.iter().find(|item| item.op() != ItemOp::Cancel && !item.copy);
        match stays {
            Some(item) => self.queued(item, items, now_ms),
            None => self.withdrawn(items, now_ms),
        }
    }

    fn queued(&mut self, item: &Item, items: &[Item], now_ms: i64) -> Line {
        let mention = item.mention.clone().unwrap_or_default();
        let post = mention.post.clone().unwrap_or_default();
        let left = items.iter().find(|other| other.op() == ItemOp::Cancel && !other.copy);
        self.count(
            if item.op() == ItemOp::Update || left.is_some() { "changed on a queue" } else { "on a queue" },
            "",
        );
        self.tally.languages.insert(mention.language.clone());
        if let Some(observed) = &post.observed_at {
            let heard_ms = observed.seconds * 1000 + i64::from(observed.nanos) / 1_000_000;
            self.tally.latencies_ms.push(u64::try_from(now_ms - heard_ms).unwrap_or_default());
        }

        let rule = item.trace.as_ref().map_or("", |trace| &trace.rule);
        let rule = if rule == DEFAULT { "no rule takes it" } else { rule };
        let (why, mut also) = match left {
            Some(left) => (format!("was with {}", left.team), format!(": {rule}")),
            None => (rule.to_owned(), String::new()),
        };
        for copy in items.iter().filter(|other| other.copy && other.op() == ItemOp::Open) {
            also.push_str(&format!(", copy to {}", copy.team));
        }
        let colour =
            self.tally.teams.iter().position(|team| *team == item.team).unwrap_or(self.tally.teams.len());
        let spans: Vec<_> =
            mention.matches.iter().filter(|found| !found.in_title).filter_map(|found| found.span).collect();
        let mut line = self.about(&post, &mention.language, now_ms);
        line.text = Text::new(&post.text, &spans);
        if item.op() == ItemOp::Update || left.is_some() {
            line.text = line.text.prefixed("✎ ");
        }
        line.tags = tags(&mention, &item.tags);
        line.fate = Fate::Queued { team: item.team.clone(), colour, priority: item.priority, why, also };
        self.said.insert(item.mention_id.clone(), (post, mention.language));
        line
    }

    fn withdrawn(&mut self, items: &[Item], now_ms: i64) -> Line {
        self.count("taken from its queue", "");
        let item = items.iter().find(|item| !item.copy).or(items.first());
        let (team, id) = item.map(|item| (item.team.clone(), &*item.mention_id)).unwrap_or_default();
        let (post, language) = self.said.get(id).cloned().unwrap_or_default();
        let mut line = self.about(&post, &language, now_ms);
        // The post's own time is long gone; this is about its end.
        line.time = self.time(now_ms);
        line.fate = Fate::Withdrawn { team, why: "its post is gone".to_owned() };
        line
    }

    fn dropped(&mut self, post: &RawPost, mention: Option<&Mention>, reason: &str, now_ms: i64) -> Line {
        let words = in_words(reason).unwrap_or("dropped by a rule");
        self.count(words, reason);
        let language = mention.map_or("", |mention| &mention.language);
        let mut line = self.about(post, language, now_ms);
        if post.op() == Op::Delete {
            line.text = Text::new("(deletes a post)", &[]);
        }
        line.fate = Fate::Dropped { why: in_words(reason).unwrap_or(reason).to_owned() };
        line
    }

    fn about(&self, post: &RawPost, language: &str, now_ms: i64) -> Line {
        let heard_ms =
            post.observed_at.map_or(now_ms, |at| at.seconds * 1000 + i64::from(at.nanos) / 1_000_000);
        let source = post.r#ref.as_ref().map(|id| id.source.clone()).unwrap_or_default();
        Line {
            time: self.time(heard_ms),
            language: language.to_owned(),
            source,
            text: Text::new(&post.text, &[]),
            tags: Vec::new(),
            fate: Fate::Dropped { why: String::new() },
        }
    }

    fn time(&self, ms: i64) -> String {
        let at = Timestamp::from_millisecond(ms).unwrap_or_default();
        at.to_zoned(self.zone.clone()).strftime("%H:%M:%S").to_string()
    }

    fn count(&mut self, words: &'static str, reason: &str) {
        *self.tally.outcomes.entry((words, reason.to_owned())).or_default() += 1;
    }
}

/// Intents, most confident first, then what rules added; a post without either shows its sentiment.
fn tags(mention: &Mention, added: &[String]) -> Vec<String> {
    let mut tags: Vec<_> = mention.intents.iter().map(|intent| intent.name.clone()).collect();
    tags.extend(
        added.iter().filter(|tag| mention.intents.iter().all(|intent| intent.name != **tag)).cloned(),
    );
    if tags.is_empty() {
        let sentiment = mention.sentiment.as_ref().map(hark_schema::v1::Sentiment::label);
        tags.extend(match sentiment {
            Some(SentimentLabel::Negative) => Some("negative".to_owned()),
            Some(SentimentLabel::Positive) => Some("positive".to_owned()),
            _ => None,
        });
    }
    tags
}

/// A stage's closed reason as a person would say it; `None` for the words of a rule.
fn in_words(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "no_match" => "not about us",
        "repeat" => "heard before",
        "stale" => "older than what is known",
        "unknown" => "was never ours",
        "deleted" => "deleted before",
        "withdrawn" => "withdrawn before",
        "no_item" => "was on no queue",
        _ => return None,
    })
}

/// Lines of at most `width` columns, broken between words, each behind the margin.
pub(super) fn wrapped(text: &str, width: usize) -> String {
    let width = width.min(WIDEST_TEXT);
    let mut out = String::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        if used > 0 && used + 1 + word.width() > width {
            out.push('\n');
            used = 0;
        }
        out.push(' ');
        out.push_str(word);
        used += 1 + word.width();
    }
    out.push('\n');
    out
}

/// A heading of the tables.
pub(super) fn heading(out: &mut String, text: &str) {
    push_styled(out, text, HEADING);
}

/// A remark of the tables.
pub(super) fn remark(out: &mut String, text: &str) {
    push_styled(out, text, DIM);
}

#[cfg(test)]
mod tests {
    use hark_schema::v1::{Intent, Match, PostRef, Span, Trace};

    use super::*;

    fn post(text: &str) -> RawPost {
        RawPost {
            r#ref: Some(PostRef {
                source: "forum".to_owned(),
                native_id: "1".to_owned(),
                ..PostRef::default()
            }),
            text: text.to_owned(),
            observed_at: Some(at(1_000)),
            ..RawPost::default()
        }
    }

    fn at(ms: i64) -> hark_schema::prost_types::Timestamp {
        hark_schema::prost_types::Timestamp {
            seconds: ms / 1000,
            nanos: i32::try_from(ms % 1000 * 1_000_000).unwrap(),
        }
    }

    fn item(team: &str, op: ItemOp, rule: &str) -> Item {
        let mention = Mention {
            post: Some(post("Looking for a garage")),
            language: "en".to_owned(),
            intents: vec![Intent { name: "purchase".to_owned(), ..Intent::default() }],
            matches: vec![Match { span: Some(Span { start: 14, end: 20 }), ..Match::default() }],
            ..Mention::default()
        };
        Item {
            team: team.to_owned(),
            op: op.into(),
            mention_id: "m1".to_owned(),
            mention: (op != ItemOp::Cancel).then_some(mention),
            priority: 2,
            trace: Some(Trace { rule: rule.to_owned(), ..Trace::default() }),
            ..Item::default()
        }
    }

    fn display() -> Display {
        Display::new(120, vec!["sales".to_owned(), "support".to_owned()], TimeZone::UTC)
    }

    fn shown(display: &mut Display, event: &Event) -> String {
        anstream::adapter::strip_str(&display.line(event, 1_012)).to_string()
    }

    #[test]
    fn an_item_shows_where_it_went_and_by_which_rule() {
        let mut display = display();
        let event = Event::Decided { items: vec![item("sales", ItemOp::Open, "looks for a garage")] };
        let line = shown(&mut display, &event);
        assert!(line.starts_with(" 00:00:01 en forum    Looking for a garage "), "{line}");
        assert!(line.ends_with("purchase            → sales   P2 looks for a garage\n"), "{line}");
        assert_eq!(display.tally.latencies_ms, [12]);
    }

    #[test]
    fn the_words_that_were_listened_for_stand_out() {
        let painted = display().line(&Event::Decided { items: vec![item("sales", ItemOp::Open, "r")] }, 0);
        assert!(painted.contains("\u{1b}[1mgarage\u{1b}[0m"), "{painted:?}");
    }

    #[test]
    fn an_edit_that_moves_an_item_says_who_had_it() {
        let mut display = display();
        let open = Event::Decided { items: vec![item("sales", ItemOp::Open, "a buyer")] };
        shown(&mut display, &open);
        let moved = Event::Decided {
            items: vec![item("sales", ItemOp::Cancel, ""), item("support", ItemOp::Open, "angry")],
        };
        let line = shown(&mut display, &moved);
        assert!(
            line.contains("✎ Looking for a garage") && line.contains("→ support P2 was with sales: angry"),
            "{line}"
        );
        assert_eq!(display.tally.placed.keys().map(|(_, team)| &**team).collect::<Vec<_>>(), ["support"]);
    }

    #[test]
    fn a_deletion_shows_what_had_been_said() {
        let mut display = display();
        shown(&mut display, &Event::Decided { items: vec![item("sales", ItemOp::Open, "a buyer")] });
        let line = shown(&mut display, &Event::Decided { items: vec![item("sales", ItemOp::Cancel, "")] });
        assert!(
            line.contains("Looking for a garage") && line.contains("withdrawn           ✗ sales"),
            "{line}"
        );
        assert!(display.tally.placed.is_empty());
    }

    #[test]
    fn a_copy_is_told_beside_its_item() {
        let copy = Item { copy: true, ..item("support", ItemOp::Open, "a buyer") };
        let event = Event::Decided { items: vec![item("sales", ItemOp::Open, "a buyer"), copy] };
        let line =
            anstream::adapter::strip_str(&Display::new(200, Vec::new(), TimeZone::UTC).line(&event, 0))
                .to_string();
        assert!(line.contains("a buyer, copy to support"), "{line}");
    }

    #[test]
    fn every_reason_is_said_in_words_and_a_rule_in_its_own() {
        for (reason, words) in
            [("no_match", "· not about us"), ("repeat", "· heard before"), ("spam", "· spam")]
        {
            let event =
                Event::Dropped { post: Box::new(post("x")), mention: None, reason: reason.to_owned() };
            let line = shown(&mut display(), &event);
            assert!(line.trim_end().ends_with(words), "{line}");
        }
    }

    #[test]
    fn the_opening_fits_every_terminal() {
        for width in [60, 80, 120, 200] {
            let opening = Display::new(width, Vec::new(), TimeZone::UTC).opening();
            for line in anstream::adapter::strip_str(&opening).to_string().lines() {
                assert!(line.width() <= width, "{width}: {line}");
            }
        }
    }
}
