/** The laws of state on a real Pravega. */
import { describe, it } from "@effect/vitest"
import { Pravega } from "effect-pravega"
import { StateStore } from "effect-pravega/state"
import { StateStoreLaws } from "effect-pravega/testing"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { controller, randomName } from "../real/pravega.ts"
import { processes } from "./stateProcesses.ts"

const scope = randomName("state")
let stores = 0

describe("a store in Pravega", () => {
  const fresh = Effect.suspend(() =>
    processes(
      StateStore.layerPravega(`${scope}/s${stores++}`).pipe(Layer.provide(Layer.orDie(Pravega.layer({ controller }))))
    )
  )
  for (const law of StateStoreLaws.laws(fresh, { runs: 2 })) it.live(law.name, () => law.check)
})
