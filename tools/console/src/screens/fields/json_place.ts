/// Where a text stops being JSON. Browsers do not agree on saying it.
export interface JsonFault {
  line: number; // from 1
  column: number; // from 1
  reason: string;
}

class Fault extends Error {
  constructor(readonly at: number, message: string) { super(message); }
}

const depth_max = 200;

class Scanner {
  #at = 0;
  constructor(readonly text: string) {}

  whole(): void {
    this.#value(0);
    this.#space();
    if (this.#at < this.text.length)
      this.#fail("text after the end of the JSON value");
  }

  #fail(message: string): never { throw new Fault(this.#at, message); }
  #space(): void {
    while (" \t\r\n".includes(this.text[this.#at] ?? "x"))
      this.#at += 1;
  }
  #take(character: string): boolean {
    this.#space();
    if (this.text[this.#at] !== character)
      return false;
    this.#at += 1;
    return true;
  }

  #value(depth: number): void {
    if (depth > depth_max)
      this.#fail("too many levels");
    this.#space();
    if (this.#take("{"))
      this.#list("}", () => {
        this.#space();
        this.#string("a member's name in quotes");
        if (!this.#take(":"))
          this.#fail("a colon is missing");
        this.#value(depth + 1);
      });
    else if (this.#take("["))
      this.#list("]", () => this.#value(depth + 1));
    else if (this.text[this.#at] === '"')
      this.#string("a text");
    else
      this.#word();
  }

  #list(end: string, one: () => void): void {
    if (this.#take(end))
      return;
    do
      one();
    while (this.#take(","));
    if (!this.#take(end))
      this.#fail(this.#at >= this.text.length ? `the file ends before "${end}"` : `"," or "${end}" is missing`);
  }

  #string(what: string): void {
    const found = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
    found.lastIndex = this.#at;
    if (!found.test(this.text))
      this.#fail(this.text[this.#at] === '"' ? "a text that does not end, or has an invalid character" : `not ${what}`);
    this.#at = found.lastIndex;
  }

  #word(): void {
    const found = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
    found.lastIndex = this.#at;
    if (!found.test(this.text))
      this.#fail(this.#at >= this.text.length ? "the file ends before a value" : "not a JSON value");
    this.#at = found.lastIndex;
  }
}

/// Null: the text is JSON.
export function jsonFault(text: string): JsonFault | null {
  try {
    new Scanner(text).whole();
    return null;
  } catch (error) {
    if (!(error instanceof Fault))
      throw error;
    const before = text.slice(0, error.at).split("\n");
    return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1, reason: error.message };
  }
}
