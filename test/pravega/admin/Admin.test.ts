import { create, toBinary } from "@bufbuild/protobuf"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as Embedded from "../../../src/embedded/Embedded.ts"
import * as Admin from "../../../src/pravega/admin/Admin.ts"
import { ControllerTransport } from "../../../src/pravega/controller/ControllerTransport.ts"
import {
  CreateStreamStatus_Status,
  CreateStreamStatusSchema
} from "../../../src/pravega/controller/gen/Controller_pb.ts"
import { Pravega } from "../../../src/pravega/Pravega.ts"
import { randomScope } from "../../names.ts"

describe("Admin", () => {
  it.effect("ensureStream finishes a scope that somebody else has half made", () =>
    Effect.gen(function*() {
      const server = yield* Embedded.make()
      const scope = randomScope()
      const { unary } = yield* Effect.provide(ControllerTransport, server.layerTransport)
      yield* Effect.provide(
        Admin.createScope(scope),
        Pravega.layerTransport().pipe(Layer.provide(server.layerTransport))
      )
      // as 0.13.0 does: the scope is listed first, and then gets what its streams are listed in
      let isWhole = false
      const asked: Array<string> = []
      const halfMade = Layer.succeed(ControllerTransport, {
        unary: (method, request, options) =>
          Effect.suspend(() => {
            asked.push(method)
            isWhole ||= method === "createScope"
            const notFound = create(CreateStreamStatusSchema, { status: CreateStreamStatus_Status.SCOPE_NOT_FOUND })
            return method === "createStream" && !isWhole
              ? Effect.succeed(toBinary(CreateStreamStatusSchema, notFound))
              : unary(method, request, options)
          })
      })
      const client = Pravega.layerTransport().pipe(Layer.provide(Layer.merge(server.layerTransport, halfMade)))
      const ensure = Admin.ensureStream(`${scope}/s`, { scaling: { _tag: "Fixed", segments: 1 } })
      assert.isTrue(yield* Effect.provide(ensure, client))
      assert.include(asked, "createScope")
      asked.length = 0
      assert.isFalse(yield* Effect.provide(ensure, client))
      assert.notInclude(asked, "createScope")
    }))
})
