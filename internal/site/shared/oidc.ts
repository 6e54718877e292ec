// Sign-in by OpenID Connect: authorization code with PKCE (RFC 7636), for a public client without a secret.
import { decodeBase64url, encodeBase64url } from "./base64url.ts";
import { HTTPError, request } from "./fetch.ts";
import type { Hashing } from "./hashing.ts";
import { recall, remember } from "./storage.ts";

/** Who signs people in. */
export interface Provider {
  issuer: string;
  client_id: string;
  scope?: string;
}

interface Discovery {
  issuer: string;
  authorization_endpoint: string;
  token_endpoint: string;
}

interface Attempt {
  state: string;
  nonce: string;
  verifier: string;
  redirect: string;
  /** Where in the page the visitor was: the fragment, which no provider keeps. */
  hash: string;
}

const place = "oidc";

/** Leaves the page for the provider's sign-in. */
export async function signIn(provider: Provider, hashing: Hashing): Promise<void> {
  const { authorization_endpoint } = await discover(provider.issuer);
  const attempt: Attempt = {
    state: random(),
    nonce: random(),
    verifier: random(),
    redirect: location.origin + location.pathname,
    hash: location.hash,
  };
  remember(place, JSON.stringify(attempt), "tab");
  const url = new URL(authorization_endpoint);
  for (const [name, value] of Object.entries({
    response_type: "code",
    client_id: provider.client_id,
    redirect_uri: attempt.redirect,
    scope: provider.scope ?? "openid",
    state: attempt.state,
    nonce: attempt.nonce,
    code_challenge: encodeBase64url(await hashing.digest(attempt.verifier)),
    code_challenge_method: "S256",
  })) {
    url.searchParams.set(name, value);
  }
  location.assign(url);
}

/**
 * Back from the provider: the token, or undefined where the page was not opened by a sign-in. The address loses code and
 * state at once, and has its fragment again. Rejects where the sign-in failed or is not one that this tab began.
 */
export async function finishSignIn(provider: Provider): Promise<string | undefined> {
  const query = new URLSearchParams(location.search);
  if (!query.has("state")) return undefined;
  const attempt = JSON.parse(recall(place, "tab") ?? "{}") as Partial<Attempt>;
  history.replaceState(null, "", location.pathname + (attempt.hash ?? location.hash));
  remember(place, undefined, "tab");
  const code = query.get("code");
  if (!attempt.verifier || !attempt.redirect || query.get("state") !== attempt.state) {
    throw new Error("this sign-in was not begun here");
  }
  if (code === null) throw new Error(query.get("error") ?? "no code");
  const { token_endpoint } = await discover(provider.issuer);
  const response = await request(token_endpoint, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code",
      code,
      redirect_uri: attempt.redirect,
      client_id: provider.client_id,
      code_verifier: attempt.verifier,
    }),
  });
  if (!response.ok) throw new HTTPError(response.status);
  const tokens = (await response.json()) as { access_token?: string; id_token?: string };
  if (tokens.id_token !== undefined && claims(tokens.id_token).nonce !== attempt.nonce) {
    throw new Error("the token is not for this sign-in");
  }
  return bearer(tokens, provider.client_id);
}

/**
 * The token that an API will take: the access token where it is a JWT that names the client, else the ID token. API
 * Gateway compares aud or client_id (API Gateway Developer Guide, "Control access to HTTP APIs with JWT authorizers").
 */
function bearer(tokens: { access_token?: string; id_token?: string }, client: string): string {
  const access = claims(tokens.access_token ?? "");
  const named = access.client_id === client || [access.aud].flat().includes(client);
  const token = named ? tokens.access_token : (tokens.id_token ?? tokens.access_token);
  if (token === undefined) throw new Error("the answer has no token");
  return token;
}

/** The claims of a JWT, unchecked: the API checks them. Empty where it is none. */
export function claims(token: string): Record<string, unknown> {
  try {
    return JSON.parse(decodeBase64url(token.split(".")[1] ?? "")) as Record<string, unknown>;
  } catch {
    return {};
  }
}

async function discover(issuer: string): Promise<Discovery> {
  const response = await request(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`);
  if (!response.ok) throw new HTTPError(response.status);
  return (await response.json()) as Discovery;
}

const random = (): string => encodeBase64url(crypto.getRandomValues(new Uint8Array(32)));
