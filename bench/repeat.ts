/** Calls something again and again, and counts. */

/** The best of some runs of so many milliseconds each, in calls per second. */
export const callsPerSecond = (call: () => number, { millis, runs }: { millis: number; runs: number }): number => {
  let best = 0
  let sum = 0
  for (let run = 0; run < runs; run++) {
    let calls = 0
    const start = performance.now()
    while (performance.now() - start < millis) {
      for (let i = 0; i < 8; i++) sum += call()
      calls += 8
    }
    best = Math.max(best, calls / (performance.now() - start) * 1000)
  }
  if (sum === 0) throw new Error("nothing was done")
  return best
}
