/** Pravega's Python client and this package, on the embedded server. */
import { embedded } from "./InteropServer.ts"
import { pythonCases } from "./pythonCases.ts"

pythonCases("the embedded server", embedded)
