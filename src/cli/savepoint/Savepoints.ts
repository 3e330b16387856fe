/** `effect-pravega savepoint`: positions of queries, kept under names. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Savepoint from "../../batch/engine/Savepoint.ts"
import type { QueryName } from "../../batch/protocol/QueryName.ts"
import type { Home } from "../Home.ts"
import * as Json from "../Json.ts"
import * as OpenHome from "../OpenHome.ts"

interface Options {
  readonly home: Home
  readonly json: boolean
}

/** @category constructors @since 0.1.0 */
export const create = (
  { home, json, name, query }: Options & { readonly query: QueryName; readonly name: string }
) =>
  OpenHome.useQuery(
    home,
    query,
    Effect.fnUntraced(function*(nothing) {
      if (nothing !== undefined) return yield* nothing
      const savepoint = yield* Savepoint.create(query, name)
      yield* Console.log(json ? Json.savepoint(savepoint) : describe(savepoint))
    })
  )

/** @category running @since 0.1.0 */
export const list = ({ home, json }: Options) =>
  OpenHome.use(home, Savepoint.logName, (nothing) =>
    Effect.flatMap(Savepoint.list, (savepoints) => {
      if (json) return Console.log(Json.savepoints(savepoints))
      if (nothing !== undefined) return Console.log(`there are no savepoints ${nothing.place}`)
      return Console.log(savepoints.length === 0 ? "there are no savepoints" : savepoints.map(describe).join("\n"))
    }))

/** @category running @since 0.1.0 */
export const deleteNamed = ({ home, json, name }: Options & { readonly name: string }) =>
  OpenHome.use(home, Savepoint.logName, () =>
    Effect.andThen(
      Savepoint.delete(name),
      Console.log(json ? Json.deleted({ deleted: name }) : `savepoint "${name}" is deleted`)
    ))

const describe = ({ at, batch, name, positions, query, state, version }: Savepoint.Savepoint): string =>
  [
    `savepoint "${name}" of ${
      new Date(at).toISOString()
    }: query "${query}", version "${version}", before batch ${batch}`,
    ...Object.entries(positions).map(([source, position]) => `  source "${source}" at ${JSON.stringify(position)}`),
    ...state === undefined ? [] : ["  with what its flow remembers: restore it with the StateStore that it is in"]
  ].join("\n")
