/** Named rules of a service, and the decisions that follow from them and an operator's policy file. */
import { Fault } from '#domain/faults.ts';
import type { Caller } from '#services/caller.ts';
import type { ServiceName } from '../fault-replies.ts';
import { type Check, type PolicyTarget, parseCheck } from './check-language.ts';
import type { PolicyOverrides } from './policy-file.ts';

export type Scope = 'system' | 'domain' | 'project';

/** A rule under OpenStack's own name. `check` is in oslo.policy's language. */
export type PolicyRule = {
  readonly check: string;
  /** Scopes of tokens for which the rule can allow anything; absent for rules that only other rules use. */
  readonly scopes?: readonly Scope[];
  /** One sentence for operators. */
  readonly description: string;
};
export type PolicyRules<Name extends string = string> = Readonly<Record<Name, PolicyRule>>;

/** The fault of a denied request, in the service's own words. */
export type DeniedFault = (rule: string, caller: Caller) => Fault;

export type PolicyOptions = {
  readonly rules: PolicyRules;
  readonly denied: DeniedFault;
  /** The target of a request that names no object; default: what belongs to the caller. */
  readonly own?: (caller: Caller) => PolicyTarget;
  readonly overrides?: PolicyOverrides;
};

/** The compiled rules of one service. */
export class Policy {
  readonly rules: PolicyRules;
  readonly #overrides: PolicyOverrides;
  readonly #denied: DeniedFault;
  readonly #own: (caller: Caller) => PolicyTarget;
  readonly #checks = new Map<string, Check>();

  /** Throws `setting` for an invalid check of the policy file; any other invalid check is a defect. */
  constructor({ rules, denied, own = targetOf, overrides = new Map() }: PolicyOptions) {
    this.rules = rules;
    this.#overrides = overrides;
    this.#denied = denied;
    this.#own = own;
    for (const name of Object.keys(rules)) this.#compile(name, []);
  }

  /** The check in force, from the policy file or the default. */
  checkOf(name: string): string {
    return this.#overrides.get(name)?.check ?? this.#rule(name).check;
  }

  /** @param target default: what belongs to the caller */
  allows(caller: Caller, name: string, target: PolicyTarget = this.#own(caller)): boolean {
    const check = this.#checks.get(name);
    if (!check) throw new Error(`there is no policy rule ${name}`);
    return isInScope(caller, this.#rule(name).scopes) && check(caller, target);
  }

  /** Whether the rule can allow anything to such a token. */
  isInScope(caller: Caller, name: string): boolean {
    return isInScope(caller, this.#rule(name).scopes);
  }

  /** Throws the service's fault for a denied request. */
  authorize(caller: Caller, name: string, target?: PolicyTarget): void {
    if (!this.allows(caller, name, target)) throw this.#denied(name, caller);
  }

  #rule(name: string): PolicyRule {
    const rule = Object.hasOwn(this.rules, name) ? this.rules[name] : undefined;
    if (!rule) throw new Error(`there is no policy rule ${name}`);
    return rule;
  }

  /** @param path the rules that led here, to find cycles */
  #compile(name: string, path: readonly string[]): Check {
    const known = this.#checks.get(name);
    if (known) return known;
    if (path.includes(name))
      throw this.#invalid(path[0] ?? name, `the rules refer to each other: ${[...path, name].join(' → ')}`);
    const lookup = (other: string) => {
      if (!Object.hasOwn(this.rules, other)) throw this.#invalid(name, `there is no rule '${other}'`);
      return this.#compile(other, [...path, name]);
    };
    try {
      const check = parseCheck(this.checkOf(name), lookup);
      this.#checks.set(name, check);
      return check;
    } catch (error) {
      throw error instanceof Fault ? error : this.#invalid(name, (error as Error).message);
    }
  }

  #invalid(name: string, why: string): Error {
    const override = this.#overrides.get(name);
    const detail = `the check '${this.checkOf(name)}' of ${name} is invalid: ${why}`;
    return override ? new Fault('policyFile', { file: override.file, line: override.line, detail }) : new Error(detail);
  }
}

export type Policies = Readonly<Record<ServiceName, Policy>>;

/** The target of a request that names no object of its own. */
export function targetOf({ project_id, user_id, domain_id }: Caller): PolicyTarget {
  return { project_id, tenant_id: project_id, user_id, domain_id: domain_id ?? null };
}

function isInScope(caller: Caller, scopes: readonly Scope[] | undefined): boolean {
  return scopes === undefined || scopes.some((scope) => scope === scopeOf(caller));
}

/** As in oslo.policy, a token without any scope counts as one of a project; its caller has no roles. */
export function scopeOf({ system_scope, domain_id }: Caller): Scope {
  if (system_scope) return 'system';
  return domain_id === undefined ? 'project' : 'domain';
}
