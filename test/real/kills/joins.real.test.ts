/**
 * A windowed join of two streams, with state in a directory, on a real Pravega, whose process is killed (kill -9) again and
 * again at random moments: at the end the sink has what the flow's model says, once.
 *
 * JOIN_KILLS_SEED=N draws the same moments again (the rest is the machine's); JOIN_KILLS=N kills so often.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { fileURLToPath } from "node:url"
import { Flow } from "../../../src/flow/index.ts"
import * as Admin from "../../../src/pravega/admin/Admin.ts"
import { Pravega } from "../../../src/pravega/Pravega.ts"
import * as BatchReader from "../../../src/pravega/read/BatchReader.ts"
import * as EventWriter from "../../../src/pravega/write/EventWriter.ts"
import * as Seeded from "../../../src/testing/seeded/Seeded.ts"
import { randomScope } from "../../names.ts"
import * as Program from "../../Program.ts"
import { temporaryFolder } from "../../temporary.ts"
import { controller } from "../pravega.ts"
import { disorder, eventsPerBatch, type Joined, joined, joinStreamsOf, type Order, type Payment } from "./joins.ts"

const seed = Number(process.env["JOIN_KILLS_SEED"] ?? Math.floor(Math.random() * 2 ** 32))
const kills = Number(process.env["JOIN_KILLS"] ?? 10)
const eventsPerLife = 150
// a life that waits for more batches than its events make would never be killed
const batchesPerLife = Math.ceil(eventsPerLife / eventsPerBatch)
const program = fileURLToPath(new URL("joinProgram.ts", import.meta.url))

const nameOf = ({ customer, minute, order, payment }: Joined) => `${customer} ${minute} ${order} ${payment ?? "-"}`

describe("a windowed join that is killed, on a real Pravega", () => {
  it.live(
    `${kills} kills: the sink has what the model says, once`,
    () =>
      Effect.gen(function*() {
        yield* Effect.sync(() => console.log(`seed of the moments: JOIN_KILLS_SEED=${seed}`))
        const { between, next } = Seeded.make(seed)
        const directory = yield* temporaryFolder
        const scope = randomScope()
        const { orders, payments, sink } = joinStreamsOf(scope)
        for (const { name } of [orders, payments, sink]) {
          yield* Admin.ensureStream(name, { scaling: { _tag: "Fixed", segments: 2 } })
        }
        const all = { orders: new Array<Order>(), payments: new Array<Payment>() }
        /** In the order of time, but for so much as is said. */
        const more = (count: number) =>
          Array.from({ length: count }, (_, i) => {
            const id = all.orders.length + i
            return { id, customer: `c${between(0, 6)}`, at: 1_000_000 + id * 700 + between(0, disorder / 2) }
          })
        const [orderWriter, paymentWriter] = [yield* EventWriter.make(orders), yield* EventWriter.make(payments)]
        for (let life = 0; life < kills; life++) {
          const some = { orders: more(eventsPerLife), payments: more(eventsPerLife) }
          all.orders.push(...some.orders)
          all.payments.push(...some.payments)
          yield* orderWriter.writeAll(some.orders)
          yield* paymentWriter.writeAll(some.payments)
          // while it is scaled, too: state is by key, and not by segment
          if (life % 4 === 2) yield* Admin.scaleTo(orders.name, 2 + (life % 3))
          const at = next() < 1 / 3
            ? { batches: 0, millis: 700 * next() }
            : { batches: between(1, batchesPerLife), millis: 60 * next() }
          const { code, output, signal } = yield* Program.run([program, controller, scope, directory], {
            onOutput: (said, end) => {
              if (said.split("batch ").length - 1 >= at.batches) end("SIGKILL", at.millis)
            }
          })
          if (signal !== "SIGKILL") assert.fail(`it ended by itself (${code}): ${output}`)
        }
        for (const { name } of [orders, payments]) yield* Admin.sealStream(name)
        const last = yield* Program.run([program, controller, scope, directory])
        assert.strictEqual(last.code, 0, last.output)

        const timed = <A extends { readonly at: number }>(events: ReadonlyArray<A>) =>
          events.map((value) => ({ time: value.at, value }))
        const expected = Flow.model(joined, { orders: timed(all.orders), payments: timed(all.payments) }).map(nameOf)
        const found = (yield* Stream.runCollect(BatchReader.stream(sink))).map(({ event }) => nameOf(event))
        assert.deepStrictEqual(found.toSorted(), expected.toSorted())
        const written = all.orders.length + all.payments.length
        console.log(`${kills} kills over ${written} events, ${found.length} results, 0 lost, 0 repeated`)
      }).pipe(Effect.scoped, Effect.provide(Layer.orDie(Pravega.layer({ controller })))),
    // only ends what hangs
    7_200_000
  )
})
