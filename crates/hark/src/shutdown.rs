//! SIGTERM and Ctrl-C: the first asks everything to end, the second ends at once.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use anyhow::Context as _;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tokio_util::sync::CancellationToken;

/// How long a stop may take. Whatever is not committed by then is abandoned, which loses nothing: the log
/// gives the uncommitted batch to whoever comes next.
const GRACE: Duration = Duration::from_secs(5);

/// Starts to listen for signals; the token is cancelled by the first.
pub fn on_signals() -> anyhow::Result<CancellationToken> {
    let mut signals = Signals::new([SIGTERM, SIGINT]).context("cannot listen for signals")?;
    let token = CancellationToken::new();
    let cancelled = token.clone();
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            let (stopped, stop) = mpsc::channel::<i32>();
            let mut first = Some(stop);
            for signal in signals.forever() {
                let Some(stop) = first.take() else {
                    // A second signal, unless the watchdog has gone: both mean now.
                    if stopped.send(signal).is_err() {
                        end(128 + signal);
                    }
                    continue;
                };
                tracing::info!(signal = name(signal), "stopping; a second signal ends at once");
                cancelled.cancel();
                let watchdog = std::thread::Builder::new().name("stop-watchdog".to_owned());
                if let Err(error) = watchdog.spawn(move || watch(&stop)) {
                    tracing::warn!(%error, "cannot bound the time of this stop");
                }
            }
        })
        .context("cannot start the signal thread")?;
    Ok(token)
}

/// Waits for a second signal or the end of the grace, and ends the process by it. The process ends earlier by itself
/// when the stop succeeds.
fn watch(stop: &mpsc::Receiver<i32>) {
    match stop.recv_timeout(GRACE) {
        Ok(signal) => end(128 + signal),
        Err(RecvTimeoutError::Timeout) => {
            tracing::error!(
                seconds = GRACE.as_secs(),
                "the stop took too long; what was not committed will be worked off at the next start"
            );
            end(1)
        }
        Err(RecvTimeoutError::Disconnected) => {}
    }
}

/// Ends the process without running destructors: librdkafka's would wait for its brokers.
fn end(code: i32) -> ! {
    signal_hook::low_level::exit(code)
}

fn name(signal: i32) -> &'static str {
    if signal == SIGTERM { "SIGTERM" } else { "SIGINT" }
}
