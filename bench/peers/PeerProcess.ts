/** A running program of a peer: commands in, figures out, one after the other. */
import { spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import { createInterface } from "node:readline"
import type { Interface } from "node:readline"
import type { Program } from "./Peer.ts"

export type Figures = Readonly<Record<string, number>>

export class PeerProcess {
  /** Commands that it was warmed up with. */
  readonly warmed = new Set<string>()
  private readonly child: ChildProcess
  private readonly lines: Interface
  private answer: { readonly resolve: (line: string) => void; readonly reject: (cause: Error) => void } | undefined
  private failure: Error | undefined
  private said = ""

  constructor({ args, command, env }: Program, controller: string) {
    // without the options of who asks
    const child = spawn(command, [...args, controller], {
      env: { ...process.env, NODE_OPTIONS: "", ...env },
      stdio: ["pipe", "pipe", "pipe"]
    })
    this.child = child
    child.stdin.on("error", () => {})
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.said = (this.said + text).slice(-2000)
    })
    child.on("error", (cause) => this.fail(cause))
    child.on("close", (code, signal) => this.fail(new Error(`${command} ended with ${signal ?? code}: ${this.said}`)))
    this.lines = createInterface({ input: child.stdout })
    this.lines.on("line", (line) => {
      const { answer } = this
      this.answer = undefined
      answer?.resolve(line)
    })
  }

  get pid(): number | undefined {
    return this.child.pid
  }

  get isAlive(): boolean {
    return this.failure === undefined
  }

  /** The process is killed if it takes longer. */
  async ask(command: string, withinSeconds: number): Promise<Figures> {
    if (this.failure !== undefined) throw this.failure
    const timer = setTimeout(() => {
      this.fail(new Error(`no answer to "${command}" within ${withinSeconds} s`))
      this.kill()
    }, withinSeconds * 1000)
    try {
      const line = await new Promise<string>((resolve, reject) => {
        this.answer = { resolve, reject }
        this.child.stdin?.write(`${command}\n`)
      })
      return JSON.parse(line)
    } finally {
      clearTimeout(timer)
    }
  }

  /** At the end of its input it ends by itself; it has a few seconds for that. */
  async stop(): Promise<void> {
    if (!this.isAlive) return
    const ended = new Promise((resolve) => this.child.once("close", resolve))
    const timer = setTimeout(() => this.kill(), 3000)
    this.child.stdin?.end()
    await ended
    clearTimeout(timer)
  }

  kill(): void {
    this.child.kill("SIGKILL")
  }

  private fail(cause: Error): void {
    this.failure ??= cause
    this.answer?.reject(cause)
    this.answer = undefined
  }
}
