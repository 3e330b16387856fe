package bench;

import io.pravega.client.BatchClientFactory;
import io.pravega.client.ClientConfig;
import io.pravega.client.EventStreamClientFactory;
import io.pravega.client.admin.ReaderGroupManager;
import io.pravega.client.batch.SegmentIterator;
import io.pravega.client.batch.SegmentRange;
import io.pravega.client.stream.EventStreamReader;
import io.pravega.client.stream.ReaderConfig;
import io.pravega.client.stream.ReaderGroupConfig;
import io.pravega.client.stream.Stream;
import io.pravega.client.stream.StreamCut;
import io.pravega.client.stream.impl.ByteArraySerializer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;

/** Reads whole streams. */
final class Reading {
    private static final int POLL_MILLIS = 200;
    private final ClientConfig config;

    Reading(ClientConfig config) {
        this.config = config;
    }

    /** With the batch client, a thread per segment range, so many at a time. */
    Figures batch(Command command) throws Exception {
        AtomicLong count = new AtomicLong();
        ExecutorService pool = Executors.newFixedThreadPool(command.number("parallel"));
        long start = System.nanoTime();
        try (BatchClientFactory factory = BatchClientFactory.withScope(command.scope(), config)) {
            List<Future<?>> reads = new ArrayList<>();
            Stream stream = Stream.of(command.scope(), command.stream());
            factory.getSegments(stream, StreamCut.UNBOUNDED, StreamCut.UNBOUNDED).getIterator()
                    .forEachRemaining(range -> reads.add(pool.submit(() -> count.addAndGet(read(factory, range)))));
            for (Future<?> read : reads) {
                read.get();
            }
        } finally {
            pool.shutdown();
        }
        return new Figures(count.get(), Figures.secondsSince(start));
    }

    private static long read(BatchClientFactory factory, SegmentRange range) {
        long count = 0;
        try (SegmentIterator<byte[]> events = factory.readSegment(range, new ByteArraySerializer())) {
            while (events.hasNext()) {
                events.next();
                count++;
            }
        }
        return count;
    }

    /** A new reader group, and readers in threads of their own that share its count: the time is that of the last event. */
    Figures group(Command command) throws Exception {
        int events = command.number("events"), readers = command.number("readers");
        String group = "java" + System.nanoTime();
        try (ReaderGroupManager groups = ReaderGroupManager.withScope(command.scope(), config);
             EventStreamClientFactory factory = EventStreamClientFactory.withScope(command.scope(), config)) {
            groups.createReaderGroup(group, ReaderGroupConfig.builder()
                    .stream(Stream.of(command.scope(), command.stream())).disableAutomaticCheckpoints().build());
            AtomicLong count = new AtomicLong(), last = new AtomicLong();
            List<Thread> threads = new ArrayList<>();
            long start = System.nanoTime();
            for (int i = 0; i < readers; i++) {
                String name = "r" + i;
                Thread thread = new Thread(() -> {
                    try (EventStreamReader<byte[]> reader = factory.createReader(name, group, new ByteArraySerializer(),
                            ReaderConfig.builder().build())) {
                        while (count.get() < events) {
                            if (reader.readNextEvent(POLL_MILLIS).getEvent() != null && count.incrementAndGet() == events) {
                                last.set(System.nanoTime());
                            }
                        }
                    }
                });
                threads.add(thread);
                thread.start();
            }
            for (Thread thread : threads) {
                thread.join();
            }
            return new Figures(count.get(), (last.get() - start) / 1e9);
        }
    }
}
