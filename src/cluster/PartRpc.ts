/**
 * What a driver asks its workers, over whatever lies between them.
 */
import * as Rpc from "effect/rpc/Rpc"
import * as RpcGroup from "effect/rpc/RpcGroup"
import { PartAnswer, PartOrder } from "../batch/engine/PartOrder.ts"
import { CommitError, WorkerLost } from "../batch/protocol/CommitError.ts"

/** Volatile: an order that is not answered is given up with its try. @category schemas @since 0.2.0 */
export const ProcessPart = Rpc.make("ProcessPart", { payload: PartOrder, success: PartAnswer, error: CommitError })

/** There is no answer, and none will be heard. @category errors @since 0.2.0 */
export const lost = ({ batch, part, query }: PartOrder, detail: string): CommitError =>
  new CommitError({ reason: new WorkerLost({ query, batch, part, detail }) })

/** @category schemas @since 0.2.0 */
export class Parts extends RpcGroup.make(ProcessPart) {}
