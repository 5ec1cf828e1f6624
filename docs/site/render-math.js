// Formulas are text in elements of class "math", between \( \) and \[ \].
document.addEventListener("DOMContentLoaded", () => {
  for (const element of document.getElementsByClassName("math")) {
    renderMathInElement(element, {
      delimiters: [
        { left: "\\[", right: "\\]", display: true },
        { left: "\\(", right: "\\)", display: false },
      ],
      throwOnError: false,
    });
  }
});
