import { LANGUAGES } from "../../shared/protocol/languages.ts";
import type { Method } from "../context.ts";

/** The languages that sessions can be created in. */
export const languageList: Method<"language.list"> = async () => ({ languages: [...LANGUAGES] });
