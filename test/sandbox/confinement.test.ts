import type Docker from "dockerode";
import { expect, inject, test } from "vitest";
import { withSession } from "../support/session.ts";
import { dockerClient } from "../support/stack.ts";

const docker: Docker = dockerClient();

test("a program runs as the sandbox user: no capability, no new privileges, no other group", () =>
  withSession(async ({ shell }) => {
    const { result } = await shell(
      "id -u; id -G; whoami; echo ~; grep -E '^(CapInh|CapPrm|CapEff|CapAmb|NoNewPrivs|Seccomp):' /proc/self/status",
    );
    const lines = result.stdout.trim().split("\n");
    expect(Number(lines[0])).toBeGreaterThanOrEqual(100_000);
    expect(lines[1]).toBe(lines[0]);
    expect(lines.slice(2, 4)).toEqual(["sandbox", "/workspace"]);
    const status = lines.slice(4).map((line) => line.split(/:\s+/));
    expect(Object.fromEntries(status)).toEqual({
      CapInh: "0000000000000000",
      CapPrm: "0000000000000000",
      CapEff: "0000000000000000",
      CapAmb: "0000000000000000",
      NoNewPrivs: "1",
      Seccomp: "2",
    });
  }));

test("users by name: Node's os.userInfo and Python's pwd know the sandbox user", async () => {
  await withSession(async ({ program }) => {
    const answer = await program({
      type: "execute_code",
      code: "import getpass, os, pwd; print(pwd.getpwuid(os.getuid()).pw_name, os.path.expanduser('~'))",
    });
    expect(answer.result.stdout).toBe("sandbox /workspace\n");
  });
  await withSession(
    async ({ program }) => {
      const answer = await program({
        type: "execute_code",
        code: "console.log(require('os').userInfo().username)",
      });
      expect(answer.result.stdout).toBe("sandbox\n");
    },
    { language: "javascript" },
  );
});

test("the root is read-only, /workspace and /tmp can be written and executed, and are below the memory limit", () =>
  withSession(async ({ shell }) => {
    const written = await shell(
      "touch /etc/x /usr/x /x 2>&1; cp /bin/echo /tmp/e && /tmp/e ran; cp /bin/echo e && ./e ran",
    );
    expect(written.result.stdout.match(/Read-only file system/g)).toHaveLength(3);
    expect(written.result.stdout).toContain("ran\nran\n");
    const sizes = await shell("df --output=size -B1M /workspace /tmp /dev/shm | tail -n +2");
    const total = sizes.result.stdout
      .trim()
      .split("\n")
      .map(Number)
      .reduce((sum, size) => sum + size, 0);
    expect(total).toBeLessThan(512);
  }));

test("there is no network but loopback", () =>
  withSession(async ({ shell }) => {
    const { result } = await shell("ls /sys/class/net; exec 3<>/dev/tcp/1.1.1.1/80");
    expect(result.stdout).toBe("lo\n");
    expect(result.exitCode).not.toBe(0);
    expect(result.stderr).toContain("Network is unreachable");
  }));

test("the container has the limits that were asked for, and the labels of its installation", () =>
  withSession(
    async ({ client, sessionId }) => {
      const { containerId } = await client.call("session.get", { sessionId });
      const { HostConfig, Config } = await docker.getContainer(containerId ?? "").inspect();
      expect(HostConfig).toMatchObject({
        Memory: 256 * 1_048_576,
        MemorySwap: 256 * 1_048_576,
        NanoCpus: 500_000_000,
        PidsLimit: 256,
        ReadonlyRootfs: true,
        NetworkMode: "none",
        IpcMode: "private",
        CapDrop: ["ALL"],
        SecurityOpt: ["no-new-privileges"],
        AutoRemove: true,
      });
      expect(HostConfig.LogConfig?.Type).toBe("none");
      expect(Config.Labels["codebeaker.session"]).toBe(sessionId);
      expect(Object.keys(Config.Labels)).toEqual(
        expect.arrayContaining(["codebeaker.deployment", "codebeaker.worker"]),
      );
      expect(inject("prefix")).not.toBe("cb");
    },
    { memoryLimitMB: 256, cpus: 0.5 },
  ));

test("sessions of one host have different users", () =>
  withSession((first) =>
    withSession(async (second) => {
      const uids = await Promise.all([first, second].map(({ shell }) => shell("id -u")));
      expect(new Set(uids.map(({ result }) => result.stdout)).size).toBe(2);
    }),
  ));
