/**
 * What a user may do, as Pravega writes it: `prn::RESOURCE,LEVEL` separated by semicolons. In a resource `*` stands for
 * anything; the first entry that names a resource decides about it. Pure.
 *
 * Facts: Pravega 0.13's `PasswordAuthHandler` and `AclAuthorizerImpl`.
 *
 * @internal
 */

/** In rising order: who may update may read too. */
const levels = ["NONE", "READ", "READ_UPDATE"] as const
export type Level = (typeof levels)[number]

export type AccessList = ReadonlyArray<{ readonly resource: RegExp; readonly level: Level }>

export const everything: AccessList = [{ resource: /^/, level: "READ_UPDATE" }]

/** An entry that can't be read allows nothing, as on a real server. */
export const parse = (text: string): AccessList =>
  text.split(";").flatMap((entry) => {
    const [resource = "", level = "", ...more] = entry.split(",").map((part) => part.trim())
    const found = levels.find((name) => name === level)
    return resource === "" || found === undefined || more.length > 0
      ? []
      : [{ resource: pattern(resource), level: found }]
  })

export const allows = (list: AccessList, resource: string, level: Level): boolean => {
  const allowed = list.find((entry) => entry.resource.test(resource))?.level ?? "NONE"
  return levels.indexOf(allowed) >= levels.indexOf(level)
}

const pattern = (resource: string): RegExp =>
  new RegExp(`^${resource.split("*").map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, "\\$&")).join(".*")}$`)
