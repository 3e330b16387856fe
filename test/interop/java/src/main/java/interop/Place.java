package interop;

import io.pravega.client.BatchClientFactory;
import io.pravega.client.ByteStreamClientFactory;
import io.pravega.client.ClientConfig;
import io.pravega.client.EventStreamClientFactory;
import io.pravega.client.KeyValueTableFactory;
import io.pravega.client.SynchronizerClientFactory;
import io.pravega.client.admin.KeyValueTableManager;
import io.pravega.client.admin.ReaderGroupManager;
import io.pravega.client.admin.StreamManager;
import io.pravega.client.connection.impl.SocketConnectionFactoryImpl;
import io.pravega.client.control.impl.Controller;
import io.pravega.client.control.impl.ControllerImpl;
import io.pravega.client.control.impl.ControllerImplConfig;
import io.pravega.client.stream.EventRead;
import io.pravega.client.stream.EventStreamReader;
import io.pravega.client.stream.EventStreamWriter;
import io.pravega.client.stream.EventWriterConfig;
import io.pravega.client.stream.ScalingPolicy;
import io.pravega.client.stream.Serializer;
import io.pravega.client.stream.Stream;
import io.pravega.client.stream.StreamConfiguration;
import io.pravega.client.stream.impl.UTF8StringSerializer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;

/** Where a case runs: a scope of its own, the clients that it asks for, and what it says it saw. */
final class Place implements AutoCloseable {
    static final Serializer<String> TEXT = new UTF8StringSerializer();
    /** How long a case waits for what must come, in milliseconds: it only ends what hangs, for what comes late is not lost. */
    static final long PATIENCE = 300_000;

    final String scope;
    final ClientConfig config;
    private final Deque<AutoCloseable> opened = new ArrayDeque<>();
    private final ConcurrentLinkedQueue<String> said = new ConcurrentLinkedQueue<>();
    private StreamManager streams;
    private ReaderGroupManager groups;
    private EventStreamClientFactory clients;
    private Controller controller;
    private ScheduledExecutorService executor;

    Place(String scope, ClientConfig config) {
        this.scope = scope;
        this.config = config;
    }

    /** A line of the outcome. What differs from run to run must not be in it; the scope's name is replaced. */
    void say(Object... fields) {
        StringBuilder line = new StringBuilder();
        for (Object field : fields) {
            line.append(line.length() == 0 ? "" : " ").append(field);
        }
        said.add(line.toString().replace(scope, "SCOPE"));
    }

    /** Says what came of an action: its value, or the class of what it threw. */
    void outcome(String what, Callable<?> action) {
        try {
            Object value = action.call();
            say(what, value instanceof CompletableFuture ? ((CompletableFuture<?>) value).get() : value);
        } catch (Throwable failure) {
            say(what, "throws", cause(failure).getClass().getSimpleName());
        }
    }

    static Throwable cause(Throwable failure) {
        Throwable cause = failure;
        while ((cause instanceof CompletionException || cause instanceof ExecutionException) && cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause;
    }

    List<String> said() {
        return new ArrayList<>(said);
    }

    <A extends AutoCloseable> A keep(A resource) {
        opened.push(resource);
        return resource;
    }

    StreamManager streams() {
        return streams == null ? streams = keep(StreamManager.create(config)) : streams;
    }

    ReaderGroupManager groups() {
        return groups == null ? groups = keep(ReaderGroupManager.withScope(scope, config)) : groups;
    }

    EventStreamClientFactory clients() {
        return clients == null ? clients = keep(EventStreamClientFactory.withScope(scope, config)) : clients;
    }

    Controller controller() {
        if (controller == null) {
            SocketConnectionFactoryImpl connections = keep(new SocketConnectionFactoryImpl(config, 1));
            controller = keep(new ControllerImpl(ControllerImplConfig.builder().clientConfig(config).build(),
                connections.getInternalExecutor()));
        }
        return controller;
    }

    ScheduledExecutorService executor() {
        if (executor == null) {
            executor = Executors.newScheduledThreadPool(2);
            keep(executor::shutdownNow);
        }
        return executor;
    }

    BatchClientFactory batches() {
        return keep(BatchClientFactory.withScope(scope, config));
    }

    ByteStreamClientFactory byteStreams() {
        return keep(ByteStreamClientFactory.withScope(scope, config));
    }

    SynchronizerClientFactory synchronizers() {
        return keep(SynchronizerClientFactory.withScope(scope, config));
    }

    KeyValueTableManager tableManager() {
        return keep(KeyValueTableManager.create(config));
    }

    KeyValueTableFactory tables() {
        return keep(KeyValueTableFactory.withScope(scope, config));
    }

    Stream stream(String name, int segments) {
        return stream(name, StreamConfiguration.builder().scalingPolicy(ScalingPolicy.fixed(segments)).build());
    }

    Stream stream(String name, StreamConfiguration configuration) {
        streams().createStream(scope, name, configuration);
        return Stream.of(scope, name);
    }

    /** As many ranges as are wanted, of equal size, in place of the stream's segments. */
    void scale(String name, int segments) throws Exception {
        List<Long> seal = new ArrayList<>();
        controller().getCurrentSegments(scope, name).get().getSegments().forEach(each -> seal.add(each.getSegmentId()));
        Map<Double, Double> ranges = new TreeMap<>();
        for (int i = 0; i < segments; i++) {
            ranges.put((double) i / segments, i == segments - 1 ? 1.0 : (double) (i + 1) / segments);
        }
        if (!controller().scaleStream(Stream.of(scope, name), seal, ranges, executor()).getFuture().get()) {
            throw new IllegalStateException("not scaled");
        }
    }

    EventStreamWriter<String> writer(String name) {
        return clients().createEventWriter(name, TEXT, EventWriterConfig.builder().build());
    }

    /** Events "key:number" of some keys in turn, acknowledged when it returns. */
    void write(String name, int first, int count) throws Exception {
        try (EventStreamWriter<String> writer = writer(name)) {
            write(writer, first, count);
        }
    }

    void write(EventStreamWriter<String> writer, int first, int count) throws Exception {
        List<CompletableFuture<Void>> acknowledged = new ArrayList<>();
        for (int number = first; number < first + count; number++) {
            acknowledged.add(writer.writeEvent("k" + number % 7, "k" + number % 7 + ":" + number));
        }
        for (CompletableFuture<Void> each : acknowledged) {
            each.get();
        }
    }

    /** The next events of a reader, without the checkpoints and the empty reads in between. */
    static List<EventRead<String>> next(EventStreamReader<String> reader, int count) {
        List<EventRead<String>> events = new ArrayList<>();
        long end = System.currentTimeMillis() + PATIENCE;
        while (events.size() < count && System.currentTimeMillis() < end) {
            EventRead<String> read = reader.readNextEvent(200);
            if (read.getEvent() != null) {
                events.add(read);
            }
        }
        return events;
    }

    static List<String> texts(List<EventRead<String>> events) {
        List<String> texts = new ArrayList<>();
        events.forEach(each -> texts.add(each.getEvent()));
        return texts;
    }

    /** How many different events there are, and whether each key's numbers go up. */
    static String summary(List<String> texts) {
        Map<String, Integer> last = new TreeMap<>();
        boolean ordered = true;
        for (String text : texts) {
            String[] parts = text.split(":");
            int number = Integer.parseInt(parts[1]);
            Integer before = last.put(parts[0], number);
            ordered &= before == null || before < number;
        }
        return texts.size() + " events, " + texts.stream().distinct().count() + " different, "
            + (ordered ? "in order" : "out of order");
    }

    @Override
    public void close() throws Exception {
        while (!opened.isEmpty()) {
            opened.pop().close();
        }
    }
}
