import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { languages } from "./queue/page/texts/languages.ts";
import { inline } from "./shared/inline.ts";

// PAGE names the folder of the system whose page is built; "npm run build" builds each.
const page = process.env.PAGE;
if (page === undefined) throw new Error('say which page: PAGE=votingwindow, or run "npm run build" for all');

// Who deploys a waiting room's page puts the sale in it, and leaves out languages that nobody is offered.
const data: Record<string, Record<string, unknown>> = { queue: { texts: languages, sale: null } };

const view = fileURLToPath(new URL("shared/view/view.ts", import.meta.url));
// A waiting room's page is downloaded by everybody who waits.
const small = /^(preact|preact\/hooks|preact\/jsx-runtime|@preact\/signals)$/;

export default defineConfig({
  root: page,
  resolve: { alias: page === "queue" ? [{ find: small, replacement: view }] : [] },
  base: "./",
  publicDir: false,
  plugins: [
    inline(
      {
        // Where votes go to is known only when the system is deployed; plain HTTP is for a local AWS alone.
        "connect-src": "'self' https: http://localhost:* http://*.localhost:* http://127.0.0.1:*",
        "img-src": "'self' data:",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
      },
      data[page],
    ),
  ],
  build: {
    outDir: "dist",
    // The README there is under version control.
    emptyOutDir: false,
    target: "es2022",
    modulePreload: false,
    assetsInlineLimit: Number.MAX_SAFE_INTEGER,
    cssCodeSplit: false,
    reportCompressedSize: false,
  },
});
