// What a waiting room's page talks to, in one process: the objects beside it, join and turn, with a clock, and failures,
// of the tests' choosing.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { askAt, aheadOf } from "../client/line.ts";
import type { Line, SaleState, Status, Turn } from "../client/types.ts";
import { Issuer } from "../../shared/issuer.ts";
import type { Sale } from "../page/sale.ts";

/** A request that the backend saw. at is its time by the backend's clock. */
export interface Seen {
  method: string;
  path: string;
  status: number;
  at: number;
}

export interface Answer {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
}

/** A fan's record. Times are milliseconds since 1970. */
export interface Fan {
  id: string;
  attempt: number;
  state: Turn["state"];
  line: Line;
  place: number;
  until?: number;
  renewals: number;
  seen: number;
}

interface JoinBody {
  sale: string;
  nonce: string;
  code?: string;
  jwt?: string;
  attempt?: number;
  watch?: boolean;
}

const page = new URL("../dist/index.html", import.meta.url);
const client = new URL("../client/dist/index.js", import.meta.url);
const logo = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 48"><rect width="48" height="48" rx="12" fill="#0f766e"/><path d="M14 34V16l20-4v18" stroke="#fff" stroke-width="4" fill="none" stroke-linejoin="round"/><circle cx="11" cy="34" r="4" fill="#fff"/><circle cx="31" cy="30" r="4" fill="#fff"/><text x="60" y="33" font-family="sans-serif" font-weight="bold" font-size="24" fill="#0f766e">Arena</text></svg>`;

export class Backend {
  /** The server's clock: the machine's plus offset, or stopped at fixed. Milliseconds. */
  offset = 0;
  fixed: number | undefined;
  sale: Sale = {
    sale: "arena",
    name: "arena",
    title: "The Hurricanes, live",
    join_url: "",
    turn_url: "",
    status: { kind: "object", url: "status/arena.json" },
    codes: false,
    languages: ["en"],
  };
  opensAt = 0;
  closesAt: number | undefined;
  drawFrom: number | undefined;
  paused = false;
  /** How many were drawn; undefined while the draw is not done. */
  drawn: number | undefined;
  /** The front moves by the pace, calls a second, from so many places at a time. */
  pace = 0;
  front = { line: "" as Line | "", place: 0, at: 0 };
  gaps: [Line, number, number][] = [];
  near = 0;
  ask = { far: 0, near: 0 };
  /** How many places beyond the front the next fan gets. */
  behind = 100;
  /** Seconds. */
  claimTTL = 120;
  windowTTL = 300;
  maxRenewals = 2;
  /** Codes that are good, where the sale asks for them. */
  codes = new Set<string>();
  /** Whether turn says how many are ahead. */
  tellsAhead = true;
  /** Whether the placer is at work: who has joined gets a place. */
  places = true;
  /** What tickets are signed with. */
  key = "key";
  fans = new Map<string, Fan>();
  joins: JoinBody[] = [];
  turns: { do: string; at: number }[] = [];
  seen: Seen[] = [];
  /** What the doors answer instead of what the real ones would. */
  onJoin: (nth: number) => Answer | undefined = () => undefined;
  onTurn: (verb: string, nth: number) => Answer | undefined = () => undefined;
  /** How long join and turn take to answer, in milliseconds. */
  delay = 0;
  /** What the status table says; the status as it is where nothing else is said. */
  line: () => string = () => this.compact(this.now());
  /** Whether join brings what the table is read with, and its line, to pages that want it. */
  brings = true;
  /** The shards of it that were read. */
  shards: string[] = [];
  /** Paths that answer with a status; 0 ends the connection. */
  broken = new Map<string, number>();
  /** A mistake of the page that no answer would show. */
  failed: unknown;
  #joinTries = 0;
  #turnTries = 0;
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

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.sale.join_url = `${this.api}/join`;
    this.sale.turn_url = `${this.api}/turn`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Where the page is. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** Where join and turn are: another origin. */
  get api(): string {
    return `http://localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  now(): number {
    return this.fixed ?? Date.now() + this.offset;
  }

  /** How often a path was asked for. */
  count(path: string): number {
    return this.seen.filter((s) => s.path === path && s.method !== "OPTIONS").length;
  }

  /** Moves the front to a place at once. */
  callUpTo(place: number, line: Line = "queue"): void {
    this.front = { line, place, at: this.now() };
  }

  /** The one fan that there is. */
  get fan(): Fan {
    const [fan] = this.fans.values();
    if (fan === undefined || this.fans.size > 1) throw new Error(`there are ${this.fans.size} fans`);
    return fan;
  }

  status(): Status {
    const front = this.#frontNow();
    return {
      sale: this.sale.sale,
      state: this.#state(),
      at: this.now(),
      opens_at: this.opensAt,
      ...(this.closesAt === undefined ? {} : { closes_at: this.closesAt }),
      ...(this.drawFrom === undefined ? {} : { draw_from: this.drawFrom, draw: { count: this.drawn ?? 0 } }),
      front,
      waiting: Math.max(0, ...[...this.fans.values()].map((f) => f.place - front.place)),
      open: 0,
      windows: 50,
      pace: this.#state() === "open" ? this.pace : 0,
      pace_now: this.#state() === "open" ? this.pace * 1.25 : 0,
      gaps: this.gaps,
      near: this.near,
      ask: this.ask,
      version: 1,
    };
  }

  /** The status in one line, as the keeper writes it. */
  compact(at: number): string {
    const s = this.status();
    const { line, place } = s.front;
    const drawn = s.draw?.count ?? "-";
    const fields = [
      at,
      s.state,
      s.opens_at,
      s.closes_at ?? "-",
      s.draw_from ?? "-",
      drawn,
      (line || "q").charAt(0) + place,
    ];
    const gaps = this.gaps.map(([l, last, count]) => `${l.charAt(0)}${last}+${count}`);
    const figures = [s.waiting, s.open, s.windows, s.pace, s.pace_now, s.near, s.ask.far, s.ask.near];
    return [...fields, ...figures, ...gaps].join(" ");
  }

  #state(): SaleState {
    const now = this.now();
    if (this.closesAt !== undefined && now >= this.closesAt) return "closed";
    if (now < this.opensAt) return this.drawFrom !== undefined && now >= this.drawFrom ? "gathering" : "scheduled";
    if (this.drawFrom !== undefined && this.drawn === undefined) return "drawing";
    return this.paused ? "paused" : "open";
  }

  #frontNow(): { line: Line | ""; place: number } {
    const { line, place, at } = this.front;
    const moved = line === "" || this.#state() !== "open" ? 0 : (this.pace * (this.now() - at)) / 1000;
    return { line, place: Math.floor(place + moved) };
  }

  /** Calls whom the front has reached, and lets windows run out. */
  #settle(): void {
    const front = this.#frontNow();
    for (const fan of this.fans.values()) {
      if (fan.state === "waiting" && fan.line === front.line && fan.place <= front.place) {
        fan.state = "called";
        fan.until = this.now() + this.claimTTL * 1000;
      }
      if ((fan.state === "called" || fan.state === "claimed") && this.now() >= (fan.until ?? 0)) fan.state = "expired";
    }
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString("utf8");
    const path = new URL(request.url ?? "/", this.api).pathname;
    response.sendDate = false;
    response.setHeader("Date", new Date(this.now()).toUTCString());
    const at = this.now();
    response.once("finish", () => {
      this.seen.push({ method: request.method ?? "", path, status: response.statusCode, at });
    });
    const send = (status: number, type: string, content: string) => {
      const tag = `"${createHash("sha256").update(content).digest("hex").slice(0, 16)}"`;
      response.setHeader("ETag", tag);
      if (status === 200 && request.headers["if-none-match"] === tag) response.writeHead(304).end();
      else response.writeHead(status, { "Content-Type": type }).end(content);
    };
    const json = (status: number, value: unknown) => send(status, "application/json", JSON.stringify(value));
    const broken = this.broken.get(path);
    if (broken === 0) return void response.destroy();
    if (broken !== undefined) return json(broken, {});
    switch (path) {
      case "/":
        return send(200, "text/html", this.#page());
      case "/blank":
        return send(200, "text/html", "<!doctype html><title>A page of one's own</title>");
      case "/client.js":
        return send(200, "text/javascript", readFileSync(client, "utf8"));
      case "/status/arena.json":
        return json(200, this.status());
      case "/readers.json":
        return json(200, this.#readers());
      case "/dynamodb":
        return this.#table(request, response, body, json);
      case "/logo.svg":
        return send(200, "image/svg+xml", logo);
      case "/tickets":
        return send(200, "text/html", "<!doctype html><title>Tickets</title>");
      case "/join":
      case "/turn":
        return this.#door(path, request, response, body, json);
      default:
        if (!this.issuer.handle(new URL(request.url ?? "/", this.api), body, response)) json(404, {});
    }
  }

  #readers(): object {
    return {
      access_key_id: "ASIA",
      secret_access_key: "secret",
      session_token: "token",
      expires_at: new Date(this.now() + 3_600_000).toISOString(),
      table: "arena-status",
      shards: 8,
      region: "eu-central-1",
      endpoint: `${this.api}/dynamodb`,
    };
  }

  /** The page with the sale in it, as it is deployed. */
  #page(): string {
    const sale = JSON.stringify(this.sale).replaceAll("<", "\\u003c");
    return readFileSync(page, "utf8").replace('id="sale">null<', () => `id="sale">${sale}<`);
  }

  /** The status table: other tests hold each signature against AWS's own implementation. */
  #table(
    request: IncomingMessage,
    response: ServerResponse,
    body: string,
    json: (status: number, value: unknown) => void,
  ): void {
    response.setHeader("Access-Control-Allow-Origin", "*");
    response.setHeader("Access-Control-Allow-Headers", "*, authorization");
    if (request.method === "OPTIONS") return void response.writeHead(200).end();
    const input = JSON.parse(body) as { TableName: string; Key: { shard: { S: string } }; ConsistentRead?: boolean };
    const signed =
      /^AWS4-HMAC-SHA256 Credential=ASIA\/\d{8}\/eu-central-1\/dynamodb\/aws4_request, .*Signature=[0-9a-f]{64}$/;
    if (
      !signed.test(request.headers.authorization ?? "") ||
      input.TableName !== "arena-status" ||
      input.ConsistentRead
    ) {
      throw new Error(`${request.headers.authorization} asks for ${body}`);
    }
    this.shards.push(input.Key.shard.S);
    json(200, { Item: { s: { S: this.line() } } });
  }

  async #door(
    path: "/join" | "/turn",
    request: IncomingMessage,
    response: ServerResponse,
    body: string,
    json: (status: number, value: unknown) => void,
  ): Promise<void> {
    response.setHeader("Access-Control-Allow-Origin", "*");
    response.setHeader("Access-Control-Expose-Headers", "Date, Retry-After");
    // A preflight would double the requests.
    if (request.method !== "POST" || request.headers["content-type"] !== "text/plain") {
      throw new Error(`${request.method} ${request.headers["content-type"]} to ${path}`);
    }
    const read = JSON.parse(body) as JoinBody & { ticket: string; do: string };
    const answer =
      path === "/join"
        ? (this.onJoin(this.#joinTries++) ?? this.#join(read))
        : (this.onTurn(read.do, this.#turnTries++) ?? this.#turn(read));
    await new Promise((resolve) => setTimeout(resolve, this.delay));
    for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
    json(answer.status, answer.body ?? {});
  }

  #join(body: JoinBody): Answer {
    const refuse = (status: number, error: string, more = {}) => ({ status, body: { error, message: error, ...more } });
    const now = this.now();
    if (body.sale !== this.sale.sale || !/^[\w-]{43}$/.test(body.nonce)) return refuse(400, "malformed");
    const from = this.drawFrom ?? this.opensAt;
    if (now < from) return refuse(403, "not_open", { opens_at: this.opensAt, wait: from - now + 500 });
    if (this.#state() === "closed") return refuse(403, "closed");
    if (this.sale.codes && !this.codes.has(body.code ?? "")) return refuse(422, "code");
    if (this.sale.jwt !== undefined && (body.jwt === undefined || body.jwt !== this.issuer.tokens.id_token))
      return refuse(422, "jwt");
    this.joins.push(body);
    const who = this.sale.codes ? body.code : (body.jwt ?? body.nonce);
    const id = createHash("sha256").update(`fan\narena\n${who}`).digest("base64url").slice(0, 22);
    const attempt = body.attempt ?? 0;
    const known = this.fans.get(id);
    const draw = this.#state() === "gathering";
    const done = ["purchased", "expired", "left", "ghost"].includes(known?.state ?? "");
    if (known === undefined || (done && attempt > known.attempt)) {
      const front = this.#frontNow();
      const place = (known === undefined ? front.place + this.behind : Math.max(known.place, front.place)) + 1;
      const line = draw ? "draw" : "queue";
      this.fans.set(id, { id, attempt, state: "waiting", line, place, renewals: 0, seen: now });
    }
    const ticket = Buffer.from(JSON.stringify({ id, attempt, key: this.key })).toString("base64url");
    return {
      status: 202,
      body: {
        ticket,
        fan: id,
        sale: this.sale.sale,
        state: this.#state(),
        ...(draw ? { draw } : {}),
        ...(body.watch && this.brings ? { readers: this.#readers(), status: this.line() } : {}),
      },
    };
  }

  #turn(body: { ticket: string; do: string }): Answer {
    this.turns.push({ do: body.do, at: this.now() });
    const ticket = JSON.parse(Buffer.from(body.ticket, "base64url").toString()) as {
      id: string;
      attempt: number;
      key: string;
    };
    if (ticket.key !== this.key) return { status: 422, body: { error: "ticket", message: "not ours" } };
    const fan = this.fans.get(ticket.id);
    const drawing = fan?.line === "draw" && this.drawn === undefined;
    if (fan === undefined) return { status: 200, body: { state: "unknown", attempt: ticket.attempt, ask: 5 } };
    if (!this.places || drawing || fan.attempt < ticket.attempt) {
      return { status: 200, body: { state: "waiting", attempt: ticket.attempt, ask: 5 } };
    }
    this.#settle();
    fan.seen = this.now();
    if (body.do === "claim" && fan.state === "called") {
      fan.state = "claimed";
      fan.until = this.now() + this.windowTTL * 1000;
    }
    if (body.do === "renew" && fan.state === "claimed" && fan.renewals < this.maxRenewals) {
      fan.renewals++;
      fan.until = this.now() + this.windowTTL * 1000;
    }
    if (body.do === "leave" && ["waiting", "called", "claimed"].includes(fan.state)) fan.state = "left";
    const status = this.status();
    const ahead = aheadOf(status, fan.line, fan.place);
    return {
      status: 200,
      body: {
        state: fan.state,
        attempt: fan.attempt,
        line: fan.line,
        place: fan.place,
        ...(fan.until === undefined ? {} : { until: fan.until }),
        ...(fan.state === "waiting" ? { ask: askAt(status, ahead), ...(this.tellsAhead ? { ahead } : {}) } : {}),
        ...(fan.state === "claimed"
          ? {
              token: `pass-of-${fan.id}`,
              purchase_url: `${this.api}/tickets?token=pass-of-${fan.id}`,
              renewals_left: this.maxRenewals - fan.renewals,
            }
          : {}),
      } satisfies Turn,
    };
  }
}
