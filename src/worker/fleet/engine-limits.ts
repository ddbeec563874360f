import { z } from "zod";

/** What an engine does not tell of, it is not trusted with. */
const EngineLimits = z.object({
  MemoryLimit: z.boolean().default(false),
  PidsLimit: z.boolean().default(false),
  CpuCfsQuota: z.boolean().default(false),
});

/**
 * The limits of a session that an engine can't enforce, by name; from what it says of itself (GET /info of the Docker
 * Engine API).
 */
export function missingLimits(info: unknown): string[] {
  const { MemoryLimit, PidsLimit, CpuCfsQuota } = EngineLimits.parse(info);
  return [
    ...(MemoryLimit ? [] : ["memory"]),
    ...(PidsLimit ? [] : ["pids"]),
    ...(CpuCfsQuota ? [] : ["CPU"]),
  ];
}
