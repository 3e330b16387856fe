/** Which files `npm run mutate` changes unless it is told, and which tests should notice, by room. */

/** The protocol and the writers. Indexes and types have nothing to change. */
export const protocolFiles: ReadonlyArray<string> = [
  "src/batch/{engine,log,protocol,sink,source}/**/*.ts",
  "src/pravega/{write,transaction}/**/*.ts"
]

interface Room {
  readonly folder: string
  /** The cheap ones first: the first one that fails ends the run of a mutant. */
  readonly tests: ReadonlyArray<string>
}

const swarm = "test/simulation/swarm.test.ts"
const commits = ["test/batch/engine/Verdicts.test.ts", "test/batch/engine/Commit.test.ts"]

const rooms: ReadonlyArray<Room> = [
  { folder: "src/batch/protocol", tests: ["test/batch/protocol", "test/batch/log/OwnedLog.test.ts", ...commits] },
  { folder: "src/batch/log", tests: ["test/batch/log", ...commits] },
  { folder: "src/batch/source", tests: ["test/batch/source", ...commits, swarm] },
  { folder: "src/batch/sink", tests: ["test/batch/sink", ...commits, swarm] },
  { folder: "src/batch/engine", tests: ["test/batch/protocol", "test/batch/engine", swarm] },
  { folder: "src/pravega/write", tests: ["test/pravega/write", "test/batch/sink/IdempotentSink.test.ts"] },
  { folder: "src/pravega/transaction", tests: ["test/pravega/transaction", "test/batch/sink/Sink.test.ts"] }
]

/** What should notice a change of these files, in the order in which it is asked. */
export const testsOf = (files: ReadonlyArray<string>): ReadonlyArray<string> => {
  const concerned = rooms.filter(({ folder }) => files.some((file) => file.startsWith(`${folder}/`)))
  return [...new Set(concerned.flatMap(({ tests }) => tests))]
}
