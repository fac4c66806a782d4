//! The posts of the demo and when each of them is heard.

use std::time::Duration;

use anyhow::Context as _;
use hark_sources::PostInput;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

/// One post of the script.
#[derive(Debug, Clone, PartialEq)]
pub struct Cue {
    /// When it is heard, from the start.
    pub at: Duration,
    /// Name of the source that hears it.
    pub source: String,
    /// What is heard.
    pub post: PostInput,
}

/// A line of the script.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<'a> {
    /// In seconds.
    at: f64,
    source: String,
    #[serde(borrow)]
    post: &'a RawValue,
}

/// The cues of a script, one JSON object a line, in the order of their times.
pub fn parse(script: &str) -> anyhow::Result<Vec<Cue>> {
    let lines = script.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, line)| {
            cue(line).with_context(|| format!("line {} of the demo's posts is no cue", index + 1))
        })
        .collect()
}

fn cue(line: &str) -> anyhow::Result<Cue> {
    let Written { at, source, post } = serde_json::from_str(line)?;
    let post = PostInput::from_json(post.get().as_bytes())?;
    Ok(Cue { at: Duration::try_from_secs_f64(at)?, source, post })
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
                shutdown.run_until_cancelled(tokio::time::sleep_until(start + cue.at)).await
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
    use crate::config::Config;
    use crate::demo::{CONFIG, POSTS};
    use hark_schema::v1::Op;
    use std::path::Path;

    #[test]
    fn the_script_is_in_order_and_lasts_about_twenty_seconds() {
        let cues = parse(POSTS).unwrap();
        assert!((55..=70).contains(&cues.len()), "{} posts", cues.len());
        assert!(cues.is_sorted_by_key(|cue| cue.at));
        let end = cues.last().unwrap().at;
        assert!((15..=22).contains(&end.as_secs()), "{end:?}");
    }

    #[test]
    fn the_script_has_a_repeat_an_edit_and_a_delete_from_several_sources() {
        let cues = parse(POSTS).unwrap();
        let sources: BTreeSet<_> = cues.iter().map(|cue| &*cue.source).collect();
        assert!(sources.len() >= 4, "{sources:?}");
        for op in [Op::Edit, Op::Delete] {
            assert!(cues.iter().any(|cue| cue.post.op == op), "{op:?}");
        }
        let repeats = |cue: &Cue| {
            cues.iter().filter(|other| other.source == cue.source && other.post == cue.post).count() > 1
        };
        assert!(cues.iter().any(repeats), "no repeat");
    }

    #[test]
    fn the_configuration_of_the_demo_knows_its_sources_and_the_teams_that_the_readme_names() {
        let config = Config::from_yaml(Path::new("demo/hark.yaml"), CONFIG).unwrap();
        for cue in parse(POSTS).unwrap() {
            assert!(config.source(&cue.source).is_some(), "{}", cue.source);
        }
        let router = config.router().unwrap();
        let teams: Vec<_> = router.teams().map(|team| &*team.name).collect();
        assert!(teams.contains(&"sales") && teams.contains(&"support"), "{teams:?}");
    }

    #[test]
    fn unpaced_cues_come_at_once_and_in_order() {
        let cues = parse(POSTS).unwrap();
        let mut heard = Vec::new();
        let hear = |cue: &Cue| {
            heard.push(cue.at);
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
