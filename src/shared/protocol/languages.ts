/** A language as clients name it, and the image that runs it. */
export interface Language {
  name: string;
  aliases: string[];
  image: string;
}

export const LANGUAGES: readonly Language[] = [
  { name: "python", aliases: [], image: "codebeaker-python:latest" },
  { name: "javascript", aliases: ["nodejs", "node"], image: "codebeaker-nodejs:latest" },
  { name: "go", aliases: ["golang"], image: "codebeaker-golang:latest" },
  { name: "csharp", aliases: ["dotnet", "c#"], image: "codebeaker-dotnet:latest" },
];

/** The language of a name or alias, in any case; undefined when there is none. */
export function findLanguage(name: string): Language | undefined {
  const wanted = name.toLowerCase();
  return LANGUAGES.find((language) => language.name === wanted || language.aliases.includes(wanted));
}
