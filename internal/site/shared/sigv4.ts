// AWS Signature Version 4 (IAM User Guide, "Create a signed AWS API request"). A page on a plain S3 website is no secure
// context and has no crypto.subtle, so hashing is done in JavaScript.
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";

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
export function sign(
  post: Post,
  credentials: Credentials,
  region: string,
  service: string,
  at: number,
): Record<string, string> {
  const stamp = new Date(at).toISOString().replace(/[-:]|\.\d{3}/g, "");
  const day = stamp.slice(0, 8);
  const scope = `${day}/${region}/${service}/aws4_request`;
  const sent: Record<string, string> = {
    ...post.headers,
    "x-amz-date": stamp,
    "x-amz-security-token": credentials.sessionToken,
  };
  // The browser sends Host by itself and forbids to set it.
  const lines = Object.entries({ ...sent, host: post.url.host })
    .map(([name, value]) => [name.toLowerCase(), value.trim().replace(/ +/g, " ")] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const signed = lines.map(([name]) => name).join(";");
  const canonical = [
    "POST",
    // The address of a request that is not to S3 is encoded once more.
    post.url.pathname.split("/").map(encode).join("/"),
    "",
    ...lines.map(([name, value]) => `${name}:${value}`),
    "",
    signed,
    hex(post.body),
  ].join("\n");
  const text = ["AWS4-HMAC-SHA256", stamp, scope, hex(canonical)].join("\n");
  const key = [day, region, service, "aws4_request"].reduce<Uint8Array>(
    (k, part) => mac(k, part),
    utf8ToBytes(`AWS4${credentials.secretAccessKey}`),
  );
  const signature = bytesToHex(mac(key, text));
  sent.authorization = `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${signed}, Signature=${signature}`;
  return sent;
}

const mac = (key: Uint8Array, text: string): Uint8Array => hmac(sha256, key, utf8ToBytes(text));
const hex = (text: string): string => bytesToHex(sha256(utf8ToBytes(text)));

/** URI encoding as the signature wants it: all but unreserved characters. */
function encode(part: string): string {
  return encodeURIComponent(part).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}
