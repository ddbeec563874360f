import type Docker from "dockerode";
import type { Log } from "../../shared/log.ts";
import { pause } from "../../shared/pause.ts";
import { within } from "../../shared/within.ts";

/**
 * there ──no answer──▶ away ──an answer──▶ there
 *
 * An engine that is away takes no new sessions, and this worker none for it. What runs there may live on, so nothing is
 * decided about it before the engine answers again, or has been away for so long that it counts as gone.
 */
export interface EngineWatch {
  /** For how long the engine has not answered; 0 while it does. */
  awayMs: () => number;
  /** Calls `listener` at each change. */
  onChange: (listener: (away: boolean) => void) => void;
}

const ASK_MS = 2000;
const ANSWER_MS = 10_000;

/** Asks the engine every 2 s whether it is there, until `signal` is aborted. */
export function watchEngine(docker: Docker, log: Log, signal: AbortSignal): EngineWatch {
  const listeners: ((away: boolean) => void)[] = [];
  let awaySince: number | undefined;

  function heard(answer: boolean, error?: unknown): void {
    const away = !answer;
    if (away === (awaySince !== undefined)) return;
    awaySince = away ? performance.now() : undefined;
    if (away) log.error({ err: error }, "the Docker Engine is away; its sessions wait until it is back");
    else log.info("the Docker Engine is back");
    for (const listener of listeners) listener(away);
  }

  void (async () => {
    while (await pause(ASK_MS, signal)) {
      const late = () => new Error(`no answer within ${ANSWER_MS} ms`);
      await within(ANSWER_MS, docker.ping(), late).then(
        () => heard(true),
        (error: unknown) => heard(false, error),
      );
    }
  })();
  return {
    awayMs: () => (awaySince === undefined ? 0 : performance.now() - awaySince),
    onChange: (listener) => {
      listeners.push(listener);
    },
  };
}
