package bench;

import io.pravega.client.ClientConfig;
import io.pravega.client.EventStreamClientFactory;
import io.pravega.client.admin.ReaderGroupManager;
import io.pravega.client.stream.EventRead;
import io.pravega.client.stream.EventStreamReader;
import io.pravega.client.stream.EventStreamWriter;
import io.pravega.client.stream.EventWriterConfig;
import io.pravega.client.stream.ReaderConfig;
import io.pravega.client.stream.ReaderGroupConfig;
import io.pravega.client.stream.Stream;
import io.pravega.client.stream.impl.ByteArraySerializer;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.locks.LockSupport;

/** Events at a steady rate, due at fixed instants: from when one was handed over to when a reader had it. */
final class Latency {
    /** Its reader sleeps through wake-ups when it may wait long (pravega/pravega#6440): this is its best. */
    private static final int POLL_MILLIS = 5;

    /** A timer that is late by no more than this is not the client's fault. */
    private static final long SLACK_NANOS = 2_000_000;

    static Figures measure(Command command, ClientConfig config) throws Exception {
        int rate = command.number("rate"), size = command.number("size"), warm = rate * command.number("warm");
        int events = warm + rate * command.number("seconds");
        String group = "java" + System.nanoTime();
        double[] latencies = new double[events];
        long start = System.nanoTime();
        try (ReaderGroupManager groups = ReaderGroupManager.withScope(command.scope(), config);
             EventStreamClientFactory factory = EventStreamClientFactory.withScope(command.scope(), config)) {
            groups.createReaderGroup(group, ReaderGroupConfig.builder()
                    .stream(Stream.of(command.scope(), command.stream())).disableAutomaticCheckpoints().build());
            Thread thread = new Thread(() -> read(factory, group, latencies));
            thread.start();
            send(factory, command.stream(), events, size, rate);
            thread.join();
            groups.deleteReaderGroup(group);
        }
        Figures figures = new Figures(events, Figures.secondsSince(start));
        return figures.percentiles("latency", Arrays.copyOfRange(latencies, warm, events));
    }

    private static void read(EventStreamClientFactory factory, String group, double[] latencies) {
        try (EventStreamReader<byte[]> reader = factory.createReader("r", group, new ByteArraySerializer(),
                ReaderConfig.builder().build())) {
            for (int seen = 0; seen < latencies.length;) {
                EventRead<byte[]> read = reader.readNextEvent(POLL_MILLIS);
                if (read.getEvent() != null) {
                    ByteBuffer event = ByteBuffer.wrap(read.getEvent());
                    latencies[event.getInt(0)] = Figures.millisSince(event.getLong(4));
                    seen++;
                }
            }
        }
    }

    private static void send(EventStreamClientFactory factory, String stream, int events, int size, int rate) {
        try (EventStreamWriter<byte[]> writer = factory.createEventWriter(stream, new ByteArraySerializer(),
                EventWriterConfig.builder().build())) {
            SplittableRandom random = new SplittableRandom(9);
            long base = System.nanoTime() + 500_000_000L;
            for (int i = 0; i < events; i++) {
                long due = base + i * 1_000_000_000L / rate;
                for (long wait; (wait = due - System.nanoTime()) > 0;) {
                    LockSupport.parkNanos(wait);
                }
                byte[] event = new byte[size];
                ByteBuffer.wrap(event).putInt(0, i).putLong(4, Math.min(System.nanoTime(), due + SLACK_NANOS));
                writer.writeEvent("k" + random.nextInt(1000), event);
            }
            writer.flush();
        }
    }
}
