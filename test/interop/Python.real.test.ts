/** Pravega's Python client and this package, on the real server. */
import { controller } from "../real/pravega.ts"
import { running } from "./InteropServer.ts"
import { pythonCases } from "./pythonCases.ts"

pythonCases("the real server", running(controller))
