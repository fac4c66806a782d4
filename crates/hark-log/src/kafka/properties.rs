//! Properties of librdkafka that a configuration may not set.

/// The laws of the log depend on these: another value would lose or repeat records, or break fencing. Aliases included.
const LAWS: [&str; 31] = [
    "acks",
    "allow.auto.create.topics",
    "auto.commit.enable",
    "auto.offset.reset",
    "check.crcs",
    "delivery.report.only.error",
    "delivery.timeout.ms",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.gapless.guarantee",
    "enable.idempotence",
    "enable.partition.eof",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "heartbeat.interval.ms",
    "isolation.level",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "max.poll.interval.ms",
    "message.max.bytes",
    "message.send.max.retries",
    "message.timeout.ms",
    "offset.store.method",
    "partition.assignment.strategy",
    "partitioner",
    "request.required.acks",
    "retries",
    "session.timeout.ms",
    "transaction.timeout.ms",
    "transactional.id",
];

/// These have keys of their own in the configuration; aliases included.
const KEYS: [(&str, &str); 11] = [
    ("bootstrap.servers", "bootstrap_servers"),
    ("metadata.broker.list", "bootstrap_servers"),
    ("security.protocol", "tls and sasl"),
    ("ssl.ca.location", "tls.ca"),
    ("ssl.certificate.location", "tls.certificate"),
    ("ssl.key.location", "tls.key"),
    ("ssl.key.password", "tls.key_password"),
    ("sasl.mechanism", "sasl.mechanism"),
    ("sasl.mechanisms", "sasl.mechanism"),
    ("sasl.username", "sasl.username"),
    ("sasl.password", "sasl.password"),
];

/// Two names of one property would fight: the name that Hark uses itself.
const ALIASES: [(&str, &str); 2] =
    [("compression.codec", "compression.type"), ("queue.buffering.max.ms", "linger.ms")];

/// Why a property may not be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// Delivery depends on Hark's own value.
    Law,
    /// It has a key of its own.
    Key(&'static str),
    /// It is to be written under its other name.
    Alias(&'static str),
}

/// Whether a configuration may not set this property, and why.
#[must_use]
pub fn reserved(name: &str) -> Option<Reserved> {
    let find = |list: &[(&str, &'static str)]| {
        list.iter().find(|(known, _)| *known == name).map(|(_, instead)| *instead)
    };
    if LAWS.contains(&name) {
        return Some(Reserved::Law);
    }
    find(&KEYS).map(Reserved::Key).or_else(|| find(&ALIASES).map(Reserved::Alias))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_delivery_depends_on_is_reserved_under_each_of_its_names() {
        for (name, reason) in [
            ("transactional.id", Some(Reserved::Law)),
            ("request.required.acks", Some(Reserved::Law)),
            ("isolation.level", Some(Reserved::Law)),
            ("sasl.password", Some(Reserved::Key("sasl.password"))),
            ("compression.codec", Some(Reserved::Alias("compression.type"))),
            ("linger.ms", None),
            ("ssl.endpoint.identification.algorithm", None),
            ("socket.keepalive.enable", None),
        ] {
            assert_eq!(reserved(name), reason, "{name}");
        }
    }
}
