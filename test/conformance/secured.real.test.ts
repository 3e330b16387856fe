/** A real server with authorisation and TLS on: who a client is, and what it may do. */
import { Effect, Layer } from "effect"
import * as Fs from "node:fs"
import * as Credentials from "../../src/pravega/controller/Credentials.ts"
import { Pravega } from "../../src/pravega/Pravega.ts"
import { startStandalone } from "../real/standalone.ts"
import { securedCases, SecuredServer, users } from "./securedCases.ts"

securedCases(
  "a real server, over TLS",
  Layer.effect(
    SecuredServer,
    Effect.gen(function*() {
      const { reader } = users
      const server = yield* Effect.acquireRelease(
        Effect.promise(() => startStandalone({ accounts: { reader }, tls: true, heapMiB: 1024 })),
        (started) => Effect.promise(() => started.stop({ force: true }))
      )
      const ca = Fs.readFileSync(server.authority ?? "", "utf8")
      return {
        clientOf: (user, password) =>
          Layer.orDie(Pravega.layer({
            controller: server.controller,
            tls: { ca },
            ...user !== undefined && { credentials: Credentials.basic(user, password) }
          }))
      }
    })
  ),
  // they live ten minutes
  { tokensRunOut: false }
)
