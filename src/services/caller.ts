/** Who sent a request, in which scope and with which roles: the fields that Keystone's token gives to each service. */
import type { AccessRule } from '#store/tables/access-rules.ts';

export type Caller = {
  readonly user_id: string;
  readonly user_name: string;
  /** Empty unless the token's scope is a project. */
  readonly project_id: string;
  readonly project_name: string;
  /** The domain of that project. */
  readonly project_domain_id?: string;
  /** The domain that is the token's scope; absent for any other scope. */
  readonly domain_id?: string;
  /** Set if the token's scope is the system; absent for any other scope. */
  readonly system_scope?: 'all';
  /** Roles in that scope, with the implied ones. */
  readonly roles: readonly string[];
  /** Administrator of the cloud: holds the role `admin` in the token's scope. */
  readonly is_admin: boolean;
  /** Set if the token came from an application credential: such a caller must not create others, unless it is unrestricted. */
  readonly application_credential_id?: string;
  readonly is_unrestricted?: true;
  /** Set if the token came from a trust: with impersonation, the user is the trustor. */
  readonly trust_id?: string;
  /** Of that credential: the requests for which its tokens may be used. Absent: for all. */
  readonly access_rules?: readonly AccessRule[];
};
