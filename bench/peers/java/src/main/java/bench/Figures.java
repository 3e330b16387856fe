package bench;

import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** What a command measured, as a line of JSON. */
final class Figures {
    private final Map<String, Double> values = new TreeMap<>();

    Figures(long events, double seconds) {
        put("events", events).put("seconds", seconds);
    }

    Figures put(String name, double value) {
        values.put(name, value);
        return this;
    }

    Figures percentiles(String name, double[] millis) {
        double[] sorted = millis.clone();
        Arrays.sort(sorted);
        put(name + "P50Ms", at(sorted, 0.5));
        put(name + "P99Ms", at(sorted, 0.99));
        put(name + "P999Ms", at(sorted, 0.999));
        return put(name + "MaxMs", at(sorted, 1));
    }

    private static double at(double[] sorted, double share) {
        return sorted[Math.max(0, (int) Math.ceil(share * sorted.length) - 1)];
    }

    static double secondsSince(long nanos) {
        return (System.nanoTime() - nanos) / 1e9;
    }

    static double millisSince(long nanos) {
        return (System.nanoTime() - nanos) / 1e6;
    }

    @Override
    public String toString() {
        return values.entrySet().stream().map(e -> "\"" + e.getKey() + "\":" + e.getValue())
                .collect(Collectors.joining(",", "{", "}"));
    }
}
