// The page in a real browser: before the mock server, and beside a real run where ISOFORM names the program. Needs Chromium on the PATH
// (or CHROMIUM=path) and web/dist.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const tests = ["page", "live"].map((name) => fileURLToPath(new URL(`browser/${name}.test.mjs`, import.meta.url)));
const { status } = spawnSync(process.execPath, ["--test", "--test-concurrency=1", ...tests], { stdio: "inherit" });
process.exit(status ?? 1);
