/** Keystone's federation: identity providers, the protocols by which they are used, and what their claims mean here. */
import type { MappingRule } from '#domain/federation/mapping-rules.ts';
import { Collection } from '../collection.ts';

export type IdentityProvider = {
  id: string;
  /** Of its users alone; no other provider has the same. */
  domain_id: string;
  enabled: boolean;
  description: string | null;
  /** Minutes for which groups by a mapping hold; null: as long as the token. */
  authorization_ttl: number | null;
  /** The issuers that it stands for. */
  remote_ids: string[];
};

export class IdentityProviders extends Collection<IdentityProvider> {
  static override readonly table = { name: 'identity_providers', json: ['remote_ids'], boolean: ['enabled'] };
}

export type FederationMapping = { id: string; rules: MappingRule[] };

export class FederationMappings extends Collection<FederationMapping> {
  static override readonly table = { name: 'federation_mappings', json: ['rules'] };
}

export type FederationProtocol = {
  idp_id: string;
  /** Unique within the provider. */
  id: string;
  mapping_id: string;
  /** The claim that must be among the provider's remote ids; null: the issuer. */
  remote_id_attribute: string | null;
};

export class FederationProtocols extends Collection<FederationProtocol> {
  static override readonly table = { name: 'federation_protocols' };
}
