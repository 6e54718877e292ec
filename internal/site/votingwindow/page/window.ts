// The objects beside the page.
import type { IdentityPool } from "../../shared/cognito.ts";
import type { Texts } from "../../shared/i18n.ts";
import type { Link } from "../../shared/links.tsx";
import type { Provider } from "../../shared/oidc.ts";
import type { Style } from "../../shared/theme.ts";

export interface Answer {
  id: string;
  label: string;
}

export interface Question {
  id: string;
  text: string;
  answers: Answer[];
}

/** Where votes go to. */
export type IntakeConfig =
  | { kind: "url"; url: string }
  | { kind: "api"; url: string; jwt?: { issuer: string; client_id?: string; scope?: string } }
  | { kind: "direct"; credentials: string }
  | { kind: "direct"; cognito: IdentityPool; queue_url: string; region: string };

/** window.json: what the page is about. Times are RFC 3339. */
export interface VotingWindow {
  name: string;
  title?: string;
  questions: Question[];
  opens_at: string;
  closes_at: string;
  /** Seconds after closes_at before results can be final. */
  grace_seconds?: number;
  results: "live" | "after_close";
  /** 0 adapts. */
  refresh_seconds: number;
  votes_per_voter: number;
  revote: "reject" | "replace";
  voter: { label?: string; pattern?: string; ticket?: boolean };
  intake: IntakeConfig;
  /** The status board, where results are read from one while there is something new in them. */
  status?: { credentials: string };
  languages: string[];
  texts?: Record<string, Texts>;
  style?: Style;
  logo?: string;
  links?: Link[];
}

/** results.json. Figures are absent while nobody may see them. */
export interface Results {
  status: "waiting" | "rehearsal" | "open" | "closing" | "provisional" | "final";
  as_of: string;
  opens_at: string;
  closes_at: string;
  total?: number;
  questions?: Record<string, { total: number; answers: Record<string, number> }>;
  version: number;
}

/** Who signs voters in, where this page can ask them to. */
export function provider(window: VotingWindow): Provider | undefined {
  const jwt = window.intake.kind === "api" ? window.intake.jwt : undefined;
  return jwt?.client_id === undefined ? undefined : { ...jwt, client_id: jwt.client_id };
}

/** Whether voters are known by a token instead of what they type. */
export const byToken = (window: VotingWindow): boolean =>
  window.intake.kind === "api" && window.intake.jwt !== undefined;

/** The studio view is the same page under another name. */
export const isStudio = /\/studio\/?$/.test(location.pathname);

/** The address of an object beside the page. */
export function beside(name: string): URL {
  return new URL(name, location.origin + location.pathname.replace(/studio\/?$/, ""));
}
