// q8: who has registered and opened an auction within the same ten seconds. Each comes once, however many auctions there are.
import { Flow, Window } from "effect-pravega/flow"
import * as Schema from "effect/Schema"
import { auctions, persons } from "../Event.ts"

const Registered = Schema.Struct({ id: Schema.Int, name: Schema.String })
const Opened = Schema.Struct({ seller: Schema.Int })

const registered = persons.pipe(
  Flow.map(({ id, name }) => ({ id, name })),
  Flow.keyBy("person", Schema.Int, ({ id }) => id)
)
const opened = auctions.pipe(
  Flow.map(({ seller }) => ({ seller })),
  Flow.keyBy("person", Schema.Int, ({ seller }) => seller)
)

export const q8 = registered.pipe(
  Flow.windowJoin("new sellers", opened, Window.tumbling("10 seconds"), {
    type: "semi",
    left: Registered,
    right: Opened
  }),
  Flow.map(({ left, window }) => ({ ...left, start: window.start }))
)
