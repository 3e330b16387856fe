// A flow on a plain Effect Stream: in memory, without Pravega. The same value runs in a pipeline, exactly once.
import { Console, Effect, Schema, Stream } from "effect"
import { Aggregate, EventTime, Flow, Window } from "effect-pravega/flow"

interface Request {
  readonly path: string
  readonly at: number
  readonly millis: number
}

const perSecond = Flow.events<Request>().pipe(
  Flow.filter((request) => request.path !== "/health"),
  Flow.keyBy("path", Schema.String, (request) => request.path),
  Flow.window(
    "per second",
    Window.tumbling("1 second"),
    Aggregate.struct({ requests: Aggregate.count, slowest: Aggregate.max((request: Request) => request.millis) })
  )
)

// its steps as data, as text and as a chart
console.log(Flow.describe(perSecond).text)

const requests = Stream.make(
  { path: "/", at: 100, millis: 3 },
  { path: "/health", at: 200, millis: 1 },
  { path: "/", at: 900, millis: 12 },
  { path: "/users", at: 1_100, millis: 40 },
  { path: "/", at: 1_500, millis: 5 }
)

await Effect.runPromise(
  requests.pipe(
    Flow.toStream(perSecond, { time: EventTime.from((request: Request) => request.at) }),
    Stream.runForEach(({ key, value, window }) =>
      Console.log(`${key} from ${window.start} ms: ${value.requests} requests, the slowest took ${value.slowest} ms`)
    )
  )
)
