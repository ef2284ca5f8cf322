/** The operator's policy file (setting `policy.file`): `name: "check"` in YAML or JSON, as oslo.policy reads it. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import { lazily } from '#async/lazily.ts';
import { Fault } from '#domain/faults.ts';

export type PolicyOverride = { readonly check: string; readonly file: string; readonly line: number };
/** By the rule's name. */
export type PolicyOverrides = ReadonlyMap<string, PolicyOverride>;

/** Large, and needed only where there is such a file. */
const yaml = lazily(() => createRequire(import.meta.url)('yaml') as typeof import('yaml'));

const largestFile = 1024 * 1024;

/** @param known whether a service has a rule of that name. @throws Fault `policyFile` that names file and line */
export function readPolicyFile(file: string, known: (name: string) => boolean): PolicyOverrides {
  const { isMap, isScalar, LineCounter, parseDocument } = yaml();
  const lines = new LineCounter();
  const invalid = (offset: number, detail: string) => new Fault('policyFile', { file, line: lines.linePos(offset).line, detail });
  const document = parseDocument(textOf(file), { lineCounter: lines, logLevel: 'silent' });
  const [error] = document.errors;
  if (error) throw invalid(error.pos[0], error.message.split('\n', 1)[0] ?? error.code);
  const { contents } = document;
  // A file of comments alone, as oslopolicy-sample-generator writes it, changes nothing.
  if (contents === null || (isScalar(contents) && contents.value === null)) return new Map();
  if (!isMap(contents)) throw invalid(0, 'it must be one map of rule names to checks');
  const overrides = new Map<string, PolicyOverride>();
  for (const { key, value } of contents.items) {
    const name = isScalar(key) ? String(key.value) : '';
    const offset = isScalar(key) ? (key.range?.[0] ?? 0) : 0;
    if (!known(name)) throw invalid(offset, `there is no rule '${name}'; docs/policies.md lists all`);
    if (!isScalar(value) || typeof value.value !== 'string') throw invalid(offset, `the check of '${name}' must be text`);
    // An unquoted `!` is a tag on an empty text, which would allow everyone what `!` denies.
    if (value.tag) throw invalid(offset, `the check of '${name}' has the YAML tag ${value.tag}: write it in quotes`);
    overrides.set(name, { check: value.value, file, line: lines.linePos(offset).line });
  }
  return overrides;
}

function textOf(file: string): string {
  const invalid = (detail: string) => new Fault('policyFile', { file, line: 1, detail });
  const start = readStart(file, largestFile + 1, invalid);
  if (start.length > largestFile) throw invalid(`it is larger than ${largestFile} bytes`);
  return start.toString('utf8');
}

/** At most `most` bytes, however large the file is, or says that it is. */
function readStart(file: string, most: number, invalid: (detail: string) => Fault): Buffer {
  const buffer = Buffer.alloc(most);
  let read = 0;
  try {
    const descriptor = openSync(file, 'r');
    try {
      if (fstatSync(descriptor).isDirectory()) throw new Error('it is a folder');
      for (let bytes = 1; bytes > 0 && read < most; read += bytes) bytes = readSync(descriptor, buffer, read, most - read, null);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw invalid((error as Error).message);
  }
  return buffer.subarray(0, read);
}
