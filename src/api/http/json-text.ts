/** JSON that is already text: a reply is then put together without serializing its parts again. */

export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Typed as the value that the text stands for, so that handlers return it in its place. */
export function jsonText<T extends object>(text: string): T {
  return new JsonText(text) as object as T;
}

/** Below the size from which V8 keeps a text among its old objects, whose collection is expensive. */
const pieceLength = 48 * 1024;

/**
 * The items of a list. Only their bytes are kept, outside the heap: thousands of texts that live until the last one is
 * ready would cost more in garbage collection than they take to make.
 */
export class JsonItems {
  readonly #pieces: Buffer[] = [];
  #text = '';

  add(text: string): void {
    const isFirst = this.#text === '' && this.#pieces.length === 0;
    this.#text += isFirst ? text : `,${text}`;
    if (this.#text.length >= pieceLength) this.#flush();
  }

  /** Of all items, with commas between them. */
  takePieces(): Buffer[] {
    this.#flush();
    return this.#pieces;
  }

  /** Typed as the list that the items are. */
  asList<T extends object>(): T[] {
    return this as object as T[];
  }

  #flush(): void {
    if (this.#text !== '') this.#pieces.push(Buffer.from(this.#text));
    this.#text = '';
  }
}
