package interop;

import io.pravega.client.ClientConfig;
import io.pravega.client.EventStreamClientFactory;
import io.pravega.client.admin.ReaderGroupManager;
import io.pravega.client.admin.StreamInfo;
import io.pravega.client.admin.StreamManager;
import io.pravega.client.stream.EventPointer;
import io.pravega.client.stream.EventRead;
import io.pravega.client.stream.EventStreamReader;
import io.pravega.client.stream.EventStreamWriter;
import io.pravega.client.stream.EventWriterConfig;
import io.pravega.client.stream.Position;
import io.pravega.client.stream.ReaderConfig;
import io.pravega.client.stream.ReaderGroupConfig;
import io.pravega.client.stream.Serializer;
import io.pravega.client.stream.StreamCut;
import io.pravega.client.stream.Transaction;
import io.pravega.client.stream.TransactionalEventStreamWriter;
import io.pravega.client.stream.impl.UTF8StringSerializer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;

/**
 * What the Java client writes and sees, as lines with tabs between their fields. Events are UTF-8 strings. The controller
 * is PRAVEGA_CONTROLLER. Events to write are lines "key TAB text" on the standard input.
 *
 * write SCOPE STREAM          appends the events, waits for their acknowledgement
 * transaction SCOPE STREAM    the same in a transaction that it commits, and waits until it is committed: TRANSACTION id
 * join SCOPE STREAM ID        the same into an open transaction, which is flushed and left open
 * read SCOPE STREAM FROM TO COUNT   the events between two cuts (text form, or head, or tail), by a reader group. It stops
 *                             after COUNT of them and one look for more, for the reader of a group with an end cut
 *                             does not always say that it is done (seen where one of the segments was empty).
 *                             EVENT pointer(as Java prints it) pointer(base64) position(base64) text
 * cuts SCOPE STREAM           HEAD text, TAIL text
 * parse CUT                   SEGMENT id offset ... and CUT text, as Java writes what it parsed
 * fetch POINTER               the event at a pointer (base64): EVENT text
 * positions A B               whether two positions (base64) are the same to Java: SAME true
 */
public final class Interop {
    private static final Serializer<String> TEXT = new UTF8StringSerializer();
    private static final ClientConfig CLIENT =
        ClientConfig.builder().controllerURI(URI.create(System.getenv("PRAVEGA_CONTROLLER"))).build();
    private static final PrintStream OUT = new PrintStream(System.out, false, StandardCharsets.UTF_8);

    public static void main(String[] args) throws Exception {
        try {
            switch (args[0]) {
                case "write": write(args[1], args[2]); break;
                case "transaction": transaction(args[1], args[2]); break;
                case "join": join(args[1], args[2], UUID.fromString(args[3])); break;
                case "read": read(args[1], args[2], args[3], args[4], Integer.parseInt(args[5])); break;
                case "cuts": cuts(args[1], args[2]); break;
                case "parse": parse(StreamCut.from(args[1])); break;
                case "fetch": fetch(EventPointer.fromBytes(bytes(args[1]))); break;
                case "positions": positions(args[1], args[2]); break;
                default: throw new IllegalArgumentException(args[0]);
            }
            OUT.flush();
            System.exit(0);
        } catch (Throwable failure) {
            failure.printStackTrace();
            System.exit(1);
        }
    }

    private static List<String[]> events() throws IOException {
        List<String[]> events = new ArrayList<>();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            events.add(line.split("\t", 2));
        }
        return events;
    }

    private static EventStreamClientFactory clients(String scope) {
        return EventStreamClientFactory.withScope(scope, CLIENT);
    }

    private static void write(String scope, String stream) throws Exception {
        try (EventStreamClientFactory clients = clients(scope);
             EventStreamWriter<String> writer = clients.createEventWriter(stream, TEXT, EventWriterConfig.builder().build())) {
            List<CompletableFuture<Void>> acknowledged = new ArrayList<>();
            for (String[] event : events()) {
                acknowledged.add(writer.writeEvent(event[0], event[1]));
            }
            writer.flush();
            for (CompletableFuture<Void> each : acknowledged) {
                each.get();
            }
        }
    }

    private static TransactionalEventStreamWriter<String> transactions(EventStreamClientFactory clients, String stream) {
        return clients.createTransactionalEventWriter("interop", stream, TEXT,
            EventWriterConfig.builder().transactionTimeoutTime(60_000).build());
    }

    private static void transaction(String scope, String stream) throws Exception {
        try (EventStreamClientFactory clients = clients(scope);
             TransactionalEventStreamWriter<String> writer = transactions(clients, stream)) {
            Transaction<String> transaction = writer.beginTxn();
            for (String[] event : events()) {
                transaction.writeEvent(event[0], event[1]);
            }
            transaction.commit();
            while (transaction.checkStatus() != Transaction.Status.COMMITTED) {
                Thread.sleep(10);
            }
            OUT.println("TRANSACTION\t" + transaction.getTxnId());
        }
    }

    private static void join(String scope, String stream, UUID id) throws Exception {
        try (EventStreamClientFactory clients = clients(scope);
             TransactionalEventStreamWriter<String> writer = transactions(clients, stream)) {
            Transaction<String> transaction = writer.getTxn(id);
            for (String[] event : events()) {
                transaction.writeEvent(event[0], event[1]);
            }
            transaction.flush();
        }
    }

    private static StreamCut cut(StreamManager manager, String scope, String stream, String text) throws Exception {
        StreamInfo info = manager.fetchStreamInfo(scope, stream).get();
        return text.equals("head") ? info.getHeadStreamCut()
            : text.equals("tail") ? info.getTailStreamCut()
            : StreamCut.from(text);
    }

    private static void read(String scope, String stream, String from, String to, int count) throws Exception {
        String group = "interop-" + UUID.randomUUID();
        try (StreamManager manager = StreamManager.create(CLIENT);
             ReaderGroupManager groups = ReaderGroupManager.withScope(scope, CLIENT);
             EventStreamClientFactory clients = clients(scope)) {
            groups.createReaderGroup(group, ReaderGroupConfig.builder().stream(scope + "/" + stream, cut(manager, scope, stream, from), cut(manager, scope, stream, to)).build());
            try (EventStreamReader<String> reader =
                     clients.createReader("reader", group, TEXT, ReaderConfig.builder().build())) {
                for (int seen = 0; seen < count; ) {
                    seen += print(reader.readNextEvent(1000));
                }
                // what must not be there
                print(reader.readNextEvent(1000));
            }
            groups.deleteReaderGroup(group);
        }
    }

    /** The number of events printed. */
    private static int print(EventRead<String> read) {
        if (read.getEvent() == null) {
            return 0;
        }
        EventPointer pointer = read.getEventPointer();
        OUT.println(String.join("\t", "EVENT", pointer.toString(), base64(pointer.toBytes()),
            base64(read.getPosition().toBytes()), read.getEvent()));
        return 1;
    }

    private static String base64(ByteBuffer bytes) {
        byte[] copy = new byte[bytes.remaining()];
        bytes.get(copy);
        return Base64.getEncoder().encodeToString(copy);
    }

    private static ByteBuffer bytes(String base64) {
        return ByteBuffer.wrap(Base64.getDecoder().decode(base64));
    }

    private static void positions(String a, String b) {
        OUT.println("SAME\t" + Position.fromBytes(bytes(a)).equals(Position.fromBytes(bytes(b))));
    }

    private static void cuts(String scope, String stream) throws Exception {
        try (StreamManager manager = StreamManager.create(CLIENT)) {
            OUT.println("HEAD\t" + cut(manager, scope, stream, "head").asText());
            OUT.println("TAIL\t" + cut(manager, scope, stream, "tail").asText());
        }
    }

    private static void parse(StreamCut cut) {
        cut.asImpl().getPositions().forEach((segment, offset) ->
            OUT.println("SEGMENT\t" + segment.getSegmentId() + "\t" + offset));
        OUT.println("CUT\t" + cut.asText());
    }

    private static void fetch(EventPointer pointer) throws Exception {
        try (StreamManager manager = StreamManager.create(CLIENT)) {
            OUT.println("EVENT\t" + manager.fetchEvent(pointer, TEXT).get());
        }
    }
}
