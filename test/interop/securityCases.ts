/** Users with different rights, through encrypted connections: the Java program Security sees the same on both servers. */
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as Fs from "node:fs"
import * as Embedded from "../../src/embedded/Embedded.ts"
import { type Account, administrator, makeCertificates } from "../real/security.ts"
import { startStandalone } from "../real/standalone.ts"
import { temporaryFolder } from "../temporary.ts"
import { InteropServer } from "./InteropServer.ts"
import { java, outcomes, readOutcomes } from "./JavaClient.ts"

const market = "prn::/scope:market"

/** Besides the administrator. */
const accounts: Readonly<Record<string, Account>> = {
  owner: { password: "owner:password", may: `${market},READ_UPDATE;${market}/*,READ_UPDATE` },
  writer: { password: "writer-password", may: `${market},READ;${market}/stream:trades,READ_UPDATE` },
  reader: {
    password: "reader-password",
    may: `${market},READ;${market}/stream:trades,READ;${market}/reader-group:*,READ`
  },
  nobody: { password: "nobody-password", may: "" }
}

export const realServer: Layer.Layer<InteropServer> = Layer.effect(
  InteropServer,
  Effect.acquireRelease(
    Effect.promise(() => startStandalone({ accounts, tls: true, heapMiB: 800 })),
    (server) => Effect.promise(() => server.stop())
  )
)

export const embeddedServer: Layer.Layer<InteropServer> = Layer.orDie(Layer.effect(
  InteropServer,
  Effect.gen(function*() {
    const folder = yield* temporaryFolder
    const certificates = yield* Effect.promise(() => makeCertificates(folder))
    const text = (file: string) => Fs.readFileSync(file, "utf8")
    const users = { [administrator.user]: administrator.password, ...accounts }
    const server = yield* Embedded.make({ authorization: { users } })
    const { controller } = yield* server.listen({
      tls: { certificate: text(certificates.certificate), key: text(certificates.key) }
    })
    return { controller, authority: certificates.authority }
  })
))

/**
 * A real controller lets whoever may read a scope have reader groups in it, and so does the embedded one. A standalone
 * does not: it leaves that setting out when it starts its controller. These are what the embedded server's users see.
 */
const unlikeStandalone: Readonly<Record<string, string>> = {
  "writer reads throws StatusRuntimeException": "reads throws InvalidStreamException",
  "writer reads the other throws StatusRuntimeException": "reads the other throws InvalidStreamException",
  "reader reads throws StatusRuntimeException": "reads true",
  "reader reads the other throws StatusRuntimeException": "reads the other throws InvalidStreamException"
}

const seenOnAStandalone = readOutcomes("securityOutcomes.txt")
const expectedOf = { "a standalone": {}, "the embedded server": unlikeStandalone }

export const securityCases = (name: keyof typeof expectedOf, server: Layer.Layer<InteropServer>): void => {
  const unlike: Readonly<Record<string, string>> = expectedOf[name]
  layer(server, { excludeTestServices: true })(
    `with the Java client's users, on ${name}`,
    (it) => {
      it.effect("each can do what the server says it may", () =>
        Effect.gen(function*() {
          const seen = outcomes(yield* java("Security", []))
          const expected = Object.fromEntries(
            Object.entries(seenOnAStandalone).map(([user, lines]) => [
              user,
              lines.map((line) => unlike[`${user} ${line}`] ?? line)
            ])
          )
          assert.deepStrictEqual(seen, expected)
        }))
    }
  )
}
