//! A group's consumer, which leaves in good order when it is dropped.

use std::{ops::Deref, sync::Arc};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use tracing::debug;

use super::{
    client::Context,
    watch::{Call, Watch},
};

pub(super) struct Member {
    consumer: BaseConsumer<Context>,
    watch: Arc<Watch>,
    /// Ends after the consumer, by the order of the fields.
    leaving: Option<Call>,
}

impl Member {
    pub fn new(consumer: BaseConsumer<Context>, watch: Arc<Watch>) -> Self {
        Self { consumer, watch, leaving: None }
    }
}

impl Deref for Member {
    type Target = BaseConsumer<Context>;

    fn deref(&self) -> &Self::Target {
        &self.consumer
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        debug!("leaving the group");
        self.consumer.context().begin_close();
        self.leaving = Some(self.watch.call());
        // One that was fenced is not closed but destroyed, and destroying waits for ever for the answer to an assignment that nobody has
        // seen yet (`rd_kafka_cgrp_unassign`, 2.12.1). Any answer will do.
        if self.consumer.client().fatal_error().is_some()
            && let Err(error) = self.consumer.unassign()
        {
            debug!(%error, "nothing to give back");
        }
    }
}
