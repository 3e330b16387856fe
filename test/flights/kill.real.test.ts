/** The main job on a real Pravega, which lives on when the job is killed. */
import { controller } from "../real/pravega.ts"
import { killCases } from "./killCases.ts"

killCases({
  flights: 60_000,
  signals: [
    "SIGKILL",
    "SIGKILL",
    "SIGKILL",
    "SIGINT",
    "SIGKILL",
    "SIGKILL",
    "SIGKILL",
    "SIGKILL",
    "SIGINT",
    "SIGKILL",
    "SIGKILL",
    "SIGKILL"
  ],
  words: [`--controller=${controller}`]
})
