import { runCommand } from "./command.ts";
import { SetupError } from "./errors.ts";
import { runtimeImages } from "./images/catalog.ts";

const args = process.argv.slice(3);
const refresh = args.includes("--refresh");
const names = args.filter((name) => name !== "--refresh");

await runCommand({ withoutRedis: true, refresh }, async ({ images }) => {
  const unknown = names.find((name) => !runtimeImages.some((image) => image.name === name));
  if (unknown !== undefined) {
    throw new SetupError(`there is no image "${unknown}"`, [
      `there are ${runtimeImages.map(({ name }) => name).join(", ")}`,
    ]);
  }
  const wanted = runtimeImages.filter((image) => names.length === 0 || names.includes(image.name));
  await images.sessions(wanted);
  return 0;
});
