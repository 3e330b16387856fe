// A join without bounds in time: each of many with the one of its key, whichever of them comes first. Those that come before
// the one wait for it. Which comes first is of no importance to what comes out, so events are taken as they arrive.
import { Flow } from "effect-pravega/flow"
import * as Schema from "effect/Schema"

export interface Sides<One, Many> {
  readonly one: Schema.Codec<One, unknown>
  readonly many: Schema.Codec<Many, unknown>
  readonly isOne: (event: One | Many) => event is One
}

export const joinOne = <One, Many>(name: string, { isOne, many, one }: Sides<One, Many>) => {
  type Pair = { readonly one: One; readonly each: Many }
  const State = Schema.Struct({ one: Schema.UndefinedOr(one), waiting: Schema.Array(many) })
  const none: typeof State.Type = { one: undefined, waiting: [] }
  return Flow.mapState(name, {
    order: "arrival",
    event: Schema.Union([one, many]),
    state: State,
    initial: none,
    onEvent: (state, event): readonly [typeof State.Type, ReadonlyArray<Pair>] => {
      if (isOne(event)) return [{ one: event, waiting: [] }, state.waiting.map((each) => ({ one: event, each }))]
      const each = event as Many
      if (state.one === undefined) return [{ ...state, waiting: [...state.waiting, each] }, []]
      return [state, [{ one: state.one, each }]]
    }
  })
}
