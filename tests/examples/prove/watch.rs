//! A reader of the team queues, as a team's own program is one: how long did nothing come?

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use hark_log::{From, Log, Reader};

use crate::{
    pause,
    world::{TEAMS, World},
};

const EVERY: Duration = Duration::from_millis(20);

/// What was seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    pub items: u64,
    /// Longest time between two items.
    pub stall: Duration,
    /// When it ended, since the beginning.
    pub stall_ended: Duration,
}

/// Reads until `over`. Stalls count from the first item to the last.
pub fn queues(world: &World, over: &AtomicBool) -> Seen {
    let log = world.log();
    let open = |at| readers(world, &*log, at);
    let mut readers = open(From::Start);
    let began = Instant::now();
    let (mut seen, mut last) = (Seen::default(), None);
    while !over.load(Ordering::Relaxed) {
        let mut came = 0;
        let followed = readers.iter_mut().try_for_each(|reader| reader.follow(&mut |_| came += 1));
        if followed.is_err() {
            readers = open(From::End);
        }
        if came > 0 {
            let now = Instant::now();
            let gap = last.map_or(Duration::ZERO, |last| now.duration_since(last));
            if gap > seen.stall {
                seen.stall = gap;
                seen.stall_ended = began.elapsed();
            }
            seen.items += came;
            last = Some(now);
        }
        pause(EVERY);
    }
    seen
}

/// None for as long as no broker answers.
fn readers(world: &World, log: &dyn Log, from: From) -> Vec<Box<dyn Reader>> {
    TEAMS.iter().map_while(|team| log.reader(&world.topic(&format!("queue.{team}")), from).ok()).collect()
}
