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
    thread,
    time::Duration,
};

use prost::bytes::Buf as _;
use rdkafka::consumer::Consumer as _;
use tracing::debug;

use super::client::{CALL_TIMEOUT, Clients};
use crate::{LogError, SessionConfig};

/// Twice the heartbeat, with which members learn of a round: between two looks each of them has taken part in what is under way.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// Seen so often the same, nothing is under way.
const SIGHTINGS: usize = 2;
/// What Kafka puts behind the name of a static member to make its id: `-` and a UUID (`ClassicGroup.generateMemberId`).
const ID_SUFFIX: usize = 37;

/// What members of a group hold of one topic, by their ids.
type Holdings = BTreeMap<String, BTreeSet<u32>>;

/// The look-out of one static member.
pub(super) struct Owners(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// How often this member was told something about its partitions.
    told: AtomicU64,
    is_stuck: AtomicBool,
}

impl Owners {
    /// Begins to look, on a thread of its own, which ends when this is dropped.
    pub fn begin(
        clients: &Clients,
        config: &SessionConfig,
        instance: &str,
        partitions: u32,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (seen, clients, instance) = (Arc::downgrade(&shared), clients.clone(), instance.to_owned());
        let (group, topic) = (config.group.clone(), config.input.clone());
        thread::Builder::new().name("owners".to_owned()).spawn(move || {
            let mut lookout = Lookout { instance, partitions, last: Holdings::new(), sightings: 0 };
            let mut settled = None;
            while let Some(shared) = seen.upgrade() {
                let told = shared.told.load(Ordering::Relaxed);
                if settled != Some(told) {
                    match holdings(&clients, &group, &topic) {
                        Ok(Some(holdings)) if lookout.is_whole(&holdings) => settled = Some(told),
                        Ok(Some(holdings)) => {
                            if lookout.is_stuck(holdings) {
                                shared.is_stuck.store(true, Ordering::Relaxed);
                            }
                        }
                        Ok(None) => lookout.sightings = 0,
                        Err(error) => {
                            lookout.sightings = 0;
                            debug!(%error, group, "whether each partition has an owner is not known");
                        }
                    }
                }
                drop(shared);
                thread::park_timeout(LOOK_EVERY);
            }
        })?;
        Ok(Self(shared))
    }

    /// The member was told something about its partitions.
    pub fn note_change(&self) {
        self.0.told.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether partitions have no owner and this member is to bring about a round; said once.
    pub fn take_stuck(&self) -> bool {
        self.0.is_stuck.load(Ordering::Relaxed) && self.0.is_stuck.swap(false, Ordering::Relaxed)
    }
}

/// Judges what is seen.
struct Lookout {
    instance: String,
    partitions: u32,
    last: Holdings,
    sightings: usize,
}

impl Lookout {
    fn is_whole(&self, holdings: &Holdings) -> bool {
        let owned: BTreeSet<u32> = holdings.values().flatten().copied().collect();
        (0..self.partitions).all(|partition| owned.contains(&partition))
    }

    /// Whether it is up to this member to do something about a gap. First to whom it costs the least; the others follow one look after
    /// another, for that one may have no reason to look.
    fn is_stuck(&mut self, holdings: Holdings) -> bool {
        self.sightings = if holdings == self.last { self.sightings + 1 } else { 1 };
        self.last = holdings;
        let mut by_cost: Vec<_> = self.last.iter().map(|(id, held)| (held.len(), id.as_str())).collect();
        by_cost.sort_unstable();
        let rank = by_cost.iter().position(|(_, id)| {
            id.len() == self.instance.len() + ID_SUFFIX && id.starts_with(&self.instance)
        });
        let is_due = rank.is_some_and(|rank| self.sightings >= SIGHTINGS + rank);
        if is_due {
            self.sightings = 0;
        }
        is_due
    }
}

/// What each member of a group holds; `None` while the group is not at rest.
fn holdings(clients: &Clients, group: &str, topic: &str) -> Result<Option<Holdings>, LogError> {
    let fail = |source| clients.failed("asking who owns partitions", source);
    let watcher = clients.watcher()?;
    let groups = watcher.fetch_group_list(Some(group), CALL_TIMEOUT).map_err(fail)?;
    let found = groups.groups().iter().find(|found| found.name() == group && found.state() == "Stable");
    Ok(found.and_then(|found| {
        let held = |bytes| assigned(bytes, topic);
        let members = found.members().iter();
        members.map(|member| Some((member.id().to_owned(), held(member.assignment()?)?))).collect()
    }))
}

/// The partitions of a topic in a member's assignment (`ConsumerProtocolAssignment.json` of Kafka, any version); `None` where the bytes
/// are something else. Without bytes it has none.
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

    fn lookout(instance: &str) -> Lookout {
        Lookout { instance: instance.to_owned(), partitions: 4, last: Holdings::new(), sightings: 0 }
    }

    fn held(members: &[(&str, &[u32])]) -> Holdings {
        let member =
            |(name, held): &(&str, &[u32])| (format!("{name}{UUID}"), held.iter().copied().collect());
        members.iter().map(member).collect()
    }

    /// The looks at which each member acts, of so many looks.
    fn acts(instance: &str, seen: &Holdings, looks: usize) -> Vec<usize> {
        let mut lookout = lookout(instance);
        (1..=looks).filter(|_| lookout.is_stuck(seen.clone())).collect()
    }

    #[test]
    fn a_gap_is_closed_by_who_holds_the_least_and_by_the_others_where_that_one_does_not() {
        let gap = held(&[("a", &[0, 1]), ("b", &[]), ("b-1", &[2])]);
        assert!(!lookout("a").is_whole(&gap));
        assert_eq!(acts("b", &gap, 3), [2]);
        assert_eq!(acts("b-1", &gap, 4), [3]);
        assert_eq!(acts("a", &gap, 9), [4, 8]);
        assert_eq!(acts("stranger", &gap, 9), [0; 0]);
    }

    #[test]
    fn what_changes_between_two_looks_is_under_way() {
        let mut lookout = lookout("a");
        for seen in [[0_u32, 1], [1, 2], [0, 1], [2, 3]] {
            assert!(!lookout.is_stuck(held(&[("a", &seen)])), "{seen:?}");
        }
        assert!(lookout.is_whole(&held(&[("a", &[0, 1]), ("b", &[2, 3])])));
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
