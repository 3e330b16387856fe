package interop;

import io.pravega.client.ClientConfig;
import io.pravega.client.admin.StreamManager;
import java.io.PrintStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Programs of the Java client, as its users write them, each in a scope of its own: what they see is printed as lines
 * "case TAB what was seen", and must be the same on every server. All of them in one process, several at a time, since
 * some wait for the server's clock. The controller is PRAVEGA_CONTROLLER; an argument names the only case to run.
 */
public final class Cases {
    interface Case {
        void run(Place place) throws Exception;
    }

    private final Map<String, Case> cases = new LinkedHashMap<>();

    void add(String name, Case program) {
        cases.put(name, program);
    }

    public static void main(String[] args) throws Exception {
        for (String notified : new String[] {"segment", "endOfData"}) {
            System.setProperty("pravega.client." + notified + "Notification.poll.interval.seconds", "1");
        }
        Cases all = new Cases();
        // the longest first
        TimeCases.add(all);
        TransactionCases.add(all);
        ReaderGroupCases.add(all);
        EventCases.add(all);
        AdminCases.add(all);
        TableCases.add(all);
        ByteStreamCases.add(all);
        SynchronizerCases.add(all);
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        all.run(args.length == 0 ? "" : args[0], out);
        out.flush();
        System.exit(0);
    }

    private void run(String only, PrintStream out) throws Exception {
        ClientConfig config =
            ClientConfig.builder().controllerURI(URI.create(System.getenv("PRAVEGA_CONTROLLER"))).build();
        ExecutorService threads = Executors.newFixedThreadPool(6);
        Map<String, Future<Place>> running = new LinkedHashMap<>();
        for (Map.Entry<String, Case> each : cases.entrySet()) {
            if (each.getKey().startsWith(only)) {
                running.put(each.getKey(), threads.submit(() -> run(each.getKey(), each.getValue(), config)));
            }
        }
        // only ends what hangs
        long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(10);
        for (Map.Entry<String, Future<Place>> each : running.entrySet()) {
            try {
                for (String line : each.getValue().get(end - System.nanoTime(), TimeUnit.NANOSECONDS).said()) {
                    out.println(each.getKey() + "\t" + line);
                }
            } catch (TimeoutException late) {
                out.println(each.getKey() + "\tdid not end");
            }
        }
    }

    private static Place run(String name, Case program, ClientConfig config) {
        Place place = new Place("scope" + UUID.randomUUID().toString().replace("-", ""), config);
        long start = System.nanoTime();
        try (place; StreamManager streams = StreamManager.create(config)) {
            streams.createScope(place.scope);
            program.run(place);
        } catch (Throwable failure) {
            place.say("FAILED", Place.cause(failure).getClass().getSimpleName());
            failure.printStackTrace();
        }
        System.err.println(name + ": " + (System.nanoTime() - start) / 1_000_000 + " ms");
        return place;
    }
}
