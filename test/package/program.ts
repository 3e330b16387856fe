import { EventStream } from "effect-pravega"
import * as Schema from "effect/Schema"

const Reading = Schema.Struct({ sensor: Schema.String, celsius: Schema.Finite })

const readings = EventStream.make("home/readings", { schema: Reading, routingKey: (reading) => reading.sensor })

const bytes = readings.codec.encode({ sensor: "roof", celsius: 21.5 })
const { celsius } = readings.codec.decode(bytes)
console.log(`${readings.codec.name} ${bytes.length} ${celsius}`)
