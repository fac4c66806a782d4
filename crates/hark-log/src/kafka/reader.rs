//! Reading topics without a group.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    time::{Duration, Instant},
};

use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
};

use super::{
    client::{CALL_TIMEOUT, Clients, Context, is_broker_loss, number},
    partitions_of,
    session::with_record,
    watermarks,
};
use crate::{From, LogError, Reader, Record};

/// Reads all partitions of a topic.
pub(super) struct KafkaReader {
    clients: Clients,
    reader: BaseConsumer<Context>,
    watcher: BaseConsumer<Context>,
    topic: String,
    /// Next offset of each partition, as far as records tell.
    next: BTreeMap<u32, i64>,
}

impl KafkaReader {
    pub fn open(clients: &Clients, topic: &str, from: From) -> Result<Self, LogError> {
        let watcher = clients.watcher()?;
        let partitions = partitions_of(&clients.metadata(&watcher, None)?, topic)?;
        let fail = |source| clients.failed(&format!("reading {topic}"), source);
        let reader = clients.reader()?;
        let mut asked = TopicPartitionList::new();
        let mut next = BTreeMap::new();
        for partition in 0..partitions {
            let (low, high) = watermarks(clients, &watcher, topic, partition)?;
            let start = match from {
                From::Start => low,
                From::End => high,
                From::Offset(offset) => offset.clamp(low, high),
                From::Timestamp(timestamp_ms) => {
                    let mut list = TopicPartitionList::new();
                    list.add_partition_offset(topic, number(partition), Offset::Offset(timestamp_ms))
                        .map_err(fail)?;
                    let found = watcher.offsets_for_times(list, CALL_TIMEOUT).map_err(fail)?;
                    match found
                        .elements()
                        .first()
                        .map(rdkafka::topic_partition_list::TopicPartitionListElem::offset)
                    {
                        Some(Offset::Offset(offset)) => offset,
                        _ => high,
                    }
                }
            };
            next.insert(partition, start);
            asked.add_partition_offset(topic, number(partition), Offset::Offset(start)).map_err(fail)?;
        }
        reader.assign(&asked).map_err(fail)?;
        Ok(Self { clients: clients.clone(), reader, watcher, topic: topic.to_owned(), next })
    }

    /// Whether the positions, which move past control and aborted records, are at the ends as they are now.
    fn is_at_end(&mut self) -> Result<bool, LogError> {
        let positions =
            self.reader.position().map_err(|source| self.clients.failed("reading positions", source))?;
        for element in positions.elements() {
            if let (Ok(partition), Offset::Offset(position)) =
                (u32::try_from(element.partition()), element.offset())
                && let Some(next) = self.next.get_mut(&partition)
            {
                *next = position.max(*next);
            }
        }
        for (&partition, next) in &mut self.next {
            let (low, high) = watermarks(&self.clients, &self.watcher, &self.topic, partition)?;
            // Where retention took everything no record moves the position.
            *next = low.max(*next);
            if *next < high {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Hands over what comes until nothing is there for `wait`; whether anything came.
    fn drain(&mut self, wait: Duration, each: &mut dyn FnMut(&Record<'_>)) -> Result<bool, LogError> {
        let until = Instant::now() + wait;
        let mut any = false;
        loop {
            let left = if any { Duration::ZERO } else { until.saturating_duration_since(Instant::now()) };
            match self.reader.poll(left) {
                None => return Ok(any),
                Some(Ok(message)) => {
                    any = true;
                    if let Ok(partition) = u32::try_from(message.partition()) {
                        self.next.insert(partition, message.offset() + 1);
                    }
                    let more = with_record(&message, &mut |record| {
                        each(record);
                        ControlFlow::Continue(())
                    });
                    debug_assert!(more.is_continue());
                }
                Some(Err(KafkaError::PartitionEOF(_))) => {}
                Some(Err(error)) if error.rdkafka_error_code().is_some_and(is_broker_loss) => {}
                Some(Err(error)) => {
                    return Err(self.clients.failed(&format!("reading {}", self.topic), error));
                }
            }
        }
    }
}

impl Reader for KafkaReader {
    fn follow(&mut self, each: &mut dyn FnMut(&Record<'_>)) -> Result<(), LogError> {
        self.drain(Duration::ZERO, each)?;
        Ok(())
    }

    fn read(&mut self, wait: Duration, each: &mut dyn FnMut(&Record<'_>)) -> Result<bool, LogError> {
        if self.drain(wait, each)? {
            return Ok(false);
        }
        self.is_at_end()
    }
}
