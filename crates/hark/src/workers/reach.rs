//! Whether the log answers, for `/readyz`: an idle worker would not notice, and one that waits for an answer cannot tell.

use std::{sync::Arc, thread::JoinHandle, time::Duration};

use anyhow::Context as _;
use hark_log::{Log, pause};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::health::Part;

/// Time between two questions.
const ASK_EVERY: Duration = Duration::from_secs(2);
/// A broker that is there answers within this, or is as good as away.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// One late answer of a busy broker is no outage.
const MISSES: u32 = 2;

/// Asks until shutdown, on a thread of its own.
pub fn watch(log: Arc<dyn Log>, part: Part, shutdown: CancellationToken) -> anyhow::Result<JoinHandle<()>> {
    part.ready();
    std::thread::Builder::new()
        .name("reach".to_owned())
        .spawn(move || {
            let mut missed = 0;
            while !shutdown.is_cancelled() {
                match log.reach(ANSWER_WITHIN) {
                    Ok(()) => {
                        if missed >= MISSES {
                            info!("the log is reachable again");
                            part.ready();
                        }
                        missed = 0;
                    }
                    Err(error) => {
                        missed += 1;
                        if missed == MISSES {
                            warn!(%error, "the log is not reachable: working on when it is back");
                            part.waits(format!("not reachable: {error}"));
                        }
                    }
                }
                pause(&shutdown, ASK_EVERY);
            }
        })
        .context("cannot start a thread")
}
