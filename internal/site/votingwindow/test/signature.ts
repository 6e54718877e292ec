import type { IncomingMessage } from "node:http";
import { Sha256 } from "@aws-crypto/sha256-js";
import { SignatureV4 } from "@smithy/signature-v4";

/** Signs the request again with AWS's own code, compares, and returns the time that it is signed for. */
export async function checkSignature(
  request: IncomingMessage,
  body: string,
  credentials: { id: string; secret: string; token: string },
): Promise<number> {
  const authorization = request.headers.authorization ?? "";
  const [, region, service, signed] =
    /Credential=[^/]+\/\d{8}\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([^,]+)/.exec(authorization) ?? [];
  const headers: Record<string, string> = {};
  for (const name of (signed ?? "").split(";")) headers[name] = String(request.headers[name] ?? "");
  const stamp = headers["x-amz-date"] ?? "";
  const at = Date.parse(stamp.replace(/(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/, "$1-$2-$3T$4:$5:$6Z"));
  const signer = new SignatureV4({
    credentials: { accessKeyId: credentials.id, secretAccessKey: credentials.secret, sessionToken: credentials.token },
    region: region ?? "",
    service: service ?? "",
    sha256: Sha256,
    applyChecksum: false,
  });
  const url = new URL(request.url ?? "/", `http://${request.headers.host}`);
  const again = await signer.sign(
    {
      method: "POST",
      protocol: "http:",
      hostname: url.hostname,
      port: Number(url.port),
      path: url.pathname,
      headers,
      body,
    },
    { signingDate: new Date(at) },
  );
  if (again.headers.authorization !== authorization) {
    throw new Error(`the signature is wrong:\n${authorization}\n${again.headers.authorization}`);
  }
  return at;
}
