package interop;

import io.pravega.client.admin.ReaderGroupManager;
import io.pravega.client.control.impl.Controller;
import io.pravega.client.stream.Checkpoint;
import io.pravega.client.stream.EventRead;
import io.pravega.client.stream.EventStreamReader;
import io.pravega.client.stream.Position;
import io.pravega.client.stream.ReaderGroup;
import io.pravega.client.stream.ReaderGroupConfig;
import io.pravega.client.stream.ReaderGroupConfig.StreamDataRetention;
import io.pravega.client.stream.Stream;
import io.pravega.client.stream.StreamCut;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Reader groups: several readers, checkpoints, cuts, resets, readers that die, ends, retention by consumption. */
final class ReaderGroupCases {
    private ReaderGroupCases() {
    }

    static void add(Cases cases) {
        cases.add("reader group: three readers share the segments", ReaderGroupCases::several);
        cases.add("reader group: checkpoints", ReaderGroupCases::checkpoints);
        cases.add("reader group: stream cuts while reading", ReaderGroupCases::cuts);
        cases.add("reader group: a reader dies", ReaderGroupCases::offline);
        cases.add("reader group: resets", ReaderGroupCases::resets);
        cases.add("reader group: bounded, over two streams", ReaderGroupCases::bounded);
        cases.add("reader group: made, found, deleted", ReaderGroupCases::admin);
        cases.add("reader group: truncated under the reader", ReaderGroupCases::truncated);
        cases.add("reader group: subscribers", ReaderGroupCases::subscribers);
        cases.add("reader group: controller's rpcs", ReaderGroupCases::rpcs);
        cases.add("reader group: notifications", ReaderGroupCases::notifications);
    }

    private static ReaderGroupConfig.ReaderGroupConfigBuilder config(Place place, String... streams) {
        ReaderGroupConfig.ReaderGroupConfigBuilder builder = ReaderGroupConfig.builder()
            .automaticCheckpointIntervalMillis(500).groupRefreshTimeMillis(500);
        for (String stream : streams) {
            builder.stream(place.scope + "/" + stream);
        }
        return builder;
    }

    /**
     * Of a group that is asked for checkpoints or stream cuts. Its own checkpoints would clear an older one, sometimes before
     * Java's client, which looks for its completion now and then, has read it: CheckpointFailedException.
     */
    private static ReaderGroupConfig.ReaderGroupConfigBuilder onlyWhenAsked(Place place, String... streams) {
        return config(place, streams).disableAutomaticCheckpoints();
    }

    /** Events of all readers in turn until there are so many. */
    private static List<String> together(List<EventStreamReader<String>> readers, int count) {
        List<String> texts = new ArrayList<>();
        long end = System.currentTimeMillis() + Place.PATIENCE;
        while (texts.size() < count && System.currentTimeMillis() < end) {
            for (EventStreamReader<String> reader : readers) {
                String event = reader.readNextEvent(20).getEvent();
                if (event != null) {
                    texts.add(event);
                }
            }
        }
        return texts;
    }

    private static void several(Place place) throws Exception {
        place.stream("s", 6);
        place.groups().createReaderGroup("g", config(place, "s").build());
        List<EventStreamReader<String>> readers = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            readers.add(EventCases.reader(place, "g", "r" + i));
        }
        ReaderGroup group = place.keep(place.groups().getReaderGroup("g"));
        long end = System.currentTimeMillis() + Place.PATIENCE;
        Map<String, Integer> distribution = Map.of();
        while (System.currentTimeMillis() < end) {
            readers.forEach(each -> each.readNextEvent(20));
            distribution = new TreeMap<>(group.getReaderSegmentDistribution().getReaderSegmentDistribution());
            if (distribution.values().stream().allMatch(each -> each == 2) && distribution.size() == 3) {
                break;
            }
        }
        place.say("distribution", distribution);
        place.say("unassigned", group.getReaderSegmentDistribution().getUnassignedSegments());
        place.say("online", new TreeSet<>(group.getOnlineReaders()), "streams", group.getStreamNames());
        place.write("s", 0, 300);
        place.say(Place.summary(together(readers, 300)));
        readers.get(0).close();
        place.write("s", 300, 300);
        place.say(Place.summary(together(readers.subList(1, 3), 300)));
        place.say("online", new TreeSet<>(group.getOnlineReaders()));
    }

    /** Completes a checkpoint while the readers read nothing else. */
    private static Checkpoint complete(CompletableFuture<Checkpoint> checkpoint, List<String> seen, EventStreamReader<String> reader)
        throws Exception {
        long end = System.currentTimeMillis() + Place.PATIENCE;
        while (!checkpoint.isDone() && System.currentTimeMillis() < end) {
            EventRead<String> read = reader.readNextEvent(50);
            if (read.isCheckpoint()) {
                seen.add("<" + read.getCheckpointName() + ">");
            } else if (read.getEvent() != null) {
                seen.add(read.getEvent());
            }
        }
        return checkpoint.get(10, TimeUnit.SECONDS);
    }

    private static void checkpoints(Place place) throws Exception {
        place.stream("s", 2);
        place.groups().createReaderGroup("g",
            ReaderGroupConfig.builder().stream(place.scope + "/s").disableAutomaticCheckpoints().maxOutstandingCheckpointRequest(1).build());
        ReaderGroup group = place.keep(place.groups().getReaderGroup("g"));
        EventStreamReader<String> reader = EventCases.reader(place, "g", "r");
        place.write("s", 0, 50);
        place.say(Place.summary(Place.texts(Place.next(reader, 50))));
        List<String> seen = new ArrayList<>();
        CompletableFuture<Checkpoint> first = group.initiateCheckpoint("first", place.executor());
        place.outcome("a second one meanwhile", () -> group.initiateCheckpoint("second", place.executor()));
        Checkpoint checkpoint = complete(first, seen, reader);
        place.say(checkpoint.getName(), seen);
        place.write("s", 50, 50);
        place.say(Place.summary(Place.texts(Place.next(reader, 50))));
        Checkpoint copy = Checkpoint.fromBytes(checkpoint.toBytes());
        place.say("copied", copy.getName(), copy.equals(checkpoint));
        place.groups().createReaderGroup("h", ReaderGroupConfig.builder().startFromCheckpoint(copy).build());
        place.say("from it", Place.summary(Place.texts(Place.next(EventCases.reader(place, "h", "r"), 50))));
        CompletableFuture<Checkpoint> never = group.initiateCheckpoint("never", place.executor());
        group.cancelOutstandingCheckpoints();
        place.outcome("cancelled", () -> never.get(Place.PATIENCE, TimeUnit.MILLISECONDS));
    }

    private static void cuts(Place place) throws Exception {
        Stream stream = place.stream("s", 2);
        place.groups().createReaderGroup("g", onlyWhenAsked(place, "s").build());
        ReaderGroup group = place.keep(place.groups().getReaderGroup("g"));
        EventStreamReader<String> reader = EventCases.reader(place, "g", "r");
        place.write("s", 0, 40);
        place.say(Place.summary(Place.texts(Place.next(reader, 40))));
        CompletableFuture<Map<Stream, StreamCut>> generated = group.generateStreamCuts(place.executor());
        while (!generated.isDone()) {
            reader.readNextEvent(50);
        }
        StreamCut cut = generated.get().get(stream);
        StreamCut tail = place.streams().fetchStreamInfo(place.scope, "s").get().getTailStreamCut();
        place.say("generated", cut.asImpl().getPositions().equals(tail.asImpl().getPositions()));
        place.write("s", 40, 40);
        place.groups().createReaderGroup("h", ReaderGroupConfig.builder().stream(stream, StreamCut.from(cut.asText())).build());
        place.say(Place.summary(Place.texts(Place.next(EventCases.reader(place, "h", "r"), 40))));
        place.say("unread", group.getMetrics().unreadBytes() > 0);
        place.say(Place.summary(Place.texts(Place.next(reader, 40))));
        place.say("cuts", group.getStreamCuts().keySet());
    }

    private static void offline(Place place) throws Exception {
        place.stream("s", 4);
        place.groups().createReaderGroup("g", config(place, "s").build());
        ReaderGroup group = place.keep(place.groups().getReaderGroup("g"));
        EventStreamReader<String> dying = EventCases.reader(place, "g", "dying");
        place.write("s", 0, 60);
        List<EventRead<String>> events = Place.next(dying, 60);
        Position half = events.get(29).getPosition();
        group.readerOffline("dying", half);
        place.say("online", group.getOnlineReaders());
        place.outcome("it reads on", () -> {
            while (true) {
                dying.readNextEvent(100);
            }
        });
        EventStreamReader<String> next = EventCases.reader(place, "g", "next");
        List<String> again = Place.texts(Place.next(next, 30));
        place.say("again", Place.summary(again), again.containsAll(Place.texts(events.subList(30, 60))));
        group.readerOffline("next", null);
        EventStreamReader<String> last = EventCases.reader(place, "g", "last");
        List<EventRead<String>> rest = Place.next(last, 1);
        place.say("after a death without position, events come again", !rest.isEmpty());
        last.closeAt(rest.get(0).getPosition());
        place.outcome("a closed reader", () -> last.readNextEvent(10));
        place.outcome("a name twice", () -> EventCases.reader(place, "g", "twice") == EventCases.reader(place, "g", "twice"));
    }

    private static void resets(Place place) throws Exception {
        Stream stream = place.stream("s", 2);
        place.groups().createReaderGroup("g", onlyWhenAsked(place, "s").build());
        ReaderGroup group = place.keep(place.groups().getReaderGroup("g"));
        EventStreamReader<String> reader = EventCases.reader(place, "g", "r");
        place.write("s", 0, 30);
        StreamCut cut = place.streams().fetchStreamInfo(place.scope, "s").get().getTailStreamCut();
        place.write("s", 30, 30);
        place.say(Place.summary(Place.texts(Place.next(reader, 60))));
        Checkpoint checkpoint = complete(group.initiateCheckpoint("here", place.executor()), new ArrayList<>(), reader);
        group.resetReaderGroup(config(place).stream(stream, cut).build());
        place.outcome("a reader of before", () -> {
            while (true) {
                reader.readNextEvent(100);
            }
        });
        place.outcome("closed", () -> {
            reader.close();
            return true;
        });
        EventStreamReader<String> second = EventCases.reader(place, "g", "r2");
        place.say("from the cut", Place.summary(Place.texts(Place.next(second, 30))));
        second.close();
        place.stream("other", 1);
        place.write("other", 0, 10);
        group.resetReaderGroup(config(place, "other").build());
        place.say("other", Place.summary(Place.texts(Place.next(EventCases.reader(place, "g", "r3"), 10))), group.getStreamNames());
        group.resetReaderGroup(ReaderGroupConfig.builder().startFromCheckpoint(checkpoint).build());
        place.write("s", 60, 5);
        EventStreamReader<String> fourth = EventCases.reader(place, "g", "r4");
        place.say("from the checkpoint", Place.texts(Place.next(fourth, 5)).size());
        place.say("generation", place.controller().getReaderGroupConfig(place.scope, "g").get().getGeneration());
    }

    private static void bounded(Place place) throws Exception {
        Stream s = place.stream("s", 2);
        Stream t = place.stream("t", 1);
        place.write("s", 0, 40);
        place.write("t", 1000, 20);
        StreamCut endOfS = place.streams().fetchStreamInfo(place.scope, "s").get().getTailStreamCut();
        StreamCut endOfT = place.streams().fetchStreamInfo(place.scope, "t").get().getTailStreamCut();
        place.write("s", 40, 40);
        place.write("t", 1020, 20);
        place.groups().createReaderGroup("g", config(place)
            .stream(s, StreamCut.UNBOUNDED, endOfS).stream(t, StreamCut.UNBOUNDED, endOfT).build());
        EventStreamReader<String> reader = EventCases.reader(place, "g", "r");
        List<String> texts = Place.texts(Place.next(reader, 60));
        place.say(texts.size(), texts.stream().distinct().count());
        // whether it says that it is done depends on when its segments ended
        place.say("more", reader.readNextEvent(1000).getEvent());
        place.outcome("ends before it starts", () -> config(place).stream(s, endOfS, StreamCut.UNBOUNDED).stream(s, endOfS,
            place.streams().fetchStreamInfo(place.scope, "s").get().getHeadStreamCut()).build().toString().isEmpty());
    }

    private static void admin(Place place) throws Exception {
        place.stream("s", 1);
        ReaderGroupManager groups = place.groups();
        ReaderGroupConfig first = config(place, "s").build();
        place.outcome("made", () -> groups.createReaderGroup("g", first));
        place.outcome("made again", () -> groups.createReaderGroup("g", first));
        place.outcome("made again with another configuration", () -> groups.createReaderGroup("g",
            config(place, "s").maxOutstandingCheckpointRequest(7).build()));
        place.outcome("a bad name", () -> groups.createReaderGroup("_g", first));
        place.outcome("found", () -> groups.getReaderGroup("g").getGroupName());
        place.outcome("not found", () -> groups.getReaderGroup("nobody").getGroupName());
        place.outcome("a reader of nobody", () -> EventCases.reader(place, "nobody", "r") == null);
        ReaderGroupConfig kept = place.controller().getReaderGroupConfig(place.scope, "g").get();
        place.say(kept.getGeneration(), kept.getReaderGroupId().equals(new UUID(0, 0)), kept.getRetentionType(),
            kept.getAutomaticCheckpointIntervalMillis(), kept.getGroupRefreshTimeMillis(), kept.getMaxOutstandingCheckpointRequest());
        place.outcome("deleted", () -> {
            groups.deleteReaderGroup("g");
            return true;
        });
        place.outcome("deleted again", () -> {
            groups.deleteReaderGroup("g");
            return true;
        });
        place.outcome("found after it", () -> groups.getReaderGroup("g").getGroupName());
        place.outcome("made anew", () -> groups.createReaderGroup("g", first));
    }

    private static void truncated(Place place) throws Exception {
        place.stream("s", 1);
        place.write("s", 0, 30);
        StreamCut cut = place.streams().fetchStreamInfo(place.scope, "s").get().getTailStreamCut();
        place.write("s", 30, 10);
        place.groups().createReaderGroup("g", config(place, "s").build());
        place.streams().truncateStream(place.scope, "s", cut);
        EventStreamReader<String> reader = EventCases.reader(place, "g", "r");
        List<String> texts = new ArrayList<>();
        int thrown = 0;
        long end = System.currentTimeMillis() + Place.PATIENCE;
        while (texts.size() < 10 && System.currentTimeMillis() < end) {
            try {
                String event = reader.readNextEvent(100).getEvent();
                if (event != null) {
                    texts.add(event);
                }
            } catch (io.pravega.client.stream.TruncatedDataException truncated) {
                thrown++;
            }
        }
        // again when the store does not tell in time where the segment begins now
        place.say("thrown", thrown > 0, Place.summary(texts));
        place.groups().createReaderGroup("h", config(place, "s").build());
        place.say("a new group", Place.summary(Place.texts(Place.next(EventCases.reader(place, "h", "r"), 10))));
    }

    private static void subscribers(Place place) throws Exception {
        Stream stream = place.stream("s", 1);
        Controller controller = place.controller();
        place.write("s", 0, 10);
        StreamCut cut = place.streams().fetchStreamInfo(place.scope, "s").get().getTailStreamCut();
        place.groups().createReaderGroup("none", config(place, "s").build());
        place.groups().createReaderGroup("manual", config(place, "s").retentionType(StreamDataRetention.MANUAL_RELEASE_AT_USER_STREAMCUT).build());
        place.groups().createReaderGroup("automatic", onlyWhenAsked(place, "s").retentionType(StreamDataRetention.AUTOMATIC_RELEASE_AT_LAST_CHECKPOINT).build());
        place.say(new TreeSet<>(controller.listSubscribers(place.scope, "s").get()));
        ReaderGroup manual = place.keep(place.groups().getReaderGroup("manual"));
        place.outcome("a cut", () -> {
            manual.updateRetentionStreamCut(Map.of(stream, cut));
            return true;
        });
        place.outcome("another group's", () -> {
            place.keep(place.groups().getReaderGroup("none")).updateRetentionStreamCut(Map.of(stream, cut));
            return true;
        });
        UUID id = controller.getReaderGroupConfig(place.scope, "manual").get().getReaderGroupId();
        StreamCut head = place.streams().fetchStreamInfo(place.scope, "s").get().getHeadStreamCut();
        place.outcome("back", () -> controller.updateSubscriberStreamCut(place.scope, "s", place.scope + "/manual", id, 0, head));
        place.outcome("of another generation", () -> controller.updateSubscriberStreamCut(place.scope, "s", place.scope + "/manual", id, 5, cut));
        place.outcome("of nobody", () -> controller.updateSubscriberStreamCut(place.scope, "s", place.scope + "/x", id, 0, cut));
        EventStreamReader<String> reader = EventCases.reader(place, "automatic", "r");
        place.say(Place.next(reader, 10).size());
        complete(place.keep(place.groups().getReaderGroup("automatic")).initiateCheckpoint("c", place.executor()), new ArrayList<>(), reader);
        manual.resetReaderGroup(config(place, "s").retentionType(StreamDataRetention.NONE).build());
        place.say(new TreeSet<>(controller.listSubscribers(place.scope, "s").get()));
        reader.close();
        place.groups().deleteReaderGroup("automatic");
        place.say(new TreeSet<>(controller.listSubscribers(place.scope, "s").get()));
        place.outcome("of no stream", () -> controller.listSubscribers(place.scope, "t"));
    }

    private static void rpcs(Place place) throws Exception {
        place.stream("s", 1);
        place.stream("t", 1);
        Controller controller = place.controller();
        ReaderGroupConfig made = controller.createReaderGroup(place.scope, "g", config(place, "s").build()).get();
        place.say("made", made.getGeneration(), made.getStartingStreamCuts().keySet());
        ReaderGroupConfig wider = ReaderGroupConfig.cloneConfig(config(place, "s", "t").build(), made.getReaderGroupId(), 0);
        place.outcome("updated", () -> controller.updateReaderGroup(place.scope, "g", wider));
        place.outcome("updated again", () -> controller.updateReaderGroup(place.scope, "g", wider));
        place.outcome("with another id", () -> controller.updateReaderGroup(place.scope, "g",
            ReaderGroupConfig.cloneConfig(wider, UUID.randomUUID(), 1)));
        place.outcome("of nobody", () -> controller.updateReaderGroup(place.scope, "x", wider));
        ReaderGroupConfig now = controller.getReaderGroupConfig(place.scope, "g").get();
        Map<String, Boolean> streams = new TreeMap<>();
        now.getStartingStreamCuts().forEach((stream, cut) -> streams.put(stream.getStreamName(), cut.equals(StreamCut.UNBOUNDED)));
        place.say("now", now.getGeneration(), streams);
        place.outcome("nobody's", () -> controller.getReaderGroupConfig(place.scope, "x"));
        place.outcome("deleted with another id", () -> controller.deleteReaderGroup(place.scope, "g", UUID.randomUUID()));
        place.outcome("deleted", () -> controller.deleteReaderGroup(place.scope, "g", made.getReaderGroupId()));
        place.outcome("deleted again", () -> controller.deleteReaderGroup(place.scope, "g", made.getReaderGroupId()));
        place.outcome("in no scope", () -> controller.createReaderGroup(place.scope + "x", "g", config(place, "s").build()));
    }

    private static void notifications(Place place) throws Exception {
        place.stream("s", 1);
        place.groups().createReaderGroup("g", config(place, "s").build());
        ReaderGroup group = place.keep(place.groups().getReaderGroup("g"));
        CompletableFuture<String> segments = new CompletableFuture<>();
        CompletableFuture<Boolean> end = new CompletableFuture<>();
        group.getSegmentNotifier(place.executor()).registerListener(each -> {
            if (each.getNumOfSegments() > 1) {
                segments.complete(each.getNumOfSegments() + " segments, " + each.getNumOfReaders() + " readers");
            }
        });
        group.getEndOfDataNotifier(place.executor()).registerListener(each -> end.complete(true));
        EventStreamReader<String> reader = EventCases.reader(place, "g", "r");
        place.write("s", 0, 10);
        place.scale("s", 3);
        HashMap<String, Integer> seen = new HashMap<>();
        long until = System.currentTimeMillis() + Place.PATIENCE;
        for (boolean sealed = false; !end.isDone() && System.currentTimeMillis() < until; ) {
            if (segments.isDone() && !sealed) {
                sealed = place.streams().sealStream(place.scope, "s");
            }
            String event = reader.readNextEvent(50).getEvent();
            if (event != null) {
                seen.merge(event, 1, Integer::sum);
            }
        }
        place.say("seen", seen.size(), segments.getNow("none"), end.getNow(false));
    }
}
