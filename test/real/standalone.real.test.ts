import { assert, describe, it } from "@effect/vitest"
import * as Net from "node:net"
import { controller, randomName } from "./pravega.ts"

describe("the server of these tests", () => {
  it("accepts connections at the controller's address", async () => {
    const { hostname, port } = new URL(controller)
    const answered = await new Promise<boolean>((resolve) => {
      const socket = Net.connect({ host: hostname, port: Number(port) }, () => {
        socket.destroy()
        resolve(true)
      })
      socket.on("error", () => resolve(false))
    })
    assert.isTrue(answered)
  })

  it("gives no name twice", () => {
    assert.notStrictEqual(randomName(), randomName())
  })
})
