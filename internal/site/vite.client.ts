import { defineConfig } from "vite";

// The waiting room's client as a package for pages of anybody's: one ES module without dependencies.
export default defineConfig({
  root: "queue/client",
  publicDir: false,
  build: {
    lib: { entry: "index.ts", formats: ["es"], fileName: "index" },
    outDir: "dist",
    target: "es2022",
    sourcemap: false,
    reportCompressedSize: false,
  },
});
