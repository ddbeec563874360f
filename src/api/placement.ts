import { ProtocolError } from "../shared/protocol/errors.ts";
import { findLanguage, LANGUAGES, type Language } from "../shared/protocol/languages.ts";
import { invalidParams } from "./params.ts";

/** The language that a client names; an error that lists those there are when it is unknown. */
export function wantedLanguage(name: string): Language {
  const language = findLanguage(name);
  if (language) return language;
  const known = LANGUAGES.flatMap(({ name: known, aliases }) => [known, ...aliases]).join(", ");
  throw invalidParams([
    { path: "language", reason: `unknown language "${name.slice(0, 100)}"; known are ${known}` },
  ]);
}

/** More sessions wait for a worker than CODEBEAKER_CREATE_QUEUE allows. */
export function tooManyWaiting(createQueue: number): ProtocolError {
  return new ProtocolError(
    "OVERLOADED",
    `${createQueue} sessions wait for a worker already. Try again later, or add workers or slots (CODEBEAKER_SLOTS).`,
  );
}
