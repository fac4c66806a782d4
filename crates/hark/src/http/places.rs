//! Who may be connected at once. When all places are taken and somebody else comes, whoever has been silent the longest gives its
//! place up: ten thousand connections that say nothing keep nobody out.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// Whoever has come, or was answered, less than this ago is not silent yet: a request may be on its way, or an answer.
const SILENT: Duration = Duration::from_secs(1);
/// With nobody silent, it is looked again after so long.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// All of them.
#[derive(Clone)]
pub(super) struct Places {
    free: Arc<Semaphore>,
    guests: Arc<Mutex<Guests>>,
}

#[derive(Default)]
struct Guests {
    next: u64,
    /// In the order they came.
    connected: BTreeMap<u64, Guest>,
}

struct Guest {
    /// Since it came or was answered; `None` while a request of its own is worked on.
    silent_since: Option<Instant>,
    leave: CancellationToken,
}

impl Places {
    pub fn new(number: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(number)), guests: Arc::default() }
    }

    /// Waits for a place; makes one free if it can.
    pub async fn take(&self) -> Place {
        loop {
            if self.free.available_permits() == 0 {
                self.make_room();
            }
            let free = Arc::clone(&self.free).acquire_owned();
            // Nobody closes the semaphore.
            if let Ok(Ok(permit)) = tokio::time::timeout(LOOK_EVERY, free).await {
                return self.enter(permit);
            }
        }
    }

    /// Asks the one that has been silent the longest to leave.
    pub fn make_room(&self) {
        let mut guests = self.lock();
        let silent = |guest: &Guest| guest.silent_since.filter(|since| since.elapsed() >= SILENT);
        let longest = guests
            .connected
            .iter()
            .filter_map(|(&number, guest)| Some((silent(guest)?, number)))
            .min()
            .and_then(|(_, number)| guests.connected.remove(&number));
        if let Some(guest) = longest {
            guest.leave.cancel();
        }
    }

    fn enter(&self, permit: OwnedSemaphorePermit) -> Place {
        let mut guests = self.lock();
        guests.next += 1;
        let (number, leave) = (guests.next, CancellationToken::new());
        let guest = Guest { silent_since: Some(Instant::now()), leave: leave.clone() };
        guests.connected.insert(number, guest);
        Place { places: self.clone(), number, leave, _permit: permit }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Guests> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place of one connection; free again when dropped.
pub(super) struct Place {
    places: Places,
    number: u64,
    leave: CancellationToken,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    /// Somebody else needs the place.
    pub fn is_to_leave(&self) -> CancellationToken {
        self.leave.clone()
    }

    /// A request has come: until [`Self::rest`] the place is safe.
    pub fn work(&self) {
        self.set(None);
    }

    /// It is answered.
    pub fn rest(&self) {
        self.set(Some(Instant::now()));
    }

    fn set(&self, silent_since: Option<Instant>) {
        if let Some(guest) = self.places.lock().connected.get_mut(&self.number) {
            guest.silent_since = silent_since;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.lock().connected.remove(&self.number);
    }
}
