/** Readers of a reader group as processes, Java's and ours, of which some are killed; and what they have printed. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { Scope } from "effect/Scope"
import { type ChildProcess, spawn } from "node:child_process"
import * as Path from "node:path"
import { Position } from "../../src/core/Position.ts"
import * as Segment from "../../src/core/Segment.ts"
import * as SegmentName from "../../src/core/SegmentName.ts"
import { InteropServer } from "./InteropServer.ts"
import { javaCommand } from "./JavaClient.ts"

/** An event as a member printed it. */
export interface Printed {
  readonly segment: string
  /** Where the next event starts. */
  readonly endOffset: bigint
  /** Milliseconds since 1970, on the clock of the machine. */
  readonly time: number
  readonly text: string
}

export interface Member {
  readonly id: string
  /** Grows while the member reads. */
  readonly printed: ReadonlyArray<Printed>
  /** Kills it (-9), and waits until all that it had printed is here. */
  readonly kill: Effect.Effect<void>
  /** Waits until it ends by itself; dies if that was not with success. */
  readonly ended: Effect.Effect<void>
  /** How far it is known to have come: the last position that it has printed, and what it has printed since. */
  readonly position: () => Position
}

export const start = Effect.fnUntraced(function*(
  language: "java" | "typescript",
  where: { readonly scope: string; readonly stream: string; readonly group: string },
  id: string
): Effect.fn.Return<Member, never, InteropServer | Scope> {
  const { controller } = yield* InteropServer
  const [program, args] = language === "java"
    ? yield* javaCommand("GroupMember", [where.scope, where.group, id])
    : [process.execPath, [
      "--conditions=source",
      Path.join(import.meta.dirname, "groupMember.ts"),
      where.scope,
      where.stream,
      where.group,
      id
    ]] as const
  const running = yield* Effect.acquireRelease(
    Effect.sync(() =>
      new Running(spawn(program, args, {
        env: { ...process.env, PRAVEGA_CONTROLLER: controller },
        stdio: ["ignore", "pipe", "pipe"]
      }))
    ),
    (process) => process.kill
  )
  return {
    id,
    printed: running.printed,
    kill: running.kill,
    ended: Effect.flatMap(
      running.closed,
      (code) => code === 0 ? Effect.void : Effect.die(new Error(`member ${id} ended with ${code}:\n${running.said()}`))
    ),
    position: running.position
  }
})

class Running {
  readonly printed: Array<Printed> = []
  private offsets = new Map<string, bigint>()
  private readonly child: ChildProcess
  private rest = ""
  private errors = ""
  private code: number | string | undefined = undefined
  private readonly waiting = new Set<() => void>()

  constructor(child: ChildProcess) {
    this.child = child
    child.stdout?.setEncoding("utf8").on("data", (text: string) => this.read(text))
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.errors = (this.errors + text).slice(-10_000)
    })
    child.on("close", (code, signal) => {
      this.code = code ?? signal ?? "nothing"
      for (const resume of this.waiting) resume()
    })
  }

  readonly closed: Effect.Effect<number | string> = Effect.callback((resume) => {
    const done = () => resume(Effect.succeed(this.code ?? "nothing"))
    if (this.code !== undefined) return done()
    this.waiting.add(done)
    return Effect.sync(() => this.waiting.delete(done))
  })

  readonly kill: Effect.Effect<void> = Effect.suspend(() => {
    this.child.kill("SIGKILL")
    return Effect.asVoid(this.closed)
  })

  readonly said = (): string => this.errors

  readonly position = (): Position =>
    Position.make({
      segments: Array.from(this.offsets, ([name, offset]) => {
        const segment = Option.getOrThrow(SegmentName.parse(name))
        if (segment._tag !== "StreamSegment") throw new Error(`${name} is no segment of a stream`)
        return { stream: segment.stream, segment: segment.id, offset }
      })
    })

  /** What is not a whole line was not printed. */
  private read(text: string): void {
    const lines = (this.rest + text).split("\n")
    this.rest = lines.pop() ?? ""
    for (const line of lines) {
      const [pointer = "", time = "", text = "", position] = line.split("\t")
      const [, segment = "", offset = "", length = ""] = /^(.*):(\d+)-(\d+)$/.exec(pointer) ?? []
      const endOffset = BigInt(offset) + BigInt(length)
      this.printed.push({ segment, endOffset, time: Number(time), text })
      // Not all that it ever printed: a segment that it has given away and got back lies further than it had read itself.
      if (position === undefined) this.offsets.set(segment, endOffset)
      else this.offsets = offsetsOf(Buffer.from(position, "base64"))
    }
  }
}

const offsetsOf = (position: Uint8Array): Map<string, bigint> => {
  const { segments } = Result.getOrThrow(Position.fromBytes(position))
  return new Map(segments.map(({ offset, segment, stream }) => [Segment.name(stream, segment), offset]))
}
