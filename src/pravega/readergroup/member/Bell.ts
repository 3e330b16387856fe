/**
 * Wakes one fiber that waits; rung before it waits, it does not wait.
 *
 * @internal
 */
import * as Effect from "effect/Effect"

/** @category models @since 0.1.0 */
export class Bell {
  private isRung = false
  private wake: (() => void) | undefined = undefined

  readonly ring = (): void => {
    this.isRung = true
    const { wake } = this
    this.wake = undefined
    wake?.()
  }

  silence(): void {
    this.isRung = false
  }

  readonly heard: Effect.Effect<void> = Effect.callback((resume) => {
    if (this.isRung) return resume(Effect.void)
    this.wake = () => resume(Effect.void)
    return Effect.sync(() => {
      this.wake = undefined
    })
  })
}
