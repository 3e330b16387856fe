#!/usr/bin/env node
/**
 * The program `effect-pravega`. Ends with 0 when it has done what it was asked (`dev`: when SIGINT or SIGTERM ended it),
 * with 1 when it could not, with 2 if the command line can't be understood.
 */
// Before all else is loaded: what V8 has compiled once is kept, which more than pays for reading the command line.
process.getBuiltinModule("node:module").enableCompileCache()

const { run } = await import("./Program.ts")
run(process.argv.slice(2))
