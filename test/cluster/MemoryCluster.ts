/** Several runners in one process, on Effect's Clock: shared storage with locks that expire, and a network in memory. */
import { Clock, Deferred, Effect, Exit, Layer, Option, Schema, Scope } from "effect"
import { Context } from "effect"
import {
  ClusterError,
  ClusterSchema,
  Message,
  MessageStorage,
  RunnerAddress,
  RunnerHealth,
  Runners,
  RunnerStorage,
  Sharding,
  ShardingConfig,
  Snowflake
} from "effect/cluster"
import type { Rpc, RpcSerialization } from "effect/rpc"

type Config = Partial<ShardingConfig.ShardingConfig["Service"]>
type Services = Sharding.Sharding | Runners.Runners | MessageStorage.MessageStorage
const codecFor = Schema.toCodecJson as RpcSerialization.CodecFor
const nameOf = ({ host, port }: RunnerAddress.RunnerAddress) => `${host}:${port}`

/** As SQL's table of locks. Who is paused asks nothing; it is answered when it runs again. */
const makeStorage = Effect.fnUntraced(function*(expiration: number, paused: ReadonlySet<string>) {
  const clock = yield* Clock.Clock
  const now = () => clock.currentTimeMillisUnsafe()
  const runners = new Map<string, { runner: string; healthy: boolean; at: number; id: number }>()
  const locks = new Map<string, { owner: string; at: number }>()
  const take = (owner: string) => (id: string) => {
    locks.set(id, { owner, at: now() })
    return true
  }
  const isFree = (id: string) => {
    const lock = locks.get(id)
    return lock === undefined || now() - lock.at > expiration
  }
  return (self: string) => {
    const ask = <A>(f: () => A): Effect.Effect<A> =>
      Effect.suspend(() => paused.has(self) ? Effect.delay(ask(f), 100) : Effect.sync(f))
    return RunnerStorage.makeEncoded({
      getRunners: ask(() =>
        [...runners.values()].filter(({ at }) => now() - at <= expiration).map((r) => [r.runner, r.healthy] as const)
      ),
      register: (name, runner, healthy) =>
        ask(() => {
          const id = runners.get(name)?.id ?? runners.size
          runners.set(name, { runner, healthy, at: now(), id })
          return id
        }),
      unregister: (name) =>
        ask(() => {
          runners.delete(name)
        }),
      setRunnerHealth: (name, healthy) =>
        ask(() => {
          const r = runners.get(name)
          if (r !== undefined) r.healthy = healthy
        }),
      acquire: (name, ids) =>
        ask(() => ids.filter((id) => (locks.get(id)?.owner === name || isFree(id)) && take(name)(id))),
      refresh: (name, ids) =>
        ask(() => {
          const r = runners.get(name)
          if (r !== undefined) r.at = now()
          return ids.filter((id) => locks.get(id)?.owner === name && take(name)(id))
        }),
      release: (name, id) =>
        ask(() => {
          if (locks.get(id)?.owner === name) locks.delete(id)
        }),
      releaseAll: (name) =>
        ask(() => {
          for (const [id, { owner }] of locks) if (owner === name) locks.delete(id)
        })
    })
  }
})

export const make = Effect.fnUntraced(function*(config: Config & { readonly shardLockExpiration: number }) {
  const paused = new Set<string>()
  const storageOf = yield* makeStorage(config.shardLockExpiration, paused)
  const messages = yield* Layer.build(MessageStorage.layerMemory.pipe(Layer.provide(ShardingConfig.layer(config))))
  const network = new Map<
    string,
    { readonly sharding: Sharding.Sharding["Service"]; readonly gone: Deferred.Deferred<void> }
  >()
  const unavailable = (address: RunnerAddress.RunnerAddress) =>
    Effect.fail(new ClusterError.RunnerUnavailable({ address }))
  const request = <R extends Rpc.Any>(
    message: Message.OutgoingRequest<R>,
    respond: Message.IncomingRequest<R>["respond"]
  ) =>
    Effect.map(
      Effect.orDie(Message.serializeRequest(message, codecFor)),
      (envelope) => new Message.IncomingRequest<R>({ envelope, lastSentReply: Option.none(), codecFor, respond })
    )
  const runners = Layer.effect(
    Runners.Runners,
    Runners.make({
      codecFor,
      ping: (address) =>
        network.has(nameOf(address)) && !paused.has(nameOf(address)) ? Effect.void : unavailable(address),
      onRunnerUnavailable: () => Effect.void,
      notify: ({ address, message }) =>
        Effect.suspend(() => {
          const node = Option.isSome(address) ? network.get(nameOf(address.value)) : undefined
          if (node === undefined) return Effect.void // it looks into the storage by itself
          return message._tag === "OutgoingEnvelope"
            ? Effect.ignore(node.sharding.notify(new Message.IncomingEnvelope({ envelope: message.envelope })))
            : Effect.flatMap(
              request(message, () => Effect.void),
              (incoming) => Effect.ignore(node.sharding.notify(incoming))
            )
        }),
      send: ({ address, message }) =>
        Effect.gen(function*() {
          const node = network.get(nameOf(address))
          if (node === undefined) return yield* unavailable(address)
          if (message._tag === "OutgoingEnvelope") {
            return yield* node.sharding.send(new Message.IncomingEnvelope({ envelope: message.envelope }))
          }
          if (Context.get(message.annotations, ClusterSchema.Persisted)) {
            yield* node.sharding.notify(yield* request(message, () => Effect.void))
            return yield* unavailable(address) // the reply comes from the storage
          }
          const done = yield* Deferred.make<void>()
          yield* node.sharding.send(
            yield* request(message, ({ reply }) =>
              Effect.andThen(
                message.respond(reply as never),
                reply._tag === "WithExit" ? Deferred.succeed(done, undefined) : Effect.void
              ))
          )
          yield* Effect.raceFirst(Deferred.await(done), Effect.andThen(Deferred.await(node.gone), unavailable(address)))
        })
    })
  ).pipe(Layer.provide(Snowflake.layerGenerator))
  const start = Effect.fnUntraced(
    function*<E, R>(port: number, app: Layer.Layer<never, E, R | Services>, own: Config = {}) {
      const address = RunnerAddress.make("memory", port)
      const name = nameOf(address)
      const scope = yield* Effect.flatMap(Effect.scope, (parent) => Scope.fork(parent))
      const gone = yield* Deferred.make<void>()
      const cluster = Sharding.layer.pipe(
        Layer.provideMerge(runners),
        Layer.provide(RunnerHealth.layerPing.pipe(Layer.provide(runners))),
        Layer.provideMerge(Layer.succeedContext(messages)),
        Layer.provide(Layer.succeed(RunnerStorage.RunnerStorage, storageOf(name))),
        Layer.provide(ShardingConfig.layer({ ...config, ...own, runnerAddress: Option.some(address) }))
      )
      const context = yield* Scope.provide(Layer.build(Layer.fresh(app.pipe(Layer.provideMerge(cluster)))), scope)
      const sharding = Context.get(context, Sharding.Sharding)
      network.set(name, { sharding, gone })
      const leave = Effect.suspend(() => {
        network.delete(name)
        return Deferred.succeed(gone, undefined)
      })
      return {
        sharding,
        context,
        leave, // leave: no connection reaches it any more
        stop: Effect.andThen(Scope.close(scope, Exit.void), leave), // in order
        pause: Effect.sync(() => {
          paused.add(name)
        }), // its locks expire, its fibers go on: a zombie
        resume: Effect.sync(() => {
          paused.delete(name)
        })
      }
    }
  )
  return { start }
})
