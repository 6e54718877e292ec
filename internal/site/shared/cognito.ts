import { HTTPError, request } from "./fetch.ts";
import type { Credentials } from "./sigv4.ts";
import { recall, remember } from "./storage.ts";

/** An identity pool that lets guests in. */
export interface IdentityPool {
  identity_pool_id: string;
  region: string;
  endpoint?: string;
}

/**
 * Credentials of a guest (Amazon Cognito API Reference, GetId and GetCredentialsForIdentity). The identity is kept on the
 * device, since GetId is the scarcer of the two calls.
 */
export async function guestCredentials(pool: IdentityPool): Promise<Credentials> {
  const place = `identity:${pool.identity_pool_id}`;
  let id = recall(place);
  if (id === undefined) {
    id = (await call<{ IdentityId: string }>(pool, "GetId", { IdentityPoolId: pool.identity_pool_id })).IdentityId;
    remember(place, id);
  }
  try {
    const { Credentials: c } = await call<{
      Credentials: { AccessKeyId: string; SecretKey: string; SessionToken: string; Expiration: number };
    }>(pool, "GetCredentialsForIdentity", { IdentityId: id });
    return {
      accessKeyId: c.AccessKeyId,
      secretAccessKey: c.SecretKey,
      sessionToken: c.SessionToken,
      expiresAt: c.Expiration * 1000,
    };
  } catch (e) {
    // An identity that was deleted is forgotten, and the next try makes a new one.
    if (e instanceof HTTPError && e.status === 400) remember(place, undefined);
    throw e;
  }
}

async function call<T>(pool: IdentityPool, operation: string, input: unknown): Promise<T> {
  const response = await request(pool.endpoint ?? `https://cognito-identity.${pool.region}.amazonaws.com/`, {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": `AWSCognitoIdentityService.${operation}`,
    },
    body: JSON.stringify(input),
  });
  if (!response.ok) throw new HTTPError(response.status);
  return (await response.json()) as T;
}
