"""What the Python client (PyPI `pravega` 0.3.8) writes and sees, as lines. See ../PythonClient.ts.

The controller is PRAVEGA_CONTROLLER. Events to write are lines "key TAB text" on the standard input.

write SCOPE STREAM              appends the events, waits for their acknowledgement
transaction SCOPE STREAM        the same in a transaction that it commits, and waits until it is not open
read SCOPE STREAM COUNT         that many events from the head, by a reader group (which knows no end): EVENT TAB offset TAB text
everything SCOPE                what comes of each of the client's other calls: lines of a call and its outcome
"""

import asyncio
import os
import sys
import time
import uuid

import pravega_client

# The client has no other way to tell that the events are not coming.
GIVE_UP_SECONDS = 600


def events():
    for line in sys.stdin.buffer.read().decode("utf-8").split("\n"):
        if line != "":
            yield line.split("\t", 1)


def write(manager, scope, stream):
    writer = manager.create_writer(scope, stream)
    for key, text in events():
        writer.write_event(text, key)
    writer.flush()


def transaction(manager, scope, stream):
    writer = manager.create_transaction_writer(scope, stream, uuid.uuid4().int >> 65)
    txn = writer.begin_txn()
    for key, text in events():
        txn.write_event(text, key)
    txn.commit()
    while txn.is_open():
        time.sleep(0.01)
    print("TRANSACTION", txn.get_txn_id(), sep="\t")


async def read(manager, scope, stream, count):
    group = manager.create_reader_group("interop-" + uuid.uuid4().hex, scope, stream)
    reader = group.create_reader("reader")
    left = int(count)
    while left > 0:
        segment_slice = await asyncio.wait_for(reader.get_segment_slice_async(), GIVE_UP_SECONDS)
        for event in segment_slice:
            print("EVENT", event.offset(), bytes(event.data()).decode("utf-8"), sep="\t")
            left -= 1
        reader.release_segment(segment_slice)
    reader.reader_offline()


def everything(manager, scope):
    def say(name, call):
        try:
            print(name, call())
        except Exception as failure:
            print(name, "throws", type(failure).__name__)

    policy, retention = pravega_client.StreamScalingPolicy, pravega_client.StreamRetentionPolicy
    say("scope", lambda: manager.create_scope(scope))
    say("scope again", lambda: manager.create_scope(scope))
    say("stream", lambda: manager.create_stream(scope, "s", 2))
    say("stream again", lambda: manager.create_stream(scope, "s", 2))
    by_rate = policy.auto_scaling_policy_by_data_rate(10, 2, 1)
    say("policies", lambda: manager.create_stream_with_policy(scope, "t", by_rate, retention.by_size(1000), ["a", "b"]))
    say("tags", lambda: manager.get_stream_tags(scope, "t"))
    fixed = policy.fixed_scaling_policy(3)
    say("updated", lambda: manager.update_stream_with_policy(scope, "t", fixed, retention.none(), ["c"]))
    say("tags", lambda: manager.get_stream_tags(scope, "t"))
    say("scopes", lambda: scope in manager.list_scope())
    say("streams", lambda: sorted(name for name in manager.list_stream(scope) if not name.startswith("_")))
    say("sealed", lambda: manager.seal_stream(scope, "s"))
    say("sealed again", lambda: manager.seal_stream(scope, "s"))
    say("deleted", lambda: manager.delete_stream(scope, "s"))
    say("deleted again", lambda: manager.delete_stream(scope, "s"))

    manager.create_stream(scope, "bytes", 1)
    written = manager.create_byte_stream(scope, "bytes")
    written.write(b"hello world")
    written.flush()
    say("tail", written.current_tail_offset)
    there, five = manager.create_byte_stream(scope, "bytes"), bytearray(5)
    there.seek(6, 0)
    there.readinto(five)
    there.truncate(6)
    say("bytes", lambda: bytes(five))
    say("head", there.current_head_offset)

    manager.create_stream(scope, "transactions", 2)
    writer = manager.create_transaction_writer(scope, "transactions", 7)
    txn = writer.begin_txn()
    txn.write_event("never", "key")
    say("open", lambda: writer.get_txn(txn.get_txn_id()).is_open())
    txn.abort()
    say("open", lambda: writer.get_txn(txn.get_txn_id()).is_open())
    say("scope deleted", lambda: manager.delete_scope(scope))


def main():
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    command, *arguments = sys.argv[1:]
    manager = pravega_client.StreamManager(os.environ["PRAVEGA_CONTROLLER"], False, False)
    if command == "read":
        asyncio.run(read(manager, *arguments))
    else:
        {"write": write, "transaction": transaction, "everything": everything}[command](manager, *arguments)
    sys.stdout.flush()
    # the client's threads would keep the process
    os._exit(0)


main()
