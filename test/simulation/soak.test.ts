import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Program from "../Program.ts"
import { temporaryFolder } from "../temporary.ts"

const soak = fileURLToPath(new URL("soak.ts", import.meta.url))

describe("npm run soak", () => {
  it.live("says what it can be told", () =>
    Effect.gen(function*() {
      const { code, output } = yield* Program.run([soak, "--help"])
      assert.strictEqual(code, 0)
      for (const option of ["--seeds", "--from", "--workers", "--keep"]) assert.include(output, option)
    }))

  it.live("shares the seeds that are asked for among its workers", () =>
    Effect.gen(function*() {
      const kept = join(yield* temporaryFolder, "seeds.txt")
      const { code, output } = yield* Program.run([soak, "--seeds", "5", "--workers", "2", "--keep", kept])
      assert.strictEqual(code, 0, output)
      assert.match(output, /^5 histories,.*; 0 seeds failed\n$/m)
    }))
})
