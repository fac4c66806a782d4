//! Opens the log that a configuration names.

use std::sync::Arc;

use anyhow::Context as _;
use hark_log::Log;
use hark_log::embedded::{EmbeddedLog, Options, WorkedOff};
use hark_log::kafka::{KafkaConfig, KafkaLog};
use tokio_util::sync::CancellationToken;

use crate::config::{Config, KafkaSettings, LogConfig};
use crate::telemetry::record::Stage;
use crate::workers::stage;

/// To work on it: the embedded log then belongs to this process.
pub fn open(config: &Config, shutdown: &CancellationToken) -> anyhow::Result<Arc<dyn Log>> {
    match &config.log {
        LogConfig::Kafka(settings) => kafka(config, settings, shutdown),
        LogConfig::Embedded { data } => {
            let options = Options { worked_off: worked_off(config), ..Options::default() };
            let log = EmbeddedLog::open(data, options).context("cannot open the log")?;
            Ok(Arc::new(log))
        }
    }
}

/// By so much a mention is larger than its post, and an item than its post: analysis, trace, headers. Measured on usual posts, with what states
/// take, some 450 and 700 bytes; a post that names a subject hundreds of times brings about more, which the reserve is for.
const MENTION_BYTES: u64 = 512;
const ITEM_BYTES: u64 = 1024;

/// What becomes of posts and mentions, in the worst case: each is a mention, and each mention an item with all of its copies.
fn worked_off(config: &Config) -> Vec<WorkedOff> {
    let items = 1 + config.router().map_or(0, |router| router.most_copies());
    let brought = |stage: Stage, mention: &[u64], item: u64| WorkedOff {
        topic: format!("{}.{}", config.topic_prefix, stage::input(stage)),
        group: stage::group(&config.topic_prefix, stage),
        brings: mention.iter().copied().chain(std::iter::repeat_n(item, items)).collect(),
    };
    vec![
        brought(Stage::Enrich, &[MENTION_BYTES], ITEM_BYTES),
        brought(Stage::Route, &[], ITEM_BYTES - MENTION_BYTES),
    ]
}

/// Only to read, beside the process that works on it.
pub fn open_to_read(config: &Config, shutdown: &CancellationToken) -> anyhow::Result<Arc<dyn Log>> {
    match &config.log {
        LogConfig::Kafka(settings) => kafka(config, settings, shutdown),
        LogConfig::Embedded { data } => {
            let log = EmbeddedLog::open_read_only(data).context("cannot read the log")?;
            Ok(Arc::new(log))
        }
    }
}

fn kafka(
    config: &Config,
    settings: &KafkaSettings,
    shutdown: &CancellationToken,
) -> anyhow::Result<Arc<dyn Log>> {
    // librdkafka would tell OpenSSL's code, and neither the key nor the file.
    config.look_for_files("log")?;
    let properties = settings.properties().map_err(|problems| config.refuse(problems))?;
    let config = KafkaConfig {
        bootstrap_servers: settings.bootstrap_servers.clone(),
        topic_prefix: config.topic_prefix.clone(),
        properties,
    };
    let log = KafkaLog::open_until(config, shutdown.clone());
    Ok(Arc::new(log.context("cannot open the log")?))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn each_post_is_reckoned_with_its_mention_its_item_and_all_copies_that_the_rules_can_make() {
        let yaml = "topic_prefix: ours
teams: {sales: {}, press: {}, duty: {}, triage: {}}
rules:
  - {name: wide, when: {reach: {min: 10}}, continue: true, copy_to: [press, duty]}
  - {name: asks, when: {intent: question}, to: sales, copy_to: press}
default: {to: triage}
";
        let config = Config::from_yaml(Path::new("hark.yaml"), yaml).unwrap();
        let [posts, mentions] = &worked_off(&config)[..] else { panic!("two stages") };
        assert_eq!((&*posts.topic, &*posts.group), ("ours.posts", "ours-enrich"));
        assert_eq!(posts.brings, [512, 1024, 1024, 1024]);
        assert_eq!((&*mentions.topic, &*mentions.group), ("ours.mentions", "ours-route"));
        assert_eq!(mentions.brings, [512, 512, 512]);
    }
}
