import { defineConfig } from "vite";
import { licences } from "./dev/licences.mjs";

// Three files with fixed names, which the program carries within itself: no hashes, no chunks.
export default defineConfig({
  base: "./",
  build: {
    target: "es2022",
    modulePreload: false,
    cssCodeSplit: false,
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1000,
    rollupOptions: {
      output: {
        entryFileNames: "app.js",
        assetFileNames: "app[extname]",
        inlineDynamicImports: true,
      },
    },
  },
  plugins: [
    licences(),
    {
      // The same tags, in the same words, whatever the version of the tool: the program looks for them.
      name: "plain-tags",
      enforce: "post",
      transformIndexHtml: (html) =>
        html
          .replace(/<script[^>]*src="\.\/app\.js"[^>]*><\/script>/, '<script type="module" src="app.js"></script>')
          .replace(/<link[^>]*href="\.\/app\.css"[^>]*>/, '<link rel="stylesheet" href="app.css">')
          .replace(/\n\s*\n/g, "\n"),
    },
  ],
});
