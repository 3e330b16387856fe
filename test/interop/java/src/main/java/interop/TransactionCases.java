package interop;

import io.pravega.client.stream.EventStreamReader;
import io.pravega.client.stream.EventWriterConfig;
import io.pravega.client.stream.Stream;
import io.pravega.client.stream.Transaction;
import io.pravega.client.stream.TransactionalEventStreamWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

/** Transactions: committed, aborted, resumed, left to expire; across a scaling and a seal. */
final class TransactionCases {
    private TransactionCases() {
    }

    static void add(Cases cases) {
        cases.add("transaction: left alone until its lease ends", TransactionCases::expired);
        cases.add("transaction: committed and aborted", TransactionCases::ends);
        cases.add("transaction: across a scaling", TransactionCases::scaled);
        cases.add("transaction: several, in the order of their commits", TransactionCases::order);
        cases.add("transaction: the stream is sealed", TransactionCases::sealed);
        cases.add("transaction: controller's rpcs", TransactionCases::rpcs);
    }

    private static TransactionalEventStreamWriter<String> writer(Place place, String stream, long lease) {
        return place.keep(place.clients().createTransactionalEventWriter("writer", stream, Place.TEXT,
            EventWriterConfig.builder().transactionTimeoutTime(lease).build()));
    }

    private static Transaction.Status until(Transaction<String> transaction, Transaction.Status wanted) throws Exception {
        long end = System.currentTimeMillis() + Place.PATIENCE;
        while (transaction.checkStatus() != wanted && System.currentTimeMillis() < end) {
            Thread.sleep(20);
        }
        return transaction.checkStatus();
    }

    private static void expired(Place place) throws Exception {
        place.stream("s", 2);
        TransactionalEventStreamWriter<String> writer = writer(place, "s", 10_000);
        long begun = System.nanoTime();
        Transaction<String> transaction = writer.beginTxn();
        transaction.writeEvent("k", "never:1");
        transaction.flush();
        UUID id = transaction.getTxnId();
        writer.close(); // which ends its pings
        Stream stream = Stream.of(place.scope, "s");
        Transaction.Status left = place.controller().checkTransactionStatus(stream, id).get();
        // where a slow machine needed its lease to come so far, either is right
        boolean mayHaveEnded = System.nanoTime() - begun > TimeUnit.MILLISECONDS.toNanos(9_000);
        place.say("left", mayHaveEnded ? Transaction.Status.OPEN : left);
        long end = System.currentTimeMillis() + Place.PATIENCE;
        while (place.controller().checkTransactionStatus(stream, id).get() != Transaction.Status.ABORTED && System.currentTimeMillis() < end) {
            Thread.sleep(100);
        }
        Transaction<String> again = writer(place, "s", 10_000).getTxn(id);
        place.say(again.checkStatus());
        place.outcome("committed after it", () -> {
            again.commit();
            return true;
        });
        place.outcome("pinged after it", () -> place.controller().pingTransaction(stream, id, 10_000));
    }

    private static void ends(Place place) throws Exception {
        place.stream("s", 3);
        TransactionalEventStreamWriter<String> writer = writer(place, "s", 60_000);
        Transaction<String> committed = writer.beginTxn();
        for (int i = 0; i < 100; i++) {
            committed.writeEvent("k" + i % 5, "k" + i % 5 + ":" + i);
        }
        committed.writeEvent("without:1");
        place.say("open", committed.checkStatus());
        Transaction<String> aborted = writer.beginTxn();
        aborted.writeEvent("k", "never:1");
        aborted.flush();
        aborted.abort();
        place.say("aborted", until(aborted, Transaction.Status.ABORTED));
        place.outcome("aborted again", () -> {
            aborted.abort();
            return true;
        });
        place.outcome("committed after it", () -> {
            aborted.commit();
            return true;
        });
        place.outcome("written after it", () -> {
            aborted.writeEvent("k", "never:2");
            return true;
        });
        Transaction<String> resumed = writer.getTxn(committed.getTxnId());
        resumed.writeEvent("k0", "k0:1000");
        resumed.flush();
        committed.commit(1234L);
        place.say("committed", until(committed, Transaction.Status.COMMITTED));
        place.say("resumed", resumed.checkStatus());
        place.outcome("committed again", () -> {
            committed.commit();
            return true;
        });
        place.outcome("aborted after it", () -> {
            committed.abort();
            return true;
        });
        place.outcome("resumed and committed after it", () -> {
            resumed.commit();
            return true;
        });
        place.outcome("one that never was", () -> writer.getTxn(UUID.randomUUID()).checkStatus());
        Transaction<String> empty = writer.beginTxn();
        empty.commit();
        place.say("empty", until(empty, Transaction.Status.COMMITTED));
        EventCases.group(place, "g", "s");
        EventStreamReader<String> reader = EventCases.reader(place, "g", "r");
        place.say(Place.summary(Place.texts(Place.next(reader, 102))));
        place.say("more", reader.readNextEvent(1000).getEvent());
    }

    private static void scaled(Place place) throws Exception {
        place.stream("s", 2);
        TransactionalEventStreamWriter<String> writer = writer(place, "s", 60_000);
        Transaction<String> before = writer.beginTxn();
        for (int i = 0; i < 50; i++) {
            before.writeEvent("k" + i % 5, "k" + i % 5 + ":" + i);
        }
        place.scale("s", 3);
        for (int i = 50; i < 100; i++) {
            before.writeEvent("k" + i % 5, "k" + i % 5 + ":" + i);
        }
        place.write("s", 1000, 50);
        before.commit();
        place.say(until(before, Transaction.Status.COMMITTED));
        Transaction<String> after = writer.beginTxn();
        for (int i = 2000; i < 2050; i++) {
            after.writeEvent("k" + i % 5, "k" + i % 5 + ":" + i);
        }
        after.commit();
        place.say(until(after, Transaction.Status.COMMITTED));
        place.say("segments", place.controller().getCurrentSegments(place.scope, "s").get().getNumberOfSegments());
        List<String> epochs = new ArrayList<>();
        for (int epoch = 0; epoch < 4; epoch++) {
            epochs.add(epoch + ":" + place.controller().getEpochSegments(place.scope, "s", epoch).get().getNumberOfSegments());
        }
        place.say("epochs", epochs);
        EventCases.group(place, "g", "s");
        List<String> texts = Place.texts(Place.next(EventCases.reader(place, "g", "r"), 200));
        place.say(texts.size(), texts.stream().distinct().count());
    }

    private static void order(Place place) throws Exception {
        place.stream("s", 1);
        TransactionalEventStreamWriter<String> writer = writer(place, "s", 60_000);
        List<Transaction<String>> all = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            all.add(writer.beginTxn());
        }
        for (int i = 0; i < 8; i++) {
            all.get(i).writeEvent("k", "k:" + (i * 5 % 8));
        }
        for (int want = 0; want < 8; want++) {
            for (int i = 0; i < 8; i++) {
                if (i * 5 % 8 == want) {
                    all.get(i).commit();
                }
            }
        }
        for (Transaction<String> each : all) {
            until(each, Transaction.Status.COMMITTED);
        }
        EventCases.group(place, "g", "s");
        place.say(Place.texts(Place.next(EventCases.reader(place, "g", "r"), 8)));
    }

    private static void sealed(Place place) throws Exception {
        place.stream("s", 1);
        TransactionalEventStreamWriter<String> writer = writer(place, "s", 60_000);
        Transaction<String> open = writer.beginTxn();
        open.writeEvent("k", "never:1");
        place.outcome("sealed", () -> place.streams().sealStream(place.scope, "s"));
        place.say(until(open, Transaction.Status.ABORTED));
        place.outcome("committed", () -> {
            open.commit();
            return true;
        });
    }

    private static void rpcs(Place place) throws Exception {
        Stream stream = place.stream("s", 2);
        UUID id = place.controller().createTransaction(stream, 60_000).get().getTxnId();
        place.say("epoch", id.getMostSignificantBits() >> 32);
        place.outcome("pinged", () -> place.controller().pingTransaction(stream, id, 60_000));
        place.outcome("pinged for too long", () -> place.controller().pingTransaction(stream, id, 10_000_000));
        place.outcome("status", () -> place.controller().checkTransactionStatus(stream, id));
        place.outcome("committed", () -> place.controller().commitTransaction(stream, "w", 1L, id));
        place.outcome("committed again", () -> place.controller().commitTransaction(stream, "w", 1L, id));
        place.outcome("aborted", () -> place.controller().abortTransaction(stream, id));
        place.outcome("pinged when committed", () -> place.controller().pingTransaction(stream, id, 60_000));
        UUID none = new UUID(0, 77);
        place.outcome("status of none", () -> place.controller().checkTransactionStatus(stream, none));
        place.outcome("none pinged", () -> place.controller().pingTransaction(stream, none, 60_000));
        place.outcome("none committed", () -> place.controller().commitTransaction(stream, "w", 1L, none));
        place.outcome("none aborted", () -> place.controller().abortTransaction(stream, none));
        place.outcome("of no stream", () -> place.controller().createTransaction(Stream.of(place.scope, "t"), 15_000));
        place.outcome("completed", () -> place.streams().listCompletedTransactions(stream).size() <= 1);
    }
}
