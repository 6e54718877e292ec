// A build hook: one HTML file with script and style inside, and a content security policy that allows just these two.
import { createHash } from "node:crypto";
import type { Plugin } from "vite";

/**
 * What a page may do beyond its own script and style: content security policy directives. data are elements with JSON, by
 * their ids, which whoever deploys the page may fill otherwise.
 */
export function inline(policy: Record<string, string>, data: Record<string, unknown> = {}): Plugin {
  return {
    name: "inline",
    enforce: "post",
    generateBundle(_, bundle) {
      const pages = Object.values(bundle).filter((f) => f.type === "asset" && f.fileName.endsWith(".html"));
      for (const page of pages) {
        if (page.type !== "asset") continue;
        let script = "";
        let style = "";
        for (const [name, file] of Object.entries(bundle)) {
          if (file.type === "chunk") script += file.code;
          else if (name.endsWith(".css")) style += file.source;
          else continue;
          delete bundle[name];
        }
        // An end tag inside a string would end the element.
        script = script.trim().replaceAll("</script", "<\\/script");
        style = style.trim();
        const directives = {
          "default-src": "'none'",
          "script-src": digest(script),
          "style-src": digest(style),
          "base-uri": "'none'",
          "form-action": "'none'",
          ...policy,
        };
        const blocks = Object.entries(data).map(([id, value]) => {
          const json = JSON.stringify(value).replaceAll("<", "\\u003c");
          return `\n    <script type="application/json" id="${id}">${json}</script>`;
        });
        const csp = Object.entries(directives)
          .map(([name, value]) => `${name} ${value}`)
          .join("; ");
        const html = String(page.source)
          .replace(/\s*<script type="module"[^>]*><\/script>/, "")
          .replace(/\s*<link rel="stylesheet"[^>]*>/, "")
          .replace(
            "<head>",
            () =>
              `<head>\n    <meta charset="utf-8">\n    <meta http-equiv="Content-Security-Policy" content="${csp}">`,
          )
          .replace(/\s*<\/head>/, () => `\n    <style>${style}</style>\n  </head>`)
          .replace(/\s*<\/body>/, () => `${blocks.join("")}\n    <script type="module">${script}</script>\n  </body>`);
        // Vite names the page by its folder; it belongs at the root.
        page.fileName = "index.html";
        page.source = html;
      }
    },
  };
}

const digest = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
