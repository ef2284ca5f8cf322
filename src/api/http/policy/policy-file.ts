/** The operator's policy file (setting `policy.file`): `name: "check"` in YAML or JSON, as oslo.policy reads it. */
import { createRequire } from 'node:module';
import { lazily } from '#async/lazily.ts';
import { Fault } from '#domain/faults.ts';
import { readOperatorFile } from './operator-file.ts';

export type PolicyOverride = { readonly check: string; readonly file: string; readonly line: number };
/** By the rule's name. */
export type PolicyOverrides = ReadonlyMap<string, PolicyOverride>;

/** Large, and needed only where there is such a file. */
const yaml = lazily(() => createRequire(import.meta.url)('yaml') as typeof import('yaml'));

/** @param known whether a service has a rule of that name. @throws Fault `policyFile` that names file and line */
export function readPolicyFile(file: string, known: (name: string) => boolean): PolicyOverrides {
  const { isMap, isScalar, LineCounter, parseDocument } = yaml();
  const lines = new LineCounter();
  const invalid = (offset: number, detail: string) => new Fault('policyFile', { file, line: lines.linePos(offset).line, detail });
  const text = readOperatorFile(file, (detail) => new Fault('policyFile', { file, line: 1, detail }));
  const document = parseDocument(text, { lineCounter: lines, logLevel: 'silent' });
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
