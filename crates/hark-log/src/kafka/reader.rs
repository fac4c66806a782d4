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

/// Records handed over in one turn: whoever reads can stop in between.
const RECORDS_A_TURN: usize = 5_000;

/// Reads all partitions of a topic.
pub(super) struct KafkaReader {
    clients: Clients,
    reader: BaseConsumer<Context>,
    watcher: BaseConsumer<Context>,
    topic: String,
    /// Next offset of each partition, as far as records tell.
    next: BTreeMap<u32, i64>,
    /// The last turn did not take all that was there.
    is_behind: bool,
}

impl KafkaReader {
    pub fn open(clients: &Clients, topic: &str, from: From) -> Result<Self, LogError> {
        let watcher = clients.watcher()?;
        let partitions = partitions_of(&clients.metadata(&watcher)?, topic)?;
        let fail = |source| clients.failed(&format!("reading {topic}"), source);
        let reader = clients.reader()?;
        Clients::acquaint(&reader, topic);
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
        Ok(Self {
            clients: clients.clone(),
            reader,
            watcher,
            topic: topic.to_owned(),
            next,
            is_behind: false,
        })
    }

    fn ends(&self) -> Result<BTreeMap<u32, (i64, i64)>, LogError> {
        let end = |&partition: &u32| {
            Ok((partition, watermarks(&self.clients, &self.watcher, &self.topic, partition)?))
        };
        self.next.keys().map(end).collect()
    }

    /// Whether the positions, which move past control and aborted records, are at these ends.
    fn has_reached(&mut self, ends: &BTreeMap<u32, (i64, i64)>) -> Result<bool, LogError> {
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
        // Where retention took everything no record moves the position.
        Ok(ends.iter().all(|(partition, &(low, high))| {
            low >= high || self.next.get(partition).is_some_and(|&next| next >= high)
        }))
    }

    /// Hands over what is there, waiting at most `wait` for a first record; whether there is more than one turn takes.
    fn drain(&mut self, wait: Duration, each: &mut dyn FnMut(&Record<'_>)) -> Result<bool, LogError> {
        let until = Instant::now() + wait;
        let mut records = 0;
        while records < RECORDS_A_TURN {
            let wait =
                if records > 0 { Duration::ZERO } else { until.saturating_duration_since(Instant::now()) };
            match self.reader.poll(wait) {
                None => return Ok(false),
                Some(Ok(message)) => {
                    records += 1;
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
        Ok(true)
    }
}

impl Reader for KafkaReader {
    fn follow(&mut self, each: &mut dyn FnMut(&Record<'_>)) -> Result<(), LogError> {
        self.drain(Duration::ZERO, each)?;
        Ok(())
    }

    fn read(&mut self, wait: Duration, each: &mut dyn FnMut(&Record<'_>)) -> Result<bool, LogError> {
        // In a backlog nobody need be asked where it ends.
        let ends = if self.is_behind { None } else { Some(self.ends()?) };
        self.is_behind = self.drain(wait, each)?;
        ends.map_or(Ok(false), |ends| self.has_reached(&ends))
    }
}
