// How many files Node has to find and load for a client of a cluster, beside those of Effect and gRPC: each takes 0.3 ms of
// CPU, so they are few.
import { Effect } from "effect"
import { registerHooks } from "node:module"

const most = 60
const files = new Set<string>()
registerHooks({
  load: (url, context, next) => {
    if (/node_modules\/(?!effect\/|@grpc\/|@js-sdsl\/)/.test(url)) files.add(url)
    return next(url, context)
  }
})
const { Pravega } = await import("effect-pravega")
await import("effect-pravega/batch")
await import("effect-pravega/stream")
await Effect.runPromise(Effect.provide(Pravega, Pravega.layer({ controller: "tcp://localhost:9090" })))
console.log(`${files.size} files`)
if (files.size > most) {
  console.log(Array.from(files).join("\n"))
  process.exitCode = 1
}
