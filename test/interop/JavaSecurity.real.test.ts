/** The Java client's users on a standalone that asks who they are, and encrypts. */
import { realServer, securityCases } from "./securityCases.ts"

securityCases("a standalone", realServer)
