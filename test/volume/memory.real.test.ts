/** How much memory the client takes at its peak, measured from outside, in processes of its own. */
import { assert, describe, it } from "@effect/vitest"
import { existsSync } from "node:fs"
import { measure } from "../../bench/memory.ts"

const gibibyte = 1024
const limitMiB = 200
/** What users run; without a build, the sources. */
const code = existsSync(new URL("../../dist/index.js", import.meta.url)) ? "dist" : "source"

describe("memory", () => {
  // With Node's own young generation (16 MiB a half and more) fast runs peak at 200 to 230 MiB: garbage that is not
  // collected yet, not what the client holds.
  it(
    `writing or reading 1 GiB in events of 1 KiB takes less than ${limitMiB} MiB (${code}, a young generation of 8 MiB)`,
    async () => {
      const measured = await measure({ mib: gibibyte, code, semiSpaceMiB: 8 })
      console.log(measured.map(({ kind, peakMiB }) => `${kind}: peak ${peakMiB} MiB`).join(", "))
      assert.deepStrictEqual(measured.map(({ events }) => events), [gibibyte * 1024, gibibyte * 1024])
      for (const { kind, peakMiB } of measured) assert.isBelow(peakMiB, limitMiB, `${kind}: peak in MiB`)
    },
    600_000
  )
})
