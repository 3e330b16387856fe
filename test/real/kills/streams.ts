/** What is copied: numbered events with keys. */
import * as EventCodec from "../../../src/core/EventCodec.ts"
import * as EventStream from "../../../src/core/EventStream.ts"

export interface Numbered {
  readonly key: string
  readonly number: number
}

const codec = EventCodec.make<Numbered>({
  name: "numbered",
  encode: ({ key, number }) => EventCodec.utf8.encode(`${key}:${number}`),
  decode: (bytes) => {
    const [key = "", number] = EventCodec.utf8.decode(bytes).split(":")
    return { key, number: Number(number) }
  }
})

export const streamsOf = (scope: string) => {
  const named = (name: string) =>
    EventStream.make(`${scope}/${name}`, { codec, routingKey: (event: Numbered) => event.key })
  return { source: named("source"), sink: named("sink") }
}

export const eventOf = (number: number): Numbered => ({ key: `key${number % 23}`, number })
