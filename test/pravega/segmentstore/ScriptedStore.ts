/** A segment store's end of connections in memory: what arrived, decoded, and what the test lets it answer. */
import { assert } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import * as BytePipe from "../../../src/pravega/segmentstore/BytePipe.ts"
import { ConnectionRefused } from "../../../src/pravega/segmentstore/ConnectionError.ts"
import { SegmentStoreTransport } from "../../../src/pravega/segmentstore/SegmentStoreTransport.ts"
import * as WireCodec from "../../../src/pravega/wire/WireCodec.ts"
import type { WireCommand } from "../../../src/pravega/wire/WireCommand.ts"

/** One connection, seen from the store. */
export class Peer {
  readonly received: Array<WireCommand> = []
  closed = false
  drained = 0
  readonly endpoint: string
  readonly pipe: BytePipe.BytePipe

  constructor(endpoint: string, pipe: BytePipe.BytePipe, answer: (command: WireCommand, peer: Peer) => void) {
    this.endpoint = endpoint
    this.pipe = pipe
    const parser = WireCodec.makeParser()
    pipe.listen({
      onData: (chunk) =>
        parser.push(chunk, (command) => {
          this.received.push(command)
          answer(command, this)
        }),
      onDrain: () => this.drained++,
      onClose: () => {
        this.closed = true
      }
    })
  }

  say(...commands: Array<WireCommand>): void {
    for (const command of commands) this.pipe.write(WireCodec.encodeParts(command))
  }

  tags(): Array<string> {
    return this.received.map((command) => command._tag)
  }
}

/** Opens pipes to itself, keeps its ends. */
export class ScriptedStore {
  readonly peers: Array<Peer> = []
  refuses = false
  answer: (command: WireCommand, peer: Peer) => void = () => {}
  readonly layer: Layer.Layer<SegmentStoreTransport>

  constructor(highWaterMark?: number) {
    this.layer = SegmentStoreTransport.layerMemory((endpoint) =>
      Effect.suspend(() => {
        const name = `${endpoint.host}:${endpoint.port}`
        if (this.refuses) return Effect.fail(new ConnectionRefused({ endpoint: name, cause: new Error("refused") }))
        const [client, server] = BytePipe.makePair({ highWaterMark })
        this.peers.push(new Peer(name, server, (command, peer) => this.answer(command, peer)))
        return Effect.succeed(client)
      })
    )
  }

  get peer(): Peer {
    return this.peers.at(-1) ?? assert.fail("nobody has connected")
  }
}
