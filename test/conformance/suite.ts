/**
 * The conformance suite: what a Pravega does, as its clients see it, written once and run against every server. A
 * difference between two servers is a bug of the embedded one. Where the real server surprised us, it says so beside the
 * case. At the end the cases are listed, with what came out of each.
 */
import { layer } from "@effect/vitest"
import type { Layer } from "effect"
import { afterAll, afterEach, describe } from "vitest"
import { adminCases } from "./adminCases.ts"
import { batchReaderCases } from "./batchReaderCases.ts"
import { checkpointLogCases } from "./checkpointLogCases.ts"
import { controllerCases } from "./controllerCases.ts"
import { eventWriterCases } from "./eventWriterCases.ts"
import { idempotentSinkCases } from "./idempotentSinkCases.ts"
import { parityCases } from "./parityCases.ts"
import { queryCases } from "./queryCases.ts"
import { readerGroupCases } from "./readerGroupCases.ts"
import { segmentConnectionCases } from "./segmentConnectionCases.ts"
import { segmentsCases } from "./segmentsCases.ts"
import { type Cases, type Server, withClient } from "./Server.ts"
import { sinkCases } from "./sinkCases.ts"
import { sourceCases } from "./sourceCases.ts"
import { synchronizerCases } from "./synchronizerCases.ts"
import { tableCases } from "./tableCases.ts"
import { transactionCases } from "./transactionCases.ts"
import { transactionFactCases } from "./transactionFactCases.ts"
import { writerNumberCases } from "./writerNumberCases.ts"

/** In the order from what others rest on to what rests on others. */
const areas: Readonly<Record<string, (it: Cases) => void>> = {
  "segment store": segmentConnectionCases,
  segments: segmentsCases,
  tables: tableCases,
  controller: controllerCases,
  admin: adminCases,
  "shared states": synchronizerCases,
  "event writer": eventWriterCases,
  "numbers of writers": writerNumberCases,
  transactions: transactionCases,
  "transactions, the small print": transactionFactCases,
  "batch reader": batchReaderCases,
  "checkpoint logs": checkpointLogCases,
  "reader groups": readerGroupCases,
  sinks: sinkCases,
  "sinks without transactions": idempotentSinkCases,
  queries: queryCases,
  "sources of queries": sourceCases,
  "queries, as Spark's connector has them": parityCases
}

/** Runs every case against a server, one server for each area; those in `omit` are for others. */
export const conformance = <E>(name: string, server: Layer.Layer<Server, E>): void => {
  const outcomes: Array<string> = []
  // some cases wait for leases of ten seconds: meanwhile the other server has its turn
  describe.concurrent(`Pravega, as seen by its clients: ${name}`, () => {
    for (const [area, cases] of Object.entries(areas)) {
      describe.concurrent(`${area}`, () => {
        afterEach(({ task }) => {
          outcomes.push(`${task.result?.state === "fail" ? "FAILED" : "ok    "}  ${area}: ${task.name}`)
        })
        layer(withClient(server), { excludeTestServices: true })(cases)
      })
    }
    afterAll(() => {
      console.log([`conformance of ${name}, ${outcomes.length} cases:`, ...outcomes].join("\n  "))
    })
  })
}
