//! The posts of the demo and when each of them is heard.

use std::time::Duration;

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

/// One post of the script.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cue {
    /// When it is heard, in seconds from the start.
    #[serde(rename = "at")]
    at_seconds: f64,
    /// Name of the source that hears it.
    pub source: String,
    post: Box<RawValue>,
}

impl Cue {
    /// When it is heard, from the start.
    pub fn at(&self) -> Duration {
        Duration::try_from_secs_f64(self.at_seconds).unwrap_or_default()
    }

    /// The `PostInput`, as JSON.
    pub fn post(&self) -> &str {
        self.post.get()
    }
}

/// The cues of a script, one JSON object a line, in the order of their times.
pub fn parse(script: &str) -> anyhow::Result<Vec<Cue>> {
    let lines = script.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, line)| {
            serde_json::from_str(line)
                .with_context(|| format!("line {} of the demo's posts is no cue", index + 1))
        })
        .collect()
}

/// Hands over each cue at its time, or one after the other when not `paced`; ends early when shutdown begins. Blocks, so
/// it has a thread of its own.
pub fn play(
    cues: &[Cue],
    paced: bool,
    shutdown: &CancellationToken,
    mut hear: impl FnMut(&Cue) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let clock = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .context("cannot start the demo's clock")?;
    let start = tokio::time::Instant::now();
    for cue in cues {
        if paced {
            // The timer has to be made inside the runtime.
            clock.block_on(async {
                shutdown.run_until_cancelled(tokio::time::sleep_until(start + cue.at())).await
            });
        }
        if shutdown.is_cancelled() {
            return Ok(());
        }
        hear(cue)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::demo::POSTS;

    #[test]
    fn the_script_is_in_order_and_lasts_about_twenty_seconds() {
        let cues = parse(POSTS).unwrap();
        assert!((55..=70).contains(&cues.len()), "{} posts", cues.len());
        assert!(cues.is_sorted_by_key(Cue::at));
        let end = cues.last().unwrap().at();
        assert!((15..=22).contains(&end.as_secs()), "{end:?}");
    }

    #[test]
    fn the_script_has_a_repeat_an_edit_and_a_delete_from_several_sources() {
        let cues = parse(POSTS).unwrap();
        let sources: BTreeSet<_> = cues.iter().map(|cue| &*cue.source).collect();
        assert!(sources.len() >= 4, "{sources:?}");
        for op in ["\"op\":\"edit\"", "\"op\":\"delete\""] {
            assert!(cues.iter().any(|cue| cue.post().contains(op)), "{op}");
        }
        let distinct: BTreeSet<_> = cues.iter().map(|cue| (&*cue.source, cue.post())).collect();
        assert!(distinct.len() < cues.len(), "no repeat");
    }

    #[test]
    fn unpaced_cues_come_at_once_and_in_order() {
        let cues = parse(POSTS).unwrap();
        let mut heard = Vec::new();
        let hear = |cue: &Cue| {
            heard.push(cue.at());
            Ok(())
        };
        play(&cues, false, &CancellationToken::new(), hear).unwrap();
        assert_eq!(heard.len(), cues.len());
        assert!(heard.is_sorted());
    }

    #[test]
    fn a_shutdown_ends_the_play_at_once() {
        let cues = parse(POSTS).unwrap();
        let shutdown = CancellationToken::new();
        let mut heard = 0;
        let hear = |_: &Cue| {
            heard += 1;
            shutdown.cancel();
            Ok(())
        };
        play(&cues, true, &shutdown, hear).unwrap();
        assert_eq!(heard, 1);
    }
}
