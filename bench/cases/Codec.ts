/** The wire codec alone, beside a plain copy of the same bytes. */
import { type CodecCall, codecCalls } from "../codecCalls.ts"
import { callsPerSecond } from "../repeat.ts"
import type { Bench, Case } from "./Case.ts"

const codec = "codec"
const copy = "plain copy"

const allocatedPerFrame = ({ call, frames }: CodecCall): number => {
  const calls = 200
  for (let i = 0; i < calls; i++) call()
  const before = process.memoryUsage()
  for (let i = 0; i < calls; i++) call()
  const after = process.memoryUsage()
  // a collection in between makes it less than nothing: then it is not known
  const bytes = after.heapUsed - before.heapUsed + after.arrayBuffers - before.arrayBuffers
  return bytes < 0 ? Number.NaN : bytes / calls / frames
}

const measure = (bench: Bench, round: number, one: CodecCall): void => {
  const how = { millis: bench.isQuick ? 50 : 150, runs: 2 }
  const subjects = [[codec, one.call], [copy, one.copy]] as const
  for (const [subject, call] of round % 2 === 0 ? subjects : subjects.toReversed()) {
    const perSecond = callsPerSecond(call, how)
    const bytesPerFrame = subject === codec ? allocatedPerFrame(one) : Number.NaN
    const figures = { framesPerSecond: perSecond * one.frames, bytesPerSecond: perSecond * one.bytes, bytesPerFrame }
    bench.record({ row: one.name, subject, round, figures })
  }
}

export const codecs: Case = {
  name: "codec",
  title: "The wire codec alone",
  does:
    "Frames decoded from chunks of 64 KiB as a socket gives them, and encoded as parts for a socket, beside a copy of " +
    "the same bytes to a new array.",
  doesNotShow:
    "sockets, the store, Effect. Parts are not copied when they are encoded, and views are handed out where a " +
    "payload lies within a chunk: such rows move no bytes. What one call allocates is known only as long as no " +
    "collection falls into its measurement.",
  metrics: [
    { title: "GB per second", of: (f) => f["bytesPerSecond"]! / 1e9, better: "more", digits: 2 },
    { title: "Thousand frames per second", of: (f) => f["framesPerSecond"]! / 1000 },
    { title: "Bytes allocated per frame", of: (f) => f["bytesPerFrame"] }
  ],
  ratios: [{ title: "codec to copy", of: codec, to: [copy] }],
  needsClients: false,
  seconds: 18,
  run: (bench) => {
    const calls = codecCalls()
    for (const round of bench.rounds()) for (const one of calls) measure(bench, round, one)
    return Promise.resolve()
  }
}
