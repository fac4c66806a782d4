//! Finds partitions that nobody owns and that nobody is going to be given.
//!
//! A cooperative rebalance takes two rounds: the first tells a member what to give up, the second, which that member begins by joining
//! again, gives it to others. A member that dies between the two and is back under its name within its session takes its place
//! over: the coordinator answers with what the first round left it and begins no second one, and nobody else has a reason to ask for
//! one (static members: KIP-345; rounds: KIP-429). The same comes of a coordinator that dies there, for it keeps the outcome of the first
//! round only. Without this, what was given up lay there until somebody joined or left (`scripts/prove crash`).
//!
//! So whoever was told anything about its partitions looks until it has seen that all of them have owners; a group at rest is not asked
//! about.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, Thread},
    time::Duration,
};

use prost::bytes::Buf as _;
use rdkafka::{
    consumer::{BaseConsumer, Consumer as _},
    groups::GroupMemberInfo,
};
use tracing::debug;

use super::{
    client::{Clients, Context, hear_out},
    spawn,
};
use crate::{LogError, SessionConfig};

/// Twice the heartbeat, by which members learn of a round.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// Seen so often the same, nothing is under way: a member that is in a commit keeps the others waiting less long.
const SIGHTINGS: usize = 3;
/// Each time that did not help the next one comes later: twice, four times, at most so many times as late.
const MOST_PATIENCE: usize = 32;
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);
/// What Kafka puts behind the name of a static member to make its id: `-` and a UUID (`ClassicGroup.generateMemberId`).
const ID_SUFFIX: usize = 37;

/// What members of a group hold of one topic, by their ids.
type Holdings = BTreeMap<String, BTreeSet<u32>>;

/// The look-out of one static member.
pub(super) struct Owners {
    shared: Arc<Shared>,
    thread: Thread,
}

#[derive(Default)]
struct Shared {
    /// How often this member was told something about its partitions.
    told: AtomicU64,
    is_stuck: AtomicBool,
    has_ended: AtomicBool,
}

impl Owners {
    /// Begins to look, on a thread of its own, which ends when this is dropped.
    pub fn begin(
        clients: &Clients,
        config: &SessionConfig,
        instance: &str,
        partitions: u32,
    ) -> Result<Self, LogError> {
        let shared = Arc::new(Shared::default());
        let mut group = Group {
            clients: clients.clone(),
            watcher: None,
            name: config.group.clone(),
            topic: config.input.clone(),
        };
        let (seen, mut lookout) = (Arc::clone(&shared), Lookout::new(instance, partitions));
        let thread = spawn("owners", &config.transactional_id, move || {
            let mut settled = 0;
            loop {
                thread::park_timeout(LOOK_EVERY);
                if seen.has_ended.load(Ordering::Relaxed) {
                    return;
                }
                let told = seen.told.load(Ordering::Relaxed);
                if settled == told {
                    continue;
                }
                let verdict = lookout.judge(group.holdings());
                if verdict == Verdict::Whole {
                    settled = told;
                    group.watcher = None;
                }
                seen.is_stuck.store(verdict == Verdict::Stuck, Ordering::Relaxed);
            }
        })?;
        Ok(Self { shared, thread: thread.thread().clone() })
    }

    /// The member was told something about its partitions.
    pub fn note_change(&self) {
        self.shared.told.fetch_add(1, Ordering::Relaxed);
        self.shared.is_stuck.store(false, Ordering::Relaxed);
    }

    /// Whether partitions have no owner and this member is to bring about a round; said once.
    pub fn take_stuck(&self) -> bool {
        self.shared.is_stuck.load(Ordering::Relaxed) && self.shared.is_stuck.swap(false, Ordering::Relaxed)
    }
}

impl Drop for Owners {
    /// Does not wait for a look that is under way.
    fn drop(&mut self) {
        self.shared.has_ended.store(true, Ordering::Relaxed);
        self.thread.unpark();
    }
}

/// Judges what is seen, look by look.
struct Lookout {
    instance: String,
    partitions: u32,
    last: Holdings,
    sightings: usize,
    patience: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Whole,
    /// Not at rest, or not known, or somebody else's turn.
    Open,
    Stuck,
}

impl Lookout {
    fn new(instance: &str, partitions: u32) -> Self {
        Self { instance: instance.to_owned(), partitions, last: Holdings::new(), sightings: 0, patience: 1 }
    }

    /// A gap is for this member to do something about when it has been there for a while. First comes the one to whom it costs the least; the
    /// others follow one look after another, for that one may have no reason to look.
    fn judge(&mut self, seen: Option<Holdings>) -> Verdict {
        let Some(holdings) = seen else {
            self.sightings = 0;
            return Verdict::Open;
        };
        let owned: BTreeSet<u32> = holdings.values().flatten().copied().collect();
        if (0..self.partitions).all(|partition| owned.contains(&partition)) {
            (self.sightings, self.patience) = (0, 1);
            return Verdict::Whole;
        }
        self.sightings = if holdings == self.last { self.sightings + 1 } else { 1 };
        self.last = holdings;
        let mut by_cost: Vec<_> = self.last.iter().map(|(id, held)| (held.len(), id.as_str())).collect();
        by_cost.sort_unstable();
        let rank = by_cost.iter().position(|(_, id)| {
            id.len() == self.instance.len() + ID_SUFFIX && id.starts_with(&self.instance)
        });
        if rank.is_none_or(|rank| self.sightings < SIGHTINGS * self.patience + rank) {
            return Verdict::Open;
        }
        self.sightings = 0;
        self.patience = (self.patience * 2).min(MOST_PATIENCE);
        Verdict::Stuck
    }
}

/// A group that is asked about.
struct Group {
    clients: Clients,
    /// Made when it is needed.
    watcher: Option<BaseConsumer<Context>>,
    name: String,
    topic: Arc<str>,
}

impl Group {
    /// What each member holds; `None` while the group is not at rest, or where nobody tells.
    fn holdings(&mut self) -> Option<Holdings> {
        match self.ask() {
            Ok(told) => told,
            Err(error) => {
                debug!(%error, group = self.name, "whether each partition has an owner is not known");
                None
            }
        }
    }

    fn ask(&mut self) -> Result<Option<Holdings>, LogError> {
        let watcher = match &mut self.watcher {
            Some(watcher) => watcher,
            none => none.insert(self.clients.watcher()?),
        };
        let groups = watcher.fetch_group_list(Some(&self.name), LOOK_TIMEOUT);
        hear_out(watcher);
        let groups = groups.map_err(|source| self.clients.failed("asking who owns partitions", source))?;
        let found =
            groups.groups().iter().find(|found| found.name() == self.name && found.state() == "Stable");
        Ok(found.and_then(|found| {
            let member = |member: &GroupMemberInfo| {
                let held = assigned(member.assignment().unwrap_or_default(), &self.topic)?;
                Some((member.id().to_owned(), held))
            };
            found.members().iter().map(member).collect()
        }))
    }
}

/// The partitions of a topic in a member's assignment (`ConsumerProtocolAssignment.json` of Kafka, any version); `None` where the bytes
/// are something else. Without bytes it holds none.
fn assigned(mut bytes: &[u8], topic: &str) -> Option<BTreeSet<u32>> {
    let mut partitions = BTreeSet::new();
    if bytes.is_empty() {
        return Some(partitions);
    }
    bytes.try_get_i16().ok()?;
    for _ in 0..bytes.try_get_i32().ok()? {
        let length = usize::try_from(bytes.try_get_i16().ok()?).ok()?;
        let (name, rest) = bytes.split_at_checked(length)?;
        bytes = rest;
        for _ in 0..bytes.try_get_i32().ok()? {
            let partition = u32::try_from(bytes.try_get_i32().ok()?).ok()?;
            if name == topic.as_bytes() {
                partitions.insert(partition);
            }
        }
    }
    Some(partitions)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "-0b6d3c3e-4a0f-4b7e-9a39-6f0d5a1f7c11";

    fn held(members: &[(&str, &[u32])]) -> Holdings {
        let member =
            |(name, held): &(&str, &[u32])| (format!("{name}{UUID}"), held.iter().copied().collect());
        members.iter().map(member).collect()
    }

    /// The looks, of so many, at which a member acts.
    fn acts(instance: &str, seen: &Holdings, looks: usize) -> Vec<usize> {
        let mut lookout = Lookout::new(instance, 4);
        (1..=looks).filter(|_| lookout.judge(Some(seen.clone())) == Verdict::Stuck).collect()
    }

    #[test]
    fn a_gap_is_closed_by_who_holds_the_least_and_by_the_others_where_that_one_does_not() {
        let gap = held(&[("a", &[0, 1]), ("b", &[]), ("b-1", &[2])]);
        assert_eq!(acts("b", &gap, 5), [3]);
        assert_eq!(acts("b-1", &gap, 5), [4]);
        assert_eq!(acts("a", &gap, 5), [5]);
        assert_eq!(acts("stranger", &gap, 99), [0; 0]);
    }

    #[test]
    fn what_did_not_help_is_tried_again_later_each_time() {
        assert_eq!(acts("a", &held(&[("a", &[0])]), 100), [3, 9, 21, 45, 93]);
    }

    #[test]
    fn what_changes_between_looks_is_under_way() {
        let mut lookout = Lookout::new("a", 4);
        for seen in [[0, 1], [0, 1], [1, 2], [1, 2], [0, 1]] {
            assert_eq!(lookout.judge(Some(held(&[("a", &seen)]))), Verdict::Open, "{seen:?}");
        }
        assert_eq!(lookout.judge(None), Verdict::Open);
        let whole = held(&[("a", &[0, 1]), ("b", &[2, 3])]);
        assert_eq!(lookout.judge(Some(whole)), Verdict::Whole);
    }

    #[test]
    fn an_assignment_is_read_as_kafka_writes_it_and_nothing_else_is() {
        // Version 1; two topics, `in` with 0 and 3, `on` with 7; no user data.
        let bytes = b"\0\x01\0\0\0\x02\0\x02in\0\0\0\x02\0\0\0\0\0\0\0\x03\0\x02on\0\0\0\x01\0\0\0\x07\xff\xff\xff\xff";
        assert_eq!(assigned(bytes, "in"), Some([0, 3].into()));
        assert_eq!(assigned(bytes, "on"), Some([7].into()));
        assert_eq!(assigned(bytes, "other"), Some([].into()));
        assert_eq!(assigned(b"", "in"), Some([].into()));
        for length in 1..bytes.len() - 4 {
            assert_eq!(assigned(&bytes[..length], "in"), None, "cut after {length} bytes");
        }
    }
}
