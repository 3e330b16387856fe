package interop;

import io.pravega.client.admin.StreamInfo;
import io.pravega.client.control.impl.Controller;
import io.pravega.client.segment.impl.Segment;
import io.pravega.client.stream.RetentionPolicy;
import io.pravega.client.stream.ScalingPolicy;
import io.pravega.client.stream.Stream;
import io.pravega.client.stream.StreamConfiguration;
import io.pravega.client.stream.StreamCut;
import io.pravega.client.stream.impl.StreamCutImpl;
import io.pravega.client.stream.impl.StreamSegments;
import io.pravega.client.stream.impl.StreamSegmentsWithPredecessors;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/** Scopes and streams: made, configured, listed, scaled, truncated, sealed, deleted. */
final class AdminCases {
    private AdminCases() {
    }

    static void add(Cases cases) {
        cases.add("admin: scopes", AdminCases::scopes);
        cases.add("admin: streams", AdminCases::streams);
        cases.add("admin: configurations and tags", AdminCases::configurations);
        cases.add("admin: listings", AdminCases::listings);
        cases.add("admin: scaling", AdminCases::scaling);
        cases.add("admin: truncation", AdminCases::truncation);
        cases.add("admin: a scope is deleted with all that is in it", AdminCases::recursive);
    }

    private static void scopes(Place place) {
        String other = place.scope + "b";
        place.outcome("the same scope again", () -> place.streams().createScope(place.scope));
        place.outcome("another", () -> place.streams().createScope(other));
        place.outcome("it exists", () -> place.streams().checkScopeExists(other));
        place.outcome("a bad name", () -> place.streams().createScope("a/b"));
        place.outcome("listed", () -> among(place.streams().listScopes(), other));
        place.outcome("deleted", () -> place.streams().deleteScope(other));
        place.outcome("deleted again", () -> place.streams().deleteScope(other));
        place.outcome("it exists", () -> place.streams().checkScopeExists(other));
        place.stream("s", 1);
        place.outcome("a scope with a stream deleted", () -> place.streams().deleteScope(place.scope));
        place.outcome("streams of a scope that is not there", () -> names(place.streams().listStreams(other)));
    }

    private static void streams(Place place) throws Exception {
        StreamConfiguration two = StreamConfiguration.builder().scalingPolicy(ScalingPolicy.fixed(2)).build();
        place.outcome("created", () -> place.streams().createStream(place.scope, "s", two));
        place.outcome("created again", () -> place.streams().createStream(place.scope, "s", two));
        place.outcome("in no scope", () -> place.streams().createStream(place.scope + "b", "s", two));
        place.outcome("a bad name", () -> place.streams().createStream(place.scope, "_s", two));
        place.outcome("there", () -> place.streams().checkStreamExists(place.scope, "s"));
        place.outcome("not there", () -> place.streams().checkStreamExists(place.scope, "t"));
        place.outcome("deleted unsealed", () -> place.streams().deleteStream(place.scope, "s"));
        place.outcome("sealed", () -> place.streams().sealStream(place.scope, "s"));
        place.outcome("sealed again", () -> place.streams().sealStream(place.scope, "s"));
        place.outcome("info", () -> place.streams().fetchStreamInfo(place.scope, "s").get().isSealed());
        place.outcome("updated sealed", () -> place.streams().updateStream(place.scope, "s", two));
        place.outcome("deleted", () -> place.streams().deleteStream(place.scope, "s"));
        place.outcome("deleted again", () -> place.streams().deleteStream(place.scope, "s"));
        place.outcome("sealed when gone", () -> place.streams().sealStream(place.scope, "s"));
        place.outcome("info when gone", () -> place.streams().fetchStreamInfo(place.scope, "s"));
        place.outcome("updated when gone", () -> place.streams().updateStream(place.scope, "s", two));
        place.outcome("created once more", () -> place.streams().createStream(place.scope, "s", two));
        place.say("its segments", segments(place.controller().getCurrentSegments(place.scope, "s").get()));
        place.outcome("segments of nothing", () -> place.controller().getCurrentSegments(place.scope, "t"));
    }

    private static void configurations(Place place) throws Exception {
        StreamConfiguration.StreamConfigurationBuilder rich = StreamConfiguration.builder()
            .scalingPolicy(ScalingPolicy.byEventRate(1000, 2, 1))
            .retentionPolicy(RetentionPolicy.byTime(Duration.ofDays(3), Duration.ofDays(9)))
            .timestampAggregationTimeout(1234).rolloverSizeBytes(5_000_000);
        place.stream("s", rich.tag("b").tag("a").build());
        place.say(described(place, "s"));
        place.outcome("tags", () -> new TreeSet<>(place.streams().getStreamTags(place.scope, "s")));
        place.outcome("updated", () -> place.streams().updateStream(place.scope, "s", StreamConfiguration.builder()
            .scalingPolicy(ScalingPolicy.byDataRate(10, 3, 2))
            .retentionPolicy(RetentionPolicy.bySizeBytes(1000, 9000)).tag("c").build()));
        place.say(described(place, "s"));
        place.say("by an old tag", names(place.streams().listStreams(place.scope, "a")));
        place.say("by the new tag", names(place.streams().listStreams(place.scope, "c")));
        place.say("segments", place.controller().getCurrentSegments(place.scope, "s").get().getNumberOfSegments());
        place.outcome("fixed", () -> place.streams().updateStream(place.scope, "s",
            StreamConfiguration.builder().scalingPolicy(ScalingPolicy.fixed(3)).build()));
        place.say("segments", segments(place.controller().getCurrentSegments(place.scope, "s").get()));
        place.outcome("tags of nothing", () -> place.streams().getStreamTags(place.scope, "t"));
    }

    private static String described(Place place, String name) throws Exception {
        StreamInfo info = place.streams().fetchStreamInfo(place.scope, name).get();
        StreamConfiguration configuration = info.getStreamConfiguration();
        return info.getStreamName() + " " + configuration.getScalingPolicy() + " " + configuration.getRetentionPolicy() + " "
            + configuration.getTimestampAggregationTimeout() + " " + configuration.getRolloverSizeBytes() + " "
            + new TreeSet<>(configuration.getTags());
    }

    private static void listings(Place place) {
        for (int i = 0; i < 25; i++) {
            place.stream("s" + i, StreamConfiguration.builder().tag("all").tag(i % 2 == 0 ? "even" : "odd").build());
        }
        place.say("all", names(place.streams().listStreams(place.scope)));
        place.say("even", names(place.streams().listStreams(place.scope, "even")));
        place.say("tagged", names(place.streams().listStreams(place.scope, "all")).size());
        place.say("none", names(place.streams().listStreams(place.scope, "none")));
        place.streams().sealStream(place.scope, "s4");
        place.streams().deleteStream(place.scope, "s4");
        place.say("even", names(place.streams().listStreams(place.scope, "even")));
    }

    private static void scaling(Place place) throws Exception {
        Stream stream = place.stream("s", 2);
        Controller controller = place.controller();
        place.write("s", 0, 20);
        place.scale("s", 3);
        place.say("now", segments(controller.getCurrentSegments(place.scope, "s").get()));
        place.say("epoch 0", segments(controller.getEpochSegments(place.scope, "s", 0).get()));
        place.outcome("epoch 9", () -> controller.getEpochSegments(place.scope, "s", 9));
        for (int number = 0; number < 2; number++) {
            place.say("after", number, successors(controller.getSuccessors(segment(place, number, 0)).get()));
        }
        place.say("after a live one", successors(controller.getSuccessors(segment(place, 2, 1)).get()));
        place.outcome("is 0 open", () -> controller.isSegmentOpen(segment(place, 0, 0)));
        place.outcome("is 2 open", () -> controller.isSegmentOpen(segment(place, 2, 1)));
        place.outcome("status of the epoch before", () -> controller.checkScaleStatus(stream, 0));
        place.outcome("status of this epoch", () -> controller.checkScaleStatus(stream, 1));
        place.outcome("sealed ones again", () -> controller.startScale(stream, List.of(0L, 1L), Map.of(0.0, 1.0)));
        place.outcome("ranges with a gap", () ->
            controller.startScale(stream, List.of(segment(place, 2, 1).getSegmentId()), Map.of(0.0, 0.2)));
        place.say("at the head", offsets(controller.getSegmentsAtTime(stream, 0).get()));
        StreamCut head = place.streams().fetchStreamInfo(place.scope, "s").get().getHeadStreamCut();
        StreamCut tail = place.streams().fetchStreamInfo(place.scope, "s").get().getTailStreamCut();
        place.say("from the head", controller.getSuccessors(head).get().getSegments().size());
        place.say("between", controller.getSegments(head, tail).get().getSegments().size());
        place.outcome("of no stream", () -> controller.startScale(Stream.of(place.scope, "t"), List.of(0L), Map.of(0.0, 1.0)));
        place.streams().sealStream(place.scope, "s");
        place.say("sealed", segments(controller.getCurrentSegments(place.scope, "s").get()));
        place.say("after the last", successors(controller.getSuccessors(segment(place, 2, 1)).get()));
        place.outcome("a sealed stream", () -> controller.startScale(stream, List.of(segment(place, 2, 1).getSegmentId()), Map.of(0.0, 1.0)));
    }

    private static void truncation(Place place) throws Exception {
        Stream stream = place.stream("s", 1);
        place.write("s", 0, 10);
        StreamCut early = place.streams().fetchStreamInfo(place.scope, "s").get().getTailStreamCut();
        place.write("s", 10, 10);
        place.scale("s", 2);
        place.write("s", 20, 10);
        StreamCut late = place.streams().fetchStreamInfo(place.scope, "s").get().getTailStreamCut();
        place.outcome("at a cut", () -> place.streams().truncateStream(place.scope, "s", early));
        place.outcome("there again", () -> place.streams().truncateStream(place.scope, "s", early));
        place.say("head", offsets(place.controller().getSegmentsAtTime(stream, 0).get()));
        place.outcome("at the tail", () -> place.streams().truncateStream(place.scope, "s", late));
        place.say("head", offsets(place.controller().getSegmentsAtTime(stream, 0).get()).keySet());
        place.outcome("back", () -> place.streams().truncateStream(place.scope, "s", early));
        place.outcome("at segments that never were", () -> place.streams().truncateStream(place.scope, "s",
            new StreamCutImpl(stream, Map.of(segment(place, 77, 5), 0L))));
        place.outcome("of nothing", () -> place.streams().truncateStream(place.scope, "t", new StreamCutImpl(
            Stream.of(place.scope, "t"), Map.of(new Segment(place.scope, "t", 0), 0L))));
    }

    private static void recursive(Place place) throws Exception {
        place.stream("s", 2);
        place.write("s", 0, 5);
        place.groups().createReaderGroup("g", io.pravega.client.stream.ReaderGroupConfig.builder().stream(place.scope + "/s").build());
        place.tableManager().createKeyValueTable(place.scope, "t", io.pravega.client.tables.KeyValueTableConfiguration.builder()
            .partitionCount(1).primaryKeyLength(4).build());
        place.outcome("deleted", () -> place.streams().deleteScopeRecursive(place.scope));
        place.outcome("there", () -> place.streams().checkScopeExists(place.scope));
        place.outcome("deleted again", () -> place.streams().deleteScopeRecursive(place.scope));
        place.outcome("made again", () -> place.streams().createScope(place.scope));
        place.say(names(place.streams().listStreams(place.scope)));
    }

    static Segment segment(Place place, int number, int epoch) {
        return new Segment(place.scope, "s", (long) epoch << 32 | number);
    }

    private static String short_(Segment segment) {
        return segment.getSegmentId() % (1L << 32) + "." + (segment.getSegmentId() >> 32);
    }

    private static List<String> segments(StreamSegments segments) {
        TreeSet<String> names = new TreeSet<>();
        segments.getSegments().forEach(each -> names.add(short_(each)));
        return new ArrayList<>(names);
    }

    private static TreeMap<String, String> successors(StreamSegmentsWithPredecessors successors) {
        TreeMap<String, String> all = new TreeMap<>();
        successors.getSegmentToPredecessor().forEach((range, before) ->
            all.put(short_(range.getSegment()) + "(" + range.getRange().getLow() + ".." + range.getRange().getHigh() + ")", new TreeSet<>(before).toString()));
        return all;
    }

    private static TreeMap<String, Long> offsets(Map<Segment, Long> positions) {
        TreeMap<String, Long> all = new TreeMap<>();
        positions.forEach((segment, offset) -> all.put(short_(segment), offset));
        return all;
    }

    private static boolean among(Iterator<String> all, String name) {
        while (all.hasNext()) {
            if (all.next().equals(name)) {
                return true;
            }
        }
        return false;
    }

    private static TreeSet<String> names(Iterator<Stream> streams) {
        TreeSet<String> all = new TreeSet<>();
        streams.forEachRemaining(each -> all.add(each.getStreamName()));
        return all;
    }
}
