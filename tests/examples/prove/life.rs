//! Lives of posts as they go in, and what must have come out of each: DESIGN's table and route's versions, written down a second
//! time and much shorter, so that the proof does not ask the program what is right.

use std::collections::VecDeque;

use hark_schema::v1::{ItemOp, Op};

use hark_tests::random::Random;

/// Enrich compares a version without a revision with so many earlier ones.
const FINGERPRINTS: usize = 4;

/// One version of a post, or its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub op: Op,
    /// Empty for a deletion.
    pub text: String,
    pub revision: Option<u64>,
}

impl Step {
    /// As a webhook or a file takes it.
    pub fn json(&self, id: &str) -> String {
        let op = match self.op {
            Op::Edit => "edit",
            Op::Delete => "delete",
            Op::Restore => "restore",
            _ => "create",
        };
        let mut post = serde_json::json!({"id": id, "op": op});
        if self.op != Op::Delete {
            post["text"] = self.text.as_str().into();
        }
        if let Some(revision) = self.revision {
            post["revision"] = revision.into();
        }
        post.to_string()
    }

    /// The team whose subject the text names.
    fn team(&self) -> Option<&'static str> {
        if self.text.contains("garage") {
            Some("sales")
        } else {
            self.text.contains("Aurora Motors").then_some("support")
        }
    }
}

/// A life of one to seven steps: versions that change team or subject, repeats, late old versions, deletions, restores.
pub fn live(random: &mut Random) -> Vec<Step> {
    let counted = random.percent(50);
    let mut version = 0;
    let mut steps: Vec<Step> = Vec::new();
    if random.percent(3) {
        steps.push(Step { op: Op::Delete, text: String::new(), revision: None });
    }
    steps.push(content(Op::Create, &mut version, counted, random));
    for _ in 0..random.below(6) {
        let last = steps.iter().rev().find(|step| step.op != Op::Delete).cloned();
        let step = match (random.below(100), last) {
            (0..45, _) => content(Op::Edit, &mut version, counted, random),
            (45..60, Some(last)) => last,
            (60..70, Some(last)) if counted && version > 1 => {
                Step { op: Op::Edit, revision: Some(1), text: format!("{} (late)", last.text) }
            }
            (70..88, _) => Step { op: Op::Delete, text: String::new(), revision: None },
            _ => content(Op::Restore, &mut version, counted, random),
        };
        steps.push(step);
    }
    steps
}

fn content(op: Op, version: &mut u64, counted: bool, random: &mut Random) -> Step {
    *version += 1;
    let text = match random.below(10) {
        0..5 => format!("Who knows a garage in street {version}?"),
        5..8 => format!("Aurora Motors kept me waiting for {version} hours."),
        _ => format!("Nothing to see at harbour {version}."),
    };
    Step { op, text, revision: counted.then_some(*version) }
}

/// A record that must be on the queue of `team`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    pub team: String,
    pub op: ItemOp,
    pub version: u64,
}

/// What a life brings about.
#[derive(Debug, Default)]
pub struct Expected {
    /// Records on the topic of mentions.
    pub mentions: usize,
    /// In order.
    pub entries: Vec<Entry>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Absent,
    Live,
    Withdrawn,
    Deleted,
}

/// What these steps, in this order, bring about.
pub fn expected(steps: &[Step]) -> Expected {
    let mut expected = Expected::default();
    let (mut status, mut revision, mut texts) = (Status::Absent, None, VecDeque::new());
    let (mut open, mut version) = (None, 0);
    for step in steps {
        // What goes out: nothing, or a team, or the end.
        let team = step.team();
        let news = is_news(step, revision, &texts);
        let emitted = match (status, step.op) {
            (Status::Absent | Status::Withdrawn, Op::Delete) => {
                status = Status::Deleted;
                None
            }
            (Status::Deleted, Op::Restore) if team.is_none() => {
                status = Status::Withdrawn;
                remember(step, &mut revision, &mut texts);
                None
            }
            (Status::Deleted, op) if op != Op::Restore => None,
            (Status::Live, Op::Delete) => {
                status = Status::Deleted;
                Some(None)
            }
            (Status::Live, _) | (Status::Withdrawn, Op::Create | Op::Edit) if !news => {
                revision = step.revision.max(revision);
                None
            }
            (Status::Absent, _) if team.is_none() => None,
            (Status::Withdrawn, _) if team.is_none() => {
                revision = step.revision.max(revision);
                None
            }
            (_, _) => {
                status = if team.is_some() { Status::Live } else { Status::Withdrawn };
                remember(step, &mut revision, &mut texts);
                Some(team)
            }
        };
        let Some(team) = emitted else { continue };
        expected.mentions += 1;
        version += 1;
        let mut enter = |team: &str, op| expected.entries.push(Entry { team: team.to_owned(), op, version });
        match (open, team) {
            (Some(before), Some(team)) if before == team => enter(team, ItemOp::Update),
            (before, team) => {
                if let Some(before) = before {
                    enter(before, ItemOp::Cancel);
                }
                if let Some(team) = team {
                    enter(team, ItemOp::Open);
                }
            }
        }
        open = team;
    }
    expected
}

fn is_news(step: &Step, known: Option<u64>, texts: &VecDeque<String>) -> bool {
    let newer = match (known, step.revision) {
        (Some(known), Some(said)) if said < known => return false,
        (Some(known), Some(said)) => said > known,
        (known, said) => known.is_none() && said.is_some(),
    };
    !texts.iter().take(if newer { 1 } else { FINGERPRINTS }).any(|text| *text == step.text)
}

fn remember(step: &Step, revision: &mut Option<u64>, texts: &mut VecDeque<String>) {
    *revision = step.revision.max(*revision);
    texts.retain(|text| *text != step.text);
    texts.push_front(step.text.clone());
    texts.truncate(FINGERPRINTS);
}
