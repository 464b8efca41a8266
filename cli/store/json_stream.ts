// SPDX-License-Identifier: GPL-2.0-only
// Reads a JSON document whose lists are too long to be held in memory.

/** The text is no JSON, or not of the shape that was asked for. */
export class JsonStreamError extends Error {
  override readonly name = "JsonStreamError";
}

/** The largest single value: a piece of content takes a tenth of it. */
const LONGEST = 1024 * 1024;

const BLANK = /[\t\n\r ]*/y;
const MARK = /["[\]{}]/g;
const SCALAR_END = /[\t\n\r ,\]}]/g;

/**
 * One object, field by field. Fields whose values are lists can be taken element by element.
 *
 * ```ts
 * const object = new JsonObjectStream(['{"a": 1, "list": [2,', '3]}']);
 * object.nextKey(); // "a"
 * object.value(); // 1
 * object.nextKey(); // "list"
 * [...object.elements()]; // [2, 3]
 * object.nextKey(); // undefined: there is nothing behind it
 * ```
 * Everything throws {@linkcode JsonStreamError}, or what the chunks throw.
 */
export class JsonObjectStream {
  readonly #text: TextBuffer;
  #hasBegun = false;

  constructor(chunks: Iterable<string>) {
    this.#text = new TextBuffer(chunks);
  }

  /** The value before it must have been taken. `undefined` at the end of the whole text. */
  nextKey(): string | undefined {
    const text = this.#text;
    if (!this.#hasBegun) {
      text.expect("{");
      this.#hasBegun = true;
      if (text.skip("}")) return this.#end();
    } else if (text.skip("}")) return this.#end();
    else text.expect(",");
    const key = this.value();
    if (typeof key !== "string") throw new JsonStreamError("a key is no text");
    text.expect(":");
    return key;
  }

  value(): unknown {
    return this.#text.value();
  }

  /** The elements of a list. It must be taken to its end. */
  *elements(): Generator<unknown> {
    const text = this.#text;
    text.expect("[");
    if (text.skip("]")) return;
    do yield text.value(); while (text.skip(","));
    text.expect("]");
  }

  /** Goes over a value of any length. */
  skipValue(): void {
    if (this.#text.peek() === "[") { for (const _element of this.elements()); }
    else this.value();
  }

  #end(): undefined {
    if (this.#text.peek() !== undefined) {
      throw new JsonStreamError("there is something behind its end");
    }
  }
}

/** As much of the text as is being looked at. */
class TextBuffer {
  readonly #chunks: Iterator<string>;
  #text = "";
  #at = 0;

  constructor(chunks: Iterable<string>) {
    this.#chunks = chunks[Symbol.iterator]();
  }

  /** The next character that is not blank. */
  peek(): string | undefined {
    do {
      BLANK.lastIndex = this.#at;
      BLANK.exec(this.#text);
      this.#at = BLANK.lastIndex;
      if (this.#at < this.#text.length) return this.#text[this.#at];
    } while (this.#more());
    return undefined;
  }

  skip(char: string): boolean {
    if (this.peek() !== char) return false;
    this.#at++;
    return true;
  }

  expect(char: string): void {
    if (this.skip(char)) return;
    const found = this.peek();
    throw new JsonStreamError(
      found === undefined ? "it ends too early" : `there is ${found} where ${char} should be`,
    );
  }

  value(): unknown {
    const start = this.peek();
    if (start === undefined) throw new JsonStreamError("it ends too early");
    const end = start === '"'
      ? this.#stringEnd(1)
      : start === "{" || start === "["
      ? this.#nestedEnd()
      : this.#scalarEnd();
    const text = this.#text.slice(this.#at, this.#at + end);
    this.#at += end;
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new JsonStreamError("a value is no JSON", { cause });
    }
  }

  /** All ends count from where the value starts, because the text is moved when more is read. */
  #scalarEnd(): number {
    return this.#find(SCALAR_END, 0) ?? this.#text.length - this.#at;
  }

  #nestedEnd(): number {
    let depth = 0;
    let from = 0;
    do {
      const at = this.#find(MARK, from);
      if (at === undefined) throw new JsonStreamError("it ends too early");
      const char = this.#text[this.#at + at];
      from = char === '"' ? this.#stringEnd(at + 1) : at + 1;
      if (char === "{" || char === "[") depth++;
      else if (char !== '"') depth--;
    } while (depth > 0);
    return from;
  }

  /** @param from behind the opening quote */
  #stringEnd(from: number): number {
    for (;;) {
      const at = this.#find(/"/g, from);
      if (at === undefined) throw new JsonStreamError("it ends too early");
      let escapes = 0;
      while (this.#text[this.#at + at - 1 - escapes] === "\\") escapes++;
      from = at + 1;
      if (escapes % 2 === 0) return from;
    }
  }

  #find(pattern: RegExp, from: number): number | undefined {
    for (;;) {
      pattern.lastIndex = this.#at + from;
      const match = pattern.exec(this.#text);
      if (match !== null) return match.index - this.#at;
      from = this.#text.length - this.#at;
      if (!this.#more()) return undefined;
    }
  }

  #more(): boolean {
    if (this.#text.length - this.#at > LONGEST) throw new JsonStreamError("a value is too long");
    const { done, value } = this.#chunks.next();
    if (done === true) return false;
    this.#text = this.#text.slice(this.#at) + value;
    this.#at = 0;
    return true;
  }
}
