/** How the tests run that should notice a mutant: those that `mutate.ts` names, in its order, in one worker. */
import { defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"

const tests = (process.env["MUTATION_TESTS"] ?? "").split(",").filter((test) => test !== "")

/** As they are named: what is cheap comes first, and what fails ends the run. */
class AsNamed extends BaseSequencer {
  override sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    const place = ({ moduleId }: TestSpecification) => tests.findIndex((test) => moduleId.includes(`/${test}`))
    return Promise.resolve(files.toSorted((a, b) => place(a) - place(b) || a.moduleId.localeCompare(b.moduleId)))
  }
}

export default defineConfig({
  ssr: { resolve: { conditions: ["source", "module", "node", "development|production"] } },
  test: {
    include: tests.map((test) => test.endsWith(".ts") ? test : `${test}/**/*.test.ts`),
    exclude: ["test/**/*.real.test.ts", "test/**/*.postgres.test.ts", "test/**/*.vectors.test.ts"],
    env: { SIMULATION_HISTORIES: "100" },
    sequence: { sequencer: AsNamed },
    // A mutant that hangs is ended by the runner, which knows how long the tests take without one.
    testTimeout: 900_000,
    hookTimeout: 900_000
  }
})
