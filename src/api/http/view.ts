/**
 * A view is a resource's list of fields: each with its type, the microversions that have it, and the policy rule that
 * shows it. The fields of a version are selected once; for each caller only the rules are asked.
 */
import type { FastifyRequest } from 'fastify';
import { type Static, type TSchema, Type } from 'typebox';
import type { ApiContext } from '../context.ts';
import { between, isWithin } from './versioned.ts';

/** What a value may depend on besides its item. */
export type ViewCall = { readonly request: FastifyRequest; readonly context: ApiContext };

export type ViewField<Item, Schema extends TSchema, Rule extends string> = {
  readonly type: Schema;
  /** The first minor microversion with this field. */
  readonly since?: number;
  /** The last minor microversion with it. */
  readonly until?: number;
  /** Shown only to callers whom this rule allows it. */
  readonly policy?: Rule;
  /** The field's name in replies, where several rows describe one field by version; default: the row's key. */
  readonly name?: string;
  /** Whether an item has the field at all; default: always. */
  readonly when?: (item: Item) => boolean;
  readonly value: (item: Item, call: ViewCall) => Static<Schema>;
};

/** The reply for one item. Each field is optional, because of versions and rules. */
export type Viewed<Schemas extends Record<string, TSchema>> = { readonly [Name in keyof Schemas]?: Static<Schemas[Name]> };

export type View<Item, Reply> = {
  /** The type of a reply, for the schemas of routes. */
  readonly schema: ReturnType<typeof Type.Unsafe<Reply>>;
  /** Renders items for one request: versions and rules are evaluated once. */
  of(request: FastifyRequest, context: ApiContext): (item: Item) => Reply;
};

type Fields<Item, Schemas extends Record<string, TSchema>, Rule extends string> = {
  readonly [Name in keyof Schemas]: ViewField<Item, Schemas[Name], Rule>;
};

type Shown<Item> = ViewField<Item, TSchema, string> & { readonly name: string };

/** `viewOf<Flavor>()({ id: { type: Type.String(), value: ({ id }) => id }, … })` */
export function viewOf<Item, Rule extends string = never>() {
  return <Schemas extends Record<string, TSchema>>(fields: Fields<Item, Schemas, Rule>): View<Item, Viewed<Schemas>> => {
    const all = Object.entries(fields as Readonly<Record<string, ViewField<Item, TSchema, string>>>).map(
      ([key, field]): Shown<Item> => ({ ...field, name: field.name ?? key }),
    );
    const select = selector(all);
    return {
      schema: Type.Unsafe<Viewed<Schemas>>(schemaOf(all)),
      of(request, context) {
        const shown = select(request);
        const call = { request, context };
        return (item) => render(shown, item, call) as Viewed<Schemas>;
      },
    };
  };
}

/** Required are the fields that each version, caller and item has. */
function schemaOf<Item>(fields: readonly Shown<Item>[]): TSchema {
  const byName = Map.groupBy(fields, ({ name }) => name);
  const properties = [...byName].map(([name, rows]) => {
    const marked = rows.map(({ type, since, until }) => between({ since, until }, type));
    const [first] = rows as [Shown<Item>];
    const isAlways =
      rows.length === 1 && [first.since, first.until, first.policy, first.when].every((limit) => limit === undefined);
    const type = marked.length === 1 ? (marked[0] as TSchema) : Type.Union(marked);
    return [name, isAlways ? type : Type.Optional(type)] as const;
  });
  return Type.Object(Object.fromEntries(properties), { additionalProperties: false });
}

/** The fields for a request: kept by version and by which rules allow theirs. */
function selector<Item>(fields: readonly Shown<Item>[]): (request: FastifyRequest) => readonly Shown<Item>[] {
  const rules = [...new Set(fields.flatMap(({ policy }) => policy ?? []))];
  const kept = new Map<string, readonly Shown<Item>[]>();
  return (request) => {
    const minor = request.microversion?.minor ?? 0;
    const allowed = rules.filter((rule) => request.policy.allows(request.caller, rule));
    const key = `${minor} ${allowed.join(' ')}`;
    const known = kept.get(key);
    if (known) return known;
    const shown = fields.filter((field) => isWithin(field, minor) && (!field.policy || allowed.includes(field.policy)));
    kept.set(key, shown);
    return shown;
  };
}

function render<Item>(fields: readonly Shown<Item>[], item: Item, call: ViewCall): object {
  const shown: Record<string, unknown> = {};
  for (const { name, when, value } of fields) if (!when || when(item)) shown[name] = value(item, call);
  return shown;
}
