import * as Schema from "effect/Schema"
/** Placeholder until the reasons are written: see the file's owner. */
export class ControllerError extends Schema.TaggedError<ControllerError>()("ControllerError", {}) {}
