// Light and dark: as the system says, unless the reader chose.
import { h } from "./dom";

const KEY = "isoform-theme";
type Choice = "system" | "light" | "dark";
const NEXT: Record<Choice, Choice> = { system: "light", light: "dark", dark: "system" };
const WORD: Record<Choice, string> = { system: "Auto", light: "Light", dark: "Dark" };
const SIGN: Record<Choice, string> = { system: "◐", light: "☀", dark: "☾" };

function stored(): Choice {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : "system";
  } catch {
    return "system";
  }
}

export function isDark(): boolean {
  const chosen = document.documentElement.dataset["theme"];
  if (chosen === "light" || chosen === "dark") return chosen === "dark";
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

export function themeButton(changed: () => void): HTMLButtonElement {
  let choice = stored();
  const sign = h("span", { "aria-hidden": "true" });
  const word = h("span", { class: "wide-only" });
  const button = h("button", { type: "button", class: "quiet", id: "theme" }, sign, " ", word);
  const show = (): void => {
    if (choice === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = choice;
    sign.textContent = SIGN[choice];
    word.textContent = WORD[choice];
    button.setAttribute("aria-label", `${WORD[choice]} colours. Press for others.`);
  };
  button.addEventListener("click", () => {
    choice = NEXT[choice];
    try {
      localStorage.setItem(KEY, choice);
    } catch {
      // it lasts until the page is left
    }
    show();
    changed();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
  show();
  return button;
}
