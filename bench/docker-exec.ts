import { PassThrough } from "node:stream";
import type Docker from "dockerode";

/**
 * The same work by plain dockerode, as a program without CodeBeaker would do it: create an exec, start it, read its output
 * to the end, ask for its exit code.
 * @throws Error when the exit code is not 0, so that no failure is measured as if it were work.
 */
export async function dockerExec(docker: Docker, container: Docker.Container, argv: string[]): Promise<void> {
  const exec = await container.exec({ Cmd: argv, AttachStdout: true, AttachStderr: true });
  const stream = await exec.start({});
  const output = new PassThrough();
  docker.modem.demuxStream(stream, output, output);
  output.resume();
  await new Promise<void>((resolve, reject) => {
    stream.on("end", resolve);
    stream.on("error", reject);
  });
  const { ExitCode } = await exec.inspect();
  if (ExitCode !== 0) throw new Error(`${argv.join(" ")} ended with ${ExitCode}`);
}
