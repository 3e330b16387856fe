/**
 * What an error says of itself and of what caused it, in one line: for messages that are shown without their causes, as a
 * log's, a status or a command line's. It decides nothing by what an error is.
 *
 * @internal
 */
import * as Formatter from "effect/Formatter"

/** How far a chain of causes is followed: one that leads back to itself has an end, too. */
const maxCauses = 8

/**
 * The message of an error, and those of its causes where they say more: `it failed: and this is why`. Of what is no error,
 * its text.
 *
 * @category formatting
 * @since 0.2.0
 */
export const of = (error: unknown): string => {
  let text = messageOf(error)
  let cause = causeOf(error)
  for (let depth = 0; cause !== undefined && depth < maxCauses; depth++) {
    const message = messageOf(cause)
    if (!text.includes(message)) text = text === "" ? message : `${text}: ${message}`
    cause = causeOf(cause)
  }
  return text
}

const causeOf = (error: unknown): unknown => error instanceof Error ? error.cause : undefined

const messageOf = (error: unknown): string => {
  if (typeof error === "string") return error
  // anything can be thrown, also what has no text of its own
  if (!(error instanceof Error)) return Formatter.format(error)
  // Several addresses of one name were tried: the error that says so has no words of its own.
  if (error.message === "" && error instanceof AggregateError) return error.errors.map(of).join("; ")
  return error.message === "" ? error.name : error.message
}
