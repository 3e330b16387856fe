/**
 * Reads test vectors made with the Java library: from the folder that the environment variable PRAVEGA_VECTORS names, if
 * it is set, else from the copies beside this file.
 */
import * as fs from "node:fs"
import * as path from "node:path"

const folder = process.env["PRAVEGA_VECTORS"] || import.meta.dirname

/** The vectors `name`.json, undecoded. */
export const readVectors = (name: string): unknown =>
  JSON.parse(fs.readFileSync(path.join(folder, `${name}.json`), "utf8"))
