/** A packet that breaks its format. Receivers drop it; nobody but a log or a test looks at the text. */
export class Malformed extends Error {
  override name = 'Malformed';
}
