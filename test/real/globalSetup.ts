/** Vitest's global setup of the real-server tests: one standalone for all of them, or the one PRAVEGA_CONTROLLER names. */
import type { TestProject } from "vitest/node"
import { startStandalone } from "./standalone.ts"

declare module "vitest" {
  interface ProvidedContext {
    readonly controller: string
  }
}

export default async (project: TestProject): Promise<(() => Promise<void>) | void> => {
  const given = process.env["PRAVEGA_CONTROLLER"]
  if (given !== undefined && given !== "") return project.provide("controller", given)
  const server = await startStandalone()
  project.provide("controller", server.controller)
  return () => server.stop({ force: true })
}
