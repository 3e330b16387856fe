/** Pravega's Java client and this package, on the embedded server: of what a real server needs, only java and mvn. */
import { embedded } from "./InteropServer.ts"
import { javaCases } from "./javaCases.ts"

javaCases("the embedded server", embedded)
