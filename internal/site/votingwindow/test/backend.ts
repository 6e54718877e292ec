// What a page talks to, in one process: the objects beside it, intake, SQS, Cognito and a sign-in, with a clock, and
// failures, of the tests' choosing.
import { createHash, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Issuer } from "../../shared/issuer.ts";
import type { Results, VotingWindow } from "../page/window.ts";
import { checkSignature } from "./signature.ts";

/** A request that the backend saw. Hold it against what the page may ask for. */
export interface Seen {
  method: string;
  path: string;
  status: number;
  headers: IncomingMessage["headers"];
}

/** A vote as it arrived, whichever way. */
export interface Received {
  voter?: string;
  answer: string;
  question?: string;
  ticket?: string;
  rehearsal?: boolean;
}

export interface Answer {
  status: number;
  body?: unknown;
}

const page = new URL("../dist/index.html", import.meta.url);
const logo = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 180 48"><rect width="48" height="48" rx="12" fill="#be123c"/><path d="M12 25l8 8 16-18" stroke="#fff" stroke-width="6" fill="none" stroke-linecap="round" stroke-linejoin="round"/><text x="60" y="33" font-family="sans-serif" font-weight="bold" font-size="26" fill="#be123c">Final</text></svg>`;

/** SQS refuses signatures whose time is further off (IAM User Guide, "Troubleshoot Signature Version 4"). */
const skew = 300_000;

export class Backend {
  /** The server's clock: the machine's plus offset, or stopped at fixed. Milliseconds. */
  offset = 0;
  fixed: number | undefined;
  window: VotingWindow;
  results: Results | undefined;
  /** What intake answers; undefined is what the real one would. */
  onVote: (vote: Received, nth: number) => Answer | undefined = () => undefined;
  /** What SQS answers before it looks at the signature. */
  onMessage: (nth: number) => Answer | undefined = () => undefined;
  /** Paths that answer with a status. */
  broken = new Map<string, number>();
  /** The credentials that are good now; issue() makes new ones. */
  credentials = { id: "", secret: "", token: "", expires: 0 };
  /** What SQS does with a signature in the address. A refusal that is hidden names no origin that may read it. */
  signedAddresses: "taken" | "refused" | "hidden" = "taken";
  /** Whether SQS is at the root of its host, as AWS has it. */
  sqsAtRoot = false;
  /** What the shards of the status board say; undefined where there are none. */
  line: string | undefined;
  /** What DynamoDB answers before it looks at the signature. */
  onStatus: (nth: number) => Answer | undefined = () => undefined;
  /** The shards that were read. */
  shards: string[] = [];
  /** Seconds of age that a cache in between would add. */
  age = 0;
  votes: Received[] = [];
  seen: Seen[] = [];
  tried = 0;
  readonly issuer = new Issuer(
    () => `${this.api}/oidc`,
    () => this.now(),
  );
  readonly #server = createServer((request, response) => {
    this.#handle(request, response).catch((e: unknown) => {
      this.failed = e;
      response.writeHead(500).end(String(e));
    });
  });
  /** A mistake of the page that no answer would show, such as a wrong signature. */
  failed: unknown;

  constructor(window: VotingWindow) {
    this.window = window;
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.issue();
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Where the page is. */
  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  /** Where intake, SQS, Cognito and the sign-in are: another origin. */
  get api(): string {
    return `http://localhost:${this.port}`;
  }

  now(): number {
    return this.fixed ?? Date.now() + this.offset;
  }

  /** New credentials, good for an hour; the former ones are refused from now on. */
  issue(lifetime = 3_600_000): void {
    const id = randomUUID();
    this.credentials = {
      id: `ASIA${id}`,
      secret: `secret ${id}`,
      token: `token ${id}`,
      expires: this.now() + lifetime,
    };
  }

  /** How often a path was asked for. */
  count(path: string): number {
    return this.seen.filter((s) => s.path === path && s.method !== "OPTIONS").length;
  }

  /** How often a browser asked for leave to ask for a path. */
  preflights(path: string): number {
    return this.seen.filter((s) => s.path === path && s.method === "OPTIONS").length;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString("utf8");
    const url = new URL(request.url ?? "/", this.api);
    const path = url.pathname;
    response.sendDate = false;
    response.setHeader("Date", new Date(this.now() - this.age * 1000).toUTCString());
    if (this.age > 0) response.setHeader("Age", String(this.age));
    response.once("finish", () => {
      this.seen.push({ method: request.method ?? "", path, status: response.statusCode, headers: request.headers });
    });
    const send = (status: number, type: string, content: string) => {
      const tag = `"${createHash("sha256").update(content).digest("hex").slice(0, 16)}"`;
      response.setHeader("ETag", tag);
      if (status === 200 && request.headers["if-none-match"] === tag) response.writeHead(304).end();
      else response.writeHead(status, { "Content-Type": type }).end(content);
    };
    const json = (status: number, value: unknown) => send(status, "application/json", JSON.stringify(value));
    const status = this.broken.get(path);
    if (status === 0) {
      request.socket.destroy();
      return;
    }
    if (request.headers.origin !== undefined) response.setHeader("Access-Control-Allow-Origin", "*");
    if (this.signedAddresses === "hidden" && url.search.includes("X-Amz-Signature")) {
      response.removeHeader("Access-Control-Allow-Origin");
    }
    if (request.method === "OPTIONS") {
      response.setHeader("Access-Control-Allow-Headers", request.headers["access-control-request-headers"] ?? "");
      response.writeHead(204).end();
      return;
    }
    if (status !== undefined) return json(status, { error: "unavailable" });
    if (this.sqsAtRoot && path === "/" && request.method === "POST") return this.#sqs(request, url, body, send);
    switch (path) {
      case "/":
      case "/studio":
        return send(200, "text/html", readFileSync(page, "utf8"));
      case "/window.json":
        response.setHeader("Cache-Control", "max-age=5");
        return json(200, this.window);
      case "/results.json":
        response.setHeader("Cache-Control", "max-age=4");
        return this.results === undefined ? json(403, {}) : json(200, this.results);
      case "/credentials.json": {
        const { id, secret, token, expires } = this.credentials;
        return json(200, {
          access_key_id: id,
          secret_access_key: secret,
          session_token: token,
          issued_at: new Date(this.now()).toISOString(),
          expires_at: new Date(expires).toISOString(),
          queue_url: `${url.origin}/123456789012/votes`,
          region: "eu-central-1",
          endpoint: this.endpoint,
        });
      }
      case "/viewers.json": {
        const { id, secret, token, expires } = this.credentials;
        return json(200, {
          access_key_id: id,
          secret_access_key: secret,
          session_token: token,
          issued_at: new Date(this.now()).toISOString(),
          expires_at: new Date(expires).toISOString(),
          table: "final-status",
          shards: 100,
          region: "eu-central-1",
          endpoint: `${this.api}/dynamodb`,
        });
      }
      case "/dynamodb":
        return this.#dynamodb(request, body, json);
      case "/logo.svg":
        return send(200, "image/svg+xml", logo);
      case "/intake": {
        const vote = JSON.parse(body) as Received;
        const answer = this.onVote(vote, this.tried++) ?? this.#judge(vote, request);
        if (answer.status === 202) this.votes.push(vote);
        return json(answer.status, answer.body ?? {});
      }
      case "/sqs":
        return this.#sqs(request, url, body, send);
      case "/cognito":
        return this.#cognito(request, JSON.parse(body), json);
      default:
        if (!this.issuer.handle(url, body, response)) json(404, {});
    }
  }

  /** Where SQS is told to be; undefined for the queue's own host. */
  get endpoint(): string {
    return `${this.api}/sqs`;
  }

  #judge(vote: Received, request: IncomingMessage): Answer {
    const { intake, voter, opens_at, closes_at } = this.window;
    if (intake.kind === "api" && intake.jwt) {
      const token = request.headers.authorization?.replace("Bearer ", "");
      if (token !== (this.issuer.tokens.id_token ?? this.issuer.tokens.access_token)) return { status: 401 };
      if (vote.voter !== undefined) return { status: 400, body: { error: "malformed" } };
    } else if (!new RegExp(`^(?:${voter.pattern})$`).test(vote.voter ?? "")) {
      return { status: 422, body: { error: "voter" } };
    }
    if (!vote.rehearsal && this.now() < Date.parse(opens_at)) {
      return { status: 403, body: { error: "not_open", opens_at } };
    }
    const closes = Date.parse(this.results?.closes_at ?? closes_at);
    if (this.now() >= closes + 120_000) return { status: 403, body: { error: "closed" } };
    return { status: 202, body: { id: randomUUID(), ...(this.now() >= closes ? { late: true } : {}) } };
  }

  /** SendMessage in SQS's query protocol; its errors are <ErrorResponse>, what a test answers is the code of one. */
  async #sqs(
    request: IncomingMessage,
    url: URL,
    body: string,
    send: (status: number, type: string, content: string) => void,
  ): Promise<void> {
    const refuse = (status: number, code: string, message: string) =>
      send(
        status,
        "text/xml",
        `<?xml version="1.0"?><ErrorResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/"><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>${randomUUID()}</RequestId></ErrorResponse>`,
      );
    const answer = this.onMessage(this.tried++);
    if (answer) return refuse(answer.status, String(answer.body ?? "InternalError"), "a test says so");
    const { id, secret, token, expires } = this.credentials;
    if (request.headers["x-amz-security-token"] === undefined && this.signedAddresses !== "taken") {
      return refuse(403, "AccessDenied", "Access to the resource is denied.");
    }
    const shown = url.searchParams.get("X-Amz-Security-Token") ?? request.headers["x-amz-security-token"];
    if (shown !== token)
      return refuse(403, "InvalidClientTokenId", "The security token included in the request is invalid.");
    if (this.now() >= expires)
      return refuse(403, "ExpiredToken", "The security token included in the request is expired");
    const at = await checkSignature(request, body, { id, secret, token });
    if (Math.abs(at - this.now()) > skew)
      return refuse(403, "SignatureDoesNotMatch", "Signature expired: it is now later");
    const form = new URLSearchParams(body);
    if (form.get("Action") !== "SendMessage" || form.get("Version") !== "2012-11-05")
      return refuse(400, "InvalidAction", "no such action");
    if (!form.get("QueueUrl")?.endsWith("/123456789012/votes"))
      return refuse(400, "AWS.SimpleQueueService.NonExistentQueue", "no such queue");
    const message = form.get("MessageBody") ?? "";
    this.votes.push(JSON.parse(message) as Received);
    const md5 = createHash("md5").update(message).digest("hex");
    send(
      200,
      "text/xml",
      `<?xml version="1.0"?><SendMessageResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/"><SendMessageResult><MessageId>${randomUUID()}</MessageId><MD5OfMessageBody>${md5}</MD5OfMessageBody></SendMessageResult><ResponseMetadata><RequestId>${randomUUID()}</RequestId></ResponseMetadata></SendMessageResponse>`,
    );
  }

  async #dynamodb(
    request: IncomingMessage,
    body: string,
    json: (status: number, value: unknown) => void,
  ): Promise<void> {
    const answer = this.onStatus(this.count("/dynamodb"));
    if (answer) return json(answer.status, answer.body ?? {});
    const { id, secret, token, expires } = this.credentials;
    const refuse = (type: string, message: string) =>
      json(400, { __type: `com.amazonaws.dynamodb.v20120810#${type}`, message });
    if (this.now() >= expires || request.headers["x-amz-security-token"] !== token) {
      return refuse("ExpiredTokenException", "The security token included in the request is expired");
    }
    const at = await checkSignature(request, body, { id, secret, token });
    if (Math.abs(at - this.now()) > skew) {
      return refuse("InvalidSignatureException", "Signature expired: it is now later");
    }
    const input = JSON.parse(body) as {
      TableName: string;
      Key: { shard: { S: string } };
      ProjectionExpression: string;
    };
    if (request.headers["x-amz-target"] !== "DynamoDB_20120810.GetItem" || input.ProjectionExpression !== "s") {
      return refuse("AccessDeniedException", "not authorized");
    }
    if (input.TableName !== "final-status") return refuse("ResourceNotFoundException", "no such table");
    this.shards.push(input.Key.shard.S);
    return json(200, this.line === undefined ? {} : { Item: { s: { S: this.line } } });
  }

  #cognito(
    request: IncomingMessage,
    input: Record<string, string>,
    json: (status: number, value: unknown) => void,
  ): void {
    const { id, secret, token, expires } = this.credentials;
    switch (request.headers["x-amz-target"]) {
      case "AWSCognitoIdentityService.GetId":
        return input.IdentityPoolId === "eu-central-1:pool"
          ? json(200, { IdentityId: "eu-central-1:me" })
          : json(400, {});
      case "AWSCognitoIdentityService.GetCredentialsForIdentity":
        if (input.IdentityId !== "eu-central-1:me") return json(400, {});
        return json(200, {
          IdentityId: input.IdentityId,
          Credentials: { AccessKeyId: id, SecretKey: secret, SessionToken: token, Expiration: expires / 1000 },
        });
      default:
        return json(400, {});
    }
  }
}
