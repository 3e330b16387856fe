/** The Java client's users on an embedded server that asks who they are, and encrypts. */
import { embeddedServer, securityCases } from "./securityCases.ts"

securityCases("the embedded server", embeddedServer)
