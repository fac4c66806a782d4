//! Reads everything there is on the log and holds it against what was sent.

use std::collections::{BTreeMap, HashMap};

use hark_log::{Counts, Log};
use hark_schema::{
    Message as _,
    id::mention_id,
    v1::{Item, Op, PostRef, RawPost},
};

use crate::{
    life::{Entry, Expected, Step, expected},
    senders::Sent,
    world::{TEAMS, World},
};

/// So many faults are described; all are counted.
const DESCRIBED: usize = 10;

/// What is wrong, by kind. All are 0 when the laws hold.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Posts that were accepted.
    pub posts: usize,
    /// Records on the topic of posts: more than that where a client had to send again.
    pub records: usize,
    /// Records on the queues.
    pub items: usize,
    /// Accepted posts or records of items that are not there.
    pub lost: usize,
    /// That are there and should not be.
    pub doubled: usize,
    /// Of one post, in another order.
    pub out_of_order: usize,
    /// Difference between records and the outcomes that were counted for them.
    pub miscounted: u64,
    /// The first few, in words.
    pub faults: Vec<String>,
}

impl Verdict {
    pub fn is_good(&self) -> bool {
        self.lost == 0 && self.doubled == 0 && self.out_of_order == 0 && self.miscounted == 0
    }

    fn fault(&mut self, describe: impl FnOnce() -> String) {
        if self.faults.len() < DESCRIBED {
            self.faults.push(describe());
        }
    }

    fn count(&mut self, what: &str, found: u64, right: u64) {
        if found != right {
            self.miscounted += found.abs_diff(right);
            self.fault(|| format!("{what}: {found}, should be {right}"));
        }
    }
}

/// By mention_id.
type ByPost<T> = HashMap<String, Vec<T>>;

/// Everything must be at rest.
pub fn of(world: &World, sent: &[Sent]) -> Verdict {
    let log = world.log();
    let mut verdict = Verdict::default();
    let mut arrived = posts(world, &*log, &mut verdict);
    let mut queued = items(world, &*log, &mut verdict);
    let mut mentions = 0;
    for sent in sent {
        let key = key_of(sent);
        let right = expected(&sent.steps);
        mentions += right.mentions as u64;
        verdict.posts += sent.steps.len();
        let found = arrived.remove(&key).unwrap_or_default();
        compare_posts(sent, &found, &mut verdict);
        compare_items(sent, &right, &queued.remove(&key).unwrap_or_default(), &mut verdict);
    }
    let unasked =
        arrived.values().map(Vec::len).sum::<usize>() + queued.values().map(Vec::len).sum::<usize>();
    if unasked > 0 {
        verdict.doubled += unasked;
        verdict.fault(|| format!("{unasked} records of posts that nobody sent"));
    }
    let on_topic = |topic: &str| {
        let mut records = 0;
        each_value(world, &*log, topic, &mut |_| records += 1);
        records
    };
    let (records, emitted) = (verdict.records as u64, on_topic("mentions"));
    let (enriched, routed) =
        (counts(world, &*log, "enrich", "posts"), counts(world, &*log, "route", "mentions"));
    verdict.count("records that enrich counted", enriched.total(), records);
    verdict.count("mentions that enrich counted", enriched.get("emitted"), emitted);
    verdict.count("mentions on the topic", emitted, mentions);
    verdict.count("records that route counted", routed.total(), emitted);
    verdict.count("mentions that route emitted", routed.get("emitted"), mentions);
    verdict.count("dead letters", on_topic("dead-letters"), 0);
    verdict
}

fn key_of(sent: &Sent) -> String {
    mention_id(&PostRef {
        tenant: "aurora".to_owned(),
        source: sent.source.to_owned(),
        instance: String::new(),
        native_id: sent.id.clone(),
    })
    .to_string()
}

pub fn each_value(world: &World, log: &dyn Log, topic: &str, each: &mut dyn FnMut(&[u8])) {
    let topic = world.topic(topic);
    let partitions = log.topics().unwrap().into_iter().find(|found| found.name == topic).unwrap().partitions;
    let all: Vec<u32> = (0..partitions).collect();
    log.read_to_end(&topic, &all, &mut |record| each(record.value.unwrap_or_default())).unwrap();
}

/// Outcomes of all records that a stage has worked off, as they ride in its committed offsets.
pub fn counts(world: &World, log: &dyn Log, stage: &str, input: &str) -> Counts {
    let mut counts = Counts::default();
    for offset in log.group_offsets(&world.group(stage), &world.topic(input)).unwrap() {
        counts.merge(&Counts::from_metadata(&offset.metadata));
    }
    counts
}

fn posts(world: &World, log: &dyn Log, verdict: &mut Verdict) -> ByPost<Step> {
    let mut posts = ByPost::new();
    each_value(world, log, "posts", &mut |value| {
        verdict.records += 1;
        let post = RawPost::decode(value).unwrap();
        let key = mention_id(post.r#ref.as_ref().unwrap()).to_string();
        posts.entry(key).or_default().push(Step { op: post.op(), text: post.text, revision: post.revision });
    });
    posts
}

fn items(world: &World, log: &dyn Log, verdict: &mut Verdict) -> ByPost<Entry> {
    let mut items = ByPost::new();
    for team in TEAMS {
        each_value(world, log, &format!("queue.{team}"), &mut |value| {
            verdict.items += 1;
            let item = Item::decode(value).unwrap();
            let entry = Entry { team: team.to_owned(), op: item.op(), version: item.version };
            items.entry(item.mention_id).or_default().push(entry);
        });
    }
    items
}

/// A file's lines are there once; of a webhook's posts each may come again in a row, where its client had no answer.
fn compare_posts(sent: &Sent, found: &[Step], verdict: &mut Verdict) {
    let mut next = 0;
    for step in found {
        let is = |at: usize| sent.steps.get(at) == Some(step);
        if is(next) {
            next += 1;
        } else if sent.source == "shop" && next > 0 && is(next - 1) {
            continue;
        } else {
            let (kind, count): (_, &mut usize) = if sent.steps.contains(step) && step.op != Op::Delete {
                ("out of order", &mut verdict.out_of_order)
            } else {
                ("more than was sent", &mut verdict.doubled)
            };
            *count += 1;
            verdict.fault(|| format!("post {}: {kind}: {step:?}", sent.id));
        }
    }
    if next < sent.steps.len() {
        verdict.lost += sent.steps.len() - next;
        verdict.fault(|| format!("post {}: accepted and not there: {:?}", sent.id, &sent.steps[next..]));
    }
}

fn compare_items(sent: &Sent, right: &Expected, found: &[Entry], verdict: &mut Verdict) {
    for team in TEAMS {
        let of_team = |entries: &[Entry]| -> Vec<Entry> {
            entries.iter().filter(|entry| entry.team == team).cloned().collect()
        };
        let (right, found) = (of_team(&right.entries), of_team(found));
        if right == found {
            continue;
        }
        let tally = |entries: &[Entry]| {
            let mut tally: BTreeMap<Entry, usize> = BTreeMap::new();
            for entry in entries {
                *tally.entry(entry.clone()).or_default() += 1;
            }
            tally
        };
        let (of_right, of_found) = (tally(&right), tally(&found));
        let missing = |from: &BTreeMap<Entry, usize>, of: &BTreeMap<Entry, usize>| -> usize {
            from.iter()
                .map(|(entry, count)| count.saturating_sub(of.get(entry).copied().unwrap_or_default()))
                .sum()
        };
        let (lost, doubled) = (missing(&of_right, &of_found), missing(&of_found, &of_right));
        verdict.lost += lost;
        verdict.doubled += doubled;
        if lost == 0 && doubled == 0 {
            verdict.out_of_order += 1;
        }
        verdict.fault(|| {
            let show = |entries: &[Entry]| {
                let each: Vec<String> = entries
                    .iter()
                    .map(|entry| format!("{} v{}", entry.op.as_str_name(), entry.version))
                    .collect();
                each.join(", ")
            };
            format!("post {} for {team}: found [{}], should be [{}]", sent.id, show(&found), show(&right))
        });
    }
}
