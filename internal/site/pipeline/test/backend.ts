// What a pipeline's page talks to, in one process: the objects beside it, a sign-in, and the GraphQL API by its own schema
// with a clock, and failures, of the tests' choosing.
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buildSchema, graphql, GraphQLError } from "graphql";
import { Issuer } from "../../shared/issuer.ts";
import type { Pipeline } from "../page/config.ts";
import { type Booking, over } from "../page/types.ts";
import { bookingOf, type Described, type FailedRun, runOf, segmentsOf } from "./data.ts";

/** A request that the backend saw. */
export interface Seen {
  method: string;
  path: string;
  status: number;
}

/** A query as it came. */
export interface Asked {
  /** The name of the operation. */
  name: string;
  variables: Record<string, unknown>;
}

const page = new URL("../dist/index.html", import.meta.url);
export const schemaText = readFileSync(
  new URL("../../../../functions/pipeline/api/schema.graphql", import.meta.url),
  "utf8",
);
const schema = buildSchema(schemaText);
const logo = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 210 48"><rect width="48" height="48" rx="12" fill="#9a3412"/><path d="M11 25 24 13l13 12v12H28v-8h-8v8h-9z" fill="#fff"/><text x="60" y="33" font-family="sans-serif" font-weight="bold" font-size="24" fill="#9a3412">Suburbs</text></svg>`;

/** A key that the API knows. */
export const goodKey = "mxCq0Q5yT3yq2wJd1c7fZA";

const fail = (code: string, message: string): never => {
  throw new GraphQLError(message, { extensions: { code } });
};

interface Paging {
  first?: number | null;
  after?: string | null;
}

export class Backend {
  /** The server's clock: the machine's plus offset, or stopped at fixed. Milliseconds. */
  offset = 0;
  fixed: number | undefined;
  pipeline: Pipeline = {
    name: "homes",
    title: "Homes by suburb",
    api: "",
    auth: { kind: "api_key" },
    languages: ["en", "de"],
  };
  mayWrite = true;
  /** Undefined before the first run is done. */
  published: { run: string; at: number } | undefined;
  segments: Described[] = segmentsOf(57);
  bookings: Booking[] = [];
  runs: FailedRun[] = [];
  /** Runs whose segments are gone: cursors of them are of no use. */
  gone = new Set<string>();
  /** Fields of queries and mutations that answer with an error of a code instead. */
  wrong = new Map<string, { code: string; message: string }>();
  /** What the gateway answers instead of the API; 0 ends the connection. lose answers and ends it then. */
  gateway: (name: string, nth: number) => number | "lose" | undefined = () => undefined;
  /** Whether a page can read that the gateway refused it. */
  refusesReadably = true;
  /** Paths that answer with a status; 0 ends the connection. */
  broken = new Map<string, number>();
  asked: Asked[] = [];
  seen: Seen[] = [];
  /** A mistake of the page that no answer would show. */
  failed: unknown;
  readonly issuer = new Issuer(
    () => `${this.api}/oidc`,
    () => this.now(),
  );
  #keys = new Map<string, string>();
  readonly #server = createServer((request, response) => {
    this.#handle(request, response).catch((e: unknown) => {
      this.failed = e;
      response.writeHead(500).end(String(e));
    });
  });

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.pipeline.api = `${this.api}/graphql`;
    this.published = { run: "run-2", at: this.now() - 7_200_000 };
    this.runs = [runOf("run-2", "DONE", this.now() - 7_200_000), runOf("run-1", "DONE", this.now() - 93_600_000)];
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Where the page is. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** Where the API and the issuer are: another origin. */
  get api(): string {
    return `http://localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  now(): number {
    return this.fixed ?? Date.now() + this.offset;
  }

  /** How often an operation was asked for. */
  count(name: string): number {
    return this.asked.filter((a) => a.name === name).length;
  }

  book(id: string, status: Booking["status"], more: Partial<Booking> = {}): Booking {
    const booking = bookingOf(id, status, this.now(), more);
    this.bookings.unshift(booking);
    return booking;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString("utf8");
    const url = new URL(request.url ?? "/", this.api);
    response.sendDate = false;
    response.setHeader("Date", new Date(this.now()).toUTCString());
    response.once("finish", () => {
      this.seen.push({ method: request.method ?? "", path: url.pathname, status: response.statusCode });
    });
    const send = (status: number, type: string, content: string) =>
      void response.writeHead(status, { "Content-Type": type }).end(content);
    const broken = this.broken.get(url.pathname);
    if (broken === 0) return void response.destroy();
    if (broken !== undefined) return send(broken, "application/json", "{}");
    switch (url.pathname) {
      case "/":
        return send(200, "text/html", readFileSync(page, "utf8"));
      case "/pipeline.json":
        return send(200, "application/json", JSON.stringify(this.pipeline));
      case "/logo.svg":
        return send(200, "image/svg+xml", logo);
      case "/graphql":
        return this.#api(request, response, body);
      default:
        if (!this.issuer.handle(url, body, response)) send(404, "application/json", "{}");
    }
  }

  /** The HTTP API: its answers to OPTIONS, its authorizer, and the function behind it. */
  async #api(request: IncomingMessage, response: ServerResponse, body: string): Promise<void> {
    const readable = () => response.setHeader("Access-Control-Allow-Origin", "*");
    if (request.method === "OPTIONS") {
      readable();
      response.setHeader("Access-Control-Allow-Headers", "authorization, content-type, x-api-key");
      response.setHeader("Access-Control-Allow-Methods", "POST");
      response.setHeader("Access-Control-Max-Age", "300");
      return void response.writeHead(204).end();
    }
    if (request.method !== "POST" || request.headers["content-type"] !== "application/json") {
      throw new Error(`${request.method} of ${request.headers["content-type"]}`);
    }
    const { query, variables } = JSON.parse(body) as { query: string; variables: Record<string, unknown> };
    const name = /^(?:query|mutation) (\w+)/.exec(query)?.[1] ?? "";
    const nth = this.count(name);
    this.asked.push({ name, variables });
    const json = (status: number, value: unknown) =>
      void response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(value));
    const refusal = this.#refusal(request);
    if (refusal !== undefined) {
      if (this.refusesReadably) readable();
      return json(refusal, { message: refusal === 401 ? "Unauthorized" : "Forbidden" });
    }
    readable();
    const instead = this.gateway(name, nth);
    if (instead === 0) return void response.destroy();
    if (typeof instead === "number") return json(instead, { message: "Service Unavailable" });
    const answer = await graphql({ schema, source: query, rootValue: this.#root(), variableValues: variables });
    for (const error of answer.errors ?? []) {
      if (error.extensions.code === undefined) throw new Error(`${name}: ${error.message}`);
    }
    if (instead === "lose") {
      // Something has come, so that the browser does not ask again by itself.
      return void response.writeHead(200, { "Content-Length": "1000" }).write("{", () => response.destroy());
    }
    json(200, answer);
  }

  /** What the gateway's authorizer says to whom it does not know. */
  #refusal(request: IncomingMessage): number | undefined {
    const { auth } = this.pipeline;
    const key = request.headers["x-api-key"];
    const token = request.headers.authorization?.replace("Bearer ", "");
    if (auth.kind === "api_key") return key === goodKey ? undefined : key === undefined ? 401 : 403;
    if (auth.kind === "jwt") return token !== undefined && token === this.issuer.tokens.id_token ? undefined : 401;
    return 403;
  }

  #root(): Record<string, unknown> {
    const own = {
      viewer: () => ({ name: this.pipeline.auth.kind === "jwt" ? "alice" : "partner", mayWrite: this.mayWrite }),
      manifest: () =>
        this.published && {
          runId: this.published.run,
          prefix: "homes/",
          uploadedAt: new Date(this.published.at).toISOString(),
          madeAt: new Date(this.published.at).toISOString(),
          files: 1_000_000,
          ingested: 999_997,
          failed: 3,
          items: 1_002_311,
          segments: this.segments.length,
        },
      segments: (of: Paging & { search?: string; sort?: string | null }) => this.#segments(of),
      segment: ({ id }: { id: string }) => {
        const found =
          this.segments.find((s) => s.id === id) ?? fail("NOT_FOUND", "The current manifest has no such segment.");
        const metrics = () => {
          const wrong = this.wrong.get("metrics");
          return wrong ? fail(wrong.code, wrong.message) : found.metrics;
        };
        const made = found.metrics === null ? null : new Date(this.published?.at ?? 0).toISOString();
        return { ...found, metrics, madeAt: made, runId: this.published?.run };
      },
      runs: (of: Paging) => this.#page(of, this.runs, (r) => r.id),
      run: ({ id }: { id: string }) => {
        const found = this.runs.find((r) => r.id === id) ?? fail("NOT_FOUND", `There is no run "${id}", or no more.`);
        return { ...found, failures: (of: Paging) => this.#page(of, found.failures, (f) => f.key) };
      },
      bookings: (of: Paging & { status?: string }) =>
        this.#page(
          of,
          this.bookings.filter((b) => (of.status ?? b.status) === b.status),
          (b) => b.id,
        ),
      booking: ({ id }: { id: string }) => this.#booking(id),
      createBooking: ({ input }: { input: { segment: string; at?: string; idempotencyKey?: string } }) => {
        this.#mayWrite();
        const segment = this.segments.find((s) => s.id === input.segment) ?? fail("NOT_FOUND", "No such segment.");
        const known = this.#keys.get(input.idempotencyKey ?? "");
        if (known !== undefined) return this.#booking(known);
        const id = `booking-${this.bookings.length + 1}`;
        this.#keys.set(input.idempotencyKey ?? "", id);
        const at = input.at ?? new Date(this.now()).toISOString();
        return this.book(id, "BOOKED", { segmentId: segment.id, segmentValue: segment.value, at });
      },
      cancelBooking: ({ id }: { id: string }) => {
        this.#mayWrite();
        const booking = this.#booking(id);
        if (booking.status === "CANCELLED") return booking;
        if (booking.status === "UPLOADING" || over(booking.status)) fail("CONFLICT", "The booking is uploading.");
        booking.status = "CANCELLED";
        booking.endedAt = new Date(this.now()).toISOString();
        return booking;
      },
      retryBooking: ({ id }: { id: string }) => {
        this.#mayWrite();
        const booking = this.#booking(id);
        if (booking.status !== "FAILED") fail("CONFLICT", "The booking has not failed.");
        Object.assign(booking, { status: "GENERATED", attempts: 0, reason: null, endedAt: null });
        return booking;
      },
      replayRun: ({ id, failedOnly }: { id: string; failedOnly?: boolean | null }) => {
        this.#mayWrite();
        const run = this.runs.find((r) => r.id === id) ?? fail("NOT_FOUND", "There is no such run.");
        if (!over(run.state)) fail("CONFLICT", "The run is ingesting. Replay it once it is over.");
        return { runId: `replay-of-${id}${failedOnly ? "-failed" : ""}` };
      },
    };
    for (const [field, { code, message }] of this.wrong) {
      if (Object.hasOwn(own, field)) Object.assign(own, { [field]: () => fail(code, message) });
    }
    return own;
  }

  #mayWrite(): void {
    if (!this.mayWrite) fail("FORBIDDEN", "This needs the scope bookings, which your token or key has not.");
  }

  #booking(id: string): Booking {
    return this.bookings.find((b) => b.id === id) ?? fail("NOT_FOUND", "There is no such booking.");
  }

  #segments(of: Paging & { search?: string; sort?: string | null }): unknown {
    const run = this.published?.run;
    const sort = of.sort ?? "SIZE_DESC";
    const first = of.first ?? 20;
    const cursor = of.after?.split("|");
    if (cursor !== undefined && this.gone.has(cursor[0] ?? "")) fail("CONFLICT", "The run of these pages is gone.");
    const found = this.segments.filter(
      (s) => run !== undefined && s.value.toLowerCase().includes((of.search ?? "").toLowerCase()),
    );
    if (sort.startsWith("NAME")) found.sort((a, b) => a.value.localeCompare(b.value));
    if (sort === "SIZE_ASC" || sort === "NAME_DESC") found.reverse();
    const from = Number(cursor?.[1] ?? 0);
    const nodes = found.slice(from, from + first);
    const more = from + first < found.length;
    return {
      nodes: nodes.map((s) => ({ ...s, runId: run })),
      totalCount: found.length,
      pageInfo: { hasNextPage: more, endCursor: more ? `${run}|${from + first}` : null },
    };
  }

  #page<T>({ first: asked, after }: Paging, all: T[], id: (of: T) => string): unknown {
    const first = asked ?? 20;
    const from = after ? all.findIndex((one) => id(one) === after) + 1 : 0;
    const nodes = all.slice(from, from + first);
    const last = nodes.at(-1);
    const more = from + first < all.length && last !== undefined;
    return { nodes, pageInfo: { hasNextPage: more, endCursor: more ? id(last) : null } };
  }
}
