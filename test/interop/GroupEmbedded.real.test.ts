/** A reader group of Java's readers and ours, on the embedded server: of what a real server needs, only java and mvn. */
import { groupCases } from "./groupCases.ts"
import { embedded } from "./InteropServer.ts"

groupCases("the embedded server", embedded, 20_000)
