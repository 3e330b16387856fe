/**
 * What a user may do, as Pravega writes it: `prn::RESOURCE,LEVEL` separated by semicolons. In a resource `*` stands for
 * anything; the first entry that names a resource decides about it. Pure.
 *
 * Facts: Pravega 0.13's `PasswordAuthHandler` and `AclAuthorizerImpl`.
 *
 * @internal
 */

/** In rising order: a user that may update may read too. */
const levels = ["NONE", "READ", "READ_UPDATE"] as const
/** @category models @since 0.1.0 */
export type Level = (typeof levels)[number]

/** `resource`: what stands between the `*`s. @category models @since 0.1.0 */
export type AccessList = ReadonlyArray<{ readonly resource: ReadonlyArray<string>; readonly level: Level }>

/** @category constants @since 0.1.0 */
export const everything: AccessList = [{ resource: ["", ""], level: "READ_UPDATE" }]

/** An entry that can't be read allows nothing, as on a real server. @category decoding @since 0.1.0 */
export const parse = (text: string): AccessList =>
  text.split(";").flatMap((entry) => {
    const [resource = "", level = "", ...more] = entry.split(",").map((part) => part.trim())
    const found = levels.find((name) => name === level)
    return resource === "" || found === undefined || more.length > 0
      ? []
      : [{ resource: resource.split("*"), level: found }]
  })

/** @category guards @since 0.1.0 */
export const allows = (list: AccessList, resource: string, level: Level): boolean => {
  const allowed = list.find((entry) => matches(entry.resource, resource))?.level ?? "NONE"
  return levels.indexOf(allowed) >= levels.indexOf(level)
}

/** Each part at the first place where it is: the caller chooses the resource, and must not choose how long this takes. */
const matches = ([head = "", ...parts]: ReadonlyArray<string>, resource: string): boolean => {
  const tail = parts.pop()
  if (tail === undefined) return resource === head
  if (!resource.startsWith(head)) return false
  let at = head.length
  for (const part of parts) {
    const found = resource.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return resource.length - tail.length >= at && resource.endsWith(tail)
}
