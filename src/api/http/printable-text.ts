/**
 * Rejects control characters and bidirectional control marks in stored text, for every service. Control characters
 * would manipulate the terminal of anyone who lists the text; direction marks make one name look like another.
 */
import type { FastifyRequest } from 'fastify';
import { Fault } from '#domain/faults.ts';
import { faultOfSize } from '#domain/json-size.ts';
import { hasControls, hasLineEnds } from '#domain/plain-text.ts';

/**
 * A pattern for names with at least one visible character. Whitespace, joiners and fillers without a glyph, and
 * unpaired surrogates alone are not a name.
 */
export const somethingVisible = '[^\\s\\p{C}\\p{Default_Ignorable_Code_Point}\\u2800]';

/** Single-line fields; other texts may have line breaks. */
const names: readonly string[] = ['name', 'hostname', 'display_name', 'instance_name', 'tag', 'key'];
/** Never shown, so any character is allowed. */
const hidden = /pass|secret/i;
/** Services where such fields are secrets. Elsewhere members choose field names: metadata, image properties. */
const hasSecrets = /^\/(identity|baremetal)\//;

/** A preValidation hook: checks the body, and path parameters that may become a name. */
export async function refuseControls({ method, body, params, routeOptions }: FastifyRequest): Promise<void> {
  if (method === 'GET' || method === 'HEAD') return;
  const isHidden: Test = hasSecrets.test(routeOptions.url ?? '') ? (name) => hidden.test(name) : () => false;
  checkFields(params as object, '', isHidden);
  if (!isJson(body)) return;
  // Not every media type's parser checks the size.
  const tooLarge = faultOfSize(body);
  if (tooLarge) throw tooLarge;
  checkFields(body, '', isHidden);
}

type Test = (name: string) => boolean;

/** Neither a stream nor bytes. */
function isJson(body: unknown): body is object {
  return Array.isArray(body) || (typeof body === 'object' && body !== null && Object.getPrototypeOf(body) === Object.prototype);
}

function checkFields(record: object, path: string, isHidden: Test): void {
  for (const [field, value] of Object.entries(record)) {
    const inner = path === '' ? field : `${path}.${field}`;
    if (hasControls(field) || hasLineEnds(field)) throw refusal(path || 'body', 'its names must not contain control characters');
    const name = nameOf(record, field);
    if (isHidden(name)) continue;
    if (typeof value === 'string') checkText(value, { path: inner, name });
    else if (typeof value === 'object' && value !== null) checkFields(value, inner, isHidden);
  }
}

/** In a JSON patch the field name is beside its value: `{"path": "/name", "value": …}`. */
function nameOf(record: object, field: string): string {
  const { path } = record as { path?: unknown };
  return field === 'value' && typeof path === 'string' ? path.slice(path.lastIndexOf('/') + 1) : field;
}

function checkText(text: string, { path, name }: { path: string; name: string }): void {
  if (hasControls(text)) throw refusal(path, 'it must not contain control characters');
  // The database would replace it with another character.
  if (!text.isWellFormed()) throw refusal(path, 'it must not contain half of a surrogate pair');
  if (names.includes(name) && hasLineEnds(text)) throw refusal(path, 'it must be a single line');
}

function refusal(path: string, why: string): Fault {
  return new Fault('badRequest', { detail: `Invalid input for field/attribute ${path}: ${why}.` });
}
