"""Copies a topic to another exactly once with quixstreams, and does nothing else.

Prints `running` when it begins. Arguments: SERVERS GROUP FROM TO COMMIT_INTERVAL_SECONDS
"""

import sys
import tempfile

from quixstreams import Application


def main() -> None:
    servers, group, source, target, interval = sys.argv[1:]
    app = Application(
        broker_address=servers,
        consumer_group=group,
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        commit_interval=float(interval),
        auto_create_topics=False,
        state_dir=tempfile.mkdtemp(),
        producer_extra_config={"compression.type": "lz4"},
        loglevel="WARNING",
    )
    incoming = app.topic(source, key_deserializer="bytes", value_deserializer="bytes")
    outgoing = app.topic(target, key_serializer="bytes", value_serializer="bytes")
    app.dataframe(incoming).to_topic(outgoing)
    print("running", flush=True)
    app.run()


if __name__ == "__main__":
    main()
