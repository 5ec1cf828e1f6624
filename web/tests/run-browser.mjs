// The page in a real browser. Needs Chromium on the PATH (or CHROMIUM=path) and web/dist.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const test = fileURLToPath(new URL("browser/page.test.mjs", import.meta.url));
const { status } = spawnSync(process.execPath, ["--test", test], { stdio: "inherit" });
process.exit(status ?? 1);
