// A status board: one short text that very many read every few seconds. It stands in many items of a DynamoDB table, the
// shards, which all say the same; each read takes one by chance, signed with credentials that lie beside the page.
import type { ServerClock } from "./clock.ts";
import { getObject, HTTPError, request } from "./fetch.ts";
import type { Hashing } from "./hashing.ts";
import { backoff, type Random } from "./retry.ts";
import { type Credentials, sign } from "./sigv4.ts";

/** The object beside the page: good for dynamodb:GetItem on this one table alone. Times are RFC 3339. */
interface BoardObject {
  access_key_id: string;
  secret_access_key: string;
  session_token: string;
  expires_at: string;
  table: string;
  /** How many say the same; their keys end in "0" to one less. */
  shards: number;
  region: string;
  endpoint?: string;
}

/** The server's clock. One that cannot forget what it learnt learns better with time. */
export type BoardClock = Pick<ServerClock, "steady" | "now" | "learn"> & { forget?(): void };

const minute = 60_000;
/**
 * Credentials are renewed from twenty minutes to one minute before they end, by chance: all pages that were opened
 * together have the same ones.
 */
const marginMs: [least: number, most: number] = [minute, 20 * minute];
/** They are not asked for more often, whatever they say of their end. */
const leastMs = minute;
/** A board that failed is left alone for one to two minutes, then for up to ten. */
const restBaseMs = 2 * minute;
const restCapMs = 10 * minute;
/** So many failures in a row, and it is left alone: the first may be of one shard, or of credentials that were replaced. */
const patience = 2;

/** StatusBoard reads a board. One read at a time. */
export class StatusBoard {
  readonly #object: URL;
  readonly #clock: BoardClock;
  readonly #hashing: Hashing;
  readonly #subject: string;
  readonly #random: Random;
  #found: BoardObject | undefined;
  #renewAt = 0;
  #failures = 0;
  #rests = 0;
  #restUntil = Number.NEGATIVE_INFINITY;

  /**
   * A board by the address of its credentials, which must have the page's own origin; of a board with several texts, what
   * the one is about that is to be read.
   */
  constructor(object: URL, clock: BoardClock, hashing: Hashing, subject = "", random: Random = Math.random) {
    this.#object = object;
    this.#clock = clock;
    this.#hashing = hashing;
    this.#subject = subject && `${subject}/`;
    this.#random = random;
  }

  /**
   * The text; undefined where the board is of no use now, and what lies beside the page should be read instead. Rejects
   * where another try, after a while, may do.
   */
  async read(): Promise<string | undefined> {
    if (this.#clock.steady() < this.#restUntil) return undefined;
    try {
      const board = await this.#access();
      const text = board && (await this.#getItem(board));
      if (text === undefined) this.rest();
      else this.#failures = this.#rests = 0;
      return text;
    } catch (e) {
      if (++this.#failures < patience) throw e;
      this.rest();
      return undefined;
    }
  }

  /** Leaves the board alone for a while, also where its text is of no use. */
  rest(): void {
    this.#failures = 0;
    this.#restUntil = this.#clock.steady() + backoff(this.#rests++, restBaseMs, restCapMs, this.#random);
  }

  /** Whether there are credentials that last. */
  get ready(): boolean {
    return this.#found !== undefined && this.#clock.now() < this.#renewAt;
  }

  /** Takes what the object has, which came another way, if it is good. */
  take(object: unknown): BoardObject | undefined {
    const found = object as BoardObject | undefined;
    const now = this.#clock.now();
    const ends = Date.parse(found?.expires_at ?? "");
    if (found?.access_key_id === undefined || !(ends > now)) return undefined;
    const [least, most] = marginMs;
    this.#renewAt = Math.max(now + leastMs, ends - least - (most - least) * this.#random());
    this.#found = found;
    return found;
  }

  async #access(): Promise<BoardObject | undefined> {
    return this.ready ? this.#found : this.take(await getObject(this.#object, this.#clock));
  }

  /**
   * GetItem (DynamoDB API Reference), eventually consistent, for half the price. The protocol has all of a call in a
   * header and a body of JSON, so that a browser asks first, once for as long as it keeps the answer; DynamoDB documents
   * no form of the call that would spare that.
   */
  async #getItem(board: BoardObject): Promise<string | undefined> {
    const url = new URL(board.endpoint ?? `https://dynamodb.${board.region}.amazonaws.com/`);
    const shard = Math.floor(this.#random() * board.shards);
    const body = JSON.stringify({
      TableName: board.table,
      Key: { shard: { S: this.#subject + shard } },
      ProjectionExpression: "s",
    });
    const headers = { "content-type": "application/x-amz-json-1.0", "x-amz-target": "DynamoDB_20120810.GetItem" };
    const credentials: Credentials = {
      accessKeyId: board.access_key_id,
      secretAccessKey: board.secret_access_key,
      sessionToken: board.session_token,
      expiresAt: Date.parse(board.expires_at),
    };
    const by = [credentials, board.region, "dynamodb", this.#clock.now(), this.#hashing] as const;
    const signed = await sign({ url, headers, body }, ...by);
    const sent = this.#clock.steady();
    const response = await request(url, { method: "POST", headers: signed, body });
    this.#clock.learn(response.headers.get("date"), null, sent, this.#clock.steady());
    if (response.ok) {
      const { Item } = (await response.json()) as { Item?: { s?: { S?: string } } };
      return Item?.s?.S;
    }
    const said = await response.text();
    if (/Signature expired|not yet current|RequestExpired|RequestTimeTooSkewed/i.test(said)) {
      this.#clock.forget?.(); // What is read instead tells the time.
      return undefined;
    }
    // Expired, revoked or replaced: the object may have newer ones. Throttling is no fault of theirs.
    if (!/Throttl|ProvisionedThroughput|RequestLimit/i.test(said) && response.status < 500) this.#found = undefined;
    throw new HTTPError(response.status);
  }
}
