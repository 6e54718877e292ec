// Hashing by the browser, or by a script where the page is no secure context and has no crypto.subtle.
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";

/** SHA-256 and HMAC-SHA-256 of texts in UTF-8. */
export interface Hashing {
  digest(text: string): Promise<Uint8Array>;
  mac(key: Uint8Array, text: string): Promise<Uint8Array>;
}

/** For pages that may be served by plain HTTP: three kilobytes of script. */
export const byScript: Hashing = {
  digest: async (text) => sha256(utf8ToBytes(text)),
  mac: async (key, text) => hmac(sha256, key, utf8ToBytes(text)),
};

const utf8 = (text: string) => new TextEncoder().encode(text);

/** For pages that are served by HTTPS alone; elsewhere it rejects. */
export const byBrowser: Hashing = {
  digest: async (text) => new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(text))),
  async mac(key, text) {
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const imported = await crypto.subtle.importKey("raw", new Uint8Array(key), algorithm, false, ["sign"]);
    return new Uint8Array(await crypto.subtle.sign(algorithm.name, imported, utf8(text)));
  },
};
