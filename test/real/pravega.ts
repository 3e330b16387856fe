/** What a test against the real server needs to know: where it is, and names that no other test uses. */
import { randomBytes } from "node:crypto"
import { inject } from "vitest"
import "./globalSetup.ts"

/** The controller's address, as tcp://host:port. */
export const controller: string = inject("controller")

/** A valid scope or stream name that nobody else uses. */
export const randomName = (prefix = "s"): string => `${prefix}-${randomBytes(6).toString("hex")}`

export const randomScope = (): string => randomName("scope")
