package bench;

import io.pravega.client.ClientConfig;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;

/**
 * The Java client's side of the benchmark: {@code bench.Main CONTROLLER}, then a command a line on standard input, answered
 * by a line of JSON each. See Peer.ts for the commands.
 */
public final class Main {
    public static void main(String[] args) throws Exception {
        ClientConfig config = ClientConfig.builder().controllerURI(URI.create(args[0])).build();
        Writing writing = new Writing(config);
        Reading reading = new Reading(config);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = in.readLine()) != null;) {
            Command command = new Command(line);
            long used = cpuNanos();
            Figures figures = run(command, writing, reading, config);
            System.out.println(figures.put("cpuSeconds", (cpuNanos() - used) / 1e9));
            System.out.flush();
        }
        System.exit(0);
    }

    private static Figures run(Command command, Writing writing, Reading reading, ClientConfig config) throws Exception {
        switch (command.name) {
            case "write":
                return writing.write(command);
            case "transactions":
                return writing.transactions(command);
            case "batch":
                return reading.batch(command);
            case "group":
                return reading.group(command);
            case "latency":
                return Latency.measure(command, config);
            default:
                throw new IllegalArgumentException(command.name);
        }
    }

    private static long cpuNanos() {
        return ((com.sun.management.OperatingSystemMXBean) java.lang.management.ManagementFactory.getOperatingSystemMXBean())
                .getProcessCpuTime();
    }
}
