// q0: all events as they are. What it costs to pass an event through.
import { events } from "../Event.ts"

export const q0 = events
