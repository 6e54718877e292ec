// AWS Signature Version 4 (IAM User Guide, "Create a signed AWS API request").
import type { Hashing } from "./hashing.ts";

/** Temporary credentials. */
export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  /** Milliseconds since 1970. */
  expiresAt: number;
}

/** A POST to be signed. Its address has no query. */
export interface Post {
  url: URL;
  headers: Record<string, string>;
  body: string;
}

/** Signs for a service and region at a time (milliseconds since 1970) and returns the headers to send. */
export async function sign(
  post: Post,
  credentials: Credentials,
  region: string,
  service: string,
  at: number,
  hashing: Hashing,
): Promise<Record<string, string>> {
  const scope = scopeOf(region, service, at);
  const sent = { ...post.headers, "x-amz-date": scope.stamp, "x-amz-security-token": credentials.sessionToken };
  const { names, signature } = await signatureOf({ ...post, headers: sent }, "", credentials, scope, hashing);
  return {
    ...sent,
    authorization: `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope.path}, SignedHeaders=${names}, Signature=${signature}`,
  };
}

/**
 * Signs as sign does, and returns the address to post to, which has the signature in its query. No header is added, so
 * that a browser asks no leave of another origin for a request that it would send by itself (Fetch Standard, "CORS
 * protocol").
 */
export async function signAddress(
  post: Post,
  credentials: Credentials,
  region: string,
  service: string,
  at: number,
  hashing: Hashing,
): Promise<URL> {
  const scope = scopeOf(region, service, at);
  const names = linesOf(post).map(([name]) => name);
  // In the order of their names, as the signature wants them.
  const query = Object.entries({
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": `${credentials.accessKeyId}/${scope.path}`,
    "X-Amz-Date": scope.stamp,
    "X-Amz-Expires": String(expires),
    "X-Amz-Security-Token": credentials.sessionToken,
    "X-Amz-SignedHeaders": names.join(";"),
  })
    .map(([name, value]) => `${name}=${encode(value)}`)
    .join("&");
  const url = new URL(post.url);
  const { signature } = await signatureOf(post, query, credentials, scope, hashing);
  url.search = `${query}&X-Amz-Signature=${signature}`;
  return url;
}

/** For how many seconds a signature in an address holds; every SDK's signer says it. */
const expires = 300;

/** When, where and for what a signature holds. */
interface Scope {
  stamp: string;
  parts: string[];
  path: string;
}

function scopeOf(region: string, service: string, at: number): Scope {
  const stamp = new Date(at).toISOString().replace(/[-:]|\.\d{3}/g, "");
  const parts = [stamp.slice(0, 8), region, service, "aws4_request"];
  return { stamp, parts, path: parts.join("/") };
}

/** The headers of a request as they are signed. The browser sends Host by itself and forbids to set it. */
function linesOf(post: Post): (readonly [string, string])[] {
  return Object.entries({ ...post.headers, host: post.url.host })
    .map(([name, value]) => [name.toLowerCase(), value.trim().replace(/ +/g, " ")] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The signature of a request, and the names of the headers that it covers. */
async function signatureOf(post: Post, query: string, credentials: Credentials, scope: Scope, hashing: Hashing) {
  const hash = async (text: string) => hex(await hashing.digest(text));
  const lines = linesOf(post);
  const names = lines.map(([name]) => name).join(";");
  const canonical = [
    "POST",
    // The address of a request that is not to S3 is encoded once more.
    post.url.pathname.split("/").map(encode).join("/"),
    query,
    ...lines.map(([name, value]) => `${name}:${value}`),
    "",
    names,
    await hash(post.body),
  ].join("\n");
  const text = ["AWS4-HMAC-SHA256", scope.stamp, scope.path, await hash(canonical)].join("\n");
  let key: Uint8Array = new TextEncoder().encode(`AWS4${credentials.secretAccessKey}`);
  for (const part of scope.parts) key = await hashing.mac(key, part);
  return { names, signature: hex(await hashing.mac(key, text)) };
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");

/** URI encoding as the signature wants it: all but unreserved characters. */
function encode(part: string): string {
  return encodeURIComponent(part).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}
