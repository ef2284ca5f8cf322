/** JSON that is already text: a long list is then put together without serializing its items again. */

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
