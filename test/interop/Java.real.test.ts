/** Pravega's Java client and this package, on the real server. */
import { controller } from "../real/pravega.ts"
import { running } from "./InteropServer.ts"
import { javaCases } from "./javaCases.ts"

javaCases("the real server", running(controller))
