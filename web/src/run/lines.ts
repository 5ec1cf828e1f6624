// The lines of a run as they came, for the export of the whole page. Bounded: beyond that, lines of single steps and
// then of spectra are thinned, which no edit or epoch needs.

const MOST_CHARACTERS = 32e6;

export class Lines {
  private lines: string[] = [];
  private size = 0;
  thinned = false;

  add(line: string): void {
    this.lines.push(line);
    this.size += line.length;
    if (this.size > MOST_CHARACTERS) this.thin();
  }

  private thin(): void {
    this.thinned = true;
    for (const type of ['"type":"step"', '"type":"spectrum"']) {
      let seen = 0;
      this.lines = this.lines.filter((line) => !line.includes(type) || seen++ % 2 === 0);
      this.size = this.lines.reduce((sum, line) => sum + line.length, 0);
      if (this.size < 0.75 * MOST_CHARACTERS) return;
    }
    while (this.size > MOST_CHARACTERS && this.lines.length > 1) this.size -= this.lines.splice(1, 1)[0]!.length;
  }

  /** As the elements of a JSON array. */
  json(): string {
    return this.lines.join(",");
  }
}
