/**
 * One batch of a keyed step in one slot: the step, the rows that it reads and writes, and where it puts what it makes. What
 * the step does with its inputs is in the file of its operator.
 *
 * @since 0.2.0
 */
import type { KeyCodec } from "./Keys.ts"
import type { Emitted, Inputs, Moment, Ran, Rows } from "./Operator.ts"

/** What an operator is made of. @category models @since 0.2.0 */
export interface KeyedStep<out O> {
  readonly name: string
  readonly operation: O
  readonly key: KeyCodec
}

/** @category models @since 0.2.0 */
export abstract class OperatorBatch<O> {
  protected readonly name: string
  protected readonly operation: O
  protected readonly key: KeyCodec
  protected readonly rows: Rows
  protected readonly moment: Moment
  protected readonly emitted: Emitted

  constructor({ key, name, operation }: KeyedStep<O>, rows: Rows, moment: Moment, emitted: Emitted) {
    this.name = name
    this.operation = operation
    this.key = key
    this.rows = rows
    this.moment = moment
    this.emitted = emitted
  }

  abstract run(inputs: Inputs): Ran
}
