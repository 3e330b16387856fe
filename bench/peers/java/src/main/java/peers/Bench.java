package peers;

import io.pravega.client.BatchClientFactory;
import io.pravega.client.ClientConfig;
import io.pravega.client.EventStreamClientFactory;
import io.pravega.client.batch.SegmentIterator;
import io.pravega.client.batch.SegmentRange;
import io.pravega.client.stream.EventStreamWriter;
import io.pravega.client.stream.EventWriterConfig;
import io.pravega.client.stream.Stream;
import io.pravega.client.stream.StreamCut;
import io.pravega.client.stream.impl.ByteArraySerializer;

import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;

/**
 * One case, one process, one line of JSON per pass.
 * Bench CONTROLLER SCOPE STREAM write|batch EVENTS SIZE PASSES
 * The streams exist already; every pass is measured, the first one with a cold JVM.
 */
public final class Bench {
    private static final ByteArraySerializer SERIALIZER = new ByteArraySerializer();

    public static void main(String[] args) throws Exception {
        ClientConfig config = ClientConfig.builder().controllerURI(URI.create(args[0])).build();
        String scope = args[1], stream = args[2], kase = args[3];
        int events = Integer.parseInt(args[4]), size = Integer.parseInt(args[5]), passes = Integer.parseInt(args[6]);
        for (int pass = 0; pass < passes; pass++) {
            long cpu = cpuNanos(), start = System.nanoTime();
            long count = kase.equals("write") ? write(config, scope, stream, events, size) : batch(config, scope, stream);
            double seconds = (System.nanoTime() - start) / 1e9;
            System.out.printf("{\"pass\":%d,\"events\":%d,\"seconds\":%.4f,\"cpuSeconds\":%.3f,\"maxRssMiB\":%.0f}%n",
                    pass, count, seconds, (cpuNanos() - cpu) / 1e9, maxRssMiB());
        }
        System.exit(0);
    }

    /** Keys k0..k999 at random, all events in flight as the client allows, all acknowledgements awaited. */
    private static long write(ClientConfig config, String scope, String stream, int events, int size) {
        try (EventStreamClientFactory factory = EventStreamClientFactory.withScope(scope, config);
             EventStreamWriter<byte[]> writer = factory.createEventWriter(stream, SERIALIZER, EventWriterConfig.builder().build())) {
            SplittableRandom random = new SplittableRandom(7);
            byte[] body = new byte[size];
            random.nextBytes(body);
            CompletableFuture<?>[] acks = new CompletableFuture<?>[events];
            for (int i = 0; i < events; i++) {
                byte[] event = body.clone();
                ByteBuffer.wrap(event).putInt(0, i);
                acks[i] = writer.writeEvent("k" + random.nextInt(1000), event);
            }
            CompletableFuture.allOf(acks).join();
        }
        return events;
    }

    /** The whole stream, a thread per segment range, four at a time. */
    private static long batch(ClientConfig config, String scope, String stream) throws Exception {
        AtomicLong count = new AtomicLong();
        ExecutorService pool = Executors.newFixedThreadPool(4);
        try (BatchClientFactory factory = BatchClientFactory.withScope(scope, config)) {
            List<Future<?>> reads = new ArrayList<>();
            factory.getSegments(Stream.of(scope, stream), StreamCut.UNBOUNDED, StreamCut.UNBOUNDED).getIterator()
                    .forEachRemaining(range -> reads.add(pool.submit(() -> count.addAndGet(read(factory, range)))));
            for (Future<?> read : reads) {
                read.get();
            }
        } finally {
            pool.shutdown();
        }
        return count.get();
    }

    private static long read(BatchClientFactory factory, SegmentRange range) {
        long count = 0;
        try (SegmentIterator<byte[]> iterator = factory.readSegment(range, SERIALIZER)) {
            while (iterator.hasNext()) {
                iterator.next();
                count++;
            }
        }
        return count;
    }

    private static long cpuNanos() {
        return ((com.sun.management.OperatingSystemMXBean) java.lang.management.ManagementFactory.getOperatingSystemMXBean())
                .getProcessCpuTime();
    }

    private static double maxRssMiB() throws Exception {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmHWM")) {
                return Double.parseDouble(line.replaceAll("[^0-9]", "")) / 1024;
            }
        }
        return -1;
    }
}
