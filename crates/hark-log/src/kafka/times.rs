//! When the record at an offset was written.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use rdkafka::{Message as _, Offset, TopicPartitionList, consumer::Consumer as _, error::KafkaError};

use super::client::{CALL_TIMEOUT, Clients, is_broker_loss, number};
use crate::LogError;

/// How long one poll waits.
const LOOK: Duration = Duration::from_millis(100);

/// Timestamps of the first committed records at or behind these offsets. A partition is left out where there is none, also where an
/// open transaction hides it.
pub(super) fn times_at(
    clients: &Clients,
    topic: &str,
    offsets: &[(u32, i64)],
) -> Result<Vec<(u32, i64)>, LogError> {
    let fail = |source| clients.failed(&format!("reading {topic}"), source);
    let mut times = Vec::new();
    if offsets.is_empty() {
        return Ok(times);
    }
    let mut asked = TopicPartitionList::new();
    for &(partition, offset) in offsets {
        asked.add_partition_offset(topic, number(partition), Offset::Offset(offset)).map_err(fail)?;
    }
    let reader = clients.reader()?;
    reader.assign(&asked).map_err(fail)?;
    let mut open: BTreeSet<i32> = offsets.iter().map(|(partition, _)| number(*partition)).collect();
    let until = Instant::now() + CALL_TIMEOUT;
    while !open.is_empty() && Instant::now() < until {
        match reader.poll(LOOK) {
            Some(Ok(message)) => {
                let known = (u32::try_from(message.partition()), message.timestamp().to_millis());
                if open.remove(&message.partition())
                    && let (Ok(partition), Some(time_ms)) = known
                {
                    times.push((partition, time_ms));
                }
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                open.remove(&partition);
            }
            Some(Err(error)) if error.rdkafka_error_code().is_some_and(is_broker_loss) => {}
            Some(Err(error)) => return Err(fail(error)),
            None => {}
        }
    }
    Ok(times)
}
