import type { IncomingMessage } from "node:http";
import { Sha256 } from "@aws-crypto/sha256-js";
import { SignatureV4 } from "@smithy/signature-v4";

/**
 * Signs the request again with AWS's own code, in the header or in the query as it came, compares, and returns the time
 * that it is signed for.
 */
export async function checkSignature(
  request: IncomingMessage,
  body: string,
  credentials: { id: string; secret: string; token: string },
): Promise<number> {
  const url = new URL(request.url ?? "/", `http://${request.headers.host}`);
  const query = url.searchParams;
  const inQuery = query.has("X-Amz-Signature");
  const authorization = request.headers.authorization ?? "";
  const said = (name: string): string =>
    (inQuery ? query.get(`X-Amz-${name}`) : new RegExp(`${name}=([^,]+)`).exec(authorization)?.[1]) ?? "";
  const headers: Record<string, string> = {};
  for (const name of said("SignedHeaders").split(";")) headers[name] = String(request.headers[name] ?? "");
  const stamp = (inQuery ? query.get("X-Amz-Date") : headers["x-amz-date"]) ?? "";
  const at = Date.parse(stamp.replace(/(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/, "$1-$2-$3T$4:$5:$6Z"));
  const [, , region = "", service = ""] = said("Credential").split("/");
  const signer = new SignatureV4({
    credentials: { accessKeyId: credentials.id, secretAccessKey: credentials.secret, sessionToken: credentials.token },
    region,
    service,
    sha256: Sha256,
    applyChecksum: false,
  });
  const unsigned = {
    method: "POST",
    protocol: "http:",
    hostname: url.hostname,
    port: Number(url.port),
    path: url.pathname,
    headers,
    body,
  };
  const signingDate = new Date(at);
  const again = inQuery
    ? (await signer.presign(unsigned, { signingDate, expiresIn: Number(query.get("X-Amz-Expires")) })).query
    : {
        "X-Amz-Signature": (await signer.sign(unsigned, { signingDate })).headers.authorization?.split("Signature=")[1],
      };
  if (again?.["X-Amz-Signature"] !== said("Signature")) {
    throw new Error(`the signature is wrong:\n${request.url}\n${authorization}\n${JSON.stringify(again)}`);
  }
  return at;
}
