// An issuer of tokens for tests, which signs everybody in as alice: OpenID Connect with PKCE.
import { createHash } from "node:crypto";
import type { ServerResponse } from "node:http";

export class Issuer {
  /** The tokens that it gave last. */
  tokens: { access_token?: string; id_token?: string } = {};
  /** For how long a token is good, in milliseconds. */
  lifetime = 3_600_000;
  readonly #url: () => string;
  readonly #now: () => number;
  #challenge = "";
  #nonce = "";

  /** An issuer at a URL, which needs no end, with a clock in milliseconds. */
  constructor(url: () => string, now: () => number) {
    this.#url = url;
    this.#now = now;
  }

  /** Answers a request below its URL; false where there is nothing to answer. */
  handle(url: URL, body: string, response: ServerResponse): boolean {
    const path = url.pathname.slice(new URL(this.#url()).pathname.length);
    const json = (status: number, value: unknown) => {
      response.setHeader("Access-Control-Allow-Origin", "*");
      response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(value));
    };
    switch (path) {
      case "/.well-known/openid-configuration":
        json(200, {
          issuer: this.#url(),
          authorization_endpoint: `${this.#url()}/authorize`,
          token_endpoint: `${this.#url()}/token`,
        });
        return true;
      case "/authorize": {
        this.#challenge = url.searchParams.get("code_challenge") ?? "";
        this.#nonce = url.searchParams.get("nonce") ?? "";
        const back = new URL(url.searchParams.get("redirect_uri") ?? "");
        back.searchParams.set("code", "a code");
        back.searchParams.set("state", url.searchParams.get("state") ?? "");
        response.writeHead(302, { Location: back.href }).end();
        return true;
      }
      case "/token": {
        const form = new URLSearchParams(body);
        const verifier = form.get("code_verifier") ?? "";
        const good =
          createHash("sha256").update(verifier).digest("base64url") === this.#challenge &&
          form.get("code") === "a code" &&
          form.get("grant_type") === "authorization_code";
        if (good) {
          const exp = Math.floor((this.#now() + this.lifetime) / 1000);
          this.tokens = {
            access_token: "opaque",
            id_token: jwt({ sub: "alice", aud: "client", nonce: this.#nonce, exp }),
          };
        }
        json(good ? 200 : 400, good ? this.tokens : { error: "invalid_grant" });
        return true;
      }
      default:
        return false;
    }
  }
}

/** A token with these claims; nobody here checks its signature. */
export function jwt(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "RS256" })}.${part(claims)}.c2lnbmF0dXJl`;
}
