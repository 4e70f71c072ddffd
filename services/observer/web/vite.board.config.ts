import { cpSync } from "node:fs";
import { resolve } from "node:path";
import type { Plugin } from "vite";
import { defineConfig } from "vite";

const built = resolve(import.meta.dirname, "../src/oblivion_observer/queue_board/built");
const ui = resolve(import.meta.dirname, "node_modules/@bull-board/ui/dist");

/** Bull Board's own page, beside the program that serves it. */
function withPage(): Plugin {
  return {
    name: "with-page",
    apply: "build",
    closeBundle: () => cpSync(ui, `${built}/ui/dist`, { recursive: true }),
  };
}

/** One file with all that it needs: nothing is installed where it runs but Node. */
export default defineConfig({
  plugins: [withPage()],
  publicDir: false,
  ssr: { noExternal: true, target: "node" },
  build: {
    ssr: resolve(import.meta.dirname, "board/main.ts"),
    outDir: built,
    emptyOutDir: true,
    target: "node22",
    minify: true,
    rollupOptions: { output: { entryFileNames: "board.mjs", inlineDynamicImports: true } },
  },
});
