import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import { collectionOf, startRedfishTree, type TreeRules } from '#test/a-redfish-tree.ts';
import { createRedfishAccounts } from './accounts.ts';

const accounts = '/redfish/v1/AccountService/Accounts';
/** Account layout of iDRAC9: numbered slots, most of them empty. */
const resources = (service: JsonObject = {}): Record<string, JsonObject> => ({
  '/redfish/v1/AccountService': { MinPasswordLength: 8, MaxPasswordLength: 20, Accounts: { '@odata.id': accounts }, ...service },
  [accounts]: collectionOf([1, 2, 3].map((id) => `${accounts}/${id}`)),
  [`${accounts}/1`]: { '@odata.id': `${accounts}/1`, UserName: '' },
  [`${accounts}/2`]: { '@odata.id': `${accounts}/2`, UserName: 'root', Password: null, '@odata.etag': '"5"' },
  [`${accounts}/3`]: { '@odata.id': `${accounts}/3`, UserName: 'other' },
});
const info = { redfish_username: 'root', redfish_password: 'alt-geheim', redfish_auth_type: 'basic' };

async function setUp(
  t: Parameters<typeof startRedfishTree>[0],
  change: { service?: JsonObject; rules?: TreeRules; info?: JsonObject } = {},
) {
  const tree = await startRedfishTree(t, resources(change.service), {
    info: { ...info, ...change.info },
    ...(change.rules && { rules: change.rules }),
  });
  return { ...tree, accounts: createRedfishAccounts(tree.ask) };
}

async function faultOf(promise: Promise<unknown>): Promise<Fault> {
  const error = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.ok(error instanceof Fault, `a fault, not ${error}`);
  assert.doesNotMatch(JSON.stringify([error.message, error.hint, error.detail, error.fields]), /geheim/);
  return error;
}

test('changes the password of the account in use', async (t) => {
  const { node, accounts: driver, changes, reads } = await setUp(t);

  await driver.changePassword(node, 'neu-geheim-1');

  assert.deepEqual(
    changes.map(({ method, path, body, headers }) => [method, path, body, headers['if-match']]),
    [['PATCH', `${accounts}/2`, { Password: 'neu-geheim-1' }, '"5"']],
  );
  assert.equal(reads.includes(`${accounts}/3`), false);
});

test('checks the password policy of the service before sending anything', async (t) => {
  const { node, accounts: driver, changes } = await setUp(t);
  assert.match((await faultOf(driver.changePassword(node, 'geheim'))).message, /not set: the BMC wants at least 8 characters/);
  assert.match((await faultOf(driver.changePassword(node, `geheim${'x'.repeat(20)}`))).message, /at most 20 characters/);
  assert.equal(changes.length, 0);
});

test('never quotes a password that the service quotes', async (t) => {
  const { node, accounts: driver } = await setUp(t, {
    rules: {
      [`PATCH ${accounts}/2`]: () => ({
        status: 400,
        body: {
          error: {
            '@Message.ExtendedInfo': [
              {
                MessageId: 'Base.1.8.PropertyValueFormatError',
                Message: "The value 'neu-geheim-1' for the property Password is of a different format.",
              },
            ],
          },
        },
      }),
    },
  });
  const fault = await faultOf(driver.changePassword(node, 'neu-geheim-1'));
  assert.equal(fault.code, 'bmcError');
  assert.match(fault.message, /The value '\*\*\*' for the property Password/);
});

test('follows the link of a service that is closed until the password is changed', async (t) => {
  // DSP0266 "Password change required handling": 403 for everything but the account; Base registry text.
  const message =
    'The password provided for this account must be changed before access is granted.  PATCH the Password property for this ' +
    `account located at the target URI '${accounts}/2' to complete this process.`;
  const required = () => ({
    status: 403,
    body: {
      error: {
        '@Message.ExtendedInfo': [
          { MessageId: 'Base.1.8.PasswordChangeRequired', Message: message, MessageArgs: [`${accounts}/2`] },
        ],
      },
    },
  });
  const {
    node,
    accounts: driver,
    changes,
  } = await setUp(t, {
    rules: { 'GET /redfish/v1/AccountService': required, 'GET /redfish/v1/Systems': required },
  });

  await driver.changePassword(node, 'neu-geheim-1');

  assert.deepEqual(
    changes.map(({ path }) => path),
    [`${accounts}/2`],
  );
});

test('reports what is missing', async (t) => {
  const { node, accounts: driver } = await setUp(t, { info: { redfish_username: 'ldap-user' } });
  assert.match((await faultOf(driver.changePassword(node, 'neu-geheim-1'))).message, /no account of the user/);

  const open = await setUp(t, { info: { redfish_username: '', redfish_password: '' } });
  assert.equal((await faultOf(open.accounts.changePassword(open.node, 'neu-geheim-1'))).code, 'driverInfo');
});
