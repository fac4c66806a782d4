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

/// An open transaction of a dead writer ends after 20 s at most; three times that is enough for anything.
const END_WAIT: Duration = Duration::from_secs(60);

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
        Self::assigned(clients, watcher, topic, &(0..partitions).collect::<Vec<_>>(), from)
    }

    fn assigned(
        clients: &Clients,
        watcher: BaseConsumer<Context>,
        topic: &str,
        partitions: &[u32],
        from: From,
    ) -> Result<Self, LogError> {
        let fail = |source| clients.failed(&format!("reading {topic}"), source);
        let reader = clients.reader()?;
        let mut asked = TopicPartitionList::new();
        let mut next = BTreeMap::new();
        for &partition in partitions {
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

    fn ends(&self) -> Result<BTreeMap<u32, i64>, LogError> {
        self.next
            .keys()
            .map(|&partition| {
                Ok((partition, watermarks(&self.clients, &self.watcher, &self.topic, partition)?.1))
            })
            .collect()
    }

    /// Whether the positions, which move past control and aborted records, are at these ends.
    fn has_reached(&mut self, ends: &BTreeMap<u32, i64>) -> Result<bool, LogError> {
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
        Ok(ends.iter().all(|(partition, end)| self.next.get(partition).is_some_and(|next| next >= end)))
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
    fn read(&mut self, wait: Duration, each: &mut dyn FnMut(&Record<'_>)) -> Result<bool, LogError> {
        if self.drain(wait, each)? {
            return Ok(false);
        }
        let ends = self.ends()?;
        self.has_reached(&ends)
    }
}

/// Reads partitions to their true end.
pub(super) fn read_to_end(
    clients: &Clients,
    topic: &str,
    partitions: &[u32],
    each: &mut dyn FnMut(&Record<'_>),
) -> Result<(), LogError> {
    let watcher = clients.watcher()?;
    partitions_of(&clients.metadata(&watcher, None)?, topic)?;
    let mut reader = KafkaReader::assigned(clients, watcher, topic, partitions, From::Start)?;
    let ends = reader.ends()?;
    let mut until = Instant::now() + END_WAIT;
    while !reader.has_reached(&ends)? {
        if reader.drain(Duration::from_millis(20), each)? {
            until = Instant::now() + END_WAIT;
        }
        if Instant::now() >= until {
            return Err(LogError::TimedOut {
                operation: format!("reading {topic} to its end"),
                limit: END_WAIT,
            });
        }
    }
    Ok(())
}
