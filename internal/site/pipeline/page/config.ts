// The object beside the page.
import type { Wording } from "../../shared/i18n.ts";
import type { Link } from "../../shared/links.tsx";
import type { Provider } from "../../shared/oidc.ts";
import type { Style } from "../../shared/theme.ts";

/** How the API is protected, and so how the visitor gets in. */
export type Auth = ({ kind: "jwt" } & Provider) | { kind: "api_key" } | { kind: "iam" };

/** pipeline.json: what the page is about. */
export interface Pipeline extends Wording {
  name: string;
  title?: string;
  /** The address that queries are sent to. */
  api: string;
  auth: Auth;
  /** Whether the pipeline takes bookings; it does where nothing is said. */
  bookings?: boolean;
  style?: Style;
  logo?: string;
  links?: Link[];
}

/** The address of an object beside the page. */
export function beside(name: string): URL {
  return new URL(name, location.origin + location.pathname);
}
