"""The Python client's side of the benchmark: `bench.py CONTROLLER`, then a command a line on standard input, answered by
a line of JSON each. See ../Peer.ts for the commands; the package `pravega` has no batch reader and tells of a
transaction only whether it is open.
"""

import asyncio
import json
import math
import os
import random
import struct
import sys
import threading
import time

import pravega_client

IN_FLIGHT = 1000
# a timer that is late by no more than this is not the client's fault
SLACK_SECONDS = 0.002
POLL_SECONDS = 0.002

manager = pravega_client.StreamManager(sys.argv[1], False, False)
transaction_writers = {}


def write(scope, stream, events, size):
    """Keys k0..k999 at random, as many events in flight as its option allows, all acknowledgements awaited."""
    writer = manager.create_writer(scope, stream, IN_FLIGHT)
    body = os.urandom(size)
    draw = random.Random(7)
    started = time.perf_counter()
    for _ in range(events):
        writer.write_event_bytes(body, f"k{draw.randrange(1000)}")
    writer.flush()
    return figures(events, started)


def transactions(scope, stream, events, size, count):
    """One after the other, until it is not open any more: that it is committed can't be asked."""
    key = (scope, stream)
    if key not in transaction_writers:
        transaction_writers[key] = manager.create_transaction_writer(scope, stream, random.getrandbits(60))
    writer = transaction_writers[key]
    body = os.urandom(size)
    draw = random.Random(8)
    wholes, commits = [], []
    started = time.perf_counter()
    for _ in range(count):
        begun = time.perf_counter()
        transaction = writer.begin_txn()
        for _ in range(events):
            transaction.write_event_bytes(body, f"k{draw.randrange(1000)}")
        filled = time.perf_counter()
        transaction.commit()
        while transaction.is_open():
            time.sleep(POLL_SECONDS)
        done = time.perf_counter()
        commits.append((done - filled) * 1e3)
        wholes.append((done - begun) * 1e3)
    out = figures(events * count, started)
    out.update(percentiles("transaction", wholes))
    out.update(percentiles("commit", commits))
    return out


def group(scope, stream, events, readers):
    """A new reader group, and readers that share its count."""
    reader_group = manager.create_reader_group(f"python{time.monotonic_ns()}", scope, stream)
    members = [reader_group.create_reader(f"r{index}") for index in range(readers)]
    seen = [0] * readers

    async def read(index):
        while sum(seen) < events:
            try:
                piece = await asyncio.wait_for(members[index].get_segment_slice_async(), 0.5)
            except asyncio.TimeoutError:
                continue
            for event in piece:
                len(event.data())
                seen[index] += 1
            members[index].release_segment(piece)
        return time.perf_counter()

    async def read_all():
        return min(await asyncio.gather(*(read(index) for index in range(readers))))

    started = time.perf_counter()
    ended = asyncio.run(read_all())
    return {"events": sum(seen), "seconds": ended - started}


def latency(scope, stream, rate, seconds, warm, size):
    """Events at a steady rate, due at fixed instants: from when one was handed over to when a reader had it."""
    skipped, events = rate * warm, rate * (warm + seconds)
    reader = manager.create_reader_group(f"python{time.monotonic_ns()}", scope, stream).create_reader("r")
    latencies = [0.0] * events
    base = time.perf_counter() + 0.5

    def send():
        writer = manager.create_writer(scope, stream, IN_FLIGHT)
        draw = random.Random(9)
        for index in range(events):
            due = base + index / rate
            wait = due - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
            handed = min(time.perf_counter(), due + SLACK_SECONDS)
            writer.write_event_bytes(struct.pack(">qd", index, handed) + bytes(size - 16), f"k{draw.randrange(1000)}")
        writer.flush()

    async def receive():
        seen = 0
        while seen < events:
            piece = await reader.get_segment_slice_async()
            for event in piece:
                index, handed = struct.unpack_from(">qd", event.data())
                latencies[index] = (time.perf_counter() - handed) * 1e3
                seen += 1
            reader.release_segment(piece)

    started = time.perf_counter()
    sender = threading.Thread(target=send)
    sender.start()
    asyncio.run(receive())
    sender.join()
    return {**figures(events, started), **percentiles("latency", latencies[skipped:])}


def figures(events, started):
    return {"events": events, "seconds": time.perf_counter() - started}


def percentiles(name, values):
    ordered = sorted(values)
    shares = {"P50": 0.5, "P99": 0.99, "P999": 0.999, "Max": 1.0}
    return {f"{name}{suffix}Ms": ordered[max(0, math.ceil(share * len(ordered)) - 1)] for suffix, share in shares.items()}


commands = {"write": write, "transactions": transactions, "group": group, "latency": latency}

for line in sys.stdin:
    name, *words = line.split()
    options = dict(word.split("=", 1) for word in words)
    scope, stream = options.pop("stream").split("/")
    used = time.process_time()
    out = commands[name](scope, stream, **{key: int(value) for key, value in options.items()})
    out["cpuSeconds"] = time.process_time() - used
    print(json.dumps(out), flush=True)
# its runtime's threads would keep the process
os._exit(0)
