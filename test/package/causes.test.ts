/** Whoever prints an error of this library sees what caused it, however deep it lies: in full, and in one line. */
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Cause, Effect, type Schema } from "effect"
import { globSync, readFileSync } from "node:fs"
import { resolve } from "node:path"
import * as CauseText from "../../src/core/CauseText.ts"

/** A class made by `Schema.TaggedError`. */
interface ErrorClass {
  new(fields: Record<string, unknown>): Error
  readonly fields: Record<string, Schema.Top>
}

const isErrorClass = (value: unknown): value is ErrorClass & Schema.Codec<Error> =>
  typeof value === "function" && value.prototype instanceof Error && "fields" in value

const files = globSync("src/**/*.ts").filter((file) => /Schema\.TaggedError</.test(readFileSync(file, "utf8"))).sort()
const classes = new Map<string, ErrorClass & Schema.Codec<Error>>()
for (const file of files) {
  const module: Record<string, unknown> = await import(resolve(file))
  for (const [name, value] of Object.entries(module)) if (isErrorClass(value)) classes.set(`${file}: ${name}`, value)
}

/** What an error says that it comes from: the reason of one that has several, or the cause of one that met it. */
const sourceOf = (error: Error): unknown =>
  "reason" in error && error.reason instanceof Error ? error.reason : error.cause

/** The same error, with this at the end of its causes, if its reason can have any. */
const rootedIn = (error: Error, root: Error): Error => {
  const source = sourceOf(error)
  const { constructor } = error
  if (!isErrorClass(constructor)) return error
  const fields = Object.fromEntries(Object.keys(constructor.fields).map((key) => [key, Reflect.get(error, key)]))
  if (source instanceof Error && "reason" in error) {
    return new constructor({ ...fields, reason: rootedIn(source, root) })
  }
  if (!("cause" in constructor.fields)) return error
  try {
    return new constructor({ ...fields, cause: root })
  } catch {
    return error // its cause is an error of this library
  }
}

const rootOf = (error: Error): Error => {
  const source = sourceOf(error)
  return source instanceof Error ? rootOf(source) : error
}

describe("errors", () => {
  it("with several reasons are these", () => {
    const wrappers = Array.from(classes).filter(([, found]) => "reason" in found.fields).map(([name]) => name)
    assert.isAtLeast(wrappers.length, 16, wrappers.join("\n"))
  })

  for (const [name, found] of classes) {
    it.effect(`${name} shows what caused it`, () =>
      Effect.gen(function*() {
        const instances = yield* Arbitrary.sampleEffect(Arbitrary.schema(found), { count: 40, seed: 7 })
        for (const instance of instances) {
          const root = new Error("the root of it all (errno 14)")
          const error = rootedIn(instance, root)
          const { message } = rootOf(error)
          assert.include(Cause.pretty(Cause.fail(error)), message)
          assert.include(CauseText.of(error), message)
        }
      }))
  }
})

describe("CauseText", () => {
  it("says each thing once", () => {
    const root = new Error("ENOENT: no such file or directory, open '/a/b'")
    assert.strictEqual(CauseText.of(new Error("it failed", { cause: root })), `it failed: ${root.message}`)
    assert.strictEqual(
      CauseText.of(new Error(`it failed: ${root.message}`, { cause: root })),
      `it failed: ${root.message}`
    )
    assert.strictEqual(CauseText.of("a text"), "a text")
    assert.strictEqual(CauseText.of(new TypeError("")), "TypeError")
  })

  it("ends where causes lead in a circle", () => {
    const one = new Error("one")
    one.cause = new Error("two", { cause: one })
    assert.strictEqual(CauseText.of(one), "one: two")
  })

  it("names each address that was tried", () => {
    const refused = ["::1", "127.0.0.1"].map((address) => new Error(`connect ECONNREFUSED ${address}:1`))
    assert.strictEqual(
      CauseText.of(new Error("no connection", { cause: new AggregateError(refused, "") })),
      "no connection: connect ECONNREFUSED ::1:1; connect ECONNREFUSED 127.0.0.1:1"
    )
  })
})
