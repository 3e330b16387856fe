/** What TLS can't be agreed on fails at once and says why; so does what else no other try can change about an address. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, ConfigProvider, Duration, Effect, Exit, Layer, Redacted } from "effect"
import type * as Net from "node:net"
import * as Tls from "node:tls"
import { beforeAll } from "vitest"
import * as EventCodec from "../../src/core/EventCodec.ts"
import * as EventStream from "../../src/core/EventStream.ts"
import { ScopeName } from "../../src/core/ScopeName.ts"
import * as Embedded from "../../src/embedded/Embedded.ts"
import * as Admin from "../../src/pravega/admin/Admin.ts"
import * as ControllerAddress from "../../src/pravega/controller/ControllerAddress.ts"
import type { ControllerError } from "../../src/pravega/controller/ControllerError.ts"
import type { TlsOptions } from "../../src/pravega/controller/ControllerTransport.ts"
import * as Credentials from "../../src/pravega/controller/Credentials.ts"
import * as GrpcTransport from "../../src/pravega/controller/internal/GrpcTransport.ts"
import { TlsFailed } from "../../src/pravega/controller/TlsFailed.ts"
import * as TlsProblem from "../../src/pravega/controller/TlsProblem.ts"
import { Pravega } from "../../src/pravega/Pravega.ts"
import { SegmentStoreTransport } from "../../src/pravega/segmentstore/SegmentStoreTransport.ts"
import * as EventWriter from "../../src/pravega/write/EventWriter.ts"
import { temporaryFolder } from "../temporary.ts"
import { authority, type Certificate } from "./controller/certificates.ts"

const made: Record<string, Certificate> = {}
let ca = ""
let otherCa = ""
beforeAll(() =>
  Effect.runPromise(Effect.scoped(Effect.gen(function*() {
    const ours = yield* Effect.flatMap(temporaryFolder, (folder) => Effect.promise(() => authority(folder)))
    const other = yield* Effect.flatMap(temporaryFolder, (folder) => Effect.promise(() => authority(folder)))
    ca = ours.certificate
    otherCa = other.certificate
    made["right"] = yield* Effect.promise(() => ours.sign("right", "DNS:localhost,IP:127.0.0.1"))
    made["expired"] = yield* Effect.promise(() => ours.sign("expired", "DNS:localhost,IP:127.0.0.1", -1))
    made["elsewhere"] = yield* Effect.promise(() => ours.sign("elsewhere", "DNS:pravega.example"))
    made["client"] = yield* Effect.promise(() => ours.sign("client", "DNS:client"))
  })))
)

/** An embedded server on sockets, with one of the certificates or without TLS; its controller's `localhost:port`. */
const serve = (certificate?: string) =>
  Effect.gen(function*() {
    const server = yield* Embedded.make()
    const { controller } = yield* server.listen({ host: "localhost", tls: made[certificate ?? ""] })
    return controller.slice("tcp://".length)
  })

const create = (controller: string, tls?: TlsOptions) =>
  Effect.exit(
    Admin.createScope(ScopeName.make("market")).pipe(
      Effect.provide(Pravega.layer({ controller, tls }))
    )
  )

const failureOf = <E>(exit: Exit.Exit<unknown, E>): E | undefined =>
  Exit.isSuccess(exit) ?
    undefined :
    Cause.findErrorOption(exit.cause).pipe((it) => it._tag === "Some" ? it.value : undefined)

const tlsProblem = (
  exit: Exit.Exit<unknown, ControllerError | TlsFailed | ControllerAddress.InvalidControllerAddress>
) => {
  const error = failureOf(exit)
  const reason = error?._tag === "ControllerError" ? error.reason : error
  assert.instanceOf(reason, TlsFailed)
  assert.isFalse(reason instanceof TlsFailed && reason.isRetryable)
  return reason instanceof TlsFailed ? reason.message : ""
}

describe("TLS with a controller", () => {
  it.live("works with the right authority, and a name that is in the certificate", () =>
    Effect.gen(function*() {
      assert.isTrue(Exit.isSuccess(yield* create(`tls://${yield* serve("right")}`, { ca })))
      const elsewhere = yield* serve("elsewhere")
      assert.isTrue(Exit.isSuccess(yield* create(`tls://${elsewhere}`, { ca, verifyHostName: false })))
    }))

  // TLS has no server names that are addresses: Node 26 and Deno refuse to send one, other clients' servers to take it
  it.live("names the server that it wants, unless that is an address", () =>
    Effect.gen(function*() {
      const seen: Array<string | false | null> = []
      const { certificate, key } = made["right"]!
      const server = yield* Effect.acquireRelease(
        Effect.callback<Tls.Server>((resume) => {
          const server = Tls.createServer({ cert: certificate, key, ALPNProtocols: ["h2"] }, (socket) => {
            seen.push(socket.servername)
            socket.destroy()
          })
          server.listen(0, "localhost", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => server.close())
      )
      const { address } = server.address() as Net.AddressInfo
      for (const host of ["localhost", address]) {
        const controller = `tls://${host.includes(":") ? `[${host}]` : host}:${portOf(server)}`
        const transport = yield* GrpcTransport.make({ controller, tls: { ca, verifyHostName: false } })
        const options = { timeout: Duration.seconds(5), metadata: {} }
        yield* Effect.exit(transport.unary("getScope", new Uint8Array(0), options))
      }
      // a probe may have followed each
      assert.sameMembers(Array.from(new Set(seen)), ["localhost", false])
    }))

  // each of these took 12 tries and 17 to 20 s
  it.live("fails at once with an authority that is not trusted, an expired certificate, another host's", () =>
    Effect.gen(function*() {
      const right = yield* serve("right")
      assert.match(
        tlsProblem(yield* create(`tls://${right}`, { ca: otherCa })),
        /no trusted authority signed its certificate/
      )
      assert.match(
        tlsProblem(yield* create(`tls://${right}`)),
        /no trusted authority signed its certificate .*PRAVEGA_TLS_CA/
      )
      assert.match(tlsProblem(yield* create(`tls://${yield* serve("expired")}`, { ca })), /has expired/)
      assert.match(tlsProblem(yield* create(`tls://${yield* serve("elsewhere")}`, { ca })), /another host's/)
    }))

  it.live("fails at once where only one end speaks it", () =>
    Effect.gen(function*() {
      assert.match(tlsProblem(yield* create(`tcp://${yield* serve("right")}`)), /speaks TLS on this port: use tls:\/\//)
      assert.match(tlsProblem(yield* create(`tls://${yield* serve()}`, { ca })), /does not speak TLS on this port/)
    }))

  it.live("fails when the layer is built with certificates that are none", () =>
    Effect.gen(function*() {
      const bad = { chain: "no certificate", key: "no key" }
      assert.match(tlsProblem(yield* create("tls://localhost:1", { certificate: bad })), /can't be used/)
    }))

  it.live("of several controllers, one that agrees is enough", () =>
    Effect.gen(function*() {
      const controller = `tls://${yield* serve("expired")},${yield* serve("right")}`
      assert.isTrue(Exit.isSuccess(yield* create(controller, { ca })))
    }))
})

/** A TLS server that asks for the client's certificate. */
const mutual = Effect.acquireRelease(
  Effect.callback<Tls.Server>((resume) => {
    const { certificate, key } = made["right"]!
    const server = Tls.createServer({ cert: certificate, key, ca, requestCert: true, rejectUnauthorized: true })
    server.on("tlsClientError", () => {})
    server.listen(0, "localhost", () => resume(Effect.succeed(server)))
  }),
  (server) => Effect.sync(() => server.close())
)

const portOf = (server: Net.Server): number => {
  const address = server.address()
  return typeof address === "object" ? address?.port ?? 0 : 0
}

describe("mutual TLS", () => {
  it.live("is refused at once without the client's certificate, and agreed on with it", () =>
    Effect.gen(function*() {
      const endpoint = { host: "localhost", port: portOf(yield* mutual) }
      const without = yield* TlsProblem.probe("controller x", endpoint, { ca })
      assert.match(without?.message ?? "", /refuses a client without a certificate/)
      const certificate = { chain: made["client"]!.certificate, key: made["client"]!.key }
      assert.isUndefined(yield* TlsProblem.probe("controller x", endpoint, { ca, certificate }))
    }))
})

describe("TLS with a segment store", () => {
  const open = (port: number, tls: TlsOptions) =>
    Effect.scoped(Effect.flatMap(SegmentStoreTransport, (it) => it.open({ host: "localhost", port }))).pipe(
      Effect.exit,
      Effect.provide(SegmentStoreTransport.layerSocket({ tls }))
    )

  it.live("says what can't be changed, and leaves the rest to another try", () =>
    Effect.gen(function*() {
      const secure = Number((yield* serve("right")).split(":")[1])
      const refused = failureOf(yield* open(secure, { ca: otherCa }))
      assert.isFalse(refused?.isRetryable)
      assert.match(refused?.message ?? "", /segment store localhost:\d+.*no trusted authority signed its certificate/)
      assert.isTrue(failureOf(yield* open(1, { ca }))?.isRetryable)
    }))

  it.live("ends a writer and a request at once", () =>
    Effect.gen(function*() {
      const server = yield* Embedded.make()
      const { controller } = yield* server.listen({ host: "localhost", tls: made["right"] })
      const lines = EventStream.make("market/lines", { codec: EventCodec.utf8 })
      // a store with another's certificate
      const expired = Number((yield* serve("expired")).split(":")[1])
      const client = Pravega.layer({ controller, tls: { ca }, resolveStore: ({ host }) => ({ host, port: expired }) })
      yield* Effect.provide(Admin.ensureStream(lines.name, { scaling: { _tag: "Fixed", segments: 1 } }), client)
      const write = Effect.scoped(Effect.flatMap(EventWriter.make(lines), (writer) => writer.write("x")))
      const written = yield* Effect.flip(Effect.provide(write, client))
      assert.strictEqual(written._tag === "WriterError" ? written.reason._tag : written._tag, "TlsFailed")
      const asked = yield* Effect.flip(Effect.provide(Admin.latestCut(lines.name), client))
      assert.strictEqual(asked._tag === "SegmentError" ? asked.reason._tag : asked._tag, "TlsFailed")
      assert.match(asked.message, /its certificate has expired/)
    }))
})

describe("addresses and credentials", () => {
  it("never show a password", () => {
    for (const address of ["tcp://user:secret@host:9090", "user:secret@host", "tls://a@secret@host:1,b"]) {
      const parsed = ControllerAddress.parse(address)
      assert.strictEqual(parsed._tag, "Failure")
      if (parsed._tag === "Failure") {
        assert.notInclude(JSON.stringify(parsed.failure) + parsed.failure.message, "secret")
        assert.match(parsed.failure.message, /holds a user or a password/)
      }
    }
    const credentials = Credentials.basic("user", "secret")
    assert.notInclude(JSON.stringify(credentials), "secret")
  })

  const build = (env: Record<string, string>) =>
    Effect.exit(Effect.scoped(Layer.build(Pravega.layerConfig({ controller: "tcp://localhost:1" })))).pipe(
      Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env })))
    )

  it.effect("are refused by halves", () =>
    Effect.gen(function*() {
      const user = failureOf(yield* build({ PRAVEGA_USER: "user" }))
      assert.match(user?.message ?? "", /PRAVEGA_USER is set, and PRAVEGA_PASSWORD is not/)
      const password = failureOf(yield* build({ PRAVEGA_PASSWORD: "secret" }))
      assert.match(password?.message ?? "", /PRAVEGA_PASSWORD is set, and PRAVEGA_USER is not/)
      assert.notInclude(JSON.stringify(password), "secret")
      assert.isTrue(Exit.isSuccess(yield* build({ PRAVEGA_USER: "user", PRAVEGA_PASSWORD: "secret" })))
      assert.isTrue(Exit.isSuccess(yield* build({})))
    }))

  it.live("of the environment go to a controller that was named beside it", () =>
    Effect.gen(function*() {
      const server = yield* Embedded.make({
        authorization: { users: { user: { password: Redacted.make("secret"), may: "prn::/scope:other,READ" } } }
      })
      const { controller } = yield* server.listen()
      const create = Effect.exit(Admin.createScope(ScopeName.make("market"))).pipe(
        Effect.provide(Layer.provide(
          Pravega.layerConfig({ controller }),
          ConfigProvider.layer(ConfigProvider.fromEnv({ env: { PRAVEGA_USER: "user", PRAVEGA_PASSWORD: "secret" } }))
        ))
      )
      const error = failureOf(yield* create)
      assert.strictEqual(error?._tag === "ControllerError" ? error.reason._tag : error?._tag, "PermissionDenied")
    }))
})
