import { openRpcDocument } from "../../shared/protocol/openrpc.ts";
import type { Method } from "../context.ts";

const document = openRpcDocument();

/** The description of this server that clients can be generated from. */
export const rpcDiscover: Method<"rpc.discover"> = async () => document;
