/** The embedded server with authorisation on: who a client is, and what it may do. Its tokens run out all the time. */
import { Effect, Layer } from "effect"
import * as Embedded from "../../src/embedded/Embedded.ts"
import * as Credentials from "../../src/pravega/controller/Credentials.ts"
import { Pravega } from "../../src/pravega/Pravega.ts"
import { securedCases, SecuredServer, users } from "./securedCases.ts"

securedCases(
  "the embedded server, with tokens of a second",
  Layer.effect(
    SecuredServer,
    Effect.map(
      Embedded.make({ authorization: { users, tokenLife: "1 second" } }),
      (server) => ({
        clientOf: (user, password) =>
          Pravega.layerTransport(user === undefined ? {} : { credentials: Credentials.basic(user, password) }).pipe(
            Layer.provide(server.layerTransport)
          )
      })
    )
  ),
  { tokensRunOut: true }
)
