//! Whether the brokers answer, found out over a connection of its own: the workers' may be waiting for just that answer.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rdkafka::consumer::{BaseConsumer, Consumer as _};

use super::client::{Clients, Context, hear_out};
use crate::LogError;

/// The client is made when it is first needed, and then kept.
#[derive(Default)]
pub(super) struct Pulse(Mutex<Option<BaseConsumer<Context>>>);

impl Pulse {
    /// Asks for one topic, which need not be there: that anybody answers is all that is wanted.
    pub fn feel(&self, clients: &Clients, within: Duration) -> Result<(), LogError> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let client = match &mut *kept {
            Some(client) => client,
            none => none.insert(clients.watcher()?),
        };
        let topic = format!("{}.posts", clients.config.topic_prefix);
        let answered = client.fetch_metadata(Some(&topic), within);
        hear_out(client);
        answered.map(drop).map_err(|source| clients.failed("asking whether the brokers answer", source))
    }
}
