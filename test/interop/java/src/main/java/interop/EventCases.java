package interop;

import io.pravega.client.batch.SegmentIterator;
import io.pravega.client.batch.SegmentRange;
import io.pravega.client.stream.EventPointer;
import io.pravega.client.stream.EventRead;
import io.pravega.client.stream.EventStreamReader;
import io.pravega.client.stream.EventStreamWriter;
import io.pravega.client.stream.EventWriterConfig;
import io.pravega.client.stream.ReaderConfig;
import io.pravega.client.stream.ReaderGroupConfig;
import io.pravega.client.stream.Stream;
import io.pravega.client.stream.StreamCut;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;

/** Events written and read: by writers of every kind, by readers, by the batch client, one by one. */
final class EventCases {
    private EventCases() {
    }

    static void add(Cases cases) {
        cases.add("events: writers and readers while the stream is scaled", EventCases::scaled);
        cases.add("events: large ones", EventCases::large);
        cases.add("events: larger than a frame", EventCases::larger);
        cases.add("events: writers of all kinds", EventCases::writers);
        cases.add("events: a sealed stream", EventCases::sealed);
        cases.add("events: a stream that goes away under its writer", EventCases::deleted);
        cases.add("events: fetched by their pointers", EventCases::pointers);
        cases.add("events: batch client", EventCases::batch);
    }

    static EventStreamReader<String> reader(Place place, String group, String name) {
        return place.keep(place.clients().createReader(name, group, Place.TEXT, ReaderConfig.builder().build()));
    }

    static void group(Place place, String group, String stream) {
        place.groups().createReaderGroup(group, ReaderGroupConfig.builder().stream(place.scope + "/" + stream)
            .automaticCheckpointIntervalMillis(500).groupRefreshTimeMillis(500).build());
    }

    private static void scaled(Place place) throws Exception {
        place.stream("s", 1);
        group(place, "g", "s");
        EventStreamReader<String> reader = reader(place, "g", "r");
        AtomicReference<Throwable> failed = new AtomicReference<>();
        CompletableFuture<Void> scaled = new CompletableFuture<>();
        Thread writing = new Thread(() -> {
            // one writer: 0.13.0 may never end the close of a writer whose segments are sealed at that time
            try (EventStreamWriter<String> writer = place.writer("s")) {
                for (int part = 0; part < 20; part++) {
                    place.write(writer, part * 100, 100);
                    Thread.sleep(50);
                }
                scaled.get();
            } catch (Throwable failure) {
                failed.set(failure);
            }
        });
        EventStreamWriter<String> long_ = place.keep(place.writer("s"));
        List<CompletableFuture<Void>> acknowledged = new ArrayList<>();
        writing.start();
        for (int segments : new int[] {4, 2, 3}) {
            for (int i = 0; i < 50; i++) {
                acknowledged.add(long_.writeEvent("long", "long:" + acknowledged.size()));
            }
            place.scale("s", segments);
        }
        scaled.complete(null);
        for (int i = 0; i < 50; i++) {
            acknowledged.add(long_.writeEvent("long", "long:" + acknowledged.size()));
        }
        for (CompletableFuture<Void> each : acknowledged) {
            each.get();
        }
        writing.join();
        place.say("failed", failed.get());
        place.say(Place.summary(Place.texts(Place.next(reader, 2200))));
        place.say("more", reader.readNextEvent(1000).getEvent());
    }

    private static String text(int length, char with) {
        return String.valueOf(with).repeat(length);
    }

    /** Sizes on both sides of what goes into one append, and of what a reader asks for at a time. */
    private static void large(Place place) throws Exception {
        place.stream("s", 1);
        int[] sizes = {0, 1, 1024 * 1024 - 8, 1024 * 1024, 1024 * 1024 + 1, 3_000_000, 8 * 1024 * 1024 - 8};
        try (EventStreamWriter<String> writer = place.writer("s")) {
            for (int i = 0; i < sizes.length; i++) {
                CompletableFuture<Void> done = writer.writeEvent("k", text(sizes[i], (char) ('a' + i)));
                place.outcome("written " + sizes[i], () -> done);
            }
            place.outcome("too large", () -> writer.writeEvent("k", text(8 * 1024 * 1024 + 1, 'x')));
        }
        group(place, "g", "s");
        for (EventRead<String> each : Place.next(reader(place, "g", "r"), sizes.length)) {
            String event = each.getEvent();
            place.say("read", event.length(), event.isEmpty() ? "" : event.charAt(0),
                event.equals(event.isEmpty() ? "" : text(event.length(), event.charAt(0))));
        }
    }

    /** Large events are written to a transient segment, which is merged. */
    private static void larger(Place place) throws Exception {
        place.stream("s", 2);
        EventWriterConfig config = EventWriterConfig.builder().enableLargeEvents(true).build();
        try (EventStreamWriter<String> writer = place.clients().createEventWriter("s", Place.TEXT, config)) {
            for (int i = 0; i < 2; i++) {
                writer.writeEvent("k", "small:" + i);
                CompletableFuture<Void> done = writer.writeEvent("k", text((i + 1) * 9_000_000, (char) ('a' + i)));
                place.outcome("written", () -> done);
            }
            writer.writeEvent("k", "last").get();
        }
        group(place, "g", "s");
        for (EventRead<String> each : Place.next(reader(place, "g", "r"), 5)) {
            String event = each.getEvent();
            place.say("read", event.length(), event.charAt(0), event.length() < 100 ? event : event.equals(text(event.length(), event.charAt(0))));
        }
        place.streams().sealStream(place.scope, "s");
        try (EventStreamWriter<String> writer = place.clients().createEventWriter("s", Place.TEXT, config)) {
            place.outcome("a large one into a sealed stream", () -> writer.writeEvent("k", text(9_000_000, 'x')));
        } catch (Exception failure) {
            place.say("no writer of a sealed stream", failure.getClass().getSimpleName());
        }
    }

    private static void writers(Place place) throws Exception {
        place.stream("s", 3);
        EventWriterConfig pooled = EventWriterConfig.builder().enableConnectionPooling(true).build();
        List<CompletableFuture<Void>> acknowledged = new ArrayList<>();
        for (int w = 0; w < 5; w++) {
            EventStreamWriter<String> writer = place.keep(
                place.clients().createEventWriter("writer" + w, "s", Place.TEXT, w % 2 == 0 ? pooled : EventWriterConfig.builder().build()));
            for (int i = 0; i < 200; i++) {
                acknowledged.add(writer.writeEvent("w" + w, "w" + w + ":" + i));
            }
            acknowledged.add(writer.writeEvents("w" + w, List.of("w" + w + ":200", "w" + w + ":201", "w" + w + ":202")));
            acknowledged.add(writer.writeEvent("without" + w + ":0"));
            writer.flush();
        }
        for (CompletableFuture<Void> each : acknowledged) {
            each.get();
        }
        group(place, "g", "s");
        place.say(Place.summary(Place.texts(Place.next(reader(place, "g", "r"), 1020))));
    }

    private static void sealed(Place place) throws Exception {
        place.stream("s", 2);
        EventStreamWriter<String> writer = place.keep(place.writer("s"));
        writer.writeEvent("k", "before:1").get();
        group(place, "g", "s");
        place.streams().sealStream(place.scope, "s");
        place.outcome("written after the seal", () -> writer.writeEvent("k", "after:1"));
        place.outcome("and again", () -> writer.writeEvent("k", "after:2"));
        place.outcome("a new writer", () -> place.writer("s") == null);
        EventStreamReader<String> reader = reader(place, "g", "r");
        place.say(Place.texts(Place.next(reader, 1)));
        boolean completed = false;
        long end = System.currentTimeMillis() + Place.PATIENCE;
        while (!completed && System.currentTimeMillis() < end) {
            completed = reader.readNextEvent(100).isReadCompleted();
        }
        place.say("completed", completed);
    }

    private static void deleted(Place place) throws Exception {
        place.stream("s", 1);
        EventStreamWriter<String> writer = place.writer("s");
        writer.writeEvent("k", "before:1").get();
        place.streams().sealStream(place.scope, "s");
        place.streams().deleteStream(place.scope, "s");
        place.outcome("written after the deletion", () -> writer.writeEvent("k", "after:1"));
        place.outcome("a writer of what is not there", () -> place.writer("s") == null);
    }

    private static void pointers(Place place) throws Exception {
        place.stream("s", 2);
        place.write("s", 0, 20);
        group(place, "g", "s");
        EventStreamReader<String> reader = reader(place, "g", "r");
        List<EventRead<String>> events = Place.next(reader, 20);
        EventPointer third = events.get(3).getEventPointer();
        place.say("by the reader", reader.fetchEvent(third).equals(events.get(3).getEvent()));
        place.say("by the manager", place.streams().fetchEvent(third, Place.TEXT).get().equals(events.get(3).getEvent()));
        EventPointer copied = EventPointer.fromBytes(third.toBytes());
        place.say("by a copy", reader.fetchEvent(copied).equals(events.get(3).getEvent()));
        StreamCut tail = place.streams().fetchStreamInfo(place.scope, "s").get().getTailStreamCut();
        place.streams().truncateStream(place.scope, "s", tail);
        place.outcome("truncated, by the reader", () -> reader.fetchEvent(third));
        place.outcome("truncated, by the manager", () -> place.streams().fetchEvent(third, Place.TEXT));
        place.scale("s", 3);
        place.streams().truncateStream(place.scope, "s", place.streams().fetchStreamInfo(place.scope, "s").get().getTailStreamCut());
        place.outcome("of a deleted segment", () -> reader.fetchEvent(third));
    }

    private static List<String> read(Place place, Stream stream, StreamCut from, StreamCut to) {
        List<String> events = new ArrayList<>();
        io.pravega.client.BatchClientFactory batches = place.batches();
        Iterator<SegmentRange> ranges = batches.getSegments(stream, from, to).getIterator();
        int count = 0;
        long bytes = 0;
        for (; ranges.hasNext(); count++) {
            SegmentRange range = ranges.next();
            bytes += range.getEndOffset() - range.getStartOffset();
            try (SegmentIterator<String> segment = batches.readSegment(range, Place.TEXT)) {
                segment.forEachRemaining(events::add);
            }
        }
        place.say("ranges", count, "bytes", bytes);
        return events;
    }

    private static void batch(Place place) throws Exception {
        Stream stream = place.stream("s", 2);
        place.write("s", 0, 50);
        StreamCut first = place.streams().fetchStreamInfo(place.scope, "s").get().getTailStreamCut();
        place.write("s", 50, 50);
        place.scale("s", 3);
        place.write("s", 100, 50);
        StreamCut second = place.streams().fetchStreamInfo(place.scope, "s").get().getTailStreamCut();
        place.write("s", 150, 50);
        place.say("all", read(place, stream, StreamCut.UNBOUNDED, StreamCut.UNBOUNDED).size());
        place.say("to the first cut", read(place, stream, StreamCut.UNBOUNDED, first).size());
        place.say("between the cuts", read(place, stream, first, second).size());
        place.say("from the second cut", read(place, stream, second, StreamCut.UNBOUNDED).size());
        SegmentRange old = place.batches().getSegments(stream, StreamCut.UNBOUNDED, first).getIterator().next();
        place.streams().truncateStream(place.scope, "s", first);
        place.say("after the truncation", read(place, stream, StreamCut.UNBOUNDED, StreamCut.UNBOUNDED).size());
        place.outcome("a truncated range", () -> place.batches().readSegment(old, Place.TEXT).next());
        place.streams().sealStream(place.scope, "s");
        place.say("sealed", read(place, stream, first, second).size());
        place.outcome("of nothing", () -> read(place, Stream.of(place.scope, "t"), StreamCut.UNBOUNDED, StreamCut.UNBOUNDED).size());
    }
}
