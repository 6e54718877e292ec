function e(e, n, r) {
	let i = e.draw?.count ?? 0, a = e.front.line === "" ? {
		line: i > 0 ? "draw" : n,
		place: e.front.place
	} : e.front;
	if (n === "draw" && a.line !== "draw") return 0;
	let o = r - 1 + (n === a.line ? -a.place : i - a.place);
	for (let [i, s, c] of e.gaps ?? []) {
		let e = {
			line: i,
			place: s
		};
		t(e, {
			line: n,
			place: r
		}) && t(a, e) && (o -= c);
	}
	return Math.max(0, o);
}
var t = (e, t) => e.line === t.line ? e.place < t.place : e.line === "draw";
function n(e, t, n) {
	if (t <= 0) return;
	let r = [t, n].filter((e) => e > 0).map((t) => Math.ceil(e / t));
	return {
		low: Math.min(...r),
		high: Math.max(...r)
	};
}
function r(e, t) {
	return t <= 0 ? 15 : Math.min(120, Math.max(5, Math.ceil(Math.ceil(e / t) / 2)));
}
function i(e, t) {
	let n = Math.min(r(t, e.pace), e.ask.far || 120);
	return e.ask.near > 0 && a(e, t) ? Math.min(n, e.ask.near) : n;
}
var a = (e, t) => t === 0 || t < e.near, o = {
	steady: () => performance.now(),
	wall: () => Date.now()
}, s = 2e3, c = class {
	#e;
	#t = -Infinity;
	#n = Infinity;
	#r;
	constructor(e = o) {
		this.#e = e, this.#r = e.wall() - e.steady();
	}
	steady() {
		return this.#e.steady();
	}
	get synced() {
		return Number.isFinite(this.#t);
	}
	now() {
		return this.synced ? this.#e.steady() + (this.#t + this.#n) / 2 : this.#e.wall();
	}
	learn(e, t, n, r) {
		let i = e === null ? NaN : Date.parse(e);
		if (Number.isNaN(i)) return;
		let a = Number.parseInt(t ?? "0", 10) || 0, o = i + a * 1e3, s = o - r, c = o + (a > 0 ? 2e3 : 1e3) - n, l = this.jumped();
		this.#r = this.#e.wall() - this.#e.steady(), l || s > this.#n || c < this.#t ? (this.#t = s, this.#n = c) : (this.#t = Math.max(this.#t, s), this.#n = Math.min(this.#n, c));
	}
	jumped() {
		return Math.abs(this.#e.wall() - this.#e.steady() - this.#r) > s;
	}
	forget() {
		this.#t = -Infinity, this.#n = Infinity;
	}
};
// shared/retry.ts
function l(e, t, n, r = Math.random) {
	let i = Math.min(n, t * 2 ** Math.min(e, 16));
	return i / 2 + i / 2 * r();
}
// shared/fetch.ts
var u = 15e3, d = class extends Error {
	status;
	constructor(e) {
		super(`the server answered ${e}`), this.status = e;
	}
};
function f(e, t = {}) {
	let n = new AbortController(), r = setTimeout(() => n.abort(), u);
	return fetch(e, {
		...t,
		signal: n.signal
	}).finally(() => clearTimeout(r));
}
async function p(e, t) {
	let n = t.steady(), r = await f(e, {
		cache: "no-cache",
		credentials: "same-origin"
	});
	if (t.learn(r.headers.get("date"), r.headers.get("age"), n, t.steady()), r.status !== 403 && r.status !== 404) {
		if (!r.ok) throw new d(r.status);
		return await r.json();
	}
}
// queue/client/api.ts
async function m(e, t, n) {
	let r;
	try {
		let i = n.steady();
		r = await f(e, {
			method: "POST",
			headers: { "content-type": "text/plain" },
			body: JSON.stringify(t)
		}), n.learn(r.headers.get("date"), r.headers.get("age"), i, n.steady());
		let a = await r.json();
		if (r.ok) return {
			kind: "good",
			value: a
		};
		if (r.status !== 429 && r.status < 500 && typeof a.error == "string") {
			let e = typeof a.opens_at == "string" ? Date.parse(a.opens_at) : Number(a.opens_at), t = Number(a.wait);
			return {
				kind: "refused",
				error: a.error,
				...e > 0 ? { opensAt: e } : {},
				...t >= 0 ? { wait: t } : {}
			};
		}
	} catch {
		return { kind: "again" };
	}
	let i = Number.parseInt(r.headers.get("retry-after") ?? "", 10);
	return {
		kind: "again",
		...i > 0 ? { afterMs: i * 1e3 } : {}
	};
}
// shared/base64url.ts
function h(e) {
	return btoa(String.fromCharCode(...e)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
// shared/storage.ts
var g = /* @__PURE__ */ new Map();
function _(e, t = "device") {
	try {
		return y(t).getItem(e) ?? g.get(e);
	} catch {
		return g.get(e);
	}
}
function v(e, t, n = "device") {
	t === void 0 ? g.delete(e) : g.set(e, t);
	try {
		t === void 0 ? y(n).removeItem(e) : y(n).setItem(e, t);
	} catch {}
}
var y = (e) => e === "device" ? localStorage : sessionStorage, b = class {
	#e;
	saved;
	constructor(e) {
		this.#e = e, this.saved = this.#t();
	}
	save(e) {
		this.saved = Object.fromEntries(Object.entries({
			...this.saved,
			...e
		}).filter(([, e]) => e !== void 0)), v(this.#e, JSON.stringify(this.saved));
	}
	take(e) {
		this.saved = e;
	}
	#t() {
		try {
			let e = JSON.parse(_(this.#e) ?? "");
			if (typeof e.nonce == "string" && typeof e.attempt == "number") return e;
		} catch {}
		let e = {
			nonce: h(crypto.getRandomValues(/* @__PURE__ */ new Uint8Array(32))),
			attempt: 0
		};
		return v(this.#e, JSON.stringify(e)), e;
	}
}, x = 6e4, S = 3e4, C = 6e5, w = 1e4, T = 2e3, E = 6e4, D = 5e3, O = /* @__PURE__ */ new Set([
	"purchased",
	"expired",
	"left",
	"ghost"
]);
function k(e) {
	let { status: t, fan: n, sale: r } = e, i = e.statusRead;
	if (i === void 0 || t === void 0) return e.now;
	let a = (t) => i + t * (1 + .1 * e.luck);
	if (r !== "closed" && n !== "called" && n !== "claimed" && n !== "purchased") {
		if (r === "scheduled" || r === "gathering") {
			let n = r === "scheduled" ? t.draw_from ?? t.opens_at : t.opens_at, o = a(Math.min(C, Math.max(S, (n - i) / 4)));
			return r === "gathering" ? Math.min(o, n + w * e.luck) : o;
		}
		return r === "drawing" ? a(w) : n !== "waiting" || r === "paused" || j(e) && e.turn?.ahead !== void 0 ? a(x) : a(N(e));
	}
}
function A(e) {
	let { fan: t, turn: n } = e;
	if (t === "none" || t === "wanted" || O.has(t)) return;
	let r = (e.status?.ask.far || 120) * 1e3, i = n?.ask === void 0 ? void 0 : Math.max(1, n.ask) * 1e3, a = (t) => (e.turnRead ?? 0) + t * (1 + .1 * e.luck);
	if (t === "joined") {
		if (e.drawn && (e.sale === "gathering" || e.sale === "drawing" || e.sale === "scheduled")) return;
		if (e.looks > 0) return a(Math.max(i ?? 0, Math.min(6e4, 5e3 * 2 ** Math.min(e.looks - 1, 4))));
		let t = e.drawn ? Math.min(r, (e.status?.draw?.count ?? 0) / T * 1e3) : 6e3;
		return e.joined + 2e3 + t * e.luck;
	}
	if (t === "called" || t === "claimed") {
		let t = n?.until === void 0 ? Infinity : n.until + 1e3 + 2e3 * e.luck;
		return Math.max((e.turnRead ?? 0) + D, Math.min(a(E), t));
	}
	if (e.sale !== "closed") return j(e) ? a(i ?? N(e)) : e.now - (e.status?.at ?? 0) > 3 * r ? a(r) : void 0;
}
function j(e) {
	let t = M(e);
	return t === void 0 || e.status === void 0 || a(e.status, t);
}
function M(t) {
	let { status: n, turn: r } = t;
	if (r?.line === void 0 || r.place === void 0 || n === void 0) return r?.ahead;
	let i = e(n, r.line, r.place);
	return r.ahead === void 0 ? i : Math.min(r.ahead, i);
}
function N(e) {
	let t = M(e);
	return (e.status === void 0 || t === void 0 ? 120 : i(e.status, t)) * 1e3;
}
// queue/client/snapshot.ts
var P = {
	status: void 0,
	statusRead: void 0,
	turnRead: void 0,
	refused: void 0,
	failing: !1,
	offset: 0
};
function F(e, t) {
	if (e !== void 0) return e.closes_at !== void 0 && t >= e.closes_at ? "closed" : e.state !== "scheduled" && e.state !== "gathering" ? e.state : t >= e.opens_at ? e.draw === void 0 ? "open" : "drawing" : e.draw_from !== void 0 && t >= e.draw_from ? "gathering" : e.state;
}
function I({ ticket: e, turn: t, wanted: n }) {
	return e === void 0 ? n === void 0 ? "none" : "wanted" : t === void 0 || t.state === "unknown" || t.state === "waiting" && t.place === void 0 ? "joined" : t.state;
}
function L(e, t, r) {
	let { status: i } = e, { turn: a } = t, o = F(i, r), s = I(t), c = s === "waiting" ? M({
		status: i,
		turn: a
	}) : void 0, l = Math.max(t.from ?? 0, c ?? 0), u = c !== void 0 && i !== void 0 && o === "open";
	return {
		sale: o,
		fan: s,
		refused: e.refused,
		opensAt: i?.opens_at,
		closesAt: i?.closes_at,
		drawFrom: i?.draw_from,
		draws: i?.draw !== void 0,
		drawn: t.drawn === !0,
		line: a?.line,
		place: a?.place,
		ahead: c,
		progress: c === void 0 ? void 0 : l > 0 ? 1 - c / l : 1,
		estimate: u ? n(c, i.pace, i.pace_now ?? 0) : void 0,
		waiting: i?.waiting,
		until: a?.until,
		purchaseURL: a?.purchase_url,
		token: a?.token,
		renewalsLeft: a?.renewals_left,
		failing: e.failing,
		asOf: i?.at
	};
}
function R({ fan: e, sale: t }) {
	return e === "purchased" || e === "expired" || e === "left" || e === "ghost" || t === "closed" && e !== "called" && e !== "claimed";
}
// queue/client/status.ts
function z(e) {
	return { read: (t) => p(new URL(e, globalThis.location?.href), t) };
}
// queue/client/tabs.ts
var B = class {
	#e;
	#t;
	#n;
	#r = new AbortController();
	#i;
	#a;
	#o = 0;
	constructor(e, t) {
		this.#e = e, this.#n = t.leads, this.#t = typeof BroadcastChannel == "function" ? new BroadcastChannel(e) : void 0, this.#t?.addEventListener("message", (e) => {
			e.data.value === void 0 ? t.asked() : t.told(e.data.value);
		}, { signal: this.#r.signal }), this.#t?.postMessage({});
	}
	start() {
		document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.take(), { signal: this.#r.signal }), document.visibilityState === "visible" ? this.take() : this.#s();
	}
	take() {
		this.#i === void 0 && (this.#a?.abort(), this.#c({ steal: !0 }));
	}
	tell(e) {
		this.#r.signal.aborted || this.#t?.postMessage({ value: e });
	}
	close() {
		this.#r.abort(), this.#a?.abort(), this.#i?.(), this.#t?.close();
	}
	#s() {
		this.#a = new AbortController(), this.#c({ signal: this.#a.signal });
	}
	async #c(e) {
		let t = ++this.#o, n = () => new Promise((e) => {
			if (this.#r.signal.aborted) return e();
			this.#i = e, this.#n(!0);
		});
		if (navigator.locks === void 0) return void n();
		await navigator.locks.request(this.#e, e, n).catch(() => void 0), this.#r.signal.aborted || t !== this.#o || (this.#i = void 0, this.#n(!1), this.#s());
	}
}, V = 4e3, H = 12e4, U = 5e3, W = 36e5, G = 4, K = class {
	identity;
	#e;
	#t;
	#n;
	#r;
	#i;
	#a;
	#o = new AbortController();
	#s = P;
	#c;
	#l = !1;
	#u = !1;
	#d;
	#f;
	#p;
	#m;
	#h = {
		join: 0,
		status: 0,
		turn: 0
	};
	#g = {
		join: 0,
		status: 0,
		turn: 0
	};
	#_ = 0;
	#v = 0;
	#y = 0;
	#b = 0;
	#x = 0;
	#S = -Infinity;
	constructor(e, t) {
		this.#e = e, this.#n = e.clock ?? new c(), this.#r = t, this.#i = e.random ?? Math.random, this.#p = this.#i(), this.#m = this.#i();
		let { status: n } = e;
		this.#t = typeof n == "object" && "read" in n ? n : z(n);
		let r = `queue:${e.sale}:${new URL(e.joinURL, location.href).href}`;
		this.identity = new b(r), this.#a = new B(r, {
			leads: (e) => {
				this.#l = e, this.#E();
			},
			told: ({ known: e, saved: t }) => {
				this.#s = e, this.identity.take(t), this.#r(), this.#E();
			},
			asked: () => this.#l && this.#C()
		});
	}
	get known() {
		return this.#s;
	}
	start() {
		let { signal: e } = this.#o;
		this.#x = this.#n.steady(), this.#_ = this.now();
		let t = () => document.visibilityState === "visible" && this.#k();
		document.addEventListener("visibilitychange", t, { signal: e }), addEventListener("pageshow", t, { signal: e }), addEventListener("online", () => {
			this.#g = {
				join: 0,
				status: 0,
				turn: 0
			}, this.#k();
		}, { signal: e }), this.#f = setInterval(() => this.#n.jumped() && this.#k(), 1e3), this.#a.start();
	}
	close() {
		clearTimeout(this.#d), clearInterval(this.#f), this.#l = !1, this.#o.abort(), this.#a.close();
	}
	now() {
		return this.#n.synced ? this.#n.now() : Date.now() + this.#s.offset;
	}
	want(e) {
		this.#c = e ?? this.#c, this.#g.join = 0, this.#a.take(), this.update({ refused: void 0 }), this.#E();
	}
	update(e) {
		let t = Object.values(this.#h).some((e) => e > 0), n = this.#n.synced ? this.#n.now() - Date.now() : this.#s.offset;
		this.#s = {
			...this.#s,
			failing: t,
			offset: n,
			...e
		}, this.#C(), this.#r();
	}
	#C() {
		this.#a.tell({
			known: this.#s,
			saved: this.identity.saved
		});
	}
	async act(e) {
		this.#a.take();
		for (let t = 0; t < G; t++) if (t > 0 && await new Promise((e) => setTimeout(e, l(t - 1, 1e3, 8e3, this.#i))), (await this.#P(e, !1)).kind !== "again") {
			this.#E();
			return;
		}
		throw Error(`the waiting room did not answer: ${e}`);
	}
	#w() {
		let { ticket: e, wanted: t } = this.identity.saved, { status: n, refused: r } = this.#s;
		if (t === void 0 || e !== void 0 || r !== void 0) return;
		if (n === void 0) return this.now() + U - (this.#n.steady() - this.#x);
		if (F(n, this.now()) === "closed") return;
		let i = n.draw_from ?? (n.state === "gathering" ? 0 : n.opens_at), a = Math.max(t, i);
		return a + this.#m * Math.max(0, i + (this.#e.spread ?? 5e3) - a);
	}
	#T() {
		let e = this.now(), { saved: t } = this.identity, { status: n, statusRead: r, turnRead: i } = this.#s, a = e - Date.now(), o = {
			now: e,
			sale: F(n, e),
			fan: I(t),
			status: n,
			turn: t.turn,
			drawn: t.drawn === !0,
			statusRead: r && r + a,
			turnRead: i && i + a,
			joined: this.#_,
			looks: this.#v,
			luck: this.#p
		}, s = this.#n.steady(), c = (t, n) => t === void 0 ? void 0 : Math.max(s + t - e, this.#g[n]);
		return {
			join: c(this.#w(), "join"),
			status: c(k(o), "status"),
			turn: c(A(o), "turn")
		};
	}
	#E() {
		if (clearTimeout(this.#d), !this.#l || this.#u) return;
		let e = this.#n.steady(), t = Object.values(this.#T()).map((t) => (t ?? Infinity) - e), n = Math.min(W, this.#D(), ...t);
		n <= 0 ? this.#O(!1) : this.#d = setTimeout(() => void this.#O(!1), n);
	}
	#D() {
		let { status: e } = this.#s, t = this.now(), n = [
			e?.draw_from,
			e?.opens_at,
			e?.closes_at
		].map((e) => (e ?? 0) - t);
		return Math.min(Infinity, ...n.filter((e) => e > 0));
	}
	async #O(e) {
		if (this.#u || !this.#l) return;
		clearTimeout(this.#d), this.#u = !0;
		let t = this.#n.steady(), n = this.#T(), r = (r) => {
			let i = n[r];
			return i !== void 0 && (i <= t || e && r !== "join" && this.#g[r] <= t);
		}, i = [
			r("join") && this.#M(),
			r("status") && this.#j(),
			r("turn") && this.#P("look", !0)
		].filter((e) => e !== !1);
		i.length > 0 && (this.#S = t, this.#p = this.#i()), await Promise.all(i), this.#u = !1, i.length === 0 && this.update({}), this.#E();
	}
	#k() {
		this.#n.steady() - this.#S < U ? this.#E() : this.#O(!0);
	}
	#A(e, t, n = 0) {
		this.#h[e] = t ? 0 : this.#h[e] + 1;
		let r = t ? 0 : l(this.#h[e] - 1, V, H, this.#i);
		this.#g[e] = this.#n.steady() + Math.max(r, n * (1 + .2 * this.#i()));
	}
	async #j() {
		let e;
		try {
			e = await this.#t.read(this.#n);
		} catch {}
		if (this.#A("status", e !== void 0), e === void 0) return this.update({});
		let { status: t } = this.#s;
		if (e.at < (t?.at ?? 0)) return this.update({ statusRead: Date.now() });
		t?.state !== "open" && e.state === "open" && this.identity.saved.drawn && (this.#_ = this.now()), this.update({
			status: e,
			statusRead: Date.now()
		}), this.#I();
	}
	async #M() {
		let { nonce: e, attempt: t, code: n } = this.identity.saved, r = {
			sale: this.#e.sale,
			nonce: e,
			attempt: t,
			...n === void 0 ? {} : { code: n },
			...this.#c === void 0 ? {} : { jwt: this.#c }
		}, i = await m(this.#e.joinURL, r, this.#n);
		if (this.#A("join", i.kind !== "again", i.kind === "again" ? i.afterMs : 0), i.kind === "again") return this.update({});
		if (i.kind === "refused") return this.#N(i);
		this.#_ = this.now(), this.#v = 0, this.identity.save({
			ticket: i.value.ticket,
			drawn: i.value.draw === !0 || void 0,
			wanted: void 0
		}), this.update({ turnRead: void 0 });
	}
	#N(e) {
		let { status: t } = this.#s;
		if (e.error === "not_open") {
			let n = e.wait ?? Math.max(0, (e.opensAt ?? 0) - this.now()) + U * this.#i();
			this.#g.join = this.#n.steady() + Math.max(500, n);
			let r = t !== void 0 && t.draw_from === void 0 && e.opensAt !== void 0;
			return this.update(r ? { status: {
				...t,
				opens_at: e.opensAt
			} } : {});
		}
		let n = [
			"code",
			"jwt",
			"closed"
		].find((t) => t === e.error);
		this.identity.save({
			wanted: void 0,
			...n === "code" ? { code: void 0 } : {}
		}), this.update({ refused: n ?? "failed" });
	}
	async #P(e, t) {
		let { ticket: n } = this.identity.saved;
		if (n === void 0) return {
			kind: "refused",
			error: "ticket"
		};
		let r = ++this.#y, i = await m(this.#e.turnURL, {
			ticket: n,
			do: e
		}, this.#n);
		return this.#A("turn", i.kind !== "again", i.kind === "again" ? i.afterMs : 0), r < this.#b || t && !this.#l || this.identity.saved.ticket !== n || (i.kind === "again" ? this.update({}) : (this.#b = r, this.#v++, (i.kind === "good" ? i.value.state === "unknown" : i.error === "ticket") ? this.identity.save({
			ticket: void 0,
			turn: void 0,
			wanted: this.now()
		}) : i.kind === "good" && this.#F(i.value), this.update({ turnRead: Date.now() }))), i;
	}
	#F(e) {
		let { attempt: t, turn: n } = this.identity.saved, r = e.attempt !== void 0 && e.attempt < t, i = e.state === "claimed" && n?.state === "claimed" ? n : {};
		this.identity.save({ turn: r ? {
			state: "waiting",
			attempt: t
		} : {
			...i,
			...e
		} }), this.#I();
	}
	#I() {
		let { turn: t, from: n } = this.identity.saved, { status: r } = this.#s;
		n === void 0 && t?.line !== void 0 && t.place !== void 0 && r !== void 0 && this.identity.save({ from: t.ahead ?? e(r, t.line, t.place) });
	}
}, q = class extends Error {
	reason;
	constructor(e) {
		super(`the waiting room did not let the fan join: ${e}`), this.reason = e;
	}
}, J = class {
	#e;
	#t = /* @__PURE__ */ new Set();
	#n = new AbortController();
	constructor(e) {
		this.#e = new K(e, () => {
			let { snapshot: e } = this;
			for (let t of [...this.#t]) t(e);
		});
	}
	start() {
		return this.#e.start(), this;
	}
	close() {
		this.#n.abort(), this.#e.close(), this.#t.clear();
	}
	now() {
		return this.#e.now();
	}
	get snapshot() {
		return L(this.#e.known, this.#e.identity.saved, this.now());
	}
	subscribe(e) {
		return this.#t.add(e), () => this.#t.delete(e);
	}
	async *wait() {
		let e = [this.snapshot], t = () => void 0, n = this.subscribe((n) => {
			e.push(n), t();
		});
		this.#n.signal.addEventListener("abort", () => t());
		try {
			for (; !this.#n.signal.aborted;) {
				let n = e.shift();
				if (n !== void 0) {
					if (yield n, R(n)) return;
				} else await new Promise((e) => {
					t = e;
				});
			}
		} finally {
			n();
		}
	}
	position() {
		let { line: e, place: t } = this.snapshot;
		return {
			line: e,
			place: t
		};
	}
	ahead() {
		return this.snapshot.ahead;
	}
	estimate() {
		return this.snapshot.estimate;
	}
	async join(e = {}) {
		let { identity: t } = this.#e;
		t.saved.ticket === void 0 && (t.save({
			wanted: this.now(),
			...e.code === void 0 ? {} : { code: e.code }
		}), this.#e.want(e.jwt));
		for await (let e of this.wait()) {
			if (e.refused !== void 0) throw new q(e.refused);
			if (e.fan !== "wanted") return e;
		}
		throw new q("closed");
	}
	rejoin(e = {}) {
		let { identity: t } = this.#e, { attempt: n, turn: r } = t.saved;
		return t.save({
			attempt: Math.max(n, r?.attempt ?? 0) + 1,
			ticket: void 0,
			turn: void 0,
			from: void 0,
			drawn: void 0
		}), this.join(e);
	}
	async turn() {
		return await this.#e.act("look"), this.snapshot;
	}
	async claim() {
		return await this.#e.act("claim"), this.snapshot;
	}
	async renew() {
		return await this.#e.act("renew"), this.snapshot;
	}
	async leave() {
		let { identity: e } = this.#e;
		return e.saved.ticket === void 0 ? (e.save({
			wanted: void 0,
			code: void 0
		}), this.#e.update({ refused: void 0 })) : await this.#e.act("leave"), this.snapshot;
	}
};
export { q as JoinRefused, J as WaitingRoom, e as aheadOf, r as askAfter, i as askAt, n as estimateOf, z as statusObject };
