/** The main job on a Pravega of its own, which is killed with it: both recover. */
import { killCases } from "./killCases.ts"

killCases({
  flights: 60_000,
  signals: [
    "SIGKILL",
    "SIGKILL",
    "SIGINT",
    "SIGKILL",
    "SIGKILL",
    "SIGKILL",
    "SIGKILL",
    "SIGINT",
    "SIGKILL",
    "SIGKILL"
  ],
  words: []
})
