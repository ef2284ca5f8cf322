/** Users who trust each other, in tests. */
import { openApiFixture } from './api-fixture.ts';
import { identityOf } from './identity-requests.ts';

export type Party = { readonly id: string; readonly token: string };

/** An API whose users trust each other; whoever opens it closes it. */
export async function openTrusts() {
  const fixture = await openApiFixture();
  const identity = identityOf(fixture);
  return { fixture, identity, trusts: trustsOf(identity) };
}

function trustsOf(identity: ReturnType<typeof identityOf>) {
  let count = 0;

  async function aParty(project?: string, role = 'member'): Promise<Party> {
    count += 1;
    const id = await identity.aUser(`party-${count}`);
    const scope = project === undefined ? 'unscoped' : { project: { id: project } };
    if (project !== undefined) await identity.send('PUT', `projects/${project}/users/${id}/roles/${role}`);
    return { id, token: await identity.tokenOf(id, scope) };
  }

  /** A project, its member who trusts, and a trustee with another project. */
  async function parties(role = 'member') {
    count += 1;
    const project = await identity.aProject(`trusted-${count}`);
    const elsewhere = await identity.aProject(`elsewhere-${count}`);
    return { project, elsewhere, trustor: await aParty(project, role), trustee: await aParty(elsewhere) };
  }

  type Parties = Pick<Awaited<ReturnType<typeof parties>>, 'project' | 'trustor' | 'trustee'>;

  const bodyFor = ({ project, trustor, trustee }: Parties, fields: object = {}) => ({
    trust: {
      ...{ trustor_user_id: trustor.id, trustee_user_id: trustee.id, project_id: project, impersonation: true },
      ...{ roles: [{ name: 'reader' }], ...fields },
    },
  });

  const create = (of: Parties, fields: object = {}, token = of.trustor.token) =>
    identity.ask('POST', 'OS-TRUST/trusts', bodyFor(of, fields), token);

  return {
    aParty,
    parties,
    bodyFor,
    create,
    aTrust: async (of: Parties, fields: object = {}, token = of.trustor.token) =>
      (await identity.send('POST', 'OS-TRUST/trusts', bodyFor(of, fields), token)).trust,
    logIn: (user_id: string, trust_id: string) => identity.logIn(user_id, { 'OS-TRUST:trust': { id: trust_id } }),
    tokenFor: (user_id: string, trust_id: string) => identity.tokenOf(user_id, { 'OS-TRUST:trust': { id: trust_id } }),
  };
}
