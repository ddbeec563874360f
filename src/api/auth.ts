import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** Whether a request carries the key (`Authorization: Bearer`); compared in constant time. Always so without a key. */
export function hasKey(request: IncomingMessage, apiKey: string | undefined): boolean {
  if (apiKey === undefined) return true;
  const given = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
  return given !== undefined && timingSafeEqual(digest(given), digest(apiKey));
}

/**
 * Whether a request may come from where it comes from. Browsers send `Origin`, and any web page can reach localhost; other
 * clients send none.
 */
export function hasAllowedOrigin(request: IncomingMessage, origins: string[]): boolean {
  const { origin } = request.headers;
  return origin === undefined || origins.some((allowed) => allowed.toLowerCase() === origin.toLowerCase());
}

/** Whether only this machine can reach what listens there. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}
