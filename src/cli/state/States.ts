/** `effect-pravega state`: what the steps of a query remember. */
import * as CliError from "effect/cli/CliError"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as StateQuery from "../../batch/engine/StateQuery.ts"
import type { QueryName } from "../../batch/protocol/QueryName.ts"
import type { Home } from "../Home.ts"
import * as Json from "../Json.ts"
import * as OpenHome from "../OpenHome.ts"
import * as StateHomes from "./StateHomes.ts"
import * as StateKeys from "./StateKeys.ts"

interface Options extends StateHomes.Flags {
  readonly home: Home
  readonly query: QueryName
  readonly step: string
  readonly json: boolean
}

/** @category running @since 0.2.0 */
export const scan = (options: Options) => show(options, undefined)

/** @category running @since 0.2.0 */
export const get = (options: Options & { readonly key: string }) => show(options, options.key)

const show = (options: Options, word: string | undefined) =>
  OpenHome.useQuery(
    options.home,
    options.query,
    Effect.fnUntraced(function*(nothing) {
      const { home, json, query, step } = options
      if (nothing !== undefined) return yield* nothing
      const store = yield* StateHomes.storeAt(home, query, options)
      const { batch, keyForm, rows } = yield* Effect.provide(StateQuery.stored(query, step), store)
      const keys = StateKeys.of(keyForm)
      const wanted = word === undefined ? undefined : keys.read(word)
      if (word !== undefined && wanted === undefined) {
        const message = `${word} is no key of step "${step}": its keys are of the form ${keyForm}`
        return yield* new CliError.ValidationError({ message })
      }
      const found = rows.flatMap(({ key, sub, value }) =>
        value === undefined || (wanted !== undefined && key !== wanted)
          ? []
          : [{ key: keys.show(key), row: sub, value }]
      )
      if (json) return yield* Console.log(Json.state({ query, step, batch, rows: found }))
      yield* Console.log(`step "${step}" of query "${query}" after batch ${batch}: ${found.length} rows`)
      for (const { key, row, value } of found) yield* Console.log(`  ${key}  ${JSON.stringify(row)}  ${value}`)
    })
  )
