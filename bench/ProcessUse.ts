/** What the kernel says that a process has used. Linux. */
import { readFileSync } from "node:fs"

const ticksPerSecond = 100

/** Seconds of CPU, all threads, so far. */
export const cpuSecondsOf = (pid: number): number => {
  const [, fields = ""] = readFileSync(`/proc/${pid}/stat`, "utf8").split(/\) (?=\S )/)
  const [user, system] = fields.split(" ").slice(11, 13).map(Number)
  return (user! + system!) / ticksPerSecond
}

/** Its largest resident size so far. */
export const peakMiBOf = (pid: number): number =>
  Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024)
