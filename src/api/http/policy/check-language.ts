/**
 * The language of oslo.policy's checks, as in a policy file: `role:member and project_id:%(project_id)s`. Parsed once
 * into a function. What oslo.policy accepts and then always denies (unknown kinds of check, unknown rules) is an error
 * here. Not supported: checks by HTTP (`http:`), and lists of lists.
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
  const parser: Parser = { tokens: tokensOf(text), position: 0, depth: 0, rule };
  // As in oslo.policy, an empty check allows.
  if (parser.tokens.length === 0) return allow;
  const check = parseOr(parser);
  const rest = parser.tokens[parser.position];
  if (rest !== undefined) throw new Error(`'${rest}' is unexpected`);
  return check;
}

const allow: Check = () => true;
const deny: Check = () => false;

/** Parentheses stand at the ends of words only: `%(project_id)s` is part of its word. */
function tokensOf(text: string): string[] {
  return text.split(/\s+/).flatMap((word) => {
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
  if (colon < 1) throw new Error(`'${token}' is no check`);
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

/** Neutron's check of an attribute of the target: `networks:shared=True`, `port:device_owner=~^network:` (from the start, as `re.match`). */
function fieldCheck(match: string): Check {
  const [, name = '', operator, value = ''] = /^[^:]+:([^=]+)(=~|=)(.*)$/.exec(match) ?? [];
  if (operator === undefined) throw new Error(`'field:${match}' must be field:RESOURCE:NAME=VALUE`);
  const pattern = operator === '=~' ? new RegExp(`^(?:${value})`) : undefined;
  return (_, target) => {
    const found = Object.hasOwn(target, name) ? textOf(target[name]) : undefined;
    return found !== undefined && (pattern ? pattern.test(found) : found === value);
  };
}

/** The caller's attributes that a check may compare. */
const callerTable: Readonly<Record<string, (caller: Caller) => string | undefined>> = {
  user_id: ({ user_id }) => user_id,
  project_id: ({ project_id }) => project_id,
  tenant_id: ({ project_id }) => project_id,
  domain_id: ({ domain_id }) => domain_id,
  'token.domain.id': ({ domain_id }) => domain_id,
  system_scope: ({ system_scope }) => system_scope,
  is_admin: ({ is_admin }) => textOf(is_admin),
};

/** `user_id:%(user_id)s`, `system_scope:all`, `True:%(is_public)s`, `'public':%(visibility)s` */
function comparison(kind: string, match: string): Check {
  const wanted = wantedOf(match);
  const ofCaller = Object.hasOwn(callerTable, kind) ? callerTable[kind] : undefined;
  if (ofCaller) {
    return (caller, target) => {
      const value = ofCaller(caller);
      // A caller without a project owns nothing, not what has no project either.
      return value !== undefined && value !== '' && value === wanted(target);
    };
  }
  const [, quoted, literal] = /^(?:['"](.*)['"]|(True|False|None|\d+))$/.exec(kind) ?? [];
  const value = quoted ?? literal;
  if (value === undefined) throw new Error(`there is no check of the kind '${kind}'`);
  return (_, target) => value === wanted(target);
}

/** `%(name)s` is an attribute of the target, undefined if it has none of that name; anything else stands for itself. */
function wantedOf(match: string): (target: PolicyTarget) => string | undefined {
  const [, name] = /^%\(([^)]+)\)s$/.exec(match) ?? [];
  if (name === undefined) {
    if (match.includes('%(')) throw new Error(`'${match}' must be one %(NAME)s, without other text`);
    return () => match;
  }
  return (target) => (Object.hasOwn(target, name) ? textOf(target[name]) : undefined);
}

/** As Python formats a value. */
function textOf(value: unknown): string {
  if (value === true) return 'True';
  if (value === false) return 'False';
  return value === null || value === undefined ? 'None' : String(value);
}
