package example;

import com.google.protobuf.InvalidProtocolBufferException;
import hark.v1.ItemOuterClass.Item;
import hark.v1.ItemOuterClass.ItemOp;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * Reads a team's queue and prints what changes: an item that is new, one that was updated, one that is not this team's any more.
 *
 * <p>The group's offset is committed after the work. A crash between the two brings records again; they are known by item_id and
 * version and do nothing. Here the versions are in memory, so a restarted program may print its last records once more: keep them
 * with what you do, as the consumer in Python does.
 *
 * <pre>
 * mvn package
 * java -cp 'target/queue-consumer-1.jar:target/lib/*' example.QueueConsumer 127.0.0.1:9092 hark.queue.sales sales-java
 * </pre>
 */
public final class QueueConsumer {
  private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

  /** The newest version of each item; a cancelled one keeps its version, negated. */
  private final Map<String, Long> versions = new HashMap<>();

  public static void main(String[] arguments) throws InvalidProtocolBufferException {
    if (arguments.length < 3) {
      System.err.println("usage: QueueConsumer BOOTSTRAP_SERVERS TOPIC GROUP [--until-end] [KEY=VALUE of kafka-clients]...");
      System.exit(64);
    }
    Properties properties = new Properties();
    properties.put("bootstrap.servers", arguments[0]);
    properties.put("group.id", arguments[2]);
    // Without it records of aborted transactions are read as if they had happened.
    properties.put("isolation.level", "read_committed");
    properties.put("enable.auto.commit", "false");
    properties.put("auto.offset.reset", "earliest");
    boolean untilEnd = false;
    for (String argument : List.of(arguments).subList(3, arguments.length)) {
      String[] pair = argument.split("=", 2);
      if (pair.length == 2) {
        properties.put(pair[0], pair[1]);
      } else {
        untilEnd = argument.equals("--until-end");
      }
    }
    try (var consumer = new KafkaConsumer<>(properties, new StringDeserializer(), new ByteArrayDeserializer())) {
      Runtime.getRuntime().addShutdownHook(new Thread(consumer::wakeup));
      consumer.subscribe(List.of(arguments[1]));
      var queue = new QueueConsumer();
      do {
        for (ConsumerRecord<String, byte[]> record : consumer.poll(Duration.ofMillis(500))) {
          queue.apply(record);
        }
        consumer.commitSync();
      } while (!untilEnd || !isAtEnd(consumer));
    } catch (WakeupException end) {
      // Ctrl-C: what was not committed comes again.
    }
  }

  private void apply(ConsumerRecord<String, byte[]> record) throws InvalidProtocolBufferException {
    Header type = record.headers().lastHeader("ce_type");
    if (type == null || !new String(type.value(), StandardCharsets.UTF_8).equals("hark.v1.Item")) {
      return; // a kind that did not exist when this was written
    }
    Item item = Item.parseFrom(record.value());
    long known = versions.getOrDefault(item.getItemId(), 0L);
    if (Math.abs(known) >= item.getVersion()) {
      return; // read before
    }
    boolean wasOpen = known > 0;
    if (item.getOp() == ItemOp.ITEM_OP_CANCEL) {
      versions.put(item.getItemId(), -item.getVersion());
      // Also one that this process has not seen open: another may have, before a restart.
      OUT.printf("cancel v%d %s%n", item.getVersion(), item.getItemId());
      return;
    }
    versions.put(item.getItemId(), item.getVersion());
    // An update whose open was compacted away, or was before our time, is as good as an open.
    OUT.printf(
        "%s v%d %s P%d %s | %s%n",
        wasOpen ? "update" : "open",
        item.getVersion(),
        item.getItemId(),
        item.getPriority(),
        item.getTrace().getRule(),
        item.getMention().getPost().getText());
  }

  private static boolean isAtEnd(KafkaConsumer<?, ?> consumer) {
    if (consumer.assignment().isEmpty()) {
      return false;
    }
    Map<TopicPartition, Long> ends = consumer.endOffsets(consumer.assignment());
    // A position moves past the control records of transactions, which no consumer is given.
    return ends.entrySet().stream().allMatch(end -> consumer.position(end.getKey()) >= end.getValue());
  }
}
