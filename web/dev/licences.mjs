// The licences of what is bundled, as a comment at the top of app.js: their texts ask for it.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const COPYRIGHT = /^copyright .*\d{4}/i;
const NAMES = ["LICENSE", "LICENSE.md", "LICENSE.txt", "LICENCE", "license"];

export function licences() {
  return {
    name: "licences",
    generateBundle(_, bundle) {
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== "chunk") continue;
        const texts = new Map();
        for (const [id, { renderedLength }] of Object.entries(chunk.modules)) {
          const root = /^(.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+)[\\/]/.exec(id)?.[1];
          if (!root || renderedLength === 0) continue;
          const { name, version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
          const file = NAMES.map((one) => join(root, one)).find((path) => existsSync(path));
          if (!file) throw new Error(`${name} has no file with its licence`);
          const lines = readFileSync(file, "utf8").replace(/\r/g, "").trim().split("\n");
          const holders = lines.filter((line) => COPYRIGHT.test(line.trim())).map((line) => line.trim());
          const body = lines.filter((line) => !COPYRIGHT.test(line.trim())).join("\n").replace(/\n{3,}/g, "\n\n").trim().replaceAll("*/", "* /");
          const packages = texts.get(body) ?? new Set();
          packages.add(`${name} ${version}: ${holders.join("; ")}`);
          texts.set(body, packages);
        }
        const parts = [...texts].map(([body, packages]) => `${[...packages].sort().join("\n")}\n\n${body}`).sort();
        if (parts.length > 0) chunk.code = `/*! The page of Isoform's dashboard. It holds parts of:\n\n${parts.join("\n\n")}\n*/\n${chunk.code}`;
      }
    },
  };
}
