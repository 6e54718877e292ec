import { useLayoutEffect, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { Page } from "./parts.tsx";
import { ended, leaveForSignIn, takeKey } from "./session.ts";
import { config, texts } from "./state.ts";

/** Asks who the visitor is, in the way that the API is protected. */
export function SignIn() {
  const t = texts.value;
  const kind = config.value?.auth.kind;
  return (
    <Page name="sign_in" heading={t.text(kind === "iam" ? "iam" : "sign_in")}>
      {ended.value !== undefined && (
        <p class="note error" role="alert">
          {t.text(ended.value)}
        </p>
      )}
      {kind === "jwt" && (
        <>
          <p>{t.text("sign_in_text")}</p>
          <button type="button" class="primary" onClick={() => void leaveForSignIn()}>
            {t.text("sign_in")}
          </button>
        </>
      )}
      {kind === "api_key" && <Key />}
      {kind === "iam" && <Signed />}
    </Page>
  );
}

/** A field for a key, which no list of the browser's keeps. */
function Key() {
  const t = texts.value;
  const missing = useSignal(0);
  const field = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    if (missing.value > 0) field.current?.focus();
  }, [missing.value]);
  return (
    <form
      noValidate
      onSubmit={(e) => {
        e.preventDefault();
        const key = field.current?.value.trim() ?? "";
        if (key === "") missing.value++;
        else takeKey(key);
      }}
    >
      <p>{t.text("key_text")}</p>
      <div class="field">
        <label for="key">{t.text("key_label")}</label>
        <input
          id="key"
          type="password"
          ref={field}
          autocomplete="off"
          spellcheck={false}
          maxLength={256}
          required
          aria-invalid={missing.value > 0}
          aria-describedby={missing.value > 0 ? "key-error" : undefined}
        />
        {missing.value > 0 && (
          <p class="error" id="key-error" role="alert">
            {t.text("key_missing")}
          </p>
        )}
      </div>
      <button type="submit" class="primary">
        {t.text("sign_in")}
      </button>
    </form>
  );
}

/** What to do where only signed requests are let in: a page has no credentials of AWS to sign with. */
function Signed() {
  const t = texts.value;
  const api = config.value?.api ?? "";
  const region = /\.execute-api\.([a-z0-9-]+)\./.exec(api)?.[1] ?? "REGION";
  const command = [
    `curl ${api}`,
    `--aws-sigv4 aws:amz:${region}:execute-api`,
    `--user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"`,
    `--header "x-amz-security-token: $AWS_SESSION_TOKEN"`,
    `--json '{"query": "{ segments { nodes { value count } } }"}'`,
  ];
  return (
    <>
      <p>{t.text("iam_text")}</p>
      <pre tabIndex={0} aria-label={t.text("iam_command")}>
        <code>{command.join(" \\\n  ")}</code>
      </pre>
      <p>{t.text("iam_else")}</p>
    </>
  );
}
