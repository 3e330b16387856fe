/** A reader group of Java's readers and ours, on the real server. */
import { controller } from "../real/pravega.ts"
import { groupCases } from "./groupCases.ts"
import { running } from "./InteropServer.ts"

groupCases("the real server", running(controller), 200_000)
