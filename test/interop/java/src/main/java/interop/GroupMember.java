package interop;

import io.pravega.client.ClientConfig;
import io.pravega.client.EventStreamClientFactory;
import io.pravega.client.stream.EventRead;
import io.pravega.client.stream.EventStreamReader;
import io.pravega.client.stream.ReaderConfig;
import io.pravega.client.stream.impl.UTF8StringSerializer;
import java.io.PrintStream;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Base64;

/**
 * A Java reader of a reader group: SCOPE GROUP READER. Prints what it reads, each line before it reads the next, so that
 * what it was killed after is known: the event's pointer, milliseconds since 1970, its text, the reader's position. Ends
 * when the group has read everything. The controller is PRAVEGA_CONTROLLER.
 */
public final class GroupMember {
    private static final PrintStream OUT = new PrintStream(System.out, false, StandardCharsets.UTF_8);

    public static void main(String[] args) {
        ClientConfig client =
            ClientConfig.builder().controllerURI(URI.create(System.getenv("PRAVEGA_CONTROLLER"))).build();
        try (EventStreamClientFactory clients = EventStreamClientFactory.withScope(args[0], client);
             EventStreamReader<String> reader = clients.createReader(args[2], args[1], new UTF8StringSerializer(),
                 ReaderConfig.builder().build())) {
            while (true) {
                EventRead<String> read = reader.readNextEvent(1_000);
                if (read.getEvent() != null) {
                    print(read);
                } else if (read.isReadCompleted()) {
                    break;
                }
            }
        } catch (Throwable failure) {
            failure.printStackTrace();
            System.exit(1);
        }
        System.exit(0);
    }

    private static void print(EventRead<String> read) {
        ByteBuffer bytes = read.getPosition().toBytes();
        byte[] position = new byte[bytes.remaining()];
        bytes.get(position);
        OUT.print(read.getEventPointer() + "\t" + System.currentTimeMillis() + "\t" + read.getEvent() + "\t"
            + Base64.getEncoder().encodeToString(position) + "\n");
        OUT.flush();
    }
}
