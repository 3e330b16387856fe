/** The program `effect-pravega`, as a process. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { type Dev, parse } from "../../src/cli/Arguments.ts"
import * as Admin from "../../src/pravega/Admin.ts"
import { Pravega } from "../../src/pravega/Pravega.ts"
import * as DevServer from "../pravega/embedded/DevServer.ts"
import { temporaryFolder } from "../temporary.ts"

const program = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url))
const once = (...words: ReadonlyArray<string>) =>
  spawnSync(process.execPath, ["--conditions=source", "--no-warnings", program, ...words], { encoding: "utf8" })

describe("effect-pravega", () => {
  it("reads what was typed", () => {
    const dev: Dev = {
      _tag: "dev",
      host: "127.0.0.1",
      port: 0,
      storePort: 0,
      directory: undefined,
      durability: "process"
    }
    assert.deepStrictEqual(Result.getOrThrow(parse(["dev"])), dev)
    assert.deepStrictEqual(
      Result.getOrThrow(parse(["dev", "--port", "9090", "--store-port=1", "--data", "d", "--durability", "power"])),
      { ...dev, port: 9090, storePort: 1, directory: "d", durability: "power" }
    )
    for (
      const words of [
        ["dev", "--port", "x"],
        ["dev", "--port", "65536"],
        ["dev", "--port"],
        ["dev", "more"],
        [
          "dev",
          "--durability",
          "eternal"
        ],
        ["--nonsense"],
        ["nonsense"]
      ]
    ) {
      assert.isTrue(Result.isFailure(parse(words)), words.join(" "))
    }
  })

  it("explains itself, and what it did not understand", () => {
    assert.include(once("--help").stdout, "effect-pravega dev")
    assert.match(once("--version").stdout, /^\d+\.\d+\.\d+\n$/)
    const { status, stderr } = once("dev", "--port", "nine")
    assert.strictEqual(status, 2)
    assert.include(stderr, "--port is a number")
  })

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it.live(`dev: serves until ${signal}, then stops cleanly and can be started again`, () =>
      Effect.gen(function*() {
        const directory = yield* temporaryFolder
        const server = yield* DevServer.start("--data", directory)
        const client = Pravega.layer({ controller: server.controller })
        assert.isTrue(yield* Effect.provide(Admin.createScope("kept"), client))
        const held = yield* Effect.flip(DevServer.start("--data", directory))
        assert.include(held.message, "in use by another embedded server")
        assert.strictEqual(yield* server.end(signal), 0)
        const again = yield* DevServer.start("--data", directory)
        const sameClient = Pravega.layer({ controller: again.controller })
        assert.isFalse(yield* Effect.provide(Admin.createScope("kept"), sameClient))
      }))
  }
})
