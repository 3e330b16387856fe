/** Appends to a log in a SQLite file for ever, and says each number that was acknowledged: to be killed by its test. */
import * as Effect from "effect/Effect"
import { writeSync } from "node:fs"
import { CheckpointLog } from "../../../src/batch/log/CheckpointLog.ts"
import { QueryName } from "../../../src/batch/protocol/QueryName.ts"

const program = Effect.gen(function*() {
  const log = yield* Effect.flatMap(CheckpointLog, (logs) => logs.open(QueryName.make("killed")))
  for (let sequence = 0;; sequence++) {
    yield* log.append(sequence, new Uint8Array(200).fill(sequence))
    writeSync(1, `${sequence}\n`)
  }
})

await Effect.runPromise(Effect.provide(program, CheckpointLog.layerSqlite(process.argv[2] ?? "")))
