#!/usr/bin/env python3
"""Reads a team's queue and keeps the team's open items in a database of its own.

What was done with a record and how far the queue has been read are one transaction of that database, so that each version of an
item takes effect exactly once, whenever this program is killed. A real consumer does its own work where `apply` prints.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python -m grpc_tools.protoc -I ../../../proto --python_out=. ../../../proto/hark/v1/*.proto
    venv/bin/python consumer.py --bootstrap-servers 127.0.0.1:9092 --topic hark.queue.sales --database sales.db
"""

import argparse
import signal
import sqlite3
import sys

from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition
from hark.v1.item_pb2 import ITEM_OP_CANCEL, Item

SCHEMA = """
CREATE TABLE IF NOT EXISTS items (item_id TEXT PRIMARY KEY, version INTEGER NOT NULL, item BLOB);  -- item NULL: cancelled
CREATE TABLE IF NOT EXISTS offsets (topic TEXT, partition INTEGER, next INTEGER NOT NULL, PRIMARY KEY (topic, partition));
"""


def main() -> None:
    args = arguments()
    database = sqlite3.connect(args.database)
    database.executescript(SCHEMA)
    consumer = Consumer(
        {
            "bootstrap.servers": args.bootstrap_servers,
            "group.id": args.group,
            # Without it records of aborted transactions are read as if they had happened.
            "isolation.level": "read_committed",
            # Our database says where to go on, not the group.
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": args.until_end,
            **dict(pair.split("=", 1) for pair in args.set),
        }
    )
    at_end: set[int] = set()
    assigned: set[int] = set()

    def on_assign(consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for partition in partitions:
            partition.offset = stored_offset(database, partition)
        assigned.update(partition.partition for partition in partitions)
        consumer.assign(partitions)

    consumer.subscribe([args.topic], on_assign=on_assign)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        while not (args.until_end and assigned and assigned <= at_end):
            record = consumer.poll(1.0)
            if record is None:
                continue
            if record.error():
                if record.error().code() != KafkaError._PARTITION_EOF:
                    raise KafkaException(record.error())
                at_end.add(record.partition())
                continue
            with database:  # one transaction: commits at its end, rolls back where `apply` fails
                apply(database, record)
                database.execute(
                    "INSERT INTO offsets VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET next = excluded.next",
                    (record.topic(), record.partition(), record.offset() + 1),
                )
    except KeyboardInterrupt:
        pass
    finally:
        consumer.close()


def apply(database: sqlite3.Connection, record) -> None:
    """Takes one record into the database, and prints what it changes."""
    event = from_binary(
        KafkaMessage(headers=dict(record.headers()), key=record.key(), value=record.value()), JSONFormat()
    )
    if event.get_type() != "hark.v1.Item":
        return  # a kind that did not exist when this was written
    item = Item.FromString(record.value())
    known = database.execute("SELECT version, item IS NOT NULL FROM items WHERE item_id = ?", (item.item_id,)).fetchone()
    if known and known[0] >= item.version:
        return  # read before
    was_open = bool(known and known[1])
    if item.op == ITEM_OP_CANCEL:
        content = None
        if was_open:
            print(f"cancel v{item.version} {item.item_id}", flush=True)
    else:
        # An update whose open was compacted away, or was before our time, is as good as an open.
        content = record.value()
        post = item.mention.post
        op = "update" if was_open else "open"
        print(f"{op} v{item.version} {item.item_id} P{item.priority} {item.trace.rule} | {post.text}", flush=True)
    database.execute(
        "INSERT INTO items VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET version = excluded.version, item = excluded.item",
        (item.item_id, item.version, content),
    )


def stored_offset(database: sqlite3.Connection, partition: TopicPartition) -> int:
    row = database.execute(
        "SELECT next FROM offsets WHERE topic = ? AND partition = ?", (partition.topic, partition.partition)
    ).fetchone()
    return row[0] if row else OFFSET_BEGINNING


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bootstrap-servers", required=True, metavar="HOST:PORT")
    parser.add_argument("--topic", default="hark.queue.sales", help="default: %(default)s")
    parser.add_argument("--group", default="sales-example", help="default: %(default)s")
    parser.add_argument("--database", default="items.db", help="default: %(default)s")
    parser.add_argument("--until-end", action="store_true", help="end where the queue ends")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a librdkafka property, such as security.protocol=SASL_SSL"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
