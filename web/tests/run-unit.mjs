// Bundles tests/unit with the sources that they import and hands them to Node's test runner.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const root = fileURLToPath(new URL("..", import.meta.url));
const names = readdirSync(`${root}/tests/unit`).filter((name) => name.endsWith(".test.mjs"));
await build({
  root, configFile: false, logLevel: "warn",
  build: { ssr: true, outDir: "build/unit", emptyOutDir: true, target: "node18", rollupOptions: { input: names.map((name) => `${root}/tests/unit/${name}`) } },
});
const files = names.map((name) => `${root}/build/unit/${name.replace(".mjs", ".js")}`);
const { status } = spawnSync(process.execPath, ["--test", ...files], { stdio: "inherit" });
process.exit(status ?? 1);
