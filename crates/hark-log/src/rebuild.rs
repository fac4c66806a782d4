//! How often whoever uses the log may lose its clients before it gives up.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Rebuilds and losses (law 8).
#[derive(Debug, Default)]
pub struct RebuildBudget {
    spent: VecDeque<Instant>,
    excused: bool,
}

impl RebuildBudget {
    /// More losses than this within [`Self::WINDOW`] mean that rebuilding does not help.
    pub const MAX_REBUILDS: usize = 2;
    /// How long a loss counts.
    pub const WINDOW: Duration = Duration::from_secs(5 * 60);

    /// The next loss comes of brokers that were away: nobody's fault.
    pub fn excuse(&mut self) {
        self.excused = true;
    }

    /// Whether one more rebuild is allowed now; counts it.
    #[must_use]
    pub fn spend(&mut self, now: Instant) -> bool {
        if std::mem::take(&mut self.excused) {
            return true;
        }
        while self.spent.front().is_some_and(|&then| now.duration_since(then) > Self::WINDOW) {
            self.spent.pop_front();
        }
        self.spent.push_back(now);
        self.spent.len() <= Self::MAX_REBUILDS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_third_loss_within_five_minutes_is_one_too_many() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut budget = RebuildBudget::default();
        assert!(budget.spend(start));
        assert!(budget.spend(after(100)));
        assert!(!budget.spend(after(200)));
        budget.excuse();
        assert!(budget.spend(after(250)), "brokers that were away are no fault");
        assert!(!budget.spend(after(260)));
        assert!(budget.spend(after(1_000)), "the window moves on");
    }
}
