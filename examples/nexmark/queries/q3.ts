// q3: who sells something of category 10 in Oregon, Idaho or California: name, city, state and the auction.
import { Flow } from "effect-pravega/flow"
import * as Schema from "effect/Schema"
import { auctions, persons } from "../Event.ts"
import { joinOne } from "./joinOne.ts"

const Local = Schema.Struct({ person: Schema.Int, name: Schema.String, city: Schema.String, state: Schema.String })
const Sold = Schema.Struct({ seller: Schema.Int, auction: Schema.Int })
type Either = typeof Local.Type | typeof Sold.Type
const isLocal = (event: Either): event is typeof Local.Type => "person" in event

// the people of other states, too: what they sell must not wait for ever
const people = persons.pipe(Flow.map(({ city, id, name, state }) => ({ person: id, name, city, state })))
const sold = auctions.pipe(
  Flow.filter(({ category }) => category === 10),
  Flow.map(({ id, seller }) => ({ seller, auction: id }))
)

export const q3 = Flow.merge([people, sold]).pipe(
  Flow.keyBy("person", Schema.Int, (event) => isLocal(event) ? event.person : event.seller),
  joinOne("local items", { one: Local, many: Sold, isOne: isLocal }),
  Flow.filter(({ one }) => ["OR", "ID", "CA"].includes(one.state)),
  Flow.map(({ each, one }) => ({ name: one.name, city: one.city, state: one.state, auction: each.auction }))
)
