"""What the Python client (PyPI `pravega` 0.3.8) writes and sees, as lines. See ../PythonClient.ts.

The controller is PRAVEGA_CONTROLLER. Events to write are lines "key TAB text" on the standard input.

write SCOPE STREAM              appends the events, waits for their acknowledgement
transaction SCOPE STREAM        the same in a transaction that it commits, and waits until it is not open
read SCOPE STREAM COUNT         that many events from the head, by a reader group (which knows no end): EVENT TAB offset TAB text
"""

import asyncio
import os
import sys
import time
import uuid

import pravega_client

# The client has no other way to tell that the events are not coming.
GIVE_UP_SECONDS = 120


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


def main():
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    command, *arguments = sys.argv[1:]
    manager = pravega_client.StreamManager(os.environ["PRAVEGA_CONTROLLER"], False, False)
    if command == "read":
        asyncio.run(read(manager, *arguments))
    else:
        {"write": write, "transaction": transaction}[command](manager, *arguments)
    sys.stdout.flush()
    # the client's threads would keep the process
    os._exit(0)


main()
