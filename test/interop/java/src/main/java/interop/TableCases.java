package interop;

import io.pravega.client.KeyValueTableFactory;
import io.pravega.client.admin.KeyValueTableManager;
import io.pravega.client.tables.Insert;
import io.pravega.client.tables.IteratorItem;
import io.pravega.client.tables.KeyValueTable;
import io.pravega.client.tables.KeyValueTableClientConfiguration;
import io.pravega.client.tables.KeyValueTableConfiguration;
import io.pravega.client.tables.KeyValueTableIterator;
import io.pravega.client.tables.Put;
import io.pravega.client.tables.Remove;
import io.pravega.client.tables.TableEntry;
import io.pravega.client.tables.TableKey;
import io.pravega.client.tables.TableModification;
import io.pravega.client.tables.Version;
import io.pravega.common.util.AsyncIterator;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/** Key-value tables: every operation, alone and conditional; iterators; large values and many keys. */
final class TableCases {
    private static final KeyValueTableClientConfiguration CLIENT = KeyValueTableClientConfiguration.builder().retryAttempts(2).build();

    private TableCases() {
    }

    static void add(Cases cases) {
        cases.add("table: made, listed, deleted", TableCases::admin);
        cases.add("table: entries", TableCases::entries);
        cases.add("table: several at a time", TableCases::several);
        cases.add("table: iterators", TableCases::iterators);
        cases.add("table: many entries and large ones", TableCases::large);
    }

    private static KeyValueTableConfiguration config(int partitions, int primary, int secondary) {
        return KeyValueTableConfiguration.builder().partitionCount(partitions).primaryKeyLength(primary).secondaryKeyLength(secondary).build();
    }

    private static KeyValueTable table(Place place, KeyValueTableFactory tables, String name) {
        return place.keep(tables.forKeyValueTable(name, CLIENT));
    }

    private static ByteBuffer bytes(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    private static String text(ByteBuffer bytes) {
        return bytes == null ? "" : StandardCharsets.ISO_8859_1.decode(bytes.duplicate()).toString();
    }

    private static String text(TableEntry entry) {
        return entry == null ? "none" : text(entry.getKey()) + "=" + text(entry.getValue());
    }

    private static String text(TableKey key) {
        return text(key.getPrimaryKey()) + "/" + text(key.getSecondaryKey());
    }

    private static TableKey key(String primary, String secondary) {
        return new TableKey(bytes(primary), bytes(secondary));
    }

    private static void admin(Place place) {
        KeyValueTableManager manager = place.tableManager();
        place.outcome("made", () -> manager.createKeyValueTable(place.scope, "t", config(2, 4, 2)));
        place.outcome("made again", () -> manager.createKeyValueTable(place.scope, "t", config(2, 4, 2)));
        place.outcome("made again, another", () -> manager.createKeyValueTable(place.scope, "t", config(3, 8, 0)));
        place.outcome("in no scope", () -> manager.createKeyValueTable(place.scope + "x", "t", config(2, 4, 2)));
        place.outcome("a bad name", () -> manager.createKeyValueTable(place.scope, "_t", config(2, 4, 2)));
        place.outcome("configuration", () -> place.controller().getKeyValueTableConfiguration(place.scope, "t"));
        place.outcome("configuration of nothing", () -> place.controller().getKeyValueTableConfiguration(place.scope, "x"));
        place.outcome("segments", () -> place.controller().getCurrentSegmentsForKeyValueTable(place.scope, "t").get().getSegments().size());
        for (int i = 0; i < 15; i++) {
            manager.createKeyValueTable(place.scope, "more" + i, config(1, 4, 0));
        }
        TreeSet<String> names = new TreeSet<>();
        manager.listKeyValueTables(place.scope).forEachRemaining(each -> names.add(each.getKeyValueTableName()));
        place.say(names);
        place.outcome("deleted", () -> manager.deleteKeyValueTable(place.scope, "t"));
        place.outcome("deleted again", () -> manager.deleteKeyValueTable(place.scope, "t"));
        place.outcome("opened when gone", () -> table(place, place.tables(), "t") == null);
        place.outcome("of no scope", () -> manager.listKeyValueTables(place.scope + "x").hasNext());
    }

    private static void entries(Place place) throws Exception {
        place.tableManager().createKeyValueTable(place.scope, "t", config(2, 4, 2));
        KeyValueTable table = table(place, place.tables(), "t");
        TableKey key = key("pkey", "sk");
        place.outcome("nothing", () -> text(table.get(key).get()));
        place.outcome("exists", () -> table.exists(key));
        Version first = table.update(new Insert(key, bytes("one"))).get();
        place.outcome("inserted again", () -> table.update(new Insert(key, bytes("two"))));
        place.outcome("got", () -> text(table.get(key).get()));
        place.outcome("exists", () -> table.exists(key));
        place.say("its version", table.get(key).get().getVersion().equals(first));
        Version second = table.update(new Put(key, bytes("three"))).get();
        place.say("another version", !second.equals(first));
        place.outcome("put at an old version", () -> table.update(new Put(key, bytes("four"), first)));
        place.outcome("put at its version", () -> table.update(new Put(key, bytes("five"), second)).get() != null);
        place.outcome("put at a version of what is not there", () -> table.update(new Put(key("none", "sk"), bytes("x"), second)));
        place.outcome("removed at an old version", () -> table.update(new Remove(key, second)));
        Version last = table.get(key).get().getVersion();
        place.outcome("a version as text", () -> Version.fromString(last.toString()).equals(last));
        place.outcome("removed at its version", () -> table.update(new Remove(key, last)));
        place.outcome("removed when gone", () -> table.update(new Remove(key)));
        place.outcome("removed at a version when gone", () -> table.update(new Remove(key, last)));
        place.outcome("got", () -> text(table.get(key).get()));
        place.outcome("an empty value", () -> table.update(new Put(key, bytes(""))).get() != null);
        place.outcome("got", () -> text(table.get(key).get()));
        place.outcome("a key of the wrong length", () -> table.update(new Put(key("pk", "sk"), bytes("x"))));
        place.outcome("a key without its second part", () -> table.update(new Put(new TableKey(bytes("pkey")), bytes("x"))));
    }

    private static void several(Place place) throws Exception {
        place.tableManager().createKeyValueTable(place.scope, "t", config(3, 4, 4));
        KeyValueTable table = table(place, place.tables(), "t");
        List<TableModification> puts = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            puts.add(new Insert(key("pkey", String.format("%04d", i)), bytes("v" + i)));
        }
        place.outcome("inserted", () -> table.update(puts).get().stream().distinct().count());
        List<TableModification> mixed = List.of(new Put(key("pkey", "0003"), bytes("new")), new Insert(key("pkey", "0004"), bytes("new")));
        place.outcome("one of them refused", () -> table.update(mixed));
        place.outcome("nothing was changed", () -> text(table.get(key("pkey", "0003")).get()));
        place.outcome("other primary keys", () -> table.update(List.of(
            new Put(key("pkey", "0003"), bytes("new")), new Put(key("keyp", "0003"), bytes("new")))));
        place.outcome("removed", () -> table.update(List.of(new Remove(key("pkey", "0001")), new Remove(key("pkey", "0002")))));
        List<TableKey> keys = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            keys.add(key("pkey", String.format("%04d", i)));
        }
        List<String> texts = new ArrayList<>();
        table.getAll(keys).get().forEach(each -> texts.add(text(each)));
        place.say(texts);
        place.outcome("none at all", () -> table.update(List.of()));
    }

    private static <T> List<String> all(AsyncIterator<IteratorItem<T>> iterator, java.util.function.Function<T, String> text) throws Exception {
        List<String> all = new ArrayList<>();
        for (IteratorItem<T> page = iterator.getNext().get(); page != null; page = iterator.getNext().get()) {
            page.getItems().forEach(each -> all.add(text.apply(each)));
        }
        return all;
    }

    private static void iterators(Place place) throws Exception {
        place.tableManager().createKeyValueTable(place.scope, "t", config(3, 2, 2));
        KeyValueTable table = table(place, place.tables(), "t");
        for (String primary : new String[] {"aa", "ab", "bb", "\u00ff\u00ff"}) {
            for (String secondary : new String[] {"00", "01", "10", "\u00ff\u00ff"}) {
                table.update(new Put(key(primary, secondary), bytes(primary + secondary))).get();
            }
        }
        KeyValueTableIterator.Builder small = table.iterator().maxIterationSize(3);
        place.say("all", all(small.all().entries(), TableCases::text));
        place.say("keys", all(table.iterator().maxIterationSize(100).all().keys(), TableCases::text).size());
        place.say("one primary", all(small.forPrimaryKey(bytes("ab")).keys(), TableCases::text));
        place.say("a range of it", all(small.forPrimaryKey(bytes("ab"), bytes("01"), bytes("10")).keys(), TableCases::text));
        place.say("a prefix of it", all(small.forPrimaryKey(bytes("ab"), bytes("0")).keys(), TableCases::text));
        place.say("a range", all(small.forRange(bytes("ab"), bytes("bb")).keys(), TableCases::text));
        place.say("a prefix", all(small.forPrefix(bytes("a")).keys(), TableCases::text));
        place.say("nothing", all(small.forPrimaryKey(bytes("zz")).entries(), TableCases::text));
        AsyncIterator<IteratorItem<TableKey>> changing = small.all().keys();
        List<String> seen = new ArrayList<>();
        changing.getNext().get().getItems().forEach(each -> seen.add(text(each)));
        table.update(List.of(new Remove(key("bb", "00")), new Remove(key("bb", "01")))).get();
        seen.addAll(all(changing, TableCases::text));
        place.say("some removed meanwhile", seen.contains("aa/00"), seen.contains("bb/10"), new TreeSet<>(seen).size() == seen.size());
    }

    private static void large(Place place) throws Exception {
        place.tableManager().createKeyValueTable(place.scope, "t", config(1, 8, 8));
        KeyValueTable table = table(place, place.tables(), "t");
        List<TableModification> puts = new ArrayList<>();
        for (int i = 0; i < 1000; i++) {
            if (puts.size() == 200) {
                table.update(puts).get();
                puts.clear();
            }
            puts.add(new Put(key("primary.", String.format("%08d", i)), bytes("v".repeat(i % 50))));
        }
        table.update(puts).get();
        List<TableKey> keys = new ArrayList<>();
        for (int i = 0; i < 150; i++) {
            keys.add(key("primary.", String.format("%08d", i * 7)));
        }
        place.outcome("got", () -> table.getAll(keys).get().stream().filter(each -> each != null).count());
        place.outcome("all", () -> all(table.iterator().maxIterationSize(10_000).all().entries(), TableCases::text).size());
        place.outcome("the largest value", () -> table.update(new Put(key("primary.", "large..."), bytes("x".repeat(1024 * 1024 - 8192)))).get() != null);
        place.outcome("got", () -> table.get(key("primary.", "large...")).get().getValue().remaining());
        place.outcome("too large", () -> table.update(new Put(key("primary.", "toolarge"), bytes("x".repeat(1024 * 1024 - 8191)))));
        List<TableModification> many = new ArrayList<>();
        for (int i = 0; i < 251; i++) {
            many.add(new Put(key("primary.", String.format("%08d", i)), bytes("y")));
        }
        place.outcome("more of them", () -> table.update(many).get().size());
        KeyValueTableIterator wide = table.iterator().maxIterationSize(10_000).all();
        List<TableModification> big = new ArrayList<>();
        for (int i = 0; i < 9; i++) {
            big.clear();
            big.add(new Put(key("pages...", String.format("%08d", i)), bytes("z".repeat(1_000_000))));
            table.update(big).get();
        }
        place.outcome("10 MB of values", () -> all(table.iterator().maxIterationSize(5).all().entries(), each -> "" + each.getValue().remaining())
            .stream().mapToLong(Long::parseLong).sum());
        place.outcome("many keys", () -> all(wide.keys(), TableCases::text).size());
    }
}
