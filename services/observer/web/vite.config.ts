import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { extname, join, resolve } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const page = resolve(import.meta.dirname, "../src/oblivion_observer/page");
const jobProgress = resolve(import.meta.dirname, "../../../libs/use-job-progress/src");
const modules = resolve(import.meta.dirname, "node_modules");
const api = process.env.OBLIVION_URI ?? "http://localhost:8300";
const PACKED = new Set([".js", ".css", ".html", ".svg", ".json"]);

/** Packs every file as tightly as it goes, once: the service then sends what it finds. */
function packed(): Plugin {
  return {
    name: "packed",
    apply: "build",
    closeBundle() {
      for (const entry of readdirSync(page, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !PACKED.has(extname(entry.name))) continue;
        const file = join(entry.parentPath, entry.name);
        const plain = readFileSync(file);
        const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
        writeFileSync(`${file}.br`, brotliCompressSync(plain, quality));
        writeFileSync(`${file}.gz`, gzipSync(plain, { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  plugins: [react(), packed()],
  resolve: {
    alias: [
      { find: /^@\//, replacement: `${resolve(import.meta.dirname, "src")}/` },
      { find: "@oblivion/use-job-progress", replacement: `${jobProgress}/index.ts` },
      // That package has no packages of its own here: it is built and tested with the page's.
      { find: /^(react|vitest|@testing-library\/react)$/, replacement: `${modules}/$1` },
    ],
  },
  build: { outDir: page, emptyOutDir: true, assetsInlineLimit: 0 },
  server: {
    fs: { allow: ["../../.."] },
    proxy: Object.fromEntries(
      ["/api", "/auth", "/t/", "/connections", "/socket.io"].map((path) => [path, { target: api, ws: true }]),
    ),
  },
  test: { environment: "jsdom", include: ["src/**/*.test.{ts,tsx}", `${jobProgress}/**/*.test.{ts,tsx}`] },
});
