/**
 * Several sources of one pipeline, whose events tell where they came from.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Pipeable from "effect/Pipeable"
import * as Stream from "effect/Stream"
import type {
  Error as SourceError,
  Event,
  FlowView,
  Partition,
  Services as SourceServices,
  Source
} from "./SourceContract.ts"
import { Undecodable } from "./Undecodable.ts"

/** An event with the name of the source that it came from. @category models @since 0.1.0 */
export interface Tagged<out Tag, out A> {
  readonly _tag: Tag
  readonly value: A
}

/** Several sources of one pipeline. @category models @since 0.1.0 */
export interface Union<out A, out E, out R> extends Pipeable.Pipeable {
  /** In the order of their names, which are unique. */
  readonly sources: ReadonlyArray<Source<A, E, R>>
}

/**
 * Several sources, perhaps of different types of events, read by one pipeline.
 *
 * **Details**
 *
 * A batch takes what each of them has, in the limits of each. The tag of an event tells where it came from. The query ends when
 * all of them have ended. A key of the record is the source's name in the checkpoint log. So one stream can be read twice.
 *
 * **Gotchas**
 *
 * Events of different sources have no order among them.
 *
 * **Example**
 *
 * ```ts
 * import { EventStream } from "effect-pravega"
 * import { Source } from "effect-pravega/batch"
 * import { Schema } from "effect"
 *
 * const trades = EventStream.make("market/trades", { schema: Schema.Struct({ symbol: Schema.String }) })
 * const rates = EventStream.make("market/rates", { schema: Schema.Struct({ rate: Schema.Finite }) })
 *
 * // its events: { _tag: "trades", value: EventRead<{ symbol }> } or { _tag: "rates", value: EventRead<{ rate }> }
 * const both = Source.union({ trades: Source.microBatch(trades), rates: Source.microBatch(rates) })
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export function union<const S extends Readonly<Record<string, Source<unknown, unknown, unknown>>>>(
  sources: S
): Union<TaggedEvent<S>, SourceError<S[keyof S]>, SourceServices<S[keyof S]>>
export function union(
  sources: Readonly<Record<string, Source<unknown, unknown, unknown>>>
): Union<Tagged<string, unknown>, unknown, unknown> {
  const named = Object.entries(sources).map(([name, source]) => ({
    ...map(source, (value): Tagged<string, unknown> => ({ _tag: name, value }), ({ value }) => value),
    name
  }))
  return { ...Pipeable.Prototype, sources: named.toSorted((a, b) => a.name < b.name ? -1 : 1) }
}

/** Changes what a source reads. `f` must be pure. */
const map = <A, E, R, B>(
  source: Source<A, E, R>,
  f: (event: A) => B,
  back: (event: B) => A
): Source<B, E, R> => {
  const item = (event: A | Undecodable): B | Undecodable => event instanceof Undecodable ? event : f(event)
  const mapped = ({ events, lanes, tolerant, ...partition }: Partition<A, E>): Partition<B, E> => ({
    ...partition,
    events: Stream.mapArray(events, Arr.map(f)),
    tolerant: tolerant === undefined ? undefined : Stream.mapArray(tolerant, Arr.map(item)),
    lanes: lanes === undefined ? undefined : {
      count: lanes.count,
      events: Stream.map(lanes.events, (some) => ({ ...some, events: Arr.map(some.events, f) })),
      tolerant: Stream.map(lanes.tolerant, (some) => ({ ...some, events: Arr.map(some.events, item) }))
    }
  })
  return {
    ...source,
    inFlow: viewOf(source.inFlow, back),
    open: Effect.map(source.open, (session) => ({
      ...session,
      partitions: (plan) => Effect.map(session.partitions(plan), Arr.map(mapped))
    }))
  }
}

/** A flow takes the sources' events without their tags: its own sources have these names. */
const viewOf = <A, B>(view: FlowView<A> | undefined, back: (event: B) => A): FlowView<B> => {
  const { offset, segment, time } = view ?? {}
  return {
    value: view === undefined ? back : (event) => view.value(back(event)),
    ...(time === undefined ? {} : { time: (event: B) => time(back(event)) }),
    ...(segment === undefined ? {} : { segment: (event: B) => segment(back(event)) }),
    ...(offset === undefined ? {} : { offset: (event: B) => offset(back(event)) })
  }
}

/** The events of a record of sources. Written so that hover texts show them, and not this name. @category utility types @since 0.1.0 */
export type TaggedEvent<S> = keyof S & string extends infer K ?
  K extends keyof S & string ? Tagged<K, Event<S[K]>> : never
  : never
