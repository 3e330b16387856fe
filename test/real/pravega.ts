/** What a test against the real server needs to know: where it is, and names that no other test uses. */
import { inject } from "vitest"
import "./globalSetup.ts"

export { randomName, randomScope } from "../names.ts"

/** The controller's address, as tcp://host:port. */
export const controller: string = inject("controller")
