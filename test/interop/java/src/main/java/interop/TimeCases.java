package interop;

import io.pravega.client.stream.EventStreamReader;
import io.pravega.client.stream.EventStreamWriter;
import io.pravega.client.stream.EventWriterConfig;
import io.pravega.client.stream.ScalingPolicy;
import io.pravega.client.stream.Stream;
import io.pravega.client.stream.StreamConfiguration;
import io.pravega.client.stream.TimeWindow;
import io.pravega.client.stream.Transaction;
import io.pravega.client.stream.TransactionalEventStreamWriter;

/** Event time: what writers note, and the windows that readers see. */
final class TimeCases {
    private TimeCases() {
    }

    static void add(Cases cases) {
        cases.add("time: two writers", TimeCases::writers);
        cases.add("time: transactions", TimeCases::transactions);
    }

    private static EventStreamWriter<String> writer(Place place, String id) {
        return place.keep(place.clients().createEventWriter(id, "s", Place.TEXT, EventWriterConfig.builder().build()));
    }

    /** Reads until the window is there, and says how far it lets the reader be. */
    private static TimeWindow window(EventStreamReader<String> reader, Stream stream, Long lower) {
        long end = System.currentTimeMillis() + Place.PATIENCE;
        TimeWindow window = reader.getCurrentTimeWindow(stream);
        while (System.currentTimeMillis() < end
            && (window.getLowerTimeBound() == null || window.getLowerTimeBound() < lower)) {
            reader.readNextEvent(200);
            window = reader.getCurrentTimeWindow(stream);
        }
        return window;
    }

    private static void writers(Place place) throws Exception {
        // Where writers are not waited for, the next window goes by those who have noted a time since: a case that comes late would
        // see that one.
        Stream stream = place.stream("s", StreamConfiguration.builder().scalingPolicy(ScalingPolicy.fixed(2))
            .timestampAggregationTimeout(3_600_000).build());
        EventCases.group(place, "g", "s");
        EventStreamReader<String> reader = EventCases.reader(place, "g", "r");
        EventStreamWriter<String> a = writer(place, "a");
        EventStreamWriter<String> b = writer(place, "b");
        TimeWindow before = reader.getCurrentTimeWindow(stream);
        place.say("before", before.getLowerTimeBound(), before.getUpperTimeBound());
        // of a segment that a writer has not written to it notes -1, which readers take for its end
        for (int i = 0; i < 20; i++) {
            a.writeEvent("" + i, "a:" + i).get();
            b.writeEvent("" + i, "b:" + i).get();
        }
        a.noteTime(1000);
        b.noteTime(2000);
        place.outcome("back", () -> {
            a.noteTime(500);
            return true;
        });
        place.say(Place.next(reader, 40).size());
        place.say("first", window(reader, stream, 1000L).getLowerTimeBound());
        a.writeEvent("k", "k:2").get();
        a.noteTime(5000);
        b.writeEvent("l", "l:2").get();
        b.noteTime(4000);
        place.say(Place.next(reader, 2).size());
        place.say("second", window(reader, stream, 4000L).getLowerTimeBound());
    }

    private static void transactions(Place place) throws Exception {
        Stream stream = place.stream("s", 1);
        EventCases.group(place, "g", "s");
        EventStreamReader<String> reader = EventCases.reader(place, "g", "r");
        TransactionalEventStreamWriter<String> writer = place.keep(place.clients().createTransactionalEventWriter("t", "s", Place.TEXT,
            EventWriterConfig.builder().transactionTimeoutTime(60_000).build()));
        for (long time : new long[] {100, 200}) {
            Transaction<String> transaction = writer.beginTxn();
            transaction.writeEvent("k", "k:" + time);
            transaction.commit(time);
            while (transaction.checkStatus() != Transaction.Status.COMMITTED) {
                Thread.sleep(20);
            }
        }
        place.say(Place.next(reader, 2).size());
        place.say(window(reader, stream, 200L).getLowerTimeBound());
    }
}
