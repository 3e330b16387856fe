/** Names that no other test uses, so that tests can share a server. */
import { randomBytes } from "node:crypto"

/** A valid scope or stream name that nobody else uses. */
export const randomName = (prefix = "s"): string => `${prefix}-${randomBytes(6).toString("hex")}`

export const randomScope = (): string => randomName("scope")
