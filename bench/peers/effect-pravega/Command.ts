/** A line of standard input: a name, and options as key=value. */
export interface Command {
  readonly name: string
  /** SCOPE/NAME */
  readonly stream: string
  /** Throws when there is none. */
  readonly number: (key: string) => number
}

export const parseCommand = (line: string): Command => {
  const [name = "", ...words] = line.trim().split(" ")
  const options = new Map(words.map((word) => {
    const at = word.indexOf("=")
    return [word.slice(0, at), word.slice(at + 1)] as const
  }))
  const text = (key: string): string => {
    const value = options.get(key)
    if (value === undefined) throw new Error(`${key}= is missing in: ${line}`)
    return value
  }
  return { name, stream: text("stream"), number: (key) => Number(text(key)) }
}
