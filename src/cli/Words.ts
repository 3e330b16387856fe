/** Arguments and flags that several commands have. */
import * as Argument from "effect/cli/Argument"
import * as CliError from "effect/cli/CliError"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { QueryName } from "../batch/protocol/QueryName.ts"

const decodeQuery = Schema.decodeEffect(QueryName)

/** @category options @since 0.1.0 */
export const query = Argument.String("QUERY").pipe(
  Argument.withDescription("the name of the query"),
  Argument.mapEffect((text) =>
    Effect.mapError(
      decodeQuery(text),
      () =>
        new CliError.ValidationError({
          message: `a query's name is letters, digits, dots, dashes and underscores, 100 at most, not ${text}`
        })
    )
  )
)

/** @category options @since 0.1.0 */
export const savepoint = Argument.String("NAME").pipe(Argument.withDescription("the name of the savepoint"))

/** @category options @since 0.1.0 */
export const json = Flag.Boolean("json").pipe(
  Flag.withDescription("print JSON, for programs"),
  Flag.withDefault(false)
)
