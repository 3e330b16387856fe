/**
 * What stands where an event was to be, in a batch that goes on without it.
 *
 * @since 0.1.0
 */

/** An event that can't be decoded. @category models @since 0.1.0 */
export class Undecodable {
  readonly detail: string
  constructor(detail: string) {
    this.detail = detail
  }
}
