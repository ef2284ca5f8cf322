/** Neutron's exceptions (neutron-lib, `exceptions`) that are more specific than a fault: clients tell them by name. */
import { Fault, type FaultCode } from '#domain/faults.ts';

const exceptionTable = {
  AddressPairAndPortSecurityRequired: 'conflict',
  AllowedAddressPairExhausted: 'badRequest',
  AllowedAddressPairsMissingIP: 'badRequest',
  DuplicateAddressPairInRequest: 'badRequest',
  DNSNameServersExhausted: 'badRequest',
  HostRoutesExhausted: 'badRequest',
  InvalidAllocationPool: 'badRequest',
  OutOfBoundsAllocationPool: 'badRequest',
  OverlappingAllocationPools: 'conflict',
  GatewayConflictWithAllocationPools: 'conflict',
  PortBound: 'conflict',
  ServicePortInUse: 'conflict',
  AddressGroupInUse: 'conflict',
  AddressGroupNotFound: 'missing',
  AddressScopeNotFound: 'missing',
  AddressScopeUpdateError: 'badRequest',
  AddressesAlreadyExist: 'badRequest',
  AddressesNotFound: 'missing',
  DuplicateRbacPolicy: 'conflict',
  RbacPolicyInUse: 'conflict',
  RbacPolicyNotFound: 'missing',
  DuplicateSecurityGroupRuleInPost: 'conflict',
  InvalidSharedSetting: 'conflict',
  InvalidCIDR: 'badRequest',
  PortSecurityAndIPRequiredForSecurityGroups: 'badRequest',
  PortSecurityPortHasSecurityGroup: 'conflict',
  ProjectQuotaNotFound: 'missing',
  RevisionNumberConstraintFailed: 'preconditionFailed',
  SecurityGroupCannotRemoveDefault: 'conflict',
  SecurityGroupCannotUpdateDefault: 'conflict',
  SecurityGroupConflict: 'conflict',
  SecurityGroupDefaultAlreadyExists: 'conflict',
  SecurityGroupEthertypeConflictWithProtocol: 'badRequest',
  SecurityGroupInUse: 'conflict',
  SecurityGroupInvalidIcmpValue: 'badRequest',
  SecurityGroupInvalidPortRange: 'badRequest',
  SecurityGroupInvalidPortValue: 'badRequest',
  SecurityGroupInvalidProtocolForPort: 'badRequest',
  SecurityGroupMissingIcmpType: 'badRequest',
  SecurityGroupMultipleRemoteEntites: 'badRequest',
  SecurityGroupNotFound: 'missing',
  SecurityGroupNotSingleGroupRules: 'badRequest',
  SecurityGroupProtocolRequiredWithPorts: 'badRequest',
  SecurityGroupRuleExists: 'conflict',
  SecurityGroupRuleInvalidEtherType: 'badRequest',
  SecurityGroupRuleInvalidProtocol: 'badRequest',
  SecurityGroupRuleNotFound: 'missing',
  SecurityGroupRuleParameterConflict: 'badRequest',
  SecurityGroupRulesNotSingleProject: 'badRequest',
  TagNotFound: 'missing',
  TagResourceNotFound: 'missing',
} as const satisfies Record<string, FaultCode>;

export type NetworkException = keyof typeof exceptionTable;

/** @param type the name in the reply's `NeutronError.type` */
export function networkFault(type: NetworkException, detail: string): Fault {
  return new Fault(exceptionTable[type], { detail, type });
}
