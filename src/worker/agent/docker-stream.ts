import { Duplex, Writable } from "node:stream";
import type Docker from "dockerode";
import type { Log } from "../../shared/log.ts";
import { within } from "../../shared/within.ts";

/** The agent's end of a connection: what goes in and, of Docker's multiplexed stream, what came out of its stdout. */
export interface AgentStream {
  duplex: Duplex;
  onBytes: (listener: (bytes: Buffer) => void) => void;
}

function demultiplex(docker: Docker, stream: NodeJS.ReadWriteStream, log: Log): AgentStream {
  // dockerode's types promise less than it gives: the hijacked socket.
  if (!(stream instanceof Duplex)) throw new Error("Docker gave no stream that can be written");
  const duplex = stream;
  return {
    duplex,
    onBytes: (listener) => {
      const stdout = new Writable({
        write: (bytes: Buffer, _encoding, done) => {
          listener(bytes);
          done();
        },
      });
      const stderr = new Writable({
        write: (bytes: Buffer, _encoding, done) => {
          log.warn({ agent: bytes.toString("utf8", 0, 2000) }, "the agent says");
          done();
        },
      });
      docker.modem.demuxStream(duplex, stdout, stderr);
    },
  };
}

const CONNECT_DEADLINE_MS = 60_000;

/** A stream that comes too late is closed: nobody waits for it any more. */
async function inTime(connecting: Promise<AgentStream>): Promise<AgentStream> {
  let late = false;
  connecting.then(
    ({ duplex }) => late && duplex.destroy(),
    () => {},
  );
  return within(CONNECT_DEADLINE_MS, connecting, () => {
    late = true;
    return new Error(`the engine did not connect within ${CONNECT_DEADLINE_MS / 1000} s`);
  });
}

/** The first connection: stdin and stdout of PID 1. To be made before the container starts. */
export function attachAgent(docker: Docker, containerId: string, log: Log): Promise<AgentStream> {
  const options = { stream: true, stdin: true, stdout: true, stderr: true, hijack: true };
  const attaching = docker.getContainer(containerId).attach(options);
  return inTime(attaching.then((stream) => demultiplex(docker, stream, log)));
}

/** A later connection: `agent connect` in the container, a stream of its own (a second attach would begin in mid-frame). */
export function execAgent(
  docker: Docker,
  containerId: string,
  agentUid: number,
  log: Log,
): Promise<AgentStream> {
  return inTime(connectRelay(docker, containerId, agentUid, log));
}

async function connectRelay(
  docker: Docker,
  containerId: string,
  agentUid: number,
  log: Log,
): Promise<AgentStream> {
  const exec = await docker.getContainer(containerId).exec({
    Cmd: ["/usr/local/lib/codebeaker/agent", "connect"],
    User: String(agentUid),
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
  });
  return demultiplex(docker, await exec.start({ hijack: true, stdin: true }), log);
}
