//! The configuration that the stages of a running process decide by, and how they hear of another one.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
};

use super::topics::{Topic, Topics};
use crate::{config::Config, judge::Judge};

/// A configuration and what was made of it. Never changed, only replaced as a whole.
pub struct InForce {
    pub config: Arc<Config>,
    /// The log's topics as they were when it was taken.
    pub topics: Topics,
    /// `None` where nothing is judged in this process.
    pub judge: Option<Judge>,
}

impl InForce {
    /// Sources whose posts are all kept.
    pub fn owned_sources(&self) -> HashSet<String> {
        owned_sources(&self.config)
    }

    /// Queues by team, those of teams that the configuration no longer has too.
    pub fn queues(&self) -> HashMap<String, Topic> {
        queues(&self.topics)
    }
}

/// Names of the sources whose posts are all kept.
pub fn owned_sources(config: &Config) -> HashSet<String> {
    config.sources.iter().filter(|source| source.owned).map(|source| source.name.clone()).collect()
}

/// Queues by team, those of teams that the configuration no longer has too.
pub fn queues(topics: &Topics) -> HashMap<String, Topic> {
    topics.queues().map(|(team, topic)| (team.to_owned(), topic)).collect()
}

/// Tells the stages of this process that another configuration is in force.
#[derive(Default)]
pub struct Announcements(Mutex<Vec<Sender<Arc<InForce>>>>);

impl Announcements {
    /// For one worker thread, before it starts.
    pub fn subscribe(&self) -> Changes {
        let (sender, receiver) = channel();
        self.senders().push(sender);
        Changes(Some(receiver))
    }

    /// Tells every thread that still runs. What waits there is bounded by how often somebody saves a file.
    pub fn announce(&self, next: &Arc<InForce>) {
        self.senders().retain(|sender| sender.send(Arc::clone(next)).is_ok());
    }

    fn senders(&self) -> MutexGuard<'_, Vec<Sender<Arc<InForce>>>> {
        // No code that holds the lock can leave the list half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a worker thread hears of another configuration; by default it never does. A stage looks between two batches,
/// see [`hark_log::Stage::begin`].
#[derive(Default)]
pub struct Changes(Option<Receiver<Arc<InForce>>>);

impl Changes {
    /// The newest configuration since the last look, if there was any.
    pub fn newest(&self) -> Option<Arc<InForce>> {
        self.0.as_ref()?.try_iter().last()
    }
}
