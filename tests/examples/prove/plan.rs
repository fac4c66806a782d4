//! What happens to the processes, and when: the same for the same seed.

use std::time::Duration;

use hark_tests::random::Random;

/// One thing that goes wrong, or changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blow {
    /// kill -9, and a restart under the same name after a while.
    Kill {
        who: &'static str,
        away: Duration,
    },
    /// Stopped past its session, then woken: a zombie.
    Freeze {
        who: &'static str,
    },
    /// One more worker of the stage, or one less, by its name.
    Grow {
        stage: &'static str,
        who: &'static str,
    },
    Shrink {
        who: &'static str,
    },
    /// kill -9 of a broker, and a restart.
    Broker {
        node: u32,
        away: Duration,
    },
    /// No space is left but so many MiB, for a while.
    Fill {
        left_mib: usize,
        lasts: Duration,
    },
}

/// A blow and the pause before it.
#[derive(Clone, Debug)]
pub struct Planned {
    pub after: Duration,
    pub blow: Blow,
}

/// Who can be killed on Kafka, and who can become a zombie there: the members of a group.
const WORKERS: [&str; 7] = ["w1", "w2", "f", "e1", "e2", "r1", "r2"];
const MEMBERS: [&str; 4] = ["e1", "e2", "r1", "r2"];
/// Workers that come and go.
const EXTRAS: [(&str, &str); 2] = [("enrich", "e3"), ("route", "r3")];
/// The embedded log's one process.
pub const ONLY: &str = "only";

/// `kills` of workers with everything else between them: a change of the workers, a zombie and a broker with every fifth kill, of
/// many kills with every tenth.
pub fn on_kafka(kills: usize, nodes: u32, seed: u64) -> Vec<Planned> {
    let mut random = Random::new(seed, 1);
    let mut plan = Vec::new();
    let mut extra = 0;
    for kill in 1..=kills {
        let who = *random.pick(&WORKERS);
        let away = if random.percent(70) { Duration::ZERO } else { millis(200, 4_000, &mut random) };
        plan.push(planned(Blow::Kill { who, away }, &mut random));
        match kill % (if kills > 20 { 10 } else { 5 }) {
            1 => {
                let (stage, who) = EXTRAS[extra / 2 % 2];
                let blow = if extra % 2 == 0 { Blow::Grow { stage, who } } else { Blow::Shrink { who } };
                extra += 1;
                plan.push(planned(blow, &mut random));
            }
            3 => {
                let who = *random.pick(&MEMBERS);
                plan.push(planned(Blow::Freeze { who }, &mut random));
            }
            0 => {
                let node = 1 + u32::try_from(random.below(nodes as usize)).unwrap_or_default();
                let blow = Blow::Broker { node, away: millis(500, 3_000, &mut random) };
                plan.push(planned(blow, &mut random));
            }
            _ => {}
        }
    }
    plan
}

/// `kills` of the whole program; with every fourth the disk runs full, with every eighth to the last MiB.
pub fn on_the_embedded_log(kills: usize, has_disk: bool, seed: u64) -> Vec<Planned> {
    let mut random = Random::new(seed, 1);
    let mut plan = Vec::new();
    for kill in 1..=kills {
        let away = millis(0, 500, &mut random);
        plan.push(planned(Blow::Kill { who: ONLY, away }, &mut random));
        if kill % 4 == 0 && has_disk {
            let left_mib = if kill % 8 == 0 { 1 } else { 32 };
            let blow = Blow::Fill { left_mib, lasts: millis(1_500, 3_000, &mut random) };
            plan.push(planned(blow, &mut random));
        }
    }
    plan
}

fn planned(blow: Blow, random: &mut Random) -> Planned {
    Planned { after: millis(300, 2_500, random), blow }
}

fn millis(from: usize, to: usize, random: &mut Random) -> Duration {
    Duration::from_millis((from + random.below(to - from)) as u64)
}
