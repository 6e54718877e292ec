// Draws a page from JSX and keeps it so. It stands in for Preact in the waiting room's page, whose every kilobyte is
// downloaded by each of a million fans: it is a tenth of Preact with its hooks and signals, and has just what the page
// uses of them, under their names. Sources are written and type-checked against Preact.
//
// The whole page is drawn anew, in memory, when a signal has changed that the last drawing read; what differs is changed
// in the document. An element is kept where the one at the same place among its siblings, or of the same key, has the
// same type.
import { effectLater, signal } from "./signals.ts";

export { computed, effect, signal } from "./signals.ts";

type Props = Record<string, unknown>;
type Component = (props: Props) => unknown;

interface VNode {
  /** An element's name, a component; "" for text, and undefined for nothing at a place. */
  type: string | Component | undefined;
  props: Props;
  key?: unknown;
  dom?: Element | Text;
  kids: VNode[];
  /** What a component's hooks remember, in the order of their calls. */
  slots: unknown[];
}

export function jsx(type: string | Component, props: Props, key?: unknown): VNode {
  return { type, props, key, kids: [], slots: [] };
}
export const jsxs = jsx;

/** Several nodes without an element around them. */
export const Fragment: Component = (props) => props.children;

function nodeOf(child: unknown): VNode {
  if (Array.isArray(child)) return jsx(Fragment, { children: child });
  if (typeof child === "object" && child !== null) return child as VNode;
  const text = typeof child === "string" || typeof child === "number";
  return { ...jsx("", { data: String(child) }), type: text ? "" : undefined };
}

const nodesOf = (children: unknown): VNode[] => (Array.isArray(children) ? children : [children]).map(nodeOf);

/** What stands in the document for a node. */
const standing = (node: VNode): (Element | Text)[] => (node.dom ? [node.dom] : node.kids.flatMap(standing));

let slots: unknown[] = [];
let next = 0;
/** What hooks want done as soon as the page is drawn, and after that. */
const first: (() => void)[] = [];
const then: (() => void)[] = [];

function draw(node: VNode, was: VNode | undefined): void {
  const { type, props } = node;
  if (type === undefined) return;
  if (typeof type === "function") {
    slots = node.slots = was?.slots ?? [];
    next = 0;
    node.kids = type === Fragment ? nodesOf(props.children) : [nodeOf(type(props))];
    drawAll(node.kids, was?.kids ?? []);
    return;
  }
  const dom = was?.dom ?? (type === "" ? document.createTextNode("") : document.createElement(type));
  node.dom = dom;
  for (const name of new Set([...Object.keys(was?.props ?? {}), ...Object.keys(props)])) {
    if (name !== "children" && props[name] !== was?.props[name]) assign(dom, name, props[name]);
  }
  if (type === "") return;
  node.kids = nodesOf(props.children);
  drawAll(node.kids, was?.kids ?? []);
  let at = dom.firstChild;
  for (const kid of node.kids.flatMap(standing)) {
    if (kid === at) at = at.nextSibling;
    else dom.insertBefore(kid, at);
  }
}

function drawAll(nodes: VNode[], were: VNode[]): void {
  const left = new Set(were);
  nodes.forEach((node, i) => {
    const at = node.key === undefined ? were[i] : were.find((w) => w.key === node.key);
    const same = at?.type === node.type && at?.key === node.key ? at : undefined;
    if (same) left.delete(same);
    draw(node, same);
  });
  for (const gone of left) for (const dom of standing(gone)) dom.remove();
}

/** Sets a property where there is one of that name, or an attribute. */
function assign(dom: Element | Text, name: string, value: unknown): void {
  if (name === "ref") (value as { current: unknown }).current = dom;
  else if (name === "style") Object.assign((dom as HTMLElement).style, value);
  else if (name.startsWith("on")) Object.assign(dom, { [name.toLowerCase()]: value });
  else if (name in dom) Object.assign(dom, { [name]: value ?? "" });
  else if (value === undefined) (dom as Element).removeAttribute(name);
  else (dom as Element).setAttribute(name, String(value));
}

/** Draws a page into an empty element, and again whenever a signal changes that it reads. */
export function render(page: unknown, root: Element): void {
  let was: VNode | undefined;
  effectLater(() => {
    const node = jsx(root.localName, { children: [nodeOf(page)].map((n) => ({ ...n })) });
    draw(node, was ?? { ...jsx("", {}), dom: root });
    was = node;
    for (const act of [...first.splice(0), ...then.splice(0)]) act();
  });
}

/** What a component remembers from one drawing to the next. */
function slot<T>(make: () => T): T {
  const i = next++;
  if (!(i in slots)) slots[i] = make();
  return slots[i] as T;
}

export const useRef = <T>(value: T): { current: T } => slot(() => ({ current: value }));
export const useSignal = <T>(value: T) => slot(() => signal(value));

const effectIn = (acts: (() => void)[]) => (act: () => void, on: unknown[]) => {
  const last = slot((): { on?: unknown[] } => ({}));
  if (last.on?.every((was, i) => Object.is(was, on[i]))) return;
  last.on = on;
  acts.push(act);
};
/** Acts when the page is drawn, if anything of the list is not what it was. Layout effects come before the others. */
export const useLayoutEffect = effectIn(first);
export const useEffect = effectIn(then);
