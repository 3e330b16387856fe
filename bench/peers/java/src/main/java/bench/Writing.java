package bench;

import io.pravega.client.ClientConfig;
import io.pravega.client.EventStreamClientFactory;
import io.pravega.client.stream.EventStreamWriter;
import io.pravega.client.stream.EventWriterConfig;
import io.pravega.client.stream.Transaction;
import io.pravega.client.stream.TransactionalEventStreamWriter;
import io.pravega.client.stream.impl.ByteArraySerializer;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;

/** Writes events, alone and in transactions. */
final class Writing {
    private static final int POLL_MILLIS = 2;
    private final ClientConfig config;
    private final Map<String, EventStreamClientFactory> factories = new HashMap<>();
    /** As a program would: one for all transactions of a stream. */
    private final Map<String, TransactionalEventStreamWriter<byte[]>> transactionWriters = new HashMap<>();

    Writing(ClientConfig config) {
        this.config = config;
    }

    private EventStreamClientFactory factory(String scope) {
        return factories.computeIfAbsent(scope, name -> EventStreamClientFactory.withScope(name, config));
    }

    /** Keys k0..k999 at random, all events in flight as the client allows, all acknowledgements awaited. */
    Figures write(Command command) {
        int events = command.number("events");
        long start = System.nanoTime();
        try (EventStreamWriter<byte[]> writer = factory(command.scope()).createEventWriter(command.stream(),
                new ByteArraySerializer(), EventWriterConfig.builder().build())) {
            SplittableRandom random = new SplittableRandom(7);
            byte[] body = new byte[command.number("size")];
            CompletableFuture<?>[] acknowledgements = new CompletableFuture<?>[events];
            for (int i = 0; i < events; i++) {
                acknowledgements[i] = writer.writeEvent("k" + random.nextInt(1000), body.clone());
            }
            CompletableFuture.allOf(acknowledgements).join();
        }
        return new Figures(events, Figures.secondsSince(start));
    }

    /** One after the other: begun, filled, committed, and waited for until committed. */
    Figures transactions(Command command) throws Exception {
        int events = command.number("events"), count = command.number("count");
        TransactionalEventStreamWriter<byte[]> writer = transactionWriters.computeIfAbsent(
                command.scope() + "/" + command.stream(),
                name -> factory(command.scope()).createTransactionalEventWriter("w" + System.nanoTime(), command.stream(),
                        new ByteArraySerializer(), EventWriterConfig.builder().build()));
        SplittableRandom random = new SplittableRandom(8);
        byte[] body = new byte[command.number("size")];
        double[] wholes = new double[count], commits = new double[count];
        long start = System.nanoTime();
        for (int i = 0; i < count; i++) {
            long begun = System.nanoTime();
            Transaction<byte[]> transaction = writer.beginTxn();
            for (int j = 0; j < events; j++) {
                transaction.writeEvent("k" + random.nextInt(1000), body);
            }
            long filled = System.nanoTime();
            transaction.commit();
            while (transaction.checkStatus() != Transaction.Status.COMMITTED) {
                Thread.sleep(POLL_MILLIS);
            }
            commits[i] = Figures.millisSince(filled);
            wholes[i] = Figures.millisSince(begun);
        }
        Figures figures = new Figures((long) events * count, Figures.secondsSince(start));
        return figures.percentiles("transaction", wholes).percentiles("commit", commits);
    }
}
