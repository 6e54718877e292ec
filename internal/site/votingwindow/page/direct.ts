// Votes straight to SQS, signed in the page with short-lived credentials.
import type { ServerClock } from "../../shared/clock.ts";
import { guestCredentials } from "../../shared/cognito.ts";
import { getObject, request } from "../../shared/fetch.ts";
import { byScript } from "../../shared/hashing.ts";
import { type Credentials, sign, signAddress } from "../../shared/sigv4.ts";
import type { Intake, Outcome, Vote } from "./intake.ts";
import { beside, type IntakeConfig } from "./window.ts";

type Direct = Extract<IntakeConfig, { kind: "direct" }>;

/** credentials.json: good for sqs:SendMessage on this one queue alone. Times are RFC 3339. */
interface CredentialsObject {
  access_key_id: string;
  secret_access_key: string;
  session_token: string;
  expires_at: string;
  queue_url: string;
  region: string;
  endpoint?: string;
}

/** With what, and where to, a vote is sent. */
interface Access {
  credentials: Credentials;
  queueURL: string;
  region: string;
  endpoint?: string;
}

/** Credentials are renewed so many milliseconds before they end, so that none ends on its way. */
const marginMs = 60_000;

/** DirectIntake sends votes to SQS. */
export class DirectIntake implements Intake {
  readonly #config: Direct;
  readonly #clock: ServerClock;
  readonly #resync: () => Promise<void>;
  readonly #closesAt: () => number;
  #access: Promise<Access | undefined> | undefined;
  #expiresAt = 0;
  /** Whether the signature goes into a header, since one in the address was not taken. */
  #inHeaders = false;

  constructor(config: Direct, clock: ServerClock, resync: () => Promise<void>, closesAt: () => number) {
    this.#config = config;
    this.#clock = clock;
    this.#resync = resync;
    this.#closesAt = closesAt;
  }

  async prepare(): Promise<void> {
    await this.#current().catch(() => undefined);
  }

  async send(vote: Vote): Promise<Outcome> {
    // SQS takes votes at any time, and the recorder would count this one as late.
    if (!vote.rehearsal && this.#clock.now() >= this.#closesAt()) return { kind: "refused", why: "closed" };
    try {
      const access = await this.#current();
      if (access === undefined) {
        this.#access = undefined;
        return { kind: "again" };
      }
      return await this.#sendMessage(access, JSON.stringify(vote));
    } catch {
      return { kind: "again" };
    }
  }

  /**
   * SendMessage in SQS's query protocol (SQS Developer Guide, "Making query API requests using AWS query protocol"), as
   * a request for which a browser asks no leave: a form, with the signature in the address. With a JSON body each vote
   * would wait for an answer to OPTIONS first, which is more bytes than XML is longer than JSON; the page's guide has
   * the comparison.
   *
   * The guides of SQS and IAM say that a POST may be signed in its query, but show it of a GET only. Where SQS does not
   * take it, the next try has the signature in a header, as every SDK sends it. A browser hides some refusals, so what got
   * no answer is sent the other way too.
   */
  async #sendMessage(access: Access, message: string): Promise<Outcome> {
    const queue = new URL(access.queueURL);
    const post = {
      url: new URL(access.endpoint ?? `${queue.origin}/`),
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams({
        Action: "SendMessage",
        Version: "2012-11-05",
        QueueUrl: access.queueURL,
        MessageBody: message,
      }).toString(),
    };
    const by = [access.credentials, access.region, "sqs", this.#clock.now(), byScript] as const;
    const [url, headers] = this.#inHeaders
      ? [post.url, await sign(post, ...by)]
      : [await signAddress(post, ...by), post.headers];
    const again: Outcome = { kind: "again" };
    let response: Response;
    try {
      response = await request(url, { method: "POST", headers, body: post.body });
    } catch {
      this.#inHeaders = !this.#inHeaders;
      return again;
    }
    const said = await response.text();
    if (response.ok) return said.includes("<MessageId>") ? { kind: "accepted", late: false } : again;
    if (response.status === 429 || response.status >= 500 || /Throttl|RequestLimit|OverLimit/i.test(said)) return again;
    if (/Signature expired|not yet current|RequestExpired|RequestTimeTooSkewed/i.test(said)) {
      this.#clock.forget();
      await this.#resync();
      return again;
    }
    // Expired, revoked or replaced: the object has newer ones by now, or soon.
    if (response.status === 401 || response.status === 403 || /Token|Credential|Signature|Access/i.test(said)) {
      this.#access = undefined;
      if (!/ExpiredToken/i.test(said)) this.#inHeaders = true;
      return again;
    }
    return { kind: "refused", why: "failed" };
  }

  /** The access in hand, or a new one where it ends; several votes at once share one request. */
  #current(): Promise<Access | undefined> {
    if (this.#access !== undefined && this.#clock.now() < this.#expiresAt - marginMs) return this.#access;
    const access = this.#fetch().then((found) => {
      this.#expiresAt = found?.credentials.expiresAt ?? 0;
      return found;
    });
    this.#access = access;
    // While the request runs others wait for it, whatever it will say.
    this.#expiresAt = Number.POSITIVE_INFINITY;
    access.catch(() => {
      this.#access = undefined;
    });
    return access;
  }

  async #fetch(): Promise<Access | undefined> {
    const config = this.#config;
    if ("cognito" in config) {
      return {
        credentials: await guestCredentials(config.cognito),
        queueURL: config.queue_url,
        region: config.region,
      };
    }
    const found = await getObject<CredentialsObject>(beside(config.credentials), this.#clock);
    if (found?.access_key_id === undefined) return undefined;
    return {
      credentials: {
        accessKeyId: found.access_key_id,
        secretAccessKey: found.secret_access_key,
        sessionToken: found.session_token,
        expiresAt: Date.parse(found.expires_at),
      },
      queueURL: found.queue_url,
      region: found.region,
      ...(found.endpoint === undefined ? {} : { endpoint: found.endpoint }),
    };
  }
}
