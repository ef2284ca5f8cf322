/** The service itself: root, sessions, accounts, registries. DSP0266; DSP0268: ServiceRoot, SessionService, AccountService. */
import { biosRegistryName, describeBiosRegistry } from './bios-routes.ts';
import { type Json, RedfishRefusal, type Resource } from './messages.ts';
import {
  type Answer,
  type Call,
  collection,
  expectText,
  head,
  healthy,
  link,
  missing,
  type Route,
  type WriteCall,
} from './route.ts';
import { serviceRoot } from './service-paths.ts';
import type { ServiceState } from './service-state.ts';

export function serviceRoutes(state: ServiceState): Route[] {
  const metadata = `${serviceRoot}/$metadata`;
  return [
    { kind: 'versions', path: '/redfish', open: ['GET'], get: () => ({ v1: `${serviceRoot}/` }) },
    {
      kind: 'root',
      path: serviceRoot,
      open: ['GET'],
      get: ({ state: { shape, bmcModel, paths } }) => describeRoot(shape, bmcModel, paths),
    },
    {
      kind: 'odata',
      path: `${serviceRoot}/odata`,
      open: ['GET'],
      get: () => ({
        '@odata.context': metadata,
        value: ['Systems', 'Chassis', 'Managers'].map((name) => ({ name, kind: 'Singleton', url: `${serviceRoot}/${name}` })),
      }),
    },
    { kind: 'metadata', path: metadata, open: ['GET'], answer: ({ reply }) => sendMetadata(reply) },
    ...(state.shape.sessions ? sessionRoutes(state) : []),
    ...accountRoutes(state),
    ...registryRoutes(state),
  ];
}

type Root = Pick<ServiceState, 'shape' | 'bmcModel' | 'paths'>;

function describeRoot(shape: Root['shape'], bmcModel: Root['bmcModel'], paths: Root['paths']): Resource {
  const services = ['Systems', 'Chassis', 'Managers', 'AccountService', 'UpdateService', 'Registries'];
  return {
    ...head(serviceRoot, 'ServiceRoot.v1_9_0.ServiceRoot', 'Root Service'),
    '@odata.id': `${serviceRoot}/`,
    Id: 'RootService',
    RedfishVersion: '1.11.0',
    UUID: bmcModel.identity.uuid,
    Vendor: shape.vendor,
    Product: shape.product,
    ProtocolFeaturesSupported: { FilterQuery: false, SelectQuery: false, OnlyMemberQuery: false },
    ...Object.fromEntries(services.map((name) => [name, link(`${serviceRoot}/${name}`)])),
    Tasks: link(`${serviceRoot}/TaskService`),
    ...(shape.events && { EventService: link(paths.events) }),
    ...(shape.sessions && { SessionService: link(`${serviceRoot}/SessionService`) }),
    Links: shape.sessions ? { Sessions: link(paths.sessions) } : {},
  };
}

/** CSDL without schemas of its own: clients that read it look only for the root. */
const csdl = `<?xml version="1.0" encoding="UTF-8"?>
<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0">
  <edmx:DataServices>
    <Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="Service">
      <EntityContainer Name="Service" Extends="ServiceRoot.v1_9_0.ServiceContainer"/>
    </Schema>
  </edmx:DataServices>
</edmx:Edmx>
`;

function sendMetadata(reply: Call['reply']): Answer {
  reply.writeHead(200, { 'content-type': 'application/xml', 'odata-version': '4.0' }).end(csdl);
  return 'taken';
}

function sessionRoutes({ paths }: ServiceState): Route[] {
  const service = `${serviceRoot}/SessionService`;
  const describe = (id: string, name: string): Resource => ({
    ...head(`${paths.sessions}/${id}`, 'Session.v1_3_0.Session', `Session ${id}`),
    UserName: name,
  });
  return [
    {
      kind: 'sessionService',
      path: service,
      get: ({ state }) => ({
        ...head(service, 'SessionService.v1_1_8.SessionService', 'Session Service'),
        ServiceEnabled: true,
        SessionTimeout: state.sessions.timeoutSeconds,
        Status: healthy,
        Sessions: link(paths.sessions),
      }),
      patch: { SessionTimeout: writeTimeout },
      writer: 'administrator',
    },
    {
      kind: 'sessions',
      path: paths.sessions,
      open: ['POST'],
      get: ({ state }) =>
        collection(
          paths.sessions,
          'Session',
          state.sessions.all.map(({ id }) => `${paths.sessions}/${id}`),
        ),
      post: ({ state, body }) => {
        for (const name of ['UserName', 'Password'])
          if (body[name] === undefined) throw new RedfishRefusal('PropertyMissing', [name]);
        const { id, token, user } = state.sessions.open(body['UserName'], body['Password']);
        const headers = { location: `${paths.sessions}/${id}`, 'x-auth-token': token };
        return { status: 201, headers, body: describe(id, user.name) };
      },
    },
    {
      kind: 'session',
      path: `${paths.sessions}/{}`,
      writer: 'user',
      get: (call) => {
        const session = call.state.sessions.find(call.ids[0] ?? '');
        if (!session) throw missing(call);
        return describe(session.id, session.user.name);
      },
      delete: (call) => {
        if (!call.state.sessions.find(call.ids[0] ?? '')) throw missing(call);
        call.state.sessions.close(call.ids[0] ?? '');
      },
    },
  ];
}

function writeTimeout(value: Json, { state }: WriteCall): () => void {
  if (typeof value !== 'number') throw new RedfishRefusal('PropertyValueTypeError', [String(value), 'SessionTimeout']);
  const isFit = Number.isInteger(value) && value >= 30 && value <= 86_400;
  if (!isFit) throw new RedfishRefusal('PropertyValueNotInList', [String(value), 'SessionTimeout']);
  return () => {
    state.sessions.timeout = value;
  };
}

const roleNames = { administrator: 'Administrator', operator: 'Operator', user: 'ReadOnly' } as const;
const rolePrivileges: Readonly<Record<string, readonly string[]>> = {
  Administrator: ['Login', 'ConfigureManager', 'ConfigureUsers', 'ConfigureSelf', 'ConfigureComponents'],
  Operator: ['Login', 'ConfigureSelf', 'ConfigureComponents'],
  ReadOnly: ['Login', 'ConfigureSelf'],
};

function accountRoutes({ paths }: ServiceState): Route[] {
  const service = `${serviceRoot}/AccountService`;
  return [
    {
      kind: 'accountService',
      path: service,
      get: () => ({
        ...head(service, 'AccountService.v1_9_0.AccountService', 'Account Service'),
        ServiceEnabled: true,
        MinPasswordLength: 8,
        MaxPasswordLength: 20,
        Status: healthy,
        Accounts: link(paths.accounts),
        Roles: link(paths.roles),
      }),
    },
    {
      kind: 'accounts',
      path: paths.accounts,
      get: ({ state }) =>
        collection(
          paths.accounts,
          'ManagerAccount',
          state.bmcModel.users.map((_, index) => `${paths.accounts}/${index + 1}`),
        ),
    },
    {
      kind: 'account',
      path: `${paths.accounts}/{}`,
      get: describeAccount,
      patch: { Password: writePassword },
      // Every user may change their own password; writePassword checks whose it is.
      writer: 'user',
    },
    {
      kind: 'roles',
      path: paths.roles,
      get: () =>
        collection(
          paths.roles,
          'Role',
          Object.keys(rolePrivileges).map((name) => `${paths.roles}/${name}`),
        ),
    },
    {
      kind: 'role',
      path: `${paths.roles}/{}`,
      get: (call) => {
        const [name = ''] = call.ids;
        const privileges = Object.hasOwn(rolePrivileges, name) ? rolePrivileges[name] : undefined;
        if (!privileges) throw missing(call);
        const about = { RoleId: name, IsPredefined: true, AssignedPrivileges: [...privileges], OemPrivileges: [] };
        return { ...head(`${paths.roles}/${name}`, 'Role.v1_3_1.Role', `${name} Role`), ...about };
      },
    },
  ];
}

function describeAccount(call: Call): Resource {
  const { name, privilege } = findAccount(call);
  const path = `${call.state.paths.accounts}/${call.ids[0]}`;
  const role = roleNames[privilege];
  return {
    ...head(path, 'ManagerAccount.v1_8_0.ManagerAccount', 'User Account'),
    UserName: name,
    Password: null,
    Enabled: true,
    Locked: false,
    RoleId: role,
    AccountTypes: ['Redfish', 'IPMI'],
    Links: { Role: link(`${call.state.paths.roles}/${role}`) },
  };
}

function findAccount(call: Call) {
  const [id = ''] = call.ids;
  const user = /^\d+$/.test(id) ? call.state.bmcModel.users[Number(id) - 1] : undefined;
  if (!user) throw missing(call);
  return user;
}

/** At most 20 bytes: the IPMI front end has the same users. */
function writePassword(value: Json, call: WriteCall): () => void {
  const account = findAccount(call);
  const isOwn = account.name === call.user?.name;
  if (!isOwn && call.user?.privilege !== 'administrator') throw new RedfishRefusal('InsufficientPrivilege');
  const password = expectText('Password', value);
  const isFit = password.length >= 8 && Buffer.byteLength(password) <= 20;
  // The value is a secret and must not be echoed.
  if (!isFit) throw new RedfishRefusal('PropertyValueFormatError', ['******', 'Password']);
  return () => {
    account.password = password;
  };
}

function registryRoutes({ paths }: ServiceState): Route[] {
  const file = `${paths.registries}/${biosRegistryName}`;
  return [
    { kind: 'registries', path: paths.registries, get: () => collection(paths.registries, 'MessageRegistryFile', [file]) },
    {
      kind: 'registry',
      path: file,
      get: () => ({
        ...head(file, 'MessageRegistryFile.v1_1_3.MessageRegistryFile', 'BIOS Attribute Registry File'),
        Registry: biosRegistryName,
        Languages: ['en'],
        Location: [{ Language: 'en', Uri: `${file}.json` }],
      }),
    },
    { kind: 'biosRegistry', path: `${file}.json`, get: describeBiosRegistry },
  ];
}
