//! A group's consumer, which leaves in good order when it is dropped.

use std::{
    ops::Deref,
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::{client::Context, spawn, watch::Watch};

/// After shutdown, leaving is waited for so long. Where the broker does not answer librdkafka would take 5 s
/// (`rd_kafka_LeaveGroupRequest`, 2.12.1).
const SHUTDOWN_GRACE: Duration = Duration::from_secs(1);

pub(super) struct Member {
    /// There until it is dropped.
    consumer: Option<BaseConsumer<Context>>,
    watch: Arc<Watch>,
    shutdown: CancellationToken,
}

impl Member {
    pub fn new(consumer: BaseConsumer<Context>, watch: Arc<Watch>, shutdown: CancellationToken) -> Self {
        Self { consumer: Some(consumer), watch, shutdown }
    }
}

impl Deref for Member {
    type Target = BaseConsumer<Context>;

    #[expect(clippy::expect_used, reason = "taken by drop alone")]
    fn deref(&self) -> &Self::Target {
        self.consumer.as_ref().expect("a member that has not left")
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let Some(consumer) = self.consumer.take() else { return };
        debug!("leaving the group");
        consumer.context().begin_close();
        let call = self.watch.call();
        // One that was fenced is not closed but destroyed, and destroying waits for ever for the answer to an assignment that nobody has
        // seen yet (`rd_kafka_cgrp_unassign`, 2.12.1). Any answer will do.
        if consumer.client().fatal_error().is_some()
            && let Err(error) = consumer.unassign()
        {
            debug!(%error, "nothing to give back");
        }
        // On a thread of its own, which the end of the process need not wait for. Where there is none to be had, it is dropped here.
        let (left, has_left) = mpsc::channel::<()>();
        let leave = move || {
            drop(consumer);
            drop((call, left));
        };
        if spawn("leaving", "member", leave).is_err() {
            return;
        }
        let began = Instant::now();
        while has_left.recv_timeout(Duration::from_millis(20)) == Err(RecvTimeoutError::Timeout) {
            if self.shutdown.is_cancelled() && began.elapsed() >= SHUTDOWN_GRACE {
                debug!("the broker does not answer: leaving without its word");
                return;
            }
        }
    }
}
