/**
 * Two projects: "unit" needs nothing but Node (and PostgreSQL's binaries for files named after it), "real" a real Pravega,
 * which its global setup starts.
 */
import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"
import { whyNoServer } from "./test/real/javaTools.ts"
import * as Postgres from "./test/real/postgres.ts"

const serverGiven = (process.env["PRAVEGA_CONTROLLER"] ?? "") !== ""
const leftOut = serverGiven ? undefined : whyNoServer()
if (leftOut !== undefined && process.env["PRAVEGA_REAL"] === "required") {
  throw new Error(`the real-server tests are required (PRAVEGA_REAL=required), but there is ${leftOut}`)
}

const real = "test/**/*.real.test.ts"
const postgresLeftOut = Postgres.whyNot()
const postgres = postgresLeftOut === undefined ? [] : ["test/**/*.postgres.test.ts"]
// Tests start programs of the project many times: each then compiles what has changed since one ended in order.
const env = { NODE_COMPILE_CACHE: fileURLToPath(new URL("node_modules/.cache/compiled", import.meta.url)) }
const left = {
  ...leftOut === undefined ? {} : { leftOut },
  ...postgresLeftOut === undefined ? {} : { postgresLeftOut }
}

// Nothing may depend on the machine's speed: this only ends what hangs. Programs of tests are ended before it, so that it is seen why.
const patience = 900_000

export default defineConfig({
  test: {
    reporters: ["default", ["./tools/summary-reporter.mjs", left]],
    coverage: { provider: "v8", include: ["src/**/*.ts"], reporter: ["text-summary", "lcov"] },
    passWithNoTests: leftOut !== undefined,
    // of workers and servers, which a slow machine ends slowly
    teardownTimeout: patience,
    projects: [
      {
        ssr: { resolve: { conditions: ["source", "module", "node", "development|production"] } },
        test: {
          name: "unit",
          env,
          include: ["test/**/*.test.ts", "examples/**/*.test.ts"],
          exclude: [real, ...postgres],
          testTimeout: patience,
          hookTimeout: patience,
          // Vitest's own choice leaves a core idle, which hurts where there are two.
          maxWorkers: Math.max(2, availableParallelism() - 1),
          sequence: { groupOrder: 0 }
        }
      },
      {
        ssr: { resolve: { conditions: ["source", "module", "node", "development|production"] } },
        test: {
          name: "real",
          env,
          include: leftOut === undefined ? [real] : [],
          globalSetup: ["./test/real/globalSetup.ts"],
          // The server has its share of the work: more files at once would only wait for it.
          maxWorkers: 2,
          testTimeout: patience,
          hookTimeout: patience,
          sequence: { groupOrder: 1 }
        }
      }
    ]
  }
})
