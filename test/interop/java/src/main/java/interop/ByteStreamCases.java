package interop;

import io.pravega.client.ByteStreamClientFactory;
import io.pravega.client.byteStream.ByteStreamReader;
import io.pravega.client.byteStream.ByteStreamWriter;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Byte streams: written, read, waited for, truncated, sealed. */
final class ByteStreamCases {
    private ByteStreamCases() {
    }

    static void add(Cases cases) {
        cases.add("bytes: written and read", ByteStreamCases::both);
        cases.add("bytes: truncated and sealed", ByteStreamCases::ends);
    }

    private static byte[] bytes(int length) {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = (byte) (i * 31 + i / 251);
        }
        return bytes;
    }

    /** Not readNBytes, which asks for nothing when it has all, and this reader waits for that. */
    private static byte[] read(ByteStreamReader reader, int length) throws Exception {
        byte[] bytes = new byte[length];
        for (int at = 0; at < length; ) {
            int count = reader.read(bytes, at, length - at);
            if (count < 0) {
                return Arrays.copyOf(bytes, at);
            }
            at += count;
        }
        return bytes;
    }

    private static void both(Place place) throws Exception {
        place.stream("s", 1);
        ByteStreamClientFactory clients = place.byteStreams();
        ByteStreamWriter writer = clients.createByteStreamWriter("s");
        ByteStreamReader reader = place.keep(clients.createByteStreamReader("s"));
        place.say("empty", writer.fetchTailOffset(), reader.fetchTailOffset(), reader.available());
        CompletableFuture<Integer> available = reader.onDataAvailable();
        byte[] data = bytes(3_000_000);
        writer.write(data, 0, 10);
        for (int i = 10; i < 5000; i++) {
            writer.write(data[i]);
        }
        writer.write(data, 5000, data.length - 5000);
        writer.flush();
        place.say("woken", available.get(Place.PATIENCE, TimeUnit.MILLISECONDS) > 0);
        place.say("tail", writer.fetchTailOffset(), "head", writer.fetchHeadOffset());
        byte[] read = read(reader, data.length);
        place.say("the same", Arrays.equals(data, read), reader.getOffset());
        reader.seekToOffset(1_000_000);
        place.say("from the middle", Arrays.equals(Arrays.copyOfRange(data, 1_000_000, 1_000_100), read(reader, 100)));
        place.say("skipped", reader.skip(500), reader.getOffset());
        place.outcome("async", () -> {
            writer.write(data, 0, 100);
            return writer.flushAsync();
        });
        writer.close();
        ByteStreamWriter again = place.keep(clients.createByteStreamWriter("s"));
        again.write(data, 0, 5);
        again.flush();
        place.say("tail", again.fetchTailOffset());
        place.stream("two", 2);
        place.outcome("two segments", () -> clients.createByteStreamWriter("two"));
        place.outcome("none", () -> clients.createByteStreamReader("none"));
    }

    private static void ends(Place place) throws Exception {
        place.stream("s", 1);
        ByteStreamClientFactory clients = place.byteStreams();
        ByteStreamWriter writer = clients.createByteStreamWriter("s");
        ByteStreamReader reader = place.keep(clients.createByteStreamReader("s"));
        byte[] data = bytes(20_000);
        writer.write(data, 0, 10_000);
        writer.flush();
        writer.truncateDataBefore(4000);
        place.say("head", writer.fetchHeadOffset(), reader.fetchHeadOffset());
        place.outcome("what is gone", () -> reader.read());
        ByteStreamReader late = place.keep(clients.createByteStreamReader("s"));
        place.say("a new reader", late.getOffset(), Arrays.equals(Arrays.copyOfRange(data, 4000, 4010), read(late, 10)));
        place.outcome("beyond the end", () -> {
            writer.truncateDataBefore(10_001);
            return writer.fetchHeadOffset();
        });
        writer.write(data, 10_000, 10_000);
        writer.closeAndSeal();
        place.say("the rest", read(late, 100_000).length, late.read());
        place.outcome("a writer after the seal", () -> clients.createByteStreamWriter("s") == null);
        place.say("tail", late.fetchTailOffset());
    }
}
