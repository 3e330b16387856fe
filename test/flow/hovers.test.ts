/** What an editor shows of the flows and pipelines of the examples: so much that it is read, and no more. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { globSync } from "node:fs"
import * as Compiler from "../Compiler.ts"

const files = globSync("examples/*.ts", { cwd: new URL("../..", import.meta.url) }).toSorted()

/** In characters: of a pipeline as many for what it fails with and needs. */
const most = { flow: 200, pipeline: 250 }

describe("The examples' values", () => {
  it.live("are shown by an editor in a few words", () =>
    Effect.gen(function*() {
      const shown = yield* Compiler.hovers(files)
      const flows = shown.filter(({ text }) => /^const \w+: Flow\.(Flow|Step|Keyed)</.test(text))
      const pipelines = shown.filter(({ text }) => /^const \w+: Pipeline\.Pipeline</.test(text))
      assert.isAtLeast(flows.length, 8)
      assert.isAtLeast(pipelines.length, 11)
      for (const { file, name, text } of flows) assert.isAtMost(text.length, most.flow, `${file}, ${name}: ${text}`)
      for (const { file, name, text } of pipelines) {
        assert.isAtMost(text.length, most.pipeline, `${file}, ${name}: ${text}`)
      }
      // and in the names of the user: not as the alias by which they were made
      const hourly = shown.find(({ file, name }) => file.includes("13-windows") && name === "hourly")?.text
      assert.strictEqual(
        hourly,
        "const hourly: Flow.Flow<{ readonly events: Flight; }, string, \"events\", never, Flow.Stateful>"
      )
      const pipeline = shown.find(({ file, name }) => file.includes("13-windows") && name === "pipeline")?.text
      assert.strictEqual(
        pipeline,
        "const pipeline: Pipeline.Pipeline<EventRead<Flight, EventRun>, string, ReadError | SourceError, " +
          "ReadError | SourceError | StateStoreError, Pravega | StateStore>"
      )
    }))
})
