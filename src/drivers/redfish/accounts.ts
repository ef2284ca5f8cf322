/** The BMC's own account: DSP0268 schemas AccountService and ManagerAccount. */
import { Fault } from '#domain/faults.ts';
import type { RedfishService } from '#wire/redfish/client.ts';
import { RedfishError, type Resource } from '#wire/redfish/redfish-client.ts';
import type { CallOptions, ManagementInterface, PasswordRules } from '../interfaces.ts';
import type { AskRedfish } from './ask-redfish.ts';
import { rootPath } from './find-system.ts';
import { readRedfishSettings } from './properties.ts';
import { isPasswordChangeRequired, pagesOf, type Reader, read, readIfAny, wholeMember } from './reading.ts';
import { linkAt, numberAt, textAt } from './resource-fields.ts';
import { withoutSecrets } from './without-secrets.ts';

/**
 * The caller stores the new password; the next request opens a session with it, and the client closes the old one.
 * Not `WithSystem`: until an expired password is changed, a service shows nothing but the account.
 */
export function createRedfishAccounts(ask: AskRedfish): Required<Pick<ManagementInterface, 'changePassword' | 'passwordRules'>> {
  return {
    passwordRules: (node, callOptions = {}) =>
      ask({ node, callOptions, command: 'read password rules' }, async (client) => {
        const reader = { client, callOptions };
        return rulesOf(await readIfAny(reader, servicePath(await read(reader, rootPath))));
      }),
    changePassword: (node, password, callOptions = {}) =>
      ask({ node, callOptions, command: 'change password' }, async (client) => {
        const { user } = readRedfishSettings(node).peer;
        if (user === '')
          throw new Fault('driverInfo', {
            node: node.name ?? node.uuid,
            detail: 'redfish_username is missing: there is no account',
          });
        await changePassword({ client, callOptions, user }, password);
      }),
  };
}

type Owner = { readonly client: RedfishService; readonly callOptions: CallOptions; readonly user: string };

async function changePassword(owner: Owner, password: string): Promise<void> {
  const { client, callOptions } = owner;
  const path = await findAccount(owner, password);
  try {
    await client.patch(path, { Password: password }, callOptions);
  } catch (error) {
    throw withoutSecrets(error, [password]);
  }
}

async function findAccount(owner: Owner, password: string): Promise<string> {
  const { client, callOptions, user } = owner;
  try {
    const path = servicePath(await read(owner, rootPath));
    const { body: service } = await client.get(path, callOptions);
    checkPolicy(service, password);
    return await findByName(owner, linkAt(service, 'Accounts') ?? `${path}/Accounts`, user);
  } catch (error) {
    const path = pathOfChange(error);
    if (path === undefined) throw error;
    return path;
  }
}

function servicePath(root: Resource): string {
  return linkAt(root, 'AccountService') ?? '/redfish/v1/AccountService';
}

function rulesOf(service: Resource | undefined): PasswordRules {
  const [least, most = 0] = [numberAt(service, 'MinPasswordLength'), numberAt(service, 'MaxPasswordLength')];
  return { ...(least !== undefined && { least }), ...(most > 0 && { most }) };
}

function checkPolicy(service: Resource, password: string): void {
  const { least, most } = rulesOf(service);
  const length = [...password].length;
  const wrong = (detail: string) => new Fault('badRequest', { detail: `The new password was not set: the BMC wants ${detail}.` });
  if (least !== undefined && length < least) throw wrong(`at least ${least} characters`);
  if (most !== undefined && length > most) throw wrong(`at most ${most} characters`);
}

async function findByName(reader: Reader, path: string, user: string): Promise<string> {
  for await (const page of pagesOf(reader, path)) {
    for (const member of page) {
      const account = await wholeMember(reader, member);
      if (textAt(account, 'UserName') === user) return linkAt(account) ?? linkAt(member) ?? path;
    }
  }
  throw new RedfishError('unfit', {
    request: `GET ${path}`,
    detail: `there is no account of the user that redfish_username names`,
  });
}

/**
 * While a password change is required, a service refuses everything but the account, and the refusal names its path.
 * DSP0266 section "Password change required handling"; the wording is that of the Base registry.
 */
function pathOfChange(error: unknown): string | undefined {
  if (!(error instanceof RedfishError) || !isPasswordChangeRequired(error)) return undefined;
  return error.messages.map((text) => /'(\/redfish\/v1\/[\w./-]+)'/.exec(text)?.[1]).find((path) => path !== undefined);
}
