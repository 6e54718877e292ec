// What the page is deployed with.
import type { Wording } from "../../shared/i18n.ts";
import type { Link } from "../../shared/links.tsx";
import type { Provider } from "../../shared/oidc.ts";
import type { Style } from "../../shared/theme.ts";

/** What the page is about: the element "sale" of its HTML. */
export interface Sale extends Wording {
  /** The sale's id. */
  sale: string;
  name: string;
  title?: string;
  join_url: string;
  turn_url: string;
  /** The status: an object, or a table with the object for when it is of no use. */
  status: { kind: "object"; url: string } | { kind: "table"; url: string; credentials: string };
  /** When the sale opens and closes, as far as is known beforehand. Milliseconds since 1970. */
  opens_at?: number;
  closes_at?: number;
  /** Whether fans need a code to join. */
  codes?: boolean;
  /** Where fans need a token of the organiser's to join: who signs them in. */
  jwt?: { issuer: string; client_id?: string; scope?: string };
  style?: Style;
  logo?: string;
  links?: Link[];
}

/** Who signs fans in, where this page can ask them to. */
export function provider(sale: Sale): Provider | undefined {
  return sale.jwt?.client_id === undefined ? undefined : (sale.jwt as Provider);
}

/** The address of an object beside the page. */
export function beside(name: string): URL {
  return new URL(name, location.origin + location.pathname);
}
