package interop;

import io.pravega.client.state.InitialUpdate;
import io.pravega.client.state.Revision;
import io.pravega.client.state.Revisioned;
import io.pravega.client.state.RevisionedStreamClient;
import io.pravega.client.state.StateSynchronizer;
import io.pravega.client.state.SynchronizerConfig;
import io.pravega.client.state.Update;
import io.pravega.client.stream.impl.JavaSerializer;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map.Entry;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;

/** Revisioned streams, and state that several processes share through one. */
final class SynchronizerCases {
    private SynchronizerCases() {
    }

    static void add(Cases cases) {
        cases.add("state: revisioned stream", SynchronizerCases::revisions);
        cases.add("state: a set that four share", SynchronizerCases::shared);
    }

    private static List<String> values(Iterator<Entry<Revision, String>> entries) {
        List<String> values = new ArrayList<>();
        entries.forEachRemaining(each -> values.add(each.getValue()));
        return values;
    }

    private static void revisions(Place place) {
        place.stream("s", 1);
        RevisionedStreamClient<String> client = place.keep(place.synchronizers().createRevisionedStreamClient("s", Place.TEXT, SynchronizerConfig.builder().build()));
        Revision start = client.fetchLatestRevision();
        place.say("empty", start.compareTo(client.fetchOldestRevision()), client.getMark());
        Revision first = client.writeConditionally(start, "one");
        place.say("written", first != null, first.compareTo(start) > 0);
        place.say("written again at the start", client.writeConditionally(start, "never"));
        client.writeUnconditionally("two");
        Revision second = client.fetchLatestRevision();
        Revision third = client.writeConditionally(second, "x".repeat(900_000));
        place.say("large", third != null);
        place.say(values(client.readFrom(start)).size(), values(client.readRange(first, second)));
        place.say("marked", client.compareAndSetMark(null, second), client.compareAndSetMark(null, third), client.getMark().equals(second));
        place.say("marked again", client.compareAndSetMark(second, third), client.compareAndSetMark(third, null), client.getMark());
        place.say("a revision as text", Revision.fromString(second.toString()).equals(second));
        client.truncateToRevision(second);
        place.outcome("from the start", () -> values(client.readFrom(start)));
        place.outcome("from the second", () -> values(client.readFrom(second)).size());
        place.say("oldest", client.fetchOldestRevision().equals(second));
        place.outcome("too large", () -> client.writeConditionally(client.fetchLatestRevision(), "x".repeat(9_000_000)));
        place.say("after it", client.writeConditionally(client.fetchLatestRevision(), "still works") != null);
    }

    static final class Members implements Revisioned, Serializable {
        private static final long serialVersionUID = 1L;
        private final String stream;
        private final Revision revision;
        private final TreeSet<String> members;

        Members(String stream, Revision revision, TreeSet<String> members) {
            this.stream = stream;
            this.revision = revision;
            this.members = members;
        }

        @Override
        public String getScopedStreamName() {
            return stream;
        }

        @Override
        public Revision getRevision() {
            return revision;
        }
    }

    static final class Init implements InitialUpdate<Members>, Serializable {
        private static final long serialVersionUID = 1L;
        private final TreeSet<String> members;

        Init(TreeSet<String> members) {
            this.members = members;
        }

        @Override
        public Members create(String stream, Revision revision) {
            return new Members(stream, revision, members);
        }
    }

    static final class Join implements Update<Members>, Serializable {
        private static final long serialVersionUID = 1L;
        private final String member;

        Join(String member) {
            this.member = member;
        }

        @Override
        public Members applyTo(Members old, Revision revision) {
            TreeSet<String> members = new TreeSet<>(old.members);
            members.add(member);
            return new Members(old.stream, revision, members);
        }
    }

    private static StateSynchronizer<Members> synchronizer(Place place) {
        return place.keep(place.synchronizers().createStateSynchronizer("s", new JavaSerializer<Join>(), new JavaSerializer<Init>(), SynchronizerConfig.builder().build()));
    }

    private static void shared(Place place) throws Exception {
        place.stream("s", 1);
        List<StateSynchronizer<Members>> all = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            all.add(synchronizer(place));
        }
        all.forEach(each -> each.initialize(new Init(new TreeSet<>())));
        CountDownLatch done = new CountDownLatch(4);
        for (int i = 0; i < 4; i++) {
            int me = i;
            new Thread(() -> {
                for (int n = 0; n < 25; n++) {
                    String member = me + "." + n;
                    all.get(me).updateState((state, updates) -> { updates.add(new Join(member)); });
                    if (n % 10 == 5) {
                        all.get(me).compact(state -> new Init(state.members));
                    }
                }
                done.countDown();
            }).start();
        }
        done.await();
        for (StateSynchronizer<Members> each : all) {
            each.fetchUpdates();
            place.say(each.getState().members.size());
        }
        all.get(0).compact(state -> new Init(state.members));
        StateSynchronizer<Members> late = synchronizer(place);
        late.fetchUpdates();
        place.say("late", late.getState().members.size());
        late.updateStateUnconditionally(new Join("unconditional"));
        all.get(0).fetchUpdates();
        place.say(all.get(0).getState().members.contains("unconditional"), late.bytesWrittenSinceCompaction() > 0);
    }
}
