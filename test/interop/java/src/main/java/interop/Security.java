package interop;

import io.pravega.client.ClientConfig;
import io.pravega.client.admin.KeyValueTableManager;
import io.pravega.client.stream.EventStreamReader;
import io.pravega.client.stream.EventStreamWriter;
import io.pravega.client.stream.EventWriterConfig;
import io.pravega.client.stream.ReaderGroupConfig;
import io.pravega.client.stream.ScalingPolicy;
import io.pravega.client.stream.StreamConfiguration;
import io.pravega.client.stream.Transaction;
import io.pravega.client.stream.TransactionalEventStreamWriter;
import io.pravega.client.tables.KeyValueTableConfiguration;
import io.pravega.shared.security.auth.DefaultCredentials;
import java.io.PrintStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;

/**
 * What users with different rights can do, through encrypted connections, as lines "user TAB what was seen". The users
 * are those of ../../../../../securityCases.ts, the server has nothing in it; PRAVEGA_TRUST is the file of the
 * authority's certificate.
 */
public final class Security {
    private static final String SCOPE = "market";

    private Security() {
    }

    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        String[][] users = {
            {"admin", "1111_aaaa"}, {"owner", "owner:password"}, {"writer", "writer-password"},
            {"reader", "reader-password"}, {"nobody", "nobody-password"}, {"admin", "wrong"}, {"", ""}
        };
        for (String[] user : users) {
            if (args.length > 0 && !user[0].equals(args[0])) {
                continue;
            }
            Place place = new Place(SCOPE, config(user[0], user[1]));
            try (place) {
                all(place);
            }
            for (String line : place.said()) {
                out.println(user[0] + (user[1].equals("wrong") ? " with a wrong password" : user[0].isEmpty() ? "without a name" : "") + "\t" + line);
            }
        }
        out.flush();
        System.exit(0);
    }

    private static ClientConfig config(String user, String password) {
        ClientConfig.ClientConfigBuilder builder = ClientConfig.builder()
            .controllerURI(URI.create(System.getenv("PRAVEGA_CONTROLLER"))).trustStore(System.getenv("PRAVEGA_TRUST"));
        return (user.isEmpty() ? builder : builder.credentials(new DefaultCredentials(password, user))).build();
    }

    private static void all(Place place) {
        StreamConfiguration one = StreamConfiguration.builder().scalingPolicy(ScalingPolicy.fixed(1)).build();
        place.outcome("creates a scope", () -> place.streams().createScope(SCOPE));
        place.outcome("creates a stream", () -> place.streams().createStream(SCOPE, "trades", one));
        place.outcome("creates another", () -> place.streams().createStream(SCOPE, "totals", one));
        place.outcome("creates a table", () -> {
            try (KeyValueTableManager tables = KeyValueTableManager.create(place.config)) {
                return tables.createKeyValueTable(SCOPE, "table", KeyValueTableConfiguration.builder().partitionCount(1).primaryKeyLength(4).build());
            }
        });
        place.outcome("lists scopes", () -> names(place.streams().listScopes()));
        place.outcome("lists streams", () -> {
            List<String> names = new ArrayList<>();
            place.streams().listStreams(SCOPE).forEachRemaining(each -> names.add(each.getStreamName()));
            names.removeIf(each -> each.startsWith("_"));
            return new TreeSet<>(names);
        });
        place.outcome("sees the scope", () -> place.streams().checkScopeExists(SCOPE));
        place.outcome("sees the stream", () -> place.streams().checkStreamExists(SCOPE, "trades"));
        place.outcome("describes the stream", () -> place.streams().fetchStreamInfo(SCOPE, "trades").get().getStreamName());
        place.outcome("describes the other", () -> place.streams().fetchStreamInfo(SCOPE, "totals").get().getStreamName());
        place.outcome("updates the stream", () -> place.streams().updateStream(SCOPE, "trades", one));
        place.outcome("writes", () -> write(place, "trades"));
        place.outcome("writes to the other", () -> write(place, "totals"));
        place.outcome("writes a transaction", () -> {
            TransactionalEventStreamWriter<String> writer = place.keep(place.clients().createTransactionalEventWriter(
                "trades", Place.TEXT, EventWriterConfig.builder().transactionTimeoutTime(60_000).build()));
            Transaction<String> transaction = writer.beginTxn();
            transaction.writeEvent("k", "another");
            transaction.abort();
            return true;
        });
        place.outcome("reads", () -> read(place, "trades"));
        place.outcome("reads the other", () -> read(place, "totals"));
        place.outcome("scales", () -> {
            place.scale("trades", 1);
            return true;
        });
        place.outcome("truncates", () -> place.streams().truncateStream(SCOPE, "trades",
            place.streams().fetchStreamInfo(SCOPE, "trades").get().getHeadStreamCut()));
        place.outcome("reads a configuration of a table", () -> place.controller().getKeyValueTableConfiguration(SCOPE, "table"));
        place.outcome("deletes the stream", () -> place.streams().deleteStream(SCOPE, "trades"));
        place.outcome("deletes the scope", () -> place.streams().deleteScope(SCOPE));
    }

    /** Gives up soon: the client takes a refusal for a failure that passes. */
    private static CompletableFuture<Void> write(Place place, String stream) {
        EventStreamWriter<String> writer = place.clients().createEventWriter(stream, Place.TEXT,
            EventWriterConfig.builder().retryAttempts(2).build());
        place.keep(() -> {
            try {
                writer.close();
            } catch (RuntimeException refused) {
                // said by the write
            }
        });
        return writer.writeEvent("k", "an event");
    }

    private static boolean read(Place place, String stream) throws Exception {
        String group = "group" + System.nanoTime();
        place.groups().createReaderGroup(group, ReaderGroupConfig.builder().stream(SCOPE + "/" + stream).build());
        try (EventStreamReader<String> reader = place.clients().createReader("r", group, Place.TEXT,
            io.pravega.client.stream.ReaderConfig.builder().build())) {
            return !Place.next(reader, 1).isEmpty();
        }
    }

    private static TreeSet<String> names(java.util.Iterator<String> iterator) {
        TreeSet<String> names = new TreeSet<>();
        iterator.forEachRemaining(names::add);
        names.removeIf(each -> each.startsWith("_"));
        return names;
    }
}
