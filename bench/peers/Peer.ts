/**
 * A client beside which ours is measured: how its program is built, and how it is talked to. Each is a process that is
 * given a controller's address, and then commands, a line each, which it answers with a line of JSON (figures by name):
 *
 *     write         stream=SCOPE/NAME events=N size=BYTES                     events, seconds
 *     transactions  stream= events=PER_TRANSACTION count=TRANSACTIONS size=   and transactionP50Ms.., commitP50Ms..
 *     batch         stream= parallel=RANGES                                   with the batch reader
 *     group         stream= events= readers=N                                 with a new reader group
 *     latency       stream= rate=PER_SECOND seconds= warm=SECONDS size=       latencyP50Ms, P99, P999, Max
 *
 * All answer with `cpuSeconds` too, those of the whole process during the command. Streams exist already. A process lives
 * for many commands: what is measured is warm unless a case says otherwise.
 */

export type CommandName = "write" | "transactions" | "batch" | "group" | "latency"

export interface Peer {
  readonly title: string
  readonly commands: ReadonlyArray<CommandName>
  /** Builds it if that was not done yet, or says why it has to be left out. */
  readonly prepare: () => Promise<Program | LeftOut>
}

/** How its process is started. */
export interface Program {
  readonly command: string
  /** The controller's address comes last. */
  readonly args: ReadonlyArray<string>
  readonly env?: Readonly<Record<string, string>> | undefined
}

export interface LeftOut {
  readonly why: string
}

export const isLeftOut = (prepared: Program | LeftOut): prepared is LeftOut => "why" in prepared
