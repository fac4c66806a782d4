//! Opens the log that a configuration names.

use std::sync::Arc;

use anyhow::Context as _;
use hark_log::Log;
use hark_log::embedded::{EmbeddedLog, Options};
use hark_log::kafka::{KafkaConfig, KafkaLog};

use crate::config::{Config, KafkaSettings, LogConfig};

/// To work on it: the embedded log then belongs to this process.
pub fn open(config: &Config) -> anyhow::Result<Arc<dyn Log>> {
    match &config.log {
        LogConfig::Kafka(settings) => kafka(config, settings),
        LogConfig::Embedded { data } => {
            let log = EmbeddedLog::open(data, Options::default()).context("cannot open the log")?;
            Ok(Arc::new(log))
        }
    }
}

/// Only to read, beside the process that works on it.
pub fn open_to_read(config: &Config) -> anyhow::Result<Arc<dyn Log>> {
    match &config.log {
        LogConfig::Kafka(settings) => kafka(config, settings),
        LogConfig::Embedded { data } => {
            let log = EmbeddedLog::open_read_only(data).context("cannot read the log")?;
            Ok(Arc::new(log))
        }
    }
}

fn kafka(config: &Config, settings: &KafkaSettings) -> anyhow::Result<Arc<dyn Log>> {
    let properties = settings.properties().map_err(|problems| config.refuse(problems))?;
    let log = KafkaLog::open(KafkaConfig {
        bootstrap_servers: settings.bootstrap_servers.clone(),
        topic_prefix: config.topic_prefix.clone(),
        properties,
    });
    Ok(Arc::new(log.context("cannot open the log")?))
}
