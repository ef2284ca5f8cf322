/** Attributes that networks, subnets and ports have in common. */
import { Type } from 'typebox';
import { longestDnsName } from '#domain/dns-names.ts';
import type { StandardAttributes, UnnamedAttributes } from '#store/tables/standard-attributes.ts';
import { Maybe } from '../http/schemas.ts';

export const Name = Type.String({ maxLength: 255 });
export const Description = Type.String({ maxLength: 255 });

/** More bits than addresses have are refused with the bounds of a pool. */
export const PrefixLength = Type.Integer({ minimum: 0, maximum: 1000 });

/** With the dot at its end. */
export const DnsName = Type.Optional(Type.String({ maxLength: longestDnsName + 1 }));

export const QosPolicyId = Maybe(Type.String({ maxLength: 36 }));

/** The project of a new record. */
export const Owner = {
  project_id: Type.Optional(Type.String({ maxLength: 255 })),
  tenant_id: Type.Optional(Type.String({ maxLength: 255 })),
};

const Text = Type.String();
/** Neutron's times are of whole seconds. */
const timeOf = (iso: string) => `${iso.slice(0, 19)}Z`;

/** Fields in replies of resources that have revisions. */
export function revisedView<Item>(of: (item: Item) => UnnamedAttributes) {
  return {
    id: { type: Text, value: (item: Item) => of(item).id },
    project_id: { type: Text, value: (item: Item) => of(item).project_id },
    tenant_id: { type: Text, value: (item: Item) => of(item).project_id },
    description: { type: Text, value: (item: Item) => of(item).description },
    revision_number: { type: Type.Integer(), value: (item: Item) => of(item).revision_number },
    created_at: { type: Text, value: (item: Item) => timeOf(of(item).created_at) },
    updated_at: { type: Text, value: (item: Item) => timeOf(of(item).updated_at) },
  };
}

/** With names and tags, too. */
export function taggedView<Item>(of: (item: Item) => StandardAttributes) {
  return {
    ...revisedView(of),
    name: { type: Text, value: (item: Item) => of(item).name },
    tags: { type: Type.Array(Text), value: (item: Item) => of(item).tags },
  };
}
