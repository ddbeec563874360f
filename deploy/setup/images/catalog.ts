/** A runtime image: the folder under deploy/images, the name that workers use, and what it is made of. */
export interface RuntimeImage {
  readonly name: "python" | "nodejs" | "golang" | "dotnet";
  readonly title: string;
  readonly repository: string;
  /** The official image that it starts from where a registry answers. */
  readonly official: string;
}

/** The demonstration needs Python alone, so it is the first. */
export const python: RuntimeImage = {
  name: "python",
  title: "Python image",
  repository: "codebeaker-python",
  official: "python:3-slim",
};

/** The others, shortest build first. */
export const others: readonly RuntimeImage[] = [
  { name: "nodejs", title: "Node.js image", repository: "codebeaker-nodejs", official: "node:24-slim" },
  {
    name: "dotnet",
    title: "C# image",
    repository: "codebeaker-dotnet",
    official: "mcr.microsoft.com/dotnet/sdk:10.0",
  },
  { name: "golang", title: "Go image", repository: "codebeaker-golang", official: "golang:1" },
];

export const runtimeImages: readonly RuntimeImage[] = [python, ...others];

/** The official image that builds the agent. */
export const officialGo = "golang:1";

/** The repository of everything that only serves to build others. */
export const buildRepository = "codebeaker-build";

/** Where images come from: official images, or Debian packages on a base of our own. */
export type Route = "registry" | "debian";
