// Reads a text/event-stream piece by piece: pieces may end anywhere, also within a line.

export interface Message { event: string; id: string | null; data: string }

export class SseParser {
  private rest = "";
  private event = "";
  private id: string | null = null;
  private data: string[] = [];

  push(piece: string): Message[] {
    const messages: Message[] = [];
    const text = this.rest + piece;
    let begin = 0;
    for (;;) {
      let end = begin;
      while (end < text.length && text[end] !== "\n" && text[end] !== "\r") end++;
      // A \r at the very end may be half of \r\n.
      if (end >= text.length || (text[end] === "\r" && end === text.length - 1)) break;
      const message = this.line(text.slice(begin, end));
      if (message) messages.push(message);
      begin = end + (text[end] === "\r" && text[end + 1] === "\n" ? 2 : 1);
    }
    this.rest = text.slice(begin);
    return messages;
  }

  private line(line: string): Message | null {
    if (line === "") {
      const message = this.data.length > 0 ? { event: this.event || "message", id: this.id, data: this.data.join("\n") } : null;
      this.event = "";
      this.data = [];
      return message;
    }
    if (line.startsWith(":")) return null;
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.event = value;
    if (field === "data") this.data.push(value);
    if (field === "id") this.id = value;
    return null;
  }
}
