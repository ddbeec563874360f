import { describe, expect, test } from "vitest";
import { errorOf } from "./support/client.ts";
import { at, listAt, textAt } from "./support/json.ts";
import { sharedClient } from "./support/session.ts";

const METHODS = [
  "initialize",
  "language.list",
  "session.create",
  "session.execute",
  "session.get",
  "session.list",
  "session.close",
  "session.attach",
  "session.detach",
  "execution.run",
  "execution.status",
  "execution.attach",
  "execution.detach",
  "execution.cancel",
  "execution.input",
  "execution.resize",
  "rpc.discover",
];

const COMMANDS = [
  "execute_shell",
  "execute_code",
  "write_file",
  "read_file",
  "create_directory",
  "copy_file",
  "move_file",
  "delete_file",
  "stat_file",
  "list_files",
];

const NOTIFICATIONS = [
  "execution.started",
  "execution.output",
  "execution.gap",
  "execution.ended",
  "session.state",
];

const client = sharedClient();

test("initialize says who the server is and what it allows", async () => {
  expect(await client().call("initialize", { clientName: "conformance", clientVersion: "1" })).toMatchObject({
    name: "codebeaker",
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    protocolVersion: 1,
    languages: expect.arrayContaining(["python"]),
    limits: {
      maxMessageBytes: 1_048_576,
      maxOutputBytes: expect.any(Number),
      maxOpenCommands: 64,
    },
  });
});

test("language.list names every language with its aliases", async () => {
  const { languages } = Object(await client().call("language.list"));
  expect(languages).toEqual(
    expect.arrayContaining([{ name: "python", aliases: expect.any(Array), image: expect.any(String) }]),
  );
});

describe("rpc.discover answers an OpenRPC document", () => {
  test("with every method, command, notification and error", async () => {
    const document = await client().call("rpc.discover");
    expect(document).toMatchObject({ openrpc: expect.stringMatching(/^1\./), info: { title: "CodeBeaker" } });
    const methods = listAt(document, "methods");
    expect(methods.map((method) => at(method, "name")).sort()).toEqual([...METHODS].sort());
    const execute = methods.find((method) => at(method, "name") === "session.execute");
    const command = listAt(execute, "params").find((param) => at(param, "name") === "command");
    const types = listAt(command, "schema", "oneOf").map((option) =>
      at(option, "properties", "type", "const"),
    );
    expect(types.sort()).toEqual([...COMMANDS].sort());
    const notifications = listAt(document, "x-notifications").map((one) => at(one, "name"));
    expect(notifications.sort()).toEqual([...NOTIFICATIONS].sort());
    expect(at(document, "components", "errors", "SESSION_NOT_FOUND")).toMatchObject({ code: -32001 });
  });

  test("with an example of each method, and an error of the table behind each reference", async () => {
    const document = await client().call("rpc.discover");
    for (const method of listAt(document, "methods")) {
      expect(listAt(method, "examples").length).toBeGreaterThan(0);
      for (const error of listAt(method, "errors")) {
        const name = textAt(error, "$ref").split("/").at(-1) ?? "";
        expect(at(document, "components", "errors", name)).toMatchObject({
          code: expect.any(Number),
          message: expect.any(String),
          data: { code: name, fault: expect.stringMatching(/^(caller|infrastructure)$/) },
        });
      }
    }
  });
});

test.each(METHODS)("%s refuses a field that it does not know, by name", async (method) => {
  const error = await errorOf(client().call(method, { unheardOf: 1 }));
  expect(error).toMatchObject({ code: -32602, data: { code: "INVALID_PARAMS" } });
  expect(listAt(error, "data", "issues")).toContainEqual({
    path: "unheardOf",
    reason: expect.stringMatching(/./),
  });
});
