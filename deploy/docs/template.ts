/**
 * Fills the places of a template: each is a line `<!-- name -->` of its own.
 * @throws Error when a place has no part, or a part no place: then the two have drifted apart.
 */
export function fillTemplate(template: string, parts: Record<string, string>): string {
  const unused = new Set(Object.keys(parts));
  const filled = template.replace(/^<!-- ([a-z-]+) -->$/gm, (_, name: string) => {
    const part = parts[name];
    if (part === undefined) throw new Error(`the template has a place ${name}, and nothing fills it`);
    unused.delete(name);
    return part.trimEnd();
  });
  if (unused.size > 0) throw new Error(`the template has no place for ${[...unused].join(", ")}`);
  return filled;
}
