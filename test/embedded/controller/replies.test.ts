/** The embedded controller gives the replies of a real one. */
import { layer as withLayer } from "@effect/vitest"
import { layer } from "./EmbeddedController.ts"
import { replyCases } from "./replyCases.ts"

withLayer(layer(), { excludeTestServices: true })("the embedded controller's replies", replyCases)
