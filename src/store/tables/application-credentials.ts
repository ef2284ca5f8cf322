/** Application credentials, as in Keystone. */
import { Collection } from '../collection.ts';

/** A secret that authenticates a user in one project, limited to the listed roles. */
export type ApplicationCredential = {
  id: string;
  name: string;
  user_id: string;
  project_id: string;
  /** Ids. */
  roles: string[];
  /** Ids; with none, the credential may be used for all requests. */
  access_rules: string[];
  /** Whether its tokens may manage the application credentials of its user. */
  unrestricted: boolean;
  secret_hash: string;
  description: string;
  expires_at: string | null;
};

export class ApplicationCredentials extends Collection<ApplicationCredential> {
  static override readonly table = {
    name: 'application_credentials',
    json: ['roles', 'access_rules'],
    boolean: ['unrestricted'],
  };
}
