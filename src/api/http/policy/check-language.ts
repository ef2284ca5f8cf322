/**
 * The language of oslo.policy's checks, as in a policy file: `role:member and project_id:%(project_id)s`. Parsed once
 * into a function. What oslo.policy accepts and then always denies (unknown kinds of check, unknown rules, a blank or
 * quoted check), and what fails there at each request, is an error here: guessed at, it could allow more, and behind a
 * `not` denying is not safe either. Not supported: checks by HTTP (`http:`), and lists of lists.
 */
import type { Caller } from '#services/caller.ts';

/** Attributes of the object that a request is about: `project_id`, `node.owner`, `target.user.id`. */
export type PolicyTarget = Readonly<Record<string, unknown>>;
export type Check = (caller: Caller, target: PolicyTarget) => boolean;

/** Looks up the check of another rule. */
type RuleLookup = (name: string) => Check;
type Parser = { readonly tokens: readonly string[]; position: number; depth: number; readonly rule: RuleLookup };

/** A check of an operator's file must not exhaust the parser's stack. */
const longestCheck = 4096;
const deepestCheck = 32;

/** @throws Error that says what is wrong with the text */
export function parseCheck(text: string, rule: RuleLookup): Check {
  if (text.length > longestCheck) throw new Error(`it is longer than ${longestCheck} characters`);
  // As in oslo.policy, an empty check allows, but one of blanks does not.
  if (text === '') return allow;
  const parser: Parser = { tokens: tokensOf(text), position: 0, depth: 0, rule };
  const check = parseOr(parser);
  const rest = parser.tokens[parser.position];
  if (rest !== undefined) throw new Error(`'${rest}' is unexpected`);
  return check;
}

const allow: Check = () => true;
const deny: Check = () => false;

/** White space as Python has it: JavaScript's `\s` lacks the separators U+001C to U+001F and U+0085, and has U+FEFF. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are separators in Python
const space = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;

/** Parentheses stand at the ends of words only: `%(project_id)s` is part of its word. */
function tokensOf(text: string): string[] {
  return text.split(space).flatMap((word) => {
    const [, open = '', body = ''] = /^(\(*)(.*)$/s.exec(word) ?? [];
    const [, inner = '', close = ''] = /^(.*?)(\)*)$/s.exec(body) ?? [];
    return [...open, ...(inner === '' ? [] : [inner]), ...close];
  });
}

function parseOr(parser: Parser): Check {
  const checks = [parseAnd(parser)];
  while (accept(parser, 'or')) checks.push(parseAnd(parser));
  const [only] = checks;
  return checks.length === 1 && only ? only : (caller, target) => checks.some((check) => check(caller, target));
}

function parseAnd(parser: Parser): Check {
  const checks = [parseNot(parser)];
  while (accept(parser, 'and')) checks.push(parseNot(parser));
  const [only] = checks;
  return checks.length === 1 && only ? only : (caller, target) => checks.every((check) => check(caller, target));
}

function parseNot(parser: Parser): Check {
  if (!accept(parser, 'not')) return parseTerm(parser);
  const check = nested(parser, parseNot);
  return (caller, target) => !check(caller, target);
}

function parseTerm(parser: Parser): Check {
  const token = parser.tokens[parser.position];
  if (token === undefined) throw new Error('it ends where a check is expected');
  parser.position += 1;
  if (token !== '(') return checkOf(token, parser.rule);
  const check = nested(parser, parseOr);
  if (!accept(parser, ')')) throw new Error("a ')' is missing");
  return check;
}

function nested(parser: Parser, parse: (parser: Parser) => Check): Check {
  parser.depth += 1;
  if (parser.depth > deepestCheck) throw new Error(`it is nested more than ${deepestCheck} deep`);
  const check = parse(parser);
  parser.depth -= 1;
  return check;
}

function accept(parser: Parser, word: string): boolean {
  if (parser.tokens[parser.position]?.toLowerCase() !== word) return false;
  parser.position += 1;
  return true;
}

/** One check: `@`, `!`, `role:member`, `rule:admin`, `field:networks:shared=True`, or `left:right`. */
function checkOf(token: string, rule: RuleLookup): Check {
  if (token === '@') return allow;
  if (token === '!') return deny;
  const colon = token.indexOf(':');
  if (colon < 1 || /^(["']).*\1$/s.test(token)) throw new Error(`'${token}' is no check`);
  const [kind, match] = [token.slice(0, colon), token.slice(colon + 1)];
  if (kind === 'rule') return rule(match);
  if (kind === 'role') return roleCheck(match);
  if (kind === 'field') return fieldCheck(match);
  return comparison(kind, match);
}

function roleCheck(match: string): Check {
  const wanted = wantedOf(match);
  return ({ roles }, target) => {
    const name = wanted(target)?.toLowerCase();
    return name !== undefined && roles.some((role) => role.toLowerCase() === name);
  };
}

/** Attributes of Neutron's resources whose value in a check is any spelling of a boolean. */
const booleanFields = new Set([
  ...['admin_state_up', 'enable_dhcp', 'is_default', 'port_security_enabled', 'router:external', 'shared'],
]);

/**
 * Neutron's check of an attribute of the target: `networks:shared=True`, `port:device_owner=~^network:` (from the
 * start, as `re.match`). An attribute that is null or absent has no value, not even `None`.
 */
function fieldCheck(match: string): Check {
  const [, name = '', pattern, value = ''] = /^[^:]+:([^=]+)=(~?)(.*)$/.exec(match) ?? [];
  if (pattern === undefined) throw new Error(`'field:${match}' must be field:RESOURCE:NAME=VALUE`);
  const accepts = pattern === '' ? equals(booleanFields.has(name) ? booleanOf(value) : value) : startsWith(value);
  return (_, target) => {
    const found = Object.hasOwn(target, name) ? target[name] : undefined;
    return found !== undefined && found !== null && accepts(textOf(found));
  };
}

function equals(value: string) {
  return (text: string | undefined) => text === value;
}

/** The flag `u` refuses most of what Python understands otherwise (`\Z`, `\A`). */
function startsWith(pattern: string) {
  const compiled = new RegExp(`^(?:${pattern})`, 'u');
  return (text: string | undefined) => text !== undefined && compiled.test(text);
}

function booleanOf(value: string): string {
  if (/^(?:true|1)$/i.test(value)) return 'True';
  if (/^(?:false|0)$/i.test(value)) return 'False';
  throw new Error(`'${value}' must be True or False`);
}

/** The caller's attributes that a check may compare. */
const callerTable: Readonly<Record<string, (caller: Caller) => string | undefined>> = {
  user_id: ({ user_id }) => user_id,
  project_id: ({ project_id }) => project_id,
  tenant_id: ({ project_id }) => project_id,
  project_name: ({ project_name }) => project_name,
  domain_id: ({ domain_id }) => domain_id,
  project_domain_id: ({ project_domain_id }) => project_domain_id,
  'token.domain.id': ({ domain_id }) => domain_id,
  'token.project.domain.id': ({ project_domain_id }) => project_domain_id,
  system_scope: ({ system_scope }) => system_scope,
  is_admin: ({ is_admin }) => textOf(is_admin),
};

/** `user_id:%(user_id)s`, `system_scope:all`, `True:%(is_public)s`, `'public':%(visibility)s` */
function comparison(kind: string, match: string): Check {
  const ofCaller = Object.hasOwn(callerTable, kind) ? callerTable[kind] : undefined;
  if (kind === 'is_admin' && match !== 'True' && match !== 'False') throw new Error(`'${match}' must be True or False`);
  if (ofCaller && !match.includes('%')) return (caller) => match !== '' && (ofCaller(caller) || 'None') === match;
  const wanted = wantedOf(match);
  if (ofCaller) {
    return (caller, target) => {
      const value = ofCaller(caller);
      // A caller without a project owns nothing, not what has no project either.
      return value !== undefined && value !== '' && value === wanted(target);
    };
  }
  const value = literalOf(kind);
  if (value === undefined) throw new Error(`there is no check of the kind '${kind}'`);
  return (_, target) => value === wanted(target);
}

/** Python's literals without those that it reads otherwise (escapes, `1_000`). */
function literalOf(kind: string): string | undefined {
  const [, single, double, other] = /^(?:'([^'\\]*)'|"([^"\\]*)"|(True|False|None|0|[1-9][0-9]*))$/.exec(kind) ?? [];
  return single ?? double ?? other;
}

/** `%(name)s` is an attribute of the target, undefined if it has none of that name; anything else stands for itself. */
function wantedOf(match: string): (target: PolicyTarget) => string | undefined {
  const [, name] = /^%\(([^)]+)\)s$/.exec(match) ?? [];
  if (name === undefined) {
    if (match.includes('%')) throw new Error(`'${match}' must be one %(NAME)s, without other text`);
    return () => match;
  }
  return (target) => (Object.hasOwn(target, name) ? textOf(target[name]) : undefined);
}

/** As Python formats a value; undefined for lists and objects, which equal no text. */
function textOf(value: unknown): string | undefined {
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (value === null || value === undefined) return 'None';
  return typeof value === 'object' ? undefined : String(value);
}
