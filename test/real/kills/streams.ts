/** What is copied. */
import { numberedStream } from "../../numbered.ts"

export const streamsOf = (scope: string) => ({
  source: numberedStream(`${scope}/source`),
  sink: numberedStream(`${scope}/sink`)
})
