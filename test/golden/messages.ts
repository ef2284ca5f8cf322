/**
 * All texts that may reach a person, for review in one place: faults as they are rendered, and everything else in the
 * sources that reads like a phrase (details, waits, events, log lines, help). `{…}` stands for interpolated values.
 */

import { Fault, type FaultCode, type FaultFields, faultTable, redactFault } from '#domain/faults.ts';
import { stringsOf } from '../../check/source-tokens.ts';
import { listSources } from '../../check/sources.ts';

const roots = ['src/', 'agent/', 'agent-protocol/', 'build/', 'demo/', 'lab/', 'bench/'];

/** Typical values, by the name of the field. */
const samples: FaultFields = {
  action: 'provide',
  actual: '9e107d9d372bb6826bd81d3542a419d6',
  address: '10.0.0.9:623',
  attempts: 4,
  cause: 'The kernel has started, but the agent has not reported.',
  command: 'Get Chassis Status',
  days: 90,
  detail: 'no answer',
  device: 'BMC',
  driver: 'ipmi',
  expected: 'd41d8cd98f00b204e9800998ecf8427e',
  file: '/var/lib/ingot/secrets-key',
  first: '172.30.0.11',
  flavor: 'metal.small',
  found: '2',
  id: '6f0c3c52-7d0c-4e8b-9d3a-0f2f3c1b7a10',
  image: 'debian-12',
  mac: '52:54:00:00:00:09',
  mib: 1024,
  network: 'public',
  node: 'node-1',
  operation: '0b1d2e3f, at "Write the image" since 2026-11-28T10:00:00Z',
  other: 'node-2',
  path: '/var/lib/ingot',
  port: 8088,
  purpose: 'deploy of server web-1',
  reasons: 'node-1: in maintenance',
  remedy: 'Stop the other program, or choose another port',
  rule: 'os_compute_api:servers:create',
  second: '172.30.0.12',
  seconds: 60,
  seen: 'power on',
  setting: 'ipmi.sessions',
  state: 'active',
  step: 'Write the image',
  subnet: 'public-v4',
  target: 'power off',
  tool: 'qemu-img',
  waited: 'no reply from the agent',
  wanted: '3',
  what: 'Image',
  whose: 'node-2',
  why: 'Ingot is stopping',
};

export function renderMessages(): string {
  return `${renderFaults()}\n${renderSources()}`;
}

function renderFaults(): string {
  const codes = Object.keys(faultTable) as FaultCode[];
  return `# Faults: message, hint, and what tenants read\n\n${codes.map(renderFault).join('\n')}`;
}

function renderFault(code: FaultCode): string {
  const fault = new Fault(code, samples);
  const { message } = redactFault(fault);
  const lines = [fault.message, fault.hint && `  ${fault.hint}`, message !== fault.message && `  tenant: ${message}`];
  return `${code} (${fault.status})\n${lines
    .filter(Boolean)
    .map((line) => `  ${line}\n`)
    .join('')}`;
}

function renderSources(): string {
  const files = listSources().filter(({ path }) => roots.some((root) => path.startsWith(root)) && isProgram(path));
  return files
    .map(({ path, text }) => ({ path, texts: phrasesOf(text) }))
    .filter(({ texts }) => texts.length > 0)
    .map(renderFile)
    .join('\n');
}

function isProgram(path: string): boolean {
  return path.endsWith('.ts') && !path.endsWith('.test.ts') && !path.startsWith('src/store/migrations/');
}

function renderFile({ path, texts }: { path: string; texts: readonly string[] }): string {
  return `# ${path}\n\n${texts.map((text) => `${text}\n`).join('')}`;
}

function phrasesOf(source: string): string[] {
  return [...new Set(stringsOf(source).map((text) => text.replaceAll(/\s+/g, ' ').trim()))].filter(isPhrase);
}

/** At least three words in a row, one of them a plain lower-case word; no SQL, no kernel line, no command. */
function isPhrase(text: string): boolean {
  return /(?:^|[ ('"`])[a-z]{2,} (?:[\w{…}'’:-]+ )*[\w{…}'’.-]+/.test(text) && text.split(' ').length > 2 && !isCode.test(text);
}

const isCode = /^(?:SELECT|INSERT|UPDATE|DELETE|PRAGMA|CREATE|set -e|#!)|=\$|&& \w+ -/;
