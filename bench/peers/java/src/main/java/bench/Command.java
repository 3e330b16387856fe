package bench;

import java.util.HashMap;
import java.util.Map;

/** A line of standard input: a name, and options as key=value. */
final class Command {
    final String name;
    private final Map<String, String> options = new HashMap<>();

    Command(String line) {
        String[] words = line.trim().split(" ");
        name = words[0];
        for (int i = 1; i < words.length; i++) {
            String[] pair = words[i].split("=", 2);
            options.put(pair[0], pair[1]);
        }
    }

    int number(String key) {
        return Integer.parseInt(options.get(key));
    }

    String scope() {
        return options.get("stream").split("/")[0];
    }

    String stream() {
        return options.get("stream").split("/")[1];
    }
}
