import type { CommandDelivery } from "../shared/redis/commands.ts";

const DEFAULT_TIMEOUT_MS = 300_000;

/** How a command is kept and for how long it may run, with the defaults that depend on where it runs. */
export function deliveryOf(
  params: Pick<CommandDelivery, "timeoutMs" | "queueTimeoutMs" | "maxOutputBytes"> & {
    keep?: "head" | "tail" | undefined;
  },
  background: boolean,
): CommandDelivery {
  const { timeoutMs, queueTimeoutMs, maxOutputBytes, keep } = params;
  return {
    background,
    timeoutMs: timeoutMs ?? (background ? undefined : DEFAULT_TIMEOUT_MS),
    queueTimeoutMs,
    maxOutputBytes,
    keep: keep ?? (background ? "tail" : "head"),
  };
}
