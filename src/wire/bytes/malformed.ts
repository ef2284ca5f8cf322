/** A packet with an invalid format. Receivers drop it; only logs and tests use the text. */
export class Malformed extends Error {
  override name = 'Malformed';
}
